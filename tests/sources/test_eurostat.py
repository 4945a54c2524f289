"""Fetching from Eurostat: good answers become deliveries, bad ones are retried within bounds or explained."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pandas as pd
import pytest

from service.sources.delivery import parse_delivery_csv
from service.sources.eurostat import EurostatRequest, fetch, read_tsv
from service.sources.eurostat_http import EurostatClient, EurostatError, Patience, retry_after, whole
from service.sources.row_checks import DELIVERY_COLUMNS
from tests.sources.cubes import BULK, asylum_cube
from tests.sources.eurostat_server import Answer, Seen, serving

NOW = datetime(2024, 6, 20, 9, 0, tzinfo=UTC)
QUICK = Patience(attempts=3, first_wait=0.01, longest_wait=0.05, timeout=2.0)
MONTHS = ("2024-01", "2024-02", "2024-03")
CUBE = asylum_cube(
    {("TOTAL", "NL"): (3200, None, 2900), ("TOTAL", "DE"): (20000, 19000, None)}, MONTHS, {0: "p"}
)
REQUEST = EurostatRequest("first_applications", ("NL", "DE"), "2024-01")
JSON = {"Content-Type": "application/json"}


def scripted(answers: Sequence[Answer]) -> Callable[[Seen, int], Answer]:
    """Answer n of the list to request n, the last one ever after."""
    return lambda _seen, place: answers[min(place, len(answers) - 1)]


def good(body: bytes = CUBE, **headers: str) -> Answer:
    return Answer(body=body, headers=JSON | headers)


def test_a_good_answer_becomes_a_delivery(tmp_path: Path) -> None:
    with (
        serving(scripted([good()])) as server,
        EurostatClient(server.url, tmp_path / "c.db", QUICK) as client,
    ):
        delivery = fetch(REQUEST, client, NOW)
    frame = delivery.frame
    assert tuple(frame.columns) == DELIVERY_COLUMNS
    assert set(frame["source"]) == {"eurostat"}
    values = frame.set_index(["geo", "period"])["value"]
    assert values["NL", "2024-01"] == 3200
    assert pd.isna(values["NL", "2024-02"])  # a hole is a figure withdrawn, not one that never was
    assert frame.loc[0, "flag"] == "p"
    assert set(frame["known_at"]) == {pd.Timestamp(NOW)}
    assert delivery.warnings == ()
    asked = server.seen[0]
    assert asked.path == "/statistics/1.0/data/migr_asyappctzm"
    assert asked.values("geo") == ["NL", "DE"]
    assert asked.values("applicant") == ["FRST"]
    assert asked.values("sinceTimePeriod") == ["2024-01"]
    assert asked.values("untilTimePeriod") == ["2024-06"]


def test_decisions_are_asked_by_quarter(tmp_path: Path) -> None:
    with serving(scripted([good()])) as server, EurostatClient(server.url, None, QUICK) as client:
        fetch(EurostatRequest("decisions_positive", ("NL", "DE"), "2023-05"), client, NOW)
    asked = server.seen[0]
    assert asked.path.endswith("/migr_asydcfstq")
    assert asked.values("decision") == ["TOTAL_POS"]
    assert asked.values("sinceTimePeriod") == ["2023-Q2"]


YEARS = asylum_cube(
    {
        ("TOTAL", "NL"): (47991, 49891, 31715), ("SY", "NL"): (12690, 13520, 1200), ("UNK", "NL"): (5, None, 0),
        ("EU27_2020", "NL"): (0, 5, 0), ("XK", "NL"): (None, None, None),
    },
    ("2022", "2023", "2024"), {4: "b"}, "A",
)  # fmt: skip
BY_YEAR = EurostatRequest("first_applications", ("NL",), "2022-03", citizen=(), yearly=True)


def test_finished_years_by_nationality_become_rows_that_a_delivery_may_hold(tmp_path: Path) -> None:
    with serving(scripted([good(YEARS)])) as server, EurostatClient(server.url, None, QUICK) as client:
        delivery = fetch(BY_YEAR, client, NOW)
        dated = fetch(replace(BY_YEAR, publication_lag_days=90), client, NOW).frame
    asked = server.seen[0]
    assert asked.path.endswith("/migr_asyappctza")
    assert [asked.values(name) for name in ("freq", "applicant", "citizen", "geo")] == [
        ["A"],
        ["FRST"],
        [],
        ["NL"],
    ]
    assert [asked.values(f"{end}TimePeriod") for end in ("since", "until")] == [["2022"], ["2024"]]
    frame = delivery.frame
    # 2024 is not over; a total is the sum of months; a sum of countries is no nationality; Kosovo has no figure.
    assert frame[["citizen", "period", "flag"]].to_numpy().tolist() == [
        ["SY", "2022", ""], ["SY", "2023", "b"], ["UNK", "2022", ""], ["UNK", "2023", ""],
    ]  # fmt: skip
    assert frame["value"].tolist()[:3] == [12690, 13520, 5]
    assert pd.isna(frame["value"].iloc[3])
    assert delivery.warnings == ("left out, being no single country or citizenship: EU27_2020",)
    assert dated["known_at"].dt.strftime("%Y-%m-%d").tolist() == ["2023-03-31", "2024-03-30"] * 2
    again = parse_delivery_csv(frame.to_csv(index=False).encode(), received_at=NOW)
    pd.testing.assert_frame_equal(again, frame)


def test_decisions_have_no_yearly_table_here() -> None:
    with (
        EurostatClient("http://127.0.0.1:1", None, QUICK) as client,
        pytest.raises(EurostatError, match="no yearly series 'decisions_total'"),
    ):
        fetch(replace(BY_YEAR, series="decisions_total"), client, NOW)


def test_an_unchanged_dataset_costs_a_304_and_no_body(tmp_path: Path) -> None:
    def respond(seen: Seen, place: int) -> Answer:
        if seen.headers.get("if-none-match") == '"v1"':
            return Answer(status=304, headers={"ETag": '"v1"'})
        return good(ETag='"v1"')

    with serving(respond) as server:
        with EurostatClient(server.url, tmp_path / "c.db", QUICK) as client:
            first = fetch(REQUEST, client, NOW)
        with EurostatClient(server.url, tmp_path / "c.db", QUICK) as client:  # the cache is on disk
            second = fetch(REQUEST, client, NOW)
    assert (first.unchanged, second.unchanged) == (0, 1)
    assert [("if-none-match" in seen.headers) for seen in server.seen] == [False, True]
    pd.testing.assert_frame_equal(first.frame, second.frame)


def test_a_changed_dataset_is_fetched_anew(tmp_path: Path) -> None:
    newer = asylum_cube({("TOTAL", "NL"): (3205,), ("TOTAL", "DE"): (1,)}, ("2024-01",))
    answers = scripted([good(ETag='"v1"'), good(newer, ETag='"v2"')])
    with serving(answers) as server, EurostatClient(server.url, tmp_path / "c.db", QUICK) as client:
        fetch(REQUEST, client, NOW)
        second = fetch(REQUEST, client, NOW)
    assert second.frame["value"].tolist() == [3205, 1]
    assert second.unchanged == 0


@pytest.mark.parametrize(
    "bad",
    [
        Answer(status=429, headers={"Retry-After": "0"}),
        Answer(status=503, headers={"Retry-After": "0"}),
        Answer(status=500, body=b"oops"),
        Answer(body=CUBE[:200], headers=JSON, promise=len(CUBE)),
        Answer(body=CUBE[:200], headers=JSON),
        Answer(status=413, body=b'{"error":[{"status":413,"label":"ASYNCHRONOUS_RESPONSE"}]}'),
    ],
    ids=["429", "503", "500", "cut off", "cut off with matching length", "postponed"],
)  # fmt: skip
def test_a_passing_fault_is_tried_again_and_never_cached(bad: Answer, tmp_path: Path) -> None:
    with (
        serving(scripted([bad, good(ETag='"v1"')])) as server,
        EurostatClient(server.url, tmp_path / "c.db", QUICK) as client,
    ):
        assert len(fetch(REQUEST, client, NOW).frame) == 6
    assert len(server.seen) == 2
    assert "if-none-match" not in server.seen[1].headers


def test_a_slow_answer_is_given_up_and_tried_again() -> None:
    patience = Patience(attempts=2, first_wait=0.01, longest_wait=0.05, timeout=0.2)
    answers = scripted([Answer(body=CUBE, headers=JSON, delay=0.6), good()])
    with serving(answers) as server, EurostatClient(server.url, None, patience) as client:
        assert len(fetch(REQUEST, client, NOW).frame) == 6


def test_retry_after_is_obeyed() -> None:
    patience = Patience(attempts=2, first_wait=0.0, longest_wait=5.0)
    answers = scripted([Answer(status=429, headers={"Retry-After": "1"}), good()])
    with serving(answers) as server, EurostatClient(server.url, None, patience) as client:
        start = time.perf_counter()
        fetch(REQUEST, client, NOW)
        assert time.perf_counter() - start >= 1.0


@pytest.mark.parametrize(
    ("answer", "requests", "sentence"),
    [
        (Answer(status=500), 3, "no answer in 3 attempts: status 500"),
        (Answer(body=CUBE[:99], headers=JSON), 3, "no answer in 3 attempts: the transfer broke off"),
        (Answer(status=429, headers={"Retry-After": "3600"}), 1, "asks to wait 3600 s"),
        (
            Answer(status=404, body=b'{"error":[{"status":404,"label":"ERR_NOT_FOUND_4"}]}'),
            1,
            "ERR_NOT_FOUND_4",
        ),
        (
            Answer(status=400, body=b'{"error":[{"status":400,"label":"DIMENSION_NOT_FOUND"}]}'),
            1,
            "DIMENSION",
        ),
        (Answer(status=403, body=b"<html>"), 1, "status 403"),
        (good(b'{"class": "collection", "version": "2.0"}'), 1, "not a JSON-stat dataset"),
    ],
)
def test_a_lasting_fault_ends_in_a_sentence(answer: Answer, requests: int, sentence: str) -> None:
    with (
        serving(scripted([answer])) as server,
        EurostatClient(server.url, None, QUICK) as client,
        pytest.raises(EurostatError, match=sentence),
    ):
        fetch(REQUEST, client, NOW)
    assert len(server.seen) == requests


def test_nobody_at_home_is_a_sentence_too() -> None:
    with serving(scripted([good()])) as server:
        url = server.url
    with EurostatClient(url, None, QUICK) as client, pytest.raises(EurostatError, match="no answer"):
        fetch(REQUEST, client, NOW)


TOO_BIG = b'{"error":[{"status":413,"id":413,"label":"EXTRACTION_TOO_BIG: estimated 10305182 rows"}]}'


def small_only(limit: int) -> Callable[[Seen, int], Answer]:
    """Serves countries x months up to `limit`, says 413 beyond, with figures that tell cell from cell."""

    def respond(seen: Seen, place: int) -> Answer:
        first, last = (pd.Period(seen.values(f"{end}TimePeriod")[0], "M") for end in ("since", "until"))
        months = [str(month) for month in pd.period_range(first, last, freq="M")]
        geos = seen.values("geo")
        if len(geos) * len(months) > limit:
            return Answer(status=413, body=TOO_BIG, headers=JSON)
        figure = {geo: [100 * ord(geo[0]) + int(month[5:]) for month in months] for geo in geos}
        return good(asylum_cube({("TOTAL", geo): figure[geo] for geo in geos}, months))

    return respond


@pytest.mark.parametrize("limit", [1, 2, 5, 12, 100])
def test_what_is_too_big_is_split_and_put_together_whole(limit: int) -> None:
    request = EurostatRequest("first_applications", ("AT", "BE", "CZ"), "2024-01")
    with serving(small_only(limit)) as server, EurostatClient(server.url, None, QUICK) as client:
        delivery = fetch(request, client, NOW)
    frame = delivery.frame
    assert len(frame) == 18
    assert not frame.duplicated(["geo", "period"]).any()
    expected = [
        100 * ord(geo[0]) + int(period[5:]) for geo, period in zip(frame["geo"], frame["period"], strict=True)
    ]
    assert frame["value"].tolist() == expected
    assert delivery.requests == len(server.seen)


def test_the_genuine_413_is_understood(real: Callable[[str], Path]) -> None:
    body = real("raw_samples/jsonstat_error_413_extraction_too_big.json").read_bytes()
    request = EurostatRequest("first_applications", ("NL",), "2024-06")
    answers = scripted([Answer(status=413, body=body, headers=JSON)])
    with (
        serving(answers) as server,
        EurostatClient(server.url, None, QUICK) as client,
        pytest.raises(EurostatError, match=r"one country and month .* estimated 10305182 rows"),
    ):
        fetch(request, client, NOW)


def test_genuine_bytes_survive_the_way_through_cache_and_server(
    real: Callable[[str], Path], tmp_path: Path
) -> None:
    for name in ("jsonstat_une_rt_m_last3.json", "jsonstat_sts_inpr_m_confidential.json"):
        body = real(f"raw_samples/{name}").read_bytes()
        with (
            serving(scripted([good(body, ETag='"g"')])) as server,
            EurostatClient(server.url, tmp_path / name, QUICK) as client,
        ):
            assert client.get("x", []).body == body


def test_an_unknown_code_is_a_warning() -> None:
    request = EurostatRequest("first_applications", ("NL", "DE", "XX"), "2024-01", citizen=("TOTAL", "QQ"))
    with serving(scripted([good()])) as server, EurostatClient(server.url, None, QUICK) as client:
        delivery = fetch(request, client, NOW)
    assert len(delivery.frame) == 6
    assert "geo XX" in delivery.warnings[0]
    assert "citizen QQ" in delivery.warnings[1]


def test_nothing_but_unknown_codes_gives_an_empty_delivery() -> None:
    empty = json.loads(CUBE)
    empty["dimension"]["geo"]["category"]["index"] = {}
    empty["size"][6] = 0
    empty["value"], empty["status"] = {}, {}
    with (
        serving(scripted([good(json.dumps(empty).encode())])) as server,
        EurostatClient(server.url, None, QUICK) as client,
    ):
        delivery = fetch(EurostatRequest("first_applications", ("XX",), "2024-01"), client, NOW)
    assert len(delivery.frame) == 0
    assert tuple(delivery.frame.columns) == DELIVERY_COLUMNS
    assert delivery.warnings


def test_aggregates_are_left_out_and_said() -> None:
    cube = asylum_cube(
        {("TOTAL", "EU27_2020"): (9,), ("EXT_EU27_2020", "NL"): (8,), ("NA", "NL"): (7,)}, MONTHS[:1]
    )
    request = EurostatRequest("first_applications", (), "2024-01", citizen=())
    with serving(scripted([good(cube)])) as server, EurostatClient(server.url, None, QUICK) as client:
        delivery = fetch(request, client, NOW)
    assert delivery.frame[["geo", "citizen", "value"]].to_numpy().tolist() == [["NL", "NA", 7]]
    assert "EU27_2020" in delivery.warnings[0]
    assert "EXT_EU27_2020" in delivery.warnings[0]


def test_values_that_are_no_counts_are_refused() -> None:
    cube = asylum_cube({("TOTAL", "NL"): (4.5,)}, MONTHS[:1])
    with (
        serving(scripted([good(cube)])) as server,
        EurostatClient(server.url, None, QUICK) as client,
        pytest.raises(EurostatError, match="no counts"),
    ):
        fetch(EurostatRequest("first_applications", ("NL",), "2024-01"), client, NOW)


def test_a_publication_lag_reconstructs_and_says_so() -> None:
    request = EurostatRequest("first_applications", ("NL", "DE"), "2024-01", publication_lag_days=60)
    with serving(scripted([good()])) as server, EurostatClient(server.url, None, QUICK) as client:
        delivery = fetch(request, client, datetime(2024, 5, 2, 8, 0, tzinfo=UTC))
    by_period = delivery.frame.drop_duplicates("period").set_index("period")["known_at"]
    assert by_period["2024-01"] == pd.Timestamp("2024-03-31", tz="UTC")  # 31 January + 60 days
    assert by_period["2024-02"] == pd.Timestamp("2024-04-29", tz="UTC")
    assert by_period["2024-03"] == pd.Timestamp("2024-05-02T08:00", tz="UTC")  # in hand before its lag passed
    assert any("reconstructed" in note and "60 days" in note for note in delivery.notes)


@pytest.mark.parametrize(
    "request_",
    [
        EurostatRequest("family_arrivals", ("NL",), "2024-01"),
        EurostatRequest("first_applications", ("NL",), "2024"),
        EurostatRequest("first_applications", ("NL",), "2024-13"),
    ],
)
def test_what_cannot_be_asked_is_not_sent(request_: EurostatRequest) -> None:
    with (
        serving(scripted([good()])) as server,
        EurostatClient(server.url, None, QUICK) as client,
        pytest.raises(EurostatError),
    ):
        fetch(request_, client, NOW)
    assert server.seen == []


def test_a_bulk_file_gives_the_same_delivery_as_the_interface() -> None:
    delivery = read_tsv(BULK, EurostatRequest("first_applications", ("NL", "FR"), "2024-02"), NOW)
    assert delivery.frame[["geo", "period", "flag"]].to_numpy().tolist() == [
        ["NL", "2024-02", "p"], ["NL", "2024-03", ""],
    ]  # fmt: skip
    assert delivery.frame["value"].tolist() == [123, pd.NA]
    assert "FR" in delivery.warnings[0]
    with pytest.raises(EurostatError, match="cut off"):
        read_tsv(BULK[:-12], REQUEST, NOW)


def test_older_period_codes_are_understood() -> None:
    cube = asylum_cube({("TOTAL", "NL"): (1, 2, 3)}, ("2015M12", "2024Q1", "2024-Q2"))
    with serving(scripted([good(cube)])) as server, EurostatClient(server.url, None, QUICK) as client:
        frame = fetch(EurostatRequest("first_applications", ("NL",), "2015-12"), client, NOW).frame
    assert frame["period"].tolist() == ["2015-12", "2024-Q1", "2024-Q2"]


def test_retry_after_reads_seconds_and_dates() -> None:
    assert retry_after("7", NOW) == 7.0
    assert retry_after(format_datetime(NOW + timedelta(seconds=90), usegmt=True), NOW) == 90.0
    assert retry_after(format_datetime(NOW - timedelta(seconds=90), usegmt=True), NOW) == 0.0
    assert retry_after("soon", NOW) is None
    assert retry_after(None, NOW) is None


@pytest.mark.parametrize(
    ("body", "kind", "expected"),
    [
        (b"{}", "application/json", True),
        (b"{", "application/json", False),
        (b"", "application/json", False),
        (BULK, "text/tab-separated-values", True),
        (BULK[:-1], "text/tab-separated-values", False),
        (BULK[:-14] + b"\n", "text/tab-separated-values", False),
    ],
)
def test_whole_bodies(body: bytes, kind: str, expected: bool) -> None:
    assert whole(body, kind) is expected
