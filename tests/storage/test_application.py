"""The whole application on both databases: a delivery, a set, a change, and the ledger over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from service.app import create_app
from service.settings import Settings


def test_the_application_works_on_either_database(
    database_url: str, tmp_path: Path, connect: Callable[..., Any]
) -> None:
    app = create_app(Settings(data_dir=tmp_path, database_url=database_url))
    client = connect(app)
    assert client.get("/v1/health/ready").json()["checks"] == {"database": "ok", "dataDirectory": "ok"}
    row = {"series": "first_applications", "source": "kmi", "geo": "NL", "citizen": "TOTAL", "value": 1}
    rows = [
        {**row, "period": "2024-01", "knownAt": "2024-02-01"},
        {**row, "period": "2024-Q1", "value": None},
    ]
    assert client.post("/v1/realisations", json=rows).json()["new"] == 2
    assert client.post("/v1/realisations", json=rows).json()["unchanged"] == 2
    assert client.get("/v1/realisations?geo=NL").json()["items"][0]["value"] == 1
    belief = {"key": "a", "probability": 1, "years": {"2025": {"expected": 30_000, "spread": 6_000}}}
    stated = {
        "name": "Een set met ‘tekens’ – é",
        "edition": "2024-2",
        "cutoff": "2024-06-30",
        "target": {"series": "first_applications", "geo": "NL", "citizen": "TOTAL"},
        "scenarios": [belief],
        "reason": "first",
    }
    created = client.post("/v1/scenario-sets", json=stated)
    location, tag = created.headers["location"], {"If-Match": created.headers["etag"]}
    assert client.put(location, json=stated, headers=tag).json()["version"] == 2
    assert client.put(location, json=stated, headers=tag).status_code == 412
    assert client.get(f"{location}?version=1").json()["name"] == stated["name"]
    assert client.get("/v1/ledger-verification").json()["valid"] is True
    assert client.get("/v1/deliveries/a%00b").status_code == 400
    app.state.sessions.kw["bind"].dispose()
