"""Events: who excludes whom, what a set may say about them, and the draws in which they occur."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from priors.events import added_amounts, exclusive_groups, slots_of, subset_count
from priors.mixture import ExpertDensity, expert_density
from priors.scenario import InvalidScenarioSet, parse_scenario_set
from priors.summary import year_summary

Payload = dict[str, Any]
YEARS = (2024, 2025, 2026)


def event(key: str, probability: float = 0.3, amount: float = 4_000, **members: Any) -> Payload:
    years = {str(year): {"expected": amount, "spread": 1_000} for year in (2024, 2025)}
    return {"key": key, "probability": probability, "years": years, **members}


def with_events(payload: Payload, *events: Payload) -> ExpertDensity:
    return expert_density(parse_scenario_set({**payload, "events": list(events)}))


def refused(payload: Payload, *events: Payload) -> dict[str, str]:
    with pytest.raises(InvalidScenarioSet) as error:
        parse_scenario_set({**payload, "events": list(events)})
    return {fault.field: fault.detail for fault in error.value.faults}


def test_exclusion_holds_both_ways_and_by_way_of_others() -> None:
    assert exclusive_groups({"a": ["c"], "b": [], "c": [], "d": ["c"]}) == [["a", "c", "d"], ["b"]]
    assert subset_count([["a", "c", "d"], ["b"]]) == 8
    assert subset_count([]) == 1


CASES: dict[str, tuple[Callable[[], list[Payload]], str, str]] = {
    "itself": (lambda: [event("a", excludes=["a"])], "/events/0/excludes/0", "itself"),
    "nobody": (lambda: [event("a", excludes=["b"])], "/events/0/excludes/0", "no event"),
    "no clique": (
        lambda: [event("a", 0.1, excludes=["b", "c"]), event("b", 0.1), event("c", 0.1)],
        "/events/2/excludes",
        "not each other",
    ),
    "too probable together": (
        lambda: [event("a", 0.5, probabilityByScenario={"new_war": 0.9}), event("b", 0.4, excludes=["a"])],
        "/events/1/probability",
        "new_war",
    ),
    "an unknown scenario": (
        lambda: [event("a", probabilityByScenario={"peace": 0.1})],
        "/events/0/probabilityByScenario/peace",
        "no scenario",
    ),
    "the same key": (lambda: [event("a"), event("a")], "/events/1/key", "already used"),
    "a year before the cutoff": (
        lambda: [event("a", years={"2023": {"expected": 1, "spread": 1}})], "/events/0/years/2023", "before",
    ),
    "a year nobody states": (
        lambda: [event("a", years={"2030": {"expected": 1, "spread": 1}})], "/events/0/years/2030", "not stated",
    ),
    "before its start": (lambda: [event("a", start="2025-03")], "/events/0/years/2024", "adds nothing"),
    "nothing at its start": (lambda: [event("a", start="2023-03")], "/events/0/years", "says nothing about 2023"),
    "no start": (lambda: [event("a", start="2025-13")], "/events/0/start", "pattern"),
    "an amount without a sign": (
        lambda: [event("a", amount=0, family="lognormal")], "/events/0/years/2024/expected", "one sign",
    ),
    "a skewed amount too wide": (
        lambda: [event("a", amount=100, family="gamma")], "/events/0/years/2024/spread", "at most",
    ),
    "eleven events": (lambda: [event(f"e{n}") for n in range(11)], "/events", "2,048"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_events_may_not_say(payload: Payload, case: str) -> None:
    events, place, words = CASES[case]
    found = refused(payload, *events())
    assert place in found and words in found[place], found


def test_ten_events_and_cliques_up_to_the_limit_are_taken(payload: Payload) -> None:
    assert with_events(payload, *(event(f"e{n}", 0.05) for n in range(10)))
    clique = [event(f"c{n}", 0.02, excludes=[f"c{m}" for m in range(n)]) for n in range(40)]
    assert slots_of(with_events(payload, *clique).components[0].additions) == 40


def test_a_probability_per_scenario_holds_under_that_scenario_only(payload: Payload) -> None:
    plain = expert_density(parse_scenario_set(payload))
    density = with_events(payload, event("a", 0.2, probabilityByScenario={"new_war": 0.5}))
    for part, before in zip(density.components, plain.components, strict=True):
        chance = {"new_war": 0.5, "unforeseen": 0.0}.get(part.key, 0.2)
        assert part.total(2025).mean() == pytest.approx(
            before.marginal(2025).mean() + chance * 4_000, rel=1e-6
        )


def test_events_move_no_probability_and_no_other_year(payload: Payload) -> None:
    payload["events"] = []
    plain = expert_density(parse_scenario_set(payload))
    density = with_events(payload, event("a", years={"2025": {"expected": -3_000, "spread": 500}}))
    assert [p.probability for p in density.components] == [p.probability for p in plain.components]
    np.testing.assert_array_equal(density.ppf(2024, [0.1, 0.5]), plain.ppf(2024, [0.1, 0.5]))
    assert density.mean(2025) < plain.mean(2025)


def test_truncated_mass_is_shown(payload: Payload) -> None:
    years = {"2025": {"expected": -33_000, "spread": 3_000}}
    summary = year_summary(with_events(payload, event("a", 0.5, years=years)), 2025)
    shown = {part.key: part.removed_by_events for part in summary.components}
    assert shown["continuation"] > 0.05
    assert float(summary.cdf[0]) <= 1e-3 and summary.x[0] >= 0


class TestDraws:
    def normals(self, slots: int, rows: int = 200_000) -> np.ndarray:
        return np.random.default_rng(4).standard_normal((rows, slots * (1 + len(YEARS))))

    def test_an_event_occurs_in_all_its_years_or_in_none(self, payload: Payload) -> None:
        density = with_events(payload, event("a", 0.3, 50_000))
        added = added_amounts(density.components[0].additions, YEARS, 0.8, self.normals(1))
        occurred = added > 10_000
        assert np.array_equal(occurred[:, 0], occurred[:, 1]) and not occurred[:, 2].any()
        assert occurred[:, 0].mean() == pytest.approx(0.3, abs=0.004)
        rows = added[occurred[:, 0], :2]
        assert np.corrcoef(rows.T)[0, 1] == pytest.approx(0.8, abs=0.01)
        assert rows.mean() == pytest.approx(50_000, abs=20) and rows.std() == pytest.approx(1_000, abs=20)

    def test_events_that_exclude_one_another_keep_their_probabilities(self, payload: Payload) -> None:
        density = with_events(payload, event("a", 0.3, 10_000), event("b", 0.5, 1e5, excludes=["a"]))
        added = added_amounts(density.components[0].additions, YEARS, 0.8, self.normals(2))[:, 0]
        assert [((added > low) & (added < high)).mean() for low, high in ((5e3, 5e4), (5e4, 1.1e5))] == [
            pytest.approx(0.3, abs=0.004), pytest.approx(0.5, abs=0.004),
        ]  # fmt: skip

    def test_other_events_are_independent(self, payload: Payload) -> None:
        density = with_events(payload, event("a", 0.3, 10_000), event("b", 0.5, 1e5))
        added = added_amounts(density.components[0].additions, YEARS, 0.8, self.normals(2))[:, 0]
        assert (added > 1.05e5).mean() == pytest.approx(0.15, abs=0.004)
