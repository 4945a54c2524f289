"""Draws kept under other events are those that all draws made anew would be."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from models.edited_events import OwnDraws, own_draws
from models.edits import Belief, Edit
from models.event_normals import with_event_normals
from models.evidence import Evidence
from models.layers import cells_of
from models.posterior import weigh
from models.proposals import Proposal
from models.weigher import Weigher
from models.weighting import WeighedComponent, Weighing, weigh_component
from priors.events import SharedAmounts
from priors.mixture import Component, expert_density
from tests.models.made_up import Moment, in_autumn, next_spring, scenarios
from tests.models.test_what_if_events import event

YEARS, RHO, ROWS = 3, 0.7, 20_000
SHARES = {"low": 0.5, "high": 0.5}
AT = {"low": 70_000.0, "high": 80_000.0}
OLD = [event("war"), event("deal", 0.2, -2_000.0), event("border", 0.1, -1_000.0, excludes=["deal"])]
OTHER = {
    "chance": [event("war", 0.35), *OLD[1:]],
    "amount": [event("war", 0.3, 9_000.0), *OLD[1:]],
    "one of a group": [OLD[0], OLD[1], event("border", 0.2, -2_000.0, excludes=["deal"])],
    "under a scenario": [event("war", probabilityByScenario={"low": 0.1}), *OLD[1:]],
    "removed": OLD[1:],
    "added": [*OLD, event("storm", 0.2, 9_000.0)],
    "no longer exclusive": [*OLD[:2], event("border", 0.1, -1_000.0)],
}
PROPOSALS = {
    "none": lambda: None,
    "fitted": lambda: (
        weigh_component(
            component(OLD, {"low": 110_000.0, "high": 80_000.0}), RHO, in_autumn().evidence, base(8)
        ).proposal
    ),
}


def edit(new: list[dict[str, Any]], at: dict[str, float] = AT, old: list[dict[str, Any]] = OLD) -> Edit:
    counted = in_autumn().data.counted_when_stated
    return Edit(*(Belief(expert_density(scenarios(SHARES, at, events=e), counted), 1.0) for e in (old, new)))


def component(events: list[dict[str, Any]], at: dict[str, float] = AT) -> Component:
    """The low scenario with these events on top, each in its slot among the old ones and its own."""
    made = edit(events, at)
    return made.parts(frozenset(made.names))[0][0][1]


def base(slots: int = 4) -> np.ndarray:
    return with_event_normals(in_autumn().base[:ROWS].astype(np.float32), YEARS, slots, 5)


def amounts() -> SharedAmounts:
    return SharedAmounts(base()[:, 1 + YEARS :], in_autumn().evidence.observation.years, RHO)


def kept(
    proposal: Proposal | None, here: Moment | None = None, part: Component | None = None
) -> OwnDraws | None:
    evidence = (here or in_autumn()).evidence
    return own_draws(Weighing(part or component(OLD), RHO, evidence), base(), proposal)


@pytest.mark.parametrize("proposal", PROPOSALS)
@pytest.mark.parametrize("name", OTHER)
def test_draws_under_other_events_are_those_made_anew(name: str, proposal: str) -> None:
    chosen = PROPOSALS[proposal]()
    assert (chosen is None) == (proposal == "none")
    new, own = component(OTHER[name]), kept(chosen)
    assert own is not None
    found = own.with_events(new, amounts())
    assert found is not None
    weighed, cells = found
    wanted = Weighing(new, RHO, in_autumn().evidence)(base(), chosen)[0]
    np.testing.assert_allclose(weighed.totals, wanted.totals, rtol=2e-6)
    # What an event no longer adds is taken away again, in single precision. Just above the count that shows in log
    # weights, where a draw weighs nothing.
    far = wanted.log_weights < wanted.log_weights.max() - 40
    np.testing.assert_array_equal(np.isfinite(weighed.log_weights), np.isfinite(wanted.log_weights))
    np.testing.assert_allclose(weighed.log_weights[~far], wanted.log_weights[~far], rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(weighed.log_weights[far], wanted.log_weights[far], rtol=1e-3)
    np.testing.assert_array_equal(cells, cells_of(weighed.totals.T))
    assert (weighed.key, weighed.method, weighed.proposal) == (wanted.key, wanted.method, chosen)
    anew = np.mean(np.any(weighed.totals != own.totals, axis=1))
    assert 0 < anew < 0.7


def test_an_event_that_occurs_in_no_draw_changes_none() -> None:
    rare, other = ([event("war", 1e-9, expected), *OLD[1:]] for expected in (3_000.0, 9_000.0))
    made = edit(other, AT, rare)
    old, new = (made.parts(some)[0][0][1] for some in (frozenset[str](), frozenset(made.names)))
    own = kept(None, part=old)
    assert own is not None
    found = own.with_events(new, amounts())
    assert found is not None
    np.testing.assert_array_equal(found[0].totals, own.totals)
    np.testing.assert_array_equal(found[0].log_weights, own.judged)


def test_totals_under_the_floor_are_lifted_as_among_all_draws() -> None:
    """Few of all draws lie below, more than few of those made anew."""
    counted = in_autumn().data.counted_when_stated
    at = {"low": 1.75 * counted, "high": 80_000.0}
    few = [event("war", 0.02, -4_000.0), event("deal", 0.02, -3_000.0)]
    made = edit(few, at, [event("war", 0.02, -4_000.0), event("deal", 0.025, -3_000.0)])
    old, new = (made.parts(some)[0][0][1] for some in (frozenset[str](), frozenset(made.names)))
    own = kept(None, part=old)
    assert own is not None
    found = own.with_events(new, amounts())
    wanted = Weighing(new, RHO, in_autumn().evidence)(base(), None)[0]
    assert found is not None
    assert (wanted.totals[:, 0] == np.float32(counted + 0.5)).any()
    np.testing.assert_allclose(found[0].totals, wanted.totals, rtol=1e-6)


def test_nothing_is_kept_where_draws_hang_together() -> None:
    deep, late = event("war", 0.3, -45_000.0), event("war", start="2018-12")
    assert kept(None, part=component([deep])) is None
    own = kept(None)
    assert own is not None
    assert own.with_events(component([deep, *OLD[1:]]), amounts()) is None
    assert own.with_events(component([late, *OLD[1:]]), amounts()) is None
    assert own.with_events(component([event("war", 0.95, 9_000.0), *OLD[1:]]), amounts()) is None
    assert kept(None, part=component([late])) is None
    assert kept(None, here=next_spring()) is None


def test_a_weigher_keeps_draws_for_what_differs_in_events_only(monkeypatch: pytest.MonkeyPatch) -> None:
    here, made = in_autumn(), edit(OTHER["chance"])
    density = made.old.density
    assert density is not None
    stated = with_event_normals(here.base, YEARS, 3, 5)
    posterior, by = weigh(density, 1.0, here.evidence, stated, here.own), Weigher(
        here.evidence, here.base, here.own, ROWS, seed=5
    )  # fmt: skip
    for part, weighed in zip(density.components, posterior.components, strict=True):
        by.keep(part, density.year_correlation, weighed)
    asked = []
    monkeypatch.setattr(
        "models.weigher.weigh_component", lambda *given: asked.append(given) or weigh_component(*given)
    )
    parts = made.parts(frozenset(made.names))[0]
    by.posterior(parts, 1.0)
    assert not asked
    moved = [(share, replace(part, marginals=part.marginals[::-1]), rho) for share, part, rho in parts]
    by.posterior(moved, 1.0)
    assert len(asked) == len(moved)


def test_a_start_that_few_draws_do_without_is_found_by_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """The forecast adapted: its tail was seen among all draws only."""
    here, far = in_autumn(), component(OLD, {"low": 110_000.0, "high": 80_000.0})
    weighed = weigh_component(far, RHO, here.evidence, base())
    assert weighed.proposal is not None
    by = Weigher(here.evidence, here.base, here.own, ROWS, seed=5)
    by.keep(far, RHO, replace(weighed, proposal=None))

    def blind(part: Component, rho: float, evidence: Evidence, normals: np.ndarray) -> WeighedComponent:
        if len(normals) < ROWS:
            return Weighing(part, rho, evidence)(normals, None)[0]
        return weigh_component(part, rho, evidence, normals)

    monkeypatch.setattr("models.weigher.weigh_component", blind)
    found = by.start(far.key)
    assert found is not None
    np.testing.assert_allclose(found.mean, weighed.proposal.mean, rtol=1e-5, atol=1e-6)
