"""What the figures of a series are worth on a day: sources, completeness, the months and years they differ, findings.

    stored figures -> what was known on the day -> one series out of the sources (`models.measurement`) -> this answer

The same computation gives a forecast its series, so a forecast and this address say the same of the same day. Its
HTTP face only; computes nothing, stores nothing.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Query

from priors.records import CalendarDate
from service.api.context import Sessions
from service.api.shapes import Shape, Slug
from service.problems import documented, not_found
from service.security import AnyCaller
from service.storage.base import reading
from service.storage.realisations import load_realisations

if TYPE_CHECKING:
    from models.measurement.combined import Combined
    from models.measurement.sources import SourceFigures

router = APIRouter(prefix="/data-quality", tags=["realisations"])
_NOTED_AGES = (0, 1, 2, 3, 6, 12)
_LAST_YEAR = 12


class FindingShape(Shape):
    """A remark about the figures; `code` and `parameters` let a page say it in its own language."""

    code: str
    severity: Literal["info", "warning", "serious"]
    detail: str
    parameters: dict[str, Any]


class AgeShape(Shape):
    """What is still to come of a figure so many whole months old: a part of it, and the standard deviation of that."""

    age: int
    expected_growth: float
    sd: float


class SourceQuality(Shape):
    """One source: its months, what part of the series it decides, and how complete its recent figures are.

    `completenessLearned` is false where the source never revised enough figures to learn from; a stated default then
    holds for figures flagged provisional.
    """

    source: str
    months: int
    first_month: str
    last_month: str
    share: float
    share_last_year: float
    provisional: int
    completeness_learned: bool
    completeness: list[AgeShape]


class MonthQuality(Shape):
    """What each source says of a month (null: nothing) and what the forecast uses.

    `ratio` is the second source to the first, `expectedRatio` what their offset says; `noise` is one standard
    deviation as a part of `combined`.
    """

    month: str
    values: dict[str, float | None]
    combined: float | None
    noise: float
    shares: dict[str, float]
    ratio: float | None
    expected_ratio: float | None
    beyond_chance: bool


class YearQuality(Shape):
    """First source minus second in the months of a year that both count, persons, and as a part of the first."""

    year: int
    months: int
    difference: float
    part: float
    chance: float
    beyond_chance: bool
    expected: float
    lower95: float
    upper95: float


class DataQuality(Shape):
    series: str
    geo: str
    citizen: str
    as_of: date
    reference: str
    sources: list[SourceQuality]
    findings: list[FindingShape]
    recent: list[MonthQuality]
    years: list[YearQuality]


@router.get(
    "",
    response_model=DataQuality,
    responses={404: documented("No source had a figure of this series and country on that day.")},
    summary="What the figures of a series are worth on a day",
)
def read_data_quality(
    _caller: AnyCaller,
    sessions: Sessions,
    series: Annotated[Slug, Query()],
    geo: Annotated[Slug, Query()],
    citizen: Annotated[Slug, Query()] = "TOTAL",
    as_of: Annotated[
        CalendarDate | None, Query(alias="asOf", description="As known at the end of this day.")
    ] = None,
) -> DataQuality:
    from models.measurement.combined import combined_series
    from models.measurement.findings import data_findings, recent_months
    from models.measurement.panel import beginnings_aside
    from models.measurement.sources import expected_sources, measuring_sources, monthly_totals
    from models.measurement.years import yearly_differences

    day = as_of or datetime.now(UTC).date()
    with reading(sessions) as session:
        rows = monthly_totals(load_realisations(session, series, citizen=citizen))
    sources = measuring_sources(rows, geo, day)
    if not sources:
        what = f"{series} of {geo} ({citizen}) known on {day}"
        raise not_found(f"figure of {what}", f"cijfer van {series} in {geo} ({citizen}) bekend op {day}")
    combined = combined_series(rows, geo, day, sources=sources)
    aside = beginnings_aside(rows, geo, day, combined)
    findings = data_findings(combined, expected_sources(geo, sources), aside)
    return DataQuality(
        series=series,
        geo=geo,
        citizen=citizen,
        as_of=day,
        reference=combined.reference,
        sources=[_source(combined, figures) for figures in combined.figures],
        findings=[FindingShape.model_validate(finding) for finding in findings],
        recent=[MonthQuality.model_validate(month) for month in recent_months(combined)],
        years=[
            YearQuality.model_validate({**vars(year), "lower95": year.lower, "upper95": year.upper})
            for year in yearly_differences(combined)
        ],
    )


def _source(combined: Combined, figures: SourceFigures) -> SourceQuality:
    import numpy as np

    months = figures.series.months[figures.series.available]
    mean, variance = figures.completeness.of(np.array(_NOTED_AGES))
    ages = zip(_NOTED_AGES, np.expm1(mean).tolist(), np.sqrt(variance).tolist(), strict=True)
    learned = figures.completeness.learned
    return SourceQuality(
        source=figures.source,
        months=len(months),
        first_month=str(months[0]),
        last_month=str(months[-1]),
        share=combined.mean_shares()[figures.source],
        share_last_year=combined.mean_shares(_LAST_YEAR)[figures.source],
        provisional=int(figures.provisional.sum()),
        completeness_learned=learned,
        completeness=[AgeShape(age=a, expected_growth=g, sd=s) for a, g, s in ages] if learned else [],
    )
