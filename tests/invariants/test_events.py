"""The invariants of the combination with additive events, each with a variant that is wrong on purpose."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from models.event_normals import event_slots, with_event_normals
from models.posterior import Posterior, weigh
from models.stated_draws import stated_totals
from priors.events import added_amounts
from priors.mixture import Component, ExpertDensity, expert_density
from priors.scenario import ScenarioSet, parse_scenario_set
from tests.invariants.conftest import CUTOFF, SEED, Moment, scenario_set

Array = NDArray[np.float64]


def with_events(low: float = -9_000) -> ScenarioSet:
    """Two scenarios and three events, two of which exclude each other, one of which reaches below what was counted."""

    def years(amount: float, spread: float) -> dict[str, dict[str, float]]:
        return {str(CUTOFF.year + k): {"expected": amount, "spread": spread} for k in range(3)}

    events: list[dict[str, Any]] = [
        {
            "key": "war",
            "probability": 0.25,
            "years": years(9_000, 3_000),
            "probabilityByScenario": {"rise": 0.5},
        },
        {"key": "deal", "probability": 0.3, "years": years(low, 2_000), "excludes": ["border"]},
        {"key": "border", "probability": 0.2, "family": "gamma", "years": years(-3_000, 1_500)},
    ]
    return parse_scenario_set(scenario_set().model_dump(mode="json", by_alias=True) | {"events": events})


def posterior(here: Moment, chosen: ScenarioSet) -> tuple[Posterior, ExpertDensity]:
    density = expert_density(chosen, here.data.counted_when_stated)
    base = with_event_normals(here.base, 5, event_slots(density), SEED)
    return weigh(density, 1.0, here.evidence, base, here.own), density


def stated(
    part: Component, years: tuple[int, ...], fixed: dict[int, float], base: Array
) -> tuple[Array, Array]:
    """Totals of a component from base normals and those of its events."""
    added = added_amounts(part.additions, years, 0.7, base[:, len(years) + 1 :])
    return stated_totals(part, 0.7, years, fixed, base, added)


def distance(found: Posterior, density: ExpertDensity) -> float:
    """Largest CDF difference over the years between posterior and experts."""
    worst = 0.0
    for year in found.years:
        grid = density.ppf(year, np.linspace(0.005, 0.995, 199))
        reached = np.array([1 - found.layer.exceedance(year, x)[0] for x in grid])
        worst = max(worst, float(np.abs(reached - density.cdf(year, grid)).max()))
    return worst


def test_invariant_1_nothing_new_leaves_the_experts_with_their_events(at_cutoff: Moment) -> None:
    found, density = posterior(at_cutoff, with_events())
    removed = [part.total(CUTOFF.year).removed for part in density.components]
    assert max(removed) > 0.01, "the example must reach below what was counted"
    assert distance(found, density) < 0.003


def test_events_left_out_of_the_draws_are_caught(at_cutoff: Moment) -> None:
    found, density = posterior(at_cutoff, with_events())
    bare = replace(density, components=tuple(replace(c, additions=()) for c in density.components))
    assert distance(found, bare) > 0.05


def test_invariant_4_probabilities_stand(at_cutoff: Moment, in_autumn: Moment) -> None:
    np.testing.assert_allclose(posterior(at_cutoff, with_events())[0].probabilities, [0.65, 0.35], rtol=1e-12)
    moved = posterior(in_autumn, with_events())[0].probabilities
    assert abs(moved[0] - 0.65) > 0.005


def test_invariant_3_a_full_year_is_its_count_and_judges_scenarios_with_their_events(
    next_spring: Moment,
) -> None:
    """The evidence of a scenario contains its density at the count, by convolution; and draws of later years follow."""
    found, density = posterior(next_spring, with_events())
    count = float(next_spring.evidence.observation.counted[0])
    assert found.layer.quantiles((0.01, 0.99))[:, 0].tolist() == [count, count]
    base = with_event_normals(next_spring.base, 5, event_slots(density), SEED)
    years = next_spring.evidence.observation.years
    for part in density.components:
        _, log_density = stated(part, years, {years[0]: count}, base)
        wanted = float(part.total(years[0]).pdf(count))
        assert float(np.mean(np.exp(log_density))) == pytest.approx(wanted, rel=0.02)


def test_later_years_given_a_full_one_are_the_draws_that_came_close(next_spring: Moment) -> None:
    density = posterior(next_spring, with_events(-2_000))[1]
    years, part = next_spring.evidence.observation.years, density.components[0]
    base = with_event_normals(next_spring.base, 5, event_slots(density), SEED)
    free, _ = stated(part, years, {}, base)
    count = float(np.median(free[:, 0]))
    close = free[np.abs(free[:, 0] - count) < 150, 1]
    given, log_density = stated(part, years, {years[0]: count}, base)
    weights = np.exp(log_density - log_density.max())
    order = np.argsort(given[:, 0])
    share = np.cumsum(weights[order]) / weights.sum()
    levels = (0.125, 0.5, 0.875)
    np.testing.assert_allclose(
        np.interp(levels, share, given[order, 0]), np.quantile(close, levels), rtol=0.02
    )
