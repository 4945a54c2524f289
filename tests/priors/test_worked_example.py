"""The worked example of an event in docs/ says what the code computes."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest

from priors.feedback import coherence_feedback
from priors.mixture import ExpertDensity, expert_density
from priors.scenario import parse_scenario_set
from priors.summary import interval_scenarios

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "events.md").read_text(encoding="utf-8")
STATED: dict[str, Any] = json.loads((DOCS / "example" / "ukraine_2022.json").read_text(encoding="utf-8"))
ROWS = re.findall(
    r"^\| ([a-z ]+) \| (20\d\d) \| ([\d,]+) \| ([\d,]+) \| ([\d,]+) \| ([\d,]+) \| ([\d,]+) \|$", PAGE, re.M
)


def variant(name: str) -> ExpertDensity:
    made = copy.deepcopy(STATED)
    if name == "without the event":
        made["events"] = []
    elif name == "certain":
        made["events"][0] |= {"probability": 1.0, "probabilityByScenario": {}}
    return expert_density(parse_scenario_set(made))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]} {row[1]}")
def test_the_table_is_what_the_code_gives(row: tuple[str, ...]) -> None:
    density, year = variant(row[0]), int(row[1])
    found = [density.mean(year), *interval_scenarios(density, year).values()]
    assert [f"{value:,.0f}" for value in found] == list(row[2:])


def test_the_table_is_whole_and_the_sentences_add_up() -> None:
    assert len(ROWS) == 6
    as_stated, without = variant("as stated"), variant("without the event")
    assert as_stated.mean(2022) - without.mean(2022) == pytest.approx(0.54 * 5_000, rel=1e-6)
    low = [interval_scenarios(one, 2022)["minimum"] for one in (as_stated, without)]
    assert 0 < low[0] - low[1] < 0.5 * 2_700
    event = STATED["events"][0]
    shown = re.search(r'"years": (\{"2022".*\}\})\}', PAGE)
    assert shown and json.loads(shown.group(1)) == event["years"]
    assert event["years"]["2023"]["expected"] == 1.3 * event["years"]["2022"]["expected"] == 6_500


def test_feedback_says_what_part_of_a_year_means() -> None:
    record = parse_scenario_set(STATED)
    found = [i for i in coherence_feedback(expert_density(record), record) if i.code == "event_part_year"]
    assert [(item.year, item.value) for item in found] == [(2022, 500.0)]
    assert "500 a month or 6,000 in a full year" in found[0].detail
    assert "500 per maand, of 6.000 in een vol jaar" in found[0].detail_nl
