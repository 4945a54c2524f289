"""Edits of additive events: named one by one, adding up, and the same numbers as a forecast made with them."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from models.edits import Belief, changes_between
from models.event_normals import event_slots, with_event_normals
from models.posterior import Posterior, weigh
from models.weigher import Weigher
from models.what_if import LEVELS, edited
from priors.mixture import expert_density
from tests.models.made_up import in_autumn, scenarios
from tests.models.test_what_if import posterior_after

Array = NDArray[np.float64]
SHARES = {"low": 0.3, "middle": 0.5, "high": 0.2}
AT = {"low": 36_000.0, "middle": 45_000.0, "high": 60_000.0}


def event(key: str, probability: float = 0.3, amount: float = 6_000.0, **members: Any) -> dict[str, Any]:
    years = {str(year): {"expected": amount, "spread": 1_500.0} for year in (2018, 2019, 2020)}
    return {"key": key, "probability": probability, "years": years, **members}


def belief(*events: dict[str, Any], weight: float = 1.0, at: dict[str, float] = AT) -> Belief:
    chosen = scenarios(SHARES, at, events=list(events))
    return Belief(expert_density(chosen, in_autumn().data.counted_when_stated), weight)


@cache
def started() -> Belief:
    return belief(event("war"), event("deal", 0.4, -5_000.0))


def weigher() -> Weigher:
    here = in_autumn()
    return Weigher(here.evidence, here.base, here.own, 20_000, seed=5)


def made_with(chosen: Belief) -> Posterior:
    here = in_autumn()
    base = with_event_normals(here.base, 3, event_slots(chosen.density), 5)
    return weigh(chosen.density, chosen.expert_weight, here.evidence, base, here.own)


EDITS = {
    "probability": (lambda: belief(event("war", 0.6), event("deal", 0.4, -5_000.0)), ("event:war",)),
    "amount": (lambda: belief(event("war"), event("deal", 0.4, -9_000.0)), ("event:deal",)),
    "under a scenario": (
        lambda: belief(event("war", probabilityByScenario={"high": 0.9}), event("deal", 0.4, -5_000.0)),
        ("event:war",),
    ),
    "order only": (lambda: belief(event("deal", 0.4, -5_000.0), event("war")), ()),
    "removed": (lambda: belief(event("deal", 0.4, -5_000.0)), ("event:war",)),
    "added": (
        lambda: belief(event("war"), event("deal", 0.4, -5_000.0), event("storm", 0.5, 9_000.0)),
        ("event:storm",),
    ),
    "now exclusive": (lambda: belief(event("war"), event("deal", 0.4, -5_000.0, excludes=["war"])), ("events",)),
    "with a scenario": (
        lambda: belief(event("war", 0.7), event("deal", 0.4, -5_000.0), at=AT | {"low": 30_000.0}),
        ("scenario:low", "event:war"),
    ),
    "everything": (
        lambda: belief(
            event("war", 0.7), event("deal", 0.1, -3_000.0), weight=0.8, at={k: 1.1 * v for k, v in AT.items()}
        ),
        ("scenario:low", "scenario:middle", "scenario:high", "event:war", "event:deal", "expertWeight"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", EDITS)
def test_effects_are_named_and_add_up_to_the_difference(name: str) -> None:
    new, names = EDITS[name][0](), EDITS[name][1]
    by = weigher()
    assert changes_between(started(), new) == names
    effects, after = edited(started(), new, by)
    assert tuple(effects) == names
    before = posterior_after(started(), new, (), by)
    difference = after.layer.quantiles(LEVELS) - before.layer.quantiles(LEVELS)
    if not names:
        np.testing.assert_array_equal(difference, 0)
    else:
        np.testing.assert_allclose(sum(effects.values()), difference, atol=1e-6)
        assert np.abs(difference).max() > 50


@pytest.mark.parametrize("name", ["amount", "added", "with a scenario"])
def test_the_answer_is_that_of_a_forecast_made_with_the_edit(name: str) -> None:
    new = EDITS[name][0]()
    found = edited(started(), new, weigher())[1]
    wanted = made_with(new)
    np.testing.assert_allclose(found.probabilities, wanted.probabilities, atol=0.01)
    np.testing.assert_allclose(found.layer.quantiles(LEVELS), wanted.layer.quantiles(LEVELS), rtol=0.01)


def test_steps_from_few_draws_are_near_those_from_all() -> None:
    """The exact Shapley value of both changes from all draws, by hand, against the answer with fewer for the steps."""
    new, by = EDITS["with a scenario"][0](), weigher()

    def value(*made: str) -> Array:
        return posterior_after(started(), new, made, by).layer.quantiles(LEVELS)

    low, war = "scenario:low", "event:war"
    found = edited(started(), new, by)[0]
    whole = np.abs(value(low, war) - value()).max()
    for one, other in ((low, war), (war, low)):
        wanted = ((value(one) - value()) + (value(one, other) - value(other))) / 2
        np.testing.assert_allclose(found[one], wanted, atol=0.15 * whole)


def test_events_that_hardly_fit_what_came_still_leave_trusted_weights() -> None:
    """An event that alone explains the months is found by the adapted proposal."""
    here = in_autumn()
    counted = float(here.evidence.observation.counted[0])
    low = {key: 0.9 * counted + 10 * n for n, key in enumerate(AT)}
    rare = belief(event("surge", 0.02, 0.8 * counted), at=low)
    found = made_with(rare)
    assert found.layer.quantiles((0.5,))[0, 0] > counted
    assert found.reliable
