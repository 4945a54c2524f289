"""What a set's events mean together: keys, who excludes whom, probabilities, years, and how many subsets.

    a group of events that exclude one another is a clique whose probabilities sum to at most 1 under every scenario;
    at most 2^10 different subsets of events can occur

Works on any decoded payload; what has no readable shape is skipped here. Must not know densities.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from priors.amounts import amount
from priors.events import exclusive_groups, pairs, subset_count
from priors.faults import Fault, pointer
from priors.records import Event
from priors.spread import ImpossibleBelief

MOST_SUBSETS = 2**10
_TOLERANCE = 1e-9

Items = list[tuple[int, Mapping[Any, Any]]]
Read = Callable[[object], Event | None]


def event_faults(scenarios: Items, events: Items, read: Read) -> Iterator[Fault]:
    """Every fault of meaning in the events of a set; `read` gives the record of a readable event."""
    records = {index: record for index, raw in events if (record := read(raw)) is not None}
    keys = {record.key: index for index, record in records.items()}
    known = [str(s["key"]) for _, s in scenarios if isinstance(s.get("key"), str)]
    for index, event in records.items():
        yield from _relations(index, event, keys, known)
        yield from _amounts(index, event)
        yield from _start(index, event)
        yield from _unstated(index, event, scenarios)
    if len(keys) == len(records):
        yield from _groups(records, known)


def _relations(
    index: int, event: Event, keys: Mapping[str, int], scenarios: Sequence[str]
) -> Iterator[Fault]:
    for place, other in enumerate(event.excludes):
        where = pointer("events", index, "excludes", place)
        if other == event.key:
            dutch = "Een gebeurtenis kan zichzelf niet uitsluiten."
            yield Fault(where, f"the event {other!r} cannot exclude itself", dutch)
        elif other not in keys:
            yield Fault(where, f"there is no event {other!r}", f"Er is geen gebeurtenis ‘{other}’.")
    for key in event.probability_by_scenario:
        if key not in scenarios:
            where = pointer("events", index, "probabilityByScenario", key)
            yield Fault(where, f"there is no scenario {key!r}", f"Er is geen scenario ‘{key}’.")


def _amounts(index: int, event: Event) -> Iterator[Fault]:
    for year, stated in event.years.items():
        try:
            amount(
                event.family, stated.expected, stated.spread, event.spread_meaning, event.degrees_of_freedom
            )
        except ImpossibleBelief as impossible:
            yield Fault(
                pointer("events", index, "years", str(year), impossible.part),
                impossible.detail,
                impossible.dutch,
            )


def _start(index: int, event: Event) -> Iterator[Fault]:
    if event.start is None:
        return
    first = int(event.start[:4])
    for year in sorted(event.years):
        if year < first:
            detail = f"the event starts in {event.start} and adds nothing to {year}"
            dutch = f"De gebeurtenis begint in {event.start} en voegt aan {year} niets toe."
            yield Fault(pointer("events", index, "years", str(year)), detail, dutch)
    if min(event.years) > first:
        detail = f"the event starts in {event.start} but says nothing about {first}"
        dutch = f"De gebeurtenis begint in {event.start}, maar zegt niets over {first}."
        yield Fault(pointer("events", index, "years"), detail, dutch)


def _unstated(index: int, event: Event, scenarios: Items) -> Iterator[Fault]:
    """An event adds to a belief; where a scenario has none there is nothing to add to."""
    for year in sorted(event.years):
        silent = [
            str(scenario.get("key"))
            for _, scenario in scenarios
            if isinstance(scenario.get("years"), Mapping)
            and not {str(year), year} & set(scenario["years"])
            and (event.probability_by_scenario.get(str(scenario.get("key")), event.probability) > 0)
        ]
        if silent:
            detail = f"{year} is not stated by {_list(silent)}; state it there or leave it out here"
            dutch = (
                f"{_called(event)}: niet elk scenario noemt {year}. Vul het daar in, of laat het hier weg."
            )
            yield Fault(pointer("events", index, "years", str(year)), detail, dutch)


def _groups(records: Mapping[int, Event], scenarios: Sequence[str]) -> Iterator[Fault]:
    by_key = {event.key: (index, event) for index, event in records.items()}
    excludes = {k: [o for o in e.excludes if o in by_key and o != k] for k, (_, e) in by_key.items()}
    groups = exclusive_groups(excludes)
    for one, other in pairs(groups):
        if other not in excludes[one] and one not in excludes[other]:
            detail = (
                f"{one!r} and {other!r} each exclude a third event but not each other; events that exclude one "
                "another must all do so"
            )
            dutch = (
                f"{_called(by_key[one][1])} en {_called(by_key[other][1])} sluiten allebei een derde gebeurtenis "
                "uit, maar elkaar niet; gebeurtenissen die elkaar uitsluiten doen dat allemaal."
            )
            yield Fault(pointer("events", by_key[other][0], "excludes"), detail, dutch)
    for group in groups:
        yield from _sums([by_key[key] for key in group], scenarios)
    # Under a scenario only its own events can occur: a pool holds more than any of its members.
    possible = ([_possible(by_key, group, scenario) for group in groups] for scenario in scenarios or [""])
    if (count := max(subset_count([g for g in kept if g]) for kept in possible)) > MOST_SUBSETS:
        detail = (
            f"{len(records)} events make {count:,} different combinations, {MOST_SUBSETS:,} (2^10) is the most; "
            "leave some out or let them exclude one another"
        )
        dutch = (
            f"{len(records)} gebeurtenissen geven {count} verschillende combinaties; {MOST_SUBSETS} (2^10) is het "
            "meeste. Laat er enkele weg, of laat ze elkaar uitsluiten."
        )
        yield Fault("/events", detail, dutch)


def _possible(by_key: Mapping[str, tuple[int, Event]], group: Sequence[str], scenario: str) -> list[str]:
    events = {key: by_key[key][1] for key in group}
    return [key for key, e in events.items() if e.probability_by_scenario.get(scenario, e.probability) > 0]


def _sums(group: Sequence[tuple[int, Event]], scenarios: Sequence[str]) -> Iterator[Fault]:
    if len(group) == 1:
        return
    sums = {
        scenario: math.fsum(e.probability_by_scenario.get(scenario, e.probability) for _, e in group)
        for scenario in scenarios
    }
    worst = max(sums, key=sums.__getitem__, default=None)
    if worst is not None and sums[worst] > 1 + _TOLERANCE:
        names = _list([event.key for _, event in group])
        detail = (
            f"{names} exclude one another, but their probabilities sum to {sums[worst]:.9g} under {worst!r}"
        )
        percent = f"{100 * sums[worst]:.6g}".replace(".", ",")
        called = ", ".join(_called(event) for _, event in group)
        dutch = f"{called} sluiten elkaar uit, maar hun kansen tellen op tot {percent}%."
        yield Fault(pointer("events", group[-1][0], "probability"), detail, dutch)


def _called(event: Event) -> str:
    return f"‘{event.label or event.key}’"


def _list(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
