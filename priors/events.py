"""Additive events: what may happen on top of whichever scenario occurs, with its probability under each.

    given the scenario, events are independent, except that those of one group exclude one another: at most one of a
    group occurs, each with its own stated probability, none with what these leave

An event that occurs occurs in all the years it states. Its amounts in these years are joined by the same Gaussian
copula as a scenario's years, and are independent of the scenario's own belief and of other events. Draws are made
from standard normals, one for a group's choice and one per year for every event. Must not know scenarios' beliefs.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import special

from priors.amounts import Amount, amount
from priors.faults import Fault
from priors.kernels import FloatArray
from priors.records import Event
from priors.spread import ImpossibleBelief
from priors.totals import Group


@dataclass(frozen=True)
class EventBelief:
    """An event as densities: `amounts[i]` in `years[i]`; `slot` numbers the normals its draws are made from.

    `start` is the first month, YYYY-MM, in which it adds anything, where one is stated.
    """

    key: str
    slot: int
    probability: float
    by_scenario: tuple[tuple[str, float], ...]
    years: tuple[int, ...]
    amounts: tuple[Amount, ...]
    start: str | None = None

    def chance(self, scenario: str) -> float:
        """Its probability under one scenario."""
        if not self.by_scenario:
            return self.probability
        return next((p for key, p in self.by_scenario if key == scenario), self.probability)

    def under(self, scenario: str) -> Addition:
        """The event as it may occur under one scenario; one object wherever its probability is the general one."""
        chance = self.chance(scenario)
        return self._in_general if chance == self.probability else self._with(chance)

    @cached_property
    def _in_general(self) -> Addition:
        return self._with(self.probability)

    def _with(self, probability: float) -> Addition:
        return Addition(self.key, self.slot, probability, self.years, self.amounts, self.start)


@dataclass(frozen=True)
class Addition:
    """An event under one scenario."""

    key: str
    slot: int
    probability: float
    years: tuple[int, ...]
    amounts: tuple[Amount, ...]
    start: str | None = None


E = TypeVar("E", EventBelief, Addition)
G = TypeVar("G", bound=Sequence[object])
_T = TypeVar("_T", bound=np.generic)
EventGroup = tuple[EventBelief, ...]
Additions = tuple[tuple[Addition, ...], ...]
Places = slice | list[int]  # of an event's years among the target years
Occurring = NDArray[np.bool_]  # (event, draw), the events of all groups one after another


def exclusive_groups(excludes: Mapping[str, Iterable[str]]) -> list[list[str]]:
    """Keys that exclude one another, directly or by way of others, in the order of the mapping; singles alone."""
    groups: list[list[str]] = []
    for key, others in excludes.items():
        joined = [g for g in groups if any(o in g for o in others) or any(key in excludes[m] for m in g)]
        merged = [member for group in joined for member in group]
        groups = [g for g in groups if g not in joined] + [[*merged, key]]
    order = {key: place for place, key in enumerate(excludes)}
    return sorted((sorted(g, key=order.__getitem__) for g in groups), key=lambda g: order[g[0]])


def event_groups(
    events: Sequence[Event], faults: list[Fault], pointer: str = "/events"
) -> tuple[EventGroup, ...]:
    """The groups a set states, in its order; appends a fault for every amount that has no density."""
    built = {}
    for slot, event in enumerate(events):
        amounts = _amounts(event, f"{pointer}/{slot}", faults)
        by_scenario = tuple(sorted(event.probability_by_scenario.items()))
        years = tuple(sorted(event.years))
        built[event.key] = EventBelief(
            event.key, slot, event.probability, by_scenario, years, amounts, event.start
        )
    keys = exclusive_groups({event.key: event.excludes for event in events})
    return tuple(tuple(built[key] for key in group) for group in keys)


def _amounts(event: Event, pointer: str, faults: list[Fault]) -> tuple[Amount, ...]:
    found = []
    for year, stated in sorted(event.years.items()):
        try:
            made = amount(
                event.family, stated.expected, stated.spread, event.spread_meaning, event.degrees_of_freedom
            )
        except ImpossibleBelief as impossible:
            faults.append(
                Fault(f"{pointer}/years/{year}/{impossible.part}", impossible.detail, impossible.dutch)
            )
        else:
            found.append(made)
    return tuple(found)


def additions_under(groups: Iterable[EventGroup], scenario: str) -> Additions:
    """What may be added under one scenario; groups that cannot occur there are left out."""
    resolved = (tuple(event.under(scenario) for event in group) for group in groups)
    return tuple(group for group in resolved if any(part.probability > 0 for part in group))


def groups_in(additions: Additions, year: int) -> tuple[Group, ...]:
    """Probability and amount of everything that may be added to one year."""
    found = (
        tuple(
            (part.probability, part.amounts[part.years.index(year)]) for part in group if year in part.years
        )
        for group in additions
    )
    return tuple(group for group in found if any(p > 0 for p, _ in group))


def restricted_additions(additions: Additions, years: Collection[int]) -> Additions:
    """The additions of some years only; events that state none of them fall away."""
    if all(part.years and set(part.years) <= set(years) for group in additions for part in group):
        return additions
    groups = (tuple(restricted_event(part, years) for part in group) for group in additions)
    return tuple(group for group in groups if any(part.years for part in group))


def restricted_event(part: E, years: Collection[int]) -> E:
    """The event as it bears on some years only; itself where these are all it states."""
    if all(year in years for year in part.years):
        return part
    kept = [(y, a) for y, a in zip(part.years, part.amounts, strict=True) if y in years]
    return replace(part, years=tuple(y for y, _ in kept), amounts=tuple(a for _, a in kept))


def slots_of(additions: Additions) -> int:
    """How many slots of normals the draws of these events reach into."""
    return max((part.slot + 1 for group in additions for part in group), default=0)


def occurrences(additions: Additions, width: int, normals: FloatArray) -> Occurring:
    """Which events occur, (event, draw), from standard normals (draw, slot x `width`)."""
    stated = [end for group in additions for end in itertools.accumulate(part.probability for part in group)]
    ends = special.ndtri(np.minimum(np.array(stated), 1.0))
    return who_occurs(additions, choosing(additions, width, normals), ends)


def choosing(groups: Sequence[Sequence[E]], width: int, normals: FloatArray) -> FloatArray:
    """The normals (event, draw) that choose who of a group occurs: the first of its first member's slot."""
    return normals.T[[group[0].slot * width for group in groups for _ in group]]


def who_occurs(groups: Sequence[Sequence[E]], chosen: FloatArray, ends: FloatArray) -> Occurring:
    """As `occurrences`, from the normals that choose (event, ..., draw), up to the `ends` (event, ...) of each."""
    occurring: Occurring = chosen <= ends.astype(chosen.dtype)[..., None]
    for group, until in by_group(groups, occurring):
        if len(group) > 1:
            until[1:] &= ~until[:-1]
    return occurring


def by_group(groups: Iterable[G], rows: NDArray[_T]) -> Iterator[tuple[G, NDArray[_T]]]:
    """Every group with its part of `rows` (event, ...)."""
    end = 0
    for group in groups:
        first, end = end, end + len(group)
        yield group, rows[first:end]


def added_amounts(
    additions: Additions,
    years: Sequence[int],
    year_correlation: float,
    normals: FloatArray,
    occurring: Occurring | None = None,
    amounts: AmountsInRows | None = None,
) -> FloatArray:
    """What events add, (draw, year) in persons, from standard normals (draw, slot x (1 + year)).

    A slot's first normal tells whether events occur, where `occurring` does not; the others make its amounts, unless
    `amounts` has them of the same normals.
    """
    added, width = np.zeros((len(normals), len(years)), normals.dtype, order="F"), 1 + len(years)
    if occurring is None:
        occurring = occurrences(additions, width, normals)
    every = tuple(itertools.chain.from_iterable(additions))
    if amounts is not None:
        combine_group(np.add, added.T, every, occurring, amounts)
        return added
    for part, own in zip(every, occurring, strict=True):
        _add(added, part, np.flatnonzero(own), years, year_correlation, normals)
    return added


def combine_group(
    sign: np.ufunc,
    added: FloatArray,
    group: Sequence[Addition],
    occurs: Occurring,
    amounts: AmountsInRows,
) -> None:
    """Adds to `added` (year, draw), or takes away from it, what a group adds where its events occur, (event, draw)."""
    room = np.empty_like(added)
    for part, own in zip(group, occurs.astype(added.dtype), strict=True):
        years, drawn = amounts.of(part)
        here = np.multiply(drawn, own, out=room[: len(drawn)])
        if isinstance(years, slice):
            sign(added[years], here, out=added[years])
        else:
            added[years] = sign(added[years], here)


def adjoining(places: list[int]) -> Places:
    """Ascending places as a slice where they can be one: to take and to set it needs no copy."""
    together = len(places) > 0 and len(places) == places[-1] + 1 - places[0]
    return slice(places[0], places[-1] + 1) if together else places


class SharedAmounts:
    """What events add in every draw, whether they occur there or not: made once for all scenarios that add them.

    From the same normals (draw, slot x (1 + year)) and correlation as in `added_amounts`. Threads may share it.
    """

    def __init__(self, normals: FloatArray, years: Sequence[int], year_correlation: float) -> None:
        self._normals, self._years, self._rho = normals, years, year_correlation
        self._made: dict[int, tuple[Addition | EventBelief, Places, FloatArray]] = {}

    def of(self, part: Addition | EventBelief) -> tuple[Places, FloatArray]:
        """Places of the years, and amounts (year, draw) there. Scenarios share an event's amounts as one object."""
        name = id(part.amounts)
        if name not in self._made:
            first = part.slot * (1 + len(self._years)) + 1
            places = [self._years.index(year) for year in part.years]
            normals = [self._normals[:, first + place] for place in places]
            drawn = np.stack(list(yearly_amounts(part, self._rho, normals)))
            self._made[name] = part, adjoining(places), drawn
        return self._made[name][1:]


@dataclass(frozen=True)
class AmountsInRows:
    """Some of the draws of shared amounts, told by their numbers or in one piece."""

    whole: SharedAmounts
    rows: slice | NDArray[np.intp]

    def of(self, part: Addition | EventBelief) -> tuple[Places, FloatArray]:
        """As of the whole."""
        places, drawn = self.whole.of(part)
        return places, drawn[:, self.rows] if isinstance(self.rows, slice) else drawn.take(self.rows, axis=1)


def waiting_amounts(
    additions: Additions,
    years: Sequence[int],
    year_correlation: float,
    normals: FloatArray,
    occurring: Occurring,
    first_open: str,
) -> dict[str, FloatArray]:
    """As `added_amounts`, of events only that start in the month `first_open` (YYYY-MM) or later: by their start."""
    found: dict[str, FloatArray] = {}
    for part, occurs in zip(itertools.chain.from_iterable(additions), occurring, strict=True):
        if waits(part, first_open):
            added = found.setdefault(
                part.start or "", np.zeros((len(normals), len(years)), normals.dtype, order="F")
            )
            _add(added, part, np.flatnonzero(occurs), years, year_correlation, normals)
    return found


def waits(part: Addition | EventBelief, first_open: str) -> bool:
    """Whether an event has a start, and that is the first month to come or later."""
    return part.start is not None and part.start >= first_open


def _add(
    added: FloatArray,
    part: Addition,
    rows: NDArray[np.intp],
    years: Sequence[int],
    year_correlation: float,
    normals: FloatArray,
) -> None:
    """Add an event's amounts to the rows `(row,)` of `added` (draw, year) in which it occurs."""
    if not len(rows):
        return
    columns = [years.index(year) for year in part.years]
    own = [normals[:, part.slot * (1 + len(years)) + 1 + column].take(rows) for column in columns]
    for column, amounts in zip(columns, yearly_amounts(part, year_correlation, own), strict=True):
        added[:, column][rows] += amounts


def yearly_amounts(
    part: Addition | EventBelief, year_correlation: float, normals: Sequence[FloatArray]
) -> Iterator[FloatArray]:
    """What an event adds (draw,) in every year it states, when it occurs; from normals (draw,) for each of them."""
    score: FloatArray | None = None
    earlier = 0
    for year, belief, normal in zip(part.years, part.amounts, normals, strict=True):
        if score is None:
            score = normal
        else:
            carried = year_correlation ** (year - earlier)
            score = carried * score + math.sqrt(1.0 - carried * carried) * normal
        yield belief.at_scores(score)
        earlier = year


def subset_count(groups: Iterable[Sequence[object]]) -> int:
    """How many different sets of events can occur together."""
    return int(np.prod([1 + len(group) for group in groups], dtype=object)) if groups else 1


def most_together(each: Iterable[Additions]) -> int:
    """The most sets of events that can occur together under any one scenario."""
    possible = ([[part for part in group if part.probability > 0] for group in own] for own in each)
    return max((subset_count([group for group in own if group]) for own in possible), default=1)


def pairs(groups: Iterable[Sequence[str]]) -> Iterable[tuple[str, str]]:
    """Every pair that must exclude each other."""
    return itertools.chain.from_iterable(itertools.combinations(group, 2) for group in groups)
