"""A scenario set as experts would send it, for every test of priors/ to start from."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from priors.scenario import ScenarioSet, parse_scenario_set
from tests.example_set import PAYLOAD


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
