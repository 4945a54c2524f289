"""Many states of an edit's components, from few draws of each, drawn and weighed together.

    totals[year, state, draw] = belief of the state + sum over events of (occurs) x (amount)

Between two beliefs lie many sets of changes, and an event edited changes every component. What states have in common
is made once: a belief's draws, the draws in which an event occurs, its amounts. Where a year counted in full, or one
that nobody stated, ties belief and events together, totals come from the same function as elsewhere.
Web-safe: NumPy and SciPy only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from models.component_draws import completed_totals, open_years_of, restricted
from models.edits import Edit, Made, State
from models.pareto import effective_sample_sizes
from models.proposals import (
    Proposal,
    kept_rows,
    log_prior_over_mixture,
    log_tilt,
    moved_together,
    tilted,
)
from models.stated_draws import cut_to_floor
from models.weigher import Weigher
from models.weighting import Weighing, weigh_component
from priors.copula import draw_component
from priors.events import EventGroup, SharedAmounts, restricted_event, waits
from priors.mixture import Component

Array = NDArray[np.float64]
Place = tuple[str, bool]  # key of a component, whether its belief is the edited one

LEAST_EFFECTIVE = 0.1  # share of the draws that must count, else a proposal is looked for
_LIFTED, _FEW_LIFTED = (
    0.01,
    4,
)  # draws that may be lifted onto the floor instead of spread by rank: share and number
_LEAST_FOR_A_PROPOSAL = 512


@dataclass(frozen=True)
class Drawn:
    """Totals `(year, draw)` of a state and their log weights `(draw,)`."""

    totals: Array
    log_weights: Array


def drawn_states(edit: Edit, weigher: Weigher, rows: int, states: Sequence[State]) -> dict[State, Drawn]:
    """Every state from the weigher's first `rows` draws; where few of them count, from a proposal of its own."""
    few = _FewDraws(edit, weigher, rows)
    drawn = few.drawn(states)
    effective = effective_sample_sizes(np.stack([drawn[state].log_weights for state in states]))
    few_count = (effective < LEAST_EFFECTIVE * rows).tolist()
    uneven = {
        _place(state): state for state, found in reversed(list(zip(states, few_count, strict=True))) if found
    }
    for state in uneven.values():
        few.adapt(state)
    return drawn | {state: few.drawn_alone(state) for state in states if _place(state) in uneven}


@dataclass(frozen=True)
class _Alike:
    """Beliefs for which events are drawn together: their keys, blocks of normals and proposals, one of each a belief.

    `found` keeps what was made of a group of events, by the object it is.
    """

    keys: list[str]
    blocks: list[int]
    proposals: list[Proposal | None]
    amounts: SharedAmounts
    found: dict[int, tuple[Array, Array | None, Array]] = field(default_factory=dict)

    def chances(self, group: EventGroup) -> tuple[Array, Array]:
        """Chances `(belief, event + 1)` of a group's events and, last, of none: as stated, and those drawn from."""
        own = np.array([[event.chance(key) for event in group] for key in self.keys])
        stated = np.concatenate([own, np.maximum(1.0 - own.sum(axis=1, keepdims=True), 0.0)], axis=1)
        drawn_from, slots = stated.copy(), tuple(event.slot for event in group)
        tilts = {k: own.tilts[slots] for k, own in enumerate(self.proposals) if own and slots in own.tilts}
        if tilts:
            drawn_from[list(tilts)] = tilted(stated[list(tilts)], np.stack(list(tilts.values())))
        return stated, drawn_from


class _FewDraws:
    def __init__(self, edit: Edit, weigher: Weigher, rows: int) -> None:
        self._edit, self._weigher = edit, weigher
        self._evidence, self._years = weigher.evidence, weigher.evidence.observation.years
        self._open = open_years_of(self._evidence)
        self._completed = completed_totals(self._evidence)
        self._first_open = self._evidence.observation.first_open
        # Every component has rows of its own: together they spread over many more points than each has.
        self._rows, self._blocks = rows, max(min(weigher.rows // rows, len(edit.keys)), 1)
        self._base = weigher.normals(edit.slots)[: rows * self._blocks]
        self._block = {key: place % self._blocks for place, key in enumerate(edit.keys)}
        self._kept = np.zeros(rows, dtype=bool)
        self._kept[kept_rows(rows)] = True
        self._proposals: dict[Place, Proposal | None] = {}
        self._amounts: dict[float, SharedAmounts] = {}

    def drawn(self, states: Sequence[State]) -> dict[State, Drawn]:
        """All states, as many as possible at once."""
        together = [state for state in states if self._only_adds_up(state)]
        found = self._drawn_together(together) if together else {}
        return {state: found.get(state) or self.drawn_alone(state) for state in states}

    def adapt(self, state: State) -> None:
        """Find a proposal for a state, which others of the same belief use too."""
        component, rho = self._edit.component(state), self._edit.correlation(state)
        base = self._weigher.normals(self._edit.slots)[: max(self._rows, _LEAST_FOR_A_PROPOSAL)]
        self._proposals[_place(state)] = weigh_component(component, rho, self._evidence, base).proposal

    def drawn_alone(self, state: State) -> Drawn:
        """One state by the functions of a forecast."""
        weigh = Weighing(self._edit.component(state), self._edit.correlation(state), self._evidence)
        weighed, _ = weigh(self._base_of(state), self._proposal(_place(state)))
        return Drawn(weighed.totals.T, weighed.log_weights)

    def _base_of(self, state: State) -> Array:
        """The rows `(draw, column)` from which a state's component is drawn."""
        first = self._rows * self._block[state.key]
        return self._base[first : first + self._rows]

    def _only_adds_up(self, state: State) -> bool:
        """Whether totals are belief and events added up: no year counted in full, none left to the model."""
        return not self._completed and set(self._open) <= set(self._edit.belief(state).years)

    def _drawn_together(self, states: list[State]) -> dict[State, Drawn]:
        """As `drawn_alone`, of all states in one array `(year, state, draw)`."""
        of_belief: dict[tuple[Place, bool], int] = {}
        row = [
            of_belief.setdefault((_place(state), state.correlation_edited), len(of_belief))
            for state in states
        ]
        first = [row.index(k) for k in range(len(of_belief))]
        added, waiting, gain = self._events(states)
        beliefs, of_normals = self._beliefs([states[k] for k in first], added[:, first])
        totals, gain = added + beliefs[:, row], gain + of_normals[row]
        floors = np.array([self._floors(self._edit.belief(states[k])) for k in first]).T[:, row]
        self._cut(totals, floors, states)
        flow = totals if waiting is None else totals - waiting
        by_draw = totals.reshape(len(totals), -1).T
        by_flow = by_draw if waiting is None else flow.reshape(len(flow), -1).T
        logs = self._evidence.log_evidence(by_draw, by_flow).reshape(len(states), -1)
        logs += log_prior_over_mixture(gain)
        return {state: Drawn(totals[:, place], logs[place]) for place, state in enumerate(states)}

    def _beliefs(self, states: list[State], added: Array) -> tuple[Array, Array]:
        """Totals `(year, state, draw)` without events, and the gain `(state, draw)` of the normals behind them.

        `added` `(year, state, draw)` is what events add. A belief's normals are those of the first state of it that was
        asked for. Which events that one was drawn with does not matter: weights set it right.
        """
        normals, gain = self._normals(states, added)
        totals = np.empty_like(added)
        totals[:] = self._evidence.observation.counted[:, None, None]
        for place, state in enumerate(states):
            own = restricted(replace(self._edit.belief(state), additions=()), self._open)
            columns = [self._years.index(year) for year in own.years]
            drawn = draw_component(own, self._edit.correlation(state), normals[place, columns].T)
            totals[columns, place] = drawn.T
        return totals, gain

    def _normals(self, states: list[State], added: Array) -> tuple[Array, Array]:
        """Normals of years `(state, year + 1, draw)`, moved by proposals if any, and their gain `(state, draw)`."""
        width = 1 + len(self._years)
        standard = self._base[:, :width].T.reshape(width, self._blocks, self._rows).swapaxes(0, 1)
        normals = standard[[self._block[state.key] for state in states]]
        gain = np.zeros((len(states), self._rows), normals.dtype)
        found = [self._proposal(_place(state)) for state in states]
        for of_events in (False, True):  # whether it is one of events too
            places = [k for k, own in enumerate(found) if own is not None and bool(own.tilts) is of_events]
            if places:
                proposals = [own for own in found if own is not None and bool(own.tilts) is of_events]
                of_these = added[:, places].swapaxes(0, 1)
                normals[places], gain[places] = moved_together(normals[places], of_these, proposals)
        return normals, gain

    def _events(self, states: list[State]) -> tuple[Array, Array | None, Array]:
        """What events add `(year, state, draw)`, the part of those that have not begun, and the gain of their tilts.

        The part is None where all have begun.
        """
        added = np.zeros((len(self._years), len(states), self._rows), self._base.dtype)
        waiting, gain = None, np.zeros(added.shape[1:], added.dtype)
        rows: dict[bool, dict[Place, int]] = {False: {}, True: {}}
        batches: dict[tuple[Made, bool], list[int]] = {}
        for place, state in enumerate(states):
            if self._edit.groups(state):
                own = rows[state.correlation_edited]
                own.setdefault(_place(state), len(own))
                batches.setdefault((state.events, state.correlation_edited), []).append(place)
        alike = {edited: self._alike(list(own), edited) for edited, own in rows.items()}
        for (_, edited), places in batches.items():
            found = [self._of_group(group, alike[edited]) for group in self._edit.groups(states[places[0]])]
            at = [rows[edited][_place(states[place])] for place in places]
            added[:, places] = _sum([adds for adds, _, _ in found])[:, at]
            gain[places] = _sum([of_tilts for _, _, of_tilts in found])[at]
            late = [part for _, part, _ in found if part is not None]
            if late:
                waiting = np.zeros_like(added) if waiting is None else waiting
                waiting[:, places] = _sum(late)[:, at]
        return added, waiting, gain

    def _alike(self, places: list[Place], correlation_edited: bool) -> _Alike:
        blocks, proposals = [self._block[key] for key, _ in places], [self._proposal(own) for own in places]
        return _Alike([key for key, _ in places], blocks, proposals, self._shared(correlation_edited))

    def _of_group(self, group: EventGroup, alike: _Alike) -> tuple[Array, Array | None, Array]:
        """As `_events`, of one group under beliefs. A group stays one object throughout."""
        if id(group) not in alike.found:
            late, (occurring, gain) = None, self._occurrences(group, alike)
            adds = np.zeros((len(self._years), *gain.shape), gain.dtype)
            for event, occurs in zip(group, occurring, strict=True):
                places, amounts = alike.amounts.of(restricted_event(event, self._open))
                drawn = occurs * amounts.reshape(len(places), self._blocks, -1)[:, alike.blocks]
                adds[places] += drawn
                if waits(event, self._first_open):
                    late = np.zeros_like(adds) if late is None else late
                    late[places] += drawn
            alike.found[id(group)] = adds, late, gain
        return alike.found[id(group)]

    def _occurrences(self, group: EventGroup, alike: _Alike) -> tuple[list[NDArray[np.bool_]], Array]:
        """Where each event of a group occurs `(belief, draw)`, and the gain of the chances it was drawn from."""
        stated, drawn_from = alike.chances(group)
        precision = self._base.dtype
        ends = np.where(self._kept, _ends(stated)[..., None], _ends(drawn_from)[..., None]).astype(precision)
        chosen = self._base[:, (1 + len(self._years)) * (1 + group[0].slot)].reshape(self._blocks, -1)
        until = chosen[alike.blocks][:, None] <= ends
        occurring = [until[:, 0], *(until[:, 1:] & ~until[:, :-1]).swapaxes(0, 1)]
        logs = log_tilt(drawn_from, stated).astype(precision)[..., None]
        gain = logs[:, -1] + sum(o * (logs[:, k] - logs[:, -1]) for k, o in enumerate(occurring))
        return occurring, gain

    def _shared(self, correlation_edited: bool) -> SharedAmounts:
        """The amounts of events in every draw of every block."""
        belief = self._edit.new if correlation_edited else self._edit.old
        assert belief.density is not None
        rho = belief.density.year_correlation
        if rho not in self._amounts:
            of_events = self._base[:, 1 + len(self._years) :]
            self._amounts[rho] = SharedAmounts(of_events, self._years, rho)
        return self._amounts[rho]

    def _cut(self, totals: Array, floors: Array, states: list[State]) -> None:
        """Bring totals `(year, state, draw)` above `floors` `(year, state)`, few by lifting and many by rank."""
        counts = np.count_nonzero(totals < floors.astype(totals.dtype)[..., None], axis=2)
        for j, k in np.argwhere(counts):
            sums, floor = totals[j, k], float(floors[j, k])
            if counts[j, k] > max(_LIFTED * len(sums), _FEW_LIFTED):
                sums[:] = cut_to_floor(self._edit.component(states[k]), self._years[j], sums)
            else:
                np.maximum(sums, floor + 0.5, out=sums)

    def _floors(self, belief: Component) -> list[float]:
        """Of every target year, the floor of a belief about it; -inf where it was known."""
        floors = {year: own.floor for year, own in zip(belief.years, belief.marginals, strict=True)}
        return [floors[year] if year in self._open else -np.inf for year in self._years]

    def _proposal(self, place: Place) -> Proposal | None:
        return self._proposals[place] if place in self._proposals else self._weigher.start_for_few(place[0])


def _place(state: State) -> Place:
    """What a state's proposal goes by."""
    return state.key, state.edited


def _sum(arrays: Sequence[Array]) -> Array:
    total = arrays[0].copy()
    for array in arrays[1:]:
        total += array
    return total


def _ends(chances: Array) -> Array:
    """Normals `(belief, event)` up to which each event occurs."""
    return np.asarray(ndtri(np.minimum(np.cumsum(chances[:, :-1], axis=1), 1.0)))
