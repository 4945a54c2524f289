"""The four interval scenarios of a finished forecast as months by nationality: their HTTP face.

Rows are those of `path_rows`. Where there are acceptance rates, `accepted` has the decisions expected when a scenario's
people arrive, and how many of them are positive; an adopted forecast has it where the rates were ready by then, and
never changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response

from service.api.acceptance import answers_of, opened_if_any
from service.api.acceptance_shapes import AcceptedInScenario
from service.api.context import Configured, Sessions
from service.api.finished import Finished, FinishedForecast, respond, to_json
from service.api.path_rows import ROUNDING, path_rows
from service.api.shapes import Shape
from service.problems import documented

if TYPE_CHECKING:
    from models.acceptance.stored import StoredAcceptance

router = APIRouter(
    tags=["forecasts"],
    responses={409: documented("The forecast has no results yet.")},
)


class ScenarioPathRow(Shape):
    """Persons of a nationality in a month, in one of the four scenarios."""

    scenario: str
    month: str
    citizen: str
    value: int


class ScenarioPaths(Shape):
    """`rounding` is that of the yearly figures the rows add up to; `accepted` is empty without acceptance rates.

    Rates that came after a forecast was adopted are not part of it: `acceptance-rates` has them.
    """

    rows: list[ScenarioPathRow]
    rounding: int
    accepted: list[AcceptedInScenario]


@router.get(
    "/scenario-paths", response_model=ScenarioPaths, summary="The four scenarios by month and nationality"
)
def read_scenario_paths(
    request: Request, done: FinishedForecast, sessions: Sessions, settings: Configured
) -> Response:
    rates = opened_if_any(done, sessions, settings)

    def render() -> bytes:
        accepted = accepted_of(done, rates) if rates else []
        rows = path_rows(done.stored, done.figures)
        return to_json({"rows": rows, "rounding": ROUNDING, "accepted": accepted})

    # Rates may come after the forecast, until it is adopted.
    return respond(request, f"{done.found.id} {rates is not None}", render)


def accepted_of(done: Finished, rates: StoredAcceptance) -> list[dict[str, Any]]:
    """Rows of decisions and positive ones by scenario and quarter ahead."""
    from service.api.acceptance_arrivals import scenario_arrivals
    from service.api.acceptance_views import accepted_in_scenarios

    return accepted_in_scenarios(
        answers_of(done, rates, ()), scenario_arrivals(done.stored, rates, done.figures)
    )
