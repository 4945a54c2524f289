"""Totals: the sum of finished forecasts of one country, ordered, and what it is made of.

A total is a forecast: it is followed, read, exported and adopted under `/forecasts/{id}` as any other. What a sum
cannot answer (what-ifs, scenario probabilities, acceptance rates, an attribution) is refused there with the way to the
components. Which forecasts go together is checked in `service.total_orders`; must not know how they are summed.
"""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter, Request, Response

from service.api.anchoring import check_forecast_opened
from service.api.bodies import RawBody, read_json
from service.api.context import Sessions
from service.api.finished import Finished, FinishedForecast, respond, to_json
from service.api.forecast_orders import order_answer, order_recorded, ordered
from service.api.forecast_shapes import ForecastState, json_body
from service.api.shapes import Shape
from service.problems import Problem, documented, invalid_input
from service.security import ExpertCaller
from service.storage.base import reading, writing
from service.total_orders import TotalBody

router = APIRouter(prefix="/totals", tags=["forecasts"])
parts = APIRouter(tags=["forecasts"])


class ComponentYear(Shape):
    """The mean of a component's total, and its part of the mean of the sum."""

    year: int
    mean: float
    share: float


class Component(Shape):
    """A forecast that is summed. `weight` is how often it counts in the sum."""

    id: str
    series: str
    weight: float
    years: list[ComponentYear]


class YearCorrelation(Shape):
    """Rank correlations of the components' totals of one year as summed; null where one of them is settled."""

    year: int
    rank_correlation: list[list[float]] | None


class Components(Shape):
    """`correlation` in the order of `components`, of the height of whole paths, as used.

    Where it was `estimated`: `measured` before it was shrunk toward independence, and the number of independent yearly
    growths that each pair is worth (`observations`).
    """

    components: list[Component]
    dependence: Literal["estimated", "independent", "stated"]
    correlation: list[list[float]]
    measured: list[list[float]] | None
    observations: list[list[float]] | None
    years: list[YearCorrelation]


@router.post(
    "",
    status_code=202,
    response_model=ForecastState,
    responses=ordered("This total exists.", "Where the total is, as a forecast."),
    openapi_extra=json_body(TotalBody),
    summary="Order the total of forecasts of several series, or find the one that is of the same",
)
def create_total(body: RawBody, caller: ExpertCaller, sessions: Sessions) -> Response:
    from service.orders import OrderRefused
    from service.total_orders import prepare_total

    payload = read_json(body)
    try:
        with reading(sessions) as session:
            prepared, components = prepare_total(session, payload)
            for component in components:
                check_forecast_opened(session, component, caller)
    except OrderRefused as refused:
        raise invalid_input(refused.faults) from None
    with writing(sessions) as session:
        found, new = order_recorded(session, prepared, caller, "order total")
    return order_answer(found, new)


@parts.get(
    "/components",
    response_model=Components,
    responses={409: documented("It has no results yet, or is no total.")},
    summary="What a total is the sum of, and how its parts depend on each other",
)
def read_components(request: Request, done: FinishedForecast) -> Response:
    if done.found.order.total is None:
        detail = "This forecast is of one series and has no components; POST /v1/totals sums several."
        dutch = "Deze prognose gaat over één reeks en heeft geen delen; POST /v1/totals telt er meer op."
        raise Problem(409, "No total", detail, dutch=dutch)
    return respond(request, done.found.id, lambda: to_json(components_json(done)))


def components_json(done: Finished) -> dict[str, Any]:
    """The components of a finished total."""
    from models.totals.stored import StoredTotal

    stored, total = done.stored, done.found.order.total
    assert isinstance(stored, StoredTotal) and total is not None
    about, sums = stored.about, stored.layer("posterior").mean()
    told = zip(total.forecasts, about["series"], about["means"], strict=True)
    return {
        "components": [
            {"id": identifier, "series": series, "weight": 1.0, "years": _years(stored.years, means, sums)}
            for identifier, series, means in told
        ],
        **{name: about[name] for name in ("dependence", "correlation", "measured", "observations")},
        "years": [{"year": int(year), "rankCorrelation": found} for year, found in about["byYear"].items()],
    }


def _years(years: tuple[int, ...], means: list[float], sums: Any) -> list[dict[str, Any]]:
    return [
        {"year": year, "mean": mean, "share": mean / float(whole) if whole else 0.0}
        for year, mean, whole in zip(years, means, sums, strict=True)
    ]
