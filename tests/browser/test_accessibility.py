"""Usable by keyboard and screen reader: names, order, focus, live regions, and what axe-core finds."""

from pathlib import Path
from typing import Any

import pytest

from service.web.site import PAGES
from tests.browser.conftest import NARROW, WIDE, Opener, Visit
from tests.browser.fake_service import FakeService, forecast
from tests.browser.test_static import words

pytestmark = pytest.mark.browser

AXE = Path(__file__).parent / "vendor" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]


def violations(visit: Visit) -> list[str]:
    visit.page.evaluate(AXE.read_text(encoding="utf-8"))
    found: dict[str, Any] = visit.page.evaluate("(tags) => axe.run({runOnly: tags})", RULES)
    return [f"{v['id']}: {v['nodes'][0]['html'][:120]}" for v in found["violations"]]


@pytest.mark.parametrize("width", [NARROW, WIDE])
@pytest.mark.parametrize("language", ["nl", "en"])
def test_axe_finds_nothing_on_a_forecast(open_page: Opener, width: int, language: str) -> None:
    visit = open_page(width, f"/?lang={language}").ready()
    visit.page.check("#layer-model")
    visit.page.locator("#density .line-model").first.wait_for(state="attached")
    for fold in visit.page.locator("details > summary").all():
        fold.click()
    assert violations(visit) == []


def test_axe_finds_nothing_while_a_forecast_runs_or_fails(open_page: Opener, fake: FakeService) -> None:
    fake.forecasts[:] = [forecast("fc-9", status="running", progress=0.4, stage="sampling")]
    visit = open_page()
    visit.page.locator("#progress-bar").wait_for()
    assert violations(visit) == []
    fake.forecasts[:] = [forecast("fc-9", status="failed", error={"detail": "Too few months."})]
    visit = open_page()
    visit.page.locator("#failure h2").wait_for()
    assert violations(visit) == []


def test_axe_is_able_to_find_something(open_page: Opener) -> None:
    visit = open_page().ready()
    visit.page.evaluate("document.querySelector('label[for=year-choice]').remove()")
    assert any(found.startswith("select-name") for found in violations(visit))


def test_every_control_is_reached_by_tab_in_reading_order_with_a_visible_focus(open_page: Opener) -> None:
    page = open_page().ready().page
    page.locator("#composition-choice").wait_for()
    reached = []
    for _ in range(40):
        page.keyboard.press("Tab")
        where = page.evaluate(
            """() => { const node = document.activeElement; const style = getComputedStyle(node);
            return {id: node.id || node.dataset.language || node.textContent.trim().slice(0, 40),
              drawn: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2,
              body: node === document.body}; }"""
        )
        if where["body"]:
            break
        assert where["drawn"], f"no visible focus on {where['id']}"
        reached.append(where["id"])
    expected = [
        "Naar de inhoud", *(words(page)[f"nav.{page.name}"] for page in PAGES if page.place == "navigation"),
        "nl", "en", "forecast-choice", "fan-month", "Toon de cijfers als tabel",
        "Toon de cijfers als tabel", "composition-choice", "year-choice", "layer-experts", "layer-model",
        "Toon de cijfers als tabel", "exceedance-above", "Bereken",
        "Toon de kansen na elke maand", "Excel", "CSV", "Hubverse", "NetCDF",
        "Maten van de steekproef", "Gebruikte pakketten",
        *(words(page)[f"nav.{page.name}"] for page in PAGES if page.place == "footer"),
        "Beschrijving van de programmeerinterface",
    ]  # fmt: skip
    assert [name[: len(want)] for name, want in zip(reached, expected, strict=True)] == expected


def test_the_whole_page_works_without_a_mouse(open_page: Opener) -> None:
    visit = open_page().ready()
    page = visit.page
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    page.focus("#year-choice")
    page.keyboard.press("ArrowDown")
    page.locator("#exceedance-result", has_text="2027").wait_for()
    page.focus("#layer-model")
    page.keyboard.press("Space")
    page.locator("#density .line-model").first.wait_for(state="attached")
    page.focus("#exceedance-above")
    page.keyboard.press("Control+A")
    page.keyboard.type("50000")
    page.keyboard.press("Enter")
    page.locator("#exceedance-result", has_text="50.000").wait_for()
    page.focus("#fan-data summary")
    page.keyboard.press("Enter")
    assert page.locator("#fan-data table").is_visible()
    page.focus("[data-language=en]")
    page.keyboard.press("Enter")
    page.locator("html[lang=en]").wait_for(state="attached")


def test_every_chart_says_in_words_and_in_a_table_what_it_draws(open_page: Opener) -> None:
    page = open_page().ready().page
    for chart in ("fan", "years", "density"):
        drawing = page.locator(f"#{chart} .chart__drawing svg")
        assert drawing.get_attribute("role") == "img"
        for reference in ("aria-labelledby", "aria-describedby"):
            named = page.locator(f"#{drawing.get_attribute(reference)}")
            assert len((named.text_content() or "").strip()) > 20
        page.click(f"#{chart}-data summary")
        assert page.locator(f"#{chart}-data tbody tr").count() >= 5
        assert page.locator(f"#{chart}-data caption").inner_text()


def test_results_and_errors_are_announced(open_page: Opener) -> None:
    page = open_page().ready().page
    assert page.locator("#exceedance-result").get_attribute("aria-live") == "polite"
    assert page.locator("#progress-stage").get_attribute("aria-live") == "polite"
    assert page.locator("#failure").get_attribute("role") == "alert"
    described = (page.locator("#exceedance-above").get_attribute("aria-describedby") or "").split()
    assert described == ["exceedance-hint", "exceedance-error"]


def test_letters_twice_as_large_still_fit(open_page: Opener) -> None:
    page = open_page(WIDE).ready().page
    page.evaluate("document.documentElement.style.fontSize = '200%'")
    page.wait_for_timeout(300)
    assert page.evaluate("document.documentElement.scrollWidth") <= WIDE


def test_series_differ_by_their_stroke_and_not_by_colour_alone(open_page: Opener) -> None:
    page = open_page().ready().page
    page.check("#layer-model")
    page.locator("#density .line-model").first.wait_for(state="attached")
    strokes = page.evaluate(
        """() => ['posterior', 'experts', 'model'].map((name) =>
        getComputedStyle(document.querySelector(`#density .chart__drawing .line-${name}`)).strokeDasharray)"""
    )
    assert len(set(strokes)) == 3


def test_nothing_moves_for_who_asks_for_stillness(open_page: Opener) -> None:
    page = open_page(reduced_motion="reduce").ready().page
    moving = """Array.from(document.querySelectorAll('*')).filter((node) => {
      const style = getComputedStyle(node);
      return parseFloat(style.transitionDuration) > 0 || style.animationName !== 'none'; }).length"""
    assert page.evaluate(moving) == 0
