"""What a forecast is asked for, and the refusals that a caller can mend. Plain records: any room may read them."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

from priors.scenario import ScenarioSet

Method = Literal["weighted", "joint"]
# Part of a forecast's identity: raised whenever the same request would give other numbers.
MODEL_VERSION = "inflow-single-1"


@dataclass(frozen=True)
class ForecastTarget:
    """One series of one country (Eurostat code) and citizenship (`TOTAL` for all)."""

    series: str
    geo: str
    citizen: str


@dataclass(frozen=True)
class ForecastRequest:
    """A whole request: together with the realisations it determines every number of the answer."""

    target: ForecastTarget
    scenario_set: ScenarioSet | None
    cutoff: date
    as_of: date
    expert_weight: float
    horizon_years: int
    method: Method
    seed: int


class ForecastRefused(ValueError):
    """A request the data cannot serve; `field` names what to change, `detail` says how."""

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(f"{field}: {detail}")
        self.field = field
        self.detail = detail
