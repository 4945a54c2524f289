"""What an evaluation is made from: forecasts as issued, what came, and what is asked.

An archived forecast speaks of one year's total (persons) and is stated in exactly one form: quantiles, a mixture of
scenarios, draws, or a point. Stages follow the moments at which choices can influence the outcome: the experts'
density, the model's, their combination, the working group's estimate, the figure adopted. Nothing is ever changed,
only superseded. JSON names are camelCase. This module must not know densities, scores, storage or HTTP.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from priors.records import (
    LARGEST_PERSONS,
    CalendarDate,
    Citizen,
    EditionName,
    Geo,
    Name,
    Narrative,
    Number,
    Record,
    Scenario,
    Series,
    Year,
)

if TYPE_CHECKING:
    import pandas as pd

Stage = Literal["experts", "model", "combined", "estimate", "adopted"]
STAGES: tuple[Stage, ...] = ("experts", "model", "combined", "estimate", "adopted")
Level = Annotated[Number, Field(gt=0.0, lt=1.0)]
Count = Annotated[Number, Field(ge=0.0, le=LARGEST_PERSONS)]
Weight = Annotated[Number, Field(gt=0.0, le=1e6)]
Spread = Annotated[Number, Field(gt=0.0, le=10.0)]


class StatedQuantile(Record):
    """The total (persons) that comes out lower with probability `level`."""

    level: Level
    value: Count


class ArchivedForecast(Record):
    """One issuer's forecast of one year's total at one stage of one edition; exactly one form is not None.

    `scenarios` are exclusive and state `target_year`; `counted_at_cutoff` persons are the floor of their density.
    `expert` is a pseudonym where single experts are kept apart. Of forecasts with one `key` the one issued last
    counts, of those issued on one day the one listed last.
    """

    series: Series
    geo: Geo
    citizen: Citizen = "TOTAL"
    edition: EditionName
    issued_on: CalendarDate
    cutoff: CalendarDate
    target_year: Year
    stage: Stage
    issuer: Name
    expert: Name | None = None
    quantiles: Annotated[tuple[StatedQuantile, ...], Field(min_length=1, max_length=999)] | None = None
    scenarios: Annotated[tuple[Scenario, ...], Field(min_length=1, max_length=50)] | None = None
    draws: Annotated[tuple[Count, ...], Field(min_length=2, max_length=100_000)] | None = None
    point: Count | None = None
    counted_at_cutoff: Count = 0.0

    @property
    def key(self) -> tuple[str, ...]:
        """What two forecasts share when one corrects the other."""
        target = (self.series, self.geo, self.citizen, str(self.target_year))
        return (*target, self.edition, self.stage, self.issuer, self.expert or "")


class EvaluationFilter(Record):
    """Which forecasts are evaluated; None means all. `target_years` are the first and the last, both included."""

    series: Series = "first_applications"
    geo: Geo = "NL"
    citizen: Citizen = "TOTAL"
    issuer: Name | None = None
    stage: Stage | None = None
    expert: Name | None = None
    target_years: tuple[Year, Year] | None = None


class LossWeights(Record):
    """What a person too few and a person too many cost, relative to each other: beds against money."""

    too_low: Weight = 1.0
    too_high: Weight = 1.0


class ScalePrior(Record):
    """A standard deviation on the log scale: lognormal with this median and this sd of its log."""

    median: Annotated[Number, Field(gt=0.0, le=10.0)]
    log_sd: Annotated[Number, Field(gt=0.0, le=5.0)]
    source: Narrative = ""


class BiasPriors(Record):
    """Priors of the bias model (models/calibration/bias.py), on the log scale.

    `bias_sd`: bias ~ Normal(0, bias_sd), with `sensitivity_sds` beside it. `shock`: a half-year's surprise, informed
    by the realised changes with weight `realised_weight`, since those also hold what forecasters foresaw. `pooled`:
    spread of stages, issuers and horizons around the bias; `stage_edition`: a stage's own deviation in one edition.
    Autocorrelation rho of editions half a year apart: logit of (1 + rho) / 2 ~ Normal(autocorrelation_logit,
    autocorrelation_sd), by default .38 with 95% between -.5 and .9: views persist, but a prior that allows nothing
    under zero could not find editions independent.
    """

    bias_sd: Spread = 0.2
    sensitivity_sds: Annotated[tuple[Spread, ...], Field(min_length=3, max_length=9)] = (0.05, 0.1, 0.2, 0.4)
    shock: ScalePrior = ScalePrior(
        median=0.18, log_sd=0.5, source="half-yearly innovations of 29 European countries, 2000-2019"
    )
    edition: ScalePrior = ScalePrior(median=0.08, log_sd=0.7, source="weak: 2% to 32%")
    noise: ScalePrior = ScalePrior(median=0.05, log_sd=0.7, source="weak: 1% to 20%")
    pooled: ScalePrior = ScalePrior(median=0.04, log_sd=0.7, source="weak: 1% to 16%")
    stage_edition: ScalePrior = ScalePrior(median=0.03, log_sd=0.7, source="weak: 1% to 12%")
    autocorrelation_logit: Annotated[Number, Field(ge=-5.0, le=5.0)] = 0.8
    autocorrelation_sd: Spread = 1.0
    shock_freedom: Annotated[Number, Field(gt=2.0, le=200.0)] = 4.0
    noise_freedom: Annotated[Number, Field(gt=2.0, le=200.0)] = 5.0
    realised_weight: Annotated[Number, Field(ge=0.0, le=1.0)] = 0.5


class EvaluationRequest(Record):
    """What is asked. `rope`: relative bias that makes no practical difference; `thresholds`: totals (persons) whose
    exceedance is scored; `levels`: quantile levels that are scored; `seed` drives every simulation. `simulations`:
    archives simulated for the minimum detectable bias and for bands, 0 for none. `reference`: also sample the bias
    model with NUTS and show its posterior beside the fast one (a minute more).
    """

    filter: EvaluationFilter = EvaluationFilter()
    rope: Annotated[Number, Field(gt=0.0, lt=1.0)] = 0.05
    interval_probability: Level = 0.75
    levels: Annotated[tuple[Level, ...], Field(min_length=1, max_length=99)] = (0.125, 0.5, 2 / 3, 0.875)
    thresholds: Annotated[tuple[Count, ...], Field(max_length=20)] = ()
    loss: LossWeights = LossWeights()
    priors: BiasPriors = BiasPriors()
    simulations: Annotated[int, Field(ge=0, le=2000)] = 200
    reference: bool = False
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 1


class LedgerEdit(Record):
    """One change of a scenario set on the way to an edition: the median of a target year (persons) before and after."""

    edition: EditionName
    made_on: CalendarDate
    target_year: Year
    before: Annotated[Number, Field(gt=0.0, le=LARGEST_PERSONS)]
    after: Annotated[Number, Field(gt=0.0, le=LARGEST_PERSONS)]


@dataclass(frozen=True, eq=False)
class Realised:
    """What came: `values`, persons by year, complete years as known on `as_of`.

    `rows` are the bitemporal rows behind them (`models.vintage.KEY`, value, flag, known_at), from which peers are
    rebuilt as of each issue date; without them a year counts as known `known_after_days` after its end.
    `incomplete` are years with some but not all of their periods, which nothing is compared with.
    """

    values: Mapping[int, float]
    as_of: date | None = None
    rows: pd.DataFrame | None = None
    known_after_days: int = 31
    incomplete: tuple[int, ...] = field(default=())
