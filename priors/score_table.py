"""The map between a belief's totals and standard normal scores, exact and as a table for fast draws.

    z = Phi^-1(F(x)),   x = F^-1(Phi(z))

Where x is a closed form in z (priors/families.py) draws use it; else a table does. It holds x on an even grid in z and,
per cell, the cubic through the four nearest nodes, so that a draw costs one lookup and three multiplications. For
|z| <= 5 its error is below 1e-6 of the total or of the spread; scores off the grid (a chance of 6e-14 per draw) are
taken at its end. Must not know years or scenarios.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from priors.families import Marginal
from priors.kernels import FloatArray

_END = 7.5
_NODES = 1025
# A triangular belief has a kink, its map a jump in the second derivative, and needs a finer grid; the map of a
# lognormal one is smooth, and quantiles of the last two families cost ten times as much as the others'.
_NODES_OF = {"triangular": 4097, "lognormal": 513, "gamma": 513, "pert": 513}


@dataclass(frozen=True, eq=False)
class ScoreTable:
    """`x_grid` (node,) totals in persons, strictly ascending, at the evenly spaced scores `z_grid` (node,).

    `cubics` (power, cell) are the coefficients of x in the position within the cell, 0 to 1.
    """

    x_grid: FloatArray
    z_grid: FloatArray
    cubics: FloatArray

    def totals(self, scores: FloatArray) -> FloatArray:
        """Totals (persons) at scores of any shape."""
        first, cells = float(self.z_grid[0]), self.z_grid.size - 1
        position = np.clip((scores - first) * (cells / (float(self.z_grid[-1]) - first)), 0.0, float(cells))
        cell = np.minimum(position.astype(np.intp), cells - 1)
        position -= cell
        single = position.dtype == np.float32
        constant, linear, square, cube = self._single_cubics if single else self.cubics
        totals: FloatArray = cube.take(cell)
        for coefficient in (square, linear, constant):
            totals *= position
            totals += coefficient.take(cell)
        # Where a very skewed map rises steeply the cubic can dip below the lowest total, even under zero.
        return np.clip(totals, float(self.x_grid[0]), float(self.x_grid[-1]), out=totals)

    @cached_property
    def _single_cubics(self) -> FloatArray:
        return self.cubics.astype(np.float32)

    def scores(self, totals: FloatArray) -> FloatArray:
        """Scores at totals of any shape by linear interpolation; totals beyond the table get its ends."""
        return np.asarray(np.interp(totals, self.x_grid, self.z_grid), dtype=np.float64)


def normal_score(marginal: Marginal, x: ArrayLike) -> FloatArray:
    """Exact standard normal scores of totals `x` (persons), any shape; -inf and inf outside the support."""
    totals = np.asarray(x, dtype=np.float64)
    lower, scores = totals < marginal.ppf(0.5), np.empty(totals.shape)
    # Only the smaller tail keeps its digits, and each tail costs time.
    scores[lower] = special.ndtri(marginal.cdf(totals[lower]))
    scores[~lower] = -special.ndtri(marginal.sf(totals[~lower]))
    return scores


def totals_at(marginal: Marginal, scores: FloatArray) -> FloatArray:
    """Totals (persons) at scores of any shape, in their precision: in closed form or else from the table."""
    exact = marginal.at_scores(scores)
    return score_table(marginal).totals(scores) if exact is None else exact


@lru_cache(maxsize=512)
def score_table(marginal: Marginal) -> ScoreTable:
    """The table of one belief; kept, since an edit of one scenario leaves the others' beliefs as they are."""
    nodes = _NODES_OF.get(marginal.family, _NODES)
    z = np.linspace(-_END, _END, nodes)
    middle = nodes // 2
    x = np.concatenate([marginal.ppf(special.ndtr(z[:middle])), marginal.isf(special.ndtr(-z[middle:]))])
    first, last = _strict_range(x)
    x, z = x[first:last], z[first:last]
    for array in (x, z):
        array.flags.writeable = False
    return ScoreTable(x, z, _cubics(x))


def _strict_range(x: FloatArray) -> tuple[int, int]:
    # Next to a floor or an upper end neighbouring nodes can round to one number, in a very skewed belief to zero;
    # the table ends before that.
    flat = np.flatnonzero((np.diff(x) <= 0) | (x[:-1] <= 0))
    middle = x.size // 2
    below, above = flat[flat < middle], flat[flat >= middle]
    return (int(below[-1]) + 1 if below.size else 0), (int(above[0]) + 1 if above.size else x.size)


def _cubics(x: FloatArray) -> FloatArray:
    # Third-order extrapolation gives the outermost cells a neighbour.
    before = 4 * x[0] - 6 * x[1] + 4 * x[2] - x[3]
    after = 4 * x[-1] - 6 * x[-2] + 4 * x[-3] - x[-4]
    padded = np.concatenate([[before], x, [after]])
    a, b, c, d = padded[:-3], padded[1:-2], padded[2:-1], padded[3:]
    linear = -a / 3 - b / 2 + c - d / 6
    square = (a + c) / 2 - b
    cube = (d - a) / 6 + (b - c) / 2
    return np.ascontiguousarray(np.stack([b, linear, square, cube]))
