"""The expert's page: what an edit does, undo, drafts, saving with a reason, two experts on one set, files."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route

from tests.browser.conftest import Opener, Visit
from tests.browser.desk import STATED, Desk

pytestmark = pytest.mark.browser

EXPECTED = "#f-scenarios-0-years-2025-expected"
REDRAWN = "performance.getEntriesByName('instroom.redraw').length"
MARKUP = "<img src=x onerror=alert(1)>"


def opened(open_page: Opener, at_desk: Desk, **options: Any) -> Visit:
    path = options.pop("path", "/scenarios")
    return open_page(path=path, at=at_desk.address, **options).computed()


def saved_over(visit: Visit, at_desk: Desk, expected: str, reason: str, **theirs: Any) -> None:
    """An edit is saved with a reason when somebody else has just stored `theirs`: the choice per field stands open."""
    page = visit.page
    page.fill(EXPECTED, expected)
    at_desk.save_beside("de ander", **theirs)
    page.click("#save")
    page.fill("#reason", reason)
    page.click("#save-submit")
    page.locator("#merge-take").wait_for()


def density(page: Page) -> str:
    return page.locator("#year-density .line-posterior").get_attribute("d") or ""


def numbers(page: Page, year: int = 2025) -> list[int]:
    """Minimum, median, medio and maximum of a year in the table, without their changes."""
    row = page.locator("#results-table tbody tr", has=page.locator(f"th:text-is('{year}')"))
    cells = row.locator("td").all_inner_texts()
    return [int(re.sub(r"\D", "", re.split(r"\s", cell.strip())[0])) for cell in cells]


def redrawn(page: Page, before: int) -> None:
    # A function: the policy of the page forbids evaluating a bare expression again and again.
    page.wait_for_function(f"() => {REDRAWN} > {before}")


def test_the_page_opens_on_the_set_with_its_four_numbers(open_page: Opener, at_desk: Desk) -> None:
    visit = opened(open_page, at_desk)
    page = visit.page
    assert visit.text("#set-heading") == STATED["name"]
    assert page.locator("#scenario-cards .card").count() == 2
    told = at_desk.read(f"/scenario-sets/{at_desk.set_id}/density")["years"][1]["intervalScenarios"]
    assert numbers(page) == [round(told[name]) for name in ("minimum", "median", "medio", "maximum")]
    assert numbers(page) == sorted(numbers(page))
    assert "Gelijk aan de bewaarde versie" in visit.text("#draft-state")
    assert visit.own_complaints() == [] and visit.foreign_requests() == []


def test_a_slider_moves_density_numbers_and_change_and_the_time_is_measured(
    open_page: Opener, at_desk: Desk
) -> None:
    visit = opened(open_page, at_desk)
    page = visit.page
    before, curve, drawn = numbers(page), density(page), page.evaluate(REDRAWN)
    for _ in range(8):
        page.press(f"{EXPECTED}-slider", "PageUp")
    redrawn(page, drawn)
    page.locator("#results-table .moved__change--up").first.wait_for()
    page.wait_for_function(
        "(d) => document.querySelector('#year-density .line-posterior').getAttribute('d') !== d", arg=curve
    )
    assert numbers(page)[1] > before[1]
    assert page.locator("#year-density .line-saved").count() == 2
    value = int(page.input_value(EXPECTED).replace(".", ""))
    assert value > 35_000
    assert page.get_attribute(f"{EXPECTED}-slider", "aria-valuetext") == page.input_value(EXPECTED)
    durations = page.evaluate(
        "performance.getEntriesByName('instroom.redraw').map((entry) => entry.duration)"
    )
    assert all(0 < duration < 30_000 for duration in durations)


def test_edits_while_an_answer_is_on_its_way_ask_only_for_the_newest(
    open_page: Opener, at_desk: Desk
) -> None:
    visit = opened(open_page, at_desk)
    page = visit.page
    page.wait_for_timeout(500)
    asked: list[int] = []

    def count(route: Route) -> None:
        # What is as the forecast had it is not sent.
        if "scenarios" in (sent := json.loads(route.request.post_data or "")):
            asked.append(sent["scenarios"][0]["years"]["2025"]["expected"])
        route.continue_()

    page.route("**/what-ifs", count)
    page.evaluate(
        """(id) => { const slider = document.getElementById(id);
        for (let step = 1; step <= 40; step += 1) {
          slider.value = String(35000 + 100 * step);
          slider.dispatchEvent(new Event('input', {bubbles: true}));
        } }""",
        f"{EXPECTED[1:]}-slider",
    )
    page.wait_for_function(
        "() => document.querySelector('#draft-state').textContent.includes('op de dienst')"
    )
    assert asked[-1] == 39_000 and len(asked) <= 3
    page.keyboard.press("Control+z")
    assert page.input_value(EXPECTED) == "35.000", "a slider drawn along is one step"


def test_undo_and_redo_by_button_and_keyboard(open_page: Opener, at_desk: Desk) -> None:
    page = opened(open_page, at_desk).page
    assert page.locator("#undo").is_disabled()
    page.fill(EXPECTED, "41.000")
    page.click("#add-event")
    page.locator("#event-cards .card").wait_for()
    page.fill("#f-events-0-label", "Grens dicht")
    page.keyboard.press("Control+z")
    assert page.input_value("#f-events-0-label") == ""
    page.keyboard.press("Control+z")
    assert page.locator("#event-cards .card").count() == 0
    page.keyboard.press("Control+z")
    assert page.input_value(EXPECTED) == "35.000" and page.locator("#undo").is_disabled()
    page.keyboard.press("Control+y")
    page.keyboard.press("Control+Shift+z")
    page.click("#redo")
    assert page.input_value(EXPECTED) == "41.000"
    assert page.input_value("#f-events-0-label") == "Grens dicht" and page.locator("#redo").is_disabled()


def test_probabilities_move_along_or_are_mended_on_request_only(open_page: Opener, at_desk: Desk) -> None:
    visit = opened(open_page, at_desk)
    page = visit.page
    page.fill("#f-scenarios-0-probability", "70")
    assert page.input_value("#f-scenarios-1-probability") == "30"
    page.uncheck("#together")
    page.fill("#f-scenarios-0-probability", "90")
    assert page.input_value("#f-scenarios-1-probability") == "30"
    assert "120" in visit.text("#sum") and page.locator("#results.results--stale").count() == 1
    page.click("#rescale")
    assert page.input_value("#f-scenarios-0-probability") == "75"
    assert "100%" in visit.text("#sum") and not page.locator("#rescale").is_visible()


@pytest.mark.parametrize("typed", ["veel", "-5", "", "1e9"])
def test_what_is_no_number_of_persons_is_refused_at_its_field(
    open_page: Opener, at_desk: Desk, typed: str
) -> None:
    page = opened(open_page, at_desk).page
    page.fill(EXPECTED, typed)
    assert "aantal personen" in page.inner_text(f"{EXPECTED}-error")
    page.press(EXPECTED, "Tab")
    assert page.input_value(EXPECTED) == typed, "what was typed stays to be corrected"
    assert "Gelijk" in page.inner_text("#draft-state")


def test_a_draft_survives_reload_a_closed_window_and_a_lost_connection(
    open_page: Opener, at_desk: Desk
) -> None:
    visit = opened(open_page, at_desk)
    page = visit.page
    page.fill(EXPECTED, "41.000")
    page.locator("#draft-state", has_text="op de dienst").wait_for()
    other = opened(open_page, at_desk).page
    assert other.input_value(EXPECTED) == "41.000", "another browser gets it from the service"
    page.route("**/v1/**", lambda route: route.abort())
    page.fill(EXPECTED, "42.500")
    page.locator("#draft-state", has_text="Geen verbinding").wait_for()
    page.locator("#results-fault", has_text="niet bereikbaar").wait_for()
    page.wait_for_timeout(400)
    page.unroute("**/v1/**")
    page.reload()
    visit.computed()
    assert page.input_value(EXPECTED) == "42.500"
    assert "teruggehaald" in visit.text("#notices")
    page.click("#notices button >> nth=0")
    page.locator("#draft-state", has_text="Gelijk aan de bewaarde").wait_for()
    assert page.input_value(EXPECTED) == "35.000"


def test_a_lost_connection_mends_itself(open_page: Opener, at_desk: Desk) -> None:
    page = opened(open_page, at_desk).page
    page.route("**/v1/**", lambda route: route.abort())
    page.fill(EXPECTED, "42.500")
    page.locator("#draft-state", has_text="Geen verbinding").wait_for()
    page.unroute("**/v1/**")
    page.evaluate("window.dispatchEvent(new Event('online'))")
    page.locator("#draft-state", has_text="op de dienst").wait_for()
    page.locator("#results-fault p").wait_for(state="detached")
    page.locator("#results-table .moved__change--up").first.wait_for()


def test_saving_asks_why_and_refuses_what_is_no_reason(open_page: Opener, at_desk: Desk) -> None:
    visit = opened(open_page, at_desk)
    page = visit.page
    page.click("#save")
    assert "niets gewijzigd" in visit.text("#dialog")
    page.keyboard.press("Escape")
    page.fill(EXPECTED, "41.000")
    page.keyboard.press("Control+s")
    assert "35.000" in visit.text("#dialog table") and "41.000" in visit.text("#dialog table")
    page.click("#save-submit")
    assert "zonder reden" in visit.text("#reason-error")
    page.fill("#reason", "x" * 100_000)
    page.click("#save-submit")
    assert "100.000" in visit.text("#reason-error") and "niets bewaard" in visit.text("#reason-error")
    assert at_desk.stored()["version"] == 1
    page.fill("#reason", f"Meer aanvragen uit {MARKUP}")
    page.click("#save-submit")
    page.locator("#notices", has_text="Versie 2 is bewaard").wait_for()
    stored = at_desk.stored()
    assert (stored["version"], stored["scenarios"][0]["years"]["2025"]["expected"]) == (2, 41_000)
    assert "Gelijk aan de bewaarde" in visit.text("#draft-state")
    page.click("#set-ledger")
    page.locator(".entry__reason", has_text=MARKUP).wait_for()
    assert page.locator("main img").count() == 0
    assert "De keten klopt" in page.inner_text("#verification")
    with page.expect_download() as kept:
        page.click("#ledger-csv")
    assert MARKUP in Path(kept.value.path()).read_text("utf-8")
    with page.expect_download() as kept:
        page.click("#ledger-html")
    history = Path(kept.value.path()).read_text("utf-8")
    assert 'lang="nl"' in history and MARKUP not in history and html.escape(MARKUP) in history


def test_a_new_set_is_written_and_saved(open_page: Opener, at_desk: Desk) -> None:
    visit = opened(open_page, at_desk)
    page = visit.page
    page.click("#new-set")
    page.locator("#set-state", has_text="nog niet bewaard").wait_for()
    page.locator("#results-basis", has_text="Doorgerekend met de prognose").wait_for()
    page.click("#general-more summary")
    assert page.input_value("#f-cutoff") == "2024-06-30", "it joins the round of the latest forecast"
    page.fill("#f-cutoff", "2024-03-31")
    page.locator("#results-basis", has_text="nog geen prognose").wait_for()
    page.fill("#f-name", "Tweede set")
    page.click("#save")
    page.fill("#reason", "eerste gedachten")
    page.click("#save-submit")
    page.locator("#notices", has_text="Versie 1 is bewaard").wait_for()
    assert at_desk.read("/scenario-sets")["items"][0]["name"] == "Tweede set"
    assert visit.own_complaints() == []


def test_a_belief_is_found_from_chances_or_chips_shown_and_taken_over(
    open_page: Opener, at_desk: Desk
) -> None:
    visit = opened(open_page, at_desk)
    page = visit.page
    page.locator(".card__year button").first.click()
    for place, value in enumerate(("26.000", "35.000", "50.000")):
        page.fill(f"#quantile-{place}", value)
    page.click("#elicit-compute")
    page.locator("#elicit-fit li").first.wait_for()
    points = [{"level": p, "value": x} for p, x in ((0.125, 26_000), (0.5, 35_000), (0.875, 50_000))]
    asked: Any = {"kind": "quantiles", "points": points, "family": "lognormal"}
    told = at_desk.send("/elicitation-fits", asked, status=200)
    shown = visit.text("#elicit-fit")
    reached = f"{100 * told['fitted'][0]['fitted']:.1f}".replace(".", ",")
    assert f"Minder dan 26.000: u zei 12,5%, de verdeling geeft {reached}%" in shown
    assert f"{told['expected']:,.0f}".replace(",", ".") in shown
    page.fill("#quantile-2", "20.000")
    assert visit.text("#elicit-fit") == "", "a fit belongs to what was said"
    page.click("#elicit-compute")
    page.locator("#dialog-fault", has_text="hoort bij een hoger aantal").wait_for()
    page.check("#elicit-roulette")
    page.click("#bin-4-more")
    page.click("#elicit-compute")
    page.locator("#dialog-fault", has_text="Alle fiches liggen in één vak").wait_for()
    for bin_number in (3, 4, 4, 5, 6):
        page.click(f"#bin-{bin_number}-more")
    page.click("#bin-6-less")
    assert "5 van 20" in visit.text("#roulette-left")
    bins = [float(page.input_value(f"#roulette-{end}").replace(".", "")) for end in ("low", "high")]
    edges = [bins[0] + (bins[1] - bins[0]) * at / 10 for at in range(11)]
    chips = [0, 0, 0, 1, 3, 1, 0, 0, 0, 0]
    asked = {"kind": "roulette", "bins": edges, "chips": chips, "family": "lognormal"}
    told = at_desk.send("/elicitation-fits", asked, status=200)
    page.click("#elicit-take")
    page.locator("#dialog").wait_for(state="hidden")
    assert page.input_value(EXPECTED) == f"{told['expected']:,.0f}".replace(",", ".")
    assert page.input_value(EXPECTED.replace("expected", "spread")) == f"{told['spread']:,.0f}".replace(
        ",", "."
    )
    assert visit.own_complaints() == []


def test_a_forecast_of_the_saved_version_is_ordered_and_followed(open_page: Opener, at_desk: Desk) -> None:
    visit = opened(open_page, at_desk)
    page = visit.page
    page.wait_for_timeout(300)
    assert not page.locator("#order").is_visible()
    page.fill(EXPECTED, "41.000")
    page.click("#save")
    page.fill("#reason", "nieuwe cijfers")
    page.click("#save-submit")
    page.locator("#order-submit").wait_for()
    first = at_desk.fake.forecasts[0]
    request = {**first["request"], "scenarioSetVersion": 2}
    made = {
        **first,
        "id": "fc-2",
        "status": "running",
        "progress": 0.4,
        "stage": "sampling",
        "request": request,
    }

    def order(route: Route) -> None:
        if route.request.method != "POST":
            return route.fallback()
        assert json.loads(route.request.post_data or "")["scenarioSetVersion"] == 2
        at_desk.fake.forecasts.insert(0, made)
        return route.fulfill(status=202, content_type="application/json", body=json.dumps(made))

    page.route(re.compile(r"/v1/forecasts(\?|$)"), order)
    page.click("#order-submit")
    page.locator("#order", has_text="40%").wait_for()
    made.update(status="succeeded", progress=1.0, createdAt="2025-05-01T00:00:00Z")
    page.locator("#order", has_text="is klaar").wait_for()
    assert visit.own_complaints() == []


def test_markup_in_any_text_is_text(open_page: Opener, at_desk: Desk) -> None:
    visit = opened(open_page, at_desk)
    page = visit.page
    page.fill("#f-scenarios-0-label", MARKUP)
    page.click("#more-scenarios-0 summary")
    page.fill("#f-scenarios-0-narrative", MARKUP)
    page.fill("#f-scenarios-0-sources", f"{MARKUP}\nEUAA")
    page.click("#save")
    assert MARKUP in visit.text("#dialog")
    page.keyboard.press("Escape")
    page.click("[data-language=en]")
    page.locator("html[lang=en]").wait_for(state="attached")
    assert page.locator("main img, dialog img").count() == 0
    assert visit.own_complaints() == []


def test_a_summary_fits_one_sheet_without_controls(open_page: Opener, at_desk: Desk) -> None:
    visit = opened(open_page, at_desk)
    page = visit.page
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    assert STATED["name"] in visit.text("#summary") and "Voortzetting" in visit.text("#summary")
    for control in ("#save", "#set-choice", EXPECTED, "#layer-experts"):
        assert not page.locator(control).is_visible()
    assert page.locator("#year-density svg").first.is_visible()
    paper = page.pdf(format="A4")
    assert len(re.findall(rb"/Type\s*/Page\b(?!s)", paper)) == 1
