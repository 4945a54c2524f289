"""Shares by nationality without PyMC: filter, simulation, and paths of totals split into whole persons.

    eta_h   = eta_(h-1) + pull (anchor - eta_(h-1)) + step sqrt(d) t_h          random walk of log shares
    share_h = exp(eta_h) / sum of exp(eta_h)
    persons = total_h share_h (1 + r z)+ , rescaled and rounded to total_h,    r^2 = month^2 + count / (total_h share_h)

t_h is Student-t with its scale factor common to all nationalities of a month: turbulent months are so for all; z is
standard normal; d is 1, in the first month the drift since a nationality was last seen (`composition.design`). The
filter is the one of `composition.splits`, per hyperparameter draw; eta starts from its level and variance. r is at
most 1, so that a nationality of half a person a month is noise about half a person. Log shares, the largest of
which begins at zero, stay between -40 and 40: figures that the model does not describe can teach it tails without any
moment, and an infinite share would make persons of nothing. This module must not import PyMC.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from models.composition.data import ABSENT, CompositionData
from models.composition.design import (
    ANCHOR,
    ELAPSED,
    FLOOR,
    INVERSE_SIZE,
    STEP,
    WEIGHT,
    Design,
    Y,
    composition_design,
    step_months,
)
from models.composition.stated import StatedShares, with_stated
from models.series import Array, Months
from models.whole_persons import split_whole

DRAWS_PER_CHUNK = 4_000
"""Draws worked on together: a month's arrays then fit in a core's cache."""

MOST_LOG_SHARE = np.float32(40)
_LEAST_GAMMA = np.float32(1e-12)

Single = NDArray[np.float32]
Counts = NDArray[np.int32]


@dataclass(frozen=True)
class ShareParameters:
    """Hyperparameter draws, chains after each other.

    `step` (draw, citizen) scale of a monthly step of a log share; `month` (draw,) sd of a month about its level;
    `overdispersion` (draw,) count noise in multiples of Poisson; `pull` (draw,) part of the way to the anchor each
    month; `nu` (draw,) degrees of freedom.
    """

    step: Array
    month: Array
    overdispersion: Array
    pull: Array
    nu: Array

    def __len__(self) -> int:
        return len(self.step)


@dataclass(frozen=True)
class ShareState:
    """What a draw knows after the last row: `level`, `variance` (draw, citizen) of log shares, up to a constant;
    `last_months`, `last_spans` (citizen,) when each was last seen; `anchor` (citizen,) log shares, NaN = none."""

    level: Array
    variance: Array
    last_months: Months
    last_spans: NDArray[np.int64]
    anchor: Array


def filter_shares(parameters: ShareParameters, data: CompositionData) -> ShareState:
    """The state after all rows."""
    design = composition_design(data)
    level = np.tile(design.start, (len(parameters), 1))
    variance = np.tile(design.start_variance, (len(parameters), 1))
    for t in range(len(data)):
        level, variance = _after_row(parameters, design, data, t, level, variance)
    return ShareState(level, variance, design.last_months, design.last_spans, data.anchor_now)


def _after_row(
    parameters: ShareParameters, design: Design, data: CompositionData, t: int, level: Array, variance: Array
) -> tuple[Array, Array]:
    """Levels and variances after one row; see `composition.splits` for the equations."""
    cell, group = design.cells[t], data.group[t]
    present = np.flatnonzero(group != ABSENT)
    groups = int(group.max()) + 1
    belongs = np.equal.outer(group[present], np.arange(groups)).astype(float)
    drawn, p, weight = level[:, present], variance[:, present], cell[present, WEIGHT]
    pulled = np.minimum(parameters.pull[:, None] * cell[present, ELAPSED], 1.0)
    drawn = drawn + pulled * (cell[present, ANCHOR] - drawn)
    p = p + parameters.step[:, present] ** 2 * cell[present, STEP]
    noise = parameters.month[:, None] ** 2 / data.spans[t] + cell[:groups, FLOOR]
    v = (weight**2 * p) @ belongs + noise + parameters.overdispersion[:, None] * cell[:groups, INVERSE_SIZE]
    error = cell[:groups, Y] - np.log(np.exp(drawn) @ belongs)
    error -= (error / v).sum(axis=1, keepdims=True) / (1 / v).sum(axis=1, keepdims=True)
    gain = weight * p / (v @ belongs.T)
    level, variance = level.copy(), variance.copy()
    level[:, present] = drawn + gain * (error @ belongs.T)
    variance[:, present] = p * (1 - gain * weight)
    return level, variance


class Splitter(Protocol):
    """What divides whole `totals` (draw, month) over nationalities, chunk by chunk."""

    def chunk(self, first_draw: int, totals: NDArray[Any]) -> Counts:
        """`(draw, month, citizen)`; `first_draw` numbers the chunk's first draw."""
        ...


@dataclass(frozen=True)
class NothingKnown:
    """Everybody is of the last nationality, OTHER, but on paths whose scenario states shares."""

    citizens: int
    stated: StatedShares
    seed: int

    def chunk(self, first_draw: int, totals: NDArray[Any]) -> Counts:
        """`(draw, month, citizen)` persons for whole `totals` (draw, month)."""
        shares = np.zeros((self.citizens, len(totals)), dtype=np.float32)
        shares[-1] = 1.0
        shares = with_stated(shares, self.stated.chunk(first_draw, len(totals), self.citizens, self.seed))
        return split_whole(totals, np.broadcast_to(shares.T[:, None, :], (*totals.shape, self.citizens)))


@dataclass(frozen=True)
class ShareSimulator:
    """Simulates from `first_month` on. The same seed and draws give the same counts, on any number of threads.

    `stated` are the shares that scenarios state for their paths.
    """

    parameters: ShareParameters
    state: ShareState
    first_month: np.datetime64
    seed: int
    stated: StatedShares | None = None

    def chunk(self, first_draw: int, totals: NDArray[Any]) -> Counts:
        """`(draw, month, citizen)` persons for whole `totals` (draw, month); draw i uses hyperparameters i modulo
        their number. `first_draw` numbers the chunk's first draw and, with the seed, its random numbers."""
        draws, horizon = totals.shape
        rng = np.random.default_rng([self.seed, first_draw])
        walk = _Walk(self, (first_draw + np.arange(draws)) % len(self.parameters), rng)
        out = np.empty((len(walk.eta), draws, horizon), dtype=np.int32)
        wanted = np.ascontiguousarray(totals.T, dtype=np.float32)
        stated = self.stated.chunk(first_draw, draws, len(walk.eta), self.seed) if self.stated else None
        for month in range(horizon):
            shares = with_stated(walk.next_shares(), stated)
            out[:, :, month] = _split(shares, wanted[month], walk, rng)
        return out.transpose(1, 2, 0)

    def shares(self, draws: int, horizon: int) -> Array:
        """`(draw, month, citizen)`: shares without the noise of single months and counts."""
        rng = np.random.default_rng([self.seed, 0])
        walk = _Walk(self, np.arange(draws) % len(self.parameters), rng)
        return np.stack([walk.next_shares().T.astype(float) for _ in range(horizon)], axis=1)


def split_paths(
    simulator: Splitter, totals: NDArray[Any], threads: int = 2, draws: int | None = None
) -> Iterator[tuple[int, Counts]]:
    """Chunks (first draw, counts (draw, month, citizen)) of paths of whole `totals` (draw, month), in order.

    Every month adds up to its total in every draw. The chunks of the first `draws` only are made, each whole, so that
    a path is the same however many are asked for. No more than two chunks per thread are held at a time.
    """
    starts = list(range(0, len(totals) if draws is None else min(draws, len(totals)), DRAWS_PER_CHUNK))
    with ThreadPoolExecutor(threads) as pool:
        running = {}
        for place, start in enumerate(starts):
            for ahead in starts[place : place + 2 * threads]:
                if ahead not in running:
                    part = totals[ahead : ahead + DRAWS_PER_CHUNK]
                    running[ahead] = pool.submit(simulator.chunk, ahead, part)
            yield start, running.pop(start).result()


class _Walk:
    """Log shares `eta` (citizen, draw) of a chunk, moved on month by month in single precision."""

    def __init__(self, simulator: ShareSimulator, rows: NDArray[np.int64], rng: np.random.Generator) -> None:
        parameters, state = simulator.parameters, simulator.state
        first = self._since(state, simulator.first_month)
        self._rng, self._first, self._rows = rng, first, len(rows)
        self._nu = parameters.nu[rows].astype(np.float32)
        self._step = np.ascontiguousarray(parameters.step[rows].T, dtype=np.float32)
        self._pull = np.where(np.isfinite(state.anchor)[:, None], parameters.pull[rows], 0.0)
        self._pull = self._pull.astype(np.float32)
        anchor = np.where(np.isfinite(state.anchor), state.anchor, 0.0)
        self._anchor = anchor.astype(np.float32)[:, None]
        self.month_variance = (parameters.month[rows] ** 2).astype(np.float32)
        self.overdispersion = parameters.overdispersion[rows].astype(np.float32)
        start = state.level[rows] - state.level[rows].max(axis=1, keepdims=True)
        start += np.sqrt(state.variance[rows]) * rng.standard_normal(start.shape)
        self.eta = np.ascontiguousarray(start.T, dtype=np.float32)
        self._begun = False

    @staticmethod
    def _since(state: ShareState, first_month: np.datetime64) -> tuple[Array, Array]:
        """`(citizen,)`: months of drift and months of pull up to the first month simulated."""
        seen = ~np.isnat(state.last_months)
        between = np.where(seen, (first_month - state.last_months).astype(np.int64) - 1, 0)
        if (between < 0).any():
            raise ValueError(f"{first_month} is not after the last counted month")
        return np.where(seen, step_months(state.last_spans, between, 1), 1.0), between + 1.0

    def next_shares(self) -> Single:
        """`(citizen, draw)` of the next month; the array may be overwritten by the caller."""
        drift, pulled = (1.0, 1.0) if self._begun else (v[:, None].astype(np.float32) for v in self._first)
        self._begun = True
        self.eta += np.minimum(self._pull * pulled, 1) * (self._anchor - self.eta)
        z = self._rng.standard_normal(self.eta.shape, dtype=np.float32)
        z *= self._step
        gamma = np.maximum(self._rng.standard_gamma(self._nu / 2, dtype=np.float32), _LEAST_GAMMA)
        z *= np.sqrt(self._nu / 2 / gamma)
        self.eta += z if np.isscalar(drift) else z * np.sqrt(drift)
        np.clip(self.eta, -MOST_LOG_SHARE, MOST_LOG_SHARE, out=self.eta)
        shares = np.exp(self.eta)
        shares /= shares.sum(axis=0)
        return shares


def _split(shares: Single, totals: Single, walk: _Walk, rng: np.random.Generator) -> Single:
    """Whole persons `(citizen, draw)`: the month's noise about its shares, then the running sum rounded."""
    mean = np.multiply(shares, totals, out=shares)
    spread = walk.overdispersion / np.maximum(mean, np.float32(1e-6))
    spread += walk.month_variance
    np.sqrt(np.minimum(spread, 1, out=spread), out=spread)
    spread *= rng.standard_normal(mean.shape, dtype=np.float32)
    spread += 1
    mean *= np.maximum(spread, 0, out=spread)
    running = np.add.accumulate(mean, axis=0, out=mean)
    running *= totals / np.maximum(running[-1], np.float32(1e-30))
    np.minimum(np.rint(running, out=running), totals, out=running)
    running[-1] = totals
    running[1:] -= running[:-1].copy()
    return running
