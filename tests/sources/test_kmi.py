"""Files with a layout of their own: CSV, XLSX and Parquet through a mapping, refused whole when off."""

import io
import zipfile
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from models.vintage import known_at
from service.sources.kmi import MappedDelivery, parse_kmi_delivery
from service.sources.kmi_mapping import MappingInvalid, bundled_mappings, load_mapping, parse_mapping
from service.sources.refusal import DeliveryRefused, RowError
from service.sources.row_checks import DELIVERY_COLUMNS

RECEIVED = datetime(2024, 8, 1, 10, 0, tzinfo=UTC)
EXAMPLE = load_mapping("kmi_delivery_example")
HEADER = ["Peildatum", "Maand", "Soort aanvraag", "Nationaliteit", "Spoor", "Aantal", "Status"]
ROWS: list[list[object]] = [
    ["15-07-2024", "juni 2024", "Eerste aanvraag", "Syrië", "4", "1.024", "voorlopig"],
    ["15-07-2024", "mei 2024", "nareis", "totaal", "", "-", "definitief"],
]


def as_csv(rows: list[list[object]], header: list[str] = HEADER) -> bytes:
    return "\n".join(";".join(str(cell) for cell in row) for row in [header, *rows]).encode()


def as_xlsx(rows: list[list[object]], change: Callable[[openpyxl.Workbook], object] | None = None) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Instroom"
    for row in [list[object](HEADER), *rows]:
        sheet.append(row)
    if change is not None:
        change(book)
    kept = io.BytesIO()
    book.save(kept)
    return kept.getvalue()


def as_parquet(rows: list[list[object]]) -> bytes:
    kept = io.BytesIO()
    pd.DataFrame(rows, columns=HEADER).to_parquet(kept)
    return kept.getvalue()


def refused(data: bytes) -> tuple[RowError, ...]:
    with pytest.raises(DeliveryRefused) as caught:
        parse_kmi_delivery(data, EXAMPLE, RECEIVED)
    return caught.value.errors


def assert_is_the_example(delivery: MappedDelivery) -> None:
    frame = delivery.frame
    assert tuple(frame.columns) == DELIVERY_COLUMNS
    assert frame["series"].tolist() == ["first_applications", "family_arrivals"]
    assert frame["citizen"].tolist() == ["SY", "TOTAL"]
    assert frame["period"].tolist() == ["2024-06", "2024-05"]
    assert frame["value"].tolist() == [1024, pd.NA]
    assert frame["flag"].tolist() == ["p", ""]
    assert frame["track"].tolist() == ["4", ""]
    assert set(frame["known_at"]) == {pd.Timestamp("2024-07-15", tz="UTC")}


@pytest.mark.parametrize("write", [as_csv, as_xlsx, as_parquet])
def test_the_three_kinds_of_file_say_the_same(write: Callable[[list[list[object]]], bytes]) -> None:
    assert_is_the_example(parse_kmi_delivery(write(ROWS), EXAMPLE, RECEIVED))


def test_numbers_in_a_workbook_are_numbers_whatever_the_signs_of_the_mapping() -> None:
    rows = [[*ROWS[0][:5], 1024, "voorlopig"], ROWS[1]]
    assert_is_the_example(parse_kmi_delivery(as_xlsx(rows), EXAMPLE, RECEIVED))
    rows[0][5] = 1.024  # a fraction, not one thousand and twenty-four
    assert [(error.row, error.field) for error in refused(as_xlsx(rows))] == [(2, "Aantal")]


def test_every_fault_of_every_row_is_told_in_the_words_of_the_deliverer() -> None:
    rows = [
        ["15-07-2024", "juni 2024", "eerste aanvraag", "Syrië", "4", "1.024", "voorlopig"],
        ["32-07-2024", "brumaire 2024", "tweede", "Atlantis", "4", "1.02", "?"],
        ["15-07-2024", "09-2024", "nareis", "totaal", "", "-5", "definitief"],
        ["15-07-2024", "juni 2024", "eerste aanvraag", "Syrisch", "4", "7", "voorlopig"],
    ]  # fmt: skip
    for write in (as_csv, as_xlsx):
        found = {(error.row, error.field) for error in refused(write(rows))}
        assert found == {
            (3, "Peildatum"), (3, "Maand"), (3, "Soort aanvraag"), (3, "Nationaliteit"), (3, "Aantal"),
            (3, "Status"), (4, "Maand"), (4, "Aantal"), (5, "Maand"),
        }  # fmt: skip


def test_columns_unknown_missing_and_personal() -> None:
    header = ["Peildatum", "Maand", "Soort aanvraag", "Nationaliteit", "Spoor", "Getal", "V-nummer"]
    found = {error.field: error.detail for error in refused(as_csv(ROWS, header))}
    assert set(found) == {"Aantal", "Status", "Getal", "V-nummer"}
    assert "missing" in found["Aantal"]
    assert "ignore" in found["Getal"]
    assert "personal data" in found["V-nummer"]


def test_personal_values_are_refused_even_in_a_column_left_out_and_not_repeated() -> None:
    mapping = EXAMPLE.model_copy(update={"ignore": ("Opmerking",)})
    rows = [[*ROWS[0], "zie 123456782"]]
    with pytest.raises(DeliveryRefused) as caught:
        parse_kmi_delivery(as_csv(rows, [*HEADER, "Opmerking"]), mapping, RECEIVED)
    assert [(error.row, error.field) for error in caught.value.errors] == [(2, "Opmerking")]
    assert "123456782" not in str(caught.value) + repr(caught.value.errors)


def test_a_birth_date_is_no_period() -> None:
    rows = [["15-07-2024", "05-06-1987", *ROWS[0][2:]]]
    assert "1987" not in repr(refused(as_csv(rows)))


@pytest.mark.parametrize(
    ("change", "place", "remedy"),
    [
        (lambda book: book["Instroom"].__setitem__("F2", "=500+524"), "F2", "paste it as a value"),
        (lambda book: book["Instroom"].merge_cells("D2:D3"), "D2:D3", "unmerge"),
        (lambda book: book["Instroom"].__setitem__("F2", "#N/A"), "F2", "error value"),
        (lambda book: book["Instroom"].__setitem__("F2", True), "F2", "true or false"),
        (lambda book: book["Instroom"].__setitem__("Z3", "x"), "row", "to the right"),
        (lambda book: setattr(book["Instroom"], "title", "Blad1"), "file", "no sheet 'Instroom'"),
        (lambda book: book["Instroom"].__setitem__("XFD1048576", 1), "file", "too far"),
    ],
)
def test_a_workbook_counts_only_as_the_values_it_shows(
    change: Callable[[openpyxl.Workbook], object], place: str, remedy: str
) -> None:
    found = refused(as_xlsx(ROWS, change))
    assert found[0].field == place
    assert remedy in found[0].detail


def test_macros_protection_and_damage_are_refused() -> None:
    kept = io.BytesIO(as_xlsx(ROWS))
    with zipfile.ZipFile(kept, "a") as archive:
        archive.writestr("xl/vbaProject.bin", b"code")
    assert "macros" in refused(kept.getvalue())[0].detail
    assert "password" in refused(b"\xd0\xcf\x11\xe0" + bytes(100))[0].detail
    assert "damaged" in refused(as_xlsx(ROWS)[:-200])[0].detail
    assert "Parquet" in refused(as_parquet(ROWS)[:-20])[0].detail
    empty = io.BytesIO()
    with zipfile.ZipFile(empty, "w") as archive:
        archive.writestr("a.txt", "b")
    assert "not an .xlsx" in refused(empty.getvalue())[0].detail


def test_a_second_sheet_needs_a_name_in_the_mapping() -> None:
    data = as_xlsx(ROWS, lambda book: book.create_sheet("Toelichting"))
    assert_is_the_example(parse_kmi_delivery(data, EXAMPLE, RECEIVED))
    unnamed = EXAMPLE.model_copy(update={"file": EXAMPLE.file.model_copy(update={"sheet": None})})
    with pytest.raises(DeliveryRefused, match="more than one sheet"):
        parse_kmi_delivery(data, unnamed, RECEIVED)


def test_rows_are_chosen_and_dated_by_rule() -> None:
    mapping = load_mapping("eurostat_first_time_extract")
    text = (
        "geo,month,applicants,series,source\n"
        "NL,2007-12,9,new_applications_pre2008,x\n"
        "NL,2016-01,3035,first_time_2008on,x\n"
        "EU28,2016-01,9,first_time_2008on,x\n"
        "NL,2016-02,,first_time_2008on,x\n"
    )
    delivery = parse_kmi_delivery(text.encode(), mapping, RECEIVED)
    assert delivery.skipped == 2
    assert delivery.frame["value"].tolist() == [3035, pd.NA]
    assert delivery.frame["known_at"].dt.strftime("%Y-%m-%d").tolist() == ["2016-03-31", "2016-04-29"]
    assert "reconstructed, not recorded" in delivery.notes[0]
    assert "60 days" in delivery.notes[0]


def test_a_file_the_mapping_keeps_nothing_of_is_refused() -> None:
    text = b"geo,month,applicants,series,source\nNL,2007-12,9,new_applications_pre2008,x\n"
    with pytest.raises(DeliveryRefused, match="no row that the mapping keeps"):
        parse_kmi_delivery(text, load_mapping("eurostat_first_time_extract"), RECEIVED)


MINIMAL = b"""
name = "m"
[columns]
period = "p"
value = "v"
[constants]
series = "first_applications"
source = "kmi"
geo = "NL"
citizen = "TOTAL"
"""


@pytest.mark.parametrize(
    ("layout", "written", "period"),
    [
        ("YYYYMM", "202401", "2024-01"),
        ("MM/YYYY", "1/2024", "2024-01"),
        ("YYYY-MM-DD", "2024-01-01", "2024-01"),
        ("YYYY MMMM", "2024 januari", "2024-01"),
        ("MMMM YYYY", "March 2024", "2024-03"),
        ("MMMM YYYY", "mrt. 2024", "2024-03"),
        ("YYYY-KQ", "2024-K1", "2024-Q1"),
        ("Qe kwartaal YYYY", "2e kwartaal 2023", "2023-Q2"),
    ],
)
def test_periods_in_many_hands(layout: str, written: str, period: str) -> None:
    mapping = parse_mapping(MINIMAL + f'[period]\nformat = "{layout}"\n'.encode())
    frame = parse_kmi_delivery(f"p,v\n{written},5\n".encode(), mapping, RECEIVED).frame
    assert frame["period"].tolist() == [period]


def test_text_of_windows_is_read_when_the_mapping_says_so() -> None:
    mapping = parse_mapping(MINIMAL.replace(b'"p"', b'"periode"') + b'[file]\nencoding = "cp1252"\n')
    frame = parse_kmi_delivery("periode,v\n2024-01,5\n".encode("cp1252"), mapping, RECEIVED).frame
    assert frame["value"].tolist() == [5]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (b"name = ", "not TOML"),
        (b"\xff", "not UTF-8"),
        (MINIMAL.replace(b'value = "v"', b""), "value is in neither"),
        (MINIMAL.replace(b'citizen = "TOTAL"', b'citizen = "TOTAL"\nperiod = "x"'), "period is in both"),
        (MINIMAL + b'[translate.flag]\na = "b"\n', "translate.flag"),
        (MINIMAL.replace(b'"p"', b'"bsn"'), "personal data"),
        (MINIMAL + b"[extra]\na = 1\n", "extra"),
        (MINIMAL + b'[period]\nformat = "MM"\n', "needs YYYY"),
        (MINIMAL + b'[number]\ndecimal = ","\nthousands = ","\n', "same sign"),
        (MINIMAL + b"[known_at]\nlag_days = -1\n", "lag_days"),
        (
            MINIMAL.replace(b'period = "p"', b'period = "p"\nknown_at = "k"') + b"[known_at]\nlag_days = 5\n",
            "both",
        ),
    ],
)
def test_a_mapping_is_checked_before_it_is_used(text: bytes, fault: str) -> None:
    with pytest.raises(MappingInvalid, match=fault):
        parse_mapping(text)


def test_bundled_mappings_load_by_name_and_others_by_path(tmp_path: Path) -> None:
    assert {"eurostat_first_time_extract", "nl_ind_monthly", "kmi_delivery_example"} <= set(
        bundled_mappings()
    )
    for name in bundled_mappings():
        assert load_mapping(name).name == name
    own = tmp_path / "own.toml"
    own.write_bytes(MINIMAL)
    assert load_mapping(own).name == "m"
    with pytest.raises(MappingInvalid, match="bundled are"):
        load_mapping("nonesuch")


def test_the_real_eurostat_extract_is_imported(real: Callable[[str], Path]) -> None:
    data = real("eurostat_first_time_applicants_monthly.csv").read_bytes()
    delivery = parse_kmi_delivery(data, load_mapping("eurostat_first_time_extract"))
    frame = delivery.frame
    assert frame["period"].min() == "2008-01"
    assert frame["period"].max() == "2017-02"
    assert frame["geo"].nunique() > 20
    assert "EU28" not in set(frame["geo"])
    nl = frame[frame["geo"] == "NL"].set_index("period")["value"]
    assert 42_000 < nl["2015-01":"2015-12"].sum() < 44_000  # Eurostat's year: 43,035
    late = known_at(frame[frame["geo"] == "NL"], date(2015, 6, 30))
    assert late["period"].max() == "2015-04"  # April's 60 days have passed, May's have not


def test_the_real_ind_figures_are_imported_with_their_restatements(real: Callable[[str], Path]) -> None:
    data = real("nl_monthly_first_applications_published_vintages.csv").read_bytes()
    frame = parse_kmi_delivery(data, load_mapping("nl_ind_monthly")).frame
    assert set(frame["source"]) == {"ind"}
    assert frame.duplicated(["period"]).any()  # a month and its restatement, told apart by known_at
    assert (frame["known_at"].dt.day >= 28).all()


def test_the_real_spliced_series_is_imported(real: Callable[[str], Path]) -> None:
    data = real("nl_monthly_first_applications_spliced.csv").read_bytes()
    frame = parse_kmi_delivery(data, load_mapping("nl_spliced_monthly")).frame
    assert len(frame) == 168
