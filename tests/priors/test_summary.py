"""The numbers a preview shows, and the signed effect of an edit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import integrate, stats

from priors.mixture import expert_density
from priors.scenario import ScenarioSet, parse_scenario_set
from priors.summary import LEVELS, interval_scenarios, signed_effect, year_summary


def test_the_four_scenarios_are_the_published_quantiles(one_scenario: Callable[..., ScenarioSet]) -> None:
    density = expert_density(one_scenario({2025: (40_000, 5_000)}, family="normal"))
    at = interval_scenarios(density, 2025)
    normal = stats.norm(40_000, 5_000)
    assert list(at) == ["minimum", "median", "medio", "maximum"]
    assert at == pytest.approx(
        {
            "minimum": normal.ppf(1 / 8),
            "median": 40_000,
            "medio": normal.isf(1 / 3),
            "maximum": normal.isf(1 / 8),
        }
    )
    assert normal.cdf(at["maximum"]) - normal.cdf(at["minimum"]) == pytest.approx(0.75)


def test_a_summary_agrees_with_its_density(scenario_set: ScenarioSet) -> None:
    density = expert_density(scenario_set, 20_000.0)
    summary = year_summary(density, 2024)
    assert (summary.mean, summary.sd) == (density.mean(2024), density.sd(2024))
    assert summary.x[0] >= 20_000.0
    np.testing.assert_array_equal(summary.cdf, density.cdf(2024, summary.x))
    assert integrate.trapezoid(summary.pdf, x=summary.x) == pytest.approx(0.999, abs=2e-3)
    assert [part.key for part in summary.components] == ["continuation", "new_war", "unforeseen"]
    assert summary.components[0].removed == pytest.approx(density.components[0].marginal(2024).removed)
    assert density.cdf(2024, list(summary.interval_scenarios.values())) == pytest.approx(
        list(LEVELS.values())
    )


def test_a_narrow_scenario_is_not_lost_between_points(payload: dict[str, Any]) -> None:
    payload["scenarios"][0]["years"]["2025"]["spread"] = 20
    summary = year_summary(expert_density(parse_scenario_set(payload)), 2025)
    assert integrate.trapezoid(summary.pdf, x=summary.x) == pytest.approx(0.999, abs=0.03)


def test_an_edit_upward_has_a_positive_effect_in_its_year_only(payload: dict[str, Any]) -> None:
    before = expert_density(parse_scenario_set(payload))
    payload["scenarios"][0]["years"]["2025"]["expected"] += 2_000
    payload["scenarios"][0]["years"]["2026"] = {"expected": 30_000, "spread": 4_000}
    effect = signed_effect(before, expert_density(parse_scenario_set(payload)))
    assert sorted(effect) == [2024, 2025]
    assert set(effect[2024].values()) == {0.0}
    assert all(0 < moved < 2_000 for moved in effect[2025].values())
    assert signed_effect(None, before) == {}
