"""Simulation-based calibration of the rates (Talts et al. 2018).

Parameters come from the priors, decisions from the parameters by `made_up_decisions`, and the model is fitted to
them. The rank of the truth among posterior draws must be uniform, for every parameter of the population and for rates
two quarters ahead; a tilt of the mean rank is looked for by itself, being what an approximation leaves. The same
test must reject common shocks simulated 3.5 times too wide.
"""

import numpy as np
import pytest
from scipy import stats

from models.acceptance.forecast import forecast_rates
from models.acceptance.model import DEFAULT_PRIORS, AcceptanceFit, build_acceptance_model, sample_population
from tests.models.acceptance.made_up_decisions import TYPICAL, simulated
from tests.models.rank_uniformity import Ranks, gather, not_uniform

SIZES = np.array([4.0, 25.0, 60.0, 120.0, 300.0])
QUARTERS, AHEAD, DRAWS, BINS = 20, 2, 63, 4
RANKED = tuple(TYPICAL)


def drawn_from_priors(rng: np.random.Generator) -> dict[str, float]:
    truth = {}
    for name in TYPICAL:
        prior = getattr(DEFAULT_PRIORS, name)
        behind = rng.normal(prior.parameters["mu"], prior.parameters["sigma"])
        back = {"normal": behind, "lognormal": np.exp(behind), "logit_normal": 1 / (1 + np.exp(-behind))}
        truth[name] = float(back[prior.family])
    return truth


def one_replication(seed: int, shock_factor: float) -> dict[str, int] | None:
    rng = np.random.default_rng(seed)
    truth = drawn_from_priors(rng)
    wider = truth | {"shock": shock_factor * truth["shock"]}
    data, rates = simulated(wider, QUARTERS + AHEAD, SIZES, rng)
    known = data.until(data.periods[QUARTERS - 1])
    if (known.total.sum(axis=0) == 0).any():
        return None
    model = build_acceptance_model(known)
    sampled = sample_population(model, "calibration", draws=252, tune=250, chains=2, seed=seed)
    thin = {
        name: values[:, ::8][:, :32].reshape(-1, *values.shape[2:])[:DRAWS]
        for name, values in sampled.posterior.items()
    }
    ahead = forecast_rates(
        AcceptanceFit(thin, sampled.diagnostics, (), seed), known, AHEAD, seed=seed, draws=DRAWS
    ).rates[:, -1]
    ranks = {name: int((thin[name] < truth[name]).sum()) for name in RANKED}
    return ranks | {f"rate {s}": int((ahead[:, s] < rates[-1, s]).sum()) for s in (0, 3)}


def tilted(ranks: Ranks) -> dict[str, float]:
    """Quantities whose mean rank is farther from the middle than chance among so many allows (one in a hundred)."""
    z = {name: (np.mean(values) / DRAWS - 0.5) * np.sqrt(12 * len(values)) for name, values in ranks.items()}
    most = float(stats.norm.isf(0.005 / len(ranks)))
    return {name: float(value) for name, value in z.items() if abs(value) > most}


def ranks_of(replications: int, shock_factor: float, seed: int) -> Ranks:
    return gather(lambda own_seed: one_replication(own_seed, shock_factor), replications, seed)


@pytest.mark.slow
def test_ranks_are_uniform_for_parameters_and_rates_ahead() -> None:
    ranks = ranks_of(48, shock_factor=1.0, seed=300_000)
    assert set(ranks) == {*RANKED, "rate 0", "rate 3"}
    assert min(len(values) for values in ranks.values()) >= 40
    assert not_uniform(ranks, DRAWS, BINS) == {}
    assert tilted(ranks) == {}


@pytest.mark.slow
def test_shocks_simulated_too_wide_are_found_out() -> None:
    ranks = ranks_of(24, shock_factor=3.5, seed=800_000)
    assert "shock" in not_uniform(ranks, DRAWS, BINS)
    assert "shock" in tilted(ranks)
