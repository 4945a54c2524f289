"""A delivery is read whole or refused whole, with every fault at its row."""

from datetime import UTC, datetime

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.sources.delivery import (
    DELIVERY_COLUMNS,
    DeliveryRefused,
    parse_delivery_csv,
    parse_delivery_json,
)
from tests.clock import least_cost

HEADER = ",".join(DELIVERY_COLUMNS)
GOOD = "first_applications,kmi,NL,SY,,2024-01,120,p,2024-02-15"
RECEIVED = datetime(2024, 7, 10, 12, 30, tzinfo=UTC)


def refused(data: bytes) -> list[tuple[int | None, str]]:
    with pytest.raises(DeliveryRefused) as caught:
        parse_delivery_csv(data, received_at=RECEIVED)
    return [(error.row, error.field) for error in caught.value.errors]


def one(**cells: str) -> bytes:
    row = dict(zip(DELIVERY_COLUMNS, GOOD.split(","), strict=True)) | cells
    return (HEADER + "\n" + ",".join(row.values()) + "\n").encode()


def test_a_good_delivery_becomes_typed_columns() -> None:
    text = f"{HEADER}\n{GOOD}\nall_applications,eurostat,EL,NA,general,2024-Q1,,c|C,\n"
    frame = parse_delivery_csv(text.encode(), received_at=RECEIVED)
    assert tuple(frame.columns) == DELIVERY_COLUMNS
    assert frame["value"].dtype == "Int64"
    assert frame["value"].tolist() == [120, pd.NA]
    assert frame["citizen"].tolist() == ["SY", "NA"]
    assert frame["track"].tolist() == ["", "general"]
    assert frame["known_at"].tolist() == [pd.Timestamp("2024-02-15", tz="UTC"), pd.Timestamp(RECEIVED)]


@pytest.mark.parametrize("separator", [",", ";"])
@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_separators_marks_and_line_ends(separator: str, start: bytes, end: str) -> None:
    text = f"{HEADER}{end}{GOOD}{end}".replace(",", separator)
    frame = parse_delivery_csv(start + text.encode())
    assert frame["value"].tolist() == [120]


def test_optional_columns_may_be_absent_and_order_is_free() -> None:
    data = b"value,period,citizen,geo,source,series\n7,2024-06,TOTAL,NL,kmi,family_arrivals\n"
    frame = parse_delivery_csv(data, received_at=RECEIVED)
    assert frame.loc[0, "series"] == "family_arrivals"
    assert frame.loc[0, "known_at"] == pd.Timestamp(RECEIVED)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("series", "first"), ("series", ""), ("source", "KMI+"), ("geo", "nl"), ("geo", "NLD"), ("geo", "GR"),
        ("geo", "GB"), ("geo", ""), ("citizen", "SYR"), ("citizen", "total"), ("citizen", ""),
        ("track", "a track with blanks"), ("period", "2024-13"), ("period", "2024-00"), ("period", "2024"),
        ("period", "2024-Q5"), ("period", "01-2024"), ("period", "2024-1"), ("period", "2024-01-15"),
        ("period", "2024-08"), ("period", "2024-Q3 "), ("value", "-5"), ("value", "5.5"), ("value", "1.234"),
        ("value", "1e3"), ("value", ":"), ("value", "NaN"), ("value", "inf"), ("value", "99999999"),
        ("value", "9" * 400), ("flag", "?"), ("known_at", "2023-12-31"), ("known_at", "2024-02-30"),
        ("known_at", "15-02-2024"), ("known_at", "2024-07-11"), ("known_at", "yesterday"),
    ],
)  # fmt: skip
def test_a_bad_cell_is_named(field: str, value: str) -> None:
    faults = refused(one(**{field: value}))
    if value == "2024-Q3 ":  # begun on 1 July, but its known_at lies before that
        field = "known_at"
    assert faults[0] == (2, field) or (2, field) in faults
    assert all(row == 2 for row, _ in faults)


def test_messages_name_the_remedy() -> None:
    with pytest.raises(DeliveryRefused, match=r"row 2, period: '2024-13' .*YYYY-MM with month 01 to 12"):
        parse_delivery_csv(one(period="2024-13"))
    with pytest.raises(DeliveryRefused, match="EL"):
        parse_delivery_csv(one(geo="GR"))


def test_a_year_is_taken_of_applications_by_nationality_once_it_is_over() -> None:
    year = one(period="2023", known_at="2024-01-01")
    assert parse_delivery_csv(year, received_at=RECEIVED)["period"].tolist() == ["2023"]
    for changed in ({"citizen": "TOTAL"}, {"series": "decisions_total"}, {"known_at": "2023-12-31"}):
        faults = refused(one(**{"period": "2023", "known_at": "2024-01-01", **changed}))
        assert faults == [(2, "period")]


def test_a_figure_known_on_the_first_day_of_its_period_is_accepted() -> None:
    assert len(parse_delivery_csv(one(known_at="2024-01-01"), received_at=RECEIVED)) == 1


def test_a_moment_with_a_zone_is_turned_into_utc() -> None:
    frame = parse_delivery_csv(one(known_at="2024-02-15T00:30:00+02:00"), received_at=RECEIVED)
    assert frame.loc[0, "known_at"] == pd.Timestamp("2024-02-14T22:30", tz="UTC")


def test_all_faults_of_all_rows_are_reported_at_their_line() -> None:
    lines = [HEADER, GOOD, "", "x,kmi,nl,SY,,2024-13,-1,,", GOOD.replace("SY", "AF"), GOOD + ",extra"]
    assert refused("\n".join(lines).encode()) == [
        (4, "geo"), (4, "period"), (4, "series"), (4, "value"), (6, "row"),
    ]  # fmt: skip


def test_duplicates_name_the_first_row_but_a_later_release_is_none() -> None:
    with pytest.raises(DeliveryRefused, match="as row 2") as caught:
        parse_delivery_csv(f"{HEADER}\n{GOOD}\n{GOOD}\n{GOOD}\n".encode())
    assert [error.row for error in caught.value.errors] == [3, 4]
    later = GOOD.replace("2024-02-15", "2024-03-15")
    assert len(parse_delivery_csv(f"{HEADER}\n{GOOD}\n{later}\n".encode())) == 2


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"", (None, "file")),
        (b"\xff\xfes\x00e\x00", (None, "file")),
        (HEADER.encode() + b"\nfirst_applications,k\xe9,NL,SY,,2024-01,1,,\n", (2, "encoding")),
        (HEADER.encode(), (None, "file")),
        (HEADER.replace(",", "\t").encode() + b"\n", (1, "header")),
        (b"{}", (1, "header")),
        (HEADER.replace("geo", "land").encode() + b"\n" + GOOD.encode(), (1, "geo")),
        ((HEADER + ",geo\n" + GOOD + ",NL").encode(), (1, "geo")),
        ((HEADER + ",v_nummer\n" + GOOD + ",1").encode(), (1, "v_nummer")),
        ((HEADER + "\n" + '"first').encode(), (2, "row")),
    ],
)
def test_files_that_are_not_a_delivery(data: bytes, fault: tuple[int | None, str]) -> None:
    assert fault in refused(data)


def many(rows: int) -> list[str]:
    codes = [a + b for a in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" for b in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"]
    return [
        f"first_applications,kmi,NL,{codes[i // 168 % 676]},t{i // 113_568},"
        f"{2010 + i // 12 % 14}-{i % 12 + 1:02d},{i % 900},,"
        for i in range(rows)
    ]


def test_one_bad_row_in_ten_thousand_refuses_all_without_a_long_search() -> None:
    lines = [HEADER, *many(10_000)]
    good = "\n".join(lines).encode()
    lines[7_345] = lines[7_345].replace("NL", "nl")
    data = "\n".join(lines).encode()
    assert refused(data) == [(7_346, "geo")]
    assert least_cost(lambda: refused(data)) < 4 * least_cost(lambda: parse_delivery_csv(good))


@pytest.mark.slow
def test_two_hundred_thousand_rows_take_as_much_longer_as_they_are_more() -> None:
    few, all_of_them = ("\n".join([HEADER, *many(rows)]).encode() for rows in (20_000, 200_000))
    assert len(parse_delivery_csv(all_of_them)) == 200_000
    assert least_cost(lambda: parse_delivery_csv(all_of_them)) < 25 * least_cost(
        lambda: parse_delivery_csv(few)
    )


def test_json_gives_the_same_table_as_csv() -> None:
    row = {"series": "first_applications", "source": "kmi", "geo": "NL", "citizen": "SY", "period": "2024-01",
           "value": 120, "flag": "p", "knownAt": "2024-02-15"}  # fmt: skip
    from_json = parse_delivery_json([row, row | {"period": "2024-02", "value": None}], received_at=RECEIVED)
    other = GOOD.replace("2024-01", "2024-02").replace("120", "")
    from_csv = parse_delivery_csv(f"{HEADER}\n{GOOD}\n{other}\n".encode(), received_at=RECEIVED)
    pd.testing.assert_frame_equal(from_json, from_csv)


@pytest.mark.parametrize(
    ("item", "fields"),
    [
        (3, {"row"}),
        ({}, {"series", "source", "geo", "citizen", "period", "value"}),
        ({"value": True}, {"value"}),
        ({"value": 1.5}, {"value"}),
        ({"value": float("nan")}, {"value"}),
        ({"geo": ["NL"]}, {"geo"}),
        ({"geo": "\ud800L"}, {"geo"}),
        ({"flag": "\x00"}, {"flag"}),
        ({"value": 10**5000}, {"value"}),
        ({"value": -(10**5000)}, {"value"}),
        ({"value": "١٢"}, {"value"}),
        ({"period": "20２4-01"}, {"period"}),
        ({"known_at": "2024-02-15"}, {"known_at"}),
        ({"bsn": 1}, {"bsn"}),
    ],
)
def test_json_faults(item: object, fields: set[str]) -> None:
    good = {"series": "first_applications", "source": "kmi", "geo": "NL", "citizen": "SY",
            "period": "2024-01", "value": 120}  # fmt: skip
    bad = good | item if isinstance(item, dict) and item else item
    with pytest.raises(DeliveryRefused) as caught:
        parse_delivery_json([good | {"citizen": "AF"}, bad])
    assert {error.field for error in caught.value.errors} == fields
    assert {error.row for error in caught.value.errors} == {2}


@settings(deadline=None)  # other work may share the processor
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        parse_delivery_csv(HEADER.encode() + b"\n" + data)
    except DeliveryRefused as refusal:
        assert refusal.errors


@settings(deadline=None)  # other work may share the processor
@given(st.lists(st.lists(st.text(max_size=12), min_size=9, max_size=9), min_size=1, max_size=5))
def test_any_cells_are_read_or_refused(rows: list[list[str]]) -> None:
    try:
        parse_delivery_json(
            [dict(zip((*DELIVERY_COLUMNS[:-1], "knownAt"), row, strict=True)) for row in rows]
        )
    except DeliveryRefused as refusal:
        assert all(error.row is None or error.row <= len(rows) for error in refusal.errors)
