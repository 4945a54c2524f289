"""Many states drawn together are the states drawn one by one, and few draws find nearly what all find."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from models.edits import Belief, Edit, State
from models.few_draws import _FewDraws, drawn_states
from models.pareto import effective_sample_sizes
from models.weigher import Weigher
from models.what_if import LEVELS, edited
from priors.mixture import expert_density
from tests.models.made_up import CUTOFF, Moment, at_cutoff, in_autumn, moment, next_spring, scenarios
from tests.models.test_what_if import posterior_after
from tests.models.test_what_if_events import event

SHARES = {"low": 0.3, "middle": 0.5, "high": 0.2}
AT = {"low": 36_000.0, "middle": 45_000.0, "high": 60_000.0}
OLD = [event("war"), event("deal", 0.4, -5_000.0), event("border", 0.3, -3_000.0, excludes=["deal"])]
NEW = [
    event("war", 0.5, probabilityByScenario={"high": 0.9}), event("deal", 0.2, -4_000.0),
    event("border", 0.5, -3_000.0, excludes=["deal"]),
]  # fmt: skip


def between(here: Moment) -> Edit:
    """Two scenarios, both groups of events, the correlation, the unforeseen part and the weight change."""
    counted = here.data.counted_when_stated
    moved = AT | {"low": 31_000.0, "high": 66_000.0}
    old = scenarios(SHARES, AT, events=OLD, unforeseen=0.1)
    new = scenarios(SHARES, moved, events=NEW, unforeseen=0.2, yearCorrelation=0.4)
    return Edit(Belief(expert_density(old, counted), 0.9), Belief(expert_density(new, counted), 0.8))


def weigher(here: Moment, rows: int = 20_000) -> Weigher:
    return Weigher(here.evidence, here.base, here.own, rows, seed=5)


@pytest.mark.parametrize("when", ["cutoff", "autumn", "spring", "year's end"])
def test_states_drawn_together_are_those_drawn_alone(when: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for share in ("_LIFTED", "_FEW_LIFTED"):  # or few draws under the floor are lifted onto it
        monkeypatch.setattr(f"models.few_draws.{share}", -1)
    here = {
        "cutoff": at_cutoff, "autumn": in_autumn, "spring": next_spring,
        "year's end": lambda: moment(date(2018, 12, 31), date(2019, 1, 31), delay_days=0),
    }[when]()  # fmt: skip
    edit = between(here)
    made = [frozenset[str](), frozenset(edit.names), frozenset(edit.names[:3]), frozenset(edit.names[3:])]
    states = list(dict.fromkeys(state for some in made for _, state in edit.shares(some)[0]))
    together_as_alone(_FewDraws(edit, weigher(here), 2_000), states)


def together_as_alone(few: _FewDraws, states: list[State], apart: bool = False) -> None:
    """Raises AssertionError unless states drawn at once are each what it is by itself."""
    together = few.drawn(states, apart)
    assert together.states == tuple(states)
    for number, state in enumerate(states):
        totals, log_weights = few.drawn_alone(state)
        np.testing.assert_allclose(together.totals[:, number], totals, rtol=1e-6)
        np.testing.assert_allclose(together.log_weights[number], log_weights, rtol=1e-4, atol=1e-3)


def test_a_state_few_draws_meet_gets_a_proposal() -> None:
    here = in_autumn()
    counted = here.data.counted_when_stated
    far = {key: 2.4 * level for key, level in AT.items()}
    edit = Edit(
        Belief(expert_density(scenarios(SHARES, AT, events=OLD), counted), 1.0),
        Belief(expert_density(scenarios(SHARES, far, events=NEW), counted), 1.0),
    )
    states = [state for _, state in edit.shares(frozenset(edit.names))[0]]
    plain = _FewDraws(edit, weigher(here), 1_000).drawn(states)
    found = drawn_states(edit, weigher(here), 1_000, states)
    few = _FewDraws(edit, weigher(here), 1_000)
    for state in states:
        few.adapt(state)
    together_as_alone(few, states, apart=True)
    before, after = (effective_sample_sizes(drawn.log_weights) for drawn in (plain, found))
    assert (after >= before).all()
    assert before.max() < 100 < after.min()


def test_many_changes_are_told_apart_as_by_all_draws() -> None:
    """The mean of the two opposite orders from all draws, by hand, against the answer with few draws for the steps."""
    here = in_autumn()
    edit, by = between(here), weigher(here)
    assert len(edit.names) > 4
    found, after = edited(edit.old, edit.new, by)

    def value(made: tuple[str, ...]) -> np.ndarray:
        return posterior_after(edit.old, edit.new, made, by).layer.quantiles(LEVELS)

    wanted = dict.fromkeys(edit.names, np.zeros((4, 3)))
    for order in (edit.names, edit.names[::-1]):
        for k, name in enumerate(order):
            wanted[name] = wanted[name] + (value(order[: k + 1]) - value(order[:k])) / 2
    size = max(np.abs(effect).max() for effect in wanted.values())
    for name in edit.names:
        np.testing.assert_allclose(found[name], wanted[name], atol=0.15 * size)
    np.testing.assert_allclose(sum(found.values()), after.layer.quantiles(LEVELS) - value(()), atol=1e-6)
    assert CUTOFF.year == here.evidence.observation.years[0]
