"""From one forecast to another: how much each edit of the experts, and how much all else, moved the scenarios.

The arithmetic is `models.between`; figures that an edition adopted instead of the computed ones play no part. Must not
know how a forecast is weighed.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from service.api.anchoring import CONCEPT
from service.api.context import Configured, Sessions
from service.api.finished import Finished, SeriesForecast, find_opened, open_finished, respond, to_json
from service.api.shapes import Shape
from service.api.what_ifs import AttributionRow
from service.problems import Problem, documented, fault, invalid_input
from service.security import AnyCaller, Caller, Role

router = APIRouter(tags=["forecasts"])


class DifferenceRow(Shape):
    """A year's interval scenarios of this forecast less those of the other, persons."""

    year: int
    minimum: float
    median: float
    medio: float
    maximum: float


class ForecastDifference(Shape):
    """`attribution` adds up to `difference`, year by year and scenario by scenario.

    Its changes are those of a what-if and, as one, what else differs: `data`, `modelVersion`, `cutoff` and `method`,
    joined by `+`; `monteCarlo` where nothing else does.
    """

    against: str
    attribution: list[AttributionRow]
    difference: list[DifferenceRow]


@router.get(
    "/attribution",
    response_model=ForecastDifference,
    responses={
        409: documented("One of the two has no results yet, or they cannot be held against each other.")
    },
    summary="What the difference from another forecast is made of",
)
def read_attribution(
    request: Request,
    done: SeriesForecast,
    caller: AnyCaller,
    sessions: Sessions,
    settings: Configured,
    against: Annotated[str, Query(description="Id of the forecast to start from.", max_length=36)],
) -> Response:
    other = _other(against, caller, sessions, settings)
    if other.found.order.target != done.found.order.target:
        detail = "is of another series, country or nationality"
        dutch = "gaat over een andere reeks, een ander land of een andere nationaliteit"
        raise invalid_input([fault("against", detail, dutch)])
    return respond(request, f"{done.found.id} {against}", lambda: to_json(_told(done, other)))


def _other(against: str, caller: Caller, sessions: Sessions, settings: Configured) -> Finished:
    """The forecast to start from; raises Problem 403 where the caller may not see it, 404, 409."""
    found = find_opened(sessions, against, caller)
    if found.edition_status == CONCEPT and caller.role == Role.CONSUMER:
        detail = "The forecast to start from is a concept; name an adopted one."
        dutch = "De prognose om mee te vergelijken is een concept; noem een vastgestelde."
        raise Problem(403, "Forbidden", detail, dutch=dutch)
    return open_finished(against, sessions, settings)


def _told(done: Finished, other: Finished) -> dict[str, object]:
    from models.between import difference_between
    from priors.scenario import InvalidScenarioSet
    from service.api.forecast_views import attribution_rows, interval_rows

    try:
        found = difference_between(other.stored, done.stored, _rest(other, done))
    except InvalidScenarioSet as invalid:
        said = "; ".join(fault.detail for fault in invalid.faults)
        raise _not_comparable(
            f"one's scenarios have no density under what the other counted: {said}"
        ) from None
    except ValueError as cannot:
        raise _not_comparable(str(cannot)) from None
    return {
        "against": other.found.id,
        "attribution": attribution_rows(found.effects, found.years),
        "difference": interval_rows(found.difference, found.years),
    }


def _rest(other: Finished, done: Finished) -> str | None:
    """What else differs than the beliefs; what of these differs together cannot be told apart."""
    old, new = other.found, done.found
    differs = {
        "data": old.basis.data_vintage != new.basis.data_vintage,
        "modelVersion": old.basis.model_version != new.basis.model_version,
        "cutoff": old.order.cutoff != new.order.cutoff,
        "method": old.order.method != new.order.method,
    }
    return "+".join(name for name, differ in differs.items() if differ) or None


def _not_comparable(detail: str) -> Problem:
    said = f"The two forecasts cannot be held against each other: {detail}."
    return Problem(
        409, "Not comparable", said, dutch="Deze twee prognoses zijn niet met elkaar te vergelijken."
    )
