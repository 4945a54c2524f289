"""Modes and gaps of a density drawn on a grid.

A mode is a local maximum; two neighbours count as one when the valley between them is no lower than 90% of
the lower peak. A gap is where the density between two modes falls under 10% of the lower peak. Must not know
scenarios.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from priors.kernels import FloatArray

_SAME_MODE = 0.9
_GAP = 0.1
_VISIBLE = 0.01


@dataclass(frozen=True)
class Gap:
    """Totals (persons) between which the density is nearly empty."""

    low: float
    high: float


def modes(pdf: FloatArray) -> list[int]:
    """Grid positions of the modes, ascending; `pdf` (point,)."""
    padded = np.concatenate([[-np.inf], pdf, [-np.inf]])
    peaks = np.flatnonzero((padded[1:-1] > padded[:-2]) & (padded[1:-1] >= padded[2:]))
    found: list[int] = []
    for peak in peaks[pdf[peaks] >= _VISIBLE * pdf.max()].tolist():
        if found and pdf[found[-1] : peak + 1].min() >= _SAME_MODE * min(pdf[found[-1]], pdf[peak]):
            found[-1] = max(found[-1], peak, key=lambda at: float(pdf[at]))
        else:
            found.append(peak)
    return found


def gaps(x: FloatArray, pdf: FloatArray) -> list[Gap]:
    """The gaps between neighbouring modes, ascending; `x` and `pdf` (point,)."""
    found = []
    peaks = modes(pdf)
    for left, right in itertools.pairwise(peaks):
        empty = left + np.flatnonzero(pdf[left : right + 1] < _GAP * min(pdf[left], pdf[right]))
        if empty.size:
            found.append(Gap(float(x[empty[0]]), float(x[empty[-1]])))
    return found
