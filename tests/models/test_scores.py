"""Scores against closed forms, cases worked out by hand, and the properties that make them scores."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from models.scores import (
    brier,
    coverage,
    crps_of_draws,
    crps_of_lognormals,
    crps_of_normals,
    exceedance_brier,
    interval_score,
    log_crps,
    paired_ratio,
    pinball,
    pit_bounds,
    pit_of_draws,
)

RNG = np.random.default_rng
MIDPOINTS = (np.arange(20_000) + 0.5) / 20_000
real = st.floats(-50, 50)


def integrated_crps(cdf, outcome: float, low: float, high: float) -> float:
    """The definition: the integral of (F(x) - 1{x >= y})^2."""
    left = integrate.quad(lambda x: cdf(x) ** 2, low, outcome, limit=200)[0]
    right = integrate.quad(lambda x: (1 - cdf(x)) ** 2, outcome, high, limit=200)[0]
    return float(left + right)


# Pinball and interval -----------------------------------------------------------------------------------


def test_pinball_by_hand() -> None:
    # Ten too low at the 7/8 quantile costs 8.75, ten too high 1.25; the median costs half the distance.
    assert pinball(90, 0.875, 100) == pytest.approx(8.75)
    assert pinball(110, 0.875, 100) == pytest.approx(1.25)
    np.testing.assert_allclose(pinball([90, 110], 0.5, 100), [5, 5])
    assert pinball(3, 0.2, 3) == 0


@pytest.mark.parametrize("level", [0.125, 0.5, 2 / 3, 0.875])
def test_pinball_is_least_on_average_at_the_true_quantile(level: float) -> None:
    outcomes = stats.gamma(3).ppf(MIDPOINTS)
    truth = stats.gamma(3).ppf(level)
    averages = [pinball(truth + step, level, outcomes).mean() for step in (-0.3, -0.05, 0, 0.05, 0.3)]
    assert np.argmin(averages) == 2


def test_pinball_averaged_over_levels_is_half_the_crps() -> None:
    quantiles = stats.norm.ppf(MIDPOINTS)
    twice = 2 * pinball(quantiles, MIDPOINTS, 0.7).mean()
    assert twice == pytest.approx(crps_of_normals([1], [0], [1], 0.7), abs=1e-4)


def test_interval_by_hand() -> None:
    # 75%: 2 / 0.25 = 8 for every person outside.
    np.testing.assert_allclose(interval_score(10, 20, 0.75, [15, 20, 23, 9]), [10, 10, 34, 18])


def test_interval_is_least_on_average_at_the_true_ends() -> None:
    outcomes = stats.norm.ppf(MIDPOINTS)
    z = stats.norm.ppf(0.875)
    best = interval_score(-z, z, 0.75, outcomes).mean()
    for low, high in [(-z - 0.1, z), (-z + 0.1, z), (-z, z + 0.1), (-z, z - 0.1)]:
        assert interval_score(low, high, 0.75, outcomes).mean() > best


# CRPS ---------------------------------------------------------------------------------------------------


def test_crps_of_draws_by_hand() -> None:
    # Draws 1, 3 at 2: E|X - y| = 1, E|X - X'| = 1, so 1 - 1/2. Draws 0, 0, 3 at 1: 4/3 - (4/9 of 3) / 2 = 2/3.
    assert crps_of_draws([1, 3], 2) == pytest.approx(0.5)
    assert crps_of_draws([0, 3, 0], 1) == pytest.approx(2 / 3)
    assert crps_of_draws([4.0], 7.5) == pytest.approx(3.5)


def test_crps_of_many_draws_is_that_of_the_normal() -> None:
    # Known constant: a standard normal scores (sqrt(2) - 1) / sqrt(pi) at its mean.
    draws = stats.norm.ppf(MIDPOINTS)
    assert crps_of_draws(draws, 0.0) == pytest.approx((np.sqrt(2) - 1) / np.sqrt(np.pi), abs=2e-4)
    assert crps_of_draws(draws, 2.5) == pytest.approx(crps_of_normals([1], [0], [1], 2.5), abs=2e-4)


@pytest.mark.parametrize("outcome", [0.0, 0.4, 3.0])
def test_crps_of_many_draws_is_that_of_the_exponential(outcome: float) -> None:
    # y + 2 exp(-y) - 3/2 for rate one.
    draws = stats.expon.ppf(MIDPOINTS)
    assert crps_of_draws(draws, outcome) == pytest.approx(outcome + 2 * np.exp(-outcome) - 1.5, abs=2e-4)


def test_cases_are_scored_one_by_one() -> None:
    draws = RNG(1).normal(size=(50, 3, 2))
    outcomes = RNG(2).normal(size=(3, 2))
    together = crps_of_draws(draws, outcomes)
    assert together.shape == (3, 2)
    assert together[2, 1] == pytest.approx(float(crps_of_draws(draws[:, 2, 1], outcomes[2, 1])))


def test_a_weight_of_two_is_a_draw_that_occurs_twice() -> None:
    assert crps_of_draws([1, 5, 9], 4, weights=[2, 1, 3]) == pytest.approx(
        float(crps_of_draws([1, 1, 5, 9, 9, 9], 4))
    )
    both = crps_of_draws([[1, 1], [5, 5]], [4, 4], weights=[[1, 0], [1, 2]])
    np.testing.assert_allclose(both, [crps_of_draws([1, 5], 4), 1.0])


@given(st.lists(real, min_size=1, max_size=12), real, st.floats(0.1, 10), real)
def test_crps_moves_and_stretches_with_its_unit(
    draws: list[float], outcome: float, factor: float, shift: float
) -> None:
    before = crps_of_draws(draws, outcome)
    after = crps_of_draws(np.array(draws) * factor + shift, outcome * factor + shift)
    assert after == pytest.approx(factor * float(before), rel=1e-6, abs=1e-6)
    assert before >= -1e-9


def test_crps_is_least_on_average_at_the_true_distribution() -> None:
    outcomes = stats.norm.ppf(MIDPOINTS)

    def average(mean: float, sd: float) -> float:
        return float(crps_of_normals([1], [mean], [sd], outcomes).mean())

    truth = average(0, 1)
    assert all(average(*wrong) > truth for wrong in [(0.1, 1), (-0.1, 1), (0, 0.9), (0, 1.1)])


MIXTURE = ([0.2, 0.5, 0.3], [-1.0, 0.5, 4.0], [0.6, 1.1, 0.3])


@pytest.mark.parametrize("outcome", [-3.0, 0.2, 4.0, 9.0])
def test_crps_of_mixed_normals_is_the_integral(outcome: float) -> None:
    w, m, s = (np.array(given) for given in MIXTURE)
    expected = integrated_crps(lambda x: float(w @ stats.norm.cdf(x, m, s)), outcome, -12, 16)
    assert crps_of_normals(*MIXTURE, outcome) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("outcome", [0.05, 1.0, 4.0, 40.0])
def test_crps_of_mixed_lognormals_is_the_integral(outcome: float) -> None:
    w, m, s = np.array([0.6, 0.4]), np.array([0.3, 1.4]), np.array([0.5, 0.2])
    expected = integrated_crps(lambda x: float(w @ stats.lognorm.cdf(x, s, scale=np.exp(m))), outcome, 0, 200)
    assert crps_of_lognormals(w, m, s, outcome) == pytest.approx(expected, rel=1e-6)


def test_mixtures_are_scored_at_many_outcomes_at_once() -> None:
    outcomes = np.array([[0.5, 2.0], [3.0, 7.0], [1.0, 9.0]])
    for score in (crps_of_normals, crps_of_lognormals):
        together = score(*MIXTURE, outcomes)
        assert together.shape == (3, 2)
        assert together[1, 1] == pytest.approx(float(score(*MIXTURE, 7.0)))


def test_log_crps_does_not_depend_on_the_size_of_the_country() -> None:
    draws, outcome = RNG(3).lognormal(5, 0.4, size=(500, 2)), np.array([150.0, 90.0])
    np.testing.assert_allclose(log_crps(1000 * draws, 1000 * outcome), log_crps(draws, outcome))


def test_log_crps_reads_nobody_as_one() -> None:
    # All draws 1, outcome 0: no error. Draws e, outcome 0: an error of one.
    assert log_crps(np.ones(4), 0) == 0
    assert log_crps(np.full(4, np.e), 0) == pytest.approx(1)


@pytest.mark.parametrize(
    ("draws", "outcome", "weights"),
    [
        ([[1, 2]], [1, 2, 3], None),
        ([], 1, None),
        ([1, np.nan], 1, None),
        ([1, 2], np.inf, None),
        ([1, 2], 1, [1, 1, 1]),
        ([1, 2], 1, [0, 0]),
        ([1, 2], 1, [2, -1]),
    ],
)
def test_draws_that_cannot_be_scored_are_refused(draws: list, outcome: float, weights: list | None) -> None:
    with pytest.raises(ValueError, match=r"draws|weights"):
        crps_of_draws(draws, outcome, weights)


# Exceedance, coverage, PIT ---------------------------------------------------------------------------------


def test_brier_by_hand() -> None:
    np.testing.assert_allclose(brier([0.2, 0.2, 1, 0], [True, False, True, True]), [0.64, 0.04, 0, 1])
    # Three of four draws above 10 and an outcome above it: (3/4 - 1)^2. The threshold itself is not above.
    assert exceedance_brier([9, 11, 12, 13], 10, 12) == pytest.approx(1 / 16)
    assert exceedance_brier([9, 10, 12, 13], 10, 10) == pytest.approx(1 / 4)


def test_brier_is_least_on_average_at_the_true_probability() -> None:
    def average(stated: float) -> float:
        return float(0.3 * brier(stated, True) + 0.7 * brier(stated, False))

    assert min((average(p), p) for p in np.linspace(0, 1, 101))[1] == pytest.approx(0.3)


def test_coverage_without_a_miss_and_without_a_hit() -> None:
    # With no miss in n the lower end p solves p^n = 0.025; with no hit the upper end (1 - p)^n = 0.025.
    assert coverage(np.ones(10)).low == pytest.approx(0.025 ** (1 / 10))
    assert coverage(np.ones(10)).high == 1
    assert coverage(np.zeros(7)).high == pytest.approx(1 - 0.025 ** (1 / 7))
    assert coverage(np.zeros(7)).low == 0


def test_coverage_interval_leaves_exactly_the_tails() -> None:
    # The definition: at each end the outcome, or one further out, has probability 2.5%.
    found = coverage(np.arange(29) < 22)
    assert (found.inside, found.cases) == (22, 29)
    assert stats.binom.sf(21, 29, found.low) == pytest.approx(0.025)
    assert stats.binom.cdf(22, 29, found.high) == pytest.approx(0.025)


def test_coverage_needs_a_case() -> None:
    with pytest.raises(ValueError, match="at least one"):
        coverage([])


def test_pit_by_hand() -> None:
    # Two of four draws lie below: between 2/5 and 3/5. With two ties as well: between 2/6 and 5/6 of five draws.
    many = pit_of_draws(np.repeat([[1], [2], [5], [6]], 4000, axis=1), np.full(4000, 3.0), seed=1)
    assert 0.4 <= many.min() < 0.41
    assert 0.59 < many.max() <= 0.6
    tied = pit_of_draws(np.repeat([[1], [2], [3], [3], [6]], 4000, axis=1), np.full(4000, 3.0), seed=1)
    assert tied.min() == pytest.approx(2 / 6, abs=0.01)
    assert tied.max() == pytest.approx(5 / 6, abs=0.01)


@pytest.mark.parametrize("draws", [3, 40])
def test_pit_of_a_true_forecast_is_uniform_also_for_counts(draws: int) -> None:
    rng = RNG(5)
    pit = pit_of_draws(rng.poisson(2.0, (draws, 20_000)), rng.poisson(2.0, 20_000), seed=6)
    assert stats.kstest(pit, "uniform").pvalue > 0.01


def test_pit_of_a_forecast_that_is_too_narrow_is_not_uniform() -> None:
    rng = RNG(7)
    pit = pit_of_draws(rng.normal(0, 0.8, (40, 5_000)), rng.normal(0, 1, 5_000), seed=8)
    assert stats.kstest(pit, "uniform").pvalue < 1e-4


def test_pit_bounds_by_hand() -> None:
    lower, upper = pit_bounds([0.125, 0.5, 0.875], [[10], [20], [30]] * np.ones(5), [5, 10, 15, 30, 31])
    np.testing.assert_allclose(lower, [0, 0, 0.125, 0.5, 0.875])
    np.testing.assert_allclose(upper, [0.125, 0.125, 0.5, 0.875, 1])


def test_pit_bounds_refuse_quantiles_that_fall() -> None:
    with pytest.raises(ValueError, match="must not fall"):
        pit_bounds([0.1, 0.9], [3, 2], 2.5)


# Paired ratio ----------------------------------------------------------------------------------------------


def test_ratio_by_hand() -> None:
    # Origin a: 1 against 2; origin b: 3 against 2. Ratio 1; residuals -1 and 1; 2/1 * 2 / 16 = 1/4; root 1/2.
    found = paired_ratio([1, 3], [2, 2], ["a", "b"])
    assert (found.ratio, found.cases, found.origins) == (1, 2, 2)
    assert found.standard_error == pytest.approx(0.5)


def test_a_constant_ratio_has_no_error() -> None:
    reference = RNG(1).uniform(0.1, 1, 30)
    found = paired_ratio(0.9 * reference, reference, np.repeat(np.arange(6), 5))
    assert found.ratio == pytest.approx(0.9)
    assert found.standard_error == pytest.approx(0, abs=1e-12)


def test_repeated_cases_of_an_origin_add_no_certainty() -> None:
    rng = RNG(2)
    score, reference, origin = rng.uniform(size=12), rng.uniform(0.5, 1, 12), np.arange(12)
    once = paired_ratio(score, reference, origin)
    thrice = paired_ratio(np.tile(score, 3), np.tile(reference, 3), np.tile(origin, 3))
    assert thrice.standard_error == pytest.approx(once.standard_error)


def test_the_standard_error_is_that_of_repeated_samples() -> None:
    rng = RNG(3)
    found = []
    for _ in range(600):
        shared = rng.normal(0, 0.3, (40, 1))
        reference = 2 + rng.normal(0, 0.2, (40, 5))
        score = 0.9 * reference + shared + rng.normal(0, 0.1, (40, 5))
        found.append(paired_ratio(score.ravel(), reference.ravel(), np.repeat(np.arange(40), 5)))
    spread = np.std([each.ratio for each in found])
    assert np.mean([each.standard_error for each in found]) == pytest.approx(spread, rel=0.1)


def test_one_origin_tells_no_error() -> None:
    assert np.isnan(paired_ratio([1, 2], [2, 2], [0, 0]).standard_error)


def test_ratios_without_a_meaning_are_refused() -> None:
    with pytest.raises(ValueError, match="do not match"):
        paired_ratio([1, 2], [1], [0])
    with pytest.raises(ValueError, match="positive mean"):
        paired_ratio([1, 2], [0, 0], [0, 1])
