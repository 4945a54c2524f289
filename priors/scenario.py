"""From an untrusted payload to a scenario set, or to every fault in it at once.

Shape (types, limits of one field) and meaning (sums, years, keys, solvable spreads) are checked side by side,
so that one answer names all faults by JSON pointer. The cutoff's own calendar year may be stated, as
the total of the *whole* year, counted months included; earlier years are refused. Must not know densities.
"""

from __future__ import annotations

from pydantic import ValidationError

from priors.faults import Fault, InvalidScenarioSet, pointer
from priors.records import (
    Composition,
    Event,
    Scenario,
    ScenarioSet,
    Target,
    Unforeseen,
    YearBelief,
    YearChange,
)
from priors.scenario_checks import meaning_faults
from priors.shape_words import shape_sentences

__all__ = [
    "Composition",
    "Event",
    "Fault",
    "InvalidScenarioSet",
    "Scenario",
    "ScenarioSet",
    "Target",
    "Unforeseen",
    "YearBelief",
    "YearChange",
    "parse_scenario_set",
    "shape_faults",
]


def parse_scenario_set(payload: object) -> ScenarioSet:
    """The set a decoded JSON document states; raises InvalidScenarioSet with every fault in it."""
    try:
        record = ScenarioSet.model_validate(payload)
    except ValidationError as error:
        shape = shape_faults(error)
        meaning = meaning_faults(payload)
        named = {fault.field for fault in shape}
        raise InvalidScenarioSet(shape + tuple(f for f in meaning if f.field not in named)) from None
    meaning = meaning_faults(record.model_dump(mode="json", by_alias=True))
    if meaning:
        raise InvalidScenarioSet(meaning)
    return record


def shape_faults(error: ValidationError) -> tuple[Fault, ...]:
    """The faults of shape that a record's validation found, in sentences."""
    found = error.errors(include_url=False, include_input=False)
    places = [one["loc"] for one in found]
    # A list all of whose items are faulty is also reported as too short; that would only mislead.
    return tuple(
        Fault(pointer(*one["loc"]), *shape_sentences(one["type"], one.get("ctx", {}), one["msg"]))
        for one in found
        if one["type"] != "too_short" or not any(_within(place, one["loc"]) for place in places)
    )


def _within(place: tuple[int | str, ...], outer: tuple[int | str, ...]) -> bool:
    return len(place) > len(outer) and place[: len(outer)] == outer
