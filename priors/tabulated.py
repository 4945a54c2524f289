"""A belief given as a table of its distribution function, as a logarithmic pool is: linear between its nodes.

Answers as any other parent density (priors/parents.py), cut at a floor like those. Must not know where tables are from.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from priors.families import LEAST_MASS, Marginal
from priors.faults import numerals_nl
from priors.kernels import FloatArray
from priors.parents import Parent
from priors.spread import ImpossibleBelief


class Table:
    """The density between nodes `x` (node,) with distribution function `below` (node,), 0 to 1."""

    def __init__(self, x: FloatArray, below: FloatArray) -> None:
        kept = np.concatenate([[True], np.diff(below) > 0])
        self._x, self._below = x[kept], below[kept]
        self.lower, self.upper = float(self._x[0]), float(self._x[-1])
        middle, mass, width = (self._x[1:] + self._x[:-1]) / 2, np.diff(self._below), np.diff(self._x)
        self.mean = float(mass @ middle)
        self.sd = float(np.sqrt(mass @ ((middle - self.mean) ** 2 + width**2 / 12)))

    def pdf(self, x: FloatArray) -> FloatArray:
        slopes = np.diff(self._below) / np.diff(self._x)
        centres = (self._x[1:] + self._x[:-1]) / 2
        inside = (np.asarray(x) >= self.lower) & (np.asarray(x) <= self.upper)
        return np.asarray(np.where(inside, np.interp(x, centres, slopes), 0.0), dtype=np.float64)

    def cdf(self, x: FloatArray) -> FloatArray:
        return np.asarray(np.interp(x, self._x, self._below), dtype=np.float64)

    def sf(self, x: FloatArray) -> FloatArray:
        return np.asarray(np.interp(x, self._x, 1.0 - self._below), dtype=np.float64)

    def ppf(self, p: FloatArray) -> FloatArray:
        return np.asarray(np.interp(p, self._below, self._x), dtype=np.float64)

    def isf(self, p: FloatArray) -> FloatArray:
        return np.asarray(np.interp(p, (1.0 - self._below)[::-1], self._x[::-1]), dtype=np.float64)

    def upper_moments(self, x: float) -> tuple[float, float]:
        edges = np.unique(np.append(self._x[self._x > x], np.clip(x, self.lower, self.upper)))
        mass, width = np.diff(self.cdf(edges)), np.diff(edges)
        away = (edges[1:] + edges[:-1]) / 2 - self.mean
        return float(mass @ away), float(mass @ (away**2 + width**2 / 12))


@dataclass(frozen=True)
class TabulatedMarginal(Marginal):
    """As Marginal, its density given by `table`: totals and the distribution function there."""

    table: tuple[tuple[float, ...], tuple[float, ...]] = ((), ())

    @cached_property
    def _parent(self) -> Parent:
        return Table(*map(np.array, self.table))


def tabulated(x: tuple[float, ...], below: tuple[float, ...], floor: float) -> TabulatedMarginal:
    """The belief above `floor` (persons); raises ImpossibleBelief when next to nothing of it lies there."""
    own = Table(np.array(x), np.array(below))
    at = np.asarray(floor)
    if float(own.sf(at)) < LEAST_MASS:
        detail = f"the pool leaves nothing above the {floor:,.0f} persons counted"
        counted = numerals_nl(f"{floor:,.0f}")
        dutch = f"De samenvoeging laat niets over boven de {counted} personen die al geteld zijn."
        raise ImpossibleBelief("expected", detail, dutch)
    removed = float(own.cdf(at))
    return TabulatedMarginal("tabulated", own.mean, own.sd, 4.0, floor, removed, (x, below))
