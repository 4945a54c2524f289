"""What experts state, as frozen records: scenarios, events, an unforeseen part, and the set that holds them.

JSON names are camelCase, enumerated values snake_case; persons are plain numbers, years are calendar years.
Here live shapes and limits that concern one field; what fields mean together is checked in
priors/scenario_checks.py. Text is kept exactly as written: markup in it is text, whoever shows it escapes it.
Must not know densities, storage or HTTP.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

from priors.faults import Misstated

LARGEST_PERSONS = 1e7
Family = Literal["normal", "lognormal", "gamma", "student_t", "triangular", "pert"]
SpreadMeaning = Literal[
    "sd", "half_width_50", "half_width_75", "half_width_80", "half_width_90", "half_width_95"
]
TOTAL_INFLOW = "total_inflow"
Series = Literal[
    "first_applications",
    "all_applications",
    "repeat_applications",
    "family_arrivals",
    "resettlement",
    "total_inflow",
]


def _storable(text: str) -> str:
    if "\x00" in text:
        raise Misstated("the character U+0000 cannot be stored", "het teken U+0000 kan niet worden bewaard")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise Misstated("half of a surrogate pair is no character", "een half surrogaatpaar is geen teken")
    return text


def _said(text: str) -> str:
    if not text.strip():
        raise Misstated("may not be blank", "mag niet leeg zijn")
    return text


def _calendar_date(value: object) -> object:
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII):
        return value
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    raise Misstated("a date is written as YYYY-MM-DD", "een datum wordt geschreven als JJJJ-MM-DD")


def _calendar_year(value: object) -> object:
    if isinstance(value, str) and re.fullmatch(r"\d{4}", value, re.ASCII):
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise Misstated("a year is written as four digits", "een jaar wordt geschreven met vier cijfers")


Text = Annotated[str, AfterValidator(_storable)]
Name = Annotated[Text, StringConstraints(min_length=1, max_length=200), AfterValidator(_said)]
Reason = Annotated[Text, StringConstraints(min_length=1, max_length=2_000), AfterValidator(_said)]
Label = Annotated[Text, StringConstraints(max_length=200)]
Narrative = Annotated[Text, StringConstraints(max_length=20_000)]
Source = Annotated[Text, StringConstraints(min_length=1, max_length=1_000)]
Key = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
EditionName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$")]
Citizen = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]{1,15}$")]
Geo = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}[A-Z0-9_]{0,10}$")]
CalendarDate = Annotated[date, BeforeValidator(_calendar_date)]
Month = Annotated[str, StringConstraints(pattern=r"^(19|20|21)[0-9]{2}-(0[1-9]|1[0-2])$")]
Year = Annotated[int, BeforeValidator(_calendar_year), Field(ge=1950, le=2200)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Probability = Annotated[Number, Field(ge=0.0, le=1.0)]
Persons = Annotated[Number, Field(gt=0.0, le=LARGEST_PERSONS)]
SignedPersons = Annotated[Number, Field(ge=-LARGEST_PERSONS, le=LARGEST_PERSONS)]
DegreesOfFreedom = Annotated[Number, Field(ge=3.0, le=1_000.0)]


class Record(BaseModel):
    """Frozen, camelCase in JSON, no unknown fields."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        populate_by_name=True,
        hide_input_in_errors=True,
    )


class YearBelief(Record):
    """The mean and the spread of one year's total (persons); what spread means is said by the scenario."""

    expected: Persons
    spread: Persons


class YearChange(Record):
    """What an event adds to (or, negative, takes from) one year's total (persons)."""

    expected: SignedPersons
    spread: Persons


class Composition(Record):
    """Shares by nationality, the rest as in the model; `concentration` (Dirichlet) says how firmly."""

    shares: Annotated[dict[Citizen, Probability], Field(min_length=1, max_length=100)]
    concentration: Annotated[Number, Field(gt=0.0, le=1e6)]


class Scenario(Record):
    """One of several exclusive futures, with its probability and a belief per calendar year."""

    key: Key
    label: Label = ""
    probability: Probability
    family: Family = "lognormal"
    spread_meaning: SpreadMeaning = "sd"
    degrees_of_freedom: DegreesOfFreedom | None = None
    narrative: Narrative = ""
    sources: Annotated[tuple[Source, ...], Field(max_length=100)] = ()
    years: Annotated[dict[Year, YearBelief], Field(min_length=1)]
    composition: Composition | None = None


class Event(Record):
    """An amount added with a probability on top of whichever scenario occurs.

    `years` hold what it adds to each calendar year; `start` is the first month in which it adds anything.
    """

    key: Key
    label: Label = ""
    probability: Probability
    family: Family = "normal"
    spread_meaning: SpreadMeaning = "sd"
    degrees_of_freedom: DegreesOfFreedom | None = None
    narrative: Narrative = ""
    sources: Annotated[tuple[Source, ...], Field(max_length=100)] = ()
    years: Annotated[dict[Year, YearChange], Field(min_length=1)]
    probability_by_scenario: Annotated[dict[Key, Probability], Field(max_length=50)] = Field(
        default_factory=dict
    )
    excludes: Annotated[tuple[Key, ...], Field(max_length=50)] = ()
    start: Month | None = None


class Unforeseen(Record):
    """A wide belief for "none of the above"; its probability scales the scenarios' by one minus itself."""

    probability: Annotated[Number, Field(ge=0.0, lt=1.0)]
    family: Family = "lognormal"
    spread_meaning: SpreadMeaning = "sd"
    degrees_of_freedom: DegreesOfFreedom | None = None
    years: Annotated[dict[Year, YearBelief], Field(min_length=1)]


class Target(Record):
    """The series the set speaks of: what is counted, in which country, of which citizenship."""

    series: Series
    geo: Geo
    citizen: Citizen = "TOTAL"


class PoolMember(Record):
    """A pooled set in one version, the weight it got, and the one equal weights would have given it.

    `raw_weight` is the one by track record alone, before shrinking, where weights are by performance.
    """

    scenario_set: Annotated[str, StringConstraints(min_length=1, max_length=36)]
    version: Annotated[int, Field(ge=1)]
    weight: Annotated[Number, Field(ge=0.0, le=1.0)]
    equal_weight: Annotated[Number, Field(ge=0.0, le=1.0)]
    raw_weight: Annotated[Number, Field(ge=0.0, le=1.0)] | None = None


class PoolTable(Record):
    """A year of a logarithmic pool: totals (persons) and the distribution function there."""

    x: Annotated[tuple[Number, ...], Field(min_length=2, max_length=5_000)]
    cdf: Annotated[tuple[Number, ...], Field(min_length=2, max_length=5_000)]


class PoolWithout(Record):
    """A logarithmic pool without one of its members, the others' weights scaled up; no tables where none has any."""

    year_correlation: Annotated[Number, Field(ge=0.0, le=0.99)]
    tables: dict[Year, PoolTable] = Field(default_factory=dict)


class Pool(Record):
    """Where a pool came from; `tables` are of a logarithmic one, `without` one for each member left out of it."""

    method: Literal["linear_pool", "logarithmic_pool"]
    weights: Literal["equal", "stated", "performance"]
    members: Annotated[tuple[PoolMember, ...], Field(min_length=2, max_length=50)]
    tables: dict[Year, PoolTable] = Field(default_factory=dict)
    without: Annotated[tuple[PoolWithout, ...], Field(max_length=50)] = ()


class ScenarioSet(Record):
    """Everything one group of experts stated at one cutoff, with the reason for stating it now.

    `pool` says of which sets it is the pool, where it is one (priors/pooling.py).
    """

    name: Name
    edition: EditionName
    cutoff: CalendarDate
    target: Target
    year_correlation: Annotated[Number, Field(ge=0.0, le=0.99)] = 0.8
    scenarios: Annotated[tuple[Scenario, ...], Field(min_length=1, max_length=50)]
    events: Annotated[tuple[Event, ...], Field(max_length=50)] = ()
    unforeseen: Unforeseen | None = None
    reason: Reason
    pool: Pool | None = None
