"""Answers from weighed draws: quantiles, moments, density and exceedance of each target year.

A layer is a mixture over components of weighed draws of the yearly totals. Each component's distribution is kept
as cumulated weight on one fixed logarithmic grid (cells of 0.05%), the same for every component and every
forecast. Mixing is then a weighted sum of rows: a changed probability touches no draw, and quantiles and
exceedance read the same curve, so that the chance of exceeding `medio` is 1/3. Within a cell the curve is linear; the
error that this makes is of the order of the cell's mass times its width, far below Monte Carlo error.

A year fully counted is its count in every draw and is answered as such. NumPy only: the web process answers from here.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from models.weighting import WeighedComponent

Array = NDArray[np.float64]

CELL = 5e-4
_LOWEST, _HIGHEST = 0.5, 1e8
_LEAST_WEIGHT = (
    1e-20  # of the largest: all smaller ones together are lost in rounding, and numbers near zero are slow
)
EDGES = np.exp(np.arange(np.log(_LOWEST), np.log(_HIGHEST), CELL))


@dataclass(frozen=True)
class Density:
    """A density on a grid: `x` in persons, `pdf` per person, `cdf` from 0 to 1."""

    x: Array
    pdf: Array
    cdf: Array


@dataclass(frozen=True)
class ComponentCurves:
    """One component's cumulated weights `(year, edge)` and moments `(year,)`; its probability is not in it.

    The edges are those of the grid from number `first` on, as far as the component's draws reach. Single precision
    halves what the web process keeps; its error of 1e-7 is far below Monte Carlo error.
    """

    key: str
    first: int
    cumulated: NDArray[np.float32]
    mean: Array
    square: Array
    effective_draws: float
    lowest: Array
    highest: Array

    @property
    def end(self) -> int:
        """Number of the grid's edge behind the last one held."""
        return self.first + len(self.cumulated[0])

    def weight_at(self, year: NDArray[np.intp], edges: NDArray[np.intp]) -> NDArray[np.float32]:
        """Weights at or below edges, by their numbers on the whole grid, in years by their places; any shapes."""
        last = self.cumulated.shape[1] - 1
        own = np.minimum(
            np.maximum(edges - self.first, 0), last
        )  # nothing lies at the first edge or before it
        return np.asarray(self.cumulated.ravel().take(own + year * (last + 1)))

    def at(self, year: int, x: float) -> float:
        """Weight at or below `x` persons in the year at position `year`."""
        return float(_evaluate(EDGES[self.first : self.end], self.cumulated[year], np.array([x]))[0])


def component_curves(
    component: WeighedComponent, cells: NDArray[np.integer] | None = None
) -> ComponentCurves:
    """Reduce weighed draws `(draw, year)` to curves. A component without any weight has curves of zeros.

    `cells` `(year, draw)` are those of its totals, where they are known.
    """
    by_year, weights = np.ascontiguousarray(component.totals.T), component.weights
    if not weights.any():
        nothing = np.full(len(by_year), np.nan)
        empty = np.zeros((len(by_year), 1), dtype=np.float32)
        return ComponentCurves(component.key, 0, empty, nothing, nothing, 0.0, nothing, nothing)
    carrying = np.flatnonzero(weights > _LEAST_WEIGHT)
    if len(carrying) < len(weights):
        by_year, weights = by_year.take(carrying, axis=1), weights.take(carrying)
        cells = cells.take(carrying, axis=1) if cells is not None else None
    weights = weights / weights.sum()
    lowest, highest = by_year.min(axis=1), by_year.max(axis=1)
    first, masses = masses_on_grid(cells_of(by_year) if cells is None else cells.astype(np.intp), weights)
    persons = by_year.astype(np.float64)
    return ComponentCurves(
        key=component.key,
        first=first,
        cumulated=np.cumsum(masses, axis=1, out=masses).astype(np.float32),
        mean=persons @ weights,
        square=np.square(persons, out=persons) @ weights,
        effective_draws=component.effective_draws,
        lowest=lowest,
        highest=highest,
    )


def masses_on_grid(cells: NDArray[np.intp], weights: Array) -> tuple[int, Array]:
    """The number of the first edge held, and the weight `(year, edge)` in the cell below each edge.

    `cells` `(year, draw)`, which are lost, `weights` `(draw,)`.
    """
    first = max(int(cells.min()) - 1, 0)
    cells -= first
    size = int(cells.max()) + 1
    return first, np.stack([np.bincount(cell, weights=weights, minlength=size) for cell in cells])


def cells_of(persons: Array) -> NDArray[np.intp]:
    """Numbers of the edges at or above totals, any shape."""
    position = np.clip(persons, _LOWEST, _HIGHEST)
    np.log(position, out=position)
    position *= 1 / CELL
    position += 1 - 1e-9 - math.log(_LOWEST) / CELL
    cells = position.astype(np.intp)
    return np.minimum(cells, len(EDGES) - 1, out=cells)


@dataclass(frozen=True)
class Layer:
    """A mixture of components: `probabilities` sum to 1 over `curves`."""

    years: tuple[int, ...]
    curves: tuple[ComponentCurves, ...]
    probabilities: Array

    @cached_property
    def _span(self) -> tuple[int, int]:
        """The grid's edges that any component in use reaches, from one number to another."""
        used = [curve for _, curve in self._used()]
        return min(curve.first for curve in used), max(curve.end for curve in used)

    @cached_property
    def _edges(self) -> Array:
        first, end = self._span
        return np.asarray(EDGES[first:end])

    @cached_property
    def _mixed(self) -> Array:
        """Weight at or below each edge `(year, edge)`, ending near 1."""
        mixed = np.zeros((len(self.years), self._span[1] - self._span[0]))
        for probability, curve in self._used():
            self._add(mixed, probability, curve)
        return mixed

    def _add(self, mixed: Array, probability: float, curve: ComponentCurves) -> None:
        first = self._span[0]
        mixed[:, curve.first - first : curve.end - first] += probability * curve.cumulated
        mixed[:, curve.end - first :] += probability * curve.cumulated[:, -1:]

    @cached_property
    def _cdf(self) -> Array:
        """`(year, edge)`."""
        return _ending_at_one(self._mixed)

    @cached_property
    def _range(self) -> tuple[Array, Array]:
        return _range_of([curve for _, curve in self._used()])

    def _settled(self, year: int) -> bool:
        """Whether the year's total is known: every draw is the count."""
        lowest, highest = self._range
        return bool(lowest[year] == highest[year])

    def quantiles(self, levels: Sequence[float]) -> Array:
        """Quantiles `(level, year)` in persons."""
        return _quantiles(self._edges, self._cdf, self._range, levels)

    def mean(self) -> Array:
        """Means `(year,)` in persons."""
        return np.asarray(sum(p * c.mean for p, c in self._used()))

    def sd(self) -> Array:
        """Standard deviations `(year,)` in persons."""
        second = np.asarray(sum(p * c.square for p, c in self._used()))
        return np.sqrt(np.maximum(second - self.mean() ** 2, 0.0))

    def _used(self) -> list[tuple[float, ComponentCurves]]:
        return [(float(p), c) for p, c in zip(self.probabilities, self.curves, strict=True) if p > 0]

    def exceedance(self, year: int, above: float) -> tuple[float, float]:
        """Chance of a total above `above` in calendar year `year`, and its Monte Carlo standard error.

        Raises ValueError when the year is no target year.
        """
        j = self._position(year)
        if self._settled(j):
            return float(self._range[0][j] > above), 0.0
        chance = 1.0 - float(_evaluate(self._edges, self._cdf[j], np.array([above]))[0])
        variance = 0.0
        for probability, curve in self._used():
            own = curve.at(j, above)
            variance += probability**2 * max(own * (1 - own), 0.0) / max(curve.effective_draws, 1.0)
        return chance, float(np.sqrt(variance))

    def density(self, year: int, points: int = 201) -> Density:
        """The year's density on an even grid over its central 99.9%; pdf smoothed by a narrow Gaussian kernel.

        Raises ValueError when the year is no target year. A settled year has all its mass in one point.
        """
        j = self._position(year)
        if self._settled(j):
            return Density(np.array([self._range[0][j]]), np.array([np.inf]), np.array([1.0]))
        low, high = _invert(self._edges, self._cdf[j], np.array([5e-4, 1 - 5e-4]))
        margin = 0.08 * (high - low)
        x = np.linspace(max(0.0, low - margin), high + margin, points)
        return Density(
            x, self._smoothed_pdf(j, x, float(self._range[0][j])), _evaluate(self._edges, self._cdf[j], x)
        )

    def _smoothed_pdf(self, j: int, x: Array, lowest: float) -> Array:
        """Kernel density by convolving the mass of even cells; what leaks under the lowest draw is mirrored back."""
        width = 0.6 * float(self.sd()[j]) * min(c.effective_draws for _, c in self._used()) ** -0.2
        low, high = _invert(self._edges, self._cdf[j], np.array([1e-5, 1 - 1e-5]))
        edges = np.linspace(min(lowest, low), high, 2001)
        cell = edges[1] - edges[0]
        density = np.diff(_evaluate(self._edges, self._cdf[j], edges)) / cell
        reach = int(min(np.ceil(4 * width / cell), 1000))
        kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) * cell / width) ** 2)
        padded = np.concatenate([density[:reach][::-1], density, np.zeros(reach)])
        smooth = np.convolve(padded, kernel / kernel.sum(), mode="valid")
        return np.asarray(
            np.interp(x, (edges[1:] + edges[:-1]) / 2, smooth, left=0.0, right=0.0) * (x >= edges[0])
        )

    def _position(self, year: int) -> int:
        if year not in self.years:
            raise ValueError(f"{year} is not a target year; these are {self.years[0]} to {self.years[-1]}")
        return self.years.index(year)


def _range_of(curves: Sequence[ComponentCurves]) -> tuple[Array, Array]:
    """Lowest and highest draws `(year,)`."""
    return np.min([c.lowest for c in curves], axis=0), np.max([c.highest for c in curves], axis=0)


def _ending_at_one(mixed: Array) -> Array:
    ending = mixed / mixed[:, -1:]
    return np.minimum(ending, 1.0, out=ending)


def _quantiles(edges: Array, cdf: Array, ends: tuple[Array, Array], levels: Sequence[float]) -> Array:
    """Quantiles `(level, year)` of curves `(year, edge)`, whatever they end at, within the range of draws."""
    (lowest, highest), wanted = ends, np.asarray(levels, dtype=float)
    out = np.empty((len(wanted), len(cdf)))
    for year, curve in enumerate(cdf):
        if lowest[year] == highest[year]:
            out[:, year] = lowest[year]
        else:
            out[:, year] = _invert(edges, curve, wanted * curve[-1]).clip(lowest[year], highest[year])
    return out


def _invert(edges: Array, cdf: Array, levels: Array) -> Array:
    """Where the curve reaches each level, linear within a cell."""
    if len(edges) == 1:
        return np.full(len(levels), edges[0])
    upper = np.searchsorted(cdf, levels, side="left").clip(1, len(cdf) - 1)
    return between(edges, upper, cdf[upper - 1], cdf[upper], levels)


def between(edges: Array, upper: NDArray[np.intp], below: Array, at: Array, levels: Array) -> Array:
    """Where curves reach levels under an edge, `at` there and `below` at the edge before it, any shape."""
    share = np.where(at > below, (levels - below) / np.where(at > below, at - below, 1.0), 1.0)
    return np.asarray(edges[upper - 1] + share.clip(0.0, 1.0) * (edges[upper] - edges[upper - 1]))


def _evaluate(edges: Array, cdf: Array, x: Array) -> Array:
    """The curve at x, linear within a cell."""
    return np.interp(x, edges, cdf, left=0.0, right=float(cdf[-1]))
