"""Two experts on one set, and several experts on one edition: choices per field, no overwriting, no anchoring."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import BrowserContext, Route

from tests.browser.conftest import Opener, close_all
from tests.browser.desk import STATED, Desk, desk
from tests.browser.fake_service import density, year_row
from tests.browser.test_scenarios_page import EXPECTED, opened, saved_over

pytestmark = pytest.mark.browser


def test_two_experts_choose_per_field_and_nothing_is_overwritten(open_page: Opener, at_desk: Desk) -> None:
    visit = opened(open_page, at_desk)
    page = visit.page
    page.fill("#f-scenarios-1-label", "Oorlog elders")
    theirs = {"label": "Doorgaan", "years": {"2025": {"expected": 30_000, "spread": 8_000}}}
    saved_over(visit, at_desk, "41.000", "mijn reden", **theirs)
    assert at_desk.stored()["version"] == 2
    shown = visit.text("#dialog")
    assert "beide gewijzigd" in shown and "41.000" in shown and "30.000" in shown and "Doorgaan" in shown
    page.click("#merge-take")
    assert "Nog te kiezen velden: 1." in visit.text("#dialog-fault")
    page.locator(".merge__row--both input[value=theirs]").check()
    page.click("#merge-take")
    page.locator("#save-submit").wait_for()
    assert page.input_value("#reason") == "mijn reden"
    page.click("#save-submit")
    page.locator("#notices", has_text="Versie 3 is bewaard").wait_for()
    first, second = at_desk.stored()["scenarios"]
    assert first["years"] == {"2025": {"expected": 30_000, "spread": 8_000}}
    assert (first["label"], second["label"]) == ("Doorgaan", "Oorlog elders")


def test_mine_can_be_kept_as_a_set_of_its_own(open_page: Opener, at_desk: Desk) -> None:
    visit = opened(open_page, at_desk)
    page = visit.page
    saved_over(visit, at_desk, "41.000", "mijn reden", probability=0.6, label="Doorgaan")
    page.click("#merge-apart")
    page.locator("#save-submit").wait_for()
    page.click("#save-submit")
    page.locator("#notices", has_text="Versie 1 is bewaard").wait_for()
    made = at_desk.read("/scenario-sets")["items"]
    assert len(made) == 2 and made[0]["scenarios"][0]["years"]["2025"]["expected"] == 41_000
    assert at_desk.stored()["scenarios"][0]["label"] == "Doorgaan"


def test_a_version_saved_under_a_draft_is_told_and_met_when_saving(open_page: Opener, at_desk: Desk) -> None:
    visit = opened(open_page, at_desk)
    page = visit.page
    page.fill(EXPECTED, "41.000")
    page.locator("#draft-state", has_text="op de dienst").wait_for()
    at_desk.save_beside("de ander", label="Doorgaan")
    page.reload()
    visit.computed()
    assert "versie 2" in visit.text("#notices")
    page.click("#save")
    page.fill("#reason", "mijn reden")
    page.click("#save-submit")
    page.click("#merge-take")
    page.click("#save-submit")
    page.locator("#notices", has_text="Versie 3 is bewaard").wait_for()
    assert at_desk.stored()["scenarios"][0]["label"] == "Doorgaan"


def test_others_sets_open_to_an_expert_only_after_one_of_ones_own(
    open_page: Opener, tmp_path: Path, contexts: list[BrowserContext]
) -> None:
    with desk(tmp_path, {"anna": "expert", "bram": "expert"}) as opened_desk:
        visit = open_page(path="/scenarios", at=opened_desk.address)
        page = visit.page
        page.fill("#token", "bram")
        page.press("#token", "Enter")
        page.locator("#set-state", has_text="nog niet bewaard").wait_for()
        assert page.locator("#set-choice option").count() == 1
        page.click("#general-more summary")
        page.fill("#f-edition", "2024-2")
        page.fill("#f-cutoff", "2024-06-30")
        page.locator("#layers-hidden").wait_for(state="attached")
        page.click("#save")
        page.fill("#reason", "mijn eigen set")
        page.click("#save-submit")
        page.locator("#notices", has_text="Versie 1 is bewaard").wait_for()
        page.locator("label.check", has_text="(anna)").wait_for()
        page.locator("label.check", has_text="(anna)").locator("input").check()
        page.locator("#year-fan .line-other").first.wait_for(state="attached")
        assert visit.own_complaints() == []
        close_all(contexts)


def test_three_versions_merge_field_by_field(open_page: Opener, at_desk: Desk) -> None:
    page = opened(open_page, at_desk).page
    result = page.evaluate(
        """async () => {
        const page = document.querySelector('script[src*="/js/scenarios.js"]').src;
        const { differences, merged } = await import(page.replace('.js', '/merge.js'));
        const one = (key, probability) => ({ key, probability, years: { 2025: { expected: 1, spread: 1 } } });
        const base = { name: 'n', scenarios: [one('a', 0.5), one('b', 0.5)], events: [] };
        const mine = { name: 'n', scenarios: [one('b', 0.5), one('a', 0.6), one('c', 0)], events: [one('e', 1)] };
        const theirs = { name: 'm', scenarios: [one('a', 0.7)], events: [] };
        const found = differences(base, mine, theirs);
        const rules = found.map(({ path, rule }) => [path.join('/'), rule]);
        const pick = (side) => merged(theirs, mine, found, (d) => d.rule ?? side);
        return { rules, mine: pick('mine'), allMine: merged(theirs, mine, found, () => 'mine'),
          allTheirs: merged(theirs, mine, found, () => 'theirs'), theirs };
        }"""
    )
    rules = dict(result["rules"])
    assert rules == {
        "name": "theirs",
        "scenarios/a/probability": None,
        "scenarios/b": "theirs",
        "scenarios/c": "mine",
        "events/e": "mine",
    }
    assert [s["key"] for s in result["mine"]["scenarios"]] == ["a", "c"]
    assert result["mine"]["scenarios"][0]["probability"] == 0.6 and result["mine"]["name"] == "m"
    assert {s["key"] for s in result["allMine"]["scenarios"]} == {"a", "b", "c"}
    assert result["allTheirs"] == result["theirs"]


def test_the_round_before_and_the_model_alone_stand_beside_the_draft(
    open_page: Opener, at_desk: Desk
) -> None:
    earlier = {**STATED, "edition": "2023-2", "cutoff": "2023-12-31", "name": "Vorige ronde"}
    assert httpx.post(f"{at_desk.address}/v1/scenario-sets", json=earlier).status_code == 201
    visit = opened(open_page, at_desk, path=f"/scenarios?set={at_desk.set_id}")
    page = visit.page
    page.locator("label.check", has_text="vorige editie (2023-2)").locator("input").check()
    page.locator("#year-fan .chart__drawing .line-previous").first.wait_for(state="attached")
    page.locator("#layer-model").check()
    page.locator("#year-density .chart__drawing .line-model").wait_for(state="attached")
    page.uncheck("#layer-experts")
    page.locator("#year-density .chart__drawing .line-experts").wait_for(state="detached")
    assert "Vorige editie (2023-2): mediaan" in visit.text("#year-density-summary, #density-summary")
    assert visit.own_complaints() == []


def test_an_adopted_edition_goes_before_an_earlier_set(open_page: Opener, at_desk: Desk) -> None:
    adopted = {**at_desk.fake.forecasts[0], "edition": "2023-2"}
    adopted["request"] = {**adopted["request"], "cutoff": "2023-12-31"}

    def answer(route: Route) -> None:
        if "/interval-scenarios" in route.request.url:
            body: dict[str, object] = {"years": [year_row(2025, 1)]}
        elif "/density" in route.request.url:
            body = density("posterior", 2025)
        else:
            body = {"items": [adopted], "page": 1, "pageSize": 100, "total": 1}
        route.fulfill(status=200, content_type="application/json", body=json.dumps(body))

    visit = open_page(at="about:blank", path="")
    page = visit.page
    page.route("**/v1/editions**", answer)
    page.goto(f"{at_desk.address}/scenarios")
    visit.computed()
    page.locator("label.check", has_text="vorige editie (2023-2)").locator("input").check()
    page.locator("#year-density .chart__drawing .line-previous").wait_for(state="attached")
