"""The model of rates: priors that come back, both ends of the pooling, breaks, and what it must not know."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from models.acceptance.data import AcceptanceData, PolicyBreak
from models.acceptance.forecast import forecast_rates
from models.acceptance.model import (
    DEFAULT_PRIORS,
    AcceptanceFit,
    AcceptancePriors,
    build_acceptance_model,
    fit_acceptance,
)
from models.prior_terms import Prior
from models.sampling import sample
from tests.models.acceptance.made_up_decisions import TYPICAL, simulated, table

SMALL = 1e-3


@pytest.fixture(scope="module")
def decided() -> tuple[AcceptanceData, np.ndarray]:
    rng = np.random.default_rng(11)
    return simulated(TYPICAL, 28, np.array([3.0, 20.0, 60.0, 150.0, 400.0, 40.0]), rng)


@pytest.fixture(scope="module")
def fit(decided: tuple[AcceptanceData, np.ndarray]) -> AcceptanceFit:
    return fit_acceptance(decided[0], seed=1, draws=500, tune=300, chains=2)


def tight(mu: float, family: str = "lognormal") -> Prior:
    return Prior(family=family, parameters={"mu": mu, "sigma": 1e-3}, source="a limit")  # type: ignore[arg-type]


def test_draws_are_sound_and_repeat(decided: tuple[AcceptanceData, np.ndarray], fit: AcceptanceFit) -> None:
    assert fit.diagnostics.divergences == 0
    assert fit.diagnostics.rhat_max < 1.03
    again = fit_acceptance(decided[0], seed=1, draws=500, tune=300, chains=2)
    np.testing.assert_array_equal(again.draws["pull"], fit.draws["pull"])


def test_rates_stay_between_nought_and_one_and_cover_the_truth(
    decided: tuple[AcceptanceData, np.ndarray], fit: AcceptanceFit
) -> None:
    data, truth = decided
    found = forecast_rates(fit, data, 8, seed=2, draws=400)
    assert found.periods[-1] == "2018-Q4"
    assert np.nanmin(found.rates) >= 0
    assert np.nanmax(found.rates) <= 1
    low, high = np.quantile(found.rates[:, :28], [0.025, 0.975], axis=0)
    assert 0.85 <= np.mean((low <= truth) & (truth <= high)) <= 1.0
    widths = np.diff(np.quantile(found.rates, [0.125, 0.875], axis=0), axis=0)[0]
    assert np.all(widths[-1] > widths[27])
    again = forecast_rates(fit, data, 8, seed=2, draws=400)
    np.testing.assert_array_equal(again.rates, found.rates)


def test_a_nationality_without_decisions_gets_the_pooled_prior() -> None:
    positive, total = np.full((12, 3), 40.0), np.full((12, 3), 100.0)
    positive[:, 2], total[:, 2] = 0.0, 0.0
    data = table(positive, total)
    fitted = fit_acceptance(data, seed=1, draws=200, tune=300, chains=2)
    rates = forecast_rates(fitted, data, 1, seed=1, draws=400).rates[:, -1]
    assert np.isfinite(rates).all()
    assert np.quantile(rates[:, 2], 0.9) - np.quantile(rates[:, 2], 0.1) > 0.4
    assert np.quantile(rates[:, 0], 0.9) - np.quantile(rates[:, 0], 0.1) < 0.35


def test_full_pooling_is_one_rate_with_the_conjugate_answer() -> None:
    """No drift, no shocks, nationalities alike: the level has the posterior of all counts together."""
    rng = np.random.default_rng(4)
    total = rng.poisson(12, (10, 4)).astype(float)
    positive = rng.binomial(total.astype(int), 0.3).astype(float)
    alike = {
        name: tight(np.log(SMALL)) for name in ("typical_step", "start", "shock", "correlation", "batch")
    }
    wide = Prior(family="normal", parameters={"mu": 0.0, "sigma": 30.0}, source="flat")
    priors = AcceptancePriors(
        **{
            name: getattr(DEFAULT_PRIORS, name)
            for name in AcceptancePriors.model_fields
            if name not in (*alike, "level")
        },
        **alike,
        level=wide,
    )
    fitted = fit_acceptance(table(positive, total), priors, seed=5, draws=500, tune=300, chains=2)
    k, n = positive.sum(), total.sum()
    rate = 1 / (1 + np.exp(-fitted.draws["level"]))
    exact = stats.beta(k, n - k)  # a flat prior on log odds is Beta(0, 0)
    np.testing.assert_allclose(
        np.quantile(rate, [0.125, 0.5, 0.875]), exact.ppf([0.125, 0.5, 0.875]), atol=0.2 * exact.std()
    )


def test_a_declared_break_is_found_and_keeps_its_prior_where_nothing_is_decided() -> None:
    rng = np.random.default_rng(8)
    total = np.full((20, 4), 200.0)
    rate = np.full((20, 4), 0.7)
    rate[10:, 1] = 0.2
    data = table(rng.binomial(200, rate), total)
    declared = PolicyBreak("2012-Q3", "C001", mean=0.0, sd=2.0)
    fitted = fit_acceptance(data, breaks=[declared], seed=3, draws=200, tune=300, chains=2)
    effect = fitted.draws["break_effect"][:, 0]
    assert effect.mean() == pytest.approx(np.log(0.2 / 0.8) - np.log(0.7 / 0.3), abs=0.5)
    # Another break is weighed by the same compiled model, from its own prior.
    later = PolicyBreak("2014-Q3", "C002", mean=1.0, sd=0.01)
    other = fit_acceptance(data, breaks=[later], seed=3, draws=200, tune=300, chains=2)
    assert other.diagnostics.seconds_compile == 0
    assert other.draws["break_effect"].mean() == pytest.approx(1.0, abs=0.05)
    for wrong in (PolicyBreak("2012-Q3", "XX"), PolicyBreak("2030-Q1"), PolicyBreak("2010-Q1")):
        with pytest.raises(ValueError, match="break"):
            build_acceptance_model(data, breaks=[wrong])


def test_what_comes_later_is_not_seen(decided: tuple[AcceptanceData, np.ndarray]) -> None:
    data = decided[0]
    other = replace(data, positive=data.positive.copy())
    other.positive[20:] = 0.0
    known = [one.until(data.periods[19]) for one in (data, other)]
    fits = [fit_acceptance(one, seed=1, draws=60, tune=150, chains=1) for one in known]
    drawn = [forecast_rates(f, d, 4, seed=1, draws=60).rates for f, d in zip(fits, known, strict=True)]
    np.testing.assert_array_equal(*drawn)


def test_without_decisions_the_priors_come_back() -> None:
    data = table(np.zeros((3, 2)), np.zeros((3, 2)))
    with pytest.raises(ValueError, match="no decisions"):
        fit_acceptance(data, seed=1)
    drawn = sample(build_acceptance_model(data), draws=800, tune=400, chains=2, seed=2).posterior
    for name in (
        "typical_step",
        "pull",
        "shock",
        "batch",
        "start",
        "correlation",
        "spread",
        "turbulent_factor",
    ):
        stated = getattr(DEFAULT_PRIORS, name).parameters
        logs = np.log(drawn[name].ravel())
        assert logs.mean() == pytest.approx(stated["mu"], abs=0.12 * stated["sigma"])
        assert logs.std() == pytest.approx(stated["sigma"], rel=0.12)


def test_no_more_than_eight_periods_ahead(
    decided: tuple[AcceptanceData, np.ndarray], fit: AcceptanceFit
) -> None:
    with pytest.raises(ValueError, match="0 to 8"):
        forecast_rates(fit, decided[0], 9, seed=1)
