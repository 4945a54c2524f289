"""An edition answers for ever what it answered when it was adopted: every part of it, whatever comes after."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import service.orders
import service.total_orders
from service import acceptance_orders
from service.api import finished as finished_parts
from service.api.recent import Recent
from service.app import InstroomApp
from tests.contract.every_role import service_with_roles
from tests.contract.forecast_inputs import deliver
from tests.contract.made_up_editions import deliver_counts, finished
from tests.contract.made_up_rates import add_rates
from tests.models.made_up import TARGET

PREFIX = "/editions/{edition}"
ASKED = {
    "": [""],
    "/density": ["?year=2019"],
    "/exceedance": ["?year=2019&above=50000"],
    "/paths": ["?draws=5&format=csv"],
    "/export": [f"?format={form}" for form in ("xlsx", "csv", "hubverse", "netcdf")],
    "/attribution": ["?against={other}"],
}
"""What a part has to be asked with; the others have no parameter that must be given."""

ANSWERS_OF_TODAY = {"/monitor", "/acceptance-rates", "/acceptance-what-ifs", "/acceptance-breaks"}
"""The counts so far, and resources of their own that may come after an adoption: rates, what was tried on them."""

ONLY_OF_TOTALS = {"/components"}


def addresses(client: Any, other: str) -> list[str]:
    """Every question about an edition that the service describes, from its name on."""
    paths = client.get("/v1/openapi.json").json()["paths"]
    parts = {
        path.removeprefix(PREFIX) for path, of in paths.items() if path.startswith(PREFIX) and "get" in of
    }
    assert parts >= {"/interval-scenarios", "/scenario-paths", *ASKED, *ANSWERS_OF_TODAY, *ONLY_OF_TOTALS}
    return [
        f"{part}{query.format(other=other)}"
        for part in sorted(parts - ANSWERS_OF_TODAY - ONLY_OF_TOTALS)
        for query in ASKED.get(part, [""])
    ]


def answered(client: Any, of: str, asked: list[str], patch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """The bytes of every answer, as a process that has just started gives them."""
    patch.setattr(finished_parts, "_rendered", Recent(64_000_000))
    patch.setattr(finished_parts, "_found", Recent(1_000))
    found = {}
    for part in asked:
        answer = client.get(f"{of}{part}")
        assert answer.status_code == 200, (part, answer.text)
        found[part] = answer.content
    return found


def test_what_comes_after_an_adoption_changes_nothing_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with service_with_roles(tmp_path) as (app, clients):
        admin = clients["admin"]
        deliver_counts(app, through="2019-03")
        forecast, other = finished(app, admin, 1), finished(app, admin, 2)
        for identifier, name in ((forecast, "2018-2"), (other, "2018-2 b")):
            body = {"edition": name, "decidedOn": "2018-11-01"}
            assert admin.put(f"/v1/forecasts/{identifier}/adoption", json=body).status_code == 200
        asked = addresses(admin, other)
        both = {"/v1/editions/2018-2": asked, f"/v1/forecasts/{forecast}": asked}
        before = {of: answered(admin, of, parts, monkeypatch) for of, parts in both.items()}
        add_rates(app, forecast)
        later_counts(app)
        for module in (service.orders, service.total_orders):
            monkeypatch.setattr(module, "MODEL_VERSION", "inflow-panel-99")
        monkeypatch.setattr(acceptance_orders, "ACCEPTANCE_VERSION", "acceptance-99")
        finished(app, admin, 3)
        for of, parts in both.items():
            after = answered(admin, of, parts, monkeypatch)
            assert [part for part in parts if after[part] != before[of][part]] == []
            assert json.loads(after["/scenario-paths"])["accepted"] == []
            # The rates that came late are there, under their own address.
            assert admin.get(f"{of}/acceptance-rates").status_code == 200


def later_counts(app: InstroomApp) -> None:
    """Months that came later, and a year revised."""
    deliver_counts(app, through="2020-12")
    months = [f"2018-{month:02d}" for month in range(1, 13)]
    same = {"series": TARGET.series, "source": "kmi", "geo": TARGET.geo, "citizen": TARGET.citizen}
    revised = pd.DataFrame(
        {**same, "track": "", "period": months, "value": 1, "flag": "", "known_at": date(2021, 3, 1)}
    )
    deliver(app.state.sessions, revised)


def test_rates_that_were_ready_are_part_of_the_edition_and_stay(tmp_path: Path) -> None:
    with service_with_roles(tmp_path) as (app, clients):
        admin = clients["admin"]
        deliver_counts(app)
        forecast = finished(app, admin, 1)
        add_rates(app, forecast)
        concept = admin.get(f"/v1/forecasts/{forecast}/scenario-paths").json()
        body = {"edition": "2018-2", "decidedOn": "2018-11-01"}
        decided = admin.put(f"/v1/forecasts/{forecast}/adoption", json=body).json()
        assert decided["adoption"]["acceptanceRates"] is True
        edition = admin.get("/v1/editions/2018-2/scenario-paths").json()
        assert edition == concept and edition["accepted"] != []
        assert b"acceptance_rates" in admin.get("/v1/editions/2018-2/export?format=csv").content
