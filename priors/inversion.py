"""Quantiles from a distribution function and its density: Newton steps kept inside a shrinking bracket.

Serves every density here that is a mixture or a convolution, and knows none of them.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from priors.kernels import FloatArray

Function = Callable[[FloatArray], FloatArray]
_STEPS = 200


def invert(
    cdf: Function, sf: Function, pdf: Function, levels: FloatArray, low: FloatArray, high: FloatArray
) -> FloatArray:
    """Where `cdf` reaches `levels` in (0, 1), to 1e-12 relative; each lies between `low` and `high`."""
    x, last_move = 0.5 * (low + high), high - low
    for _ in range(_STEPS):
        excess = np.where(levels < 0.5, cdf(x) - levels, (1.0 - levels) - sf(x))
        low, high = np.where(excess < 0, x, low), np.where(excess < 0, high, x)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            step = x - excess / pdf(x)
        # A Newton step stays in the bracket and at least halves the last move; else halve the bracket.
        inside = (step > low) & (step < high) & (np.abs(step - x) <= 0.5 * last_move)
        following = np.where(inside, step, 0.5 * (low + high))
        done = (
            (np.abs(following - x) <= 1e-13 * np.abs(x)) | (high - low <= 1e-12 * np.abs(x)) | (excess == 0)
        )
        last_move, x = np.abs(following - x), np.where(excess == 0, x, following)
        if np.all(done):
            break
    return np.asarray(x, dtype=np.float64)
