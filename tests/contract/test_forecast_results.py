"""A forecast computed for real, from counts over HTTP to every part of the answer. Both run once for this module."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv as arrow_csv
from pyarrow import parquet

from tests.contract.finished_forecasts import EVERY_READ, Done, finished_forecasts, read, rows
from tests.contract.forecast_inputs import counts, scenario_set

NAMES = {"minimum": 0.125, "median": 0.5, "medio": 2 / 3, "maximum": 0.875}
YEARS = [2024, 2025, 2026, 2027, 2028]


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Done]:
    with finished_forecasts(tmp_path_factory.mktemp("forecasts")) as both:
        yield both


def test_a_finished_forecast_says_how_it_was_made(done: Done) -> None:
    said = read(done).json()
    assert (said["status"], said["progress"], said["error"]) == ("succeeded", 1.0, None)
    assert {
        "rhatMax", "essMin", "divergences", "paretoK", "essWeighted", "methodUsed", "passed",
    } <= set(said["diagnostics"])  # fmt: skip
    assert said["diagnostics"]["passed"] is True
    assert said["diagnostics"]["divergences"] == 0
    assert said["timings"]["total"] > 0
    assert said["provenance"]["packages"]["pymc"]
    assert said["provenance"]["source"] == "kmi"


def test_progress_was_told_while_it_was_computed(done: Done) -> None:
    told = [json.loads(line[6:]) for line in done.events.splitlines() if line.startswith("data: ")]
    progress = [one["progress"] for one in told]
    assert progress == sorted(progress)
    assert "sampling" in {one["stage"] for one in told}
    assert len({p for p in progress if 0 < p < 1}) >= 2
    assert told[-1]["status"] == "succeeded"


def test_interval_scenarios_have_their_fields_and_order(done: Done) -> None:
    body = read(done, "/interval-scenarios").json()
    assert (body["intervalProbability"], body["rounding"], body["layer"]) == (0.75, None, "posterior")
    assert [row["year"] for row in body["years"]] == YEARS
    for row in body["years"]:
        assert set(row) == {"year", "mean", "sd", *NAMES, "observedToDate", "monthsObserved"}
        assert row["minimum"] < row["median"] < row["medio"] < row["maximum"]
        assert row["sd"] > 0


def test_what_was_counted_is_what_was_known(done: Done) -> None:
    known = counts("2015-01", "2024-09")
    in_year = known[known["period"].str.startswith("2024")]
    first = rows(done)[0]
    assert (first["observedToDate"], first["monthsObserved"]) == (in_year["value"].sum(), 9)
    assert first["minimum"] > first["observedToDate"]
    assert (rows(done)[1]["observedToDate"], rows(done)[1]["monthsObserved"]) == (0, 0)


@pytest.mark.parametrize("to", [1, 100, 1000])
def test_rounding_is_to_the_nearest_multiple_and_said(done: Done, to: int) -> None:
    body = read(done, f"/interval-scenarios?rounding={to}").json()
    assert body["rounding"] == to
    for exact, row in zip(rows(done), body["years"], strict=True):
        assert row["observedToDate"] == exact["observedToDate"]
        for name in ("mean", "sd", *NAMES):
            assert row[name] % to == 0
            assert abs(row[name] - exact[name]) <= to / 2


def test_levels_are_answered_beside_the_four(done: Done) -> None:
    asked = rows(done, "?levels=0.05,0.5,0.95")
    for row in asked:
        by_level = {item["level"]: item["value"] for item in row["quantiles"]}
        assert by_level[0.5] == row["median"]
        assert by_level[0.05] < row["minimum"] < row["maximum"] < by_level[0.95]


def test_layers_are_the_experts_and_the_model(done: Done) -> None:
    experts, model = rows(done, "?layer=experts"), rows(done, "?layer=model")
    stated = next(
        one for one in done.client.get(_set_density(done), timeout=60).json()["years"] if one["year"] == 2025
    )
    for name in NAMES:
        assert experts[1][name] == pytest.approx(stated["intervalScenarios"][name], rel=1e-6)
    assert experts[1]["mean"] == pytest.approx(0.7 * 30_500 + 0.3 * 39_500, rel=1e-6)
    assert model[1]["median"] != experts[1]["median"]


def _set_density(done: Done) -> str:
    return f"/v1/scenario-sets/{read(done).json()['request']['scenarioSet']}/density"


def test_the_table_holds_the_same_numbers(done: Done) -> None:
    asked = read(done, "/interval-scenarios?levels=0.05", headers={"Accept": "text/csv"})
    assert asked.headers["content-type"] == "text/csv; charset=utf-8"
    assert asked.headers["x-instroom-rounding"] == "none"
    table = list(csv.DictReader(io.StringIO(asked.text)))
    assert list(table[0]) == ["year", "scenario", "quantile_level", "value"]
    exact = {row["year"]: row for row in rows(done, "?levels=0.05")}
    for line in table:
        row = exact[int(line["year"])]
        if line["scenario"] == "quantile":
            assert (line["quantile_level"], float(line["value"])) == ("0.05", row["quantiles"][0]["value"])
        else:
            assert float(line["quantile_level"]) == NAMES[line["scenario"]]
            assert float(line["value"]) == row[line["scenario"]]
    assert len(table) == 5 * len(YEARS)
    same = read(done, "/interval-scenarios?levels=0.05&format=csv", headers={"Accept": "application/json"})
    assert same.content == asked.content
    rounded = read(done, "/interval-scenarios?format=csv&rounding=1000")
    assert rounded.headers["x-instroom-rounding"] == "1000"


@pytest.mark.parametrize("layer", ["posterior", "experts", "model"])
def test_a_density_integrates_to_its_distribution(done: Done, layer: str) -> None:
    curve = read(done, f"/density?year=2026&layer={layer}").json()
    assert (curve["year"], curve["layer"]) == (2026, layer)
    x, pdf, cdf = (np.array(curve[name]) for name in ("x", "pdf", "cdf"))
    assert len(x) == len(pdf) == len(cdf) > 100
    assert (np.diff(cdf) >= 0).all()
    assert np.trapezoid(pdf, x) == pytest.approx(1.0, abs=0.01)
    row = next(one for one in rows(done, f"?layer={layer}") if one["year"] == 2026)
    assert np.interp(row["medio"], x, cdf) == pytest.approx(2 / 3, abs=0.01)


def test_exceedance_agrees_with_the_quantiles(done: Done) -> None:
    medio = rows(done)[1]["medio"]
    said = read(done, f"/exceedance?year=2025&above={medio}").json()
    assert said["probability"] == pytest.approx(1 / 3, abs=1e-3)
    assert 0 < said["monteCarloError"] < 0.02
    assert (said["year"], said["above"]) == (2025, medio)
    assert read(done, "/exceedance?year=2024&above=0").json()["probability"] == 1.0


def test_scenario_probabilities_sum_to_one_before_and_after(done: Done) -> None:
    body = read(done, "/scenario-probabilities").json()
    assert [row["key"] for row in body["scenarios"]] == ["steady", "rising"]
    assert [row["prior"] for row in body["scenarios"]] == pytest.approx([0.7, 0.3])
    assert sum(row["posterior"] for row in body["scenarios"]) == pytest.approx(1.0)
    assert set(body["conflict"]) == {"flag", "surprise", "detail", "detailNl"}
    assert 0 <= body["conflict"]["surprise"] <= 1
    steps = [{one["key"]: one["probability"] for one in step["scenarios"]} for step in body["byMonth"]]
    assert [step["month"] for step in body["byMonth"]] == [None, "2024-06", "2024-07", "2024-08", "2024-09"]
    assert steps[0] == {row["key"]: row["prior"] for row in body["scenarios"]}
    assert steps[-1] == {row["key"]: row["posterior"] for row in body["scenarios"]}
    assert {one["key"] for one in body["leaveOneOut"]} == {"steady", "rising"}


def test_months_are_counted_or_forecast(done: Done) -> None:
    body = read(done, "/monthly").json()
    assert [row["month"] for row in body["rows"]] == [f"{y}-{m:02d}" for y in YEARS for m in range(1, 13)]
    counted, coming = body["rows"][8], body["rows"][9]
    assert counted["observed"] == counted["mean"] == counted["quantiles"]["0.5"]
    assert coming["observed"] is None
    assert set(coming["quantiles"]) == {str(level) for level in body["levels"]}
    assert coming["quantiles"]["0.025"] < coming["minimum"] < coming["median"] < coming["maximum"]
    year = sum(row["mean"] for row in body["rows"] if row["month"].startswith("2025"))
    assert year == pytest.approx(rows(done)[1]["mean"], rel=0.01)
    assert read(done, "/monthly?levels=0.1").json()["levels"] == [0.1]


def paths(done: Done, kind: str, draws: int) -> Any:
    return read(done, f"/paths?draws={draws}&format={kind}")


def test_paths_are_the_same_in_every_format(done: Done) -> None:
    draws = 1_100
    body = paths(done, "json", draws).json()
    values = np.array(body["paths"])
    assert values.shape == (draws, 60)
    tables = {
        "csv": arrow_csv.read_csv(io.BytesIO(paths(done, "csv", draws).content)),
        "parquet": parquet.read_table(io.BytesIO(paths(done, "parquet", draws).content)),
        "arrow": pa.ipc.open_stream(paths(done, "arrow", draws).content).read_all(),
    }
    for table in tables.values():
        assert table.column_names == ["draw", "month", "value"]
        assert np.array_equal(table["draw"].to_numpy(), np.repeat(np.arange(draws), 60))
        assert table["month"].to_pylist()[:60] == body["months"]
        assert np.array_equal(table["value"].to_numpy().reshape(draws, 60), values)
    known = counts("2024-01", "2024-09")["value"].to_numpy()
    assert (values[:, :9] == counts("2015-01", "2024-09")["value"].to_numpy()[-9:]).all()
    assert len(known) == 9


def test_paths_carry_the_distribution_of_the_totals(done: Done) -> None:
    values = np.array(paths(done, "json", 20_000).json()["paths"])
    totals = values.reshape(len(values), 5, 12).sum(axis=2)
    for place, row in enumerate(rows(done)):
        found = np.quantile(totals[:, place], list(NAMES.values()))
        assert found == pytest.approx([row[name] for name in NAMES], rel=0.02)


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("text/csv", "text/csv; charset=utf-8"),
        ("application/vnd.apache.parquet", "application/vnd.apache.parquet"),
        ("application/vnd.apache.arrow.stream", "application/vnd.apache.arrow.stream"),
        ("*/*", "application/json"),
        ("application/json, text/csv;q=0.5", "application/json"),
    ],
)
def test_the_format_of_paths_follows_accept(done: Done, accept: str, kind: str) -> None:
    answer = read(done, "/paths?draws=2", headers={"Accept": accept})
    assert answer.headers["content-type"] == kind


def test_scenario_paths_add_up_to_the_rounded_scenarios(done: Done) -> None:
    body = read(done, "/scenario-paths").json()
    assert body["rounding"] == 1
    assert {(row["scenario"], row["citizen"]) for row in body["rows"]} == {(name, "OTHER") for name in NAMES}
    for year in rows(done, "?rounding=1"):
        for name in NAMES:
            months = [
                r for r in body["rows"] if r["scenario"] == name and r["month"][:4] == str(year["year"])
            ]
            assert [r["month"] for r in months] == [f"{year['year']}-{n:02d}" for n in range(1, 13)]
            assert sum(r["value"] for r in months) == year[name]
    known = counts("2015-01", "2024-09").set_index("period")["value"].to_dict()
    for row in body["rows"]:
        assert row["value"] == known.get(row["month"], row["value"])


@pytest.mark.parametrize("part", EVERY_READ)
def test_the_same_bytes_and_etag_every_time(done: Done, part: str) -> None:
    first, again = read(done, part), read(done, part)
    elsewhere = done.restarted.get(done.with_set + part)
    assert first.content == again.content == elsewhere.content
    etag = first.headers["etag"]
    assert etag == again.headers["etag"] == elsewhere.headers["etag"]
    assert etag.startswith('"')
    unchanged = done.client.get(done.with_set + part, headers={"If-None-Match": f'"other", {etag}'})
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert unchanged.headers["etag"] == etag
    assert read(done, part, headers={"If-None-Match": '"other"'}).content == first.content


def test_etags_differ_between_answers(done: Done) -> None:
    tags = [read(done, part).headers["etag"] for part in EVERY_READ]
    assert len(set(tags)) == len(tags)


def test_a_forecast_of_the_model_alone(done: Done) -> None:
    assert rows(done, of=done.alone) == rows(done, "?layer=model", of=done.alone)
    assert [row["year"] for row in rows(done, of=done.alone)] == [2024, 2025]
    refused = done.client.get(f"{done.alone}/density?year=2025&layer=experts")
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["field"] == "layer"
    said = read(done, "/scenario-probabilities", of=done.alone).json()
    assert said["scenarios"] == [{"key": "model", "prior": 1.0, "posterior": 1.0}]


@pytest.mark.parametrize(
    ("part", "field"),
    [
        ("/density", "year"),
        ("/density?year=2023", "year"),
        ("/density?year=2025&layer=prior", "layer"),
        ("/density?year=soon", "year"),
        ("/exceedance?year=2025", "above"),
        ("/exceedance?year=2025&above=nan", "above"),
        ("/exceedance?year=2025&above=-1", "above"),
        ("/exceedance?year=1999&above=1", "year"),
        ("/interval-scenarios?rounding=7", "rounding"),
        ("/interval-scenarios?levels=0.5,x", "levels"),
        ("/interval-scenarios?levels=0", "levels"),
        ("/interval-scenarios?levels=1.5", "levels"),
        ("/interval-scenarios?levels=nan", "levels"),
        ("/interval-scenarios?format=xml", "format"),
        ("/monthly?levels=", "levels"),
        ("/paths?draws=0", "draws"),
        ("/paths?draws=100001", "draws"),
        ("/paths?format=xlsx", "format"),
    ],
)
def test_a_bad_question_names_its_parameter(done: Done, part: str, field: str) -> None:
    refused = done.client.get(done.with_set + part)
    assert refused.status_code == 400
    assert [error["field"].split(".")[-1] for error in refused.json()["errors"]] == [field]


def what_if(done: Done, of: str | None = None, **body: Any) -> Any:
    return done.client.post(f"{of or done.with_set}/what-ifs", json=body)


def test_a_what_if_that_changes_nothing_answers_as_the_forecast(done: Done) -> None:
    answer = what_if(done)
    assert answer.status_code == 200
    body = answer.json()
    parts = "intervalScenarios density scenarioProbabilities attribution leaveOneOut diagnostics"
    assert set(body) == set(parts.split())
    assert body["leaveOneOut"] == read(done, "/scenario-probabilities").json()["leaveOneOut"] != []
    assert body["intervalScenarios"] == rows(done)
    assert body["attribution"] == []
    assert [curve["year"] for curve in body["density"]] == YEARS
    assert {"paretoK", "essWeighted", "seconds"} <= set(body["diagnostics"])
    assert [row["key"] for row in body["scenarioProbabilities"]] == ["steady", "rising"]


def test_a_what_if_moves_the_figures_and_says_what_moved_them(done: Done) -> None:
    scenarios = scenario_set()["scenarios"]
    scenarios[0]["probability"], scenarios[1]["probability"] = 0.2, 0.8
    scenarios[1]["years"]["2026"]["expected"] = 60_000
    before, body = rows(done), what_if(done, scenarios=scenarios).json()
    assert {row["change"] for row in body["attribution"]} == {"scenario:rising", "probabilities"}
    assert body["intervalScenarios"][2]["median"] > before[2]["median"]
    for old, new in zip(before, body["intervalScenarios"], strict=True):
        for name in NAMES:
            moved = sum(row[name] for row in body["attribution"] if row["year"] == old["year"])
            assert moved == pytest.approx(new[name] - old[name], abs=1e-6)


def test_a_what_if_without_the_experts_is_the_model(done: Done) -> None:
    body = what_if(done, expertWeight=0).json()
    assert body["intervalScenarios"] == rows(done, "?layer=model")
    assert {row["change"] for row in body["attribution"]} == {"expertWeight"}


def test_a_what_if_may_give_the_model_alone_experts(done: Done) -> None:
    body = what_if(done, of=done.alone, scenarios=scenario_set()["scenarios"], expertWeight=1.0)
    assert body.status_code == 200, body.text
    assert [row["key"] for row in body.json()["scenarioProbabilities"]] == ["steady", "rising"]


def test_a_what_if_stores_nothing(done: Done) -> None:
    listed = [done.client.get(f"/v1/{name}").json()["total"] for name in ("forecasts", "scenario-sets")]
    etag = read(done, "/interval-scenarios").headers["etag"]
    assert what_if(done, yearCorrelation=0.1).json()["attribution"][0]["change"] == "yearCorrelation"
    what_if(done, unforeseen={"probability": 0.1, "years": {"2025": {"expected": 60_000, "spread": 30_000}}})
    assert [
        done.client.get(f"/v1/{name}").json()["total"] for name in ("forecasts", "scenario-sets")
    ] == listed
    assert read(done, "/interval-scenarios").headers["etag"] == etag


def faulty(**change: Any) -> list[dict[str, Any]]:
    scenarios: list[dict[str, Any]] = scenario_set()["scenarios"]
    scenarios[1].update(change)
    return scenarios


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"scenarios": []}, {"/scenarios"}),
        ({"scenarios": faulty(probability=0.27)}, {"/scenarios"}),
        ({"scenarios": faulty(family="cauchy")}, {"/scenarios/1/family"}),
        ({"scenarios": faulty(years={"2025": {"expected": 1, "spread": -1}})}, {"/scenarios/1/years/2025/spread"}),
        ({"expertWeight": 2}, {"/expertWeight"}),
        ({"expertWeight": "1"}, {"/expertWeight"}),
        ({"name": "other"}, {"/name"}),
        ({"scenarios": faulty(family="cauchy"), "expertWeight": 2, "x": 1},
         {"/scenarios/1/family", "/expertWeight", "/x"}),
    ],
)  # fmt: skip
def test_faults_of_a_what_if_point_into_its_body(done: Done, body: dict[str, Any], fields: set[str]) -> None:
    refused = what_if(done, **body)
    assert refused.status_code == 400
    found = {error["field"] for error in refused.json()["errors"]}
    assert all(any(at.startswith(field) for at in found) for field in fields)
    assert len(found) == len(fields)


@pytest.mark.parametrize("text", ["[]", "null", "{", '{"expertWeight": NaN}'])
def test_what_is_no_what_if_is_refused(done: Done, text: str) -> None:
    headers = {"Content-Type": "application/json"}
    assert done.client.post(f"{done.with_set}/what-ifs", content=text, headers=headers).status_code == 400


def test_the_same_order_finds_the_finished_forecast(done: Done) -> None:
    asked = read(done).json()["request"]
    again = done.client.post("/v1/forecasts", json=asked)
    assert (again.status_code, again.headers["location"]) == (200, done.with_set)
    assert again.json()["status"] == "succeeded"


def test_the_list_tells_of_finished_forecasts(done: Done) -> None:
    items = done.client.get("/v1/forecasts?status=succeeded").json()["items"]
    assert [f"/v1/forecasts/{item['id']}" for item in items] == [done.alone, done.with_set]
    assert items[1] == read(done).json()


def test_a_finished_forecast_is_a_directory_without_leftovers(done: Done, tmp_path: Path) -> None:
    draws = done.app.state.settings.data_dir / "draws"
    assert len(list(draws.iterdir())) == 2
    assert all((found / "provenance.json").exists() for found in draws.iterdir())
