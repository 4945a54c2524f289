"""A component of the forecast with other events, drawn and weighed only where these make a difference.

    draws in which no changed event occurs, neither as it was nor as it is, keep their totals and evidence

A draw is a function of its own normals alone, so what is left as it is would come out the same. Only its weight may
change: a proposal draws events from chances that follow those stated. Where draws hang together, there are none to
keep: totals under the floor that are spread by rank. Nor are they kept under years counted in full, which events
condition, or for events that have not begun, whose amounts are told apart. Web-safe: NumPy only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.component_draws import completed_totals
from models.event_chances import chances_of
from models.layers import cells_of
from models.proposals import (
    Points,
    Proposal,
    SomeRows,
    add_tilts,
    log_prior_over_mixture,
    moved_normals,
    proposed_events,
)
from models.stated_draws import LIFTED, FurtherDraws, RanksNeeded
from models.weighting import WeighedComponent, Weighing
from priors.events import (
    Addition,
    Additions,
    AmountsInRows,
    Occurring,
    SharedAmounts,
    added_amounts,
    by_group,
    combine_group,
    occurrences,
    waits,
)
from priors.mixture import Component

Array = NDArray[np.float64]
Cells = NDArray[np.uint16]
# To add or to take away; a group of events, and which of them occur `(event, draw)`.
_Signed = tuple[np.ufunc, tuple[Addition, ...], Occurring]

_MOST_ANEW = 0.7  # share of the draws above which it is cheaper to make all of them


@dataclass(frozen=True)
class OwnDraws:
    """Draws of a component as the forecast has it, from its `base` `(draw, column)` and a proposal, if any.

    `occurring` `(event, draw)`, what events `added` `(draw, year)`, `gain` `(draw,)` of the normals, `totals`
    `(draw, year)` and their `cells` `(year, draw)`, and `judged` `(draw,)`: how probable they make what came.
    """

    weighing: Weighing
    base: Array
    proposal: Proposal | None
    occurring: Occurring
    added: Array
    gain: Array
    totals: Array
    cells: Cells
    judged: Array

    def with_events(
        self, component: Component, amounts: SharedAmounts
    ) -> tuple[WeighedComponent, Cells] | None:
        """The component, which differs in events only, and the cells of its totals; None where all must be drawn.

        `amounts` are of all draws.
        """
        rho, evidence = self.weighing.year_correlation, self.weighing.evidence
        other = Weighing(component, rho, evidence)
        if _any_waits(other):
            return None
        occurring, changed, replaced = self._changed(other.additions)
        rows = SomeRows(np.flatnonzero(changed), len(changed))
        if len(rows.numbers) > _MOST_ANEW * len(changed):
            return None
        points = self._points(occurring, replaced, rows, amounts)
        try:
            drawn, judged = other.judged(points, {}, self._further(changed))
        except RanksNeeded:
            return None
        totals, cells = self.totals.copy(order="F"), self.cells.copy()
        totals.T[:, rows.numbers], cells[:, rows.numbers] = drawn.T, cells_of(drawn.T)
        gain, log_weights = self.gain.copy(), self.judged.copy()
        gain[rows.numbers], log_weights[rows.numbers] = points.gain, judged
        if self.proposal is not None:
            add_tilts(gain, occurring, chances_of(other.additions, self.proposal.tilts))
            log_weights += log_prior_over_mixture(gain)
        return other.weighed(totals, log_weights, self.proposal, {}), cells

    def _changed(self, additions: Additions) -> tuple[Occurring, NDArray[np.bool_], list[_Signed]]:
        """Which events occur now `(event, draw)`, and in which draws these, or what they add, are others `(draw,)`.

        And the groups to add as they are and to take away as they were.
        """
        before = {
            _slots(group): (group, occurs)
            for group, occurs in by_group(self.weighing.additions, self.occurring)
        }
        occurring = np.empty((sum(map(len, additions)), len(self.base)), dtype=bool)
        changed = np.zeros(len(self.base), dtype=bool)
        replaced: list[_Signed] = []
        for group, occurs in by_group(additions, occurring):
            old_group, old_occurs = before.pop(_slots(group), ((), None))
            if old_occurs is not None and group == old_group:
                occurs[:] = old_occurs
                continue
            occurs[:] = _occurring(self.base, self._width, (group,), self.proposal)
            replaced.append((np.add, group, occurs))
            if old_occurs is None:
                changed |= occurs.any(axis=0)
            else:
                replaced.append((np.subtract, old_group, old_occurs))
                changed |= _differs(old_group, group, old_occurs, occurs)
        for group, occurs in before.values():
            replaced.append((np.subtract, group, occurs))
            changed |= occurs.any(axis=0)
        return occurring, changed, replaced

    @property
    def _width(self) -> int:
        return 1 + len(self.weighing.evidence.observation.years)

    def _points(
        self, occurring: Occurring, replaced: list[_Signed], rows: SomeRows, amounts: SharedAmounts
    ) -> Points:
        """The points of some rows; their gain is that of the normals."""
        base = self.base.T[: self._width].take(rows.numbers, axis=1).T
        here, own = occurring.take(rows.numbers, axis=1), AmountsInRows(amounts, rows.numbers)
        added = self.added.T.take(rows.numbers, axis=1)
        for sign, group, occurs in replaced:
            combine_group(sign, added, group, occurs.take(rows.numbers, axis=1), own)
        if self.proposal is None:
            return Points(base, here, added.T, np.zeros(len(base), base.dtype))
        normals, gain = moved_normals(base, added.T, self.proposal, rows)
        return Points(normals, here, added.T, gain)

    def _further(self, changed: NDArray[np.bool_]) -> FurtherDraws:
        """The draws that are left as they are."""
        part, lifted = self.weighing.component, {}
        for year, own in zip(part.years, part.marginals, strict=True):
            column = self.totals[:, self.weighing.evidence.observation.years.index(year)]
            on_floor = column == column.dtype.type(own.floor + LIFTED)
            lifted[year] = int(np.count_nonzero(on_floor & ~changed))
        return FurtherDraws(int(np.count_nonzero(~changed)), lifted)


def own_draws(weighing: Weighing, base: Array, proposal: Proposal | None) -> OwnDraws | None:
    """The draws of a component from `base` `(draw, column)`; None where no draw could be kept under other events."""
    if completed_totals(weighing.evidence) or _any_waits(weighing):
        return None
    years, additions, rho = weighing.evidence.observation.years, weighing.additions, weighing.year_correlation
    width = 1 + len(years)
    occurring = _occurring(base, width, additions, proposal)
    added = added_amounts(additions, years, rho, base[:, width:], occurring)
    normals, gain = base[:, :width], np.zeros(len(base), base.dtype)
    if proposal is not None:
        normals, gain = moved_normals(normals, added, proposal)
    try:
        totals, judged = weighing.judged(Points(normals, occurring, added, gain), {}, FurtherDraws(0, {}))
    except RanksNeeded:
        return None
    cells = cells_of(totals.T).astype(np.uint16)
    return OwnDraws(weighing, base, proposal, occurring, added, gain, totals, cells, judged)


def _occurring(base: Array, width: int, additions: Additions, proposal: Proposal | None) -> Occurring:
    if proposal is None:
        return occurrences(additions, width, base[:, width:])
    return proposed_events(base, width, additions, chances_of(additions, proposal.tilts))


def _differs(
    old: tuple[Addition, ...], new: tuple[Addition, ...], before: Occurring, now: Occurring
) -> NDArray[np.bool_]:
    """In which draws a group adds something else, by which of it occur `(event, draw)` before and now."""
    changed = np.asarray((before != now).any(axis=0))
    for was, part, occurs in zip(old, new, now, strict=True):
        if (was.years, was.amounts) != (part.years, part.amounts):
            changed |= occurs
    return changed


def _any_waits(weighing: Weighing) -> bool:
    first_open = weighing.evidence.observation.first_open
    return any(waits(part, first_open) for group in weighing.additions for part in group)


def _slots(group: tuple[Addition, ...]) -> tuple[tuple[str, int], ...]:
    return tuple((part.key, part.slot) for part in group)
