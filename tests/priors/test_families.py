"""Beliefs against SciPy's distributions, before and after cutting at a floor."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from priors.families import FAMILIES, ImpossibleBelief, marginal
from priors.parents import parent
from priors.spread import INTERVALS, relative_half_width

LEVELS = np.array([1e-6, 0.001, 0.125, 0.5, 2 / 3, 0.875, 0.999, 1 - 1e-6])
SKEWED = ("lognormal", "gamma")


def reference(family: str, mean: float, sd: float, nu: float = 4.0) -> Any:
    """The same belief as SciPy writes it, derived independently from mean and standard deviation."""
    if family == "normal":
        return stats.norm(mean, sd)
    if family == "lognormal":
        s = math.sqrt(math.log(1 + (sd / mean) ** 2))
        return stats.lognorm(s, scale=mean / math.exp(s * s / 2))
    if family == "gamma":
        return stats.gamma(mean**2 / sd**2, scale=sd**2 / mean)
    if family == "student_t":
        return stats.t(nu, mean, sd / math.sqrt(nu / (nu - 2)))
    w = sd * math.sqrt(6 if family == "triangular" else 7)
    if family == "triangular":
        return stats.triang(0.5, mean - w, 2 * w)
    return stats.beta(3, 3, mean - w, 2 * w)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("sd", [40.0, 4_000.0, 20_000.0])
def test_agrees_with_scipy_before_cutting(family: str, sd: float) -> None:
    ours, scipys = parent(family, 40_000.0, sd, 4.0), reference(family, 40_000.0, sd)
    x = scipys.ppf(LEVELS)
    np.testing.assert_allclose(ours.cdf(x), scipys.cdf(x), rtol=1e-9)
    np.testing.assert_allclose(ours.sf(x), scipys.sf(x), rtol=1e-9)
    np.testing.assert_allclose(ours.pdf(x), scipys.pdf(x), rtol=1e-8)
    np.testing.assert_allclose(ours.ppf(LEVELS), x, rtol=1e-9)
    np.testing.assert_allclose(ours.isf(LEVELS), scipys.isf(LEVELS), rtol=1e-9)
    assert (scipys.mean(), scipys.std()) == pytest.approx((40_000.0, sd), rel=1e-9)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_ends_of_the_line_have_their_limits(family: str) -> None:
    belief = marginal(family, 40_000.0, 9_000.0, floor=10_000.0)
    ends = np.array([-np.inf, np.inf])
    assert belief.pdf(ends).tolist() == [0.0, 0.0]
    assert belief.cdf(ends).tolist() == [0.0, 1.0]
    assert belief.sf(ends).tolist() == [1.0, 0.0]
    assert belief.ppf([0.0, 1.0]) == pytest.approx(belief.support, rel=1e-14)


@pytest.mark.parametrize("family", ["lognormal", "gamma"])
def test_where_nothing_is_cut_mean_and_spread_are_as_stated(family: str) -> None:
    belief = marginal(family, 40_000.0, 9_000.0)
    assert (belief.removed, belief.mean(), belief.sd()) == (0.0, 40_000.0, 9_000.0)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("floor", [0.0, 15_000.0, 33_000.0, 36_000.0, 45_000.0])
def test_cutting_at_a_floor_renormalises(family: str, floor: float) -> None:
    mean, sd = 34_000.0, 9_000.0
    belief, uncut = marginal(family, mean, sd, floor=floor), reference(family, mean, sd)
    kept = uncut.sf(floor)
    assert belief.removed == pytest.approx(uncut.cdf(floor), rel=1e-9, abs=1e-300)
    x = np.linspace(floor, 90_000.0, 301)
    np.testing.assert_allclose(belief.sf(x), uncut.sf(x) / kept, rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(belief.cdf(x), 1 - uncut.sf(x) / kept, rtol=1e-7, atol=1e-14)
    np.testing.assert_allclose(belief.pdf(x), uncut.pdf(x) / kept, rtol=1e-9, atol=1e-18)
    np.testing.assert_allclose(belief.ppf(LEVELS), uncut.isf((1 - LEVELS) * kept), rtol=1e-8)
    assert np.all(belief.pdf(np.array([-5.0, floor - 1e-6])) == 0)
    assert np.all(belief.cdf(np.array([-5.0, floor])) == 0)
    assert np.all(belief.sf(np.array([-5.0, floor])) == 1)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("floor", [0.0, 20_000.0, 34_000.0, 50_000.0])
def test_moments_after_cutting_equal_integrals(family: str, floor: float) -> None:
    belief, uncut = marginal(family, 34_000.0, 9_000.0, floor=floor), reference(family, 34_000.0, 9_000.0)
    low, high = max(floor, uncut.support()[0]), min(uncut.support()[1], 1e13)
    # In u = asinh of the standardised total even the t's tails die out exponentially.
    u = np.linspace(*np.arcsinh((np.array([low, high]) - 34_000.0) / 9_000.0), 200_001)
    x = np.clip(34_000.0 + 9_000.0 * np.sinh(u), low, high)

    def moment(power: int) -> float:
        return float(integrate.simpson(x**power * uncut.pdf(x) * 9_000.0 * np.cosh(u), x=u))

    mass = moment(0)
    mean = moment(1) / mass
    assert belief.mean() == pytest.approx(mean, rel=1e-8)
    assert belief.sd() == pytest.approx(math.sqrt(moment(2) / mass - mean**2), rel=1e-6)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("meaning", INTERVALS)
def test_a_half_width_is_half_the_central_interval_and_the_mean_is_kept(family: str, meaning: str) -> None:
    belief = marginal(family, 40_000.0, 6_000.0, meaning)
    uncut = reference(family, 40_000.0, belief.sd_before_floor)
    tail = (1 - INTERVALS[meaning]) / 2
    assert (uncut.isf(tail) - uncut.ppf(tail)) / 2 == pytest.approx(6_000.0, rel=1e-9)
    assert uncut.mean() == pytest.approx(40_000.0, rel=1e-12)


@given(
    family=st.sampled_from(FAMILIES),
    meaning=st.sampled_from(sorted(INTERVALS)),
    expected=st.floats(1.0, 1e6),
    ratio=st.floats(1e-4, 0.4),
)
def test_every_ratio_of_spread_to_mean_is_recovered(
    family: str, meaning: str, expected: float, ratio: float
) -> None:
    belief = marginal(family, expected, ratio * expected, meaning)
    uncut = reference(family, expected, belief.sd_before_floor)
    tail = (1 - INTERVALS[meaning]) / 2
    assert (uncut.isf(tail) - uncut.ppf(tail)) / 2 == pytest.approx(ratio * expected, rel=1e-6)


@pytest.mark.parametrize("family", SKEWED)
def test_the_smaller_of_two_possible_spreads_is_meant(family: str) -> None:
    # Half-width as a function of sd/mean rises, then falls: 0.35 is reached twice.
    belief = marginal(family, 1_000.0, 350.0, "half_width_50")
    below = np.linspace(1e-3, belief.sd_before_floor / 1_000.0 * 0.999, 50)
    assert max(relative_half_width(family, cv, 0.5) for cv in below) < 0.35


@pytest.mark.parametrize("family", SKEWED)
def test_a_skewed_belief_cannot_be_wider_than_its_family_allows(family: str) -> None:
    with pytest.raises(ImpossibleBelief, match=r"can be at most 0\.\d\d times") as refused:
        marginal(family, 10_000.0, 9_000.0, "half_width_50")
    assert refused.value.part == "spread"


@pytest.mark.parametrize("family", FAMILIES)
def test_very_narrow_beliefs_stay_exact(family: str) -> None:
    belief, uncut = marginal(family, 35_000.0, 3.5, floor=35_001.0), reference(family, 35_000.0, 3.5)
    np.testing.assert_allclose(belief.ppf(LEVELS), uncut.isf((1 - LEVELS) * uncut.sf(35_001.0)), rtol=1e-9)
    x = np.array([35_001.0, 35_004.0, 35_007.0])
    # SciPy's own gamma density loses digits here; a normal is within 1e-3 of it at this shape.
    near = stats.norm(35_000.0, 3.5) if family == "gamma" else uncut
    np.testing.assert_allclose(belief.pdf(x), near.pdf(x) / near.sf(35_001.0), rtol=1e-3)
    assert 0 < belief.sd() < 3.5
    assert belief.mean() > 35_001.0


@pytest.mark.parametrize("family", ["normal", "lognormal", "gamma", "student_t"])
def test_a_floor_far_in_the_tail_still_leaves_a_proper_density(family: str) -> None:
    belief, uncut = marginal(family, 30_000.0, 3_000.0, floor=46_000.0), reference(family, 30_000.0, 3_000.0)
    np.testing.assert_allclose(belief.sf(47_000.0), uncut.sf(47_000.0) / uncut.sf(46_000.0), rtol=1e-9)
    np.testing.assert_allclose(belief.cdf(belief.ppf(LEVELS)), LEVELS, rtol=1e-6, atol=1e-9)
    area = integrate.quad(belief.pdf, 46_000.0, 60_000.0, epsrel=1e-10, limit=200)[0]
    assert area == pytest.approx(float(belief.cdf(60_000.0)), rel=1e-8)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_belief_with_nothing_above_the_floor_is_refused(family: str) -> None:
    floor = 1e9 if family == "student_t" else 200_000.0
    with pytest.raises(ImpossibleBelief, match="leaves nothing above") as refused:
        marginal(family, 30_000.0, 3_000.0, floor=floor)
    assert refused.value.part == "expected"


@given(
    family=st.sampled_from(FAMILIES),
    expected=st.floats(10.0, 1e6),
    ratio=st.floats(0.01, 2.0),
    floor=st.floats(0.0, 0.9),
    levels=st.lists(st.floats(1e-9, 1 - 1e-9), min_size=2, max_size=6),
)
def test_quantiles_invert_the_distribution_and_respect_the_floor(
    family: str, expected: float, ratio: float, floor: float, levels: list[float]
) -> None:
    belief = marginal(family, expected, ratio * expected, floor=floor * expected)
    ordered = np.sort(levels)
    x = belief.ppf(ordered)
    assert np.all(np.diff(x) >= 0)
    assert np.all(x >= belief.floor)
    np.testing.assert_allclose(belief.cdf(x), ordered, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(belief.cdf(x) + belief.sf(x), 1.0, rtol=1e-9)


@pytest.mark.parametrize(
    ("expected", "spread", "part"),
    [
        (0.0, 10.0, "expected"),
        (-5.0, 10.0, "expected"),
        (math.nan, 10.0, "expected"),
        (1e300, 10.0, "expected"),
        (100.0, 0.0, "spread"),
        (100.0, math.nan, "spread"),
        (100.0, math.inf, "spread"),
        (100.0, 1e308, "spread"),
        (100_000.0, 0.1, "spread"),
        (100.0, 501.0, "spread"),
    ],
)
def test_impossible_numbers_are_refused_by_name(expected: float, spread: float, part: str) -> None:
    with pytest.raises(ImpossibleBelief) as refused:
        marginal("gamma", expected, spread)
    assert refused.value.part == part


@pytest.mark.parametrize(
    "arguments",
    [
        {"family": "cauchy"},
        {"spread_meaning": "variance"},
        {"floor": -1.0},
        {"floor": math.nan},
        {"degrees_of_freedom": 2.0},
    ],
)
def test_unknown_names_and_limits_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"unknown|floor|degrees"):
        marginal(**{"family": "student_t", "expected": 100.0, "spread": 10.0, **arguments})
