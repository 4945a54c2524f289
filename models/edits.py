"""An edit of what experts hold, as named changes, and the components that stand when some of them are made.

A change is one scenario's belief, one event or group of events that exclude one another, the probabilities (with
scenarios added or removed), the unforeseen part, the years' correlation, or the experts' weight. Which component
stands is told by a State: a few words that can be compared and counted without looking at densities. Must not know
how components are weighed.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

from models.weigher import Part
from priors.events import EventBelief, EventGroup, additions_under
from priors.mixture import UNFORESEEN_KEY, Component, ExpertDensity

Made = frozenset[str]
Shares = tuple[list[tuple[float, "State"]], float]

_SCENARIO_SET, _UNFORESEEN, _EVENTS = "scenarioSet", "unforeseen", "events"
_PROBABILITIES, _CORRELATION, _WEIGHT = "probabilities", "yearCorrelation", "expertWeight"


@dataclass(frozen=True)
class Belief:
    """What the experts hold: their density (None for the model alone) and the weight it gets."""

    density: ExpertDensity | None
    expert_weight: float

    @property
    def parts(self) -> dict[str, Component]:
        """Components by key; none when they have no weight."""
        if self.density is None or self.expert_weight == 0:
            return {}
        return {c.key: c for c in self.density.components}


class State(NamedTuple):
    """A component between two beliefs: whether its own statements and its years' correlation are the edited ones,
    and which changes of events are made."""

    key: str
    edited: bool
    events: Made
    correlation_edited: bool


class Edit:
    """From one belief to another. Components of a state are made when first asked for and then kept."""

    def __init__(self, old: Belief, new: Belief) -> None:
        self.old, self.new = old, new
        self.names = changes_between(old, new)
        self._components: dict[State, Component] = {}
        self._groups: dict[Made, list[EventGroup]] = {}
        self._shares: dict[Made, Shares] = {}

    def shares(self, made: Made) -> Shares:
        """Shares of the experts' prior, and the experts' weight, when the changes `made` are made."""
        if made not in self._shares:
            self._shares[made] = self._shares_of(made)
        return self._shares[made]

    def _shares_of(self, made: Made) -> Shares:
        old, new = self.old, self.new
        if old.density is None or new.density is None:
            belief = new if made else old
            return [(c.probability, self._own_state(key, made)) for key, c in belief.parts.items()], (
                belief.expert_weight
            )
        weight = (new if _WEIGHT in made else old).expert_weight
        if weight == 0:
            return [], weight
        unforeseen = (self._after if _UNFORESEEN in made else self._before).get(UNFORESEEN_KEY)
        u = unforeseen.probability if unforeseen else 0.0
        events, correlation_edited = made & self._event_changes, _CORRELATION in made
        shares = [
            ((1 - u) * share, State(key, self._edited(key, made), events, correlation_edited))
            for key, share in self._scenario_shares[_PROBABILITIES in made].items()
        ]
        if u > 0:
            shares.append((u, State(UNFORESEEN_KEY, _UNFORESEEN in made, frozenset(), correlation_edited)))
        return shares, weight

    def _own_state(self, key: str, made: Made) -> State:
        return State(key, bool(made), frozenset(), bool(made))

    def _edited(self, key: str, made: Made) -> bool:
        return key in self._after and (f"scenario:{key}" in made or key not in self._before)

    @cached_property
    def _scenario_shares(self) -> tuple[dict[str, float], dict[str, float]]:
        """Before and after."""
        return scenario_shares(self._before), scenario_shares(self._after)

    def belief(self, state: State) -> Component:
        """The component in a state, with the events that its own set lets occur."""
        return (self._after if state.edited else self._before)[state.key]

    def component(self, state: State) -> Component:
        """The component in a state."""
        if state not in self._components:
            chosen = self.belief(state)
            as_it_was = not state.edited and not state.events
            if not as_it_was and self.old.density is not None and self.new.density is not None:
                chosen = replace(chosen, additions=additions_under(self.groups(state), state.key))
            self._components[state] = chosen
        return self._components[state]

    def correlation(self, state: State) -> float:
        """The correlation of a state's years."""
        belief = self.new if state.correlation_edited else self.old
        assert belief.density is not None
        return belief.density.year_correlation

    def groups(self, state: State) -> list[EventGroup]:
        """The events that may occur in a state, each in its slot throughout; a group that stays is one object."""
        if state.key == UNFORESEEN_KEY:
            return []
        if state.events not in self._groups:
            self._groups[state.events] = events_after(*self._slotted, state.events)
        return self._groups[state.events]

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """Of every component before or after."""
        return tuple(dict.fromkeys([*self._before, *self._after]))

    @cached_property
    def slots(self) -> int:
        """How many events there are before and after."""
        return len({event.key for groups in self._slotted for group in groups for event in group})

    @cached_property
    def _slotted(self) -> tuple[list[EventGroup], list[EventGroup]]:
        """The groups before and after, each event drawn from the same normals."""
        old, new = (belief.density.events if belief.density else () for belief in (self.old, self.new))
        slots = {event.key: event.slot for group in old for event in group}
        for event in (event for group in new for event in group):
            slots.setdefault(event.key, len(slots))
        before, after = (
            [tuple(replace(event, slot=slots[event.key]) for event in group) for group in groups]
            for groups in (old, new)
        )
        return before, after

    def parts(self, made: Made) -> tuple[list[Part], float]:
        """As `shares`, with the components themselves."""
        shares, weight = self.shares(made)
        return [(share, self.component(s), self.correlation(s)) for share, s in shares], weight

    @cached_property
    def _event_changes(self) -> Made:
        return frozenset(name for name in self.names if name.startswith("event"))

    @cached_property
    def _before(self) -> dict[str, Component]:
        return _by_key(self.old.density)

    @cached_property
    def _after(self) -> dict[str, Component]:
        return _by_key(self.new.density)


def changes_between(old: Belief, new: Belief) -> tuple[str, ...]:
    """Names of the changes that lead from one to the other."""
    if old.density is None or new.density is None:
        return () if old.density is new.density else (_SCENARIO_SET,)
    before, after = (_by_key(b.density) for b in (old, new))
    names = [
        f"scenario:{key}"
        for key in before
        if key in after and key != UNFORESEEN_KEY and not _same_belief(before[key], after[key])
    ]
    if scenario_shares(before) != scenario_shares(after):
        names.append(_PROBABILITIES)
    if before.get(UNFORESEEN_KEY) != after.get(UNFORESEEN_KEY):
        names.append(_UNFORESEEN)
    names += event_changes(old.density.events, new.density.events)
    if old.density.year_correlation != new.density.year_correlation:
        names.append(_CORRELATION)
    if old.expert_weight != new.expert_weight:
        names.append(_WEIGHT)
    return tuple(names)


def event_changes(before: Sequence[EventGroup], after: Sequence[EventGroup]) -> list[str]:
    """`event:key` or, of events that exclude one another, `events:key+key`; `events` when other ones do than before."""
    old, new = _grouped(before), _grouped(after)
    overlapping = [(one, other) for one in old for other in new if one != other and one & other]
    if overlapping:
        return [_EVENTS]
    keys = [*old, *(group for group in new if group not in old)]
    return [_group_name(old.get(k) or new[k]) for k in keys if _stated(old.get(k)) != _stated(new.get(k))]


def events_after(before: Sequence[EventGroup], after: Sequence[EventGroup], made: Made) -> list[EventGroup]:
    """The groups when only the changes `made` are made."""
    if _EVENTS in made:
        return list(after)
    old, new = _grouped(before), _grouped(after)
    kept = [new.get(k) if _group_name(group) in made else group for k, group in old.items()]
    added = [group for k, group in new.items() if k not in old and _group_name(group) in made]
    return [group for group in (*kept, *added) if group is not None]


def scenario_shares(parts: dict[str, Component]) -> dict[str, float]:
    """Scenario probabilities among the scenarios alone, rounded past what `1 - u` leaves of them."""
    scenarios = {key: c.probability for key, c in parts.items() if key != UNFORESEEN_KEY}
    total = math.fsum(scenarios.values())
    return {key: round(p / total, 12) for key, p in scenarios.items()}


def _grouped(groups: Iterable[EventGroup]) -> dict[frozenset[str], EventGroup]:
    return {frozenset(event.key for event in group): group for group in groups}


def _group_name(group: EventGroup) -> str:
    keys = [event.key for event in group]
    return f"event:{keys[0]}" if len(keys) == 1 else f"events:{'+'.join(sorted(keys))}"


def _stated(group: EventGroup | None) -> list[EventBelief] | None:
    """What a group says, whatever its place in the list."""
    return None if group is None else sorted((replace(e, slot=0) for e in group), key=lambda e: e.key)


def _by_key(density: ExpertDensity | None) -> dict[str, Component]:
    return {c.key: c for c in density.components} if density else {}


def _same_belief(one: Component, other: Component) -> bool:
    return (one.years, one.marginals) == (other.years, other.marginals)
