"""A Gaussian mixture as plain arrays: its density, marginals and conditional draws.

    p(x) = sum_k w_k N(x; m_k, S_k)

Every log density of a component is a quadratic in x, so all components together are one matrix product of the
monomials (1, x_i, x_i x_j) with a table of coefficients: 100,000 points in five dimensions cost milliseconds.
The web process evaluates mixtures, it never fits them (see evidence_fit.py), so NumPy and SciPy suffice here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

Array = NDArray[np.float64]

_BLOCK = 2_048
# No power of two: the rows of a block would compete for the same places in the processor's cache.
_SINGLE_BLOCK = 5_000


@dataclass(frozen=True)
class GaussianMixture:
    """Weights `(component,)`, means `(component, dim)` and covariances `(component, dim, dim)`."""

    weights: Array
    means: Array
    covariances: Array

    @property
    def dim(self) -> int:
        """The number of coordinates of a point."""
        return int(self.means.shape[1])

    def marginal(self, columns: Sequence[int]) -> "GaussianMixture":
        """The mixture of the given coordinates alone, in the given order."""
        index = np.asarray(columns, dtype=int)
        return GaussianMixture(
            self.weights, self.means[:, index], self.covariances[:, index[:, None], index[None, :]]
        )

    @cached_property
    def centre(self) -> Array:
        """The mixture's own mean `(dim,)`, about which the quadratics are written."""
        return np.asarray(self.weights @ self.means)

    @cached_property
    def coefficients(self) -> Array:
        """Table `(monomial, component)` of the quadratics, about the mixture's own mean.

        Centring keeps the constant small: with raw coordinates near 10 and precisions near 1,000 the terms
        would cancel to the last digits.
        """
        return self.coefficients_about(self.centre)

    def coefficients_about(self, centre: Array) -> Array:
        """Table `(monomial, component)` of the quadratics in the distance from `centre` `(dim,)`."""
        rows, cols = np.triu_indices(self.dim)
        columns = []
        for weight, mean, covariance in zip(self.weights, self.means - centre, self.covariances, strict=True):
            precision = np.linalg.inv(covariance)
            _, log_determinant = np.linalg.slogdet(covariance)
            pull = precision @ mean
            constant = np.log(weight) - 0.5 * (self.dim * np.log(2 * np.pi) + log_determinant + mean @ pull)
            quadratic = -0.5 * precision[rows, cols] * np.where(rows == cols, 1.0, 2.0)
            columns.append(np.concatenate([[constant], pull, quadratic]))
        return np.stack(columns, axis=1)

    def given(self, column: int, value: float) -> tuple["GaussianMixture", float]:
        """The mixture of the other coordinates, in their order, when one has a value; and that one's log density."""
        others, known = np.delete(np.arange(self.dim), column), np.array([column])
        at = np.array([[value]])
        logs = self.marginal([column]).component_log_densities(at)
        log_density = float(log_sum_exp(logs)[0])
        linear = [self._conditional(k, others, known) for k in range(len(self.weights))]
        means = np.array([constant + value * maps[0] for constant, maps in linear])
        covariances = np.array([maps[1:].T @ maps[1:] for _, maps in linear])
        return GaussianMixture(np.exp(logs[:, 0] - log_density), means, covariances), log_density

    def component_log_densities(self, points: Array) -> Array:
        """`log(w_k N(x; m_k, S_k))` for points `(draw, dim)`: an array `(component, draw)`."""
        out = np.empty((len(self.weights), len(points)))
        table = np.ascontiguousarray(self.coefficients.T)
        for start in range(0, len(points), _BLOCK):
            block = slice(start, start + _BLOCK)
            np.matmul(table, self.monomials(points[block]), out=out[:, block])
        return out

    def log_density(self, points: Array) -> Array:
        """Natural log of the density at points `(draw, dim)`: an array `(draw,)`."""
        out = np.empty(len(points))
        table = np.ascontiguousarray(self.coefficients.T)
        # In blocks that stay in the processor's cache: the monomials of all points at once would not.
        for start in range(0, len(points), _BLOCK):
            block = slice(start, start + _BLOCK)
            out[block] = log_sum_exp(table @ self.monomials(points[block]))
        return out

    def monomials(self, points: Array) -> Array:
        """`(monomial, draw)`: constant, coordinates, and products of two coordinates."""
        centred = np.ascontiguousarray((points - self.centre).T)
        monomials = np.empty((self.coefficients.shape[0], len(points)))
        monomials[0] = 1.0
        monomials[1 : 1 + self.dim] = centred
        row = 1 + self.dim
        for i in range(self.dim):
            np.multiply(centred[i], centred[i:], out=monomials[row : row + self.dim - i])
            row += self.dim - i
        return monomials

    def complete(self, known: Sequence[int], values: Array, base: Array) -> Array:
        """Draw the coordinates that are not `known`, given values `(draw, known)` of those that are.

        `base` is `(draw, dim - known + 1)` standard normals: the last column chooses the mixture component, the
        others move within it, so equal bases give equal draws. Returns `(draw, dim - known)`, coordinates in
        ascending order. Source: conditioning of a Gaussian, per component with its responsibility as weight.
        """
        known_index = np.asarray(known, dtype=np.intp)
        free = np.setdiff1d(np.arange(self.dim), known_index)
        chosen = self._choose(known_index, values, base[:, -1])
        given = np.concatenate([values, base[:, : len(free)]], axis=1)
        out = np.empty((len(base), len(free)))
        for k in range(len(self.weights)):
            rows = np.flatnonzero(chosen == k)
            constant, linear = self._conditional(k, free, known_index)
            out[rows] = constant + given[rows] @ linear
        return out

    def _choose(self, known: NDArray[np.intp], values: Array, normal: Array) -> NDArray[np.intp]:
        """The mixture component of every draw, by inverting its cumulated responsibilities."""
        if len(known):
            logs = self.marginal(known.tolist()).component_log_densities(values)
        else:
            logs = np.repeat(np.log(self.weights)[:, None], len(normal), axis=1)
        shares = np.cumsum(np.exp(logs - logs.max(axis=0)), axis=0)
        # The choice comes from a normal score, so that one base of normals serves copula and mixture alike.
        uniform = ndtr(normal) * shares[-1]
        return np.asarray((shares[:-1] < uniform).sum(axis=0))

    def _conditional(self, k: int, free: NDArray[np.intp], known: NDArray[np.intp]) -> tuple[Array, Array]:
        """Component k's conditional as a linear map of (known values, standard normals): constant and matrix."""
        covariance, mean = self.covariances[k], self.means[k]
        cross = covariance[np.ix_(free, known)]
        gain = np.linalg.solve(covariance[np.ix_(known, known)], cross.T) if len(known) else cross.T
        root = np.linalg.cholesky(covariance[np.ix_(free, free)] - cross @ gain)
        return mean[free] - mean[known] @ gain, np.concatenate([gain, root.T], axis=0)


@dataclass(frozen=True)
class DensityRatio:
    """`log p(x) - log q(x at places)` of two mixtures, q over some of p's coordinates (`places`, ascending).

    Both are sums over components of quadratics in the same monomials, those of some coordinates among those of all,
    so what is asked of every draw on every edit is one matrix product. It is in single precision: about the mixture's
    mean that is 1e-5 of a log density where a draw has any weight, and takes half the time.
    """

    above: GaussianMixture
    below: GaussianMixture
    places: tuple[int, ...]

    @cached_property
    def _table(self) -> NDArray[np.float32]:
        """Coefficients `(component above, then below; monomial)`."""
        places, dim = np.array(self.places), self.above.dim
        row_of = {pair: 1 + dim + row for row, pair in enumerate(zip(*np.triu_indices(dim), strict=True))}
        first, second = np.triu_indices(len(places))
        rows = [0, *(1 + places), *(row_of[pair] for pair in zip(places[first], places[second], strict=True))]
        part = np.zeros((len(self.below.weights), len(self.above.coefficients)))
        part[:, rows] = self.below.coefficients_about(self.above.centre[places]).T
        return np.concatenate([self.above.coefficients.T, part]).astype(np.float32)

    def __call__(self, points: Array | NDArray[np.float32]) -> NDArray[np.float32]:
        """At points `(draw, dim)`, quickest where a coordinate's values stand together: an array `(draw,)`."""
        out, table, first = np.empty(len(points), np.float32), self._table, len(self.above.weights)
        size = min(_SINGLE_BLOCK, max(len(points), 1))
        room, logs = np.empty((table.shape[1], size), np.float32), np.empty((len(table), size), np.float32)
        centre = self.above.centre.astype(np.float32)[:, None]
        for start in range(0, len(points), size):
            block = points[start : start + size].T
            here = np.matmul(table, self._monomials(block, centre, room), out=logs[:, : block.shape[1]])
            below = _log_sum_exp_in_place(here[first:])
            np.subtract(_log_sum_exp_in_place(here[:first]), below, out=out[start : start + size])
        return out

    def _monomials(
        self, columns: Array | NDArray[np.float32], centre: NDArray[np.float32], room: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """As those of the mixture above, `(monomial, draw)`, at points `(dim, draw)`, in the room given."""
        monomials, dim = room[:, : columns.shape[1]], self.above.dim
        monomials[0] = 1.0
        centred = monomials[1 : 1 + dim]
        np.subtract(columns, centre, out=centred, casting="same_kind")
        row = 1 + dim
        for i in range(dim):
            np.multiply(centred[i], centred[i:], out=monomials[row : row + dim - i])
            row += dim - i
        return monomials


def _log_sum_exp_in_place(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """As `log_sum_exp` of finite values, which are lost."""
    top = values.max(axis=0)
    values -= top
    np.exp(values, out=values)
    total = np.asarray(values.sum(axis=0))
    np.log(total, out=total)
    total += top
    return total


def log_sum_exp(values: Array) -> Array:
    """`log(sum(exp(values)))` along the first axis; where all are -inf the result is."""
    top = values.max(axis=0)
    safe = np.where(np.isfinite(top), top, 0.0)
    with np.errstate(divide="ignore"):
        return np.asarray(safe + np.log(np.exp(values - safe).sum(axis=0)))
