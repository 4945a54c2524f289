"""What a finished forecast says: interval scenarios, density, exceedance, probabilities, months and paths.

Each answer carries a strong ETag and is the same to the byte every time. Numbers come from `models.stored`,
their arrangement from `forecast_views` and `path_files`; here is only their HTTP face, which stands under the
addresses of forecasts and of editions.
"""

from __future__ import annotations

import math
from enum import IntEnum
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import StreamingResponse

from service.api import forecast_shapes as shapes
from service.api.etags import not_modified
from service.api.finished import (
    CSV,
    JSON,
    REVALIDATE,
    Finished,
    FinishedForecast,
    SeriesForecast,
    etag_of,
    respond,
    to_json,
)
from service.middleware import quality
from service.problems import documented, fault, invalid_input

LAYERS_NL = {"posterior": "uitkomst", "experts": "deskundigen", "model": "model"}
router = APIRouter(
    tags=["forecasts"],
    responses={409: documented("The forecast has no results yet.")},
)
_TEXT: dict[str, Any] = {"schema": {"type": "string"}}
_FILE: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
_MOST_LEVELS = 99
_MOST_DRAWS = 100_000
_LARGEST = 1e9


class RoundTo(IntEnum):
    """Multiples that figures may be rounded to: persons, as used within, as published."""

    UNIT = 1
    HUNDRED = 100
    THOUSAND = 1000


Accept = Annotated[str, Header(include_in_schema=False)]
LayerName = Annotated[shapes.Layer, Query(description="Posterior, the experts' own density, or the model's.")]
Rounding = Annotated[RoundTo | None, Query(description="To multiples of this.")]
Levels = Annotated[str | None, Query(description="Quantile levels between 0 and 1, with commas between.")]
YearNumber = Annotated[int, Query(ge=1950, le=2200)]


@router.get(
    "/interval-scenarios",
    response_model=shapes.ForecastIntervals,
    responses={200: {"content": {CSV: _TEXT}}},
    summary="Minimum, median, medio and maximum of each year",
)
def interval_scenarios(
    request: Request,
    done: FinishedForecast,
    rounding: Rounding = None,
    layer: LayerName = "posterior",
    levels: Levels = None,
    form: Annotated[Literal["json", "csv"] | None, Query(alias="format")] = None,
    accept: Accept = "",
) -> Response:
    from service.api.forecast_views import INTERVAL_PROBABILITY, with_adopted, year_rows, year_table

    wanted, to = _levels(levels), rounding.value if rounding else None
    chosen = _layer(done, layer)
    as_csv = form == "csv" or (form is None and quality(accept, CSV) > quality(accept, JSON))

    def render() -> bytes:
        rows = year_rows(done.stored, chosen, to, wanted)
        if layer == "posterior":
            rows = with_adopted(rows, done.figures, to)
        if as_csv:
            return year_table(rows)
        body = {"years": rows, "intervalProbability": INTERVAL_PROBABILITY, "rounding": to, "layer": layer}
        return to_json(body)

    headers = {"X-Instroom-Rounding": str(to or "none")} if as_csv else {}
    return respond(request, done.found.id, render, CSV if as_csv else JSON, headers)


@router.get("/density", response_model=shapes.ForecastDensity, summary="The density of a year's total")
def density(
    request: Request, done: FinishedForecast, year: YearNumber, layer: LayerName = "posterior"
) -> Response:
    from service.api.forecast_views import density_row

    chosen = _layer(done, layer)
    _check_year(done, year)
    return respond(request, done.found.id, lambda: to_json({**density_row(chosen, year), "layer": layer}))


@router.get(
    "/exceedance", response_model=shapes.ForecastExceedance, summary="The chance of more than so many"
)
def exceedance(
    request: Request,
    done: FinishedForecast,
    year: YearNumber,
    above: Annotated[float, Query(ge=0, le=_LARGEST, allow_inf_nan=False)],
    layer: LayerName = "posterior",
) -> Response:
    chosen = _layer(done, layer)
    _check_year(done, year)
    probability, error = chosen.exceedance(year, above)
    body = {"year": year, "above": above, "probability": probability, "monteCarloError": error}
    return respond(request, done.found.id, lambda: to_json({**body, "layer": layer}))


@router.get(
    "/scenario-probabilities",
    response_model=shapes.ScenarioProbabilities,
    summary="How probable each scenario was, and is after what was counted",
)
def scenario_probabilities(request: Request, done: SeriesForecast) -> Response:
    from service.api.forecast_views import conflict_row, left_out_rows, month_steps, probability_rows

    def render() -> bytes:
        said = done.stored.scenario_probabilities()
        return to_json(
            {
                "scenarios": probability_rows(said),
                "conflict": conflict_row(said.conflict_flag, said.surprise),
                "byMonth": month_steps(said.keys, done.stored.month_steps),
                "leaveOneOut": left_out_rows(done.stored.left_out(), done.stored.years),
            }
        )

    return respond(request, done.found.id, render)


@router.get("/monthly", response_model=shapes.Monthly, summary="Mean and quantiles of each month")
def monthly(request: Request, done: FinishedForecast, levels: Levels = None) -> Response:
    from service.api.forecast_views import FAN_LEVELS, citizen_rows, month_rows

    wanted = _levels(levels) or FAN_LEVELS

    def render() -> bytes:
        rows = month_rows(done.stored, wanted)
        return to_json({"levels": wanted, "rows": rows, "citizens": citizen_rows(done.stored)})

    return respond(request, done.found.id, render)


@router.get(
    "/paths",
    response_model=shapes.SamplePaths,
    responses={
        200: {
            "content": {
                CSV: _TEXT,
                "application/vnd.apache.parquet": _FILE,
                "application/vnd.apache.arrow.stream": _FILE,
            }
        }
    },
    summary="Sample paths, equally probable draws of all months",
)
def paths(
    request: Request,
    done: FinishedForecast,
    draws: Annotated[int, Query(ge=1, le=_MOST_DRAWS)] = 1_000,
    form: Annotated[Literal["csv", "json", "parquet", "arrow"] | None, Query(alias="format")] = None,
    accept: Accept = "",
) -> Response:
    from service.api.path_files import MEDIA_TYPES, path_stream, sample_paths

    kind: str = form or max(
        MEDIA_TYPES, key=lambda name: (quality(accept, MEDIA_TYPES[name]), name == "json")
    )
    made = min(draws, done.stored.draws)
    identity = f"{done.found.draws_hash} {done.found.basis.model_version} {made} {kind}"
    headers = {
        "ETag": etag_of(identity.encode()),
        "Cache-Control": REVALIDATE,
        "Vary": "Accept",
        "X-Instroom-Draws": str(made),
        "Content-Type": MEDIA_TYPES[kind] + ("; charset=utf-8" if kind == "csv" else ""),
        "Content-Disposition": f'attachment; filename="paths-{done.found.id}.{kind}"',
    }
    if not_modified(request.headers.get("if-none-match"), headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return StreamingResponse(path_stream(kind, sample_paths(done.stored, draws)), headers=headers)


def _layer(done: Finished, name: shapes.Layer) -> Any:
    from models.stored import LayerMissing

    try:
        return done.stored.layer(name)
    except LayerMissing:
        detail = f"this forecast was made without {name}"
        dutch = f"deze prognose is gemaakt zonder {LAYERS_NL[name]}"
        raise invalid_input([fault("layer", detail, dutch)]) from None


def _check_year(done: Finished, year: int) -> None:
    years = done.stored.years
    if year not in years:
        detail = f"{year} is not a target year; these are {years[0]} to {years[-1]}"
        dutch = f"{year} is geen jaar van de prognose; dat zijn {years[0]} tot en met {years[-1]}"
        raise invalid_input([fault("year", detail, dutch)])


def _levels(text: str | None) -> tuple[float, ...]:
    """Quantile levels from a query; raises Problem 400."""
    if text is None:
        return ()
    try:
        levels = tuple(float(part) for part in text.split(","))
    except ValueError:
        detail = "must be numbers with commas between, as 0.05,0.95"
        dutch = "moeten getallen met komma's ertussen zijn, zoals 0.05,0.95"
        raise invalid_input([fault("levels", detail, dutch)]) from None
    if not all(math.isfinite(level) and 0.0 < level < 1.0 for level in levels):
        detail = "must lie between 0 and 1, both excluded"
        dutch = "moeten tussen 0 en 1 liggen, beide niet meegerekend"
        raise invalid_input([fault("levels", detail, dutch)])
    if len(levels) > _MOST_LEVELS:
        said = f"may be at most {_MOST_LEVELS}", f"mogen er hoogstens {_MOST_LEVELS} zijn"
        raise invalid_input([fault("levels", *said)])
    return levels
