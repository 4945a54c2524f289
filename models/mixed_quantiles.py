"""Quantiles of many mixtures of the same components, looked at only where they lie.

    mixture s at edge x = sum_k shares[s, k] curve_k(x)

An edit is told apart by such mixtures, and so is what each part of the prior does. All of them are summed by one
product of matrices, first at every few edges of the grid and then between those that hold a quantile. NumPy only.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.layers import EDGES, ComponentCurves, between

Array = NDArray[np.float64]

_STRIDE = 64  # edges from one that is looked at to the next


def quantiles_of_mixtures(curves: Sequence[ComponentCurves], shares: Array, levels: Sequence[float]) -> Array:
    """Quantiles `(mixture, level, year)` in persons by the shares `(mixture, curve)`, which need not sum to 1.

    Of every mixture some curve is in use.
    """
    in_use = np.flatnonzero((shares > 0).any(axis=0)).tolist()
    curves, shares = [curves[k] for k in in_use], shares[:, in_use]
    first = min(curve.first for curve in curves)
    last = max(max(curve.end for curve in curves) - 1, first + 1)
    seen = np.append(np.arange(first, last, _STRIDE), last)
    sums = _summed(curves, shares, np.arange(len(curves[0].cumulated))[:, None], seen)
    wanted = sums[..., -1:] * np.asarray(levels, dtype=float)
    run = np.count_nonzero(sums[..., None, :] < wanted[..., None], axis=3).clip(1, len(seen) - 1) - 1
    upper, below, at = _ends(curves, shares, seen, run, wanted)
    lowest, highest = _ranges(curves, shares)
    found = between(EDGES, upper, below, at, wanted).clip(lowest, highest)
    return np.asarray(np.where(lowest == highest, lowest, found).swapaxes(1, 2))


def _ends(
    curves: Sequence[ComponentCurves],
    shares: Array,
    seen: NDArray[np.intp],
    run: NDArray[np.intp],
    wanted: Array,
) -> tuple[NDArray[np.intp], Array, Array]:
    """The edge that reaches what is `wanted` `(mixture, year, level)`, and the sums at the edge before it and at it.

    Each lies in the `run` `(mixture, year, level)` of edges that begins at one of those `seen`.
    """
    asked, place = np.unique(run + len(seen) * np.arange(run.shape[1])[:, None], return_inverse=True)
    place = place.reshape(run.shape)
    year, begin = asked // len(seen), seen[asked % len(seen)]
    edges = np.minimum(begin[:, None] + np.arange(_STRIDE + 1), seen[-1])
    sums = _summed(curves, shares, year[:, None], edges)
    sums = sums[np.arange(len(sums))[:, None, None], place]
    under = np.count_nonzero(sums < wanted[..., None], axis=3)
    inside = np.minimum(np.maximum(under, 1), np.minimum(_STRIDE, seen[-1] - begin)[place])[..., None]
    below, at = (np.take_along_axis(sums, own, axis=3)[..., 0] for own in (inside - 1, inside))
    return begin[place] + inside[..., 0], below, at


def _summed(
    curves: Sequence[ComponentCurves], shares: Array, year: NDArray[np.intp], edges: NDArray[np.intp]
) -> Array:
    """The mixtures' weights `(mixture, ...)` at or below edges `(...)` in years that broadcast against them."""
    shape = np.broadcast_shapes(year.shape, edges.shape)
    each = np.empty((len(curves), *shape))
    for own, curve in zip(each, curves, strict=True):
        own[:] = curve.weight_at(year, edges)
    return np.asarray((shares @ each.reshape(len(each), -1)).reshape(len(shares), *shape))


def _ranges(curves: Sequence[ComponentCurves], shares: Array) -> tuple[Array, Array]:
    """Lowest and highest draws `(mixture, year, 1)` of the curves in use."""
    used = shares[..., None] > 0
    lowest = np.where(used, np.stack([curve.lowest for curve in curves]), np.inf).min(axis=1)
    highest = np.where(used, np.stack([curve.highest for curve in curves]), -np.inf).max(axis=1)
    return lowest[..., None], highest[..., None]
