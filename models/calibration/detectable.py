"""The smallest bias this archive could have shown: power by simulation of its own shape.

    scales ~ posterior,   errors = Z x + noise with bias 0,   power(b) = mean over archives and both signs of
                                                                        [errors + b demonstrate a bias]

Every simulated archive is fitted as the real one was. A bias added to all errors moves the conditional means and leaves
the draws of the scales, so that one fit of each archive gives its verdict at every b. The same archives give the share
of false alarms, power(0). This module must not know forecasts or cells.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.calibration.bias_posterior import demonstrated
from models.calibration.gaussian_draws import (
    EDITION,
    FIRST_POOLED,
    NOISE,
    SHOCK,
    GaussianDraws,
    Structure,
    carried_over,
    draw_scales,
)

Array = NDArray[np.float64]

POWER = 0.8
DRAWS, TUNE = 250, 80
FEWEST = 40
_WORK = 9e7
"""Cases times squared columns, over all simulated archives: about half a minute."""
_BIASES = np.concatenate([np.linspace(0.0, 1.0, 51), np.linspace(1.1, 2.0, 10)])


@dataclass(frozen=True, eq=False)
class Detectable:
    """`minimum`: the bias shown with probability POWER, None when none up to 2 is; `false_alarms`: power at 0.

    `archives`: how many were simulated.
    """

    minimum: float | None
    false_alarms: float
    archives: int
    biases: Array
    power: Array


def minimum_detectable(
    structure: Structure,
    found: GaussianDraws,
    prior_sd: float,
    archives: int,
    seed: int,
    report: Callable[[float], None] = lambda fraction: None,
) -> Detectable:
    """Simulate archives of the shape of `structure` with scales from the posterior draws `found`.

    `archives` of them, or fewer for a large shape: its work is bounded, and at least FEWEST are simulated.
    """
    cases, columns = structure.z.shape
    archives = min(archives, max(FEWEST, int(_WORK / (cases * columns**2))))
    rng = np.random.default_rng(seed)
    shown = np.zeros(len(_BIASES))
    for number in range(archives):
        place = int(rng.integers(len(found.rho)))
        errors = simulate_errors(structure, found.scales[place], float(found.rho[place]), rng)
        fitted = draw_scales(structure, errors, DRAWS, TUNE, int(rng.integers(2**32)))
        shown += demonstrated(fitted, prior_sd, _BIASES)
        shown += demonstrated(fitted, prior_sd, -_BIASES)
        report((number + 1) / archives)
    power = shown / (2 * archives)
    return Detectable(_crossing(power), float(power[0]), archives, _BIASES, power)


def simulate_errors(structure: Structure, scales: Array, rho: float, rng: np.random.Generator) -> Array:
    """Log errors (case,) of an unbiased archive of this shape."""
    s = structure
    pooled = rng.standard_normal(len(s.pooled)) * scales[FIRST_POOLED + s.pooled]
    carried = carried_over(rho, s.gap)
    fresh = rng.standard_normal(len(s.gap)) * scales[EDITION] * np.sqrt(1 - carried**2)
    editions = np.empty(len(s.gap))
    for place, (keep, new) in enumerate(zip(carried, fresh, strict=True)):
        editions[place] = new + (keep * editions[place - 1] if keep != 0 else 0.0)
    mixture = _mixture(rng, s.freedom[1], int(s.mixture.max()) + 1)[s.mixture]
    shocks = rng.standard_normal(len(s.length)) * scales[SHOCK] * np.sqrt(s.length * mixture)
    noise = rng.standard_normal(len(s.z)) * scales[NOISE] * np.sqrt(_mixture(rng, s.freedom[0], len(s.z)))
    errors = s.z @ np.concatenate([pooled, shocks, [0.0]]) + editions[s.edition] + noise
    if len(s.deviation):
        errors += (scales[-1] * rng.standard_normal(len(s.of_deviation)))[s.deviation]
    return np.asarray(errors)


def _mixture(rng: np.random.Generator, freedom: float, size: int) -> Array:
    """Variances that make a normal a Student-t of unit variance."""
    return np.asarray((freedom - 2) / rng.chisquare(freedom, size))


def _crossing(power: Array) -> float | None:
    """Where the power first reaches POWER, between grid points by a line."""
    reached = np.flatnonzero(power >= POWER)
    if not len(reached):
        return None
    at = int(reached[0])
    if at == 0:
        return 0.0
    share = (POWER - power[at - 1]) / (power[at] - power[at - 1])
    return float(_BIASES[at - 1] + share * (_BIASES[at] - _BIASES[at - 1]))
