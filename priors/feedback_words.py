"""How feedback writes numbers, chances and names, in English and in Dutch. Must not know what is said with them."""

from __future__ import annotations

from priors.mixture import UNFORESEEN_KEY, Component
from priors.records import ScenarioSet


def name_en(part: Component, scenario_set: ScenarioSet) -> str:
    """How a sentence names a part of the density."""
    if part.key == UNFORESEEN_KEY:
        return "The unforeseen part"
    labels = {scenario.key: scenario.label for scenario in scenario_set.scenarios}
    return f"Scenario “{labels.get(part.key) or part.key}”"


def name_nl(part: Component, scenario_set: ScenarioSet) -> str:
    """Hoe een zin een deel van de verdeling noemt."""
    if part.key == UNFORESEEN_KEY:
        return "Het onvoorziene deel"
    labels = {scenario.key: scenario.label for scenario in scenario_set.scenarios}
    return f"Scenario “{labels.get(part.key) or part.key}”"


def persons_nl(value: float) -> str:
    """Persons, with points between thousands."""
    return f"{value:,.0f}".replace(",", ".")


def chance_nl(probability: float) -> str:
    """A chance with a decimal comma."""
    if 0 < probability < 0.001:
        return "minder dan 0,1%"
    if 0.999 < probability < 1:
        return "meer dan 99,9%"
    return chance_en(probability).replace(".", ",")


def list_nl(items: list[int] | list[str]) -> str:
    """Words with `en` before the last."""
    words = [str(item) for item in items]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} en {words[-1]}"


def persons_en(value: float) -> str:
    """Persons, with commas between thousands."""
    return f"{value:,.0f}"


def chance_en(probability: float) -> str:
    """A chance in percent, as finely as it matters."""
    if 0 < probability < 0.001:
        return "less than 0.1%"
    if 0.999 < probability < 1:
        return "more than 99.9%"
    return (
        f"{probability:.0%}" if 0.1 <= probability <= 0.9 or probability in (0, 1) else f"{probability:.1%}"
    )


def list_en(items: list[int] | list[str]) -> str:
    """Words with `and` before the last."""
    words = [str(item) for item in items]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
