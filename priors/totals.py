"""A year's total under one scenario: its belief plus the events that may occur, as an exact mixture over their subsets.

    N = B + sum over exclusive groups g of A_g,    A_g = X_e with probability p_e, 0 with 1 - sum p_e
    E exp(-itN) = phi_B(t) prod_g (1 - sum_e p_e + sum_e p_e phi_e(t))

Groups are independent, so the sum over all subsets of events is this product. The part without any event stays the
belief's own closed form; the rest is convolved on a grid by FFT: densities enter as exact masses of cells, whose
known blur (sinc) is divided out again; a density too narrow for the cells enters by Gauss-Hermite quadrature. The
error of the distribution function stays below 1e-4. Moments are closed forms. Totals below the floor are cut,
the rest renormalised; `removed` says how much that was. Must not know scenarios, years or draws.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import fft, special

from priors.amounts import Amount
from priors.families import Marginal
from priors.inversion import invert
from priors.kernels import FloatArray

Complex = NDArray[np.complex128]
Group = tuple[tuple[float, Amount], ...]

_TAIL = 1e-10
_HEAVY_TAIL = 1e-7  # where a tail falls off so slowly that more would only make cells coarse
_CELLS_PER_SCALE = {"triangular": 24.0, "pert": 12.0}
_SMOOTH = 8.0
_LARGEST_JUMP = 4e-4  # of the distribution function over one cell at a cut edge
_MOST_CELLS = 2**18
_SCORES = np.linspace(-2.0, 2.0, 17)
_FINEST = 2**16


@dataclass(frozen=True)
class YearTotal:
    """Density of a year's total above `base.floor`; functions take arrays of any shape and return that shape.

    `groups` hold the probability and amount of events of which at most one occurs.
    """

    base: Marginal
    groups: tuple[Group, ...]

    @property
    def floor(self) -> float:
        """Persons below which nothing lies."""
        return self.base.floor

    @cached_property
    def without(self) -> float:
        """Probability that no event adds to this year."""
        return math.prod(1.0 - _occurring(group) for group in self.groups)

    @property
    def expected(self) -> float:
        """Mean before anything is cut, the belief's own floor included (persons)."""
        return self.base.expected + self._added_mean

    @cached_property
    def removed(self) -> float:
        """Mass of the sum that events took below the floor; what the belief lost itself is `base.removed`."""
        lowest = float(self.base.ppf(1e-10)) + sum(min(0.0, *(x.lowest for _, x in g)) for g in self.groups)
        if lowest >= self.floor:
            return 0.0
        return float(self._below(np.asarray(self.floor)))

    @property
    def support(self) -> tuple[float, float]:
        """Lowest and highest possible total (persons); the highest may be infinite."""
        return self.floor, max(self.base.support[1], float(self._edges[-1]))

    def pdf(self, x: ArrayLike) -> FloatArray:
        values = np.asarray(x, dtype=np.float64)
        inside = values >= self.floor
        return np.asarray(np.where(inside, self.uncut_pdf(values) / self._kept, 0.0), dtype=np.float64)

    def cdf(self, x: ArrayLike) -> FloatArray:
        values = np.maximum(np.asarray(x, dtype=np.float64), self.floor)
        below = (self.uncut_cdf(values) - self.removed) / self._kept
        return np.asarray(np.clip(below, 0.0, 1.0), dtype=np.float64)

    def sf(self, x: ArrayLike) -> FloatArray:
        values = np.maximum(np.asarray(x, dtype=np.float64), self.floor)
        above = self._cumulated[-1] - self._below(values)
        exceeding = (self.without * self.base.sf(values) + above) / self._kept
        return np.asarray(np.clip(exceeding, 0.0, 1.0), dtype=np.float64)

    def ppf(self, level: ArrayLike) -> FloatArray:
        """Quantiles at `level` in [0, 1]."""
        levels = np.asarray(level, dtype=np.float64)
        lower, upper = self.support
        inner = (levels > 0) & (levels < 1)
        asked = np.where(inner, levels, 0.5)
        # Events only ever share the tail with the belief, so its own quantile lies beyond.
        high = np.maximum(self.base.isf(1.0 - asked), self._edges[-1])
        found = invert(self.cdf, self.sf, self.pdf, asked, np.full(levels.shape, lower), high)
        return np.asarray(np.where(inner, found, np.where(levels <= 0, lower, upper)), dtype=np.float64)

    def mean(self) -> float:
        """Mean after cutting (persons)."""
        return self._moments[0]

    def sd(self) -> float:
        """Standard deviation after cutting (persons)."""
        return self._moments[1]

    def uncut_cdf(self, x: FloatArray) -> FloatArray:
        """As `cdf`, with the mass that events take below the floor where it fell."""
        return np.asarray(self.without * self.base.cdf(x) + self._below(x), dtype=np.float64)

    def uncut_pdf(self, x: FloatArray) -> FloatArray:
        """As `pdf`, before cutting."""
        edges, masses = self._edges, np.diff(self._cumulated)
        centres, step = (edges[1:] + edges[:-1]) / 2, edges[1] - edges[0]
        convolved = np.interp(x, centres, masses / step, left=0.0, right=0.0)
        return np.asarray(self.without * self.base.pdf(x) + convolved, dtype=np.float64)

    @cached_property
    def cut_map(self) -> tuple[FloatArray, FloatArray]:
        """Totals (node,) before and after cutting, by equal rank: a draw of the sum becomes one of the cut density."""
        narrow = self.base.ppf(special.ndtr(np.linspace(-6.0, 6.0, 401)))
        x = np.unique(np.concatenate([self._edges, narrow]))
        below = self.uncut_cdf(x)
        rising = np.concatenate([[True], np.diff(np.maximum.accumulate(below)) > 0])
        x, below = x[rising], below[rising]
        after = np.interp(self.removed + self._kept * below, below, x)
        return x, np.maximum(after, self.floor)

    @cached_property
    def _kept(self) -> float:
        return 1.0 - self.removed

    def _below(self, x: FloatArray) -> FloatArray:
        """Probability that some event occurs and the sum is at most `x`."""
        return np.asarray(np.interp(x, self._edges, self._cumulated), dtype=np.float64)

    @cached_property
    def _grid(self) -> tuple[FloatArray, FloatArray]:
        return _convolved(self.base, self.groups, self.without)

    @property
    def _edges(self) -> FloatArray:
        return self._grid[0]

    @property
    def _cumulated(self) -> FloatArray:
        return self._grid[1]

    @property
    def _added_mean(self) -> float:
        return math.fsum(p * part.expected for group in self.groups for p, part in group)

    @cached_property
    def _moments(self) -> tuple[float, float]:
        mean = self.base.mean() + self._added_mean
        variance = self.base.sd() ** 2 + math.fsum(map(_added_variance, self.groups))
        edges = self._edges[self._edges <= self.floor + 1e-9 * max(self.floor, 1.0)]
        if len(edges) < 2 or self.removed == 0.0:
            return mean, math.sqrt(variance)
        # The convolved cells below the floor, taken away from the closed forms; the floor is the edge of a cell.
        # Within a cell the density has a slope, which moves its centre of mass.
        below, width = slice(0, len(edges) - 1), edges[1] - edges[0]
        masses = np.diff(self._cumulated)
        away, moved = (edges[1:] + edges[:-1]) / 2 - mean, width * np.gradient(masses)[below] / 12
        masses = masses[below]
        first = -float((masses * away + moved).sum()) / self._kept
        squares = masses * (away**2 + width**2 / 12) + 2 * away * moved
        second = (variance - float(squares.sum())) / self._kept
        return mean + first, math.sqrt(max(second - first * first, 0.0))


@lru_cache(maxsize=128)
def year_total(base: Marginal, groups: tuple[Group, ...]) -> YearTotal:
    """The total; kept, since an edit of one scenario leaves the others' totals as they are."""
    return YearTotal(base, groups)


def _occurring(group: Group) -> float:
    return math.fsum(p for p, _ in group)


def _added_variance(group: Group) -> float:
    mean = math.fsum(p * part.expected for p, part in group)
    return math.fsum(p * (part.sd**2 + part.expected**2) for p, part in group) - mean**2


def _convolved(base: Marginal, groups: tuple[Group, ...], without: float) -> tuple[FloatArray, FloatArray]:
    """Edges (cell + 1,) in persons and the probability of an event with a sum at most there, the same shape."""
    present = [part for group in groups for p, part in group if p > 0]
    if not present:
        return np.array([base.floor, base.floor + 1.0]), np.zeros(2)
    low, high = _reach(base, groups)
    step = max(_step(base, present), (high - low) / _MOST_CELLS)
    # The floor is the edge of a cell, so that what is cut there is cut exactly.
    start = base.floor + (math.floor((low - base.floor) / step) - 2) * step
    size = int(fft.next_fast_len(max(math.ceil((high - start) / step) + 2, 64), real=True))
    times = np.asarray(2.0 * math.pi * np.arange(size // 2 + 1) / (size * step), dtype=np.float64)
    grid = _Cells(start, step, size, times, np.asarray(np.sinc(times * step / (2.0 * math.pi))))
    product = np.ones(len(times), dtype=np.complex128)
    for group in groups:
        factor = np.full(len(times), 1.0 - _occurring(group), dtype=np.complex128)
        for probability, part in group:
            factor += probability * _spectrum(part, grid)
        product *= factor
    return _summed(_base_spectrum(base, grid) * (product - without), grid, 1.0 - without)


class _Cells(NamedTuple):
    """An even grid of `size` cells from `start` on, the angular frequencies it resolves, and a cell's own spectrum."""

    start: float
    step: float
    size: int
    times: FloatArray
    blur: FloatArray


def _summed(spectrum: Complex, grid: _Cells, mass: float) -> tuple[FloatArray, FloatArray]:
    """From the spectrum (about the first cell's centre) to masses of cells a few times finer, summed up."""
    start, step, size, times, _ = grid
    finer = next(r for r in (8, 4, 2, 1) if r == 1 or r * size <= _FINEST)
    cell = step / finer
    moved = np.exp(0.5j * times * (cell - step)) * np.sinc(times * cell / (2.0 * math.pi))
    if size % 2 == 0:
        spectrum[-1] *= 0.5
    masses = np.maximum(fft.irfft(spectrum * moved, n=finer * size), 0.0)
    cumulated = np.concatenate([[0.0], np.cumsum(masses)])
    cumulated *= mass / cumulated[-1]
    edges = start + cell * np.arange(finer * size + 1)
    # Beyond the last visible mass the curve says nothing more.
    first = max(int(np.searchsorted(cumulated, 1e-13)) - 1, 0)
    last = min(int(np.searchsorted(cumulated, mass * (1 - 1e-13))) + 1, len(edges))
    kept = slice(min(first, finer * size - 2), max(last, first + 3))
    return np.asarray(edges[kept]), np.append(cumulated[kept][:-1], mass)


def _reach(base: Marginal, groups: Sequence[Group]) -> tuple[float, float]:
    """Totals beyond which hardly anything lies."""
    low, high = _ends(base)
    for group in groups:
        ends = [_ends(part) for _, part in group]
        low, high = low + min(0.0, *(e[0] for e in ends)), high + max(0.0, *(e[1] for e in ends))
    return low, high


def _ends(part: Marginal | Amount) -> tuple[float, float]:
    tail = np.asarray(_HEAVY_TAIL if part.family == "student_t" else _TAIL)
    return float(part.ppf(tail)), float(part.isf(tail))


def _step(base: Marginal, present: Sequence[Amount]) -> float:
    """A width of cells at which, for every event, the belief or the event itself is smooth."""
    own = _width(base) / _CELLS_PER_SCALE.get(base.family, _SMOOTH)
    if jump := _jump(base):
        own = min(own, _LARGEST_JUMP / jump)
    return min(max(own, _width(part) / _CELLS_PER_SCALE.get(part.family, _SMOOTH)) for part in present)


def _jump(base: Marginal) -> float:
    """The density at the floor where the belief is cut there, else 0."""
    return float(base.pdf(base.floor)) if base.removed > 0 else 0.0


def _width(part: Marginal | Amount) -> float:
    """The smallest distance in persons that a step of one in the normal score makes: a local deviation."""
    x = part.ppf(special.ndtr(_SCORES))
    return float(np.min(np.diff(x)) / (_SCORES[1] - _SCORES[0]))


def _base_spectrum(base: Marginal, grid: _Cells) -> Complex:
    """`E exp(-it(B - c))`, c the centre of the first cell."""
    start, step, size, times, blur = grid
    if _width(base) < 2 * step:
        return np.asarray(
            _by_quadrature(base, times) * np.exp(1j * times * (start + step / 2)), dtype=np.complex128
        )
    masses = np.diff(base.cdf(start + step * np.arange(size + 1)))
    spectrum: Complex = fft.rfft(masses) / blur
    if jump := _jump(base):
        # Euler and Maclaurin's first term: what cells of this width miss of an edge that stands at one of theirs.
        moved = np.exp(-1j * times * (base.floor - start - step / 2))
        spectrum += jump * step**2 / 12 * 1j * times * moved
    return spectrum


def _spectrum(part: Amount, grid: _Cells) -> Complex:
    """`E exp(-itX)`: cells are centred on whole multiples of the step, those below zero at the end."""
    _, step, size, times, blur = grid
    if _width(part) < 2 * step:
        return _by_quadrature(part, times)
    low, high = _ends(part)
    first, last = math.floor(low / step), math.ceil(high / step)
    last = min(last, first + size - 1)
    masses = np.diff(part.cdf(np.asarray(step * (np.arange(first, last + 2) - 0.5), dtype=np.float64)))
    placed = np.zeros(size)
    np.add.at(placed, np.arange(first, last + 1) % size, masses / masses.sum())
    blurred: Complex = fft.rfft(placed) / blur
    return blurred


def _by_quadrature(part: Marginal | Amount, times: FloatArray) -> Complex:
    nodes, weights = special.roots_hermitenorm(96)
    weights, x = weights / weights.sum(), part.ppf(special.ndtr(nodes))
    kept = np.isfinite(x) & (weights > 1e-18)
    total = np.zeros(len(times), dtype=np.complex128)
    for place, weight in zip(x[kept], weights[kept], strict=True):
        total += weight * np.exp(-1j * times * place)
    return total
