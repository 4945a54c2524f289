"""One belief about one year: a family with its mean and spread, cut at a floor and renormalised.

    f(x | x > floor) = f(x) / S(floor),   S the survival function before cutting
    moments          = closed forms of partial moments above the floor (priors/kernels.py, priors/parents.py)

The floor is 0, or what was already counted in the cutoff's own year; the mass cut away is kept on record.
`expected` stays the mean before cutting. Knows nothing of scenarios, probabilities or other years.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from priors.faults import numerals_nl
from priors.kernels import FloatArray
from priors.parents import Lognormal, Parent, parent
from priors.spread import FAMILIES, SPREAD_MEANINGS, ImpossibleBelief, standard_deviation

__all__ = [
    "DEFAULT_DEGREES_OF_FREEDOM",
    "FAMILIES",
    "SPREAD_MEANINGS",
    "ImpossibleBelief",
    "Marginal",
    "marginal",
]

DEFAULT_DEGREES_OF_FREEDOM = 4.0
# Below this the belief and the counts contradict each other; what is left is rounding, not opinion.
LEAST_MASS = 1e-12
# A thousandth of what tables of totals are exact to.
HARDLY_CUT = 1e-9


@dataclass(frozen=True)
class Marginal:
    """Density of a yearly total (persons) above `floor`; `removed` is the mass that lay below it.

    Functions take arrays of any shape and return that shape.
    """

    family: str
    expected: float
    sd_before_floor: float
    degrees_of_freedom: float
    floor: float
    removed: float

    @cached_property
    def _parent(self) -> Parent:
        return parent(self.family, self.expected, self.sd_before_floor, self.degrees_of_freedom)

    @cached_property
    def _kept(self) -> float:
        return float(self._parent.sf(np.asarray(self.floor)))

    @property
    def support(self) -> tuple[float, float]:
        """Lowest and highest possible total (persons); the highest may be infinite."""
        return max(self.floor, self._parent.lower), self._parent.upper

    def pdf(self, x: ArrayLike) -> FloatArray:
        values = np.asarray(x, dtype=np.float64)
        inside = values >= self.floor
        return np.asarray(np.where(inside, self._parent.pdf(values) / self._kept, 0.0), dtype=np.float64)

    def cdf(self, x: ArrayLike) -> FloatArray:
        values = np.maximum(np.asarray(x, dtype=np.float64), self.floor)
        if self.removed == 0.0:
            return self._parent.cdf(values)
        from_below = (self._parent.cdf(values) - self.removed) / self._kept
        from_above = (self._kept - self._parent.sf(values)) / self._kept
        # The difference of the two smaller numbers loses the fewest digits.
        use_below = values < self.expected
        return np.asarray(np.clip(np.where(use_below, from_below, from_above), 0.0, 1.0), dtype=np.float64)

    def sf(self, x: ArrayLike) -> FloatArray:
        values = np.maximum(np.asarray(x, dtype=np.float64), self.floor)
        return np.asarray(np.minimum(self._parent.sf(values) / self._kept, 1.0), dtype=np.float64)

    def ppf(self, level: ArrayLike) -> FloatArray:
        """Quantiles at `level` in [0, 1]."""
        p = np.asarray(level, dtype=np.float64)
        return self._quantile(self.removed + p * self._kept, (1.0 - p) * self._kept)

    def isf(self, probability: ArrayLike) -> FloatArray:
        """The total exceeded with this probability; precise where 1 - probability would round to 1."""
        q = np.asarray(probability, dtype=np.float64)
        return self._quantile(self.removed + (1.0 - q) * self._kept, q * self._kept)

    def _quantile(self, below: FloatArray, above: FloatArray) -> FloatArray:
        low = self._parent.ppf(np.minimum(below, 0.5))
        high = self._parent.isf(np.minimum(above, 0.5))
        lower, upper = self.support
        return np.asarray(np.clip(np.where(below < 0.5, low, high), lower, upper), dtype=np.float64)

    @cached_property
    def log_line(self) -> tuple[float, float] | None:
        """Log median and slope of the log total in the standard normal score, of a lognormal hardly cut; else None."""
        own = self._parent
        if self.removed > HARDLY_CUT or not isinstance(own, Lognormal):
            return None
        return float(own.log_median), float(own.s)

    def at_scores(self, scores: FloatArray) -> FloatArray | None:
        """Totals at standard normal scores, any shape, where that is a closed form: a lognormal hardly cut; else None.

        What little of it lies below the floor is lifted onto it.
        """
        if self.log_line is None:
            return None
        log_median, slope = self.log_line
        totals = np.exp(log_median + slope * scores)
        return np.maximum(totals, self.floor) if self.removed > 0.0 else totals

    def mean(self) -> float:
        """Exact mean after cutting (persons)."""
        if self.removed == 0.0:
            return self.expected
        return self.expected + self._parent.upper_moments(self.floor)[0] / self._kept

    def sd(self) -> float:
        """Exact standard deviation after cutting (persons)."""
        if self.removed == 0.0:
            return self.sd_before_floor
        first, second = (moment / self._kept for moment in self._parent.upper_moments(self.floor))
        return math.sqrt(max(second - first * first, 0.0))


def marginal(
    family: str,
    expected: float,
    spread: float,
    spread_meaning: str = "sd",
    degrees_of_freedom: float | None = None,
    floor: float = 0.0,
) -> Marginal:
    """The belief as a density above `floor` (persons, >= 0).

    Raises ImpossibleBelief when no such density exists or less than LEAST_MASS of it lies above the floor.
    """
    if not floor >= 0.0 or math.isinf(floor):
        raise ValueError(f"the floor must be a finite number of persons, 0 or more, not {floor}")
    freedom = DEFAULT_DEGREES_OF_FREEDOM if degrees_of_freedom is None else float(degrees_of_freedom)
    if not 3.0 <= freedom < math.inf:
        raise ValueError(f"degrees of freedom must be 3 or more, not {degrees_of_freedom}")
    sd = standard_deviation(family, float(expected), float(spread), spread_meaning, freedom)
    before = parent(family, float(expected), sd, freedom)
    if floor <= before.lower:  # nothing to cut, as in most years
        return Marginal(family, float(expected), sd, freedom, float(floor), 0.0)
    at_floor = np.asarray(float(floor))
    if float(before.sf(at_floor)) < LEAST_MASS:
        detail = (
            f"the belief leaves nothing above the {floor:,.0f} persons already counted; "
            f"it expects {expected:,.0f} with a standard deviation of {sd:,.0f}"
        )
        dutch = (
            f"Deze verdeling laat niets over boven de {numerals_nl(f'{floor:,.0f}')} personen die al geteld zijn; zij "
            f"verwacht er {numerals_nl(f'{expected:,.0f}')} met een standaarddeviatie van {numerals_nl(f'{sd:,.0f}')}."
        )
        raise ImpossibleBelief("expected", detail, dutch)
    return Marginal(family, float(expected), sd, freedom, float(floor), float(before.cdf(at_floor)))
