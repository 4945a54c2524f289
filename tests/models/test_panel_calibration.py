"""Simulation-based calibration of the hierarchical model (Talts et al. 2018), on six countries of forty-eight months.

A population is drawn from the priors, countries from the population, their months from the model; the model is fitted
to those. The rank of the truth among posterior draws must then be uniform: for every hyperparameter of the population,
for the first country's own ones and for its total of the next twelve months, simulated as a forecast simulates it, by
what the panel's end says of the months after it. The same test must reject innovations that are simulated 1.5 times
too wide: run to its end it did so with p = 3e-47 for `sigma` and 4e-44 for the first country's own, on 38 of 60
replications (the others touch a bound of the simulation), and found nothing else.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from models.inflow import HARMONICS
from models.inflow_paths import InflowParameters, filter_states, simulate_log_counts
from models.panel.model import DEFAULT_PANEL_PRIORS, fit_panel
from models.panel.outlook import Outlook, outlook_of
from models.panel.paths import simulate_panel
from models.prior_terms import Prior
from tests.models.made_up_panel import START, countries, panel_of, population, simulated
from tests.models.rank_uniformity import Ranks, gather, not_uniform

Array = NDArray[np.float64]
MONTHS, DRAWS, BINS = 48, 63, 8
SIZES = np.log([1500.0, 2000.0, 2500.0, 3500.0, 4500.0, 6500.0])
"""Not under the levels: a series ten times its usual size is twice as uncertain, and soon touches a bound."""

# Levels begin near 1,500 persons, so that most panels stay clear of the least count and the cap, where a month is cut
# off and its density is no longer the model's. The few that touch them are left out, which what is seen alone decides.
#
# Where a served prior is narrow because yearly scores chose it, months could hardly move a posterior: ranks would be
# those of the prior whatever the density did. So these are wide here.
WIDE = {"sigma_spread": 0.3, "alpha_spread": 0.3, "robustness": 0.8, "size_power": 0.15, "season_spread": 0.3}
PRIORS = DEFAULT_PANEL_PRIORS.model_copy(
    update={
        "initial_level": Prior(
            family="normal", parameters={"mu": 7.3, "sigma": 0.4}, source="calibration test"
        ),
        **{
            name: getattr(DEFAULT_PANEL_PRIORS, name).model_copy(
                update={"parameters": {**getattr(DEFAULT_PANEL_PRIORS, name).parameters, "sigma": sigma}}
            )
            for name, sigma in WIDE.items()
        },
    }
)


def one_replication(seed: int, innovation_factor: float) -> dict[str, int] | None:
    """Ranks of the truth among `DRAWS` posterior draws; None when a country touches a bound."""
    rng = np.random.default_rng(seed)
    truth = population(PRIORS, rng)
    parameters, _ = countries(truth, SIZES, rng)
    parameters = replace(parameters, initial_level=rng.normal(7.3, 0.4, len(SIZES)))
    wide = replace(parameters, sigma=parameters.sigma * innovation_factor)
    y, inside = simulated(wide, MONTHS, seed + 1)
    if not inside:
        return None
    data = panel_of(y)
    fit = fit_panel(data, PRIORS, seed=seed + 2, draws=315, tune=400, chains=2, log_sizes=SIZES)
    kept = np.arange(0, len(fit), len(fit) // DRAWS)[:DRAWS]
    thinned = replace(fit, draws={name: values[kept] for name, values in fit.draws.items()})
    ahead = simulate_panel(thinned, data, 12, DRAWS, seed + 3)["G00"]
    own = replace(thinned, outlook=Outlook()).parameters_for("G00")
    posterior = quantities({n: thinned.draws[n] for n in truth}, own, np.exp(ahead).sum(axis=1))
    first = wide.take(np.array([0]))
    coming = outlook_of(data).applied("G00", first, seed + 4)
    next_year = simulate_log_counts(
        coming, filter_states(first, data.one("G00")), START + MONTHS, 12, 1, seed + 5
    )
    true = quantities(
        {name: np.asarray(value)[None] for name, value in truth.items()},
        parameters.take(np.array([0])),
        np.exp(next_year).sum(axis=1),
    )
    return {name: int((posterior[name] < true[name][0]).sum()) for name in posterior}


def quantities(common: dict[str, Any], own: InflowParameters, totals: Array) -> dict[str, Array]:
    """What is ranked, by name: population, first country, its next year."""
    scalars = {name: value for name, value in common.items() if name != "season"}
    seasons = {f"season {k}": common["season"][:, k] for k in range(2 * HARMONICS)}
    of_country = {f"own {name}": getattr(own, name) for name in ("alpha", "sigma", "initial_level")}
    return {**scalars, **seasons, **of_country, "own January": own.season[:, 0], "next year": totals}


def ranks_of(replications: int, innovation_factor: float, seed: int) -> Ranks:
    return gather(lambda own_seed: one_replication(own_seed, innovation_factor), replications, seed)


@pytest.mark.slow
def test_ranks_are_uniform_for_every_hyperparameter_and_the_next_year() -> None:
    ranks = ranks_of(80, innovation_factor=1.0, seed=100_000)
    assert len(ranks) == 10 + 2 * HARMONICS + 3 + 1 + 1
    assert min(len(values) for values in ranks.values()) >= 60
    assert not_uniform(ranks, DRAWS, BINS) == {}


@pytest.mark.slow
def test_innovations_simulated_too_wide_are_found_out() -> None:
    refused = not_uniform(ranks_of(60, innovation_factor=1.5, seed=500_000), DRAWS, BINS)
    assert {"sigma", "own sigma"} & set(refused)
