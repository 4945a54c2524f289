"""Editions: what consumers use, the adopted forecast under a stable address, and how it fares against the counts.

Its parts are those of a forecast (`forecast_reads`, `scenario_paths`, ...), mounted under this address as well;
figures that were decided otherwise stand in their place. Concepts are not reachable here.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from fastapi import APIRouter, Query, Request, Response
from sqlalchemy.orm import Session

from priors.records import CalendarDate, Target
from service.api.context import Configured, Sessions
from service.api.edition_shapes import EditionList, EditionState, edition_json
from service.api.etags import not_modified
from service.api.finished import (
    EditionPath,
    Finished,
    FinishedForecast,
    etag_of,
    find_edition,
    open_finished,
    to_json,
)
from service.api.lists import LINKED, PageNumber, PageSize, link_pages
from service.api.shapes import Shape
from service.problems import fault, invalid_input
from service.security import AnyCaller
from service.storage.base import reading
from service.storage.editions import list_editions

if TYPE_CHECKING:
    from models.monitor import Comparison, Monitor

router = APIRouter(prefix="/editions", tags=["editions"])
_MOST_DRAWS = 50_000


class MonitorRow(Shape):
    """A period against its forecast. `deviation` 0.1 = 10% more than the median; `percentile` from 0 to 1.

    `falseAlarmProbability`: how often the trigger would fire if the forecast were exactly right. Where the forecast
    knew the count already (`predicted` false) there is no percentile and no trigger.
    """

    period: str
    realised: float
    forecast_median: float
    percentile: float | None
    deviation: float | None
    trigger: bool
    false_alarm_probability: float
    predicted: bool


class MonitorYear(MonitorRow):
    """The months of the latest year together, from January to the last month counted without a gap."""

    months: int


class MonitorState(Shape):
    """The edition against what was known on `asOf`; the trigger fires at a deviation beyond `threshold`."""

    edition: str
    as_of: date
    source: str | None
    threshold: float
    rows: list[MonitorRow]
    year_to_date: MonitorYear | None
    any_false_alarm_probability: float


@router.get("", response_model=EditionList, responses=LINKED, summary="Editions, the latest adopted first")
def read_editions(
    request: Request,
    _caller: AnyCaller,
    sessions: Sessions,
    settings: Configured,
    page: PageNumber = 1,
    page_size: PageSize = 100,
) -> Response:
    with reading(sessions) as session:
        found = list_editions(session, page, page_size)
    items = [
        edition_json(open_finished(one.adoption.forecast_id, sessions, settings), one, settings)
        for one in found.items
    ]
    body = {"items": items, "page": page, "pageSize": page_size, "total": found.total}
    response = Response(to_json(body), media_type="application/json")
    link_pages(request, response, page, page_size, found.total)
    return response


@router.get("/{edition}", response_model=EditionState, summary="The adopted forecast of an edition")
def read_edition(
    request: Request, edition: EditionPath, _caller: AnyCaller, sessions: Sessions, settings: Configured
) -> Response:
    found = find_edition(sessions, edition)
    done = open_finished(found.adoption.forecast_id, sessions, settings)
    body = to_json(edition_json(done, found, settings))
    headers = {"ETag": etag_of(body)}
    if not_modified(request.headers.get("if-none-match"), headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)


@router.get(
    "/{edition}/monitor", response_model=MonitorState, summary="The adopted monthly path against the counts"
)
def read_monitor(
    edition: EditionPath,
    done: FinishedForecast,
    sessions: Sessions,
    as_of: Annotated[
        CalendarDate | None,
        Query(alias="asOf", description="As known at the end of this day; by default today."),
    ] = None,
) -> Response:
    day = as_of or datetime.now(UTC).date()
    if day < done.found.order.cutoff:
        cutoff = done.found.order.cutoff
        said = f"{day} is before the cutoff {cutoff}", f"{day} ligt vóór de peildatum {cutoff}"
        raise invalid_input([fault("asOf", *said)])
    with reading(sessions) as session:
        source, realised = _counts(session, done, day)
    found = _compared(done, realised)
    held = found.year_to_date
    body = {
        "edition": edition,
        "asOf": day.isoformat(),
        "source": source,
        "threshold": _threshold(),
        "rows": [_row(row) for row in found.rows],
        "yearToDate": {**_row(held), "months": found.months_to_date} if held else None,
        "anyFalseAlarmProbability": found.any_false_alarm_probability,
    }
    return Response(to_json(body), media_type="application/json")


def _threshold() -> float:
    from models.monitor import TRIGGER

    return TRIGGER


def _counts(session: Session, done: Finished, day: date) -> tuple[str | None, dict[str, float]]:
    """Months of the forecast's own source as known on a day; of a total those that every series has, summed."""
    from models.totals.stored import StoredTotal

    target, source, stored = done.found.order.target, done.stored.diagnostics.get("source"), done.stored
    if not isinstance(stored, StoredTotal):
        return source, _months(session, target, source, day)
    series = zip(stored.about["series"], stored.about["sources"], strict=True)
    each = [_months(session, target.model_copy(update={"series": name}), of, day) for name, of in series]
    shared = sorted(set.intersection(*(set(months) for months in each)))
    return source, {month: sum(months[month] for months in each) for month in shared}


def _months(session: Session, target: Target, source: str | None, day: date) -> dict[str, float]:
    from models.vintage import known_at
    from service.storage.realisations import load_realisations

    frame = load_realisations(session, target.series, target.geo, target.citizen)
    known = known_at(frame[frame["track"] == ""], day)
    rows = known[(known["source"] == source) & known["period"].str.fullmatch(r"[0-9]{4}-[0-9]{2}")]
    periods, values = rows["period"].tolist(), rows["value"].astype(float).tolist()
    return dict(zip(periods, values, strict=True))


def _compared(done: Finished, realised: dict[str, float]) -> Monitor:
    from models.monitor import monitor, move_to_figures
    from service.adoptions import adopted_intervals, own_intervals

    months, draws = done.stored.paths(min(done.stored.draws, _MOST_DRAWS))
    calendar = np.array(months, dtype="datetime64[M]")
    counted = int((~np.isin(calendar, done.stored.observation.future_months)).sum())
    sample: Any = draws
    if done.figures:
        own = own_intervals(done.stored)
        adopted = adopted_intervals(done.figures, own)
        sample = move_to_figures(
            months,
            draws,
            counted,
            {year: list(by_name.values()) for year, by_name in own.items()},
            {year: list(by_name.values()) for year, by_name in adopted.items()},
        )
    return monitor(months, sample, counted, realised)


def _row(row: Comparison) -> dict[str, Any]:
    return {
        "period": row.period,
        "realised": row.realised,
        "forecastMedian": row.forecast_median,
        "percentile": row.percentile,
        "deviation": row.deviation,
        "trigger": row.trigger,
        "falseAlarmProbability": row.false_alarm_probability,
        "predicted": row.predicted,
    }
