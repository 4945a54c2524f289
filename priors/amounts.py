"""What an event adds to one year's total, or takes from it: a family on the whole line, never cut.

    symmetric families   X = expected + sd T                        (priors/kernels.py), any sign
    lognormal, gamma     X = Y, or X = -Y where the expected amount is negative;  Y of mean |expected|

What the *total* may not be is decided where amounts meet a scenario (priors/totals.py). Must not know scenarios,
probabilities or years.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from scipy import special

from priors.families import DEFAULT_DEGREES_OF_FREEDOM
from priors.kernels import FloatArray, kernel
from priors.parents import SYMMETRIC_FAMILIES, Lognormal, Parent, parent
from priors.spread import ImpossibleBelief, standard_deviation

_END, _NODES = 8.0, 8193


@dataclass(frozen=True)
class Amount:
    """A signed number of persons with mean `expected` and standard deviation `sd`."""

    family: str
    expected: float
    sd: float
    degrees_of_freedom: float

    @cached_property
    def _mirrored(self) -> bool:
        return self.family not in SYMMETRIC_FAMILIES and self.expected < 0

    @cached_property
    def _parent(self) -> Parent:
        mean = -self.expected if self._mirrored else self.expected
        return parent(self.family, mean, self.sd, self.degrees_of_freedom)

    @cached_property
    def lowest(self) -> float:
        """An amount under which next to nothing lies (a chance of 1e-10)."""
        return float(self.ppf(np.asarray(1e-10)))

    def cdf(self, x: FloatArray) -> FloatArray:
        """Chance of at most `x` persons, any shape."""
        return self._parent.sf(-x) if self._mirrored else self._parent.cdf(x)

    def ppf(self, level: FloatArray) -> FloatArray:
        """Quantiles at `level` in (0, 1), any shape."""
        return -self._parent.isf(level) if self._mirrored else self._parent.ppf(level)

    def isf(self, probability: FloatArray) -> FloatArray:
        """The amount exceeded with this probability, any shape."""
        return -self._parent.ppf(probability) if self._mirrored else self._parent.isf(probability)

    def at_scores(self, scores: FloatArray) -> FloatArray:
        """Amounts at standard normal scores, any shape, in their precision: fast, for draws; to 1e-6 of the spread."""
        if self.family == "normal":
            return self.expected + self.sd * scores
        if self.family in SYMMETRIC_FAMILIES:
            standard = _tabulated(self.family, self.degrees_of_freedom, scores)
            return (self.expected + self.sd * standard).astype(scores.dtype, copy=False)
        sign = -1.0 if self._mirrored else 1.0
        if isinstance(self._parent, Lognormal):
            return np.asarray(
                sign * np.exp(float(self._parent.log_median) + float(self._parent.s) * sign * scores)
            )
        z, x = _gamma_table(abs(self.expected), self.sd)
        return (sign * np.interp(sign * scores, z, x)).astype(scores.dtype, copy=False)


def amount(
    family: str,
    expected: float,
    spread: float,
    spread_meaning: str = "sd",
    degrees_of_freedom: float | None = None,
) -> Amount:
    """The amount as a density; raises ImpossibleBelief when no such one exists."""
    freedom = DEFAULT_DEGREES_OF_FREEDOM if degrees_of_freedom is None else float(degrees_of_freedom)
    if family not in SYMMETRIC_FAMILIES and expected == 0:
        detail = f"a {family} amount has one sign; state another family for an amount that may be either"
        dutch = f"Een aantal van deze vorm ({family}) heeft één teken; kies een andere vorm als het beide kan zijn."
        raise ImpossibleBelief("expected", detail, dutch)
    # The spread of a symmetric family does not depend on where it stands; with no amount it is its own measure.
    size = abs(float(expected)) or float(spread)
    sd = standard_deviation(family, size, float(spread), spread_meaning, freedom)
    return Amount(family, float(expected), sd, freedom)


def _tabulated(family: str, degrees_of_freedom: float, scores: FloatArray) -> FloatArray:
    z, t = _standard_table(family, degrees_of_freedom)
    return np.asarray(np.interp(scores, z, t), dtype=np.float64)


@lru_cache(maxsize=64)
def _standard_table(family: str, degrees_of_freedom: float) -> tuple[FloatArray, FloatArray]:
    form, z = kernel(family, degrees_of_freedom), np.linspace(-_END, 0.0, _NODES)
    lower = form.ppf(special.ndtr(z))
    return np.concatenate([z, -z[-2::-1]]), np.concatenate([lower, -lower[-2::-1]])


@lru_cache(maxsize=64)
def _gamma_table(mean: float, sd: float) -> tuple[FloatArray, FloatArray]:
    z = np.linspace(-_END, _END, _NODES)
    belief, middle = parent("gamma", mean, sd, 0.0), _NODES // 2
    return z, np.concatenate([belief.ppf(special.ndtr(z[:middle])), belief.isf(special.ndtr(-z[middle:]))])
