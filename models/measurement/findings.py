"""What a reader must know of the figures a forecast stands on: findings with a severity, a code and numbers.

    info      worth knowing, changes nothing a reader does
    warning   look before the forecast is used
    serious   sources contradict one another, or nothing is settled: do not adopt before it is explained

A finding is data: `code` and `parameters` let a page say it in any language; `detail` says it in English. "Beyond
chance" is a statement of `agreement`: the offset of the months is more than one percent with 97.5 % probability.
This module knows nothing of storage, HTTP or languages other than that sentence.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from models.measurement.beginnings import OddBeginning
from models.measurement.combined import Combined
from models.measurement.sources import SourceFigures
from models.measurement.years import MATERIAL
from models.series import Array

Severity = Literal["info", "warning", "serious"]
Parameter = str | int | float | bool

RECENT = 6
"""Months that findings look back."""

CONTRADICTION = 1.4
"""Ratio of the two sources' figures from which they contradict one another; 1.5 must never pass in silence."""

LARGE = 0.05
"""Part by which sources may differ in the recent months before a reader is warned."""

CERTAIN = 0.975
_LATE = 3
_MOST_CHANGED = 0.1
_NOTICED = 0.002


@dataclass(frozen=True)
class Finding:
    """One remark about the figures of a target."""

    code: str
    severity: Severity
    detail: str
    parameters: dict[str, Parameter]


@dataclass(frozen=True)
class RecentMonth:
    """What each source says of a month; `ratio` is other to reference, `expected_ratio` what their offset says.

    `values` holds published figures by source (None without one), `noise` the part by which the month's own figure
    is uncertain (one standard deviation).
    """

    month: str
    values: dict[str, float | None]
    combined: float | None
    noise: float
    shares: dict[str, float]
    ratio: float | None
    expected_ratio: float | None
    beyond_chance: bool


def data_findings(
    combined: Combined, expected: tuple[str, ...] = (), aside: tuple[OddBeginning, ...] = ()
) -> tuple[Finding, ...]:
    """All findings, the most severe first.

    `expected` names the sources that should have had figures, `aside` are the first figures that are not used.
    """
    found = [*_absent(combined, expected), *_apart(combined), *_changed(combined), *_filled(combined)]
    found += [*_late(combined), *_provisional(combined), *(_set_aside(odd) for odd in aside)]
    order = {"serious": 0, "warning": 1, "info": 2}
    return tuple(sorted(found, key=lambda finding: order[finding.severity]))


def recent_months(combined: Combined, number: int = RECENT) -> tuple[RecentMonth, ...]:
    """The last months in which any source has a figure, oldest first."""
    return tuple(
        _month(combined, int(place)) for place in np.flatnonzero(combined.series.available)[-number:]
    )


def _month(combined: Combined, place: int) -> RecentMonth:
    agreement, values = combined.agreement, {}
    for figures in combined.figures:
        count = figures.series.counts[place]
        values[figures.source] = float(count) if np.isfinite(count) else None
    ratio = expected = None
    if agreement is not None:
        expected = float(np.exp(np.median(agreement.offset[:, place])))
        if agreement.compared[place]:
            ratio = float(np.exp(agreement.difference[place]))
    return RecentMonth(
        str(combined.series.months[place]),
        values,
        float(combined.series.counts[place]),
        float(np.sqrt(combined.variance[place])),
        {source: float(share[place]) for source, share in combined.shares.items()},
        ratio,
        expected,
        agreement is not None
        and bool(agreement.compared[place])
        and _beyond_chance(agreement.offset[:, place]),
    )


def _absent(combined: Combined, expected: tuple[str, ...]) -> Iterator[Finding]:
    for source in expected:
        if source not in combined.sources:
            yield Finding(
                "source_absent",
                "info",
                f"There are no figures of {source}; the series is {combined.reference} alone.",
                {"source": source, "used": combined.reference},
            )


def _apart(combined: Combined) -> Iterator[Finding]:
    """Whether the sources differ beyond chance in the last six months that both have."""
    if combined.agreement is None or not combined.agreement.compared.any():
        return
    agreement, (ours, theirs) = combined.agreement, combined.figures
    last = np.flatnonzero(agreement.compared)[-RECENT:]
    offset = agreement.offset[:, last].mean(axis=1)
    worst = float(np.abs(agreement.difference[last]).max())
    lower, median, upper = (float(np.expm1(value)) for value in np.quantile(offset, [0.025, 0.5, 0.975]))
    contradict = max(abs(float(np.median(offset))), worst) >= np.log(CONTRADICTION)
    if not contradict and not _beyond_chance(offset):
        return
    months = combined.series.months[last]
    parameters: dict[str, Parameter] = {
        "reference": ours.source, "other": theirs.source, "months": len(last), "first": str(months[0]),
        "last": str(months[-1]), "part": median, "lower": lower, "upper": upper,
        "largest": float(np.expm1(agreement.difference[last][np.abs(agreement.difference[last]).argmax()])),
    }  # fmt: skip
    where = f"In the last {len(last)} months that both have ({months[0]} to {months[-1]})"
    if contradict:
        yield Finding(
            "sources_contradict", "serious",
            f"{where} {theirs.source} and {ours.source} contradict one another: {theirs.source} is "
            f"{_percent(median)} against {ours.source}, {_percent(float(parameters['largest']))} in the worst month. "
            "Find out which of the two is wrong before the forecast is used.",
            parameters,
        )  # fmt: skip
        return
    yield Finding(
        "sources_apart", "warning" if abs(median) >= LARGE else "info",
        f"{where} {theirs.source} is {_percent(median)} against {ours.source} (95%: {_percent(lower)} to "
        f"{_percent(upper)}), which is not chance.",
        parameters,
    )  # fmt: skip


def _changed(combined: Combined) -> Iterator[Finding]:
    """Whether the offset moved within the last twelve months that both have."""
    if combined.agreement is None:
        return
    agreement, (ours, theirs) = combined.agreement, combined.figures
    last = np.flatnonzero(agreement.compared)[-2 * RECENT :]
    if len(last) < 2:
        return
    offset = agreement.offset[:, last]
    if not _beyond_chance(offset[:, -1] - offset[:, 0]):
        return
    before, after = (float(np.expm1(np.median(offset[:, end]))) for end in (0, -1))
    moved = (np.abs(np.diff(offset, axis=1)) > MATERIAL).mean(axis=0)
    month = combined.series.months[last[1 + int(moved.argmax())]]
    yield Finding(
        "offset_changed", "warning" if abs(after - before) >= LARGE else "info",
        f"From about {month} on {theirs.source} counts {_percent(after)} against {ours.source}; before it was "
        f"{_percent(before)}. What is counted may have changed.",
        {"reference": ours.source, "other": theirs.source, "since": str(month), "before": before, "after": after},
    )  # fmt: skip


def _filled(combined: Combined) -> Iterator[Finding]:
    """Months of the reference's own span and after it that only the other source has."""
    if combined.agreement is None:
        return
    ours, theirs = combined.figures
    place = np.flatnonzero(~ours.series.available & theirs.series.available)
    if not len(place):
        return
    months, noise = combined.series.months[place], np.sqrt(combined.variance[place])
    yield Finding(
        "months_filled", "info",
        f"{len(place)} months ({months[0]} to {months[-1]}) that {ours.source} does not have come from "
        f"{theirs.source}, with its offset taken out; the last is uncertain by {noise[-1]:.1%}.",
        {"reference": ours.source, "other": theirs.source, "months": len(place), "first": str(months[0]),
         "last": str(months[-1]), "noise": float(noise[-1])},
    )  # fmt: skip


def _late(combined: Combined) -> Iterator[Finding]:
    """A source that is silent while the other goes on."""
    last = {f.source: f.series.months[f.series.available][-1] for f in combined.figures}
    newest = max(last.values())
    for source, month in last.items():
        behind = int((newest - month).astype(int))
        if behind > _LATE:
            yield Finding(
                "source_late", "warning",
                f"The last month of {source} is {month}, {behind} months before the other source's.",
                {"source": source, "last": str(month), "behind": behind},
            )  # fmt: skip


def _provisional(combined: Combined) -> Iterator[Finding]:
    """Months that are still expected to change, and by how much."""
    for figures in combined.figures:
        seen = figures.series.available
        open_months = seen & (
            figures.provisional | (np.abs(figures.shift) > _NOTICED) | (figures.variance > _NOTICED**2)
        )
        if not open_months.any():
            continue
        everything = bool(figures.provisional[seen].all())
        place = np.flatnonzero(open_months)
        yield Finding(
            "all_provisional" if everything else "months_provisional",
            "serious" if everything else _severity(figures.variance[place]),
            _provisional_sentence(figures, int(place[-1]), len(place), everything),
            {"source": figures.source, "months": len(place), "first": str(figures.series.months[place[0]]),
             "last": str(figures.series.months[place[-1]]), "learned": figures.completeness.learned,
             "revised": figures.completeness.revised, "correction": float(np.expm1(figures.shift[place[-1]])),
             "noise": float(np.sqrt(figures.variance[place[-1]]))},
        )  # fmt: skip


def _set_aside(odd: OddBeginning) -> Finding:
    return Finding("beginning_set_aside", "warning", beginning_sentence(odd), beginning_parameters(odd))


def beginning_sentence(odd: OddBeginning) -> str:
    """What is to be said of a first figure that is not used."""
    return (
        f"The first figure of the level, {odd.count:,.0f} in {odd.month}, lies further from the three after it "
        f"({odd.lowest:,.0f} to {odd.highest:,.0f}) than months do: it is set aside as if it were not known. Check it "
        "with who delivered it."
    )


def beginning_parameters(odd: OddBeginning) -> dict[str, Parameter]:
    """The same as numbers, persons."""
    return {"month": str(odd.month), "count": odd.count, "lowest": odd.lowest, "highest": odd.highest}


def _severity(variance: Array) -> Severity:
    return "warning" if float(np.sqrt(variance.max())) > _MOST_CHANGED else "info"


def _provisional_sentence(figures: SourceFigures, last: int, number: int, everything: bool) -> str:
    how = (
        f"by the revisions of {figures.completeness.revised} earlier figures the last one will change by "
        f"{_percent(float(np.expm1(figures.shift[last])))}, give or take "
        f"{np.sqrt(figures.variance[last]):.1%}"
        if figures.completeness.learned
        else "how far is not known from earlier revisions, so a stated default holds"
    )
    many = "Every figure" if everything else f"{number} figures"
    return f"{many} of {figures.source} may still change: {how}."


def _beyond_chance(offset: Array) -> bool:
    return bool(np.mean(np.abs(offset) > np.log1p(MATERIAL)) > CERTAIN)


def _percent(part: float) -> str:
    return f"{part:+.1%}"
