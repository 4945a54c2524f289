"""The six families on the persons scale, before anything is cut off: pdf, cdf, quantiles, moments.

    symmetric   X = mean + sd · T                     T a standard form of priors/kernels.py
    lognormal   log X ~ Normal(log mean - s²/2, s²),  s² = log(1 + (sd/mean)²)
    gamma       shape k = (mean/sd)²,                 scale sd²/mean

The gamma density is written around its mean (Loader 2000, "Fast and accurate computation of binomial
probabilities") so that it stays exact for very narrow beliefs. Knows nothing of floors, scenarios or years.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Protocol

import numpy as np
from scipy import special

from priors.kernels import FloatArray, Kernel, Normal, kernel

SYMMETRIC_FAMILIES = ("normal", "student_t", "triangular", "pert")
SKEWED_FAMILIES = ("lognormal", "gamma")
_NORMAL = Normal()


class Parent(Protocol):
    """A density of persons; `upper_moments` are E[X - m; X > x] and E[(X - m)²; X > x], m the mean."""

    lower: float
    upper: float

    def pdf(self, x: FloatArray) -> FloatArray: ...

    def cdf(self, x: FloatArray) -> FloatArray: ...

    def sf(self, x: FloatArray) -> FloatArray: ...

    def ppf(self, p: FloatArray) -> FloatArray: ...

    def isf(self, p: FloatArray) -> FloatArray: ...

    def upper_moments(self, x: float) -> tuple[float, float]: ...


class Symmetric:
    def __init__(self, mean: float, sd: float, form: Kernel) -> None:
        self.mean, self.sd, self.form = mean, sd, form
        self.lower, self.upper = mean - sd * form.half_width, mean + sd * form.half_width

    def _standard(self, x: FloatArray) -> FloatArray:
        return np.asarray((x - self.mean) / self.sd, dtype=np.float64)

    def pdf(self, x: FloatArray) -> FloatArray:
        return self.form.pdf(self._standard(x)) / self.sd

    def cdf(self, x: FloatArray) -> FloatArray:
        return self.form.cdf(self._standard(x))

    def sf(self, x: FloatArray) -> FloatArray:
        return self.form.cdf(-self._standard(x))

    def ppf(self, p: FloatArray) -> FloatArray:
        return self.mean + self.sd * self.form.ppf(p)

    def isf(self, p: FloatArray) -> FloatArray:
        return self.mean - self.sd * self.form.ppf(p)

    def upper_moments(self, x: float) -> tuple[float, float]:
        first, second = self.form.upper_moments((x - self.mean) / self.sd)
        return self.sd * first, self.sd**2 * second


class Lognormal:
    lower, upper = 0.0, math.inf

    def __init__(self, mean: float, sd: float) -> None:
        variance = math.log1p((sd / mean) ** 2)
        self.mean, self.s = mean, math.sqrt(variance)
        self.log_median = math.log(mean) - variance / 2

    def _score(self, x: FloatArray) -> FloatArray:
        with np.errstate(divide="ignore"):
            return np.asarray((np.log(np.maximum(x, 0.0)) - self.log_median) / self.s, dtype=np.float64)

    def pdf(self, x: FloatArray) -> FloatArray:
        positive = np.maximum(x, np.finfo(np.float64).tiny)
        return _NORMAL.pdf(self._score(positive)) / (self.s * positive)

    def cdf(self, x: FloatArray) -> FloatArray:
        return _NORMAL.cdf(self._score(x))

    def sf(self, x: FloatArray) -> FloatArray:
        return _NORMAL.cdf(-self._score(x))

    def ppf(self, p: FloatArray) -> FloatArray:
        return np.asarray(np.exp(self.log_median + self.s * special.ndtri(p)), dtype=np.float64)

    def isf(self, p: FloatArray) -> FloatArray:
        return np.asarray(np.exp(self.log_median - self.s * special.ndtri(p)), dtype=np.float64)

    def upper_moments(self, x: float) -> tuple[float, float]:
        above = -float(self._score(np.asarray(x)))
        mass, first, second = (float(special.ndtr(above + r * self.s)) for r in (0, 1, 2))
        squared = math.exp(self.s**2) * second - 2 * first + mass
        return self.mean * (first - mass), self.mean**2 * squared


class Gamma:
    lower, upper = 0.0, math.inf

    def __init__(self, mean: float, sd: float) -> None:
        self.mean, self.sd = mean, sd
        self.shape, self.scale = (mean / sd) ** 2, sd * (sd / mean)
        self._log_front = 0.5 * math.log(self.shape / (2 * math.pi)) - _stirling_error(self.shape)

    def pdf(self, x: FloatArray) -> FloatArray:
        positive = np.clip(x, np.finfo(np.float64).tiny, 1e300)
        away = (positive - self.mean) / self.mean
        near = np.abs(away) < 0.5  # log1p keeps the digits near the mean, the plain log those near zero
        log_ratio = np.where(near, np.log1p(np.where(near, away, 0.0)), np.log(positive / self.mean))
        deviance = away - log_ratio
        log_pdf = self._log_front - self.shape * deviance - np.log(positive)
        return np.asarray(np.where(np.asarray(x) > 0, np.exp(log_pdf), 0.0), dtype=np.float64)

    def cdf(self, x: FloatArray) -> FloatArray:
        return np.asarray(special.gammainc(self.shape, np.maximum(x, 0.0) / self.scale), dtype=np.float64)

    def sf(self, x: FloatArray) -> FloatArray:
        return np.asarray(special.gammaincc(self.shape, np.maximum(x, 0.0) / self.scale), dtype=np.float64)

    def ppf(self, p: FloatArray) -> FloatArray:
        return np.asarray(special.gammaincinv(self.shape, p) * self.scale, dtype=np.float64)

    def isf(self, p: FloatArray) -> FloatArray:
        return np.asarray(special.gammainccinv(self.shape, p) * self.scale, dtype=np.float64)

    def upper_moments(self, x: float) -> tuple[float, float]:
        # By parts, (x f(x))' = -(x - m) f(x) / scale gives E[X - m; X > x] = scale · x · f(x); then again.
        if x <= 0:
            return 0.0, self.sd**2
        density = float(self.pdf(np.asarray(x)))
        first = x * self.scale * density
        mass = float(self.sf(np.asarray(x)))
        return first, self.sd**2 * mass + (x - self.mean + self.scale) * first


def _stirling_error(k: float) -> float:
    """log Gamma(k + 1) minus Stirling's approximation, from its series where the difference would cancel."""
    if k > 16:
        return 1 / (12 * k) - 1 / (360 * k**3) + 1 / (1260 * k**5) - 1 / (1680 * k**7)
    return math.lgamma(k + 1) - (k + 0.5) * math.log(k) + k - 0.5 * math.log(2 * math.pi)


@lru_cache(maxsize=1024)
def parent(family: str, mean: float, sd: float, degrees_of_freedom: float) -> Parent:
    """The density of `family` with this mean and standard deviation (persons); raises KeyError if unknown."""
    if family == "lognormal":
        return Lognormal(mean, sd)
    if family == "gamma":
        return Gamma(mean, sd)
    return Symmetric(mean, sd, kernel(family, degrees_of_freedom))
