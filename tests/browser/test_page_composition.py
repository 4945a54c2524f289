"""The nationalities of a scenario and the files of a forecast, as a reader of the forecast page meets them."""

import re

import pytest

from tests.browser.conftest import Opener
from tests.browser.fake_service import YEARS, FakeService, path_rows

pytestmark = pytest.mark.browser


def persons(text: str) -> int:
    return int(re.sub(r"\(.*\)|\D", "", text))


def expected(scenario: str, year: int, citizen: str | None = None) -> int:
    return sum(
        row["value"]
        for row in path_rows()
        if row["scenario"] == scenario
        and row["month"].startswith(str(year))
        and citizen in (None, row["citizen"])
    )


def test_nationalities_stand_by_size_with_the_rest_and_the_total_last(open_page: Opener) -> None:
    page = open_page().ready().page
    rows = page.locator("#composition tbody tr")
    rows.first.wait_for()
    heads = rows.locator("th").all_inner_texts()
    assert heads == ["Syrië", "Turkije", "Overige nationaliteiten", "Totaal"]
    for row, citizen in enumerate(("SY", "TR", "OTHER", None)):
        cells = rows.nth(row).locator("td").all_inner_texts()
        assert [persons(cell) for cell in cells] == [expected("medio", year, citizen) for year in YEARS]


def test_another_scenario_is_shown_on_choice_in_either_language(open_page: Opener) -> None:
    visit = open_page().ready()
    page = visit.page
    page.select_option("#composition-choice", "minimum")
    total = page.locator("#composition tbody tr").last.locator("td").last
    assert persons(total.inner_text()) == expected("minimum", YEARS[-1])
    page.get_by_role("button", name="English").click()
    page.locator("#composition caption", has_text="Persons per year by nationality").wait_for()
    assert page.locator("#composition-choice").input_value() == "minimum"
    assert page.locator("#composition th", has_text="Syria").count() == 1
    assert visit.complaints == []


def test_a_forecast_without_paths_loses_the_section_and_not_the_page(
    open_page: Opener, fake: FakeService
) -> None:
    fake.paths = False
    page = open_page().ready().page
    assert page.locator("#composition-section").is_hidden()
    assert page.locator("#scenario-table tbody tr").count() == len(YEARS)


@pytest.mark.parametrize(
    ("name", "ending"),
    [("Excel", r"\.xlsx"), ("CSV", r"\.csv"), ("Hubverse", r"-hubverse\.csv"), ("NetCDF", r"\.nc")],
)
def test_a_forecast_is_taken_away_as_a_file(open_page: Opener, name: str, ending: str) -> None:
    page = open_page().ready().page
    with page.expect_download() as download:
        page.get_by_role("button", name=name, exact=True).click()
    assert re.fullmatch(rf"instroom-2024-06-30-fc-1{ending}", download.value.suggested_filename)
    assert (
        download.value.path().read_text(encoding="utf-8")
        == f"made up, as {name.lower() if name != 'Excel' else 'xlsx'}"
    )
