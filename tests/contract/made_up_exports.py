"""Finished forecasts of a made-up country to export, and how tests read the files back.

One with a set whose label looks like a formula, of which one edition was adopted as it is and one with figures of its
own, one of the model alone, and one that tells nationalities apart and has acceptance rates.
"""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import pytest
from anyio.from_thread import start_blocking_portal

from models.composition.paths import NothingKnown
from models.composition.stated import ShareBelief, StatedShares
from models.forecast import Forecast
from models.forecast_composition import Composition
from service.app import InstroomApp, create_app
from service.security import Role
from tests.conftest import Client
from tests.contract import made_up_editions
from tests.contract.every_role import settings_of
from tests.contract.made_up_editions import deliver_counts, finished
from tests.contract.made_up_rates import add_rates
from tests.models import made_up
from tests.models.made_up import Moment

NAMES = {"minimum": 0.125, "median": 0.5, "medio": 2 / 3, "maximum": 0.875}
FORMATS = ("xlsx", "csv", "hubverse", "netcdf")
MEDIA_TYPES = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv; charset=utf-8",
    "hubverse": "text/csv; charset=utf-8",
    "netcdf": "application/x-netcdf",
}
# The workbook's writer keeps sixteen digits.
DIGITS = 1e-14
FORMULA = '=HYPERLINK("https://example.org")'
FIGURES = [
    {"year": 2019, "scenario": "median", "value": 50_000},
    {"year": 2019, "scenario": "maximum", "value": 90_000},
]
SHEETS = ["interval_scenarios", "density", "scenario_probabilities", "monthly", "scenario_paths"]


@dataclass(frozen=True)
class Made:
    """Addresses of forecasts and editions, and callers by role; `restarted` asks another process' application."""

    client: Client
    clients: dict[str, Client]
    restarted: Client
    plain: str
    alone: str
    divided: str
    edition: str
    decided: str


@contextmanager
def made_forecasts(folder: Path) -> Iterator[Made]:
    """All of them in one service, whose database and draws are in `folder`."""
    settings = settings_of(folder)
    app, other = create_app(settings), create_app(settings)
    deliver_counts(app)
    first, *others = made_up_editions.SET.scenarios
    chosen = made_up_editions.SET.model_copy(
        update={"scenarios": (first.model_copy(update={"label": FORMULA}), *others)}
    )
    with start_blocking_portal() as portal, pytest.MonkeyPatch.context() as patch:
        patch.setattr(made_up_editions, "SET", chosen)
        clients = {r.value: Client(app, portal, {"Authorization": f"Bearer {r.value}"}) for r in Role}
        restarted = Client(other, portal, {"Authorization": "Bearer admin"})
        admin = clients["admin"]
        yield Made(admin, clients, restarted, *_forecasts(app, admin))
        for client in (*clients.values(), restarted):
            client.close()
    for built in (app, other):
        built.state.sessions.kw["bind"].dispose()


def _divided(here: Moment, *of: Any) -> Forecast:
    """The made-up forecast with its months divided over three nationalities."""
    whole = made_up.forecast(here, *of)
    counted = whole.composition.counted[:, 0]
    belief_of = np.zeros(len(whole.paths), dtype=np.int16)
    stated = StatedShares(belief_of, (ShareBelief((0, 1), (0.3, 0.2), 50.0),))
    parts = np.stack([counted // 2, counted // 4, counted - counted // 2 - counted // 4], axis=1)
    told = Composition(("SY", "TR", "OTHER"), parts, NothingKnown(3, stated, 1), None, ())
    return dataclasses.replace(whole, composition=told)


def _forecasts(app: InstroomApp, admin: Client) -> tuple[str, ...]:
    plain, decided = finished(app, admin, 1), finished(app, admin, 2)
    alone = finished(app, admin, 3, with_set=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(made_up_editions, "forecast", _divided)
        divided = finished(app, admin, 4)
    add_rates(app, divided)
    for identifier, body in (
        (plain, {"edition": "2018-2", "decidedOn": "2018-11-01"}),
        (decided, {"edition": "2018-2 b", "decidedOn": "2018-12-01", "note": "+decided", "figures": FIGURES}),
    ):
        answer = admin.put(f"/v1/forecasts/{identifier}/adoption", json=body)
        assert answer.status_code == 200, answer.text
    return (
        f"/v1/forecasts/{plain}",
        f"/v1/forecasts/{alone}",
        f"/v1/forecasts/{divided}",
        "/v1/editions/2018-2",
        "/v1/editions/2018-2 b",
    )


def exported(made: Made, of: str, form: str) -> Any:
    answer = made.client.get(f"{of}/export?format={form}")
    assert answer.status_code == 200, answer.text
    return answer


def asked(made: Made, of: str, part: str) -> Any:
    answer = made.client.get(f"{of}{part}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def sheets(made: Made, of: str) -> dict[str, list[dict[str, Any]]]:
    book = openpyxl.load_workbook(io.BytesIO(exported(made, of, "xlsx").content))
    found = {}
    for sheet in book.worksheets:
        header, *rows = sheet.iter_rows(values_only=True)
        found[sheet.title] = [dict(zip(map(str, header), row, strict=True)) for row in rows]
    return found


def assert_same(row: dict[str, Any], said: dict[str, Any], *names: str) -> None:
    for name in names or said:
        assert row[name] == pytest.approx(said[name], rel=DIGITS), name


def tidy(made: Made, of: str) -> pd.DataFrame:
    text = exported(made, of, "csv").text
    return pd.read_csv(io.StringIO(text), dtype={"period": str}, keep_default_na=False)


def hub(made: Made, of: str) -> pd.DataFrame:
    return pd.read_csv(io.StringIO(exported(made, of, "hubverse").text), dtype={"output_type_id": str})
