"""A finished forecast as a file to take away: workbook, tidy CSV, hubverse model output or netCDF.

The same forecast gives the same bytes and the same ETag; acceptance rates are in it once they have been computed, in
that of an adopted forecast where they were ready by then. Under the address of an edition the figures are those
adopted. What goes in is `export_content`, how it is written `service.exports`; here is only its HTTP face.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Header, Query, Request, Response

from service.api.acceptance import answers_of, opened_if_any
from service.api.context import Configured, Sessions
from service.api.edition_shapes import finished_json
from service.api.finished import CSV, Finished, FinishedForecast, find_edition, respond
from service.middleware import quality
from service.problems import documented

if TYPE_CHECKING:
    from service.exports.content import Export

router = APIRouter(
    tags=["forecasts"],
    responses={409: documented("The forecast has no results yet.")},
)
ExportFormat = Literal["xlsx", "csv", "hubverse", "netcdf"]
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_NETCDF = "application/x-netcdf"
_MEDIA_TYPES: dict[ExportFormat, str] = {"xlsx": _XLSX, "csv": CSV, "hubverse": CSV, "netcdf": _NETCDF}
_TEXT: dict[str, Any] = {"schema": {"type": "string"}}
_FILE: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
_ASKED = (
    "xlsx: a sheet per table and one with the provenance; csv: one tidy table; hubverse: model output with "
    "quantiles at many levels; netcdf: the same quantiles by year and month. By default what Accept prefers."
)


@router.get(
    "/export",
    response_class=Response,
    responses={
        200: {
            "description": "The file.",
            "content": {_XLSX: _FILE, CSV: _TEXT, _NETCDF: _FILE},
            "headers": {"Content-Disposition": {"description": "Its name.", "schema": {"type": "string"}}},
        }
    },
    summary="The whole forecast as a file",
)
def export_forecast(
    request: Request,
    done: FinishedForecast,
    sessions: Sessions,
    settings: Configured,
    form: Annotated[ExportFormat | None, Query(alias="format", description=_ASKED)] = None,
    accept: Annotated[str, Header(include_in_schema=False)] = "",
) -> Response:
    chosen = form or _preferred(accept)
    rates = opened_if_any(done, sessions, settings)
    name = request.path_params.get("edition")
    edition = find_edition(sessions, name) if name is not None else None

    def render() -> bytes:
        from service.api.export_content import export_of

        answers = answers_of(done, rates, ()) if rates else None
        return _written(export_of(done, finished_json(done, settings), edition, answers), chosen)

    # Rates may come after the forecast, until it is adopted: with them it is another file.
    kept = f"{done.found.id} {rates is not None} {chosen}"
    named = _file_name(done, name, chosen)
    headers = {"Content-Disposition": f'attachment; filename="{named}"'}
    return respond(request, kept, render, _MEDIA_TYPES[chosen], headers)


def _preferred(accept: str) -> ExportFormat:
    """The workbook before the tidy table, and these before netCDF, among what Accept likes equally."""
    return max(_MEDIA_TYPES, key=lambda form: quality(accept, _MEDIA_TYPES[form]))


def _written(content: Export, chosen: ExportFormat) -> bytes:
    from service.exports.hubverse import to_model_output
    from service.exports.netcdf import to_netcdf
    from service.exports.tidy import to_csv
    from service.exports.workbook import to_workbook

    writers = {"xlsx": to_workbook, "csv": to_csv, "hubverse": to_model_output, "netcdf": to_netcdf}
    return writers[chosen](content)


def _file_name(done: Finished, edition: str | None, chosen: ExportFormat) -> str:
    """A hub wants its files as `<round>-<team>-<model>.csv`."""
    from service.exports.hubverse import file_name

    if chosen == "hubverse":
        basis = done.found.basis
        return file_name(done.found.order.cutoff, basis.model_version, basis.scenario_set_hash, edition)
    ending = "nc" if chosen == "netcdf" else chosen
    return f"edition-{edition}.{ending}" if edition else f"forecast-{done.found.id}.{ending}"
