"""What the page says when there is nothing to show yet, while something is computed, and when it fails."""

import re
import time
from typing import Any

import pytest
from playwright.sync_api import Route

from tests.browser.conftest import Opener
from tests.browser.fake_service import FakeService, forecast

pytestmark = pytest.mark.browser


def refusal(status: int, detail: str = "Refused for a test.") -> dict[str, Any]:
    body = f'{{"type":"about:blank","title":"Refused","status":{status},"detail":"{detail}"}}'
    return {"status": status, "content_type": "application/problem+json", "body": body}


def test_no_forecast_yet(open_page: Opener, fake: FakeService) -> None:
    fake.forecasts.clear()
    visit = open_page()
    visit.page.locator("#failure h2").wait_for()
    assert "Er is nog geen prognose" in visit.text("#failure")
    visit.page.click("[data-language=en]")
    visit.page.locator("#failure", has_text="There is no forecast yet").wait_for()
    assert not visit.page.locator("#forecast").is_visible()
    assert visit.complaints == []


def test_progress_is_followed_live_and_the_first_forecast_appears_by_itself(
    open_page: Opener, fake: FakeService
) -> None:
    first = forecast("fc-9", status="running", progress=0.25, stage="sampling")
    fake.forecasts[:] = [first]
    visit = open_page()
    page = visit.page
    page.locator("#progress-stage", has_text="Het model wordt geschat").wait_for()
    assert page.locator("#progress-bar").get_attribute("max") == "1"
    assert "25%" in visit.text("#progress-share")
    first.update(progress=0.8, stage="paths")
    page.locator("#progress-share", has_text="80%").wait_for()
    assert "maandreeksen" in visit.text("#progress-stage")
    page.click("[data-language=en]")
    page.locator("#progress-stage", has_text="Completing the monthly series").wait_for()
    first.update(status="succeeded", progress=1.0, stage="done")
    visit.ready()
    assert not page.locator("#progress").is_visible()
    assert fake.asked.count("/v1/forecasts/fc-9/events") == 1
    assert visit.complaints == []


def test_a_new_forecast_waits_beside_the_shown_one_until_asked_for(
    open_page: Opener, fake: FakeService
) -> None:
    new = forecast("fc-9", status="queued", progress=0.0, stage="queued", createdAt="2025-05-01T00:00:00Z")
    fake.forecasts.insert(0, new)
    visit = open_page().ready()
    page = visit.page
    assert page.input_value("#forecast-choice") == "fc-1"
    assert "wachtrij" in page.locator("#forecast-choice option[value=fc-9]").inner_text()
    new.update(status="succeeded", progress=1.0)
    page.locator("#progress-show").click()
    page.wait_for_url("**forecast=fc-9")
    visit.ready()
    assert "fc-9" in visit.text("#provenance")


def test_without_the_stream_the_page_asks_now_and_then(open_page: Opener, fake: FakeService) -> None:
    first = forecast("fc-9", status="running", progress=0.25, stage="sampling")
    fake.forecasts[:] = [first]
    visit = open_page(path="/?lang=en")
    page = visit.page
    page.locator("#progress-stage").wait_for()
    page.route("**/events", lambda route: route.fulfill(**refusal(503)))
    page.reload()
    page.locator("#progress-share", has_text="25%").wait_for()
    first.update(progress=0.6, stage="evidence")
    page.locator("#progress-share", has_text="60%").wait_for()
    first.update(status="succeeded", progress=1.0)
    visit.ready()


def test_a_failed_forecast_says_why(open_page: Opener, fake: FakeService) -> None:
    problem = {"title": "Refused", "status": 400, "detail": "The series has 12 months; 36 are needed."}
    fake.forecasts[:] = [forecast("fc-9", status="failed", stage="reading", error=problem)]
    visit = open_page()
    visit.page.locator("#failure h2").wait_for()
    shown = visit.text("#failure")
    assert "mislukt" in shown and "36 are needed" in shown
    assert not visit.page.locator("#forecast").is_visible()


SENTENCES = [
    (401, "niet aangemeld"),
    (403, "geen toegang"),
    (404, "bestaat niet"),
    (409, "nog niet klaar"),
    (429, "te veel vragen"),
    (500, "kon dit niet verwerken"),
    (503, "nog niet gereed"),
]


@pytest.mark.parametrize(("status", "sentence"), SENTENCES)
def test_a_refusal_becomes_one_clear_sentence(open_page: Opener, status: int, sentence: str) -> None:
    visit = open_page().ready()
    visit.page.route("**/v1/forecasts/*/interval-scenarios*", lambda route: route.fulfill(**refusal(status)))
    visit.page.reload()
    visit.page.locator("#failure h2").wait_for()
    assert sentence in visit.text("#failure")
    assert "Refused for a test." in visit.text("#failure")
    assert not visit.page.locator("#forecast").is_visible()
    # A refused request is logged by the browser itself; the page adds nothing to it.
    assert all("Failed to load resource" in said for said in visit.complaints)


def test_a_service_that_is_down(open_page: Opener) -> None:
    visit = open_page().ready()
    visit.page.route("**/v1/**", lambda route: route.abort())
    visit.page.reload()
    visit.page.locator("#failure h2").wait_for()
    assert "niet bereikbaar" in visit.text("#failure")
    assert not visit.page.locator("#forecast").is_visible()


def test_an_answer_that_is_not_json(open_page: Opener) -> None:
    visit = open_page().ready()
    page = "<h1>Bad gateway</h1>"
    visit.page.route("**/v1/**", lambda route: route.fulfill(status=502, content_type="text/html", body=page))
    visit.page.reload()
    visit.page.locator("#failure h2").wait_for()
    assert "storing" in visit.text("#failure")


def test_a_refused_exceedance_leaves_the_rest_of_the_page(open_page: Opener) -> None:
    visit = open_page().ready()
    visit.page.route("**/exceedance*", lambda route: route.fulfill(**refusal(503)))
    visit.page.fill("#exceedance-above", "30.000")
    visit.page.click("#exceedance button")
    visit.page.locator("#exceedance-result", has_text="nog niet gereed").wait_for()
    assert visit.page.locator("#density svg").first.is_visible()


def test_an_access_code_is_asked_for_and_sent_with_every_request(open_page: Opener) -> None:
    visit = open_page()
    visit.ready()
    page = visit.page
    seen: list[str | None] = []

    def guard(route: Route) -> None:
        code = route.request.headers.get("authorization")
        seen.append(code)
        if code == "Bearer secret-1":
            route.continue_()
        else:
            route.fulfill(**refusal(401))

    page.route("**/v1/**", guard)
    page.reload()
    page.locator("#token").wait_for()
    page.fill("#token", "secret-1")
    page.press("#token", "Enter")
    visit.ready()
    assert not page.locator("#token-form").is_visible()
    assert re.fullmatch(r"[^?]*", page.url), "the code must not reach the address"
    assert None in seen and seen[-1] == "Bearer secret-1"
    kept = page.evaluate("JSON.stringify(localStorage)")
    assert "secret-1" not in kept


def test_the_answer_for_a_year_left_behind_does_not_overwrite_the_chosen_one(open_page: Opener) -> None:
    visit = open_page().ready()

    def slow(route: Route) -> None:
        if "year=2027" in route.request.url:
            time.sleep(0.5)
        route.continue_()

    visit.page.route("**/density*", slow)
    visit.page.select_option("#year-choice", "2027")
    visit.page.select_option("#year-choice", "2028")
    visit.page.wait_for_timeout(1_200)
    assert "2028" in (visit.page.locator("#density svg title").text_content() or "")
