"""Personal data is refused by column and by value, and repeated nowhere: not in the message, not in a log."""

import io
import logging

import pandas as pd
import pytest
import structlog

from service.sources.delivery import DeliveryRefused, parse_delivery_csv, parse_delivery_json
from service.sources.personal_data import (
    free_text_column,
    passes_eleven_test,
    personal_column,
    personal_values,
)
from tests.clock import least_cost

# Passes the eleven test (shown below by hand); made of counting digits.
TEST_BSN = "123456782"


@pytest.mark.parametrize(
    "name",
    [
        "v_nummer", "V-Nummer", "VNR", "v nr", "vreemdelingenNummer", "BSN", "bsn_aanvrager", "aanvragerBSN",
        "Geboortedatum", "geboorte-datum", "GEBOORTEDATUM_KIND", "date of birth", "dateOfBirth", "birth_date",
        "naam", "Voornaam", "achter naam", "last-name", "e-mail", "DOB", "paspoortNummer", "Éurodac",
    ],
)  # fmt: skip
def test_identifying_columns_are_recognised(name: str) -> None:
    assert personal_column(name)


@pytest.mark.parametrize(
    "name",
    ["series", "source", "geo", "citizen", "track", "period", "value", "flag", "known_at", "applicants",
     "persons", "maand", "aantal", "land", "month", "definition", "precision", "published", "nationaliteit"],
)  # fmt: skip
def test_columns_of_counts_are_not(name: str) -> None:
    assert personal_column(name) is None


def test_nationality_as_text_is_for_a_mapping_file_to_declare() -> None:
    assert free_text_column("Nationaliteit")
    assert free_text_column("citizen") is None


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (TEST_BSN, "BSN"),
        ("1234.56.782", "BSN"),
        ("zie 123456782", "BSN"),
        ("2812345678", "alien number"),
        ("281.234.5678", "alien number"),
        ("V2812345678", "alien number"),
        ("1987-06-05", "birth date"),
        ("5-6-1987", "birth date"),
        ("05/06/87", "birth date"),
        ("19870605", "birth date"),
        ("5 juni 1987", "birth date"),
        ("a.jansen@example.nl", "e-mail"),
    ],
)
def test_values_shaped_like_a_persons_are_found(value: str, kind: str) -> None:
    found = personal_values(pd.Series(["NL", value, "SY"]))
    assert [mask.tolist() for mask, _ in found] == [[False, True, False]]
    english, dutch = found[0][1]
    assert kind in english
    assert value not in english and value not in dutch and dutch not in ("", english)


@pytest.mark.parametrize(
    "value",
    [
        "123456789",
        "1234567",
        "2024-06",
        "2024-Q2",
        "12345678901",
        "EU27_2020",
        "bd",
        "",
        "https://example.nl/artikel/123456782",
    ],
)
def test_other_values_pass(value: str) -> None:
    assert personal_values(pd.Series([value])) == []


def test_eleven_test_by_hand() -> None:
    # 9*1+8*2+7*3+6*4+5*5+4*6+3*7+2*8-2 = 154 = 14 * 11
    assert passes_eleven_test("123456782")
    assert not passes_eleven_test("123456783")
    assert not passes_eleven_test("000000000")


def test_every_single_digit_error_in_a_bsn_is_caught() -> None:
    for place in range(9):
        for digit in "0123456789":
            changed = TEST_BSN[:place] + digit + TEST_BSN[place + 1 :]
            assert passes_eleven_test(changed) == (changed == TEST_BSN)


PERSONAL = [TEST_BSN, "2812345678", "1987-06-05", "a.jansen@example.nl"]


@pytest.mark.parametrize("value", PERSONAL)
@pytest.mark.parametrize("field", ["series", "source", "geo", "citizen", "track", "period", "value", "flag"])
def test_a_refusal_repeats_the_value_nowhere(
    value: str, field: str, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    row = {"series": "first_applications", "source": "kmi", "geo": "NL", "citizen": "SY", "track": "",
           "period": "2024-01", "value": "5", "flag": "", "known_at": "2024-03-01"}  # fmt: skip
    row[field] = value
    data = (",".join(row) + "\n" + ",".join(row.values()) + "\n").encode()
    written = io.StringIO()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(written))
    try:
        with caplog.at_level(logging.DEBUG), pytest.raises(DeliveryRefused) as refused:
            parse_delivery_csv(data)
    finally:
        structlog.reset_defaults()
    row["knownAt"] = row.pop("known_at")
    with pytest.raises(DeliveryRefused) as refused_json:
        parse_delivery_json([row])
    shown = capsys.readouterr()
    said = [repr(refused.value.errors), str(refused.value), repr(refused_json.value.errors), caplog.text]
    said += [shown.out, shown.err, written.getvalue()]
    assert not any(value in text for text in said)
    assert {error.field for error in refused.value.errors} == {field}
    assert refused.value.__context__ is None


def test_a_name_in_a_wrong_column_is_not_repeated_either() -> None:
    data = b"series,source,geo,citizen,period,value\nfirst_applications,kmi,Jansen,Pieter,Aisha M,Omar\n"
    with pytest.raises(DeliveryRefused) as refused:
        parse_delivery_csv(data)
    said = repr(refused.value.errors)
    assert not any(name in said for name in ("Jansen", "Pieter", "Aisha"))
    assert {error.field for error in refused.value.errors} == {"geo", "citizen", "period", "value"}


def test_a_file_without_header_does_not_show_its_first_row() -> None:
    with pytest.raises(DeliveryRefused) as refused:
        parse_delivery_csv(b"Jansen,123456782,1987-06-05\n")
    assert "Jansen" not in repr(refused.value.errors)
    assert refused.value.errors[0].row == 1


@pytest.mark.parametrize("part", ["a", "1", "a@", "1-", "b.", "@a."])
def test_a_very_long_cell_takes_no_longer_than_its_length(part: str) -> None:
    short, long = (pd.Series([part * times]) for times in (50_000, 400_000))
    # In proportion it is eight times; a pattern that starts again at every letter makes it sixty-four.
    assert least_cost(lambda: personal_values(long)) < 24 * least_cost(lambda: personal_values(short))
