"""What if the experts had said otherwise: a finished forecast weighed anew, nothing stored.

The body replaces parts of the scenario set that the forecast was made with; parts that it leaves out stay
as they are. Faults in the result are named where the body has them. The arithmetic is
`StoredForecast.what_if`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Response
from pydantic import Field, ValidationError

from priors.faults import pointer
from priors.records import Event, Number, Probability, Record, Scenario, Unforeseen
from service.api import forecast_shapes as shapes
from service.api.bodies import RawBody, read_json
from service.api.finished import Finished, SeriesForecast, to_json
from service.api.forecast_shapes import json_body
from service.api.shapes import Shape
from service.problems import documented, fault, invalid_input

if TYPE_CHECKING:
    from models.stored import WhatIf
    from priors.scenario import ScenarioSet

router = APIRouter(tags=["forecasts"])


class WhatIfBody(Record):
    """Parts of a scenario set, and how much the experts weigh; absent parts stay as they are."""

    scenarios: tuple[Scenario, ...] | None = None
    events: tuple[Event, ...] | None = None
    unforeseen: Unforeseen | None = None
    year_correlation: Annotated[Number, Field(ge=0.0, le=0.99)] | None = None
    expert_weight: Probability | None = None


class AttributionRow(Shape):
    """By how much one change moved a year's interval scenarios, persons."""

    change: str
    year: int
    minimum: float
    median: float
    medio: float
    maximum: float


class WhatIfDiagnostics(Shape):
    pareto_k: float | None
    ess_weighted: float
    method_used: str
    seconds: float


class WhatIfDensity(Shape):
    year: int
    x: list[float]
    pdf: list[float | None]
    cdf: list[float]


class WhatIfAnswer(Shape):
    interval_scenarios: list[shapes.YearRow]
    density: list[WhatIfDensity]
    scenario_probabilities: list[shapes.ScenarioProbability]
    attribution: list[AttributionRow]
    leave_one_out: list[shapes.LeftOutRow]
    diagnostics: WhatIfDiagnostics


_PARTS = ("scenarios", "events", "unforeseen", "yearCorrelation")
_BODY = json_body(WhatIfBody)
_Faults = list[tuple[str, str, str]]


@router.post(
    "/what-ifs",
    status_code=200,
    response_model=WhatIfAnswer,
    responses={409: documented("The forecast has no results yet.")},
    openapi_extra=_BODY,
    summary="The same forecast under changed scenarios; stores nothing",
)
def what_if(body: RawBody, done: SeriesForecast) -> Response:
    from models.posterior import NothingLeft
    from priors.scenario import InvalidScenarioSet

    changed, expert_weight = _changed(read_json(body), done)
    try:
        answer = done.stored.what_if(changed, expert_weight)
    except InvalidScenarioSet as invalid:
        raise invalid_input(invalid.faults) from None
    except NothingLeft as nothing:
        dutch = "geen scenario laat enige kans aan wat al geteld is"
        raise invalid_input([fault("/scenarios", str(nothing), dutch)]) from None
    return Response(to_json(_answer(done, answer)), media_type="application/json")


def _changed(payload: object, done: Finished) -> tuple[ScenarioSet | None, float]:
    """The patched set and weight; raises Problem 400 with every fault."""
    if not isinstance(payload, dict):
        raise invalid_input([("", "must be an object", "moet een object zijn")])
    known = (*_PARTS, "expertWeight")
    faults: _Faults = [
        (pointer(name), "is not known here", "is hier niet bekend") for name in payload if name not in known
    ]
    patched, set_faults = _patched_set(payload, done)
    expert_weight, weight_faults = _expert_weight(payload, done)
    if faults := [*faults, *set_faults, *weight_faults]:
        raise invalid_input(faults)
    return patched, expert_weight


def _patched_set(payload: Mapping[str, Any], done: Finished) -> tuple[ScenarioSet | None, _Faults]:
    from priors.scenario import InvalidScenarioSet, parse_scenario_set

    patch = {name: payload[name] for name in _PARTS if name in payload}
    if not patch:
        return done.stored.scenario_set, []
    # With other scenarios a pool is no longer what its members make together.
    pool = {"pool": None} if "scenarios" in patch else {}
    try:
        return parse_scenario_set({**_stated(done), **pool, **patch}), []
    except InvalidScenarioSet as invalid:
        return None, [(fault.field, fault.detail, fault.detail_nl) for fault in invalid.faults]


def _stated(done: Finished) -> dict[str, Any]:
    """The forecast's own set, or for a forecast of the model alone an empty one to fill."""
    chosen = done.stored.scenario_set
    if chosen is not None:
        return chosen.model_dump(mode="json", by_alias=True)
    order = done.found.order
    target = order.target.model_dump(by_alias=True)
    names = {"name": "what-if", "edition": "what-if", "reason": "what-if"}
    return {**names, "cutoff": order.cutoff.isoformat(), "target": target, "scenarios": []}


def _expert_weight(payload: Mapping[str, Any], done: Finished) -> tuple[float, _Faults]:
    from priors.scenario import shape_faults

    if payload.get("expertWeight") is None:
        return done.found.order.expert_weight, []
    try:
        weight = WhatIfBody.model_validate({"expertWeight": payload["expertWeight"]}).expert_weight or 0.0
    except ValidationError as error:
        return 0.0, list(shape_faults(error))
    if weight > 0 and done.stored.scenario_set is None and "scenarios" not in payload:
        detail = "must be 0 without scenarios: there is nothing to weigh"
        dutch = "moet 0 zijn zonder scenario's: er is niets te wegen"
        return 0.0, [("/expertWeight", detail, dutch)]
    return weight, []


def _answer(done: Finished, answer: WhatIf) -> dict[str, Any]:
    from service.api.forecast_views import (
        attribution_rows,
        density_row,
        left_out_rows,
        probability_rows,
        year_rows,
    )

    return {
        "intervalScenarios": year_rows(done.stored, answer.layer),
        "density": [density_row(answer.layer, year) for year in done.stored.years],
        "scenarioProbabilities": probability_rows(answer.probabilities),
        "attribution": attribution_rows(answer.effects, done.stored.years),
        "leaveOneOut": left_out_rows(answer.left_out, done.stored.years),
        "diagnostics": {
            "paretoK": answer.pareto_k,
            "essWeighted": answer.ess_weighted,
            "methodUsed": answer.method_used,
            "seconds": answer.seconds,
        },
    }
