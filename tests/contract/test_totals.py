"""The total of two series over HTTP: summed by the worker's own code, read as a forecast, refused where it must be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
import pandas as pd
import pytest
from openpyxl import load_workbook

from models.stored import StoredForecast
from service.app import InstroomApp
from service.storage import jobs
from service.storage.base import reading, writing
from service.storage.draws import draws_directory, open_draws
from service.storage.forecasts import get_forecast
from service.worker.forecast_job import compute_forecast
from service.worker.preparing import prepared
from tests.conftest import Client
from tests.contract.every_role import service_with_roles
from tests.contract.made_up_editions import AS_OF, deliver_counts, finished
from tests.contract.refusals import faults_in

OTHER_SERIES = "family_arrivals"
YEARS = (2018, 2019, 2020)
SCENARIOS = ("minimum", "median", "medio", "maximum")


def computed(app: InstroomApp, total_id: str) -> dict[str, Any]:
    """Run the job of a total as a worker does, and the forecast afterwards."""
    with writing(app.state.sessions) as session:
        claim = jobs.claim(session, "w", ("forecast",))
    assert claim is not None and claim.subject == total_id
    with reading(app.state.sessions) as session:
        work = prepared(session, claim, app.state.settings.data_dir, compute_forecast)
    outcome = work(lambda stage, fraction: None)
    with writing(app.state.sessions) as session:
        if outcome.problem is None:
            assert jobs.succeed(session, claim)
        else:
            assert jobs.fail(session, claim, outcome.problem)
    return dict(outcome.problem or {})


@dataclass(frozen=True)
class Totals:
    """Two finished forecasts, one with experts, and three totals of them by how they depend on each other."""

    app: InstroomApp
    clients: dict[str, Client]
    first: str
    second: str
    by_kind: dict[str, str]

    def read(self, kind: str, part: str = "", **options: Any) -> Any:
        answer = self.clients["admin"].get(f"/v1/forecasts/{self.by_kind[kind]}{part}", **options)
        assert answer.status_code == 200, answer.text
        return answer

    def stored(self, identifier: str) -> StoredForecast:
        with reading(self.app.state.sessions) as session:
            found = get_forecast(session, identifier)
        assert found is not None
        return open_draws(draws_directory(self.app.state.settings.data_dir, found.draws_hash))


STATED = [[1.0, 0.7], [0.7, 1.0]]
DEPENDENCE: dict[str, Any] = {"independent": "independent", "estimated": "estimated", "stated": STATED}


@pytest.fixture(scope="module")
def totals(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Totals]:
    with service_with_roles(tmp_path_factory.mktemp("totals")) as (app, clients):
        deliver_counts(app)
        for series in (OTHER_SERIES, "resettlement", "all_applications"):
            deliver_counts(app, of=series)
        admin = clients["admin"]
        first = finished(app, admin, 1)
        second = finished(app, admin, 2, with_set=False, series=OTHER_SERIES)
        by_kind = {}
        for kind, dependence in DEPENDENCE.items():
            body = {"forecasts": [first, second], "dependence": dependence}
            ordered = admin.post("/v1/totals", json=body)
            assert ordered.status_code == 202, ordered.text
            by_kind[kind] = ordered.json()["id"]
            assert ordered.headers["location"] == f"/v1/forecasts/{by_kind[kind]}"
            assert computed(app, by_kind[kind]) == {}
        yield Totals(app, clients, first, second, by_kind)


def ordered_by_series(totals: Totals) -> list[StoredForecast]:
    """The two in the order in which they are summed: family_arrivals comes before first_applications."""
    return [totals.stored(totals.second), totals.stored(totals.first)]


@pytest.mark.parametrize("kind", DEPENDENCE)
def test_every_path_of_every_series_is_summed_once(totals: Totals, kind: str) -> None:
    total = totals.stored(totals.by_kind[kind])
    parts = ordered_by_series(totals)
    for place, part in enumerate(parts):
        own = part.paths(part.draws)[1]
        moved = np.load(total.directory / f"series_{place}" / "paths.npy")
        rows = np.lexsort(own.T), np.lexsort(moved.T)
        np.testing.assert_array_equal(own[rows[0]], moved[rows[1]])
    both = [np.load(total.directory / f"series_{place}" / "paths.npy") for place in range(2)]
    np.testing.assert_array_equal(total.paths(total.draws)[1], both[0] + both[1])


def test_the_mean_is_the_sum_of_means_and_the_spread_that_of_the_dependence(totals: Totals) -> None:
    parts = [part.paths(part.draws)[1] for part in ordered_by_series(totals)]
    months = np.array(ordered_by_series(totals)[0].paths(1)[0], dtype="datetime64[M]").astype("datetime64[Y]")
    year = months == np.datetime64("2020")
    one, other = (paths[:, year].sum(axis=1) for paths in parts)
    sds = {}
    for kind in DEPENDENCE:
        row = totals.read(kind, "/interval-scenarios").json()["years"][2]
        assert row["mean"] == pytest.approx(one.mean() + other.mean(), rel=1e-9)
        sds[kind] = row["sd"]
    apart, whole = np.hypot(one.std(), other.std()), one.std() + other.std()
    assert sds["independent"] == pytest.approx(apart, rel=0.03)
    assert apart < sds["stated"] < whole
    # Both series are the same counts: their histories move together entirely, as far as they are long.
    assert apart < sds["estimated"] < whole


def test_what_a_total_says_of_itself(totals: Totals) -> None:
    told = totals.read("stated").json()
    assert told["kind"] == "total"
    assert told["request"]["total"] == {"forecasts": [totals.second, totals.first], "dependence": STATED}
    assert told["request"]["target"] == {"series": "total_inflow", "geo": "NL", "citizen": "TOTAL"}
    assert told["diagnostics"]["methodUsed"] == "total" and told["diagnostics"]["passed"] is True
    assert totals.clients["admin"].get(f"/v1/forecasts/{totals.first}").json()["kind"] == "forecast"


def test_components_name_their_part_and_the_correlation_used(totals: Totals) -> None:
    told = totals.read("estimated", "/components").json()
    assert [one["id"] for one in told["components"]] == [totals.second, totals.first]
    assert [one["series"] for one in told["components"]] == [OTHER_SERIES, "first_applications"]
    assert {one["weight"] for one in told["components"]} == {1.0}
    for place in range(len(YEARS)):
        assert sum(one["years"][place]["share"] for one in told["components"]) == pytest.approx(1.0, abs=0.01)
    assert told["dependence"] == "estimated"
    assert told["measured"][0][1] == pytest.approx(1.0)
    n = told["observations"][0][1] - 1
    assert told["correlation"][0][1] == pytest.approx(n / (n + 4))
    by_year = [one["rankCorrelation"][0][1] for one in told["years"]]
    assert all(0 < found < told["correlation"][0][1] + 0.02 for found in by_year)
    stated = totals.read("stated", "/components").json()
    assert (stated["dependence"], stated["correlation"], stated["measured"]) == ("stated", STATED, None)
    assert totals.read("independent", "/components").json()["correlation"] == [[1, 0], [0, 1]]


def test_every_part_of_a_forecast_reads_and_adds_up(totals: Totals) -> None:
    rows = {row["year"]: row for row in totals.read("stated", "/interval-scenarios").json()["years"]}
    assert list(rows) == list(YEARS)
    table = pd.DataFrame(totals.read("stated", "/scenario-paths").json()["rows"])
    by_year = table.groupby([table["month"].str[:4].astype(int), "scenario"])["value"].sum()
    for year in YEARS:
        for name in SCENARIOS:
            assert by_year[year, name] == int(np.floor(rows[year][name] + 0.5))
    monthly = totals.read("stated", "/monthly").json()["rows"]
    of_2019 = sum(row["mean"] for row in monthly if row["month"].startswith("2019"))
    assert of_2019 == pytest.approx(rows[2019]["mean"], rel=1e-6)
    counted = [row for row in monthly if row["observed"] is not None]
    assert len(counted) == rows[2018]["monthsObserved"] == 9
    assert sum(row["observed"] for row in counted) == rows[2018]["observedToDate"]
    paths = totals.read("stated", "/paths?draws=50&format=json").json()
    assert len(paths["paths"]) == 50
    above = rows[2019]["medio"]
    found = totals.read("stated", f"/exceedance?year=2019&above={above}").json()
    assert found["probability"] == pytest.approx(1 / 3, abs=0.002)
    density = totals.read("stated", "/density?year=2019").json()
    assert np.trapezoid(density["pdf"], density["x"]) == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("form", ["xlsx", "csv", "hubverse", "netcdf"])
def test_a_total_is_exported_with_its_components(totals: Totals, form: str) -> None:
    found = totals.read("stated", f"/export?format={form}")
    assert found.content == totals.read("stated", f"/export?format={form}").content
    if form == "xlsx":
        book = load_workbook(BytesIO(found.content))
        assert {"components", "dependence"} <= set(book.sheetnames)
        assert "scenario_probabilities" not in book.sheetnames
        assert book["dependence"]["C2"].value == 0.7


def test_the_same_total_is_the_same_forecast_in_any_order(totals: Totals) -> None:
    admin = totals.clients["admin"]
    for kind, dependence in DEPENDENCE.items():
        body = {"forecasts": [totals.second, totals.first], "dependence": dependence}
        again = admin.post("/v1/totals", json=body)
        assert (again.status_code, again.json()["id"]) == (200, totals.by_kind[kind])
    other_seed = admin.post("/v1/totals", json={"forecasts": [totals.first, totals.second], "seed": 9})
    assert other_seed.status_code == 202
    assert computed(totals.app, other_seed.json()["id"]) == {}


@pytest.mark.parametrize(
    ("method", "part"),
    [
        ("get", "/scenario-probabilities"),
        ("post", "/what-ifs"),
        ("get", "/acceptance-rates"),
        ("get", "/attribution?against={first}"),
    ],
)
def test_what_a_sum_cannot_answer_is_refused_with_the_way_on(totals: Totals, method: str, part: str) -> None:
    address = f"/v1/forecasts/{totals.by_kind['stated']}" + part.format(first=totals.first)
    options = {"json": {}} if method == "post" else {}
    answer = getattr(totals.clients["admin"], method)(address, **options)
    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"
    assert "/components" in answer.json()["detail"]


def test_other_layers_are_those_of_the_components_and_a_forecast_has_none(totals: Totals) -> None:
    admin = totals.clients["admin"]
    for layer in ("experts", "model"):
        address = f"/v1/forecasts/{totals.by_kind['stated']}/interval-scenarios?layer={layer}"
        assert admin.get(address).json()["errors"][0]["field"] == "layer"
    assert admin.get(f"/v1/forecasts/{totals.first}/components").status_code == 409


def refused(totals: Totals, body: Any) -> dict[str, str]:
    answer = totals.clients["admin"].post("/v1/totals", json=body)
    said: dict[str, str] = {}
    for error in faults_in(answer):
        said[error["field"]] = f"{said.get(error['field'], '')} {error['detail']}"
    return said


def test_forecasts_that_cannot_be_summed_are_refused_each_with_its_remedy(totals: Totals) -> None:
    app, admin = totals.app, totals.clients["admin"]
    two_years = finished(app, admin, 5, with_set=False, series=OTHER_SERIES, horizonYears=2)
    earlier = finished(app, admin, 6, with_set=False, series=OTHER_SERIES, cutoff="2018-05-31")
    later = finished(app, admin, 7, with_set=False, series=OTHER_SERIES, asOf="2018-11-20")
    everybody = finished(app, admin, 10, with_set=False, series="all_applications")
    target = {"series": OTHER_SERIES, "geo": "NL", "citizen": "TOTAL"}
    order = {
        "target": target,
        "cutoff": "2018-06-30",
        "asOf": AS_OF.isoformat(),
        "horizonYears": 3,
        "seed": 99,
    }
    running = admin.post("/v1/forecasts", json=order).json()["id"]
    found = refused(totals, {"forecasts": [totals.first, two_years, running, "nothing", earlier]})
    assert "horizonYears 2, the first one 3; order it anew with 3" in found["/forecasts/1"]
    assert "once the forecast has succeeded" in found["/forecasts/2"]
    assert "there is no forecast nothing" in found["/forecasts/3"]
    assert "/forecasts/4" in found
    assert "has asOf 2018-11-20" in refused(totals, {"forecasts": [totals.first, later]})["/forecasts/1"]
    assert "has cutoff 2018-05-31" in refused(totals, {"forecasts": [totals.first, earlier]})["/forecasts/1"]
    again = refused(totals, {"forecasts": [totals.first, totals.first]})
    assert "a series is summed once" in again["/forecasts/1"]
    twice = refused(totals, {"forecasts": [totals.first, totals.second, everybody]})
    assert list(twice) == ["/forecasts/0"]
    assert "is part of all_applications" in twice["/forecasts/0"]
    nested = refused(totals, {"forecasts": [totals.first, totals.by_kind["stated"]]})
    assert "is a total itself" in nested["/forecasts/1"]
    assert admin.delete(f"/v1/forecasts/{running}").status_code == 200


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"forecasts": []}, "/forecasts"),
        ({"forecasts": None}, "/forecasts"),
        ({"dependence": "together"}, "/dependence"),
        ({"dependence": [[1.0, 0.2]]}, "/dependence"),
        ({"dependence": [[1.0, 0.2], [0.3, 1.0]]}, "/dependence"),
        ({"dependence": [[1.0, 1.5], [1.5, 1.0]]}, "/dependence"),
        ({"dependence": [[2.0, 0.1], [0.1, 2.0]]}, "/dependence"),
        ({"seed": -1}, "/seed"),
        ({"weights": [1, 2]}, "/weights"),
    ],
)
def test_a_body_that_says_nothing_sensible_is_refused(
    totals: Totals, changed: dict[str, Any], field: str
) -> None:
    body = {"forecasts": [totals.first, totals.second], **changed}
    assert set(refused(totals, body)) == {field}


def test_a_total_whose_draws_were_removed_is_refused_by_the_worker(totals: Totals) -> None:
    admin = totals.clients["admin"]
    third = finished(totals.app, admin, 8, with_set=False, series="resettlement")
    directory = totals.stored(third).directory
    ordered = admin.post("/v1/totals", json={"forecasts": [totals.first, third], "dependence": "independent"})
    aside = directory.rename(directory.with_name("aside"))
    try:
        problem = computed(totals.app, ordered.json()["id"])
    finally:
        aside.rename(directory)
    assert problem["status"] == 400
    assert "order the forecast again" in problem["errors"][0]["detail"]
    assert "vraag haar opnieuw aan" in problem["detailNl"]


def test_who_may_not_see_a_component_may_not_see_the_total(totals: Totals) -> None:
    """The expert stated nothing, so another's set, its forecast and a total of it stay shut."""
    expert, address = totals.clients["expert"], f"/v1/forecasts/{totals.by_kind['stated']}"
    for part in ("", "/interval-scenarios", "/components"):
        assert expert.get(address + part).status_code == 403
    body = {"forecasts": [totals.first, totals.second]}
    assert expert.post("/v1/totals", json=body).status_code == 403
    listed = [one["id"] for one in expert.get("/v1/forecasts").json()["items"]]
    assert totals.second in listed
    assert not {totals.first, *totals.by_kind.values()} & set(listed)
    assert totals.clients["evaluator"].get(address + "/components").status_code == 200
    assert totals.clients["consumer"].get(address + "/components").status_code == 403
    assert totals.clients["consumer"].post("/v1/totals", json=body).status_code == 403


def test_a_total_is_adopted_after_its_components_and_monitored_by_their_sum(totals: Totals) -> None:
    admin, consumer = totals.clients["admin"], totals.clients["consumer"]
    decision = {"edition": "2018-2 totaal", "decidedOn": "2018-11-01", "note": ""}
    adopt = lambda identifier, edition: admin.put(  # noqa: E731
        f"/v1/forecasts/{identifier}/adoption", json={**decision, "edition": edition}
    )
    early = adopt(totals.by_kind["stated"], "2018-2 totaal")
    assert early.status_code == 409
    assert early.json()["title"] == "Component not adopted"
    for identifier, edition in ((totals.first, "2018-2"), (totals.second, "2018-2 nareis")):
        assert adopt(identifier, edition).status_code == 200
    done = adopt(totals.by_kind["stated"], "2018-2 totaal")
    assert done.status_code == 200, done.text
    read = consumer.get("/v1/editions/2018-2%20totaal/components")
    assert read.status_code == 200
    archived = admin.get("/v1/archived-forecasts", params={"edition": "2018-2 totaal"}).json()["items"]
    assert {one["stage"] for one in archived} == {"combined", "adopted"}
    assert {one["series"] for one in archived} == {"total_inflow"}
    months = consumer.get("/v1/editions/2018-2%20totaal/monitor?asOf=2019-03-31").json()["rows"]
    alone = consumer.get("/v1/editions/2018-2/monitor?asOf=2019-03-31").json()["rows"]
    assert [row["period"] for row in months] == [row["period"] for row in alone] != []
    for both, one in zip(months, alone, strict=True):
        assert both["realised"] == 2 * one["realised"]
