"""Whether draws of a sampler and a weighed answer differ by more than their own Monte Carlo errors explain.

A quantile that lies 4% off says little by itself: with some thousand effective draws of a wide total that happens. So
what is compared is the share of draws below it, whose error is known: sqrt(p (1 - p) / effective draws), the draws of
the sampler counted by the autocorrelation of that very indicator (Vehtari et al. 2021).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.backend import az
from models.joint import JointDraws
from models.posterior import Posterior

Array = NDArray[np.float64]

CHAINS = 4
BIAS = 0.01  # what a mixture of six normals may be off in a tail, and a curve between its points
ERRORS = 4.0  # one comparison in sixteen thousand lies further off by chance


class Difference(NamedTuple):
    """A share that the draws reach where the weighed answer says `wanted`, and how far apart they may be."""

    of: str
    reached: float
    wanted: float
    allowed: float


def beyond_noise(found: JointDraws, weighed: Posterior, levels: Sequence[float]) -> list[Difference]:
    """Quantiles of open years and probabilities of components that differ by more than noise; none, if they agree."""
    return [
        one
        for one in (*_quantiles(found, weighed, levels), *_probabilities(found, weighed))
        if not abs(one.reached - one.wanted) <= one.allowed
    ]


def _quantiles(found: JointDraws, weighed: Posterior, levels: Sequence[float]) -> list[Difference]:
    differences = []
    points = weighed.layer.quantiles(levels)
    for column, year in enumerate(weighed.years):
        if np.ptp(found.totals[:, column]) == 0:
            continue
        for level, point in zip(levels, points[:, column], strict=True):
            below = found.totals[:, column] <= point
            differences.append(_difference(f"{level:.3f} of {year}", below, level, weighed))
    return differences


def _probabilities(found: JointDraws, weighed: Posterior) -> list[Difference]:
    """By the draws of each component, and by the shares that each draw gives to all (less noisy, held to the same)."""
    differences = []
    for place, (key, wanted) in enumerate(zip(weighed.keys, weighed.probabilities, strict=True)):
        drawn = _difference(f"draws of {key}", found.component == place, float(wanted), weighed)
        told = drawn._replace(of=f"probability of {key}", reached=float(found.probabilities[place]))
        differences += [drawn, told]
    return differences


def _difference(of: str, indicator: NDArray[np.bool_], wanted: float, weighed: Posterior) -> Difference:
    reached = float(indicator.mean())
    effective = weighed.diagnostics.ess_weighted
    if 0 < reached < 1:
        sampled = float(az.ess(indicator.reshape(CHAINS, -1).astype(float)))
        effective = 1 / (1 / sampled + 1 / effective)
    return Difference(of, reached, wanted, BIAS + ERRORS * float(np.sqrt(wanted * (1 - wanted) / effective)))
