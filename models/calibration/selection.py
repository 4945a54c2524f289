"""Which archived forecasts an evaluation is about, and why the others are not.

filter -> newest of each key -> issued before the target year ended -> target year realised

Everything left out is counted with its reason. Nothing left raises NoOverlap, which names the years on both sides.
This module must not know densities or scores.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.calibration.answer import LeftOut, LeftOutReason
from models.calibration.archive import issued_after_target
from models.calibration.records import ArchivedForecast, EvaluationFilter, Realised

Array = NDArray[np.float64]

_SENTENCES: dict[LeftOutReason, str] = {
    "superseded": "replaced by a later forecast of the same edition, stage, issuer and year",
    "issued_after_target_year": "issued after the target year had ended: no forecast any more",
    "no_realisation": "the target year has no complete realisation yet",
}


class NoOverlap(ValueError):
    """No selected forecast speaks of a realised year; the message names the years on both sides."""


@dataclass(frozen=True, eq=False)
class Selected:
    """`forecasts` with the outcome of each, `realised` (case,) persons; the rest in `left_out`."""

    forecasts: tuple[ArchivedForecast, ...]
    realised: Array
    left_out: tuple[LeftOut, ...]


def select(forecasts: Sequence[ArchivedForecast], realised: Realised, chosen: EvaluationFilter) -> Selected:
    """The forecasts to evaluate, ordered by issue, edition, target year, stage, issuer and expert.

    Raises NoOverlap when none is left.
    """
    wanted = [one for one in forecasts if matches(one, chosen)]
    if not wanted:
        raise NoOverlap("no archived forecast matches the filter")
    in_force = {id(one) for one in newest(wanted)}
    kept, superseded = _split(wanted, lambda one: id(one) in in_force)
    kept, late = _split(kept, lambda one: not issued_after_target(one))
    kept, open_years = _split(kept, lambda one: one.target_year in realised.values)
    if not kept:
        raise NoOverlap(_no_overlap(wanted, late, realised))
    kept = sorted(kept, key=lambda one: (one.issued_on, one.edition, one.target_year, *one.key[5:]))
    left = (
        _left_out("superseded", superseded),
        _left_out("issued_after_target_year", late),
        _left_out("no_realisation", open_years),
    )
    outcomes = np.array([float(realised.values[one.target_year]) for one in kept])
    return Selected(tuple(kept), outcomes, tuple(reason for reason in left if reason is not None))


def matches(forecast: ArchivedForecast, chosen: EvaluationFilter) -> bool:
    """Whether the filter lets a forecast through."""
    first, last = chosen.target_years or (forecast.target_year, forecast.target_year)
    return (
        (forecast.series, forecast.geo, forecast.citizen) == (chosen.series, chosen.geo, chosen.citizen)
        and chosen.issuer in (None, forecast.issuer)
        and chosen.stage in (None, forecast.stage)
        and chosen.expert in (None, forecast.expert)
        and first <= forecast.target_year <= last
    )


def newest(forecasts: Iterable[ArchivedForecast]) -> list[ArchivedForecast]:
    """Of forecasts with one key the one issued last, of those issued on one day the one listed last."""
    found: dict[tuple[str, ...], ArchivedForecast] = {}
    for one in forecasts:
        held = found.get(one.key)
        if held is None or one.issued_on >= held.issued_on:
            found[one.key] = one
    return list(found.values())


def _split(
    forecasts: Iterable[ArchivedForecast], keep: Callable[[ArchivedForecast], bool]
) -> tuple[list[ArchivedForecast], list[ArchivedForecast]]:
    kept: list[ArchivedForecast] = []
    dropped: list[ArchivedForecast] = []
    for one in forecasts:
        (kept if keep(one) else dropped).append(one)
    return kept, dropped


def _left_out(reason: LeftOutReason, dropped: Sequence[ArchivedForecast]) -> LeftOut | None:
    if not dropped:
        return None
    return LeftOut(
        reason=reason,
        count=len(dropped),
        editions=tuple(sorted({one.edition for one in dropped})),
        target_years=tuple(sorted({one.target_year for one in dropped})),
        detail=_SENTENCES[reason],
    )


def _no_overlap(
    wanted: Sequence[ArchivedForecast], late: Sequence[ArchivedForecast], realised: Realised
) -> str:
    said = f"forecasts speak of {years_in_words(one.target_year for one in wanted)}"
    came = f"realisations are complete for {years_in_words(realised.values)}"
    partly = f", partly counted: {years_in_words(realised.incomplete)}" if realised.incomplete else ""
    too_late = f"; {len(late)} were issued after their target year had ended" if late else ""
    return f"no forecast can be compared with an outcome: {said}, {came}{partly}{too_late}"


def years_in_words(years: Iterable[int]) -> str:
    """Years as runs: 2017-2019, 2022; "no year" for none."""
    runs: list[list[int]] = []
    for year in sorted(set(years)):
        if runs and year == runs[-1][-1] + 1:
            runs[-1].append(year)
        else:
            runs.append([year])
    return ", ".join(str(r[0]) if len(r) == 1 else f"{r[0]}-{r[-1]}" for r in runs) or "no year"
