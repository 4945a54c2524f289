"""Each finding appears where it should, with the number its sentence is about, and nowhere else."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from priors.feedback import FeedbackItem, coherence_feedback
from priors.mixture import expert_density
from priors.scenario import ScenarioSet, parse_scenario_set
from priors.shape import gaps, modes

HISTORY = {2018: 20_353.0, 2019: 22_485.0, 2020: 13_673.0, 2021: 24_686.0, 2022: 35_535.0, 2023: 38_377.0}
ALL_YEARS = dict.fromkeys(range(2024, 2029), (36_000.0, 18_000.0))


def feedback(scenario_set: ScenarioSet, counted: float = 0.0, **context: Any) -> list[FeedbackItem]:
    density = expert_density(scenario_set, counted)
    return list(coherence_feedback(density, scenario_set, counted_at_cutoff=counted, **context))


def only(found: list[FeedbackItem], code: str, year: int | None = None) -> FeedbackItem:
    matching = [item for item in found if item.code == code and year in (None, item.year)]
    assert len(matching) == 1, [item.code for item in found]
    return matching[0]


def codes(found: list[FeedbackItem]) -> set[str]:
    return {item.code for item in found}


def test_a_coherent_set_hears_only_what_it_implies(one_scenario: Callable[..., ScenarioSet]) -> None:
    found = feedback(one_scenario(ALL_YEARS), history_yearly=HISTORY)
    assert codes(found) == {"implied_interval", "exceeds_historical_maximum", "below_historical_minimum"}


def test_implied_quantiles_are_said_with_their_numbers(one_scenario: Callable[..., ScenarioSet]) -> None:
    item = only(feedback(one_scenario({2024: (40_000, 5_000)}, family="normal")), "implied_interval")
    assert (item.severity, item.year, item.value) == ("info", 2024, pytest.approx(40_000))
    for number in ("34,248", "40,000", "42,154", "45,752"):
        assert number in item.detail


def test_chances_beyond_history_are_exact(one_scenario: Callable[..., ScenarioSet]) -> None:
    scenario_set = one_scenario({2025: (38_377, 8_000)}, family="normal")
    found = feedback(scenario_set, history_yearly={**HISTORY, 2024: 90_000.0, 2017: 0.0})
    above = only(found, "exceeds_historical_maximum")
    assert above.value == pytest.approx(0.5, abs=1e-5)
    assert above.severity == "warning"
    assert "38,377 in 2023" in above.detail, "a year that was not over at the cutoff is no history"
    below = only(found, "below_historical_minimum")
    assert below.value == pytest.approx(0.001, abs=1e-4)
    assert below.severity == "info"
    assert "13,673 in 2020" in below.detail


def test_a_spread_under_half_the_models_is_called_narrow(one_scenario: Callable[..., ScenarioSet]) -> None:
    narrow = one_scenario({2025: (40_000, 4_000)})
    item = only(feedback(narrow, model_spread={2025: 10_000.0}), "overconfident_spread")
    assert item.value == pytest.approx(0.4, abs=1e-6)
    assert "40%" in item.detail
    assert "overconfident_spread" not in codes(feedback(narrow, model_spread={2025: 7_000.0}))


def test_without_a_model_the_spread_is_held_against_history(one_scenario: Callable[..., ScenarioSet]) -> None:
    narrow = one_scenario({2024: (40_000, 500), 2026: (40_000, 2_000)})
    found = feedback(narrow, history_yearly=HISTORY)
    assert only(found, "overconfident_spread").year == 2026
    assert "overconfident_spread" not in codes(
        feedback(narrow, history_yearly={2022: 35_535.0, 2023: 38_377.0})
    )


def test_separate_peaks_and_the_gap_between_them_are_named(payload: dict[str, Any]) -> None:
    payload["unforeseen"] = None
    payload["scenarios"][0]["years"] = {"2025": {"expected": 30_000, "spread": 2_000}}
    payload["scenarios"][1]["years"] = {"2025": {"expected": 60_000, "spread": 5_000}}
    scenario_set = parse_scenario_set(payload)
    found = feedback(scenario_set)
    assert only(found, "several_modes").value == 2
    item = only(found, "gap_in_density")
    assert item.value is not None
    assert item.value < 0.05
    payload["scenarios"][1]["years"]["2025"]["expected"] = 32_000
    assert not codes(feedback(parse_scenario_set(payload))) & {"several_modes", "gap_in_density"}


def test_modes_and_gaps_of_known_curves() -> None:
    x = np.linspace(-10, 10, 401)

    def two(distance: float) -> np.ndarray:
        return np.exp(-((x - distance) ** 2) / 2) + np.exp(-((x + distance) ** 2) / 2)

    assert [len(modes(two(distance))) for distance in (0.5, 0.9, 1.5, 4.0)] == [1, 1, 2, 2]
    assert gaps(x, two(1.5)) == []
    (gap,) = gaps(x, two(4.0))
    # exp(-(4 - g)²/2) = 0.1 at g = 4 - sqrt(2 log 10).
    assert (gap.low, gap.high) == pytest.approx((-1.85, 1.85), abs=0.06)
    falling = np.exp(-np.arange(50.0))
    assert modes(falling) == [0]


def test_a_jump_is_measured_against_the_largest_on_record(one_scenario: Callable[..., ScenarioSet]) -> None:
    large = one_scenario({2024: (36_000, 9_000), 2025: (70_000, 9_000)})
    item = only(feedback(large, history_yearly=HISTORY), "jump_between_years")
    assert item.year == 2025
    assert item.value == pytest.approx(1.0, abs=0.05)
    # Inflow rose by 81% from 2020 to 2021: a rise of 70% is within the record, and large without one.
    usual = one_scenario({2024: (36_000, 3_000), 2025: (61_000, 5_000)})
    assert "jump_between_years" not in codes(feedback(usual, history_yearly=HISTORY))
    assert only(feedback(usual), "jump_between_years").year == 2025


def test_a_first_year_far_from_the_last_counted_is_a_jump(one_scenario: Callable[..., ScenarioSet]) -> None:
    found = feedback(one_scenario({2024: (90_000, 9_000)}), history_yearly=HISTORY)
    assert only(found, "jump_between_years").year == 2024


def test_mass_cut_at_what_was_counted_is_said_per_scenario(scenario_set: ScenarioSet) -> None:
    found = feedback(scenario_set, counted=33_000.0)
    belief = expert_density(scenario_set, 33_000.0).components[0].marginal(2024)
    item = next(item for item in found if item.code == "truncated_mass" and "Voortzetting" in item.detail)
    assert item.value == pytest.approx(belief.removed)
    assert item.severity == "warning"
    assert "33,000 already counted" in item.detail
    assert any("unforeseen part" in item.detail for item in found if item.code == "truncated_mass")
    assert all(item.year == 2024 for item in found if item.code == "truncated_mass")


def test_mass_cut_below_zero_is_said_too(one_scenario: Callable[..., ScenarioSet]) -> None:
    item = only(feedback(one_scenario({2025: (10_000, 10_000)}, family="normal")), "truncated_mass")
    assert item.value == pytest.approx(0.1587, abs=1e-4)
    assert "below zero" in item.detail


def test_expecting_less_than_was_counted_is_a_warning(scenario_set: ScenarioSet) -> None:
    item = next(i for i in feedback(scenario_set, counted=34_500.0) if i.code == "expected_below_counted")
    assert (item.severity, item.year, item.value) == ("warning", 2024, 34_000.0)
    assert "expected_below_counted" not in codes(feedback(scenario_set, counted=33_500.0))


def test_unstated_years_are_named(payload: dict[str, Any]) -> None:
    payload["scenarios"][0]["years"]["2026"] = {"expected": 36_000, "spread": 9_000}
    payload["unforeseen"] = None
    silent = [item for item in feedback(parse_scenario_set(payload)) if item.code == "unstated_years"]
    assert [(item.severity, item.value) for item in silent] == [("info", 2.0), ("warning", 1.0)]
    assert "2027 and 2028" in silent[0].detail
    assert "Nieuwe oorlog" in silent[1].detail


def test_a_cutoff_at_the_end_of_its_year_says_that_the_year_is_over(payload: dict[str, Any]) -> None:
    assert "cutoff_year_complete" not in codes(feedback(parse_scenario_set(payload)))
    found = feedback(parse_scenario_set({**payload, "cutoff": "2024-12-31"}))
    assert only(found, "cutoff_year_complete").year == 2024


def test_a_scenario_without_probability_and_a_composition_are_mentioned(payload: dict[str, Any]) -> None:
    years = payload["scenarios"][0]["years"]
    payload["scenarios"].append({"key": "never", "probability": 0.0, "years": years})
    payload["scenarios"][0]["composition"] = {"shares": {"SY": 0.4}, "concentration": 50}
    found = feedback(parse_scenario_set(payload))
    assert "“never”" in only(found, "zero_probability").detail
    assert all("composition" not in item.code for item in found), (
        "a composition moves paths; nothing is left out"
    )


def test_every_finding_is_one_sentence_with_a_number(scenario_set: ScenarioSet) -> None:
    found = feedback(scenario_set, counted=34_500.0, history_yearly=HISTORY, model_spread={2025: 60_000.0})
    assert len(found) > 8
    for item in found:
        assert item.detail.endswith(".")
        assert any(character.isdigit() for character in item.detail)
        assert ". " not in item.detail


def test_every_finding_is_said_in_both_languages(payload: dict[str, Any]) -> None:
    payload["scenarios"][0]["years"]["2026"] = {"expected": 90_000.0, "spread": 2_000.0}
    payload["scenarios"][0]["probability"], payload["scenarios"][1]["probability"] = 1.0, 0.0
    payload["events"] = [
        {"key": "e", "probability": 0.5, "years": {"2025": {"expected": -33_000, "spread": 4_000}}}
    ]
    payload["events"][0]["probabilityByScenario"] = {payload["scenarios"][1]["key"]: 0.0}
    record = parse_scenario_set(payload)
    found = coherence_feedback(expert_density(record, 20_000), record, HISTORY, 20_000, {2025: 90_000.0})
    codes = {item.code for item in found}
    wanted = {
        "implied_interval",
        "unstated_years",
        "zero_probability",
        "truncated_mass",
        "overconfident_spread",
    }
    assert wanted <= codes
    for item in found:
        assert item.detail != item.detail_nl and len(item.detail_nl) > 20
        # A number written the English way would be read as a decimal.
        assert not re.search(r"\d,\d{3}", item.detail_nl), item.detail_nl


def test_a_spread_far_under_past_errors_is_overconfident(payload: dict[str, Any]) -> None:
    record = parse_scenario_set(payload)
    density = expert_density(record)
    plain = {i.year for i in coherence_feedback(density, record) if i.code == "overconfident_spread"}
    found = {
        item.year: item
        for item in coherence_feedback(density, record, past_errors={1: 0.9})
        if item.code == "overconfident_spread"
    }
    assert 2025 not in plain and "missed by about 90%" in found[2025].detail
    assert "90% naast" in found[2025].detail_nl
    assert found[2025].value is not None and found[2025].value < 0.5
