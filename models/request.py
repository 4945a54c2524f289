"""What a forecast is asked for, and the refusals that a caller can mend. Plain records: any room may read them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

from priors.scenario import ScenarioSet

Method = Literal["weighted", "joint"]
# Part of a forecast's identity: raised whenever the same request would give other numbers.
MODEL_VERSION = "inflow-panel-4"


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


@dataclass(frozen=True)
class Remark:
    """What a reader of the numbers must know: an English sentence, and a code with parameters to say it otherwise."""

    code: str
    detail: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


def remarks_from(written: Iterable[Mapping[str, Any] | str]) -> tuple[Remark, ...]:
    """Remarks read back; those written before they had codes are sentences."""
    return tuple(Remark("stated", one) if isinstance(one, str) else Remark(**one) for one in written)


JOINT_WITHOUT_EVENTS = (
    "the joint model needs the joint density of all years, which a scenario with events on top has not in closed form; "
    "leave the method out (weighed draws know every event), or state the events as scenarios with their own probability"
)


class ForecastRefused(ValueError):
    """A request the data cannot serve; `field` names what to change, `detail` says how."""

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(f"{field}: {detail}")
        self.field = field
        self.detail = detail
