"""Surprise: uniform when the months come from the experts' density, small when they do not."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from numpy.typing import NDArray

from models.component_draws import prior_totals
from models.conflict import FLAGGED_UNDER, Conflict, conflict
from models.evidence import Evidence
from models.paths import complete_paths, path_rule
from priors.families import marginal
from priors.mixture import ExpertDensity
from tests.models.made_up import Moment, at_cutoff, belief, component, density, in_autumn, next_spring

Array = NDArray[np.float64]


def stated(here: Moment, factor: float = 1.0) -> ExpertDensity:
    medians = factor * np.median(here.model.totals_at_cutoff, axis=0)
    return density(component("a", {2018 + j: belief(m, 0.15 * m) for j, m in enumerate(medians)}))


def found(here: Moment, density: ExpertDensity, evidence: Evidence | None = None) -> Conflict:
    return conflict(density, evidence or here.evidence, here.base, here.model.log_at_cutoff)


def with_months(here: Moment, months: Array) -> Evidence:
    o = here.evidence.observation
    counted = o.counted_at_cutoff.copy()
    counted[0] += months.sum()
    return replace(here.evidence, observation=replace(o, later_counts=months, counted=counted))


def test_nothing_later_is_no_surprise() -> None:
    here = at_cutoff()
    assert found(here, stated(here)) == Conflict(False, None)


@pytest.mark.parametrize("factor", [0.35, 4.0])
def test_far_experts_are_flagged(factor: float) -> None:
    here = in_autumn()
    answer = found(here, stated(here, factor))
    assert answer.flag
    assert answer.surprise is not None
    assert 0 < answer.surprise < FLAGGED_UNDER


def test_experts_like_the_model_are_not() -> None:
    here = in_autumn()
    assert not found(here, stated(here)).flag


def test_surprise_is_uniform_over_months_drawn_from_the_experts() -> None:
    here = in_autumn()
    experts, o = stated(here), here.evidence.observation
    rule = path_rule(here.model.log_at_cutoff, o.without_later_months())
    totals = prior_totals(experts.components[0], 0.7, here.evidence, here.base[5_000:5_100])
    months = complete_paths(totals, here.model.log_at_cutoff[9_000:9_100], rule)[:, : len(o.later_counts)]
    surprises = np.array([found(here, experts, with_months(here, m)).surprise for m in months])
    for level in (0.1, 0.3, 0.5, 0.8):
        assert (surprises < level).mean() == pytest.approx(level, abs=4 * np.sqrt(level * (1 - level) / 100))


def test_totals_revised_figures_made_impossible_count_as_too_low() -> None:
    here = in_autumn()
    o = here.evidence.observation
    under = density(component("low", {2018: marginal("triangular", 0.7 * o.counted_at_cutoff[0], 200.0)}))
    answer = found(here, under)
    assert answer.surprise is not None
    assert answer.surprise < 0.01
    half = density(
        component("low", {2018: marginal("triangular", 0.7 * o.counted_at_cutoff[0], 200.0)}, 0.5),
        component("high", {2018: belief(3 * o.counted[0], 0.1 * o.counted[0])}, 0.5),
    )
    both = found(here, half).surprise
    assert both is not None
    assert both > 0.9


def test_after_a_completed_year_too() -> None:
    here = next_spring()
    assert not found(here, stated(here)).flag
    assert found(here, stated(here, 6.0)).flag


def test_a_scenario_without_probability_has_no_say() -> None:
    here = in_autumn()
    experts = stated(here)
    never = component("never", {2018: belief(500_000, 1_000)}, 0.0)
    assert found(here, density(*experts.components, never)).surprise == found(here, experts).surprise
    assert date(2018, 6, 30).year == here.evidence.observation.years[0]
