"""A scenario set as experts would send it, for every test of priors/ to start from."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from priors.scenario import ScenarioSet, parse_scenario_set

PAYLOAD: dict[str, Any] = {
    "name": "Eerste asielinstroom 2024-2",
    "edition": "2024-2",
    "cutoff": "2024-06-30",
    "target": {"series": "first_applications", "geo": "NL", "citizen": "TOTAL"},
    "yearCorrelation": 0.8,
    "scenarios": [
        {
            "key": "continuation",
            "label": "Voortzetting",
            "probability": 0.6,
            "family": "lognormal",
            "spreadMeaning": "sd",
            "narrative": "why",
            "sources": ["EUAA"],
            "years": {
                "2024": {"expected": 34000, "spread": 5000},
                "2025": {"expected": 35000, "spread": 8000},
            },
        },
        {
            "key": "new_war",
            "label": "Nieuwe oorlog",
            "probability": 0.4,
            "family": "normal",
            "spreadMeaning": "half_width_80",
            "years": {
                "2024": {"expected": 45000, "spread": 9000},
                "2025": {"expected": 52000, "spread": 14000},
            },
        },
    ],
    "events": [],
    "unforeseen": {
        "probability": 0.05,
        "years": {
            "2024": {"expected": 35000, "spread": 20000},
            "2025": {"expected": 38000, "spread": 25000},
        },
    },
    "reason": "first version",
}


@pytest.fixture
def payload() -> dict[str, Any]:
    """A valid set as decoded JSON, free to be changed."""
    return copy.deepcopy(PAYLOAD)


@pytest.fixture
def scenario_set(payload: dict[str, Any]) -> ScenarioSet:
    return parse_scenario_set(payload)


@pytest.fixture
def one_scenario(payload: dict[str, Any]) -> Callable[..., ScenarioSet]:
    """A set of a single certain scenario: years mapping to (expected, spread), and fields of the scenario."""

    def build(years: dict[int, tuple[float, float]], **fields: Any) -> ScenarioSet:
        beliefs = {str(year): {"expected": mean, "spread": spread} for year, (mean, spread) in years.items()}
        scenario = {"key": "only", "label": "Only", "probability": 1.0, "years": beliefs, **fields}
        return parse_scenario_set({**payload, "scenarios": [scenario], "unforeseen": None})

    return build
