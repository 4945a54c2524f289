"""The shapes of a forecast in the API document, and the forecast itself as JSON.

Must not know how it is stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel

from models.request import Remark
from priors.records import Target
from service.api.data_quality import FindingShape
from service.api.shapes import ListShape, Shape
from service.storage.forecasts import StoredOrder
from service.storage.jobs import JobState

Status = Literal["queued", "running", "succeeded", "failed", "cancelled"]
Layer = Literal["posterior", "experts", "model"]


class TotalRequested(Shape):
    """What is summed, in this order, and how it was said to depend on each other."""

    forecasts: list[str]
    dependence: Literal["estimated", "independent"] | list[list[float]]


class ForecastRequested(Shape):
    """The request with its defaults filled in; `total` only where the forecast is one."""

    scenario_set: str | None
    scenario_set_version: int | None
    target: Target
    cutoff: date
    as_of: date
    expert_weight: float
    horizon_years: int
    method: str
    seed: int
    total: TotalRequested | None = None


class Provenance(Shape):
    """What the numbers rest on: `source` in whose units, `sources` what part of the last year is whose.

    Revision and packages are those of the process that computed them.
    """

    scenario_set_hash: str | None
    data_vintage: str
    model_version: str
    git_revision: str | None
    packages: dict[str, str | None]
    seed: int
    source: str | None
    sources: dict[str, float] | None


class RemarkShape(Shape):
    """What a reader of the numbers must know: `detail` says it, `code` and `parameters` let others say it."""

    code: str
    detail: str
    parameters: dict[str, Any]


class ForecastState(Shape):
    """A forecast: how far it is and, once it has succeeded, how well it was computed.

    `kind` says whether it is the total of others. `warnings` are the sentences of `remarks`; `dataQuality` is about the
    figures at `asOf`, empty until they are read.
    """

    id: str
    kind: Literal["forecast", "total"]
    status: Status
    progress: float
    stage: str
    error: dict[str, Any] | None
    request: ForecastRequested
    edition_status: Literal["concept", "adopted", "superseded"]
    provenance: Provenance
    diagnostics: dict[str, Any] | None
    timings: dict[str, float] | None
    warnings: list[str]
    remarks: list[RemarkShape]
    data_quality: list[FindingShape]
    created_by: str
    created_at: datetime


class ForecastList(ListShape):
    items: list[ForecastState]


class LevelValue(Shape):
    level: float
    value: float


class YearRow(Shape):
    """One target year, persons; `quantiles` only where `levels` were asked for.

    `adopted` names the figures of an edition that were decided otherwise than the forecast has them.
    """

    year: int
    mean: float
    sd: float
    minimum: float
    median: float
    medio: float
    maximum: float
    observed_to_date: float
    months_observed: int
    quantiles: list[LevelValue] | None = None
    adopted: list[str] | None = None


class LeftOutRow(Shape):
    """By how much a scenario, or an expert of a pool, moves a year's interval scenarios, persons."""

    kind: Literal["scenario", "expert"]
    key: str
    year: int
    minimum: float
    median: float
    medio: float
    maximum: float


class ForecastIntervals(Shape):
    years: list[YearRow]
    interval_probability: float
    rounding: int | None
    layer: Layer


class ForecastDensity(Shape):
    """`pdf` per person; null for a year fully counted, which is one point."""

    year: int
    layer: Layer
    x: list[float]
    pdf: list[float | None]
    cdf: list[float]


class ForecastExceedance(Shape):
    year: int
    above: float
    probability: float
    monte_carlo_error: float
    layer: Layer


class ScenarioProbability(Shape):
    key: str
    prior: float
    posterior: float


class ConflictShape(Shape):
    """Whether what was counted surprises the experts: the chance of something at least as surprising, and in words."""

    flag: bool
    surprise: float | None
    detail: str
    detail_nl: str


class MonthProbability(Shape):
    key: str
    probability: float


class MonthStepShape(Shape):
    """Probabilities once `month` had been counted; null: before any later month."""

    month: str | None
    scenarios: list[MonthProbability]


class ScenarioProbabilities(Shape):
    """`byMonth` leads from prior to posterior; `leaveOneOut` is what the posterior would lose without each part."""

    scenarios: list[ScenarioProbability]
    conflict: ConflictShape
    by_month: list[MonthStepShape]
    leave_one_out: list[LeftOutRow]


class MonthRow(Shape):
    """One month, persons; `quantiles` by level."""

    month: str
    observed: float | None
    mean: float
    minimum: float
    median: float
    medio: float
    maximum: float
    quantiles: dict[str, float]


class CitizenMonthRow(Shape):
    """One month of a nationality, persons; `observed` is the counted month divided as published."""

    month: str
    observed: float | None
    mean: float
    minimum: float
    median: float
    medio: float
    maximum: float


class CitizenMonths(Shape):
    citizen: str
    rows: list[CitizenMonthRow]


class Monthly(Shape):
    """`citizens` where nationalities are told apart: their means add up to the month's mean."""

    levels: list[float]
    rows: list[MonthRow]
    citizens: list[CitizenMonths]


class SamplePaths(Shape):
    """`paths` has one list of monthly values per draw; `byCitizen` per draw and month one value per nationality.

    `citizens` and `byCitizen` are there where nationalities are told apart; their values add up to the month's.
    """

    months: list[str]
    citizens: list[str] | None = None
    paths: list[list[float]]
    by_citizen: list[list[list[int]]] | None = None


def inlined(model: type[BaseModel]) -> dict[str, Any]:
    """A model's JSON schema without references, for a body that is checked by hand."""
    schema = model.model_json_schema(by_alias=True)
    definitions = schema.pop("$defs", {})

    def resolved(part: Any) -> Any:
        if isinstance(part, list):
            return [resolved(item) for item in part]
        if not isinstance(part, dict):
            return part
        if "$ref" in part:
            return resolved(definitions[part["$ref"].rsplit("/", 1)[1]])
        return {name: resolved(item) for name, item in part.items()}

    whole: dict[str, Any] = resolved(schema)
    return whole


def json_body(model: type[BaseModel]) -> dict[str, Any]:
    """Of a route that checks a JSON body of this model by hand: what its description says of the body."""
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": inlined(model)}}}}


def warnings_json(remarks: Iterable[Remark]) -> dict[str, Any]:
    """The remarks, each once, and their sentences by themselves."""
    each = list({remark.detail: remark for remark in remarks}.values())
    return {"warnings": [remark.detail for remark in each], "remarks": [asdict(remark) for remark in each]}


def forecast_json(
    found: StoredOrder,
    code: Mapping[str, Any] | None = None,
    diagnostics: Mapping[str, Any] | None = None,
    timings: Mapping[str, float] | None = None,
) -> dict[str, Any]:
    """The forecast as clients see it; `code` is what the computing process noted about itself."""
    job, basis = found.job, found.basis
    noted = code or {"gitRevision": None, "packages": {}}
    return {
        "id": found.id,
        "kind": "total" if found.order.total else "forecast",
        "status": job.state.value,
        "progress": job.progress,
        "stage": job.stage,
        "error": job.problem if job.state is JobState.FAILED else None,
        "request": found.order.as_json(),
        "editionStatus": found.edition_status,
        "provenance": {
            "scenarioSetHash": basis.scenario_set_hash,
            "dataVintage": basis.data_vintage,
            "modelVersion": basis.model_version,
            **noted,
            "seed": found.order.seed,
            "source": diagnostics["source"] if diagnostics else None,
            "sources": diagnostics.get("sources") if diagnostics else None,
        },
        "diagnostics": diagnostics,
        "timings": {**timings, "total": round(sum(timings.values()), 3)} if timings else None,
        **warnings_json(found.warnings),
        "dataQuality": [],
        "createdBy": found.created_by,
        "createdAt": found.created_at.isoformat().replace("+00:00", "Z"),
    }
