"""A layer's answers against sorting the draws, and against each other."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import lognorm, norm

from models.layers import ComponentCurves, Layer, component_curves
from models.weighting import WeighedComponent
from tests.models.made_up import weighted_quantiles

Array = NDArray[np.float64]

LEVELS = (0.125, 0.5, 2 / 3, 0.875)
YEARS = (2018, 2019)


def draws(size: int = 50_000, seed: int = 1, centre: float = 30_000.0) -> Array:
    z = np.random.default_rng(seed).standard_normal((size, 2))
    return centre * np.exp(z * [0.1, 0.35])


def curves(totals: Array, log_weights: Array | None = None, key: str = "a") -> ComponentCurves:
    weights = np.zeros(len(totals)) if log_weights is None else log_weights
    return component_curves(WeighedComponent(key, totals, weights, "weighted"))


def layer(*parts: tuple[float, ComponentCurves]) -> Layer:
    return Layer(YEARS, tuple(c for _, c in parts), np.array([p for p, _ in parts]))


def test_quantiles_are_those_of_the_sorted_draws() -> None:
    totals = draws(100_000)
    found = layer((1.0, curves(totals))).quantiles(LEVELS)
    np.testing.assert_allclose(found, np.quantile(totals, LEVELS, axis=0), rtol=1e-4)


@pytest.mark.parametrize("centre", [12.0, 800.0, 2e6])
def test_small_and_large_countries(centre: float) -> None:
    totals = draws(100_000, centre=centre)
    found = layer((1.0, curves(totals))).quantiles(LEVELS)
    np.testing.assert_allclose(found, np.quantile(totals, LEVELS, axis=0), rtol=1e-4)


def test_weighed_quantiles_are_those_of_the_sorted_draws() -> None:
    totals = draws(100_000)
    log_weights = 3.0 * np.log(totals[:, 0] / 30_000) - 900.0
    found = layer((1.0, curves(totals, log_weights))).quantiles(LEVELS)
    np.testing.assert_allclose(found, weighted_quantiles(totals, log_weights, LEVELS), rtol=1e-4)


def test_a_mixture_is_that_of_its_draws() -> None:
    low, high = draws(seed=1), draws(20_000, seed=2, centre=55_000.0)
    found = layer((0.7, curves(low)), (0.3, curves(high)))
    both = np.concatenate([low, high])
    log_weights = np.log(np.r_[np.full(len(low), 0.7 / len(low)), np.full(len(high), 0.3 / len(high))])
    np.testing.assert_allclose(
        found.quantiles(LEVELS), weighted_quantiles(both, log_weights, LEVELS), rtol=2e-4
    )
    mean = 0.7 * low.mean(axis=0) + 0.3 * high.mean(axis=0)
    second = 0.7 * (low**2).mean(axis=0) + 0.3 * (high**2).mean(axis=0)
    np.testing.assert_allclose(found.mean(), mean, rtol=1e-12)
    np.testing.assert_allclose(found.sd(), np.sqrt(second - mean**2), rtol=1e-9)


def test_exceedance_of_a_quantile_is_one_minus_its_level() -> None:
    mixed = layer((0.6, curves(draws())), (0.4, curves(draws(seed=3, centre=90_000.0))))
    levels = np.array([0.01, 0.125, 0.5, 2 / 3, 0.875, 0.99])
    for j, year in enumerate(YEARS):
        chances = [mixed.exceedance(year, x)[0] for x in mixed.quantiles(levels)[:, j]]
        np.testing.assert_allclose(chances, 1 - levels, atol=1e-9)


def test_quantiles_never_fall_with_the_level() -> None:
    mixed = layer((0.6, curves(draws(300))), (0.4, curves(draws(500, seed=3, centre=90_000.0))))
    assert (np.diff(mixed.quantiles(np.linspace(0, 1, 501)), axis=0) >= 0).all()


def test_the_ends_are_the_extreme_draws() -> None:
    totals = draws(2_000)
    found = layer((1.0, curves(totals))).quantiles((0.0, 1.0))
    np.testing.assert_allclose(found, [totals.min(axis=0), totals.max(axis=0)], rtol=1e-12)


def test_monte_carlo_error_of_a_proportion() -> None:
    totals = draws(40_000)
    chance, error = layer((1.0, curves(totals))).exceedance(2018, 32_000.0)
    assert chance == pytest.approx((totals[:, 0] > 32_000).mean(), abs=2e-4)
    assert error == pytest.approx(np.sqrt(chance * (1 - chance) / 40_000), rel=1e-3)
    repeated = [layer((1.0, curves(draws(2_000, seed=s)))).exceedance(2018, 32_000.0) for s in range(60)]
    assert np.std([c for c, _ in repeated]) == pytest.approx(repeated[0][1], rel=0.3)


@pytest.mark.parametrize("weighed", [False, True])
def test_density_integrates_to_one_and_follows_the_truth(weighed: bool) -> None:
    totals = draws(60_000)
    log_weights = 2.0 * np.log(totals[:, 1] / 30_000) if weighed else None
    found = layer((1.0, curves(totals, log_weights))).density(2019, 801)
    assert np.trapezoid(found.pdf, found.x) == pytest.approx(1, abs=0.005)
    assert (np.diff(found.cdf) >= 0).all()
    # Weighing a lognormal by a power of the total moves its log mean by power x variance.
    truth = lognorm(0.35, scale=30_000 * np.exp(2.0 * 0.35**2 if weighed else 0.0))
    assert np.abs(found.pdf - truth.pdf(found.x)).max() < 0.05 * truth.pdf(found.x).max()
    np.testing.assert_allclose(found.cdf, truth.cdf(found.x), atol=0.01)


def test_density_over_a_floor_does_not_leak_under_it() -> None:
    counted = 18_000.0
    above = counted + np.abs(np.random.default_rng(1).normal(0, 3_000, (60_000, 2)))
    found = layer((1.0, curves(above))).density(2018, 401)
    assert (found.pdf[found.x < counted] == 0).all()
    inside = found.x > counted + 20
    truth = 2 * norm(counted, 3_000).pdf(found.x[inside])
    assert np.abs(found.pdf[inside] / truth - 1)[: inside.sum() // 2].max() < 0.1


class TestSettledYear:
    def settled(self, count: float) -> Layer:
        totals = draws(1_000)
        totals[:, 0] = count
        return layer((0.5, curves(totals)), (0.5, curves(totals)))

    @pytest.mark.parametrize("count", [0.0, 3.0, 23_456.0])
    def test_every_answer_is_the_count(self, count: float) -> None:
        found = self.settled(count)
        assert found.quantiles((0.0, 0.3, 1.0))[:, 0].tolist() == [count] * 3
        assert found.mean()[0] == pytest.approx(count)
        assert found.sd()[0] == pytest.approx(0, abs=1e-3)
        assert found.exceedance(2018, count) == (0.0, 0.0)
        assert found.exceedance(2018, count - 1) == (1.0, 0.0)
        assert found.density(2018).x.tolist() == [count]

    def test_a_component_ruled_out_leaves_no_trace(self) -> None:
        out = curves(draws(), np.full(50_000, -np.inf))
        assert out.effective_draws == 0
        both = layer((1.0, curves(draws())), (0.0, out))
        np.testing.assert_array_equal(both.quantiles(LEVELS), layer((1.0, curves(draws()))).quantiles(LEVELS))
        assert np.isfinite(both.mean()).all()
        assert np.isfinite(both.density(2018).pdf).all()


def test_draws_without_weight_do_not_stretch_the_range() -> None:
    totals = draws(1_000)
    totals[0] = 1e7
    log_weights = np.zeros(1_000)
    log_weights[0] = -np.inf
    assert layer((1.0, curves(totals, log_weights))).quantiles((1.0,)).max() < 2e5


def test_totals_off_the_grid_are_answered_at_its_ends() -> None:
    totals = np.array([[0.0, 5e8], [0.2, 1e8], [10.0, 1e6], [30.0, 2e6]])
    found = layer((1.0, curves(totals)))
    assert np.isfinite(found.quantiles((0.0, 0.5, 1.0))).all()
    assert found.exceedance(2018, 5.0)[0] == pytest.approx(0.5)


def test_a_year_outside_the_targets_is_refused() -> None:
    found = layer((1.0, curves(draws(100))))
    with pytest.raises(ValueError, match="2021 is not a target year"):
        found.exceedance(2021, 1.0)
    with pytest.raises(ValueError, match="2018 to 2019"):
        found.density(2017)
