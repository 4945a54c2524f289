"""The difference between two forecasts over HTTP: rows that add up, and who may ask for what."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from service.app import InstroomApp
from tests.conftest import Client
from tests.contract.every_role import service_with_roles
from tests.contract.made_up_editions import deliver_counts, finished

NAMES = ("minimum", "median", "medio", "maximum")


@dataclass(frozen=True)
class Two:
    """A forecast with experts, adopted as 2018-2, two of the model alone, one of them of all applications, and one
    under way."""

    app: InstroomApp
    clients: dict[str, Client]
    experts: str
    model: str
    running: str
    other_series: str


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    with service_with_roles(tmp_path_factory.mktemp("differences")) as (app, clients):
        deliver_counts(app)
        deliver_counts(app, of="all_applications")
        admin = clients["admin"]
        experts, model = finished(app, admin, 1), finished(app, admin, 2, with_set=False)
        other_series = finished(app, admin, 4, with_set=False, series="all_applications")
        decision = {"edition": "2018-2", "decidedOn": "2018-11-01", "note": "as computed"}
        assert admin.put(f"/v1/forecasts/{experts}/adoption", json=decision).status_code == 200
        order = {"target": {"series": "first_applications", "geo": "NL", "citizen": "TOTAL"},
                 "cutoff": "2018-06-30", "asOf": "2018-10-20", "horizonYears": 3, "seed": 3}  # fmt: skip
        running = admin.post("/v1/forecasts", json=order).json()["id"]
        yield Two(app, clients, experts, model, running, other_series)


def attribution(two: Two, of: str, against: str, role: str = "admin") -> Any:
    return two.clients[role].get(f"/v1/{of}/attribution", params={"against": against})


def test_effects_add_up_to_the_difference_of_the_interval_scenarios(two: Two) -> None:
    answer = attribution(two, f"forecasts/{two.model}", two.experts)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["against"] == two.experts
    changes = {row["change"] for row in found["attribution"]}
    assert "scenarioSet" in changes and changes <= {"scenarioSet", "monteCarlo"}
    read = [
        two.clients["admin"].get(f"/v1/forecasts/{one}/interval-scenarios").json()["years"]
        for one in (two.experts, two.model)
    ]
    for before, after, whole in zip(*read, found["difference"], strict=True):
        for name in NAMES:
            rows = [row[name] for row in found["attribution"] if row["year"] == before["year"]]
            assert whole[name] == pytest.approx(after[name] - before[name], abs=1e-6)
            assert sum(rows) == pytest.approx(whole[name], abs=1e-6)
    assert max(abs(row[name]) for row in found["difference"] for name in NAMES) > 500


def test_the_same_question_gets_the_same_bytes(two: Two) -> None:
    one, again = (attribution(two, f"forecasts/{two.model}", two.experts) for _ in range(2))
    assert one.content == again.content and one.headers["etag"] == again.headers["etag"]


def test_against_itself_nothing_moved(two: Two) -> None:
    found = attribution(two, f"forecasts/{two.model}", two.model).json()
    assert found["attribution"] == []
    assert all(row[name] == 0 for row in found["difference"] for name in NAMES)


def test_an_edition_answers_and_shows_consumers_no_concept(two: Two) -> None:
    assert attribution(two, "editions/2018-2", two.experts, "consumer").status_code == 200
    assert attribution(two, "editions/2018-2", two.model, "consumer").status_code == 403
    assert attribution(two, "editions/2018-2", two.model, "evaluator").status_code == 200


def test_what_cannot_be_held_against_it_is_refused(two: Two) -> None:
    mine = f"forecasts/{two.model}"
    assert attribution(two, mine, "nothing").status_code == 404
    assert attribution(two, mine, two.running).status_code == 409
    missing = two.clients["admin"].get(f"/v1/{mine}/attribution")
    assert missing.status_code == 400
    assert [error["field"] for error in missing.json()["errors"]] == ["against"]


def test_a_forecast_of_another_target_is_refused_with_the_reason(two: Two) -> None:
    refused = attribution(two, f"forecasts/{two.model}", two.other_series)
    assert refused.status_code == 400
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["errors"] == [
        {
            "field": "against",
            "detail": "is of another series, country or nationality",
            "detailNl": "gaat over een andere reeks, een ander land of een andere nationaliteit",
        }
    ]
