"""What the fields of a scenario set mean together; works on any payload, however broken elsewhere.

    sum of scenario probabilities = 1 within 1e-6 (never rescaled silently), unique keys, years from the
    cutoff's own year on, spreads that some member of the family has, shares that sum to at most 1

Parts that have no readable shape are skipped here: their shape is a fault already. Must not know densities.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import partial
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel

from priors.event_checks import event_faults
from priors.families import DEFAULT_DEGREES_OF_FREEDOM
from priors.faults import Fault, pointer
from priors.records import (
    CalendarDate,
    DegreesOfFreedom,
    Event,
    Family,
    Probability,
    SpreadMeaning,
    Year,
    YearBelief,
)
from priors.spread import ImpossibleBelief, standard_deviation

PROBABILITY_TOLERANCE = 1e-6
YEARS_AHEAD = 9
RESERVED_KEYS = ("unforeseen", "model")

_ADAPTERS: dict[str, TypeAdapter[Any]] = {
    "date": TypeAdapter(CalendarDate),
    "probability": TypeAdapter(Probability),
    "year": TypeAdapter(Year),
    "family": TypeAdapter(Family),
    "spread_meaning": TypeAdapter(SpreadMeaning),
    "degrees_of_freedom": TypeAdapter(DegreesOfFreedom | None),
    "belief": TypeAdapter(YearBelief),
    "event": TypeAdapter(Event),
}


def meaning_faults(payload: object) -> tuple[Fault, ...]:
    """Every fault of meaning in a decoded scenario set; () for what is no object at all."""
    if not isinstance(payload, Mapping):
        return ()
    cutoff = _read("date", payload.get("cutoff"))
    scenarios = _items(payload, "scenarios")
    faults = [*_probability_sum(scenarios), *_keys(scenarios, "scenarios")]
    for index, scenario in scenarios:
        faults += _belief_faults(scenario, cutoff, "scenarios", index)
        faults += _composition(scenario, index)
    unforeseen = payload.get("unforeseen")
    if isinstance(unforeseen, Mapping):
        faults += _belief_faults(unforeseen, cutoff, "unforeseen")
    events = _items(payload, "events")
    faults += _keys(events, "events")
    for index, event in events:
        faults += _year_faults(event, cutoff, "events", index)
    named = {fault.field for fault in faults}
    found = event_faults(scenarios, events, partial(_read, "event"))
    return (*faults, *(fault for fault in found if fault.field not in named))


def _read(kind: str, value: object) -> Any:
    try:
        return _ADAPTERS[kind].validate_python(value)
    except ValidationError:
        return None


def _field(record: Mapping[Any, Any], name: str, default: object) -> object:
    return record.get(to_camel(name), record.get(name, default))


def _items(payload: Mapping[Any, Any], name: str) -> list[tuple[int, Mapping[Any, Any]]]:
    listed = payload.get(name)
    if not isinstance(listed, Sequence) or isinstance(listed, str | bytes):
        return []
    return [(index, item) for index, item in enumerate(listed) if isinstance(item, Mapping)]


def _probability_sum(scenarios: list[tuple[int, Mapping[Any, Any]]]) -> Iterator[Fault]:
    stated = [_read("probability", scenario.get("probability")) for _, scenario in scenarios]
    if not stated or None in stated:
        return
    total = math.fsum(stated)
    if abs(total - 1.0) > PROBABILITY_TOLERANCE:
        detail = f"the probabilities of the scenarios sum to {total:.9g}, they must sum to 1"
        stated_sum = f"{100 * total:.6g}".replace(".", ",")
        dutch = f"De kansen van de scenario’s tellen op tot {stated_sum}%; ze moeten samen 100% zijn."
        yield Fault("/scenarios", detail, dutch)


def _keys(records: list[tuple[int, Mapping[Any, Any]]], name: str) -> Iterator[Fault]:
    first: dict[str, int] = {}
    for index, record in records:
        key = record.get("key")
        if not isinstance(key, str):
            continue
        if key in first:
            detail = f"the key {key!r} is already used by number {first[key] + 1} in the list"
            dutch = f"De sleutel ‘{key}’ is al van nummer {first[key] + 1} in de lijst."
            yield Fault(pointer(name, index, "key"), detail, dutch)
        if key in RESERVED_KEYS:
            detail = f"the key {key!r} is reserved for a part of the forecast"
            dutch = f"De sleutel ‘{key}’ is voorbehouden aan een deel van de prognose."
            yield Fault(pointer(name, index, "key"), detail, dutch)
        first.setdefault(key, index)


def _belief_faults(record: Mapping[Any, Any], cutoff: date | None, *place: str | int) -> Iterator[Fault]:
    family = _read("family", _field(record, "family", "lognormal"))
    meaning = _read("spread_meaning", _field(record, "spread_meaning", "sd"))
    freedom = _read("degrees_of_freedom", _field(record, "degrees_of_freedom", None))
    yield from _year_faults(record, cutoff, *place)
    years = record.get("years")
    for label, stated in years.items() if isinstance(years, Mapping) else ():
        belief = _read("belief", stated)
        if family and meaning and belief is not None:
            freedom = freedom or DEFAULT_DEGREES_OF_FREEDOM
            yield from _spread(belief, family, meaning, freedom, pointer(*place, "years", label))


def _year_faults(record: Mapping[Any, Any], cutoff: date | None, *place: str | int) -> Iterator[Fault]:
    """Of the years a scenario, event or unforeseen part states, and its degrees of freedom."""
    default = "normal" if place[0] == "events" else "lognormal"
    family = _read("family", _field(record, "family", default))
    if family not in (None, "student_t") and _field(record, "degrees_of_freedom", None) is not None:
        detail = f"degrees of freedom belong to student_t, not to {family}"
        dutch = f"Vrijheidsgraden horen bij student_t, niet bij {family}."
        yield Fault(pointer(*place, "degreesOfFreedom"), detail, dutch)
    years = record.get("years")
    seen: set[int] = set()
    for label in years if isinstance(years, Mapping) else ():
        year = _read("year", label)
        if year is not None:
            yield from _year(year, seen, cutoff, pointer(*place, "years", label))


def _year(year: int, seen: set[int], cutoff: date | None, place: str) -> Iterator[Fault]:
    if year in seen:
        yield Fault(place, f"{year} is stated twice", f"{year} staat er twee keer.")
    seen.add(year)
    if cutoff is not None and year < cutoff.year:
        detail = f"{year} lies before {cutoff.year}, the year of the cutoff"
        yield Fault(place, detail, f"{year} ligt vóór {cutoff.year}, het jaar van de peildatum.")
    if cutoff is not None and year > cutoff.year + YEARS_AHEAD:
        detail = f"{year} is more than {YEARS_AHEAD} years after {cutoff.year}, the year of the cutoff"
        dutch = f"{year} ligt meer dan {YEARS_AHEAD} jaar na {cutoff.year}, het jaar van de peildatum."
        yield Fault(place, detail, dutch)


def _spread(belief: YearBelief, family: str, meaning: str, freedom: float, place: str) -> Iterator[Fault]:
    try:
        standard_deviation(family, belief.expected, belief.spread, meaning, freedom)
    except ImpossibleBelief as impossible:
        yield Fault(f"{place}/{impossible.part}", impossible.detail, impossible.dutch)


def _composition(scenario: Mapping[Any, Any], index: int) -> Iterator[Fault]:
    composition = scenario.get("composition")
    shares = composition.get("shares") if isinstance(composition, Mapping) else None
    if not isinstance(shares, Mapping):
        return
    read = [_read("probability", share) for share in shares.values()]
    if None not in read and math.fsum(read) > 1.0 + PROBABILITY_TOLERANCE:
        detail = f"the shares sum to {math.fsum(read):.9g}, they may sum to at most 1"
        stated_sum = f"{100 * math.fsum(read):.6g}".replace(".", ",")
        dutch = f"De aandelen naar nationaliteit tellen op tot {stated_sum}%; samen zijn ze hoogstens 100%."
        yield Fault(pointer("scenarios", index, "composition", "shares"), detail, dutch)
