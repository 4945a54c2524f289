"""The shapes in which acceptance rates come back: per nationality, of the total, and what a what-if changed."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from service.api.forecast_shapes import RemarkShape
from service.api.shapes import Shape

Quarter = Annotated[str, Field(pattern=r"^(19|20)[0-9]{2}-Q[1-4]$")]


class RateOfSeries(Shape):
    """A nationality's rate in a track and quarter. Counts ahead are expected ones, with `decisions` only."""

    citizen: str
    quarter: str
    track: str
    mean: float
    lower75: float
    upper75: float
    lower95: float
    upper95: float
    decisions: float | None
    positive: float | None


class RateOfTotal(Shape):
    """The rate of all decisions; `varianceRate` and `varianceMix` add up to its variance.

    `mixStays` and `ratesStay` are the means with the composition, or the rates, of the last quarter known. Positive
    and negative decisions need `decisions`.
    """

    quarter: str
    mean: float
    lower75: float
    upper75: float
    lower95: float
    upper95: float
    variance_rate: float
    variance_mix: float
    ahead: bool
    mix_stays: float | None
    rates_stay: float | None
    decisions: float | None
    positive: float | None
    positive_lower75: float | None
    positive_upper75: float | None
    negative: float | None


class LagOfCitizen(Shape):
    """Decisions per application by quarters of delay, mean and 75% interval; `learned` from own figures or assumed."""

    citizen: str
    learned: bool
    mean: list[float]
    lower75: list[float]
    upper75: list[float]


class AcceptedInScenario(Shape):
    """Decisions and positive ones expected in a quarter ahead when arrivals follow a scenario's path."""

    scenario: str
    quarter: str
    decisions: float
    accepted: float


class AcceptanceRates(Shape):
    """All of it; `warnings` are the sentences of `remarks`."""

    rates: list[RateOfSeries]
    total: list[RateOfTotal]
    lags: list[LagOfCitizen]
    scenarios: list[AcceptedInScenario]
    what_ifs: list[int]
    source: str
    warnings: list[str]
    remarks: list[RemarkShape]
    diagnostics: dict[str, Any]


class AcceptanceWhatIfBody(Shape, extra="forbid"):
    """A change of policy: from `quarter` on, the log odds of `citizen` (absent: all) move by `shift`."""

    quarter: Quarter
    shift: Annotated[float, Field(ge=-6, le=6, allow_inf_nan=False)]
    citizen: Annotated[str, Field(pattern=r"^([A-Z]{2}|OTHER)$")] | None = None
    reason: Annotated[str, Field(min_length=3, max_length=2000)]


class AcceptanceWhatIf(Shape):
    """A what-if as the ledger keeps it; `effect` on the rate of the total, in points of one, by quarter ahead."""

    id: int
    quarter: str
    shift: float
    citizen: str | None
    reason: str
    actor: str
    at: datetime
    effect: dict[str, float]


class AcceptanceWhatIfList(Shape):
    items: list[AcceptanceWhatIf]


class AcceptanceBreakBody(Shape, extra="forbid"):
    """A break of policy: from `quarter` on, the log odds of `citizen` (absent: all) are of another level.

    Before the decisions are looked at, its size is Normal(`mean`, `sd`). `also` are the numbers of breaks declared
    earlier that the same fit has to know.
    """

    quarter: Quarter
    citizen: Annotated[str, Field(pattern=r"^([A-Z]{2}|OTHER)$")] | None = None
    mean: Annotated[float, Field(ge=-6, le=6, allow_inf_nan=False)] = 0.0
    sd: Annotated[float, Field(gt=0, le=5, allow_inf_nan=False)] = 1.0
    also: Annotated[list[int], Field(max_length=10)] = Field(default_factory=list)
    reason: Annotated[str, Field(min_length=3, max_length=2000)]


class BreakEffect(Shape):
    """The size of a break on log odds, after the decisions."""

    mean: float
    lower75: float
    upper75: float


class AcceptanceBreak(Shape):
    """A declared break; `effect` once the fit that knows it is there: `acceptance-rates?breaks=` with its `id`."""

    id: int
    status: str
    quarter: str
    citizen: str | None
    mean: float
    sd: float
    also: list[int]
    reason: str
    actor: str
    at: datetime
    effect: BreakEffect | None


class AcceptanceBreakList(Shape):
    items: list[AcceptanceBreak]
