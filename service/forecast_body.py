"""The body of a request for a forecast: its members, their types and limits.

What they mean together is checked in `service.orders`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, Strict

from priors.records import CalendarDate, Probability, Record, Target

LARGEST_SEED = 2**53 - 1
WholeNumber = Annotated[int, Strict()]


class ForecastBody(Record):
    """What may be asked for; absent members get their defaults."""

    scenario_set: Annotated[str | None, Field(max_length=36)] = None
    scenario_set_version: Annotated[WholeNumber | None, Field(ge=1, le=2**31 - 1)] = None
    target: Target | None = None
    cutoff: CalendarDate | None = None
    as_of: CalendarDate | None = None
    expert_weight: Probability | None = None
    horizon_years: Annotated[WholeNumber, Field(ge=1, le=5)] = 5
    method: Literal["weighted", "joint"] = "weighted"
    seed: Annotated[WholeNumber | None, Field(ge=0, le=LARGEST_SEED)] = None
