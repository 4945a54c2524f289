"""What a forecast is asked for, and the refusals that a caller can mend. Plain records: any room may read them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

from priors.faults import numerals_nl
from priors.scenario import ScenarioSet

Method = Literal["weighted", "joint"]
# Part of a forecast's identity: raised whenever the same request would give other numbers.
MODEL_VERSION = "inflow-panel-7"


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


# Sets of events that can occur together under a scenario, of what the joint model takes. Three scenarios with 32 sets
# each take 76 s of a processor, 45 of them to compile.
MOST_JOINT_SUBSETS = 32


def joint_refusal(subsets: int) -> tuple[str, str]:
    """What is said, in English and in Dutch, of more sets of events than the joint model takes."""
    return (
        f"the events of this set make {subsets:,} different combinations under one scenario; the joint model sums over "
        f"{MOST_JOINT_SUBSETS} at most: leave the method out (weighed draws take them all), leave events out, or let "
        "them exclude one another",
        f"De gebeurtenissen van deze set geven onder één scenario {numerals_nl(f'{subsets:,}')} verschillende "
        f"combinaties; het gezamenlijke model telt er hoogstens {MOST_JOINT_SUBSETS} op. Laat de methode weg (gewogen "
        "trekkingen nemen ze alle), laat gebeurtenissen weg, of laat ze elkaar uitsluiten.",
    )


class ForecastRefused(ValueError):
    """A request the data cannot serve; `field` names what to change, `detail` says how, `dutch` the same in Dutch."""

    def __init__(self, field: str, detail: str, dutch: str) -> None:
        super().__init__(f"{field}: {detail}")
        self.field, self.detail, self.dutch = field, detail, dutch
