"""The evidence: how probable the later months are, given a set of yearly totals.

    w(N) = p_M(months after the cutoff | N, months up to the cutoff)

The model's months enter through two summaries, all that a local level needs of them:

    u = log(S / (R - S))      S: later months counted in the unfinished year, R: what its months after the cutoff
                              come to, so R - S is still to come; the floor N > counted is part of the variable
    v = the smoothed, deseasonalised log level at the last month

A Gaussian mixture over (u, v, log R, log N_2, ...), fitted to the model's joint draws at the cutoff, gives
p(u, v | log totals); p(S | ...) = p(u | ...) R / (S (R - S)) by change of variable. Being a conditional density
of the data it is bounded, so no draw of the totals can run away with the weight: the reason why experts' draws
are weighed by it and not the model's paths by expert density over model density. A year fully counted has no
summary: its total is a known coordinate.

A mixture with few components misses the shoulders, by up to a tenth of a quantile in a surge. So its logarithm is
corrected by one bounded, piecewise linear function of each year's log total, chosen such that the model's draws at
the cutoff, weighed, have the same yearly marginals as the model continued exactly from the later months (raking:
Deming and Stephan 1940). What the correction learns there it lends to the experts' draws.

Evaluated by the web process, so NumPy and SciPy only; fitted in evidence_fit.py.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from models.gaussian_mixture import DensityRatio, GaussianMixture
from models.observation import Observation
from models.series import log_counts

Array = NDArray[np.float64]

# Draws. No power of two: the columns of a block would compete for the same places in the processor's cache.
_BLOCK = 5_000
_LEAST_TO_COME = 1e-9  # persons, where a total is under what is counted and weighs nothing


@dataclass(frozen=True)
class Smoothing:
    """Typical smoothing weight and seasonal pattern `(calendar month,)`: they define the summary v."""

    alpha: float
    season: Array

    def recent_level(self, logs: Array, months: NDArray[np.datetime64]) -> Array:
        """Exponentially weighted mean of deseasonalised logs `(draw, month)`: an array `(draw,)`."""
        age = np.arange(len(months))[::-1]
        weight = (1 - self.alpha) ** age
        calendar = months.astype(np.int64) % 12
        return np.asarray((logs - self.season[calendar]) @ (weight / weight.sum()))


@dataclass(frozen=True)
class Correction:
    """Piecewise linear functions, one per open year: `knots` and `heights` `(open year, knot)`, flat outside."""

    knots: Array
    heights: Array

    def __call__(self, log_totals: Array) -> Array:
        """What to add to the log evidence at `(draw, open year)`: an array `(draw,)`."""
        # A bend b at knot k adds b max(x - k, 0) = b max(x, k) - b k.
        constant = float(self.heights[:, 0].sum() - (self._bends * self.knots).sum())
        total, bends = (
            np.empty(len(log_totals), log_totals.dtype),
            self._bends.ravel().astype(log_totals.dtype),
        )
        knots = self._single_knots if total.dtype == np.float32 else self.knots[..., None]
        room = np.empty((len(bends), min(_BLOCK, len(total))), total.dtype)
        # In blocks that stay in the processor's cache, all in the same room.
        for start in range(0, len(total), _BLOCK):
            here = log_totals[start : start + _BLOCK].T
            reached = room.reshape(*self.knots.shape, room.shape[1])[..., : here.shape[1]]
            np.maximum(here[:, None], knots[..., : here.shape[1]], out=reached)
            np.matmul(bends, room[:, : here.shape[1]], out=total[start : start + _BLOCK])
        total += constant
        return total

    @cached_property
    def _single_knots(self) -> NDArray[np.float32]:
        """Knots `(open year, knot, draw)` for every draw of a block: two arrays are compared twice as fast as one is
        with a number."""
        return self.knots[..., None].repeat(_BLOCK, axis=2).astype(np.float32)

    @cached_property
    def _bends(self) -> Array:
        """By how much `(open year, knot)` the slope changes at each knot; it is 0 outside them."""
        slopes = np.diff(self.heights, axis=1) / np.diff(self.knots, axis=1)
        return np.diff(slopes, axis=1, prepend=0.0, append=0.0)


@dataclass(frozen=True)
class Evidence:
    """The later months and the mixture over (summaries, log totals) that judges them.

    `mixture` has the summaries first, in the order u, v (each only where it says something), then one
    coordinate per target year that was open at the cutoff.
    """

    observation: Observation
    smoothing: Smoothing
    mixture: GaussianMixture
    correction: Correction | None = None

    @property
    def summaries(self) -> tuple[str, ...]:
        """Which of u and v are in use."""
        return summaries_of(self.observation)

    @cached_property
    def totals_mixture(self) -> GaussianMixture:
        """The model's density at the cutoff of the log totals alone, the q_c of the design."""
        first = len(self.summaries)
        return self.mixture.marginal(range(first, self.mixture.dim))

    def log_totals(self, totals: Array) -> Array:
        """Coordinates `(draw, open year)` of totals `(draw, year)`: logs of what the cutoff did not yet know.

        A total under what is counted has no logarithm; it is read as half a person to come and excluded by
        its weight, so that one impossible draw cannot spoil an array.
        """
        return self._coordinates(totals, 0, np.float64)

    def _coordinates(self, totals: Array, first: int, precision: type[np.floating]) -> Array:
        """As log_totals, behind `first` columns to fill; a column's values stand together."""
        known, years = self.observation.counted_at_cutoff, np.flatnonzero(self.observation.open_at_cutoff)
        points = np.empty((len(totals), first + len(years)), precision, order="F")
        for place, year in enumerate(years, start=first):
            np.subtract(totals[:, year], float(known[year]), out=points[:, place], casting="same_kind")
        logs = points[:, first:]
        if not logs.min(initial=np.inf) >= 0.5:
            np.maximum(logs, 0.5, out=logs)
        np.log(logs, out=logs)
        return points

    def log_evidence(self, totals: Array, flow: Array | None = None) -> Array:
        """`log w(N)` for totals `(draw, year)`, -inf where a total falls under what is counted.

        `flow` `(draw, year)` is what they are without events that begin only in months to come: the months that came
        tell about that, and nothing about what had not begun. By default all of them.
        """
        impossible = self._impossible(totals)
        if self.summaries and flow is not None and flow is not totals:
            totals = flow
            impossible |= self._impossible(flow)
        logs = self._log_conditional(totals) if self.summaries else np.zeros(len(totals))
        logs[impossible] = -np.inf
        return logs

    def _impossible(self, totals: Array) -> NDArray[np.bool_]:
        found, lowest = np.zeros(len(totals), dtype=bool), totals.min(axis=0, initial=np.inf)
        for j in np.flatnonzero(~self.observation.complete & ~(lowest > self.observation.counted)):
            found |= ~(totals[:, j] > float(self.observation.counted[j]))
        return found

    def _log_conditional(self, totals: Array) -> Array:
        first = int("u" in self.summaries)
        points = self._coordinates(totals, first, np.float32)
        ratio, log_constant = self._ratio
        if first:
            points[:, 0], log_jacobian = self._share_so_far(totals)
        logs = ratio(points)
        logs += log_jacobian + log_constant if first else log_constant
        if self.correction:
            logs += self.correction(points[:, first:])
        return logs.astype(np.float64)

    @cached_property
    def _ratio(self) -> tuple[DensityRatio, float]:
        """The density of u and the log totals at the v that came, over that of the log totals, and a log constant."""
        above, log_constant, first = self.mixture, 0.0, int("u" in self.summaries)
        if "v" in self.summaries:
            above, log_constant = above.given(first, self.level_summary)
        return DensityRatio(above, self.totals_mixture, tuple(range(first, above.dim))), log_constant

    @cached_property
    def level_summary(self) -> float:
        """v at the months that came."""
        observed = log_counts(self.observation.later_counts)[None, :]
        return float(self.smoothing.recent_level(observed, self.observation.later_months)[0])

    def _share_so_far(self, totals: Array) -> tuple[Array, Array]:
        """u `(draw,)` at the months that came, and the log Jacobian of the change from S to u."""
        observation, year = self.observation, self.observation.partial_year or 0
        counted = float(observation.later_in_partial_year)
        to_come = np.maximum(totals[:, year] - float(observation.counted[year]), _LEAST_TO_COME)
        u = float(np.log(counted)) - np.log(to_come)
        return u, u + np.log(counted + to_come) - 2 * float(np.log(counted))


def summaries_of(observation: Observation) -> tuple[str, ...]:
    """Which summaries carry information: u for an unfinished year, v unless a single month says it already."""
    later = len(observation.later_counts)
    if not later:
        return ()
    inside = observation.partial_year is not None
    single = later == 1 and int(observation.later_by_year.sum()) == 1
    return (("u",) if inside else ()) + (() if single else ("v",))


def simulated_coordinates(log_paths: Array, observation: Observation, smoothing: Smoothing) -> Array:
    """Points `(draw, summary + open year)` of model draws `(draw, month)` over `observation.horizon_months`."""
    counts = np.exp(log_paths)
    later = len(observation.later_counts)
    of_year = observation.horizon_months.astype("datetime64[Y]").astype(np.int64) + 1970
    columns = []
    for name in summaries_of(observation):
        if name == "u":
            inside = of_year == observation.years[observation.partial_year or 0]
            since = inside & (np.arange(len(of_year)) < later)
            columns.append(
                np.log(counts[:, since].sum(axis=1)) - np.log(counts[:, inside & ~since].sum(axis=1))
            )
        else:
            columns.append(smoothing.recent_level(log_paths[:, :later], observation.horizon_months[:later]))
    open_years = np.asarray(observation.years)[observation.open_at_cutoff]
    columns += [np.log(counts[:, of_year == year].sum(axis=1)) for year in open_years]
    return np.stack(columns, axis=1)
