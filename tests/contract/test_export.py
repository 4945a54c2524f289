"""Exports read back by other software than wrote them, and held against what the other endpoints answer."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Iterator
from datetime import UTC, date, datetime
from xml.etree import ElementTree

import numpy as np
import openpyxl
import pytest
from scipy.io import netcdf_file

from service.api.recent import Recent
from service.exports.content import Export, Quantiles, Table
from service.exports.tidy import to_csv
from service.exports.workbook import to_workbook
from tests.contract.made_up_exports import (
    DIGITS,
    FORMATS,
    FORMULA,
    MEDIA_TYPES,
    NAMES,
    SHEETS,
    Made,
    asked,
    assert_same,
    exported,
    hub,
    made_forecasts,
    sheets,
    tidy,
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    with made_forecasts(tmp_path_factory.mktemp("exports")) as all_of_them:
        yield all_of_them


@pytest.mark.parametrize("form", FORMATS)
def test_the_same_bytes_and_etag_every_time(made: Made, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # Written anew every time: nothing is kept that could make them equal.
    monkeypatch.setattr("service.api.finished._rendered", Recent(0))
    for of in (made.plain, made.decided):
        first, again = exported(made, of, form), exported(made, of, form)
        elsewhere = made.restarted.get(f"{of}/export?format={form}")
        assert first.content == again.content == elsewhere.content
        assert first.headers["etag"] == elsewhere.headers["etag"]
        assert first.headers["content-type"] == MEDIA_TYPES[form]
        assert first.headers["content-disposition"].startswith("attachment; filename=")
        tag = {"If-None-Match": first.headers["etag"]}
        unchanged = made.client.get(f"{of}/export?format={form}", headers=tag)
        assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert exported(made, made.plain, form).content != exported(made, made.edition, form).content


def test_the_workbook_has_the_numbers_of_the_other_endpoints(made: Made) -> None:
    found = sheets(made, made.plain)
    assert list(found) == [*SHEETS, "provenance"]
    for layer in ("posterior", "experts", "model"):
        rows = [row for row in found["interval_scenarios"] if row["layer"] == layer]
        answered = asked(made, made.plain, f"/interval-scenarios?layer={layer}")["years"]
        for row, said in zip(rows, answered, strict=True):
            assert row["observed_to_date"] == said["observedToDate"]
            assert_same(row, said, "year", "mean", "sd", *NAMES)
    curve = asked(made, made.plain, "/density?year=2019")
    points = [r for r in found["density"] if (r["layer"], r["year"]) == ("posterior", 2019)]
    for name in ("x", "pdf", "cdf"):
        assert [row[name] for row in points] == pytest.approx(curve[name], rel=DIGITS)
    said = asked(made, made.plain, "/scenario-probabilities")["scenarios"]
    for row, one in zip(found["scenario_probabilities"], said, strict=True):
        assert row["key"] == one["key"]
        assert_same(row, one, "prior", "posterior")
    assert found["scenario_paths"] == asked(made, made.plain, "/scenario-paths")["rows"]


def test_months_are_those_of_the_other_endpoint(made: Made) -> None:
    rows = sheets(made, made.plain)["monthly"]
    answered = asked(made, made.plain, "/monthly?levels=0.025,0.25,0.75,0.975")["rows"]
    assert len(rows) == len(answered) == 36
    for row, said in zip(rows, answered, strict=True):
        assert row["citizen"] == "TOTAL"
        assert (row["month"], row["observed"]) == (said["month"], said["observed"])
        assert_same(row, said, "mean", *NAMES)
        assert_same(row, {f"q{level}": value for level, value in said["quantiles"].items()})


def test_the_last_sheet_says_where_it_all_comes_from(made: Made) -> None:
    told = {row["field"]: row["value"] for row in sheets(made, made.plain)["provenance"]}
    whole = asked(made, made.plain, "")
    for part in ("request", "provenance", "diagnostics"):
        for name, value in whole[part].items():
            if not isinstance(value, dict):
                close = pytest.approx(value, rel=DIGITS) if isinstance(value, float) else value
                assert told[f"{part}.{name}"] == close, name
            else:
                kept = {key for key in told if key.startswith(f"{part}.{name}")}
                assert len(kept) == max(len(value), 1)
    assert told["request.target.geo"] == whole["request"]["target"]["geo"]
    assert "source" not in told
    assert told["acceptanceRates"] == "not computed"


def test_the_workbook_carries_no_moment_of_writing(made: Made) -> None:
    archive = zipfile.ZipFile(io.BytesIO(exported(made, made.plain, "xlsx").content))
    assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    root = ElementTree.fromstring(archive.read("docProps/core.xml"))
    moments = {part.text for part in root if part.tag.endswith(("created", "modified"))}
    assert moments == {asked(made, made.plain, "")["createdAt"].split(".")[0].rstrip("Z") + "Z"}


def test_a_text_that_looks_like_a_formula_is_a_text(made: Made) -> None:
    book = openpyxl.load_workbook(io.BytesIO(exported(made, made.plain, "xlsx").content))
    cell = book["scenario_probabilities"]["B2"]
    assert (cell.value, cell.data_type, cell.quotePrefix) == (FORMULA, "s", True)
    lines = [
        row for row in csv.DictReader(io.StringIO(exported(made, made.plain, "csv").text)) if row["label"]
    ]
    assert f"'{FORMULA}" in {row["label"] for row in lines}
    notes = {row["field"]: row["value"] for row in sheets(made, made.decided)["provenance"]}
    assert notes["adoption.note"] == "+decided"


def made_by_hand(sources: tuple[str, ...], text: str = "") -> Export:
    nothing = np.zeros((0, 0))
    return Export(
        "f", None, "first_applications", "NL", "TOTAL", date(2024, 6, 30), datetime(2024, 7, 1, 9, 30, tzinfo=UTC),
        {"note": text}, sources, (Table("t", ("label", "value"), ((text, 1), ("plain", -2.5))),),
        Quantiles((), (), nothing, nothing, nothing, (), nothing, nothing, nothing), (),
    )  # fmt: skip


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)"])
def test_every_sign_of_a_formula_is_disarmed(text: str) -> None:
    content = made_by_hand(("kmi",), text)
    book = openpyxl.load_workbook(io.BytesIO(to_workbook(content)))
    for cell in (book["t"]["A2"], book["provenance"]["B2"]):
        assert (cell.value, cell.data_type, cell.quotePrefix) == (text, "s", True)
    assert (book["t"]["B3"].value, book["t"]["B3"].data_type) == (-2.5, "n")
    first, second = csv.DictReader(io.StringIO(to_csv(content).decode()))
    assert (first["label"], second["label"], second["value"]) == (f"'{text}", "plain", "-2.5")


def test_control_characters_do_not_break_the_workbook() -> None:
    book = openpyxl.load_workbook(io.BytesIO(to_workbook(made_by_hand((), "a\x00b\x1f"))))
    assert book["t"]["A2"].value == "ab"


def test_eurostat_is_named_where_its_figures_are_in_it() -> None:
    for sources, line in ((("eurostat", "kmi"), "Source: Eurostat"), (("kmi",), None)):
        book = openpyxl.load_workbook(io.BytesIO(to_workbook(made_by_hand(sources))))
        told = dict(row[:2] for row in book["provenance"].iter_rows(values_only=True))
        assert told.get("source") == line


def test_the_tidy_table_has_the_same_numbers(made: Made) -> None:
    frame, book = tidy(made, made.plain), sheets(made, made.plain)
    assert set(frame["table"]) == set(SHEETS)
    assert set(frame["forecast"]) == {made.plain.rsplit("/", 1)[1]} and set(frame["source"]) == {"kmi"}
    years = frame[(frame["table"] == "interval_scenarios") & (frame["layer"] == "posterior")]
    for row in asked(made, made.plain, "/interval-scenarios")["years"]:
        own = years[years["period"] == str(row["year"])]
        named = own[own["statistic"] == "quantile"].set_index("scenario")
        for name, level in NAMES.items():
            assert float(named.loc[name, "quantile_level"]) == level
            assert float(named.loc[name, "value"]) == row[name]
        assert float(own[own["statistic"] == "mean"]["value"].iloc[0]) == row["mean"]
    paths = frame[frame["table"] == "scenario_paths"]
    assert paths["value"].astype(int).tolist() == [row["value"] for row in book["scenario_paths"]]
    months = frame[(frame["table"] == "monthly") & (frame["quantile_level"] == "0.025")]
    in_book = [row["q0.025"] for row in book["monthly"]]
    assert months["value"].astype(float).tolist() == pytest.approx(in_book, rel=DIGITS)
    identity = [column for column in frame.columns if column != "value"]
    assert not frame.duplicated(identity).any()


def test_model_output_has_the_columns_and_levels_of_a_hub(made: Made) -> None:
    frame = hub(made, made.plain)
    needed = ["model_id", "origin_date", "location", "citizen", "target", "horizon", "target_end_date"]
    assert list(frame.columns[:10]) == [*needed, "output_type", "output_type_id", "value"]
    assert frame["model_id"].str.fullmatch(r"[A-Za-z0-9_]+-[A-Za-z0-9_]+").all()
    assert set(frame["output_type"]) == {"mean", "quantile", "pmf"}
    assert (frame["output_type_id"].isna() == (frame["output_type"] == "mean")).all()
    assert "0.6666666666666666" in set(frame["output_type_id"])
    whole = asked(made, made.plain, "")
    assert set(frame["origin_date"]) == {whole["request"]["cutoff"]}
    assert set(frame["data_vintage"]) == {whole["provenance"]["dataVintage"]}
    per_task = frame[frame["output_type"] == "quantile"].groupby(["target", "target_end_date"])
    for _, task in per_task:
        assert task["output_type_id"].astype(float).is_monotonic_increasing and len(task) == 26
        assert task["value"].is_monotonic_increasing
    names = exported(made, made.plain, "hubverse").headers["content-disposition"]
    assert f"{whole['request']['cutoff']}-{frame['model_id'][0]}.csv" in names


def test_model_output_has_the_numbers_of_the_other_endpoints(made: Made) -> None:
    frame = hub(made, made.plain)
    quantiles = frame[frame["output_type"] == "quantile"].assign(
        level=lambda rows: rows["output_type_id"].astype(float)
    )
    years = quantiles[quantiles["target"] == "first_applications per year"]
    cutoff_year = int(frame["origin_date"].iloc[0][:4])
    for row in asked(made, made.plain, "/interval-scenarios?levels=0.01,0.975")["years"]:
        own = years[years["target_end_date"] == f"{row['year']}-12-31"].set_index("level")
        assert set(own["horizon"]) == {row["year"] - cutoff_year}
        for name, level in NAMES.items():
            assert own.loc[level, "value"] == row[name]
        for item in row["quantiles"]:
            assert own.loc[item["level"], "value"] == pytest.approx(item["value"], rel=1e-12)
    months = quantiles[quantiles["target"] == "first_applications per month"]
    coming = [row for row in asked(made, made.plain, "/monthly")["rows"] if row["observed"] is None]
    assert sorted({day[:7] for day in months["target_end_date"]}) == [row["month"] for row in coming]
    for row in coming:
        own = months[months["target_end_date"].str.startswith(row["month"])].set_index("level")
        assert own.loc[2 / 3, "value"] == pytest.approx(row["medio"], rel=1e-12)
    weights = frame[frame["output_type"] == "pmf"].set_index("output_type_id")["value"]
    for row in asked(made, made.plain, "/scenario-probabilities")["scenarios"]:
        assert weights[row["key"]] == row["posterior"]
    assert weights.sum() == pytest.approx(1.0)


def test_netcdf_has_named_dimensions_and_its_provenance(made: Made) -> None:
    with netcdf_file(io.BytesIO(exported(made, made.plain, "netcdf").content), "r", mmap=False) as file:
        assert file.version_byte == 2
        assert dict(file.dimensions) == {"quantile_level": 26, "year": 3, "month": 36}
        levels = file.variables["quantile_level"][:].tolist()
        assert file.variables["year_quantile"].dimensions == ("quantile_level", "year")
        for place, row in enumerate(asked(made, made.plain, "/interval-scenarios")["years"]):
            assert file.variables["year"][place] == row["year"]
            for name, level in NAMES.items():
                assert file.variables["year_quantile"][levels.index(level), place] == row[name]
            assert file.variables["year_mean"][place] == row["mean"]
        start = np.datetime64("1970-01-01") + file.variables["month"][:].astype("timedelta64[D]")
        monthly = asked(made, made.plain, "/monthly")["rows"]
        assert [str(day)[:7] for day in start] == [row["month"] for row in monthly]
        for place, row in enumerate(monthly):
            found = file.variables["month_quantile"][levels.index(2 / 3), place]
            assert found == pytest.approx(row["medio"], rel=1e-12)
            observed = file.variables["observed"][place]
            assert observed == row["observed"] if row["observed"] is not None else np.isnan(observed)
        provenance = asked(made, made.plain, "")["provenance"]
        assert file.data_vintage.decode() == provenance["dataVintage"]
        assert file.seed.decode() == str(provenance["seed"])
        assert json.loads(file.request) == asked(made, made.plain, "")["request"]


def test_an_edition_has_the_adopted_figures_in_every_format(made: Made) -> None:
    answered = asked(made, made.decided, "/interval-scenarios")["years"]
    adopted = next(row for row in answered if row["year"] == 2019)
    assert (adopted["median"], adopted["maximum"]) == (50_000, 90_000)
    book = sheets(made, made.decided)
    for row in (row for row in book["interval_scenarios"] if row["layer"] == "posterior"):
        said = next(one for one in answered if one["year"] == row["year"])
        assert_same(row, said, *NAMES)
    assert book["scenario_paths"] == asked(made, made.decided, "/scenario-paths")["rows"]
    frame = tidy(made, made.decided)
    assert set(frame["edition"]) == {"2018-2 b"}
    median = frame[
        (frame["table"] == "interval_scenarios") & (frame["layer"] == "posterior")
        & (frame["period"] == "2019") & (frame["scenario"] == "median")
    ]  # fmt: skip
    assert median["value"].astype(float).tolist() == [50_000]
    output = hub(made, made.decided)
    own = output[(output["target_end_date"] == "2019-12-31") & (output["target"].str.endswith("year"))]
    values = own[own["output_type"] == "quantile"].set_index("output_type_id")["value"]
    assert (values["0.5"], values["0.875"]) == (50_000, 90_000)
    assert values.is_monotonic_increasing and values.iloc[-1] > 90_000
    assert "mean" not in set(own["output_type"])
    assert output["model_id"].str.startswith("instroom-adopted_").all()
    with netcdf_file(io.BytesIO(exported(made, made.decided, "netcdf").content), "r", mmap=False) as file:
        place = file.variables["quantile_level"][:].tolist().index(0.875)
        assert file.variables["year_quantile"][place, 1] == 90_000
        assert np.isnan(file.variables["year_mean"][:]).tolist() == [False, True, False]
        assert file.edition.decode() == "2018-2 b"


def test_nationalities_are_told_apart_in_months_and_paths(made: Made) -> None:
    found = sheets(made, made.divided)
    assert found["scenario_paths"] == asked(made, made.divided, "/scenario-paths")["rows"]
    assert {row["citizen"] for row in found["scenario_paths"]} == {"SY", "TR", "OTHER"}
    for said in asked(made, made.divided, "/monthly")["citizens"]:
        own = [row for row in found["monthly"] if row["citizen"] == said["citizen"]]
        for row, one in zip(own, said["rows"], strict=True):
            assert (row["month"], row["q0.025"]) == (one["month"], None)
            assert_same(row, one, "mean", *NAMES)
    frame = tidy(made, made.divided)
    paths = frame[(frame["table"] == "scenario_paths") & (frame["scenario"] == "medio")]
    for year in asked(made, made.divided, "/interval-scenarios?rounding=1")["years"]:
        of_year = paths[paths["period"].str.startswith(str(year["year"]))]
        assert of_year["value"].astype(int).sum() == year["medio"]


def test_acceptance_rates_are_in_it_once_they_were_computed(made: Made) -> None:
    answered = asked(made, made.divided, "/acceptance-rates")
    found = sheets(made, made.divided)
    assert list(found) == [*SHEETS, "acceptance_rates", "acceptance_total", "accepted", "provenance"]
    for sheet, part in (
        ("acceptance_rates", "rates"),
        ("acceptance_total", "total"),
        ("accepted", "scenarios"),
    ):
        assert len(found[sheet]) == len(answered[part]) > 0
        for row, said in zip(found[sheet], answered[part], strict=True):
            for name, value in row.items():
                told = said["".join(p.title() if n else p for n, p in enumerate(name.split("_")))]
                # An empty text is an empty cell.
                assert value == (pytest.approx(told, rel=DIGITS) if isinstance(told, float) else told or None)
    told = {row["field"]: row["value"] for row in found["provenance"]}
    assert (told["source"], told["acceptanceRates.source"]) == ("Source: Eurostat", "eurostat")
    frame = tidy(made, made.divided)
    rate = frame[(frame["table"] == "acceptance_rates") & (frame["statistic"] == "mean")]
    assert rate["value"].astype(float).tolist() == [row["mean"] for row in answered["rates"]]
    with netcdf_file(io.BytesIO(exported(made, made.divided, "netcdf").content), "r", mmap=False) as file:
        assert file.attribution.decode() == "Source: Eurostat"


def test_the_model_alone_has_no_experts(made: Made) -> None:
    found = sheets(made, made.alone)
    assert {row["layer"] for row in found["interval_scenarios"]} == {"posterior", "model"}
    assert [row["key"] for row in found["scenario_probabilities"]] == ["model"]
    assert hub(made, made.alone)["model_id"].str.startswith("instroom-model_").all()
    assert exported(made, made.alone, "netcdf").content.startswith(b"CDF\x02")


def test_concepts_are_not_for_consumers_and_editions_are(made: Made) -> None:
    consumer = made.clients["consumer"]
    assert consumer.get(f"{made.plain}/export?format=csv").status_code == 403
    answer = consumer.get(f"{made.edition}/export?format=csv")
    assert answer.content == exported(made, made.edition, "csv").content


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("*/*", MEDIA_TYPES["xlsx"]),
        ("text/csv", MEDIA_TYPES["csv"]),
        ("application/x-netcdf, text/csv;q=0.5", MEDIA_TYPES["netcdf"]),
    ],
)
def test_without_a_format_accept_decides(made: Made, accept: str, kind: str) -> None:
    answer = made.client.get(f"{made.plain}/export", headers={"Accept": accept})
    assert (answer.status_code, answer.headers["content-type"]) == (200, kind)


@pytest.mark.parametrize("form", ["pdf", "XLSX", ""])
def test_an_unknown_format_is_refused(made: Made, form: str) -> None:
    for of in (made.plain, made.edition):
        refused = made.client.get(f"{of}/export?format={form}")
        assert refused.status_code == 400
        assert [error["field"] for error in refused.json()["errors"]] == ["format"]
    assert made.client.get("/v1/forecasts/none/export").status_code == 404


def test_acceptance_rates_stand_under_an_edition_as_under_a_forecast(made: Made) -> None:
    reader = made.clients["consumer"]
    for part in ("/acceptance-what-ifs", "/acceptance-breaks"):
        assert reader.get(f"{made.edition}{part}").json()["items"] == []
        assert reader.post(f"{made.edition}{part}", json={}).status_code == 403
    refused = reader.get(f"{made.edition}/acceptance-rates")
    assert (refused.status_code, refused.json()["title"]) == (409, "No acceptance rates")
    told = asked(made, made.divided, "/scenario-paths")["accepted"]
    assert told == asked(made, made.divided, "/acceptance-rates")["scenarios"] != []
    assert asked(made, made.plain, "/scenario-paths")["accepted"] == []
