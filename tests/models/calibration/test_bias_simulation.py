"""The bias model on simulated archives: calibrated under its own priors, its false alarms held, its power as reported.

Simulation-based calibration (Talts et al. 2018): bias and scales from the priors, errors from the model, and the
posterior's distribution function at the truth must be uniform. A model that forgets the shared shocks must fail the
same test.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from benchmarks.bias import TESTS, rejected
from benchmarks.bias_power import archives, rates
from benchmarks.bias_world import World, log_errors_and_outcomes, shape, with_errors
from models.calibration import BiasPriors
from models.calibration.bias_cells import structure_of
from models.calibration.bias_nuts import sample_bias
from models.calibration.bias_posterior import bias_posterior
from models.calibration.detectable import simulate_errors
from models.calibration.gaussian_draws import EDITION, NOISE, RHO_GRID, SHOCK, Structure, draw_scales

PRIORS = BiasPriors()
SMALL = World(4)
REPLICATIONS = 250


def structure() -> Structure:
    return structure_of(shape(SMALL), PRIORS, PRIORS.shock)


def without_shocks(whole: Structure) -> Structure:
    first = len(whole.pooled)
    kept = np.concatenate([whole.z[:, :first], whole.z[:, -1:]], axis=1)
    return replace(whole, z=kept, length=np.zeros(0), mixture=np.zeros(0, dtype=np.int64))


def places_of_the_truth(fitted: Structure) -> dict[str, NDArray[np.float64]]:
    """By quantity, the posterior probability of less than the truth, one number per replication."""
    made, rng = structure(), np.random.default_rng(11)
    rho_mass = np.exp(made.rho_log_prior - made.rho_log_prior.max())
    found: dict[str, list[float]] = {name: [] for name in ("bias", "noise", "shock", "edition")}
    for number in range(REPLICATIONS):
        scales = np.exp(made.scale_mu + made.scale_sd * rng.standard_normal(len(made.scale_mu)))
        rho = float(rng.choice(RHO_GRID, p=rho_mass / rho_mass.sum()))
        bias = PRIORS.bias_sd * rng.standard_normal()
        errors = simulate_errors(made, scales, rho, rng) + bias
        draws = draw_scales(fitted, errors, 800, 150, number)
        posterior = bias_posterior(draws, PRIORS.bias_sd)
        found["bias"].append(posterior.below(bias))
        for name, place in (("noise", NOISE), ("shock", SHOCK), ("edition", EDITION)):
            found[name].append(float(posterior.weights @ (draws.scales[:, place] < scales[place])))
    return {name: np.array(values) for name, values in found.items()}


def not_uniform(found: dict[str, NDArray[np.float64]], level: float = 0.01) -> dict[str, float]:
    tests = {name: float(stats.kstest(values, "uniform").pvalue) for name, values in found.items()}
    return {name: p for name, p in tests.items() if p < level / len(tests)}


@pytest.mark.slow
def test_bias_and_scales_are_calibrated_under_the_priors() -> None:
    assert not_uniform(places_of_the_truth(structure())) == {}


@pytest.mark.slow
def test_a_model_that_forgets_the_shared_shocks_is_found_out() -> None:
    assert "bias" in not_uniform(places_of_the_truth(without_shocks(structure())))


@pytest.mark.slow
@pytest.mark.parametrize(("autocorrelation", "limit"), [(0.0, 0.05), (0.6, 0.08)])
def test_unbiased_archives_are_seldom_called_biased(autocorrelation: float, limit: float) -> None:
    seeds = range(150)
    shares = dict(zip(TESTS, rejected(World(6, autocorrelation), seeds).mean(axis=0), strict=True))
    # Three standard errors above the limit is what a procedure at the limit would reach once in a thousand runs.
    assert shares["this model"] <= limit + 3 * np.sqrt(limit * (1 - limit) / len(seeds))
    assert shares["e >= 20"] <= 0.05
    assert shares["t-test, all errors"] > 0.6
    assert shares["t-test, target-year means"] > 0.25


@pytest.mark.slow
def test_the_detectable_bias_is_detected_about_as_often_as_it_says(tmp_path: Path) -> None:
    kept = tmp_path / "archives"
    found = rates(archives(World(6, 0.4), 60, 8, kept))
    assert len(found["reported"]) == 8
    assert 0.1 < np.median(found["reported"]) < 0.6
    assert 0.65 <= found["in all"] <= 0.93
    whole = kept.read_bytes()
    assert rates(archives(World(6, 0.4), 60, 8, kept))["in all"] == found["in all"]
    assert kept.read_bytes() == whole


@pytest.mark.slow
def test_the_fast_draws_agree_with_nuts() -> None:
    empty = shape(SMALL)
    for seed, lean in ((1, 0.0), (2, 0.25)):
        errors, _ = log_errors_and_outcomes(replace(SMALL, bias=lean), seed)
        found = with_errors(empty, SMALL, errors)
        made = structure_of(found, PRIORS, PRIORS.shock)
        draws = draw_scales(made, found.error, 6000, 500, seed)
        fast = bias_posterior(draws, PRIORS.bias_sd)
        nuts = sample_bias(made, found.error, PRIORS, seed=seed, draws=700, tune=400)
        bias = nuts.posterior["bias"]
        assert nuts.diagnostics.divergences == 0
        assert fast.mean == pytest.approx(float(bias.mean()), abs=0.12 * float(bias.std()))
        assert fast.sd == pytest.approx(float(bias.std()), rel=0.12)
        assert fast.probability_positive == pytest.approx(float((bias > 0).mean()), abs=0.04)
        for name, place in (("noise", NOISE), ("shock", SHOCK), ("edition", EDITION)):
            weighted = float(fast.weights @ draws.scales[:, place])
            assert weighted == pytest.approx(float(nuts.posterior[name].mean()), rel=0.12)
