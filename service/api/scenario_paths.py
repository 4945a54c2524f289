"""The four interval scenarios of a finished forecast as months by nationality, in whole persons.

Each scenario's year adds up to `interval-scenarios?rounding=1` exactly, its months to their nationalities; months
that were counted are as counted. The layer is the posterior: the paths are draws of it. There are no TOTAL rows: a
forecast of one nationality has that one, and a forecast of TOTAL without figures by nationality has everybody under
OTHER, the nationality the contract keeps for persons not told apart. Where there are acceptance rates, `accepted` has
the decisions expected when a scenario's people arrive, and how many of them are positive; an adopted forecast has it
where the rates were ready by then, and never changes. Numbers come from `models.scenario_paths`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from fastapi import APIRouter, Request, Response
from numpy.typing import NDArray

from service.api.acceptance import answers_of, opened_if_any
from service.api.acceptance_shapes import AcceptedInScenario
from service.api.context import Configured, Sessions
from service.api.finished import Finished, FinishedForecast, respond, to_json
from service.api.shapes import Shape
from service.problems import documented

if TYPE_CHECKING:
    from models.acceptance.stored import StoredAcceptance
    from models.stored import StoredForecast
    from service.storage.editions import AdoptedFigure

router = APIRouter(
    tags=["forecasts"],
    responses={409: documented("The forecast has no results yet.")},
)
NOT_TOLD_APART = "OTHER"
_ROUNDING = 1


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
        return to_json({"rows": rows, "rounding": _ROUNDING, "accepted": accepted})

    # Rates may come after the forecast, until it is adopted.
    return respond(request, f"{done.found.id} {rates is not None}", render)


def accepted_of(done: Finished, rates: StoredAcceptance) -> list[dict[str, Any]]:
    """Rows of decisions and positive ones by scenario and quarter ahead."""
    from service.api.acceptance_arrivals import scenario_arrivals
    from service.api.acceptance_views import accepted_in_scenarios

    return accepted_in_scenarios(
        answers_of(done, rates, ()), scenario_arrivals(done.stored, rates, done.figures)
    )


def path_rows(stored: StoredForecast, figures: Sequence[AdoptedFigure] = ()) -> list[dict[str, Any]]:
    """Rows by scenario, month and nationality of a stored forecast."""
    from priors.summary import LEVELS

    told, wanted = stored.composition, yearly_figures(stored, figures)
    citizens = told.citizens if told else (sole_nationality(stored),)
    tables = told.scenario_tables(wanted, stored.calendar) if told else _undivided(stored, wanted)
    months, _ = stored.paths(0)
    return [
        {"scenario": scenario, "month": month, "citizen": name, "value": value}
        for scenario, table in zip(LEVELS, tables, strict=True)
        for month, by_citizen in zip(months, table.tolist(), strict=True)
        for name, value in zip(citizens, by_citizen, strict=True)
    ]


def sole_nationality(stored: StoredForecast) -> str:
    """What a forecast that tells no nationalities apart is of."""
    citizen: str = stored.document["target"]["citizen"]
    return NOT_TOLD_APART if citizen == "TOTAL" else citizen


def _undivided(stored: StoredForecast, figures: dict[str, list[int]]) -> list[NDArray[np.int32]]:
    """`(month, 1)` per scenario, from the paths themselves: quick enough where they need not be divided."""
    from models.scenario_paths import scenario_paths

    months, draws = stored.paths(stored.draws)
    calendar = np.array(months, dtype="datetime64[M]")
    counted = ~np.isin(calendar, stored.observation.future_months)
    told = draws[:, :, None]
    paths = scenario_paths(
        figures, stored.years, calendar[counted], told[0, counted], calendar[~counted],
        told[:, int(counted.sum()) :],
    )  # fmt: skip
    return [path.counts for path in paths]


def yearly_figures(stored: StoredForecast, figures: Sequence[AdoptedFigure] = ()) -> dict[str, list[int]]:
    """Whole persons per scenario and year: what `interval-scenarios` answers when asked to round to one."""
    from priors.summary import LEVELS
    from service.api.forecast_views import rounded

    by_level = stored.layer("posterior").quantiles(tuple(LEVELS.values()))
    decided = {(figure.scenario, figure.year): figure.value for figure in figures}
    return {
        name: [
            int(rounded(decided.get((name, year), float(value)), _ROUNDING))
            for year, value in zip(stored.years, by_year, strict=True)
        ]
        for name, by_year in zip(LEVELS, by_level, strict=True)
    }
