"""Many states of an edit's components, from few draws of each, drawn and weighed together.

    totals[year, state, draw] = belief of the state + sum over events of (occurs) x (amount)

Between two beliefs lie many sets of changes, and an event edited changes every component. What states have in common
is made once: a belief's draws, the draws in which an event occurs, its amounts. Where a year counted in full, or one
that nobody stated, ties belief and events together, totals come from the same function as elsewhere.
Web-safe: NumPy and SciPy only.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from models.component_draws import completed_totals, open_years_of, restricted
from models.edits import Edit, Made, State
from models.pareto import effective_sample_size
from models.proposals import (
    Proposal,
    kept_rows,
    log_prior_over_mixture,
    log_tilt,
    moved_normals,
    proposed_events,
    stated_chances,
)
from models.stated_draws import cut_to_floor
from models.weigher import Weigher
from models.weighting import Weighing, weigh_component
from priors.copula import draw_component
from priors.events import (
    AmountsInRows,
    EventGroup,
    SharedAmounts,
    restricted_additions,
    restricted_event,
    waits,
)

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
    uneven = {
        _place(state): state
        for state in reversed(states)
        if effective_sample_size(drawn[state].log_weights) < LEAST_EFFECTIVE * rows
    }
    for state in uneven.values():
        few.adapt(state)
    return drawn | {state: few.drawn_alone(state) for state in states if _place(state) in uneven}


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
        self._beliefs: dict[tuple[Place, bool], tuple[Array, Array]] = {}
        self._amounts: dict[float, SharedAmounts] = {}
        self._stated: dict[tuple[int, str], list[float]] = {}
        self._drawn_from: dict[tuple[int, Place], Array] = {}
        self._occurring: dict[tuple[int, tuple[Place, ...]], tuple[list[NDArray[np.bool_]], Array]] = {}

    def drawn(self, states: Sequence[State]) -> dict[State, Drawn]:
        """All states, those with the same events at once."""
        batches: dict[tuple[Made, bool, bool], list[State]] = {}
        for state in states:
            if self._only_adds_up(state):
                name = state.events, state.correlation_edited, bool(self._edit.groups(state))
                batches.setdefault(name, []).append(state)
        found: dict[State, Drawn] = {}
        for batch in batches.values():
            found |= self._drawn_together(batch)
        return {state: found.get(state) or self.drawn_alone(state) for state in states}

    def adapt(self, state: State) -> None:
        """Find a proposal for a state, which others of the same belief use too."""
        component, rho = self._edit.component(state), self._edit.correlation(state)
        base = self._weigher.normals(self._edit.slots)[: max(self._rows, _LEAST_FOR_A_PROPOSAL)]
        self._proposals[_place(state)] = weigh_component(component, rho, self._evidence, base).proposal

    def drawn_alone(self, state: State) -> Drawn:
        """One state by the functions of a forecast."""
        weigh = Weighing(self._edit.component(state), self._edit.correlation(state), self._evidence)
        weighed, _ = weigh(self._base_of(state), self._proposal(state))
        return Drawn(weighed.totals.T, weighed.log_weights)

    def _base_of(self, state: State) -> Array:
        """The rows `(draw, column)` from which a state's component is drawn."""
        first = self._rows * self._block[state.key]
        return self._base[first : first + self._rows]

    def _only_adds_up(self, state: State) -> bool:
        """Whether totals are belief and events added up: no year counted in full, none left to the model."""
        return not self._completed and set(self._open) <= set(self._edit.belief(state).years)

    def _drawn_together(self, states: list[State]) -> dict[State, Drawn]:
        """As `drawn_alone` of states with the same events, their totals `(year, state, draw)` in one array."""
        beliefs = [self._belief(state) for state in states]
        totals = np.stack([belief for belief, _ in beliefs], axis=1)
        gain = np.stack([of_normals for _, of_normals in beliefs])
        waiting = self._add_events(totals, gain, states)
        for place, state in enumerate(states):
            self._cut(totals[:, place], state)
        flow = totals if waiting is None else totals - waiting
        by_draw = [part.reshape(len(part), -1).T for part in (totals, flow)]
        logs = self._evidence.log_evidence(*by_draw).reshape(len(states), -1)
        logs += log_prior_over_mixture(gain)
        return {state: Drawn(totals[:, place], logs[place]) for place, state in enumerate(states)}

    def _belief(self, state: State) -> tuple[Array, Array]:
        """Totals `(year, draw)` of a state's belief without events, and the gain of the normals behind them.

        The normals are those of the first state of that belief that was asked for. Which events that one was drawn with
        does not matter: weights set it right.
        """
        name = _place(state), state.correlation_edited
        if name not in self._beliefs:
            component, rho = self._edit.belief(state), self._edit.correlation(state)
            normals, gain = self._normals(state)
            own = restricted(replace(component, additions=()), self._open)
            columns = [self._years.index(year) for year in own.years]
            totals = np.empty((len(self._years), self._rows))
            totals[:] = self._evidence.observation.counted[:, None]
            totals[columns] = draw_component(own, rho, normals[:, columns]).T
            self._beliefs[name] = totals, gain
        return self._beliefs[name]

    def _normals(self, state: State) -> tuple[Array, Array]:
        proposal, width, base = self._proposal(state), 1 + len(self._years), self._base_of(state)
        if proposal is None:
            return base[:, :width], np.zeros(len(base))
        component, rho = self._edit.component(state), self._edit.correlation(state)
        additions = restricted_additions(component.additions, self._open)
        first = self._rows * self._block[state.key]
        amounts = AmountsInRows(self._shared(rho), slice(first, first + self._rows))
        chances = [proposal.chances(*stated_chances(group)) for group in additions]
        _, added = proposed_events(base, self._years, additions, rho, chances, amounts)
        return moved_normals(base[:, :width], added, proposal)

    def _add_events(self, totals: Array, gain: Array, states: list[State]) -> Array | None:
        """Add to totals `(year, state, draw)` what events add that occur, and to gains what their tilts come to.

        Gives the part of events that have not begun, None where all have.
        """
        rho, waiting = self._edit.correlation(states[0]), None
        blocks = [self._block[state.key] for state in states]
        for group in self._edit.groups(states[0]):
            occurring, of_tilts = self._occurrences(group, states)
            gain += of_tilts
            for event, occurs in zip(group, occurring, strict=True):
                late = waits(event, self._first_open)
                waiting = np.zeros_like(totals) if late and waiting is None else waiting
                places, amounts = self._shared(rho).of(restricted_event(event, self._open))
                drawn = occurs * amounts.reshape(len(places), self._blocks, -1)[:, blocks]
                totals[places] += drawn
                if late and waiting is not None:
                    waiting[places] += drawn
        return waiting

    def _occurrences(self, group: EventGroup, states: list[State]) -> tuple[list[NDArray[np.bool_]], Array]:
        """Where each event of a group occurs `(state, draw)`, and the gain of the chances it was drawn from."""
        name = id(group), tuple(_place(state) for state in states)
        if name not in self._occurring:
            first = group[0].slot
            stated = np.array([self._chances(group, state.key) for state in states])
            drawn_from = np.array([self._proposed_chances(group, state) for state in states])
            ends = np.where(self._kept, _ends(stated)[..., None], _ends(drawn_from)[..., None])
            chosen = self._base[:, (1 + len(self._years)) * (1 + first)].reshape(self._blocks, -1)
            until = chosen[[self._block[state.key] for state in states]][:, None] <= ends
            occurring = [until[:, 0], *(until[:, 1:] & ~until[:, :-1]).swapaxes(0, 1)]
            logs = log_tilt(drawn_from, stated)[..., None]
            gain = logs[:, -1] + sum(o * (logs[:, k] - logs[:, -1]) for k, o in enumerate(occurring))
            self._occurring[name] = occurring, gain
        return self._occurring[name]

    def _chances(self, group: EventGroup, key: str) -> list[float]:
        """Chances of a group's events under a scenario and, last, of none; a group stays one object throughout."""
        name = id(group), key
        if name not in self._stated:
            own = [event.chance(key) for event in group]
            self._stated[name] = [*own, max(1.0 - sum(own), 0.0)]
        return self._stated[name]

    def _proposed_chances(self, group: EventGroup, state: State) -> Array:
        """As `_chances`, those from which a state's proposal draws."""
        name = id(group), _place(state)
        if name not in self._drawn_from:
            proposal, stated = self._proposal(state), np.array(self._chances(group, state.key))
            slots = tuple(event.slot for event in group)
            self._drawn_from[name] = proposal.chances(slots, stated) if proposal else stated
        return self._drawn_from[name]

    def _shared(self, rho: float) -> SharedAmounts:
        """The amounts of events in every draw of every block."""
        if rho not in self._amounts:
            of_events = self._base[:, 1 + len(self._years) :]
            self._amounts[rho] = SharedAmounts(of_events, self._years, rho)
        return self._amounts[rho]

    def _cut(self, totals: Array, state: State) -> None:
        """Bring totals `(year, draw)` above the floor, few by lifting and many by rank."""
        belief = self._edit.belief(state)
        for year, own in zip(belief.years, belief.marginals, strict=True):
            if year not in self._open:
                continue
            sums = totals[self._years.index(year)]
            below = np.count_nonzero(sums < own.floor)
            if below > max(_LIFTED * len(sums), _FEW_LIFTED):
                sums[:] = cut_to_floor(self._edit.component(state), year, sums)
            elif below:
                np.maximum(sums, own.floor + 0.5, out=sums)

    def _proposal(self, state: State) -> Proposal | None:
        place = _place(state)
        return self._proposals[place] if place in self._proposals else self._weigher.start_for_few(state.key)


def _place(state: State) -> Place:
    """What a state's proposal goes by."""
    return state.key, state.edited


def _ends(chances: Array) -> Array:
    """Normals `(state, event)` up to which each event occurs."""
    return np.asarray(ndtri(np.minimum(np.cumsum(chances[:, :-1], axis=1), 1.0)))
