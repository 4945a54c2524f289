"""Scenario sets and what they imply, as the contract writes them; nothing here computes."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from priors.feedback import FeedbackItem
from priors.leave_one_out import LeftOut, leave_one_out
from priors.records import Pool, ScenarioSet
from priors.summary import YearSummary, year_summary
from service.api.shapes import ListShape, Shape
from service.implied import Implied
from service.storage.scenario_sets import StoredSet


class Feedback(Shape):
    """One finding about a set: `value` is the number its sentence is about; `detailNl` says it in Dutch."""

    code: str
    severity: str
    detail: str
    detail_nl: str
    year: int | None = None
    value: float | None = None


class StoredScenarioSet(ScenarioSet):
    """One version of a set, with who stored it when."""

    id: str
    version: int
    status: str
    content_hash: str
    created_by: str
    created_at: datetime


class SavedScenarioSet(StoredScenarioSet):
    """The version just stored, with what it implies in words."""

    feedback: list[Feedback]


class ScenarioSetList(ListShape):
    items: list[StoredScenarioSet]


class IntervalScenarios(Shape):
    """Quantiles in persons: 12.5%, 50%, 2/3 and 87.5%."""

    minimum: float
    median: float
    medio: float
    maximum: float


class DensityCurve(Shape):
    """The density per person and the distribution function at totals `x`."""

    x: list[float]
    pdf: list[float]
    cdf: list[float]


class ComponentPart(Shape):
    """One scenario in a year, events included; `removed` is the probability cut off below what was already counted.

    `removedByEvents` is what events took below it besides.
    """

    key: str
    probability: float
    expected: float
    mean: float
    removed: float
    removed_by_events: float


class YearDensity(Shape):
    year: int
    mean: float
    sd: float
    interval_scenarios: IntervalScenarios
    density: DensityCurve
    components: list[ComponentPart]


class LeftOutYear(IntervalScenarios):
    year: int


class LeftOutEffect(Shape):
    """By how much a scenario, or an expert of a pool, moves each year's interval scenarios, persons."""

    kind: Literal["scenario", "expert"]
    key: str
    years: list[LeftOutYear]


class ScenarioSetDensity(Shape):
    years: list[YearDensity]
    leave_one_out: list[LeftOutEffect]
    feedback: list[Feedback]


class Exceedance(Shape):
    year: int
    above: float
    probability: float


def stored_shape(stored: StoredSet) -> StoredScenarioSet:
    return StoredScenarioSet(**_members(stored))


def saved_shape(stored: StoredSet, feedback: tuple[FeedbackItem, ...]) -> SavedScenarioSet:
    return SavedScenarioSet(**_members(stored), feedback=feedback_shapes(feedback))


def density_shape(implied: Implied, years: tuple[int, ...], pool: Pool | None = None) -> ScenarioSetDensity:
    summaries = [year_summary(implied.density, year) for year in years]
    return ScenarioSetDensity(
        years=[_year(summary) for summary in summaries],
        leave_one_out=[_left_out(one, years) for one in leave_one_out(implied.density, pool)],
        feedback=feedback_shapes(implied.feedback),
    )


def _left_out(one: LeftOut, years: tuple[int, ...]) -> LeftOutEffect:
    rows = [LeftOutYear(year=year, **effect) for year, effect in one.effect.items() if year in years]
    return LeftOutEffect(kind="expert" if one.kind == "expert" else "scenario", key=one.key, years=rows)


def feedback_shapes(items: tuple[FeedbackItem, ...]) -> list[Feedback]:
    return [Feedback.model_validate(item) for item in items]


def _members(stored: StoredSet) -> dict[str, Any]:
    record = {name: getattr(stored.record, name) for name in ScenarioSet.model_fields}
    names = ("id", "version", "status", "content_hash", "created_by", "created_at")
    return {**record, **{name: getattr(stored, name) for name in names}}


def _year(summary: YearSummary) -> YearDensity:
    curve = DensityCurve(x=summary.x.tolist(), pdf=summary.pdf.tolist(), cdf=summary.cdf.tolist())
    return YearDensity(
        year=summary.year,
        mean=summary.mean,
        sd=summary.sd,
        interval_scenarios=IntervalScenarios(**summary.interval_scenarios),
        density=curve,
        components=[ComponentPart.model_validate(part) for part in summary.components],
    )
