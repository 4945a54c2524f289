"""Many states of an edit's components, from few draws of each, drawn and weighed together.

    totals[year, state, draw] = belief of the state + sum over events of (occurs) x (amount)

Between two beliefs lie many sets of changes, and an event edited changes every component. What states have in common
is made once: a belief's draws, the draws in which an event occurs, its amounts. Where a year counted in full, or one
that nobody stated, ties belief and events together, totals come from the same function as elsewhere.
Web-safe: NumPy and SciPy only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.component_draws import completed_totals, open_years_of, restricted
from models.edits import Edit, State
from models.event_chances import EventChances, Tilts, event_chances
from models.pareto import effective_sample_sizes
from models.proposals import (
    Proposal,
    kept_rows,
    log_prior_over_mixture,
    moved_together,
)
from models.stated_draws import cut_to_floor
from models.weigher import Weigher
from models.weighting import Weighing, weigh_component
from priors.copula import draw_component
from priors.events import EventGroup, SharedAmounts, choosing, restricted_event, waits, who_occurs
from priors.mixture import Component

Array = NDArray[np.float64]
Place = tuple[str, bool]  # key of a component, whether its belief is the edited one

LEAST_EFFECTIVE = 0.1  # share of the draws that must count, else a proposal is looked for
_LIFTED, _FEW_LIFTED = (
    0.01,
    4,
)  # draws that may be lifted onto the floor instead of spread by rank: share and number
_LEAST_FOR_A_PROPOSAL = 512
_AS_STATED: Tilts = {}


@dataclass(frozen=True)
class Drawn:
    """Totals `(year, state, draw)` of `states` and their log weights `(state, draw)`."""

    states: tuple[State, ...]
    totals: Array
    log_weights: Array


def drawn_states(edit: Edit, weigher: Weigher, rows: int, states: Sequence[State]) -> Drawn:
    """Every state from the weigher's first `rows` draws; where few of them count, from a proposal of its own."""
    few = _FewDraws(edit, weigher, rows)
    drawn = few.drawn(states)
    few_count = effective_sample_sizes(drawn.log_weights) < LEAST_EFFECTIVE * rows
    uneven = {_place(states[number]): states[number] for number in np.flatnonzero(few_count)[::-1]}
    for state in uneven.values():
        few.adapt(state)
    if again := [number for number, state in enumerate(states) if _place(state) in uneven]:
        anew = few.drawn([states[number] for number in again], apart=True)
        drawn.totals[:, again], drawn.log_weights[again] = anew.totals, anew.log_weights
    return drawn


@dataclass(frozen=True)
class _Beliefs:
    """Beliefs that states share, told by the first state of each: their `blocks` of normals and their proposals."""

    states: list[State]
    blocks: NDArray[np.intp]
    proposals: list[Proposal | None]

    @property
    def tilts(self) -> list[Tilts]:
        """Of every belief, as its proposal has them."""
        return [own.tilts if own else _AS_STATED for own in self.proposals]


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

    def drawn(self, states: Sequence[State], apart: bool = False) -> Drawn:
        """All states, as many as possible at once; `apart` with normals that follow each state's own events."""
        together = [number for number, state in enumerate(states) if self._only_adds_up(state)]
        if len(together) == len(states):
            return Drawn(tuple(states), *self._drawn_together(states, apart))
        shape = len(states), self._rows
        totals, logs = np.empty((len(self._years), *shape), self._base.dtype), np.empty(shape)
        if together:
            some = [states[number] for number in together]
            totals[:, together], logs[together] = self._drawn_together(some, apart)
        for number in set(range(len(states))) - set(together):
            totals[:, number], logs[number] = self.drawn_alone(states[number])
        return Drawn(tuple(states), totals, logs)

    def adapt(self, state: State) -> None:
        """Find a proposal for a state, which others of the same belief use too."""
        component, rho = self._edit.component(state), self._edit.correlation(state)
        base = self._weigher.normals(self._edit.slots)[: max(self._rows, _LEAST_FOR_A_PROPOSAL)]
        self._proposals[_place(state)] = weigh_component(component, rho, self._evidence, base).proposal

    def drawn_alone(self, state: State) -> tuple[Array, Array]:
        """Totals `(year, draw)` and log weights `(draw,)` of one state, by the functions of a forecast."""
        weigh = Weighing(self._edit.component(state), self._edit.correlation(state), self._evidence)
        weighed, _ = weigh(self._base_of(state), self._proposal(_place(state)))
        return weighed.totals.T, weighed.log_weights

    def _base_of(self, state: State) -> Array:
        """The rows `(draw, column)` from which a state's component is drawn."""
        first = self._rows * self._block[state.key]
        return self._base[first : first + self._rows]

    def _only_adds_up(self, state: State) -> bool:
        """Whether totals are belief and events added up: no year counted in full, none left to the model."""
        return not self._completed and set(self._open) <= set(self._edit.belief(state).years)

    def _drawn_together(self, states: Sequence[State], apart: bool) -> tuple[Array, Array]:
        """As `drawn_alone`, of all states: totals `(year, state, draw)` and log weights `(state, draw)`."""
        numbers: dict[State, int] = {}
        alike = states if apart else [state._replace(events=frozenset()) for state in states]
        row = np.array([numbers.setdefault(state, len(numbers)) for state in alike])
        first = np.unique(row, return_index=True)[1]
        beliefs = self._of([states[number] for number in first])
        added, waiting, gain = self._events(states, beliefs, row)
        of_beliefs, of_normals = self._beliefs(beliefs, added[:, first])
        totals, gain = added + of_beliefs[:, row], gain + of_normals[row]
        floors = np.array([self._floors(self._edit.belief(state)) for state in beliefs.states]).T[:, row]
        self._cut(totals, floors, states)
        flow = totals if waiting is None else totals - waiting
        by_draw = totals.reshape(len(totals), -1).T
        by_flow = by_draw if waiting is None else flow.reshape(len(flow), -1).T
        logs = self._evidence.log_evidence(by_draw, by_flow).reshape(len(states), -1)
        logs += log_prior_over_mixture(gain)
        return totals, logs

    def _of(self, states: list[State]) -> _Beliefs:
        blocks = np.array([self._block[state.key] for state in states])
        return _Beliefs(states, blocks, [self._proposal(_place(state)) for state in states])

    def _beliefs(self, beliefs: _Beliefs, added: Array) -> tuple[Array, Array]:
        """Totals `(year, belief, draw)` without events, and the gain `(belief, draw)` of the normals behind them.

        `added` `(year, belief, draw)` is what events add. A belief's normals are those of the first state of it that
        was asked for. Which events that one was drawn with does not matter: weights set it right.
        """
        normals, gain = self._normals(beliefs, added)
        totals = np.empty_like(added)
        totals[:] = self._evidence.observation.counted[:, None, None]
        for place, state in enumerate(beliefs.states):
            own = restricted(replace(self._edit.belief(state), additions=()), self._open)
            columns = [self._years.index(year) for year in own.years]
            drawn = draw_component(own, self._edit.correlation(state), normals[place, columns].T)
            totals[columns, place] = drawn.T
        return totals, gain

    def _normals(self, beliefs: _Beliefs, added: Array) -> tuple[Array, Array]:
        """Normals of years `(belief, year + 1, draw)`, moved by proposals if any, and their gain `(belief, draw)`."""
        width = 1 + len(self._years)
        standard = self._base[:, :width].T.reshape(width, self._blocks, self._rows).swapaxes(0, 1)
        normals = standard[beliefs.blocks]
        gain, found = np.zeros((len(normals), self._rows), normals.dtype), beliefs.proposals
        for of_events in (False, True):  # whether it is one of events too
            places = [k for k, own in enumerate(found) if own is not None and bool(own.tilts) is of_events]
            if places:
                proposals = [own for own in found if own is not None and bool(own.tilts) is of_events]
                of_these = added[:, places].swapaxes(0, 1)
                normals[places], gain[places] = moved_together(normals[places], of_these, proposals)
        return normals, gain

    def _events(
        self, states: Sequence[State], beliefs: _Beliefs, row: NDArray[np.intp]
    ) -> tuple[Array, Array | None, Array]:
        """What events add `(year, state, draw)`, the part of those that have not begun, and the gain of their tilts.

        The part is None where all have begun. `row` `(state,)` is the number of a state's belief. What every group adds
        under every belief is made once; sums over groups are one product of matrices for all sets of them.
        """
        of_states = [self._edit.groups(state) for state in states]
        sets = {id(own): own for own in of_states if own}
        groups = list({id(group): group for own in sets.values() for group in own}.values())
        if not groups:
            nothing = np.zeros((len(self._years) + 1, len(states), self._rows), self._base.dtype)
            return nothing[:-1], None, nothing[-1]
        planes, of_none = self._of_groups(groups, beliefs)
        number = {id(group): place for place, group in enumerate(groups)}
        in_set = np.zeros((len(sets) + 1, len(groups)), planes.dtype)  # and in no group at all, last
        for own, members in zip(in_set, sets.values(), strict=False):
            own[[number[id(group)] for group in members]] = 1.0
        place_of = {name: place for place, name in enumerate(sets)}
        at = np.array([place_of.get(id(own), len(sets)) for own in of_states])
        chosen = at * len(beliefs.states) + row
        events = [event for group in groups for event in group]
        by_event = in_set.repeat([len(group) for group in groups], axis=1)

        def summed(part: Array) -> Array:
            sums = part @ planes.reshape(len(planes), len(events), -1)
            return np.asarray(sums.reshape(len(planes), -1, self._rows).take(chosen, axis=1))

        added = summed(by_event)
        added[-1] += (in_set @ of_none).ravel().take(chosen)[:, None]
        late = np.array([waits(event, self._first_open) for event in events])
        return added[:-1], summed(by_event * late)[:-1] if late.any() else None, added[-1]

    def _of_groups(self, groups: list[EventGroup], beliefs: _Beliefs) -> tuple[Array, Array]:
        """What each event adds under every belief `(year + 1, event, belief, draw)`, last its tilt over that of none.

        And the tilt of none `(group, belief)`. A tilt is a log of the chance drawn from less that of the chance stated.
        """
        events = [event for group in groups for event in group]
        stated = np.array([[event.chance(state.key) for event in events] for state in beliefs.states])
        chances = event_chances(groups, stated, beliefs.tilts)
        occurring = self._occurring(groups, chances, beliefs)
        planes = np.zeros((len(self._years) + 1, *occurring.shape), self._base.dtype)
        of_none, planes[-1] = chances.log_tilts[0].T, chances.log_tilts[1].T[..., None]
        edited = np.array([state.correlation_edited for state in beliefs.states])
        for correlation_edited in np.unique(edited):
            own, shared = np.flatnonzero(edited == correlation_edited), self._shared(bool(correlation_edited))
            for plane, event in zip(planes.swapaxes(0, 1), events, strict=True):
                if any(year in self._open for year in event.years):
                    years, amounts = shared.of(restricted_event(event, self._open))
                    by_block = amounts.reshape(len(amounts), self._blocks, -1)
                    plane[np.ix_(np.arange(len(self._years))[years], own)] = by_block[:, beliefs.blocks[own]]
        planes *= occurring
        return planes, of_none.astype(planes.dtype)

    def _occurring(
        self, groups: list[EventGroup], chances: EventChances, beliefs: _Beliefs
    ) -> NDArray[np.bool_]:
        """Where each event occurs `(event, belief, draw)`."""
        stated, tilted = (chances.ends(table).T for table in (chances.stated, chances.drawn_from))
        width = 1 + len(self._years)
        chosen = choosing(groups, width, self._base[:, width:]).reshape(len(stated), self._blocks, -1)
        chosen = chosen[:, beliefs.blocks]
        occurring = who_occurs(groups, chosen, tilted)
        occurring[..., self._kept] = who_occurs(groups, chosen[..., self._kept], stated)
        return occurring

    def _shared(self, correlation_edited: bool) -> SharedAmounts:
        """The amounts of events in every draw of every block."""
        belief = self._edit.new if correlation_edited else self._edit.old
        assert belief.density is not None
        rho = belief.density.year_correlation
        if rho not in self._amounts:
            of_events = self._base[:, 1 + len(self._years) :]
            self._amounts[rho] = SharedAmounts(of_events, self._years, rho)
        return self._amounts[rho]

    def _cut(self, totals: Array, floors: Array, states: Sequence[State]) -> None:
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
