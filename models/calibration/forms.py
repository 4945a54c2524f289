"""The forms in which forecasts are stated, each answering the same questions for all its cases at once.

Quantiles answer from stated levels only (0.667 counts as 2/3): nothing is interpolated but the median, on the
normal-score scale of the logs between the two levels around it. A point is a median. Draws are their own empirical
distribution, their density a Gaussian kernel on the logs (Silverman's bandwidth). NaN marks what a form does not say.
Axis order: case, then level. This module must not know editions, stages or bias.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp, ndtri

from models.calibration.mixture_crps import crps_of_mixtures
from models.calibration.mixtures import Mixtures
from models.scores import crps_of_draws, pit_bounds

Array = NDArray[np.float64]

LEVEL_TOLERANCE = 0.002


class Form(Protocol):
    """What can be asked of cases stated alike; outcomes `y` (case,), thresholds (threshold,) in persons."""

    def quantiles(self, levels: Array) -> Array: ...

    def medians(self) -> Array: ...

    def pit(self, y: Array) -> tuple[Array, Array]: ...

    def crps(self, y: Array) -> Array: ...

    def log_score(self, y: Array) -> Array: ...

    def exceedance(self, thresholds: Array) -> Array: ...


@dataclass(frozen=True, eq=False)
class QuantileForm:
    """`values` (case, level) at `levels` (level,), rising."""

    levels: Array
    values: Array

    def quantiles(self, levels: Array) -> Array:
        out = np.full((len(self.values), len(levels)), np.nan)
        for place, level in enumerate(levels):
            nearest = int(np.argmin(np.abs(self.levels - level)))
            if abs(self.levels[nearest] - level) <= LEVEL_TOLERANCE:
                out[:, place] = self.values[:, nearest]
        return out

    def medians(self) -> Array:
        exact = self.quantiles(np.array([0.5]))[:, 0]
        above = int(np.searchsorted(self.levels, 0.5))
        if np.isfinite(exact).all() or above in (0, len(self.levels)):
            return exact
        z = ndtri(self.levels[above - 1 : above + 1])
        with np.errstate(divide="ignore"):
            ends = np.log(self.values[:, above - 1 : above + 1])
        return np.asarray(np.exp(ends[:, 0] + (ends[:, 1] - ends[:, 0]) * -z[0] / (z[1] - z[0])))

    def pit(self, y: Array) -> tuple[Array, Array]:
        return pit_bounds(self.levels, self.values.T, y)

    def crps(self, y: Array) -> Array:
        return np.full(len(y), np.nan)

    def log_score(self, y: Array) -> Array:
        return np.full(len(y), np.nan)

    def exceedance(self, thresholds: Array) -> Array:
        return np.full((len(self.values), len(thresholds)), np.nan)


@dataclass(frozen=True, eq=False)
class DrawForm:
    """`draws` (case, draw), sorted along the draws."""

    draws: Array

    def quantiles(self, levels: Array) -> Array:
        return np.asarray(np.quantile(self.draws, levels, axis=1).T)

    def medians(self) -> Array:
        return self.quantiles(np.array([0.5]))[:, 0]

    def pit(self, y: Array) -> tuple[Array, Array]:
        """Between the ranks around the outcome: exact but for one draw's share, more where draws tie with it."""
        below, at_most = ((self.draws < y[:, None]).sum(1), (self.draws <= y[:, None]).sum(1))
        size = self.draws.shape[1] + 1
        return below / size, (at_most + 1) / size

    def crps(self, y: Array) -> Array:
        return crps_of_draws(self.draws.T, y)

    def log_score(self, y: Array) -> Array:
        out = np.full(len(y), np.nan)
        usable = (self.draws[:, 0] > 0) & (y > 0) & (self.draws[:, -1] > self.draws[:, 0])
        logs, at = np.log(self.draws[usable]), np.log(y[usable])
        quartiles = np.quantile(logs, [0.25, 0.75], axis=1)
        width = np.minimum(logs.std(axis=1), (quartiles[1] - quartiles[0]) / 1.34)
        width = 0.9 * np.where(width > 0, width, logs.std(axis=1)) * logs.shape[1] ** -0.2
        z = (at[:, None] - logs) / width[:, None]
        density = logsumexp(-(z**2) / 2, axis=1) - np.log(logs.shape[1] * width * np.sqrt(2 * np.pi))
        out[usable] = at - density
        return out

    def exceedance(self, thresholds: Array) -> Array:
        above = [(self.draws > threshold).mean(axis=1) for threshold in thresholds]
        return np.array(above).reshape(len(thresholds), len(self.draws)).T


@dataclass(frozen=True, eq=False)
class MixtureForm:
    """Scenario mixtures, exact."""

    table: Mixtures

    def quantiles(self, levels: Array) -> Array:
        return self.table.ppf(levels)

    def medians(self) -> Array:
        return self.table.ppf(np.array([0.5]))[:, 0]

    def pit(self, y: Array) -> tuple[Array, Array]:
        exact = self.table.cdf(y[:, None])[:, 0]
        return exact, exact

    def crps(self, y: Array) -> Array:
        return crps_of_mixtures(self.table, y)

    def log_score(self, y: Array) -> Array:
        with np.errstate(divide="ignore"):
            return np.asarray(-np.log(self.table.pdf(y[:, None])[:, 0]))

    def exceedance(self, thresholds: Array) -> Array:
        return 1 - self.table.cdf(np.broadcast_to(thresholds, (self.table.cases, len(thresholds))))


def sorted_draws(draws: Sequence[Sequence[float]]) -> DrawForm:
    """Draws of equal number (case, draw)."""
    return DrawForm(np.sort(np.asarray(draws, dtype=float), axis=1))
