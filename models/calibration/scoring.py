"""Scores of every forecast its form allows, and their means.

Point errors use the median; pinball, interval and CRPS are in persons. A quantile-only forecast has pinball and
interval scores at stated levels and no CRPS: a score for a density that nobody stated would be ours, not theirs. A
point has the pinball score at one half. Formulas: models/scores.py. This module must not know bias or peers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.calibration.answer import Coverage, ExceedanceScore, Scores, Skill
from models.calibration.records import EvaluationRequest
from models.calibration.statements import Statements
from models.scores import brier, coverage, interval_score, pinball

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ScoredCases:
    """Everything scored, case by case; NaN where a form does not allow a score.

    `pinball`, `under` (case, level): loss, and 1 where the outcome is at or under the level's quantile, else 0;
    `interval` (case, 2) the ends; `exceedance` (case, threshold) stated chances; the others (case,). `log_error` is NaN
    where the forecast or the outcome is zero.
    """

    outcome: Array
    median: Array
    log_error: Array
    pinball: Array
    interval: Array
    interval_score: Array
    crps: Array
    log_score: Array
    exceedance: Array
    under: Array
    pit_lower: Array
    pit_upper: Array


def score_cases(stated: Statements, outcomes: Array, request: EvaluationRequest) -> ScoredCases:
    """Score each forecast (case,) at its outcome (case,) persons."""
    tail = (1 - request.interval_probability) / 2
    both = stated.quantiles((*request.levels, tail, 1 - tail))
    quantiles, ends = both[:, :-2], both[:, -2:]
    centre = stated.medians()
    known = np.isfinite(ends).all(axis=1)
    held = np.full(len(outcomes), np.nan)
    held[known] = interval_score(
        ends[known, 0], ends[known, 1], request.interval_probability, outcomes[known]
    )
    lower, upper = stated.pit(outcomes)
    return ScoredCases(
        outcome=outcomes,
        median=centre,
        log_error=log_errors(centre, outcomes),
        pinball=pinball(quantiles, np.asarray(request.levels), outcomes[:, None]),
        interval=ends,
        interval_score=held,
        crps=stated.crps(outcomes),
        log_score=stated.log_score(outcomes),
        exceedance=stated.exceedance(request.thresholds),
        under=np.where(np.isfinite(quantiles), outcomes[:, None] <= quantiles, np.nan),
        pit_lower=lower,
        pit_upper=upper,
    )


def log_errors(median: Array, outcome: Array) -> Array:
    """log(forecast) - log(realised), positive = too high; NaN where either is not above zero or not known."""
    usable = (median > 0) & (outcome > 0)
    ratio = np.divide(median, outcome, out=np.ones(len(outcome)), where=usable)
    return np.where(usable, np.log(ratio), np.nan)


def mean_scores(scored: ScoredCases, request: EvaluationRequest, skills: Sequence[Skill] = ()) -> Scores:
    """Means over the cases that have each score."""
    error = np.abs(scored.median - scored.outcome)
    relative = np.divide(error, scored.outcome, out=np.full(len(error), np.nan), where=scored.outcome > 0)
    total = scored.pinball.sum(axis=1)
    counted = {
        "mape": relative,
        "meanAbsoluteError": error,
        "meanLogError": scored.log_error,
        "pinballSum": total,
        "intervalScore": scored.interval_score,
        "crps": scored.crps,
        "logScore": scored.log_score,
    }
    by_level = zip(request.levels, scored.pinball.T, strict=True)
    return Scores(
        mape=mean_of(relative),
        mean_absolute_error=mean_of(error),
        mean_log_error=mean_of(scored.log_error),
        pinball={level_name(level): mean_of(column) for level, column in by_level},
        pinball_sum=mean_of(total),
        interval_score=mean_of(scored.interval_score),
        crps=mean_of(scored.crps),
        log_score=mean_of(scored.log_score),
        exceedance=_exceedance(scored, request),
        skill={skill.peer: skill.skill for skill in skills},
        skills=tuple(skills),
        n_scored={name: int(np.isfinite(values).sum()) for name, values in counted.items()}
        | {
            f"pinball.{level_name(level)}": int(np.isfinite(column).sum())
            for level, column in zip(request.levels, scored.pinball.T, strict=True)
        },
    )


def mean_coverage(scored: ScoredCases, request: EvaluationRequest, expected: Array | None = None) -> Coverage:
    """How often the central interval held the outcome, with the exact interval of that share.

    `expected` (simulation,) are shares under perfect calibration with the archive's own overlaps.
    """
    range_95 = (None, None)
    if expected is not None and np.isfinite(expected).all():
        range_95 = tuple(np.quantile(expected, [0.025, 0.975]).tolist())
    decided = np.isfinite(scored.interval).all(axis=1)
    low, high = scored.interval[decided].T
    y = scored.outcome[decided]
    held = (low <= y) & (y <= high)
    exact = coverage(held) if len(held) else None
    return Coverage(
        interval_probability=request.interval_probability,
        inside=int(held.sum()),
        n=len(held),
        share=exact.share if exact else None,
        lower95=exact.low if exact else None,
        upper95=exact.high if exact else None,
        expected_lower95=range_95[0],
        expected_upper95=range_95[1],
        undecided=int((~decided).sum()),
    )


def mean_of(values: Array) -> float | None:
    """Mean of what is known, None when nothing is."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else None


def level_name(level: float) -> str:
    """A level as a key: 0.125, 0.5, 0.6667."""
    return f"{level:.4g}"


def _exceedance(scored: ScoredCases, request: EvaluationRequest) -> tuple[ExceedanceScore, ...]:
    found = []
    for above, stated in zip(request.thresholds, scored.exceedance.T, strict=True):
        known = np.isfinite(stated)
        score = brier(np.clip(stated[known], 0, 1), scored.outcome[known] > above)
        found.append(ExceedanceScore(above=above, brier=mean_of(score), n=int(known.sum())))
    return tuple(found)
