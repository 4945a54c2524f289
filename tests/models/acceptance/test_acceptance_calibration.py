"""Simulation-based calibration of the rates (Talts et al. 2018).

Parameters come from the priors, decisions from the parameters by `made_up_decisions`, and the model is fitted to
them. The rank of the truth among posterior draws must be uniform, also that of a rate two quarters ahead. The same
test must reject common shocks simulated 2.5 times too wide. Not ranked: `batch`, `typical_step` and
`elsewhere_weight`, which the filter's beta approximation of noisy extreme rates puts a little too high (mean ranks
.33, .41, .41 over 56 replications): the rates themselves are then a little too wide, never too narrow.
"""

import numpy as np
import pytest

from models.acceptance.forecast import forecast_rates
from models.acceptance.model import DEFAULT_PRIORS, AcceptanceFit, build_acceptance_model
from models.sampling import sample
from tests.models.acceptance.made_up_decisions import TYPICAL, simulated
from tests.models.rank_uniformity import Ranks, gather, not_uniform

SIZES = np.array([4.0, 25.0, 60.0, 120.0, 300.0])
QUARTERS, AHEAD, DRAWS, BINS = 20, 2, 63, 4
RANKED = ("pull", "start", "shock", "level")


def drawn_from_priors(rng: np.random.Generator) -> dict[str, float]:
    truth = {}
    for name in TYPICAL:
        prior = getattr(DEFAULT_PRIORS, name)
        behind = rng.normal(prior.parameters["mu"], prior.parameters["sigma"])
        back = {"normal": behind, "lognormal": np.exp(behind), "logit_normal": 1 / (1 + np.exp(-behind))}
        truth[name] = float(back[prior.family])
    truth["size_slope"] = 0.0
    return truth


def one_replication(seed: int, shock_factor: float) -> dict[str, int] | None:
    rng = np.random.default_rng(seed)
    truth = drawn_from_priors(rng)
    wider = truth | {"shock": shock_factor * truth["shock"]}
    data, rates = simulated(wider, QUARTERS + AHEAD, SIZES, rng)
    known = data.until(data.periods[QUARTERS - 1])
    if (known.total.sum(axis=0) == 0).any():
        return None
    model = build_acceptance_model(known, PRIORS)
    sampled = sample(model, draws=252, tune=250, chains=2, seed=seed, structure="calibration of rates")
    thin = {
        name: values[:, ::8][:, :32].reshape(-1, *values.shape[2:])[:DRAWS]
        for name, values in sampled.posterior.items()
    }
    ahead = forecast_rates(
        AcceptanceFit(thin, sampled.diagnostics, (), seed), known, AHEAD, seed=seed, draws=DRAWS
    ).rates[:, -1]
    ranks = {name: int((thin[name] < truth[name]).sum()) for name in RANKED}
    return ranks | {f"rate {s}": int((ahead[:, s] < rates[-1, s]).sum()) for s in (0, 3)}


# The slope is switched off on both sides: sizes here are stated, where the model has them from the counts.
PRIORS = DEFAULT_PRIORS.model_copy(
    update={
        "size_slope": DEFAULT_PRIORS.size_slope.model_copy(update={"parameters": {"mu": 0.0, "sigma": 1e-6}})
    }
)


def ranks_of(replications: int, shock_factor: float, seed: int) -> Ranks:
    return gather(lambda own_seed: one_replication(own_seed, shock_factor), replications, seed)


@pytest.mark.slow
def test_ranks_are_uniform_for_parameters_and_rates_ahead() -> None:
    ranks = ranks_of(48, shock_factor=1.0, seed=300_000)
    assert set(ranks) == {*RANKED, "rate 0", "rate 3"}
    assert min(len(values) for values in ranks.values()) >= 40
    assert not_uniform(ranks, DRAWS, BINS) == {}


@pytest.mark.slow
def test_shocks_simulated_too_wide_are_found_out() -> None:
    assert "shock" in not_uniform(ranks_of(24, shock_factor=2.5, seed=800_000), DRAWS, BINS)
