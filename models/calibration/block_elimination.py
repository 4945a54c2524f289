"""One draw of all that is Gaussian given the scales, deviations eliminated before what all cases share.

    e = Z x + v[edition] + d[deviation] + noise,   x ~ Normal(0, P^-1),  v a chain in time,  d independent

Every case has one edition and one deviation, and a deviation belongs to one edition. So `d` leaves the normal equations
by a division each, `v` by the factor L D L' of a matrix with three diagonals, and a Cholesky factor is needed of `x`
alone: the work grows with the cases, not with the cube of the editions. Compiled; must not know scales or priors.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Places = NDArray[np.int64]


@numba.njit(cache=True)
def draw_effects(
    z: Array,
    e: Array,
    weight: Array,
    edition: Places,
    deviation: Places,
    of_deviation: Places,
    shared: Array,
    own: float,
    fresh: Array,
    carried: Array,
) -> tuple[Array, Array, Array, float, float]:
    """`x` (column,), `v` (edition,), `d` (deviation,), and mean and variance of the last of `x`, all else integrated.

    `z` (case, column), `e` and `weight` (case,) with weight = 1 / noise variance; `shared` (column,) prior precisions
    of `x` and `own` of each of `d`; `v_k = carried_k v_(k-1) + Normal(0, 1 / fresh_k)`, a chain starting where
    `carried` is 0. `deviation` and `of_deviation` are empty where there are none.
    """
    zw = z * weight.reshape(-1, 1)
    precision = np.dot(np.ascontiguousarray(z.T), zw)
    rhs = np.dot(weight * e, z)
    for j in range(len(shared)):
        precision[j, j] += shared[j]
    place, count = (edition, len(fresh)) if len(of_deviation) == 0 else (deviation, len(of_deviation))
    sums, mass, pull = _sums(zw, weight, weight * e, place, count)
    c, diagonal, g = sums, mass, pull
    if len(of_deviation) > 0:
        kept = 1 / (own + mass)
        precision -= _cross(sums, kept)
        rhs -= np.dot(kept * pull, sums)
        c, diagonal, g = _sums(
            sums * (own * kept).reshape(-1, 1), own * kept * mass, own * kept * pull, of_deviation, len(fresh)
        )
    lower = _factor_chain(c, diagonal, g, fresh, carried)
    precision -= _cross(c, 1 / diagonal)
    rhs -= np.dot(g / diagonal, c)
    factor = np.linalg.cholesky(precision)
    half = _forward(factor, rhs)
    x = _backward(factor, half + np.random.standard_normal(len(rhs)))
    v = _drawn_chain(g - np.dot(c, x), diagonal, lower)
    d = np.random.standard_normal(len(of_deviation))
    if len(of_deviation) > 0:
        d = kept * (pull - np.dot(sums, x) - mass * v[of_deviation]) + np.sqrt(kept) * d
    last = factor[len(rhs) - 1, len(rhs) - 1]
    return x, v, d, half[-1] / last, 1 / last**2


@numba.njit(cache=True)
def _sums(rows: Array, first: Array, second: Array, place: Places, count: int) -> tuple[Array, Array, Array]:
    """Rows (case, column) and two (case,) quantities, summed by place."""
    of_rows, of_first, of_second = np.zeros((count, rows.shape[1])), np.zeros(count), np.zeros(count)
    for i in range(len(place)):
        of_rows[place[i]] += rows[i]
        of_first[place[i]] += first[i]
        of_second[place[i]] += second[i]
    return of_rows, of_first, of_second


@numba.njit(cache=True)
def _cross(rows: Array, weight: Array) -> Array:
    crossed: Array = np.dot(np.ascontiguousarray(rows.T), rows * weight.reshape(-1, 1))
    return crossed


@numba.njit(cache=True)
def _factor_chain(c: Array, diagonal: Array, g: Array, fresh: Array, carried: Array) -> Array:
    """Turns the chain's diagonal into D, and `c` and `g` into L^-1 of them; gives L's entries beside the diagonal."""
    lower = np.zeros(len(fresh))
    for k in range(len(fresh)):
        diagonal[k] += fresh[k]
        if carried[k] != 0:
            diagonal[k - 1] += carried[k] ** 2 * fresh[k]
    for k in range(len(fresh)):
        if carried[k] != 0:
            lower[k] = -carried[k] * fresh[k] / diagonal[k - 1]
            diagonal[k] -= lower[k] ** 2 * diagonal[k - 1]
            c[k] -= lower[k] * c[k - 1]
            g[k] -= lower[k] * g[k - 1]
    return lower


@numba.njit(cache=True)
def _drawn_chain(left: Array, diagonal: Array, lower: Array) -> Array:
    """Normal with precision L D L' and L D L' mean = L `left`."""
    v = left / diagonal + np.random.standard_normal(len(left)) / np.sqrt(diagonal)
    for k in range(len(v) - 2, -1, -1):
        v[k] -= lower[k + 1] * v[k + 1]
    return v


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
