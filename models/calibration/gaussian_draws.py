"""Draws of scales with everything Gaussian given them integrated: the fast version of the bias model.

    e = Z x + noise,   x = (pooled effects, edition deviations, shocks, bias) ~ Normal(0, P^-1 given scales)

Gibbs: x given scales by models/calibration/block_elimination.py; variances given x by an inverse gamma proposal that
Metropolis corrects for the lognormal prior; the scales of Student-t mixtures by inverse gammas; the autocorrelation of
editions on a grid. The bias stands last in x under a flat prior, so that its mean and variance given the scales are
known in every iteration: results average those (Rao-Blackwell), and a prior for the bias enters as a weight afterwards.
Compiled by Numba; for workers. This module must not know forecasts, years or verdicts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numba
import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from models.calibration.block_elimination import draw_effects

Array = NDArray[np.float64]
Places = NDArray[np.int64]

RHO_GRID = np.linspace(-0.79, 0.97, 45)
"""Autocorrelations of editions half a year apart; below zero an edition pulls against the one before it."""
_FIRST_RHO = 27
NOISE, SHOCK, EDITION, FIRST_POOLED = 0, 1, 2, 3
"""Places in `scales`."""


@dataclass(frozen=True, eq=False)
class Structure:
    """What archives of one shape share. Columns of `z` (case, column) are ordered pooled, shocks, bias.

    `pooled` (pooled column,) the block of each pooled column; `edition` (case,), and `deviation` (case,) the stage's
    own deviation in its edition, empty where stages are not told apart; `gap` (edition,) half-years since the issuer's
    edition before, 0 for a first one; `length` and `mixture` (shock,) its length in half-years and the mixture scale
    it shares. `scale_mu`, `scale_sd` (scale,): lognormal priors of noise, shock, edition, each pooled block and the
    stages' deviations, as standard deviations; `rho_log_prior` on RHO_GRID; `freedom`: of noise and shocks.
    """

    z: Array
    pooled: Places
    edition: Places
    deviation: Places
    gap: Array
    length: Array
    mixture: Places
    scale_mu: Array
    scale_sd: Array
    rho_log_prior: Array
    freedom: Array

    @property
    def of_deviation(self) -> Places:
        """`(deviation,)` the edition each belongs to."""
        _, first = np.unique(self.deviation, return_index=True)
        return self.edition[first] if len(self.deviation) else self.deviation


@dataclass(frozen=True, eq=False)
class GaussianDraws:
    """`mean` and `variance` (draw,) of the bias given each draw of the scales, under a flat prior.

    `scales` (draw, scale): as in Structure; `rho` (draw,); `effects` (draw, pooled column) and
    `bias` (draw,) are drawn together.
    """

    mean: Array
    variance: Array
    scales: Array
    rho: Array
    effects: Array
    bias: Array


def draw_scales(structure: Structure, errors: Array, draws: int, tune: int, seed: int) -> GaussianDraws:
    """Draws from the posterior given log errors (case,)."""
    s = structure
    z, e = np.ascontiguousarray(s.z), np.ascontiguousarray(errors, dtype=float)
    # One thread: the same numbers on every machine, and small matrices are faster so.
    with _threads().limit(limits=1, user_api="blas"):
        kept = _gibbs(
            z,
            e,
            s.pooled,
            s.edition,
            s.deviation,
            s.of_deviation,
            s.gap,
            s.length,
            s.mixture,
            s.scale_mu,
            s.scale_sd,
            s.rho_log_prior,
            s.freedom,
            draws,
            tune,
            seed % 2**32,
        )
    return GaussianDraws(*kept)


@cache
def _threads() -> ThreadpoolController:
    """Looked up once: finding the libraries takes as long as fitting a small archive."""
    return ThreadpoolController()


@numba.njit(cache=True)
def _gibbs(
    z: Array,
    e: Array,
    pooled: Places,
    edition: Places,
    deviation: Places,
    of_deviation: Places,
    gap: Array,
    length: Array,
    mixture: Places,
    mu: Array,
    sd: Array,
    rho_prior: Array,
    freedom: Array,
    draws: int,
    tune: int,
    seed: int,
) -> tuple[Array, Array, Array, Array, Array, Array]:
    np.random.seed(seed)
    first, counts = len(pooled), (len(e), len(length), len(gap))
    (carried, free), scales, at = _carried(gap), np.exp(mu), _FIRST_RHO
    w, lam = np.ones(len(e)), np.ones(len(length))
    mean, variance, rhos, bias = np.empty(draws), np.empty(draws), np.empty(draws), np.empty(draws)
    kept_scales, effects = np.empty((draws, len(mu))), np.empty((draws, first))
    for iteration in range(-tune, draws):
        shared = _shared_precision(z.shape[1], pooled, length * lam, scales)
        fresh, own, weight = 1 / (scales[2] ** 2 * free[at]), 1 / scales[-1] ** 2, 1 / (scales[0] ** 2 * w)
        x, v, d, centre, width = draw_effects(
            z, e, weight, edition, deviation, of_deviation, shared, own, fresh, carried[at]
        )
        left = e - np.dot(z, x) - v[edition]
        if len(d) > 0:
            left -= d[deviation]
            scales[-1] = _scale(np.sum(d**2), len(d), scales[-1], mu[-1], sd[-1])
        w = _mixture_scales(left / scales[0], freedom[0])
        lam = _shock_mixture(x[first:-1] ** 2 / (scales[1] ** 2 * length), mixture, freedom[1])
        at, of_editions = _editions(v, carried, free, scales[2], rho_prior)
        squares = np.sum(left**2 / w), np.sum(x[first:-1] ** 2 / (length * lam)), of_editions
        for k in range(FIRST_POOLED):
            scales[k] = _scale(squares[k], counts[k], scales[k], mu[k], sd[k])
        _pooled_scales(scales, x[:first], pooled, mu, sd)
        if iteration >= 0:
            mean[iteration], variance[iteration], bias[iteration] = centre, width, x[-1]
            kept_scales[iteration], rhos[iteration], effects[iteration] = scales, RHO_GRID[at], x[:first]
    return mean, variance, kept_scales, rhos, effects, bias


@numba.njit(cache=True)
def _carried(gap: Array) -> tuple[Array, Array]:
    """`(rho, edition)`: what is carried from the edition before, 0 at the start of a chain, and 1 - its square."""
    carried = np.zeros((len(RHO_GRID), len(gap)))
    for g in range(len(RHO_GRID)):
        carried[g] = carried_over(RHO_GRID[g], gap)
    return carried, 1 - carried**2


@numba.njit(cache=True)
def carried_over(rho: float, gap: Array) -> Array:
    """`(edition,)` correlation with the issuer's edition before, `gap` half-years earlier; 0 for a first one.

    Below zero successive editions alternate, however far apart: sign(rho) |rho|^gap.
    """
    out = np.zeros(len(gap))
    for s in range(len(gap)):
        if gap[s] > 0:
            size = abs(rho) ** gap[s]
            out[s] = size if rho > 0 else -size
    return out


@numba.njit(cache=True)
def _shared_precision(q: int, pooled: Places, shock_variance: Array, scales: Array) -> Array:
    """Prior precisions of pooled effects and shocks; the bias has none."""
    shared, first = np.zeros(q), len(pooled)
    for j in range(first):
        shared[j] = 1 / scales[3 + pooled[j]] ** 2
    for k in range(len(shock_variance)):
        shared[first + k] = 1 / (scales[1] ** 2 * shock_variance[k])
    return shared


@numba.njit(cache=True)
def _mixture_scales(standardised: Array, freedom: float) -> Array:
    """Of each Student-t variable, given its value over its sd; (freedom - 2) / freedom makes the sd its own."""
    unit = (freedom - 2) / freedom
    out = np.empty(len(standardised))
    for i in range(len(standardised)):
        total = freedom + standardised[i] ** 2 / unit
        out[i] = unit * total / 2 / np.random.gamma((freedom + 1) / 2, 1.0)
    return out


@numba.njit(cache=True)
def _shock_mixture(squares: Array, mixture: Places, freedom: float) -> Array:
    """The same for shocks, whose pieces within one half-year share a mixture scale; (shock,)."""
    unit = (freedom - 2) / freedom
    count = mixture.max() + 1 if len(mixture) > 0 else 0
    sums, counts = np.full(count, freedom), np.full(count, freedom)
    for k in range(len(squares)):
        sums[mixture[k]] += squares[k] / unit
        counts[mixture[k]] += 1
    drawn = np.empty(count)
    for h in range(count):
        drawn[h] = unit * sums[h] / 2 / np.random.gamma(counts[h] / 2, 1.0)
    out = np.empty(len(squares))
    for k in range(len(squares)):
        out[k] = drawn[mixture[k]]
    return out


@numba.njit(cache=True)
def _pooled_scales(scales: Array, effects: Array, pooled: Places, mu: Array, sd: Array) -> None:
    blocks = pooled.max() + 1 if len(pooled) > 0 else 0
    for block in range(blocks):
        squares, count = 0.0, 0
        for j in range(len(pooled)):
            if pooled[j] == block:
                squares, count = squares + effects[j] ** 2, count + 1
        scales[3 + block] = _scale(squares, count, scales[3 + block], mu[3 + block], sd[3 + block])


@numba.njit(cache=True)
def _scale(squares: float, count: int, current: float, mu: float, sd: float) -> float:
    """A standard deviation given `count` normals with sum of squares `squares`, prior lognormal(mu, sd)."""
    if count == 0:
        return math.exp(mu + sd * np.random.standard_normal())
    proposal = math.sqrt(squares / 2 / np.random.gamma(count / 2, 1.0))
    ratio = ((math.log(current) - mu) ** 2 - (math.log(proposal) - mu) ** 2) / (2 * sd**2)
    return proposal if math.log(np.random.random()) < ratio else current


@numba.njit(cache=True)
def _editions(v: Array, carried: Array, free: Array, scale: float, rho_prior: Array) -> tuple[int, float]:
    """The place of the autocorrelation given deviations `v` and their scale; and the squares that it leaves."""
    log_density, squares = rho_prior.copy(), np.zeros(len(RHO_GRID))
    for g in range(len(RHO_GRID)):
        for s in range(len(v)):
            before = v[s - 1] if carried[g, s] != 0 else 0.0
            squares[g] += (v[s] - carried[g, s] * before) ** 2 / free[g, s]
        log_density[g] -= 0.5 * np.sum(np.log(free[g])) + squares[g] / (2 * scale**2)
    mass = np.cumsum(np.exp(log_density - log_density.max()))
    chosen = min(np.searchsorted(mass, np.random.random() * mass[-1]), len(mass) - 1)
    return chosen, squares[chosen]
