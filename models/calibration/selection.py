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
from priors.year_words import years_in_words

Array = NDArray[np.float64]

_SENTENCES: dict[LeftOutReason, str] = {
    "superseded": "replaced by a later forecast of the same edition, stage, issuer and year",
    "issued_after_target_year": "issued after the target year had ended: no forecast any more",
    "no_realisation": "the target year has no complete realisation yet",
}


class NoOverlap(ValueError):
    """No selected forecast speaks of a realised year; the message names the years on both sides, `dutch` in Dutch."""

    def __init__(self, detail: str, dutch: str) -> None:
        super().__init__(detail)
        self.dutch = dutch


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
        detail = "no archived forecast matches the filter"
        raise NoOverlap(detail, "Geen gearchiveerde prognose past bij het filter.")
    in_force = {id(one) for one in newest(wanted)}
    kept, superseded = _split(wanted, lambda one: id(one) in in_force)
    kept, late = _split(kept, lambda one: not issued_after_target(one))
    kept, open_years = _split(kept, lambda one: one.target_year in realised.values)
    if not kept:
        spoken = [one.target_year for one in wanted]
        raise no_overlap(spoken, realised.values, realised.incomplete, len(late), len(wanted))
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


def no_overlap(
    spoken: Iterable[int], came: Iterable[int], partly: Iterable[int], late: int, among: int
) -> NoOverlap:
    """Why nothing can be compared: years forecasts speak of, years realised and years partly counted.

    `late` of `among` forecasts were issued after their target year had ended.
    """
    english = (
        f"no forecast can be compared with an outcome: forecasts speak of {years_in_words(spoken, 'no year')}, "
        f"realisations are complete for {years_in_words(came, 'no year')}"
    )
    dutch = (
        f"Geen prognose is met een uitkomst te vergelijken: prognoses gaan over {years_in_words(spoken, 'geen jaar')}, "
        f"realisaties zijn volledig voor {years_in_words(came, 'geen jaar')}"
    )
    if half := years_in_words(partly):
        english, dutch = f"{english}, partly counted: {half}", f"{dutch}, deels geteld: {half}"
    if late:
        english += f"; {late} of {among} were issued after their target year had ended"
        dutch += f"; {late} van de {among} verschenen pas na afloop van hun doeljaar"
    return NoOverlap(english, f"{dutch}.")
