"""What may occur together, for the joint model: every component under every set of its events.

    N = F + apart        F what the chains move in, apart what events add of which no counted month has a part

A world is a set of events that occur together. An event stands apart when it begins only in months to come, or states
only years of which no month was counted since the cutoff. Totals with it and without it then differ by all that it
adds; in N they would lie apart, and chains could not go from one to the other, while F is one in either case. What an
event adds does not depend on whether it occurs, so its normals are sampled once, whatever the world.
NumPy only; must not know how the density is sampled.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.component_draws import open_years_of, restricted
from models.evidence import Evidence
from models.posterior import prior_parts
from priors.events import Addition, Additions, restricted_additions, waits, yearly_amounts
from priors.mixture import Component, ExpertDensity

Array = NDArray[np.float64]
Slots = frozenset[int]


class Part(NamedTuple):
    """A component in one world: log of their prior probability, and the component's statements about open years.

    `place` is the component's among those of the prior, `world` that of the world.
    """

    log_prior: float
    own: Component
    place: int
    world: int


@dataclass(frozen=True)
class Worlds:
    """The parts of the prior, and the events of which worlds are made.

    `worlds` are sets of slots, `events` the distinct events with a bearing on open years, `years` the open years.
    """

    parts: tuple[Part, ...]
    worlds: tuple[Slots, ...]
    events: tuple[Addition, ...]
    rho: float
    evidence: Evidence

    @property
    def years(self) -> list[int]:
        """The target years whose total the cutoff did not know."""
        return open_years_of(self.evidence)

    @cached_property
    def cells(self) -> list[tuple[int, int]]:
        """Event (its place among `events`) and year of every amount, in the order of their normals."""
        return [(place, year) for place, event in enumerate(self.events) for year in event.years]

    @cached_property
    def adds(self) -> NDArray[np.float64]:
        """`(world, open year, cell)`: 1 where the amount of a cell is in a year's total, else 0."""
        found = np.zeros((len(self.worlds), len(self.years), len(self.cells)))
        for cell, (place, year) in enumerate(self.cells):
            occurs = [self.events[place].slot in world for world in self.worlds]
            found[occurs, self.years.index(year), cell] = 1.0
        return found

    @cached_property
    def apart(self) -> NDArray[np.bool_]:
        """`(cell,)`: whether the event of an amount stands apart."""
        return np.array(
            [stands_apart(self.events[place], self.evidence) for place, _ in self.cells], dtype=bool
        )

    @cached_property
    def waiting(self) -> NDArray[np.bool_]:
        """`(cell,)`: whether the event of an amount has not begun."""
        first = self.evidence.observation.first_open
        return np.array([waits(self.events[place], first) for place, _ in self.cells], dtype=bool)

    def amounts(self, normals: Array) -> Array:
        """What every event adds when it occurs, `(draw, cell)`, from its standard normals of the same shape."""
        found, first = np.empty_like(normals), 0
        for event in self.events:
            own = [normals[:, first + place] for place in range(len(event.years))]
            for drawn in yearly_amounts(event, self.rho, own):
                found[:, first] = drawn
                first += 1
        return found

    def added(self, amounts: Array, world: int, which: NDArray[np.bool_] | None = None) -> Array:
        """What a world adds to the target years `(draw, year)`, of some cells or of all."""
        columns = [self.evidence.observation.years.index(year) for year in self.years]
        found = np.zeros((len(amounts), len(self.evidence.observation.years)))
        chosen = self.adds[world] if which is None else self.adds[world] * which
        found[:, columns] = amounts @ chosen.T
        return found


def worlds_of(density: ExpertDensity, expert_weight: float, evidence: Evidence) -> Worlds:
    """Every component that has a chance, in every world that has one under it."""
    years = open_years_of(evidence)
    parts: list[Part] = []
    worlds: dict[Slots, int] = {frozenset(): 0}
    events: dict[int, Addition] = {}
    for place, (probability, component) in enumerate(prior_parts(density, expert_weight)):
        if not probability > 0 or not leaves_room(component, evidence):
            continue
        own = restricted(component, years)
        additions = restricted_additions(component.additions, years)
        events |= {part.slot: part for group in additions for part in group if part.years}
        for slots, chance in subsets(additions).items():
            world = worlds.setdefault(slots, len(worlds))
            parts.append(Part(float(np.log(probability * chance)), own, place, world))
    ordered = tuple(events[slot] for slot in sorted(events))
    return Worlds(tuple(parts), tuple(worlds), ordered, density.year_correlation, evidence)


def subsets(additions: Additions) -> dict[Slots, float]:
    """The probability of every set of events that can occur together; those that add to no year are not told apart."""
    found: dict[Slots, float] = {}
    for chosen in itertools.product(*(_choices(group) for group in additions)):
        slots = frozenset(slot for slot, _ in chosen if slot is not None)
        chance = float(np.prod([p for _, p in chosen]))
        if chance > 0:
            found[slots] = found.get(slots, 0.0) + chance
    return found


def _choices(group: Sequence[Addition]) -> Iterator[tuple[int | None, float]]:
    bearing = [part for part in group if part.years and part.probability > 0]
    yield None, max(1.0 - sum(part.probability for part in bearing), 0.0)
    for part in bearing:
        yield part.slot, part.probability


def stands_apart(event: Addition, evidence: Evidence) -> bool:
    """Whether none of the months counted since the cutoff can have a part of the event."""
    observation = evidence.observation
    if waits(event, observation.first_open):
        return True
    grown = [year for year, later in zip(observation.years, observation.later_by_year, strict=True) if later]
    return not set(grown) & set(event.years)


def leaves_room(component: Component, evidence: Evidence) -> bool:
    """Whether the component, with its events, holds what has been counted for possible."""
    observation = evidence.observation
    own = restricted(component, open_years_of(evidence))
    for year in own.years:
        at, total = observation.years.index(year), own.total(year)
        counted = observation.counted[at]
        if not float(total.pdf(counted) if observation.complete[at] else total.sf(counted)) > 0:
            return False
    return True


def waiting_by_start(worlds: Worlds, amounts: Array, world: NDArray[np.int64]) -> Mapping[str, Array]:
    """What events add that have not begun `(draw, year)`, by month, in draws of these worlds `(draw,)`."""
    starts = [worlds.events[place].start or "" for place, _ in worlds.cells]
    found: dict[str, Array] = {}
    for start in sorted({s for s, late in zip(starts, worlds.waiting, strict=True) if late}):
        which = worlds.waiting & np.array([s == start for s in starts])
        found[start] = np.zeros((len(amounts), len(worlds.evidence.observation.years)))
        for place in range(len(worlds.worlds)):
            rows = np.flatnonzero(world == place)
            found[start][rows] = worlds.added(amounts[rows], place, which)
    return found
