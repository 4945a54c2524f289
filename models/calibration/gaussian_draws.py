"""Draws of scales with everything Gaussian given them integrated: the fast version of the bias model.

    e = Z x + noise,   x = (pooled effects, edition deviations, shocks, bias) ~ Normal(0, P^-1 given scales)

Gibbs: x given scales by one Cholesky factor; variances given x by an inverse gamma proposal that Metropolis corrects
for the lognormal prior; the scales of Student-t mixtures by inverse gammas; the autocorrelation of editions on a grid.
The bias stands last in x under a flat prior, so that the factor gives its mean and variance given the scales in every
iteration: results average those (Rao-Blackwell), and a prior for the bias enters as a weight afterwards. Compiled by
Numba; for workers. This module must not know forecasts, years or verdicts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numba
import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

Array = NDArray[np.float64]
Places = NDArray[np.int64]

RHO_GRID = np.linspace(0.01, 0.97, 25)
NOISE, SHOCK, EDITION, FIRST_POOLED = 0, 1, 2, 3
"""Places in `scales`."""


@dataclass(frozen=True, eq=False)
class Structure:
    """What archives of one shape share. Columns of `z` (case, column) are ordered pooled, editions, shocks, bias.

    `pooled` (column,) the block of each pooled column; `gap` (edition,) half-years since the issuer's edition before,
    0 for a first one; `length` and `mixture` (shock,) its length in half-years and the mixture scale it shares.
    `scale_mu`, `scale_sd` (scale,): lognormal priors of noise, shock, edition and each pooled block, as standard
    deviations; `rho_log_prior` on RHO_GRID; `freedom`: degrees of freedom of noise and shocks.
    """

    z: Array
    pooled: Places
    gap: Array
    length: Array
    mixture: Places
    scale_mu: Array
    scale_sd: Array
    rho_log_prior: Array
    freedom: Array


@dataclass(frozen=True, eq=False)
class GaussianDraws:
    """`mean` and `variance` (draw,) of the bias given each draw of the scales, under a flat prior.

    `scales` (draw, scale): noise, shock, edition, pooled blocks; `rho` (draw,); `effects` (draw, pooled column) and
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
    q, zt = z.shape[1], np.ascontiguousarray(z.T)
    first, last = len(pooled), len(pooled) + len(gap)
    scales, rho = np.exp(mu), 0.3
    w, lam = np.ones(len(e)), np.ones(len(length))
    mean, variance, rhos, bias = np.empty(draws), np.empty(draws), np.empty(draws), np.empty(draws)
    kept_scales, effects = np.empty((draws, len(mu))), np.empty((draws, len(pooled)))
    for iteration in range(-tune, draws):
        weight = 1 / (scales[0] ** 2 * w)
        precision = np.dot(zt * weight, z)
        _add_prior(precision, pooled, gap, length * lam, scales, rho)
        factor = np.linalg.cholesky(precision)
        half = _forward(factor, np.dot(zt, weight * e))
        x = _backward(factor, half + np.random.standard_normal(q))
        w = _mixture_scales((e - np.dot(z, x)) / scales[0], freedom[0])
        lam = _shock_mixture(x[last : q - 1] ** 2 / (scales[1] ** 2 * length), mixture, freedom[1])
        rho, of_editions = _editions(x[first:last], gap, scales[2], rho_prior)
        scales[0] = _scale(np.sum((e - np.dot(z, x)) ** 2 / w), len(e), scales[0], mu[0], sd[0])
        of_shocks = np.sum(x[last : q - 1] ** 2 / (length * lam))
        scales[1] = _scale(of_shocks, len(length), scales[1], mu[1], sd[1])
        scales[2] = _scale(of_editions, len(gap), scales[2], mu[2], sd[2])
        _pooled_scales(scales, x[:first], pooled, mu, sd)
        if iteration >= 0:
            mean[iteration] = half[q - 1] / factor[q - 1, q - 1]
            variance[iteration] = 1 / factor[q - 1, q - 1] ** 2
            kept_scales[iteration], rhos[iteration] = scales, rho
            effects[iteration], bias[iteration] = x[:first], x[q - 1]
    return mean, variance, kept_scales, rhos, effects, bias


@numba.njit(cache=True)
def _add_prior(
    precision: Array, pooled: Places, gap: Array, shock_variance: Array, scales: Array, rho: float
) -> None:
    """Adds the prior precision of pooled effects, autoregressive deviations and shocks; the bias has none."""
    first, last = len(pooled), len(pooled) + len(gap)
    for j in range(first):
        precision[j, j] += 1 / scales[3 + pooled[j]] ** 2
    for k in range(len(shock_variance)):
        precision[last + k, last + k] += 1 / (scales[1] ** 2 * shock_variance[k])
    for s in range(len(gap)):
        at = first + s
        carried = rho ** gap[s] if gap[s] > 0 else 0.0
        own = 1 / (scales[2] ** 2 * (1 - carried**2))
        precision[at, at] += own
        if carried > 0:
            precision[at, at - 1] -= carried * own
            precision[at - 1, at] -= carried * own
            precision[at - 1, at - 1] += carried**2 * own


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
    for block in range(len(mu) - 3):
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
def _editions(v: Array, gap: Array, scale: float, rho_prior: Array) -> tuple[float, float]:
    """The autocorrelation given deviations `v` and their scale; and the sum of squares that it leaves."""
    log_density, squares = rho_prior.copy(), np.zeros(len(RHO_GRID))
    for g in range(len(RHO_GRID)):
        for s in range(len(gap)):
            carried = RHO_GRID[g] ** gap[s] if gap[s] > 0 else 0.0
            before = v[s - 1] if gap[s] > 0 else 0.0
            free = 1 - carried**2
            part = (v[s] - carried * before) ** 2 / free
            squares[g] += part
            log_density[g] -= 0.5 * math.log(free) + part / (2 * scale**2)
    mass = np.cumsum(np.exp(log_density - log_density.max()))
    chosen = min(np.searchsorted(mass, np.random.random() * mass[-1]), len(mass) - 1)
    return RHO_GRID[chosen], squares[chosen]


@numba.njit(cache=True)
def _forward(factor: Array, rhs: Array) -> Array:
    out = rhs.copy()
    for i in range(len(rhs)):
        out[i] = (out[i] - np.dot(factor[i, :i], out[:i])) / factor[i, i]
    return out


@numba.njit(cache=True)
def _backward(factor: Array, rhs: Array) -> Array:
    out = rhs.copy()
    for i in range(len(rhs) - 1, -1, -1):
        out[i] /= factor[i, i]
        out[:i] -= factor[i, :i] * out[i]
    return out
