"""A year's total with events: against integration and simulation done otherwise, and its closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from scipy import integrate, stats

from priors.amounts import amount
from priors.families import Marginal, marginal
from priors.totals import Group, YearTotal
from tests.priors.event_cases import beliefs, groups, integrated_cdf, simulated

RANDOM = settings(max_examples=30, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


def places(base: Marginal, count: int) -> np.ndarray:
    at = base.ppf(np.linspace(0.002, 0.998, count))
    return np.sort(np.concatenate([at - 6_000, at, at + 6_000]))


@RANDOM
@given(base=beliefs(), parts=groups())
def test_distribution_is_that_of_an_independent_integration(base: Marginal, parts: tuple[Group, ...]) -> None:
    x = places(base, 4)
    error = np.abs(YearTotal(base, parts).uncut_cdf(x) - integrated_cdf(base, parts, x))
    assert error.max() < 1e-4


@RANDOM
@given(base=beliefs(), parts=groups())
def test_distribution_is_that_of_a_million_draws(base: Marginal, parts: tuple[Group, ...]) -> None:
    total, drawn = YearTotal(base, parts), simulated(base, parts, 1_000_000, 3)
    x = total.ppf(np.linspace(0.01, 0.99, 99))
    share = np.searchsorted(np.sort(drawn), x) / len(drawn)
    assert np.abs(share - np.linspace(0.01, 0.99, 99)).max() < 2e-3
    assert 1 - len(drawn) / 1_000_000 == pytest.approx(total.removed, abs=2e-3)


@RANDOM
@given(base=beliefs(), parts=groups())
def test_moments_are_those_of_the_law_of_total_variance(base: Marginal, parts: tuple[Group, ...]) -> None:
    """By enumeration where nothing is cut; the unconditional moments split at the floor where something is."""
    total = YearTotal(base, parts)
    mean = base.mean() + sum(p * x.expected for group in parts for p, x in group)
    square = base.sd() ** 2 + sum(
        sum(p * (x.sd**2 + x.expected**2) for p, x in group) - sum(p * x.expected for p, x in group) ** 2
        for group in parts
    )
    if total.removed == 0:
        assert total.mean() == pytest.approx(mean, rel=1e-12)
        assert total.sd() == pytest.approx(math.sqrt(square), rel=1e-12)
    else:
        assert total.mean() >= mean and total.sd() <= math.sqrt(square) * (1 + 1e-9)


@pytest.mark.parametrize("family", ["normal", "lognormal", "gamma", "triangular", "pert"])
def test_moments_after_cutting_are_exact_to_a_millionth(family: str) -> None:
    """A normal event on any belief: the sum has a density that one quadrature gives, hence moments that two give."""
    base, event, p = marginal(family, 20_000, 6_000), amount("normal", -12_000, 5_000), 0.3
    total = YearTotal(base, (((p, event),),))

    def integral(function: object, order: int) -> float:
        found, _ = integrate.quad(function, 0, 120_000, limit=800, epsabs=0, epsrel=1e-10, points=points)
        return float(found)

    points = [5_000, 10_000, 20_000, 20_000 - 6_000 * math.sqrt(6), 20_000 + 6_000 * math.sqrt(6)]

    def upper(order: int) -> float:
        """E[(B + X)^order; B + X > 0] by integrating the normal's own partial moments over the belief."""

        def inner(b: float) -> float:
            mean, z = b - 12_000, (b - 12_000) / 5_000
            mass, peak = stats.norm.cdf(z), 5_000 * stats.norm.pdf(z)
            partial = [mass, mean * mass + peak, (mean**2 + 5_000**2) * mass + mean * peak]
            return float(base.pdf(b)) * partial[order]

        return integral(inner, order)

    plain = [1.0, base.mean(), base.sd() ** 2 + base.mean() ** 2]
    mass, first, second = (p * upper(k) + (1 - p) * plain[k] for k in range(3))
    assert total.removed == pytest.approx(1 - mass, abs=1e-7)
    assert total.removed > 0.01
    assert total.mean() == pytest.approx(first / mass, rel=1e-6)
    assert total.sd() == pytest.approx(math.sqrt(second / mass - (first / mass) ** 2), rel=1e-6)


@pytest.mark.parametrize("floor", [0.0, 14_000.0], ids=["at zero", "at what was counted"])
@pytest.mark.parametrize("freedom", [3.0, 4.0, 7.0])
def test_moments_of_a_student_t_after_cutting_are_exact_to_a_millionth(floor: float, freedom: float) -> None:
    """Belief and event both of that family, cut: the event's partial moments by SciPy, then over the belief by two."""
    base = marginal("student_t", 20_000, 6_000, degrees_of_freedom=freedom, floor=floor)
    scale = 6_000 / math.sqrt(freedom / (freedom - 2))
    own = stats.t(freedom, 20_000, scale)
    kept = own.sf(floor)

    # Far out the density falls off as a power, which in u = asinh of the distance is an exponential.
    u = np.linspace(math.asinh((floor - 20_000) / scale), 45.0, 400_001)
    at, weight = 20_000 + scale * np.sinh(u), own.pdf(20_000 + scale * np.sinh(u)) / kept * scale * np.cosh(u)

    def over_belief(values: np.ndarray) -> float:
        return float(integrate.simpson(weight * values, x=u))

    plain = [over_belief(at**k) for k in range(3)]
    assert base.mean() == pytest.approx(plain[1], rel=1e-6)
    assert base.sd() == pytest.approx(math.sqrt(plain[2] - plain[1] ** 2), rel=1e-6)

    p, shift, spread = 0.3, -9_000.0, 3_000.0
    total = YearTotal(base, (((p, amount("normal", shift, spread)),),))

    mean, z = at + shift - floor, (at + shift - floor) / spread
    chance, peak = stats.norm.cdf(z), spread * stats.norm.pdf(z)
    above = [chance, mean * chance + peak, (mean**2 + spread**2) * chance + mean * peak]
    away = [plain[0], plain[1] - floor, plain[2] - 2 * floor * plain[1] + floor**2]
    mass, first, second = (p * over_belief(above[k]) + (1 - p) * away[k] for k in range(3))
    assert total.removed > 0.005
    assert total.removed == pytest.approx(1 - mass, abs=1e-6)
    assert total.mean() == pytest.approx(floor + first / mass, rel=1e-6)
    assert total.sd() == pytest.approx(math.sqrt(second / mass - (first / mass) ** 2), rel=1e-6)


def test_normals_add_up_in_closed_form() -> None:
    base = marginal("normal", 40_000, 3_000)
    total = YearTotal(
        base, (((0.25, amount("normal", 8_000, 1_000)),), ((0.4, amount("normal", -5_000, 2_000)),))
    )
    x = np.linspace(25_000, 62_000, 500)
    wanted = sum(
        weight * stats.norm.cdf(x, 40_000 + shift, math.sqrt(3_000**2 + spread**2))
        for weight, shift, spread in [
            (0.45, 0, 0), (0.15, 8_000, 1_000), (0.3, -5_000, 2_000), (0.1, 3_000, math.hypot(1_000, 2_000)),
        ]
    )  # fmt: skip
    np.testing.assert_allclose(total.cdf(x), wanted, atol=2e-5)
    np.testing.assert_allclose(total.cdf(total.ppf([0.01, 0.3, 0.99])), [0.01, 0.3, 0.99], atol=1e-10)
    np.testing.assert_allclose(total.cdf(x) + total.sf(x), 1.0, atol=1e-12)


@pytest.mark.parametrize(("belief", "event"), [(10.0, 3_000.0), (4_000.0, 2.0), (3.0, 2.0)])
def test_very_narrow_parts_are_placed_where_they_are(belief: float, event: float) -> None:
    base = marginal("normal", 40_000, belief)
    total = YearTotal(base, (((0.3, amount("normal", 7_777.7, event)),),))
    x = np.concatenate(
        [
            40_000 + belief * np.linspace(-4, 4, 41),
            47_777.7 + np.hypot(belief, event) * np.linspace(-4, 4, 41),
        ]
    )
    wanted = 0.7 * stats.norm.cdf(x, 40_000, belief) + 0.3 * stats.norm.cdf(
        x, 47_777.7, math.hypot(belief, event)
    )
    np.testing.assert_allclose(total.cdf(x), wanted, atol=1e-4)


def test_events_that_exclude_one_another_never_meet() -> None:
    base = marginal("normal", 40_000, 100)
    up, down = (0.5, amount("normal", 5_000, 100)), (0.5, amount("normal", 9_000, 100))
    apart, together = YearTotal(base, ((up, down),)), YearTotal(base, ((up,), (down,)))
    assert float(apart.sf(52_000)) < 1e-9 and float(together.sf(52_000)) == pytest.approx(0.25, abs=1e-4)
    assert apart.without == 0.0 and apart.mean() == pytest.approx(47_000)


def test_an_event_without_probability_changes_nothing() -> None:
    base = marginal("gamma", 40_000, 9_000, floor=20_000)
    total, x = YearTotal(base, (((0.0, amount("normal", 5_000, 100)),),)), np.linspace(0, 1e5, 77)
    np.testing.assert_allclose(total.cdf(x), base.cdf(x), atol=1e-12)
    np.testing.assert_allclose(total.pdf(x), base.pdf(x), atol=1e-15)


def test_cutting_by_rank_gives_the_cut_density() -> None:
    base = marginal("normal", 10_000, 3_000)
    total = YearTotal(base, (((0.5, amount("normal", -8_000, 2_000)),),))
    before, after = total.cut_map
    assert total.removed > 0.1
    np.testing.assert_allclose(total.cdf(after[50:-50]), total.uncut_cdf(before[50:-50]), atol=1e-4)


def test_an_amount_mirrors_where_it_is_taken_away() -> None:
    up, down = amount("lognormal", 5_000, 3_000), amount("lognormal", -5_000, 3_000)
    z = np.linspace(-4, 4, 9)
    np.testing.assert_allclose(down.ppf(stats.norm.cdf(z)), -up.ppf(stats.norm.cdf(-z)), rtol=1e-12)
    for family in ("normal", "student_t", "triangular", "pert", "gamma", "lognormal"):
        for sign in (-1, 1):
            one = amount(family, sign * 5_000, 3_000)
            np.testing.assert_allclose(one.at_scores(z), one.ppf(stats.norm.cdf(z)), atol=0.02)
