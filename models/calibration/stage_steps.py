"""Where a bias entered: what each step from one stage to the next did to the figure, systematically.

    d_(s,y) = log(stage after) - log(stage before) = step + v_s + noise_(s,y)

Both stages of an edition face the same surprises, which cancel in the difference: no shocks, no outcome, and so far
more power than a comparison of two biases. v_s is the edition's own adjustment, autocorrelated as in the bias model.
Steps are asked side by side and share the chance of a false alarm. This module must not know shocks.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from models.calibration.answer import GroupBias, StageStep
from models.calibration.bias_cells import Cells, structure_of
from models.calibration.bias_posterior import bias_posterior, summary_95
from models.calibration.gaussian_draws import draw_scales
from models.calibration.records import BiasPriors

Array = NDArray[np.float64]

CHAIN = ("experts", "combined", "estimate", "adopted")
DRAWS, TUNE = 2000, 300


def stage_steps(found: Cells, priors: BiasPriors, rope: float, seed: int) -> tuple[StageStep, ...]:
    """The steps between consecutive stages that occur; `found` tells stages apart."""
    present = [stage for stage in CHAIN if stage in found.stages]
    if "experts" not in present and "model" in found.stages:
        present = ["model", *present]
    pairs = list(itertools.pairwise(present))
    steps = [
        _step(found, before, after, priors, rope, len(pairs), seed + k)
        for k, (before, after) in enumerate(pairs)
    ]
    return tuple(step for step in steps if step is not None)


def entered_at(steps: Sequence[StageStep], first_stage: GroupBias | None) -> str | None:
    """The step, or else the first stage, where a bias was demonstrated; the largest step when there are several."""
    shown = [step for step in steps if step.verdict == "bias_demonstrated"]
    if shown:
        largest = max(shown, key=lambda step: abs(step.mean))
        return f"{largest.before} -> {largest.after}"
    if first_stage is not None and first_stage.verdict == "bias_demonstrated":
        return first_stage.group
    return None


def _step(
    found: Cells, before: str, after: str, priors: BiasPriors, rope: float, questions: int, seed: int
) -> StageStep | None:
    paired = _differences(found, before, after)
    if paired is None:
        return None
    structure = structure_of(paired, priors, priors.shock)
    draws = draw_scales(structure, paired.error, DRAWS, TUNE, seed)
    posterior = bias_posterior(draws, priors.bias_sd)
    return StageStep.model_validate(
        {
            "before": before,
            "after": after,
            **summary_95(posterior),
            "probability_in_rope": posterior.within(rope),
            "n": len(paired.error),
            "editions": len(paired.editions),
            "verdict": posterior.verdict(rope, questions),
        }
    )


def _differences(found: Cells, before: str, after: str) -> Cells | None:
    """Cells whose error is the paired difference; None with fewer than two editions that have both stages."""
    by_cell: dict[tuple[int, int], dict[str, int]] = defaultdict(dict)
    for place, stage in enumerate(found.stage.tolist()):
        key = (int(found.edition[place]), int(found.target_year[place]))
        by_cell[key][found.stages[stage]] = place
    both = [(places[before], places[after]) for places in by_cell.values() if {before, after} <= set(places)]
    if not both:
        return None
    old, new = np.array(both).T
    editions, of_edition = np.unique(found.edition[new], return_inverse=True)
    if len(editions) < 2:
        return None
    since = np.cumsum(found.gap)
    starts = np.maximum.accumulate(np.where(found.gap == 0, np.arange(len(found.gap)), 0))
    same_issuer = np.diff(starts[editions], prepend=-1) == 0
    return replace(
        found,
        error=found.error[new] - found.error[old],
        target_year=found.target_year[new],
        horizon=np.zeros(len(new), dtype=np.int64),
        stage=np.zeros(len(new), dtype=np.int64),
        issuer=np.zeros(len(new), dtype=np.int64),
        edition=of_edition.astype(np.int64),
        gap=np.where(same_issuer, np.diff(since[editions], prepend=0.0), 0.0),
        loading=np.zeros((len(new), 0)),
        length=np.zeros(0),
        half_year=np.zeros(0, dtype=np.int64),
        stages=("",),
        issuers=("",),
        horizons=(0,),
        editions=tuple(found.editions[place] for place in editions),
    )
