"""Several experts on the page: pools under every kind of weight, and a composition by nationality."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import BrowserContext

from service.sources.delivery import parse_delivery_json
from tests.browser.conftest import NARROW, Opener, close_all
from tests.browser.desk import STATED, Desk, desk
from tests.browser.test_page import number
from tests.browser.test_scenarios_page import EXPECTED, opened
from tests.browser.test_scenarios_states import sound
from tests.contract.forecast_inputs import deliver
from tests.contract.test_scenario_sets import history

pytestmark = pytest.mark.browser
WHO = {"anna": "expert", "bram": "expert", "adm": "admin"}
KINDS = ("minimum", "median", "medio", "maximum")


def higher(name: str) -> dict[str, Any]:
    """A second expert's set: everything a fifth higher."""
    made = copy.deepcopy(STATED) | {"name": name}
    for scenario in made["scenarios"]:
        for belief in scenario["years"].values():
            belief["expected"] *= 1.2
    return made


def test_two_sets_are_pooled_by_stated_weights_looked_at_first_and_saved(
    open_page: Opener, at_desk: Desk
) -> None:
    other = at_desk.send("/scenario-sets", higher("Set van Bram"))["id"]
    visit = opened(open_page, at_desk, path=f"/scenarios?set={at_desk.set_id}", width=NARROW)
    page = visit.page
    page.click("#pool-sets")
    page.locator("#pool-result table").nth(1).wait_for()
    page.check("#pool-stated")
    page.fill("#pool-weight-0", "30")
    page.fill("#pool-weight-1", "60")
    assert "90,0%" in visit.text("#pool-result")
    page.fill("#pool-weight-1", "70")
    members = [{"scenarioSet": other, "version": 1, "weight": 0.3}]
    members.append({"scenarioSet": at_desk.set_id, "version": 1, "weight": 0.7})
    asked = {
        "name": "x",
        "edition": "2024-2",
        "cutoff": "2024-06-30",
        "weights": "stated",
        "members": members,
    }
    told = at_desk.send("/scenario-pool-previews", asked, status=200)["years"][1]["intervalScenarios"]
    page.locator("#pool-result", has_text=f"{told['median']:,.0f}".replace(",", ".")).wait_for()
    cells = (
        page.locator("#pool-result table").nth(1).locator("tbody tr").nth(1).locator("td").all_inner_texts()
    )
    assert [number(cell) for cell in cells] == [round(told[kind]) for kind in KINDS]
    sound(visit, NARROW)
    page.click("#pool-submit")
    assert "zonder reden" in visit.text("#dialog-fault")
    page.fill("#pool-reason", "Samen naar de vergadering")
    page.click("#pool-submit")
    page.locator("#notices", has_text="samenvoeging is bewaard").wait_for()
    assert "30,0%" in visit.text("#pool") and "70,0%" in visit.text("#pool")
    stored = at_desk.read("/scenario-pools")["items"][0]["pool"]
    assert [member["weight"] for member in stored["members"]] == [0.3, 0.7]
    experts = page.locator("#left-out th", has_text="Expert: Set van Bram")
    experts.wait_for()
    sound(visit, NARROW)
    page.fill("#f-scenarios-0-label", "Anders")
    page.locator("#pool").wait_for(state="hidden")
    page.click("#undo")
    page.locator("#pool").wait_for()
    assert visit.own_complaints() == []


def test_weights_by_accuracy_show_the_raw_and_the_shrunken_ones(
    open_page: Opener, tmp_path: Path, contexts: list[BrowserContext]
) -> None:
    """24,000 came each year; Anna stated 27,000 and Bram 36,000 of four of them."""
    with desk(tmp_path, WHO) as opened_desk:
        opened_desk.send("/scenario-sets", higher("Set van Bram"), who="bram")
        deliver(opened_desk.sessions, parse_delivery_json(history(first=2016)))
        archived = [
            {
                "series": "first_applications", "geo": "NL", "citizen": "TOTAL", "edition": f"{year}-1",
                "stage": "experts", "issuedOn": f"{year}-01-15", "cutoff": f"{year - 1}-12-31",
                "targetYear": year, "issuer": "mpp", "expert": who,
                "quantiles": [{"level": 0.5, "value": value}],
            }
            for year in range(2019, 2023) for who, value in (("anna", 27_000), ("bram", 36_000))
        ]  # fmt: skip
        opened_desk.send("/archived-forecasts", archived, who="adm")
        visit = open_page(path=f"/scenarios?set={opened_desk.set_id}&lang=en", at=opened_desk.address)
        page = visit.page
        page.fill("#token", "bram")
        page.press("#token", "Enter")
        visit.computed()
        page.click("#pool-sets")
        page.check("#pool-performance")
        page.locator("#pool-result", has_text="Raw, by accuracy").wait_for()
        row = page.locator("#pool-result table").nth(0).locator("tr", has_text="(anna)")
        # Scores 1/16 and 1/4: raw 4/5; four scored, so a third of the way from a half.
        assert row.locator("td").all_inner_texts() == ["50.0%", "80.0%", "60.0%"]
        page.check("#pool-logarithmic_pool")
        page.fill("#pool-reason", "past accuracy")
        page.click("#pool-submit")
        page.locator("#pool", has_text="80.0%").wait_for()
        # An unchanged pool is asked about as it is stored: its one scenario is a table, not a lognormal.
        stored = opened_desk.read_as("adm", "/scenario-pools")["items"][0]
        told = opened_desk.read_as("adm", f"/scenario-sets/{stored['id']}/density")["years"]
        page.locator("#layer-experts").wait_for()
        page.click("#density-data summary")
        page.locator("#density-data th", has_text="what the experts expected").wait_for()
        shown = page.locator("#density-data tbody tr").nth(5)
        at, level = number(shown.locator("th").inner_text().replace(",", "")), shown.locator("td").last
        curve = next(one for one in told if one["year"] == 2025)["density"]
        said = 100 * np.interp(at, curve["x"], curve["cdf"])
        assert float(level.inner_text().rstrip("%")) == pytest.approx(said, abs=0.1)
        assert visit.own_complaints() == []
        close_all(contexts)


def test_a_scenario_states_its_composition_and_the_rest_is_said(open_page: Opener, at_desk: Desk) -> None:
    visit = opened(open_page, at_desk, width=NARROW)
    page = visit.page
    page.click("#composition-scenarios-0 summary")
    page.check("#composition-scenarios-0-use")
    page.fill("#f-scenarios-0-composition-shares-SY", "40")
    page.fill("#composition-scenarios-0-code", "123")
    page.click("#composition-scenarios-0-add")
    assert "landcode" in visit.text("#composition-scenarios-0-fault")
    page.fill("#composition-scenarios-0-code", "tr")
    page.press("#composition-scenarios-0-code", "Tab")
    page.keyboard.press("Enter")
    page.locator("#f-scenarios-0-composition-shares-TR").wait_for()
    assert "overige 50,0%" in visit.text("#composition-scenarios-0-sum")
    page.fill("#f-scenarios-0-composition-shares-TR", "70")
    assert "110,0%" in visit.text("#composition-scenarios-0-sum")
    page.locator("#results-fault div").wait_for()
    page.fill("#f-scenarios-0-composition-shares-TR", "15")
    page.fill("#f-scenarios-0-composition-concentration", "80")
    page.locator("#results-fault div").wait_for(state="detached")
    sound(visit, NARROW)
    page.click("#save")
    assert "Syrië" in visit.text("#dialog") and "15%" in visit.text("#dialog")
    page.fill("#reason", "Meer uit Syrië")
    page.click("#save-submit")
    page.locator("#notices", has_text="Versie 2 is bewaard").wait_for()
    stored = at_desk.stored()["scenarios"][0]["composition"]
    assert stored == {"shares": {"SY": 0.4, "TR": 0.15}, "concentration": 80}
    assert page.input_value(EXPECTED) and visit.own_complaints() == []
