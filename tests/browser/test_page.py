"""The page as a reader meets it: what it shows, in which language, and that it keeps to its own origin."""

import re

import pytest

from tests.browser.conftest import NARROW, WIDE, Opener, Visit
from tests.browser.fake_service import COUNTED, YEARS, FakeService, density, forecast, year_row

pytestmark = pytest.mark.browser


def number(text: str) -> float:
    return float(re.sub(r"[^\d,]", "", text).replace(",", "."))


def test_a_forecast_is_shown_without_a_request_elsewhere_or_a_complaint(open_page: Opener) -> None:
    visit = open_page().ready()
    assert visit.foreign_requests() == []
    assert len(visit.requests) > 20
    assert visit.complaints == []


def test_scenarios_of_every_year_stand_in_the_table(open_page: Opener) -> None:
    visit = open_page().ready()
    rows = visit.page.locator("#scenario-table tbody tr")
    assert [rows.nth(i).locator("th").inner_text() for i in range(rows.count())] == [str(y) for y in YEARS]
    cells = rows.nth(2).locator("td").all_inner_texts()
    curve = density("posterior", 2026)
    below = [level for level, x in zip(curve["cdf"], curve["x"], strict=True) if x <= number(cells[0])]
    assert below[-1] == pytest.approx(0.125, abs=0.02)
    assert [number(cell) for cell in cells[:4]] == sorted(number(cell) for cell in cells[:4])
    assert number(rows.nth(0).locator("td").nth(4).inner_text().split("(")[0]) == sum(
        value for month, value in COUNTED.items() if month.startswith("2024")
    )


def test_counted_months_and_the_fan_meet_at_the_last_count(open_page: Opener) -> None:
    page = open_page().ready().page
    solid = page.locator("#fan .chart__drawing .line-observed").get_attribute("d") or ""
    dashed = page.locator("#fan .chart__drawing .line-median").get_attribute("d") or ""
    assert solid.count("L") == len(COUNTED) - 1
    assert re.findall(r"[\d.]+,[\d.]+", solid)[-1] == re.findall(r"[\d.]+,[\d.]+", dashed)[0]
    assert page.locator("#fan .chart__drawing [class^=area-band]").count() == 3


def test_the_four_scenarios_are_marked_on_the_density(open_page: Opener) -> None:
    page = open_page().ready().page
    assert page.locator("#density .mark").count() == 4
    labels = page.locator("#density text.value").all_text_contents()
    assert [label.split()[0] for label in labels] == ["Minimum", "Mediaan", "Medio", "Maximum"]


def test_layers_are_shown_by_check_box(open_page: Opener) -> None:
    page = open_page().ready().page
    drawing = "#density .chart__drawing"
    assert page.locator(f"{drawing} .line-experts").count() == 1
    assert page.locator(f"{drawing} .line-model").count() == 0
    page.check("#layer-model")
    page.locator(f"{drawing} .line-model").wait_for(state="attached")
    page.uncheck("#layer-experts")
    page.locator(f"{drawing} .line-experts").wait_for(state="detached")
    assert page.locator("#density .chart__legend li").count() == 3


def test_the_words_under_the_density_give_the_median_of_every_layer(open_page: Opener) -> None:
    visit = open_page().ready()
    visit.page.check("#layer-model")
    visit.page.locator("#density .line-model").first.wait_for(state="attached")
    words = visit.text("#density-summary")
    for layer, phrase in (
        ("experts", "Wat de experts verwachtten"),
        ("model", "Wat het model alleen verwacht"),
    ):
        median = f"{year_row(2026, 100, layer)['median']:,}".replace(",", ".")
        assert f"{phrase}: mediaan {median}." in words


def test_a_year_that_is_fully_counted_has_no_density_but_says_its_total(open_page: Opener) -> None:
    visit = open_page().ready()
    visit.page.select_option("#year-choice", "2024")
    visit.page.locator("#density p").wait_for()
    total = sum(value for month, value in COUNTED.items() if month.startswith("2024"))
    assert f"{total:,}".replace(",", ".") in visit.text("#density")
    assert visit.complaints == []


def test_labels_say_synthetic_and_draft_and_development(open_page: Opener, fake: FakeService) -> None:
    visit = open_page().ready()
    assert visit.page.locator("#labels li").all_inner_texts() == ["SYNTHETISCH", "Concept"]
    assert visit.page.locator("#development-mode").is_visible()
    fake.development = False
    fake.forecasts[0]["provenance"]["source"] = "eurostat"
    fake.forecasts[0]["editionStatus"] = "adopted"
    visit = open_page().ready()
    assert visit.page.locator("#labels li").all_inner_texts() == ["Vastgesteld"]
    assert not visit.page.locator("#development-mode").is_visible()


def test_provenance_shows_what_is_needed_to_repeat_it(open_page: Opener) -> None:
    shown = open_page().ready().text("#provenance")
    for fact in ("20240630", "9f2c" * 16, "b17e" * 16, "inflow-1", "3edb946", "alle controles gehaald"):
        assert fact in shown


def test_text_of_the_service_is_never_markup(open_page: Opener, fake: FakeService) -> None:
    fake.forecasts[0]["warnings"] = ["<img src=x onerror=alert(1)>"]
    visit = open_page().ready()
    assert "<img src=x onerror=alert(1)>" in visit.text("#warnings")
    assert visit.page.locator("#warnings img").count() == 0


def test_the_language_switches_everything_and_is_kept(open_page: Opener) -> None:
    visit = open_page().ready()
    page = visit.page
    assert page.locator("html").get_attribute("lang") == "nl"
    dutch = visit.text("main")
    assert "Mediaan" in dutch and re.search(r"\d\d\.\d{3}", dutch)
    page.click("[data-language=en]")
    page.locator("html[lang=en]").wait_for(state="attached")
    visit.ready()
    english = visit.text("main")
    assert "Median" in english and "Mediaan" not in english and re.search(r"\d\d,\d{3}", english)
    assert page.title().startswith("Instroom – forecast")
    assert page.input_value("#exceedance-above").count(",") == 1
    page.reload()
    visit.ready()
    assert page.locator("html").get_attribute("lang") == "en"
    assert page.locator("[data-language=en]").get_attribute("aria-pressed") == "true"


@pytest.mark.parametrize("width", [NARROW, WIDE])
@pytest.mark.parametrize("language", ["nl", "en"])
def test_nothing_sticks_out_of_the_screen(open_page: Opener, width: int, language: str) -> None:
    page = open_page(width, f"/?lang={language}").ready().page
    page.check("#layer-model")
    for fold in page.locator("details > summary").all():
        fold.click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    beyond = """Array.from(document.querySelectorAll('main *')).filter((node) =>
      !node.closest('.scroll, thead, svg') && node.getBoundingClientRect().right > innerWidth + 0.5)
      .map((node) => node.outerHTML.slice(0, 80))"""
    assert page.evaluate(beyond) == []


def test_charts_draw_again_for_another_width(open_page: Opener) -> None:
    page = open_page().ready().page
    wide = page.locator("#fan .chart__drawing svg").get_attribute("viewBox")
    page.set_viewport_size({"width": NARROW, "height": 900})
    page.wait_for_function(
        "(before) => document.querySelector('#fan .chart__drawing svg').getAttribute('viewBox') !== before",
        arg=wide,
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW


def test_another_forecast_can_be_chosen_and_linked_to(open_page: Opener, fake: FakeService) -> None:
    request = {**forecast("fc-2")["request"], "asOf": "2024-06-30"}
    fake.forecasts.append(forecast("fc-2", request=request, createdAt="2025-01-01T00:00:00Z"))
    visit = open_page().ready()
    page = visit.page
    assert page.input_value("#forecast-choice") == "fc-1"
    page.select_option("#forecast-choice", "fc-2")
    page.wait_for_url("**forecast=fc-2")
    visit.ready()
    assert "fc-2" in visit.text("#provenance")
    page.reload()
    visit.ready()
    assert page.input_value("#forecast-choice") == "fc-2"


def test_a_forecast_of_the_model_alone_has_no_experts(open_page: Opener, fake: FakeService) -> None:
    asked = fake.forecasts[0]["request"]
    asked.update(scenarioSet=None, scenarioSetVersion=None, expertWeight=0.0)
    visit = open_page().ready()
    assert not visit.page.locator("#layer-experts").is_visible()
    assert "alleen met het model" in visit.text("#weights")
    assert visit.page.locator("#density .line-experts").count() == 0
    assert visit.complaints == []


def test_paper_gets_the_figures_without_the_controls(open_page: Opener) -> None:
    page = open_page().ready().page
    page.emulate_media(media="print")
    for control in ("#forecast-choice", "#fan-month", ".languages", "#exceedance button"):
        assert not page.locator(control).is_visible()
    for shown in (
        "#scenario-table table",
        "#fan .chart__drawing svg",
        "#exceedance-result",
        "#provenance dl",
    ):
        assert page.locator(shown).first.is_visible()


def numbers_of(visit: Visit) -> tuple[str, str]:
    return visit.text("#exceedance-result strong"), visit.text("#exceedance-result")


def test_chance_of_more_than(open_page: Opener) -> None:
    visit = open_page().ready()
    page = visit.page
    page.fill("#exceedance-above", "45.000")
    page.press("#exceedance-above", "Enter")
    page.locator("#exceedance-result", has_text="45.000").wait_for()
    share, sentence = numbers_of(visit)
    curve = density("posterior", 2026)
    exact = 1 - next(c for c, x in zip(curve["cdf"], curve["x"], strict=True) if x >= 45_000)
    assert number(share) == pytest.approx(100 * exact, abs=1.5)
    assert "2026" in sentence and "Monte-Carlofout: 0,2" in sentence
    assert page.locator("#density .area-tail").count() == 2
    before = share
    page.select_option("#year-choice", "2028")
    page.locator("#exceedance-result", has_text="2028").wait_for()
    assert numbers_of(visit)[0] != before


@pytest.mark.parametrize("typed", ["", "veel", "-5", "42.5", "1e9"])
def test_what_is_not_a_number_of_persons_is_refused_at_the_field(open_page: Opener, typed: str) -> None:
    visit = open_page().ready()
    asked = len(visit.requests)
    visit.page.fill("#exceedance-above", typed)
    visit.page.click("#exceedance button")
    assert "geheel aantal" in visit.text("#exceedance-error")
    assert visit.page.locator("#exceedance-above").get_attribute("aria-invalid") == "true"
    assert not visit.page.locator("#exceedance-result").is_visible()
    assert [url for url in visit.requests[asked:] if "exceedance" in url] == []


def test_a_month_can_be_read_from_the_chart(open_page: Opener) -> None:
    visit = open_page().ready()
    slider = visit.page.locator("#fan-month")
    assert "maart 2025" in visit.text(".reader__text")
    slider.press("ArrowRight")
    assert visit.text(".reader__text").startswith("april 2025: mediaan")
    assert slider.get_attribute("aria-valuetext") == visit.text(".reader__text")
    box = visit.page.locator("#fan .chart__drawing").bounding_box()
    assert box is not None
    visit.page.mouse.move(box["x"] + box["width"] - 16, box["y"] + 100)
    assert visit.text(".reader__text").startswith("december 2028")


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("nl", ["Ernstig: ", "spreken KMI+ en Eurostat elkaar tegen: KMI+ staat op -50,0%", "nog met +2,1%"]),
        ("en", ["Serious: ", "KMI+ and Eurostat contradict one another: KMI+ is -50.0%", "change by +2.1%"]),
    ],
)
def test_findings_about_the_figures_are_in_the_language_of_the_page(
    open_page: Opener, language: str, words: list[str]
) -> None:
    visit = open_page(path=f"/?lang={language}").ready()
    box = visit.text("#warnings .utrecht-alert--error").replace("−", "-").replace("\u00a0", "")
    for part in words:
        assert part in box
    assert "A sentence on not_yet_translated." in box
    assert "A sentence on sources_contradict." not in box
    assert "Eurostat 58%, KMI+ 42%" in visit.text("#provenance").replace("\u00a0", "")
