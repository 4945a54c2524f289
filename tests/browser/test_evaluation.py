"""The evaluation page: ordering, refusals at their place, progress to its end, and what was found."""

import pytest

from tests.browser.conftest import NARROW, WIDE, Opener
from tests.browser.fake_evaluations import evaluation
from tests.browser.fake_service import FakeService
from tests.browser.test_accessibility import violations

pytestmark = pytest.mark.browser
PATH = "/evaluatie"


@pytest.mark.parametrize("width", [NARROW, WIDE])
def test_what_was_found_is_shown_and_text_stays_text(
    open_page: Opener, fake: FakeService, width: int
) -> None:
    fake.evaluations = [evaluation("ev-1")]
    visit = open_page(width, PATH)
    visit.page.locator("#bias svg").first.wait_for()
    assert visit.text("#result-heading") == "20 prognoses van 10 prognosejaren"
    assert "niet aangetoond" in visit.text("#verdict")
    assert "20 prognoses zijn vergeleken." in visit.text("#summary")
    assert visit.page.locator("#summary li").count() == 5
    assert "gecombineerd → vastgesteld" in visit.text("#key-figures")
    assert "Weggelaten: 2 over 2024." in visit.text("#notes")
    assert "<b>2015</b>" in visit.text("#errors") and visit.page.locator("#errors b").count() == 0
    assert visit.page.locator("#bias .dot-bias").count() == 5  # four rows and the legend
    links = visit.page.locator("#reports a")
    assert links.nth(0).get_attribute("href") == "/v1/evaluations/ev-1/report?language=nl&format=html"
    visit.page.get_by_role("button", name="English").click()
    visit.page.get_by_text("combined → adopted").wait_for()
    assert "20 forecasts were compared." in visit.text("#summary")
    assert "Left out: 2 about 2024." in visit.text("#notes")
    assert "language=en&format=pdf" in str(links.nth(1).get_attribute("href"))
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
    assert violations(visit) == []
    assert visit.complaints == []


def test_without_notes_there_is_no_heading_for_them(open_page: Opener, fake: FakeService) -> None:
    fake.evaluations = [evaluation("ev-1", notesInWords={"nl": [], "en": []})]
    visit = open_page(WIDE, PATH)
    visit.page.locator("#bias svg").first.wait_for()
    assert not visit.page.locator("#notes-section").is_visible()


def test_a_result_of_an_earlier_version_says_in_english_what_was_left_out(
    open_page: Opener, fake: FakeService
) -> None:
    fake.evaluations = [evaluation("ev-1", summary=None, notesInWords=None)]
    visit = open_page(WIDE, PATH)
    visit.page.locator("#notes [lang=en]").wait_for()
    assert visit.text("#notes") == "why"


def test_an_order_is_sent_followed_and_shown(open_page: Opener, fake: FakeService) -> None:
    visit = open_page(WIDE, PATH)
    visit.page.locator("#issuer").select_option("MPP")
    visit.page.locator("#moment").select_option("adopted")
    visit.page.locator("#from").fill("2017")
    visit.page.locator("#rope").fill("7,5")
    visit.page.locator("#start").click()
    visit.page.locator("#progress").wait_for()
    assert visit.text("#progress-stage") == "De systematische afwijking wordt geschat."
    target = {"series": "first_applications", "geo": "NL", "citizen": "TOTAL"}
    assert fake.ordered == [
        {
            "filter": {**target, "issuer": "MPP", "stage": "adopted", "targetYears": [2017, 2024]},
            "realisations": {},
            "rope": 0.075,
        }
    ]
    fake.evaluations[0] |= {"status": "succeeded", "progress": 1.0}
    visit.page.locator("#result").wait_for()
    assert not visit.page.locator("#progress").is_visible()
    assert "evaluation=ev-2" in visit.page.url
    assert visit.complaints == []


def test_faults_are_said_beside_the_form(open_page: Opener, fake: FakeService) -> None:
    visit = open_page(WIDE, PATH)
    visit.page.locator("#from").fill("later")
    visit.page.locator("#rope").fill("0")
    visit.page.locator("#start").click()
    assert visit.page.locator("#order-faults li").count() == 2
    assert fake.ordered == []
    visit.page.locator("#from").fill("")
    visit.page.locator("#rope").fill("5")
    visit.page.locator("#source").fill("nobody")
    visit.page.locator("#start").click()
    visit.page.get_by_text("no realisations from nobody").wait_for()
    assert violations(visit) == []


def test_a_running_one_can_be_cancelled(open_page: Opener, fake: FakeService) -> None:
    fake.evaluations = [evaluation("ev-1", status="running", progress=0.3, stage="scores")]
    visit = open_page(WIDE, PATH)
    visit.page.locator("#cancel").click()
    visit.page.get_by_text("De evaluatie is afgebroken.").wait_for()
    assert fake.evaluations[0]["status"] == "cancelled"
