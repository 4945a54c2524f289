"""Faults of shape in words: both languages, bounds in the reader's own numerals, and the words of our own checks."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from priors.records import Reason
from priors.scenario import shape_faults


class Inner(BaseModel):
    n: int = 0


class Everything(BaseModel):
    """One field for every kind of fault a record here may have."""

    model_config = ConfigDict(extra="forbid", strict=True)

    needed: int
    number: float = 0.0
    whole: int = 0
    text: Annotated[str, Field(min_length=1, max_length=3, pattern="^[a-z]*$")] = "a"
    below: Annotated[float, Field(lt=1)] = 0.0
    above: Annotated[float, Field(gt=0.5)] = 1.0
    least: Annotated[float, Field(ge=3)] = 3.0
    most: Annotated[float, Field(le=1234567.5)] = 1.0
    finite: Annotated[float, Field(allow_inf_nan=False)] = 1.0
    chosen: Literal["a", "b", "c"] = "a"
    few: Annotated[tuple[int, ...], Field(min_length=1, max_length=2)] = (1,)
    named: dict[str, int] = {}
    inner: Inner = Inner()
    sure: bool = True
    day: Annotated[date, Field(strict=False)] = date(2026, 1, 31)
    reason: Reason = "why"


CASES: dict[str, tuple[dict[str, Any], str, str]] = {
    "missing": ({}, "this field is required", "dit veld is verplicht"),
    "unknown": ({"other": 1}, "this field is not known here", "dit veld is hier niet bekend"),
    "number": ({"number": "x"}, "must be a number", "moet een getal zijn"),
    "whole": ({"whole": 1.5}, "must be a whole number", "moet een geheel getal zijn"),
    "text": ({"text": 1}, "must be text", "moet tekst zijn"),
    "short": ({"text": ""}, "must have at least 1 character", "moet ten minste 1 teken hebben"),
    "long": ({"text": "aaaa"}, "must have at most 3 characters", "mag hoogstens 3 tekens hebben"),
    "pattern": ({"text": "A"}, "must match the pattern ^[a-z]*$", "moet passen op het patroon ^[a-z]*$"),
    "below": ({"below": 1.0}, "must be below 1", "moet onder 1 liggen"),
    "above": ({"above": 0.5}, "must be above 0.5", "moet boven 0,5 liggen"),
    "least": ({"least": 2.0}, "must be at least 3", "moet ten minste 3 zijn"),
    "most": ({"most": 2e6}, "must be at most 1,234,567.5", "mag hoogstens 1.234.567,5 zijn"),
    "finite": ({"finite": float("inf")}, "must be a finite number", "moet een eindig getal zijn"),
    "choice": (
        {"chosen": "d"},
        "must be one of 'a', 'b' or 'c'",
        "moet een van deze zijn: 'a', 'b' of 'c'",
    ),
    "empty": ({"few": ()}, "must hold at least 1", "moet er ten minste 1 bevatten"),
    "crowded": ({"few": (1, 2, 3)}, "must hold at most 2", "mag er hoogstens 2 bevatten"),
    "list": ({"few": 1}, "must be a list", "moet een lijst zijn"),
    "mapping": ({"named": 1}, "must be an object", "moet een object zijn"),
    "record": ({"inner": 1}, "must be an object", "moet een object zijn"),
    "truth": (
        {"sure": "x"},
        "must be true or false",
        "moet waar of onwaar zijn (true of false)",
    ),
    "day": (
        {"day": "x"},
        "must be a date like 2026-01-31",
        "moet een datum zijn, zoals 2026-01-31",
    ),
    "blank": ({"reason": "  "}, "may not be blank", "mag niet leeg zijn"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_fault_of_shape_is_said_in_both_languages(case: str) -> None:
    spoiled, english, dutch = CASES[case]
    with pytest.raises(ValidationError) as caught:
        Everything.model_validate({**({} if case == "missing" else {"needed": 1}), **spoiled})
    (fault,) = shape_faults(caught.value)
    assert (fault.detail, fault.detail_nl) == (english, dutch)
