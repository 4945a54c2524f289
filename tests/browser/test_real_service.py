"""The page on the real service: `instroom serve` with an empty folder, its sample and its first forecast.

Everything runs as a user runs it: web process, worker, database. What the page shows is compared with what the
HTTP interface says, so that neither the stand-in of the other tests nor this test can drift from it unseen.
"""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.browser.conftest import CHROMIUM, NARROW, WIDE, Opener
from tests.browser.live import LONGEST_FORECAST, live_service
from tests.browser.test_accessibility import violations
from tests.browser.test_page import number

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if not CHROMIUM.is_file():
        pytest.skip(f"no Chromium at {CHROMIUM}; set INSTROOM_CHROMIUM to its path")
    with live_service(tmp_path_factory.mktemp("service")) as address:
        yield address


def read(live: str, path: str, **query: Any) -> Any:
    answer = httpx.get(f"{live}/v1{path}", params=query, timeout=30)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_first_forecast_is_followed_and_then_shown_as_the_interface_tells_it(
    live: str, open_page: Opener
) -> None:
    visit = open_page(at=live)
    page = visit.page
    page.locator("#progress:visible, #exceedance-result strong").first.wait_for()
    page.locator("#exceedance-result strong").wait_for(timeout=LONGEST_FORECAST)
    visit.ready()
    said = read(live, "/forecasts")["items"][0]
    path = f"/forecasts/{said['id']}"

    rows = page.locator("#scenario-table tbody tr")
    years = read(live, f"{path}/interval-scenarios", rounding=100)["years"]
    assert rows.count() == len(years) == 5
    for row, year in zip(rows.all(), years, strict=True):
        shown = [number(cell) for cell in row.locator("td").all_inner_texts()[:4]]
        assert shown == [year[name] for name in ("minimum", "median", "medio", "maximum")]
        assert row.locator("th").inner_text() == str(year["year"])

    months = read(live, f"{path}/monthly")["rows"]
    last = [row for row in months if row["observed"] is not None][-1]
    read_out = visit.text(".reader__text")
    assert number(read_out.split(":")[1]) == last["observed"]
    assert last["month"][:4] in read_out

    assert page.locator("#labels li").all_inner_texts() == ["SYNTHETISCH", "Concept"]
    assert page.locator("#development-mode").is_visible()
    facts = visit.text("#provenance")
    for fact in (said["provenance"]["dataVintage"], said["provenance"]["modelVersion"], said["id"]):
        assert fact in facts
    assert visit.foreign_requests() == []
    assert visit.complaints == []


def test_the_chance_of_more_than_is_the_one_of_the_interface(live: str, open_page: Opener) -> None:
    visit = open_page(at=live)
    page = visit.page
    page.locator("#exceedance-result strong").wait_for(timeout=LONGEST_FORECAST)
    visit.ready()
    identifier = read(live, "/forecasts", status="succeeded")["items"][0]["id"]
    page.select_option("#year-choice", "2026")
    page.fill("#exceedance-above", "33.000")
    page.press("#exceedance-above", "Enter")
    page.locator("#exceedance-result", has_text="33.000 personen in 2026").wait_for()
    told = read(live, f"/forecasts/{identifier}/exceedance", year=2026, above=33_000)
    assert number(visit.text("#exceedance-result strong")) == pytest.approx(
        100 * told["probability"], abs=0.05
    )
    assert 0 < told["monteCarloError"] < 0.02


@pytest.mark.parametrize("width", [NARROW, WIDE])
def test_the_real_page_fits_and_is_accessible(live: str, open_page: Opener, width: int) -> None:
    visit = open_page(width, "/?lang=en", at=live)
    visit.page.locator("#exceedance-result strong").wait_for(timeout=LONGEST_FORECAST)
    visit.ready().page.check("#layer-model")
    visit.page.locator("#density .line-model").first.wait_for(state="attached")
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
    assert violations(visit) == []
    assert visit.complaints == []
