"""The expert density against independent SciPy mixtures, and the properties any density has."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, optimize, stats

from priors.families import FAMILIES, marginal
from priors.mixture import Component, ExpertDensity, expert_density
from priors.scenario import InvalidScenarioSet, ScenarioSet, parse_scenario_set

LEVELS = [0.001, 0.125, 0.5, 2 / 3, 0.875, 0.999]


def scipy_parts(floor: float) -> list[tuple[float, Any, float]]:
    """Weights, distributions and floors of the year 2024 of the fixture, derived here by hand."""
    s = math.sqrt(math.log(1 + (5 / 34) ** 2))
    wide = math.sqrt(math.log(1 + (20 / 35) ** 2))
    return [
        (0.95 * 0.6, stats.lognorm(s, scale=34_000 / math.exp(s * s / 2)), floor),
        (0.95 * 0.4, stats.norm(45_000, 9_000 / stats.norm.ppf(0.9)), floor),
        (0.05, stats.lognorm(wide, scale=35_000 / math.exp(wide * wide / 2)), floor),
    ]


def scipy_sf(x: float, floor: float) -> float:
    return math.fsum(w * d.sf(max(x, f)) / d.sf(f) for w, d, f in scipy_parts(floor))


@pytest.mark.parametrize("floor", [0.0, 16_000.0, 33_000.0])
def test_quantiles_and_exceedance_equal_an_independent_root_search(
    scenario_set: ScenarioSet, floor: float
) -> None:
    density = expert_density(scenario_set, floor)
    roots = [
        optimize.brentq(lambda x, q=q: 1 - scipy_sf(x, floor) - q, floor, 1e6, rtol=1e-14) for q in LEVELS
    ]
    np.testing.assert_allclose(density.ppf(2024, LEVELS), roots, rtol=1e-9)
    for above in (10_000.0, 30_000.0, 42_000.0, 90_000.0):
        assert density.exceedance(2024, above) == pytest.approx(scipy_sf(above, floor), rel=1e-9)


@pytest.mark.parametrize("floor", [0.0, 16_000.0, 33_000.0])
def test_mean_and_spread_equal_integrals_of_the_density(scenario_set: ScenarioSet, floor: float) -> None:
    density = expert_density(scenario_set, floor)
    x = np.linspace(floor, 3e6, 3_000_001)
    pdf = density.pdf(2024, x)
    assert integrate.simpson(pdf, x=x) == pytest.approx(1.0, rel=1e-6)
    mean = integrate.simpson(x * pdf, x=x)
    assert density.mean(2024) == pytest.approx(mean, rel=1e-6)
    assert density.sd(2024) == pytest.approx(
        math.sqrt(integrate.simpson((x - mean) ** 2 * pdf, x=x)), rel=1e-6
    )


def test_the_floor_holds_in_the_cutoffs_own_year_only(scenario_set: ScenarioSet) -> None:
    density = expert_density(scenario_set, 30_000.0)
    assert density.cdf(2024, 30_000.0) == 0.0
    assert density.ppf(2024, 0.0) == 30_000.0
    assert density.cdf(2025, 30_000.0) > 0.1
    assert all(part.marginal(2025).floor == 0.0 for part in density.components)


def test_unforeseen_is_a_component_of_its_own_and_scales_the_others(scenario_set: ScenarioSet) -> None:
    parts = {part.key: part.probability for part in expert_density(scenario_set).components}
    assert parts == pytest.approx({"continuation": 0.57, "new_war": 0.38, "unforeseen": 0.05})


def test_unforeseen_with_no_probability_is_no_component(payload: dict[str, Any]) -> None:
    payload["unforeseen"]["probability"] = 0.0
    keys = [part.key for part in expert_density(parse_scenario_set(payload)).components]
    assert keys == ["continuation", "new_war"]


def test_one_certain_scenario_is_its_own_distribution(one_scenario: Callable[..., ScenarioSet]) -> None:
    density = expert_density(one_scenario({2024: (40_000, 3_000)}, family="normal"))
    np.testing.assert_allclose(density.ppf(2024, LEVELS), stats.norm(40_000, 3_000).ppf(LEVELS), rtol=1e-9)


def test_every_belief_without_mass_above_what_was_counted_is_named(payload: dict[str, Any]) -> None:
    payload["scenarios"][0] |= {"family": "triangular"}
    payload["scenarios"][1] |= {"family": "pert", "spreadMeaning": "sd"}
    with pytest.raises(InvalidScenarioSet) as refused:
        expert_density(parse_scenario_set(payload), 90_000.0)
    assert [fault.field for fault in refused.value.faults] == [
        "/scenarios/0/years/2024/expected",
        "/scenarios/1/years/2024/expected",
    ]
    assert "90,000" in refused.value.faults[0].detail


def test_a_year_is_mixed_over_the_scenarios_that_state_it(payload: dict[str, Any]) -> None:
    payload["scenarios"][1]["years"]["2026"] = {"expected": 52_000, "spread": 9_000}
    payload["unforeseen"] = None
    density = expert_density(parse_scenario_set(payload))
    alone = density.components[1].marginal(2026)
    assert (density.years, density.stated_years) == ((2024, 2025), (2024, 2025, 2026))
    np.testing.assert_allclose(density.ppf(2026, LEVELS), alone.ppf(LEVELS), rtol=1e-12)
    assert float(density.cdf(2026, 1e7)) == pytest.approx(1.0)
    with pytest.raises(ValueError, match="2027"):
        density.mean(2027)


def test_a_scenario_without_probability_changes_nothing(payload: dict[str, Any]) -> None:
    before = expert_density(parse_scenario_set(payload))
    payload["scenarios"].append(
        {"key": "never", "probability": 0.0, "years": {"2024": {"expected": 900_000, "spread": 10}}}
    )
    after = expert_density(parse_scenario_set(payload))
    assert after.stated_years == before.stated_years
    np.testing.assert_array_equal(after.ppf(2024, [0.0, 0.3, 0.999]), before.ppf(2024, [0.0, 0.3, 0.999]))


def test_order_of_scenarios_does_not_matter(payload: dict[str, Any]) -> None:
    before = expert_density(parse_scenario_set(payload), 20_000.0)
    payload["scenarios"].reverse()
    after = expert_density(parse_scenario_set(payload), 20_000.0)
    x = np.linspace(0, 1e5, 101)
    for year in (2024, 2025):
        np.testing.assert_allclose(after.pdf(year, x), before.pdf(year, x), rtol=1e-13)
        np.testing.assert_allclose(after.ppf(year, LEVELS), before.ppf(year, LEVELS), rtol=1e-12)
        assert (after.mean(year), after.sd(year)) == pytest.approx((before.mean(year), before.sd(year)))


@pytest.mark.parametrize("level", [-0.1, 1.1, math.nan])
def test_a_level_outside_zero_to_one_is_refused(scenario_set: ScenarioSet, level: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        expert_density(scenario_set).ppf(2024, level)


def test_quantiles_across_an_empty_stretch_are_found() -> None:
    # Between the two peaks the density underflows to zero, so that Newton steps have nothing to go by.
    low, high = marginal("normal", 10_000.0, 10.0), marginal("normal", 90_000.0, 10.0)
    density = ExpertDensity(
        (Component("a", 0.5, (2024,), (low,)), Component("b", 0.5, (2024,), (high,))), 0.8
    )
    np.testing.assert_allclose(density.ppf(2024, [0.25, 0.75]), [10_000.0, 90_000.0], rtol=1e-10)
    assert density.ppf(2024, 0.5 - 1e-9) < 10_100.0
    assert density.ppf(2024, 0.5 + 1e-9) > 89_900.0


BELIEF = st.tuples(
    st.sampled_from(FAMILIES), st.floats(1_000.0, 200_000.0), st.floats(0.02, 0.8), st.floats(0.01, 1.0)
)


@settings(max_examples=60, deadline=None)
@given(
    beliefs=st.lists(BELIEF, min_size=1, max_size=5),
    floor=st.floats(0.0, 900.0),
    levels=st.lists(st.floats(1e-6, 1 - 1e-6), min_size=2, max_size=8),
)
def test_any_mixture_has_a_monotone_distribution_that_its_quantiles_invert(
    beliefs: list[tuple[str, float, float, float]], floor: float, levels: list[float]
) -> None:
    total = math.fsum(weight for *_, weight in beliefs)
    density = ExpertDensity(
        tuple(
            Component(str(i), w / total, (2024,), (marginal(family, mean, cv * mean, floor=floor),))
            for i, (family, mean, cv, w) in enumerate(beliefs)
        ),
        0.8,
    )
    x = np.linspace(0.0, 4e5, 401)
    assert np.all(np.diff(density.cdf(2024, x)) >= 0)
    assert np.all(density.cdf(2024, x[x <= floor]) == 0)
    quantiles = density.ppf(2024, np.sort(levels))
    assert np.all(np.diff(quantiles) >= 0)
    assert np.all(quantiles >= floor)
    np.testing.assert_allclose(density.cdf(2024, quantiles), np.sort(levels), rtol=1e-8, atol=1e-12)
