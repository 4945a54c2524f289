"""What each step was worth: scores of the stages on the same editions and years, and of experts and scenarios.

Differences are paired within an edition and target year (experts of a stage averaged) and clustered by both. The score
is the best that both sides state: CRPS of densities, else the pinball loss at common levels, else the absolute error of
the medians. An expert is held against the other experts of the same edition and year, a scenario against the whole
mixture it is part of: what the density would have scored had it occurred for certain. Losses: smaller is better.
This module must not know the bias model.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from models.calibration.answer import ExpertValue, StageValue
from models.calibration.clustered import clustered_mean
from models.calibration.records import STAGES, ArchivedForecast, Stage
from models.calibration.scoring import ScoredCases, mean_of
from models.calibration.statements import statements

Array = NDArray[np.float64]
Score = Literal["crps", "pinball", "absolute_error"]
Cell = tuple[str, str, int]

_COMPARED: dict[Stage, tuple[Stage, ...]] = {
    "experts": (),
    "model": ("experts",),
    "combined": ("experts", "model"),
    "estimate": ("combined", "model", "experts"),
    "adopted": ("estimate", "combined", "model", "experts"),
}


@dataclass(frozen=True, eq=False)
class CellScores:
    """Scores of one stage by cell (issuer, edition, target year), experts averaged; NaN where not stated."""

    crps: dict[Cell, float]
    pinball: dict[Cell, Array]
    absolute_error: dict[Cell, float]


def stage_values(forecasts: Sequence[ArchivedForecast], scored: ScoredCases) -> tuple[StageValue, ...]:
    """Every stage that occurs, in order, with its difference from the nearest stage before it."""
    by_stage = {stage: _cell_scores(forecasts, scored, stage) for stage in STAGES}
    present = [stage for stage in STAGES if by_stage[stage].absolute_error]
    return tuple(_stage_value(stage, by_stage, present) for stage in present)


def expert_values(forecasts: Sequence[ArchivedForecast], scored: ScoredCases) -> tuple[ExpertValue, ...]:
    """Every expert against the mean of the others on the same editions and years."""
    score = scored.crps if np.isfinite(scored.crps).any() else np.abs(scored.median - scored.outcome)
    alike: dict[tuple[str, Cell], list[tuple[str, float]]] = defaultdict(list)
    for one, value in zip(forecasts, score.tolist(), strict=True):
        if one.expert is not None and np.isfinite(value):
            alike[one.stage, _cell(one)].append((one.expert, value))
    pairs: dict[str, list[tuple[float, float, str, int]]] = defaultdict(list)
    for (_, (_, edition, year)), members in alike.items():
        for place, (expert, own) in enumerate(members):
            others = [value for other, (_, value) in enumerate(members) if other != place]
            if others:
                pairs[expert].append((own, float(np.mean(others)), edition, year))
    return tuple(_expert_value(name, pairs[name]) for name in sorted(pairs))


def scenario_values(forecasts: Sequence[ArchivedForecast], scored: ScoredCases) -> tuple[ExpertValue, ...]:
    """Every scenario's own density against the mixture it is part of, by the scenario's key."""
    alone, whole, names = [], [], []
    for one, crps in zip(forecasts, scored.crps.tolist(), strict=True):
        if one.scenarios is None or len(one.scenarios) < 2:
            continue
        for scenario in one.scenarios:
            certain = scenario.model_copy(update={"probability": 1.0})
            alone.append(one.model_copy(update={"scenarios": (certain,)}))
            whole.append(crps)
            names.append(scenario.key)
    if not alone:
        return ()
    of_case = {id(one): y for one, y in zip(forecasts, scored.outcome.tolist(), strict=True)}
    outcome = _outcomes_of(alone, forecasts, of_case)
    own = statements(alone).crps(outcome)
    pairs: dict[str, list[tuple[float, float, str, int]]] = defaultdict(list)
    for name, one, mine, mixture in zip(names, alone, own.tolist(), whole, strict=True):
        pairs[name].append((mine, mixture, one.edition, one.target_year))
    return tuple(_expert_value(name, pairs[name]) for name in sorted(pairs))


def _outcomes_of(
    alone: Sequence[ArchivedForecast], forecasts: Sequence[ArchivedForecast], of_case: dict[int, float]
) -> Array:
    """An outcome belongs to a target year."""
    by_year = {one.target_year: of_case[id(one)] for one in forecasts}
    return np.array([by_year[one.target_year] for one in alone])


def _stage_value(stage: Stage, by_stage: dict[Stage, CellScores], present: Sequence[Stage]) -> StageValue:
    own = by_stage[stage]
    against = next((other for other in _COMPARED[stage] if other in present), None)
    pinball = np.array([np.nanmean(v) for v in own.pinball.values() if np.isfinite(v).any()])
    numbers: dict[str, object] = {
        "stage": stage,
        "crps": mean_of(np.array(list(own.crps.values()))),
        "pinball": mean_of(pinball),
        "n": len(own.absolute_error),
        "compared_with": against,
        "score": None,
        "difference": None,
        "standard_error": None,
        "lower95": None,
        "upper95": None,
        "pairs": 0,
    }
    paired = _paired(own, by_stage[against]) if against else None
    if paired is not None:
        score, cells, difference = paired
        found = clustered_mean(difference, [f"{c[0]} {c[1]}" for c in cells], [c[2] for c in cells])
        numbers |= {"score": score, "difference": found.mean, "standard_error": found.standard_error}
        numbers |= {"lower95": found.lower95, "upper95": found.upper95, "pairs": found.n}
    return StageValue.model_validate(numbers)


def _paired(own: CellScores, other: CellScores) -> tuple[Score, list[Cell], Array] | None:
    """The best score that both state on at least one cell, with the differences."""
    shared = [cell for cell in own.absolute_error if cell in other.absolute_error]
    candidates: tuple[tuple[Score, Array], ...] = (
        ("crps", np.array([own.crps[c] - other.crps[c] for c in shared])),
        ("pinball", np.array([_common(own.pinball[c], other.pinball[c]) for c in shared])),
        ("absolute_error", np.array([own.absolute_error[c] - other.absolute_error[c] for c in shared])),
    )
    for score, difference in candidates:
        known = np.isfinite(difference)
        # A few densities among many points would not speak for the stage.
        if known.any() and known.sum() >= len(shared) / 2:
            places = np.flatnonzero(known).tolist()
            return score, [shared[place] for place in places], difference[known]
    return None


def _common(own: Array, other: Array) -> float:
    """Mean difference over levels beside the median that both state; NaN where only a median is shared."""
    both = np.isfinite(own) & np.isfinite(other)
    return float(np.mean(own[both] - other[both])) if both.sum() > 1 else float("nan")


def _cell_scores(forecasts: Sequence[ArchivedForecast], scored: ScoredCases, stage: Stage) -> CellScores:
    places: dict[Cell, list[int]] = defaultdict(list)
    error = np.abs(scored.median - scored.outcome)
    for place, one in enumerate(forecasts):
        if one.stage == stage and np.isfinite(error[place]):
            places[_cell(one)].append(place)
    return CellScores(
        crps={cell: float(np.mean(scored.crps[of])) for cell, of in places.items()},
        pinball={cell: np.asarray(scored.pinball[of].mean(axis=0)) for cell, of in places.items()},
        absolute_error={cell: float(np.mean(error[of])) for cell, of in places.items()},
    )


def _cell(forecast: ArchivedForecast) -> Cell:
    return forecast.issuer, forecast.edition, forecast.target_year


def _expert_value(name: str, pairs: Sequence[tuple[float, float, str, int]]) -> ExpertValue:
    own, others = np.array([pair[0] for pair in pairs]), np.array([pair[1] for pair in pairs])
    found = clustered_mean(own - others, [pair[2] for pair in pairs], [pair[3] for pair in pairs])
    return ExpertValue(
        name=name,
        score=float(own.mean()),
        others=float(others.mean()),
        difference=found.mean,
        lower95=found.lower95,
        upper95=found.upper95,
        n=found.n,
    )
