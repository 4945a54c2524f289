"""From an untrusted payload to a scenario set, or to every fault in it at once.

Shape (types, limits of one field) and meaning (sums, years, keys, solvable spreads) are checked side by side,
so that one answer names all faults by JSON pointer. The cutoff's own calendar year may be stated, as
the total of the *whole* year, counted months included; earlier years are refused. Must not know densities.
"""

from __future__ import annotations

from typing import Any

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

_SENTENCES = {
    "value_error": "{error}",
    "literal_error": "must be one of {expected}",
    "greater_than": "must be above {gt:,g}",
    "greater_than_equal": "must be at least {ge:,g}",
    "less_than": "must be below {lt:,g}",
    "less_than_equal": "must be at most {le:,.12g}",
    "too_short": "must hold at least {min_length}",
    "too_long": "must hold at most {max_length}",
    "string_too_short": "must have at least {min_length} character",
    "string_too_long": "must have at most {max_length} characters",
    "string_pattern_mismatch": "must match the pattern {pattern}",
    "missing": "this field is required",
    "extra_forbidden": "this field is not known here",
    "finite_number": "must be a finite number",
    "float_type": "must be a number",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "dict_type": "must be an object",
    "tuple_type": "must be a list",
    "string_type": "must be text",
}


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
        Fault(pointer(*one["loc"]), _sentence(one["type"], one.get("ctx", {}), one["msg"]))
        for one in found
        if one["type"] != "too_short" or not any(_within(place, one["loc"]) for place in places)
    )


def _within(place: tuple[int | str, ...], outer: tuple[int | str, ...]) -> bool:
    return len(place) > len(outer) and place[: len(outer)] == outer


def _sentence(kind: str, context: dict[str, Any], otherwise: str) -> str:
    return _SENTENCES.get(kind, otherwise).format(**context)
