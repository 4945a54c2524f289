"""An edition as JSON: the adopted forecast, whole, with what was decided about it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from service.api.finished import Finished, plain
from service.api.forecast_shapes import ForecastState, forecast_json, warnings_json
from service.api.shapes import ListShape, Shape
from service.settings import Settings
from service.storage.editions import Edition


class AdoptedFigureShape(Shape):
    """A figure adopted instead of the forecast's own, persons."""

    year: int
    scenario: str
    value: float


class SupersededBy(Shape):
    edition: str
    forecast: str
    note: str
    at: datetime


class AdoptionShape(Shape):
    """What the working group decided; `figures` only where they differ from the forecast's own.

    `acceptanceRates`: whether the rates were ready by then, and are part of its paths and exports.
    """

    decided_on: date
    note: str
    figures: list[AdoptedFigureShape]
    acceptance_rates: bool
    adopted_by: str
    adopted_at: datetime
    superseded_by: SupersededBy | None


class EditionState(ForecastState):
    """An adopted forecast; `id` is that of the forecast."""

    edition: str
    adoption: AdoptionShape


class EditionList(ListShape):
    items: list[EditionState]


def finished_json(done: Finished, settings: Settings) -> dict[str, Any]:
    """The forecast with what its computation said about itself."""
    from service.storage.draws import draws_directory, read_provenance

    directory = draws_directory(settings.data_dir, done.found.draws_hash)
    stored = done.stored
    whole = forecast_json(
        done.found, read_provenance(directory), plain(stored.diagnostics), plain(stored.timings)
    )
    return {
        **whole,
        **warnings_json([*done.found.warnings, *stored.warnings]),
        "dataQuality": stored.data_quality,
    }


def edition_json(done: Finished, edition: Edition, settings: Settings) -> dict[str, Any]:
    """The forecast as it stands, with its edition; the status is the edition's."""
    return {
        **finished_json(done, settings),
        "editionStatus": edition.status,
        "edition": edition.adoption.edition,
        "adoption": _adoption(edition),
    }


def _adoption(edition: Edition) -> dict[str, Any]:
    adoption, later = edition.adoption, edition.superseded_by
    superseded = later and {
        "edition": later.by_edition,
        "forecast": later.by_forecast_id,
        "note": later.note,
        "at": _moment(later.at),
    }
    return {
        "decidedOn": adoption.decided_on.isoformat(),
        "note": adoption.note,
        "figures": [
            {"year": figure.year, "scenario": figure.scenario, "value": figure.value}
            for figure in adoption.figures
        ],
        "acceptanceRates": adoption.rates_hash is not None,
        "adoptedBy": adoption.adopted_by,
        "adoptedAt": _moment(adoption.adopted_at),
        "supersededBy": superseded,
    }


def _moment(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
