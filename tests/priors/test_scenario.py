"""What is refused, with every fault named at once, and what is kept exactly as it was written."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from priors.mixture import expert_density
from priors.scenario import InvalidScenarioSet, ScenarioSet, parse_scenario_set

Change = Callable[[dict[str, Any]], None]


def faults_of(payload: object) -> dict[str, str]:
    with pytest.raises(InvalidScenarioSet) as refused:
        parse_scenario_set(payload)
    found = refused.value.faults
    assert len({fault.field for fault in found}) == len(found), "a place is named once"
    return {fault.field: fault.detail for fault in found}


def put(value: object, *place: str | int) -> Change:
    def change(payload: dict[str, Any]) -> None:
        target: Any = payload
        for step in place[:-1]:
            target = target[step]
        target[place[-1]] = value

    return change


def test_a_valid_set_is_read_with_defaults_made_explicit(payload: dict[str, Any]) -> None:
    del (
        payload["scenarios"][0]["family"],
        payload["scenarios"][0]["spreadMeaning"],
        payload["yearCorrelation"],
    )
    record = parse_scenario_set(payload)
    assert record.cutoff == date(2024, 6, 30)
    assert record.year_correlation == 0.8
    assert (record.scenarios[0].family, record.scenarios[0].spread_meaning) == ("lognormal", "sd")
    assert record.scenarios[1].years[2025].expected == 52_000
    written = record.model_dump(mode="json", by_alias=True)
    assert written["scenarios"][1]["spreadMeaning"] == "half_width_80"
    assert parse_scenario_set(written) == record
    assert parse_scenario_set(record) == record


def test_probabilities_that_do_not_sum_to_one_name_their_sum(payload: dict[str, Any]) -> None:
    payload["scenarios"][0]["probability"] = 0.57
    assert faults_of(payload) == {
        "/scenarios": "the probabilities of the scenarios sum to 0.97, they must sum to 1"
    }


@given(excess=st.floats(-1e-5, 1e-5).filter(lambda e: abs(abs(e) - 1e-6) > 1e-9))
def test_the_sum_is_held_to_a_millionth_and_never_rescaled(excess: float) -> None:
    years = {"2024": {"expected": 30_000, "spread": 5_000}}
    payload = {
        "name": "n",
        "edition": "e",
        "cutoff": "2024-06-30",
        "target": {"series": "first_applications", "geo": "NL"},
        "scenarios": [
            {"key": "a", "probability": 0.5, "years": years},
            {"key": "b", "probability": 0.5 + excess, "years": years},
        ],
        "reason": "r",
    }
    if abs(excess) > 1e-6:
        assert list(faults_of(payload)) == ["/scenarios"]
    else:
        assert parse_scenario_set(payload).scenarios[1].probability == 0.5 + excess


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        (put(-1, "scenarios", 0, "years", "2025", "spread"), "/scenarios/0/years/2025/spread", "above 0"),
        (put(0, "scenarios", 0, "years", "2025", "spread"), "/scenarios/0/years/2025/spread", "above 0"),
        (
            put(math.nan, "scenarios", 0, "years", "2025", "spread"),
            "/scenarios/0/years/2025/spread",
            "finite",
        ),
        (
            put(math.inf, "scenarios", 0, "years", "2025", "spread"),
            "/scenarios/0/years/2025/spread",
            "finite",
        ),
        (
            put(1e308, "scenarios", 0, "years", "2025", "spread"),
            "/scenarios/0/years/2025/spread",
            "10,000,000",
        ),
        (put(10**400, "scenarios", 0, "years", "2025", "spread"), "/scenarios/0/years/2025/spread", ""),
        (put("5", "scenarios", 0, "years", "2025", "spread"), "/scenarios/0/years/2025/spread", "number"),
        (put(True, "scenarios", 0, "years", "2025", "spread"), "/scenarios/0/years/2025/spread", "number"),
        (put(1e-300, "scenarios", 0, "years", "2025", "spread"), "/scenarios/0/years/2025/spread", "zero"),
        (put(1e6, "scenarios", 0, "years", "2025", "spread"), "/scenarios/0/years/2025/spread", "5 times"),
        (put(-3, "scenarios", 0, "years", "2025", "expected"), "/scenarios/0/years/2025/expected", "above 0"),
        (put([], "scenarios"), "/scenarios", "at least 1"),
        (put({}, "scenarios"), "/scenarios", "list"),
        (put({}, "scenarios", 0, "years"), "/scenarios/0/years", "at least 1"),
        (put("new_war", "scenarios", 0, "key"), "/scenarios/1/key", "already used by number 1"),
        (put("unforeseen", "scenarios", 0, "key"), "/scenarios/0/key", "reserved"),
        (put("<b>", "scenarios", 0, "key"), "/scenarios/0/key", "pattern"),
        (put("cauchy", "scenarios", 0, "family"), "/scenarios/0/family", "'student_t'"),
        (put("variance", "scenarios", 0, "spreadMeaning"), "/scenarios/0/spreadMeaning", "'half_width_80'"),
        (put(1.5, "scenarios", 0, "probability"), "/scenarios/0/probability", "at most 1"),
        (put(-0.1, "scenarios", 0, "probability"), "/scenarios/0/probability", "at least 0"),
        (put(5, "scenarios", 0, "degreesOfFreedom"), "/scenarios/0/degreesOfFreedom", "belong to student_t"),
        (put(1.0, "unforeseen", "probability"), "/unforeseen/probability", "below 1"),
        (put(1.0, "yearCorrelation"), "/yearCorrelation", "at most 0.99"),
        (put("2024-13-01", "cutoff"), "/cutoff", ""),
        (put(20240630, "cutoff"), "/cutoff", "YYYY-MM-DD"),
        (put("2024-06-30T00:00:00", "cutoff"), "/cutoff", "YYYY-MM-DD"),
        (put("nl", "target", "geo"), "/target/geo", "pattern"),
        (put("departures", "target", "series"), "/target/series", "first_applications"),
        (put("  ", "reason"), "/reason", "blank"),
        (put("x" * 2_001, "reason"), "/reason", "2000"),
        (put("x" * 201, "name"), "/name", "200"),
        (put("x" * 20_001, "scenarios", 0, "narrative"), "/scenarios/0/narrative", "20000"),
        (put(["x"] * 101, "scenarios", 0, "sources"), "/scenarios/0/sources", "at most 100"),
        (put("a\x00b", "scenarios", 0, "label"), "/scenarios/0/label", "U+0000"),
        (put("\ud800", "scenarios", 0, "label"), "/scenarios/0/label", "surrogate"),
        (put(1, "surprise"), "/surprise", "not known"),
        (put(1, "a/b~c"), "/a~1b~0c", "not known"),
        (put(1, "\ud800"), "", "unicode"),
        (put([{"key": "border"}], "events"), "/events/0/years", "required"),
        (
            put({"shares": {"SY": 0.7, "TR": 0.4}, "concentration": 50}, "scenarios", 0, "composition"),
            "/scenarios/0/composition/shares",
            "sum to 1.1",
        ),
    ],
)
def test_each_fault_is_named_where_it_is(
    payload: dict[str, Any], change: Change, field: str, words: str
) -> None:
    change(payload)
    found = faults_of(payload)
    assert field in found
    assert words in found[field]


@pytest.mark.parametrize(
    ("label", "words"),
    [
        ("2023", "before 2024"),
        ("2034", "more than 9 years"),
        ("24", "four digits"),
        ("2024.5", "four digits"),
    ],
)
def test_a_year_outside_the_cutoffs_horizon_is_refused(
    payload: dict[str, Any], label: str, words: str
) -> None:
    for part in (payload["scenarios"][1], payload["unforeseen"]):
        part["years"][label] = {"expected": 30_000, "spread": 5_000}
    found = faults_of(payload)
    assert set(found) == {f"/scenarios/1/years/{label}", f"/unforeseen/years/{label}"}
    assert all(words in detail for detail in found.values())


def test_all_faults_of_shape_and_of_meaning_come_at_once(payload: dict[str, Any]) -> None:
    payload["scenarios"][0]["years"]["2025"]["spread"] = math.nan
    payload["scenarios"][0]["probability"] = 0.57
    payload["scenarios"][1]["key"] = "continuation"
    payload["scenarios"][1]["years"]["2023"] = {"expected": 1, "spread": -1}
    payload["scenarios"][1]["surprise"] = 1
    payload["unforeseen"]["spreadMeaning"] = "half_width_50"
    del payload["name"]
    assert set(faults_of(payload)) == {
        "/name",
        "/scenarios",
        "/scenarios/0/years/2025/spread",
        "/scenarios/1/key",
        "/scenarios/1/years/2023",
        "/scenarios/1/years/2023/spread",
        "/scenarios/1/surprise",
        "/unforeseen/years/2024/spread",
        "/unforeseen/years/2025/spread",
    }


def test_a_list_of_faulty_scenarios_is_not_called_empty(payload: dict[str, Any]) -> None:
    for scenario in payload["scenarios"]:
        scenario["family"] = "cauchy"
    assert set(faults_of(payload)) == {"/scenarios/0/family", "/scenarios/1/family"}


@pytest.mark.parametrize("payload", [None, [], "text", 3.0, True, {}])
def test_what_is_no_set_at_all_is_refused(payload: object) -> None:
    assert faults_of(payload)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text() | st.integers(),
        lambda inner: (
            st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(["scenarios", "years"]), inner)
        ),
    )
)
def test_no_payload_whatever_escapes_as_another_error(anything: object) -> None:
    shaped = {
        "cutoff": "2024-06-30",
        "scenarios": [{"key": "a", "years": anything}, anything],
        "events": anything,
    }
    for payload in (anything, shaped):
        with pytest.raises(InvalidScenarioSet) as refused:
            parse_scenario_set(payload)
        assert str(refused.value.faults).encode("utf-8")


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", "tab\tbell\x07", "Oekraïne — ‘oorlog’ 🇳🇱"])
def test_markup_and_control_characters_are_just_text(payload: dict[str, Any], text: str) -> None:
    payload["scenarios"][0]["label"] = payload["scenarios"][0]["narrative"] = payload["name"] = text
    record = parse_scenario_set(payload)
    assert (record.name, record.scenarios[0].label, record.scenarios[0].narrative) == (text, text, text)


def test_scenarios_may_state_different_years_and_leave_the_cutoffs_own_out(payload: dict[str, Any]) -> None:
    del payload["scenarios"][0]["years"]["2024"]
    payload["scenarios"][1]["years"]["2026"] = {"expected": 40_000, "spread": 9_000}
    record = parse_scenario_set(payload)
    assert [sorted(scenario.years) for scenario in record.scenarios] == [[2025], [2024, 2025, 2026]]


def test_records_cannot_be_changed(scenario_set: ScenarioSet) -> None:
    with pytest.raises(ValueError, match="frozen"):
        scenario_set.scenarios[0].probability = 0.1  # type: ignore[misc]


def test_a_large_but_proper_set_is_accepted(payload: dict[str, Any]) -> None:
    years = {str(year): {"expected": 1e7, "spread": 1e7} for year in range(2024, 2034)}
    payload["scenarios"] = [{"key": f"k{i}", "probability": 1 / 50, "years": years} for i in range(50)]
    assert len(expert_density(parse_scenario_set(payload)).components) == 51
