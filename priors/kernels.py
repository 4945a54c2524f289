"""Standard forms (mean 0, standard deviation 1) of the four symmetric families.

    normal      exp(-t²/2) / sqrt(2 pi)
    student_t   Student's t with nu degrees of freedom, scaled by sqrt((nu - 2) / nu)
    triangular  (w - |t|) / w²               on [-w, w], w = sqrt 6
    pert        15 / (16 w) · (1 - (t/w)²)²  on [-w, w], w = sqrt 7   (Beta(3, 3): PERT, weight 4)

Closed forms throughout; the partial moments are integrals of these densities from t to infinity.
Knows nothing of persons, years, scenarios or truncation.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import special

FloatArray = NDArray[np.float64]

_SQRT_2PI = math.sqrt(2.0 * math.pi)


class Kernel(Protocol):
    """A symmetric density with mean 0 and standard deviation 1; sf(t) is cdf(-t), isf(p) is -ppf(p)."""

    half_width: float

    def pdf(self, t: FloatArray) -> FloatArray: ...

    def cdf(self, t: FloatArray) -> FloatArray: ...

    def ppf(self, p: FloatArray) -> FloatArray: ...

    def upper_moments(self, t: float) -> tuple[float, float]:
        """E[T; T > t] and E[T²; T > t]."""


class Normal:
    half_width = math.inf

    def pdf(self, t: FloatArray) -> FloatArray:
        return np.asarray(np.exp(-0.5 * t * t) / _SQRT_2PI, dtype=np.float64)

    def cdf(self, t: FloatArray) -> FloatArray:
        return np.asarray(special.ndtr(t), dtype=np.float64)

    def ppf(self, p: FloatArray) -> FloatArray:
        return np.asarray(special.ndtri(p), dtype=np.float64)

    def upper_moments(self, t: float) -> tuple[float, float]:
        density = math.exp(-0.5 * t * t) / _SQRT_2PI
        return density, float(special.ndtr(-t)) + t * density


class StudentT:
    half_width = math.inf

    def __init__(self, degrees_of_freedom: float) -> None:
        nu = degrees_of_freedom
        self.nu = nu
        self.scale = math.sqrt((nu - 2.0) / nu)
        self.log_constant = math.lgamma((nu + 1) / 2) - math.lgamma(nu / 2) - 0.5 * math.log(nu * math.pi)

    def _raw_pdf(self, u: FloatArray) -> FloatArray:
        log_pdf = self.log_constant - 0.5 * (self.nu + 1) * np.log1p(u * u / self.nu)
        return np.asarray(np.exp(log_pdf), dtype=np.float64)

    def pdf(self, t: FloatArray) -> FloatArray:
        return self._raw_pdf(np.asarray(t, dtype=np.float64) / self.scale) / self.scale

    def cdf(self, t: FloatArray) -> FloatArray:
        return np.asarray(special.stdtr(self.nu, t / self.scale), dtype=np.float64)

    def ppf(self, p: FloatArray) -> FloatArray:
        # At 0 and 1 the library's inverse loses the sign of infinity.
        inside = np.clip(p, np.finfo(np.float64).tiny, 1.0 - 2.0**-53)
        ends = np.where(np.asarray(p) < 0.5, -np.inf, np.inf)
        settled = (np.asarray(p) == 0.0) | (np.asarray(p) == 1.0)
        return np.asarray(
            np.where(settled, ends, self.scale * special.stdtrit(self.nu, inside)), dtype=np.float64
        )

    def upper_moments(self, t: float) -> tuple[float, float]:
        # (1 + u²/nu) f_nu(u) is proportional to the density of a t with nu - 2 degrees of freedom.
        nu, u = self.nu, t / self.scale
        first = (nu + u * u) / (nu - 1) * float(self._raw_pdf(np.asarray(u)))
        narrower = float(special.stdtr(nu - 2, -u * self.scale))
        second = nu * ((nu - 1) / (nu - 2) * narrower - float(special.stdtr(nu, -u)))
        return self.scale * first, self.scale**2 * second


class Triangular:
    half_width = math.sqrt(6.0)

    def pdf(self, t: FloatArray) -> FloatArray:
        w = self.half_width
        return np.asarray(np.maximum(w - np.abs(t), 0.0) / (w * w), dtype=np.float64)

    def cdf(self, t: FloatArray) -> FloatArray:
        w = self.half_width
        lower = np.clip(w - np.abs(t), 0.0, w) ** 2 / (2 * w * w)
        return np.asarray(np.where(np.asarray(t) < 0, lower, 1.0 - lower), dtype=np.float64)

    def ppf(self, p: FloatArray) -> FloatArray:
        w = self.half_width
        below, above = np.sqrt(2 * np.asarray(p)) - 1.0, 1.0 - np.sqrt(2 * (1.0 - np.asarray(p)))
        return np.asarray(w * np.where(np.asarray(p) < 0.5, below, above), dtype=np.float64)

    def upper_moments(self, t: float) -> tuple[float, float]:
        w, a = self.half_width, min(abs(t), self.half_width)
        first = (w**3 / 6 - w * a * a / 2 + a**3 / 3) / w**2
        second = (w**4 / 12 - w * a**3 / 3 + a**4 / 4) / w**2
        return first, second if t >= 0 else 1.0 - second


class Pert:
    half_width = math.sqrt(7.0)

    def pdf(self, t: FloatArray) -> FloatArray:
        u = np.asarray(t) / self.half_width
        return np.asarray(15 / (16 * self.half_width) * np.maximum(1 - u * u, 0.0) ** 2, dtype=np.float64)

    def cdf(self, t: FloatArray) -> FloatArray:
        v = np.clip((1.0 - np.abs(t) / self.half_width) / 2, 0.0, 1.0)
        lower = v**3 * (10 - 15 * v + 6 * v * v)
        return np.asarray(np.where(np.asarray(t) < 0, lower, 1.0 - lower), dtype=np.float64)

    def ppf(self, p: FloatArray) -> FloatArray:
        return np.asarray(self.half_width * (2 * special.betaincinv(3.0, 3.0, p) - 1), dtype=np.float64)

    def upper_moments(self, t: float) -> tuple[float, float]:
        w, u = self.half_width, min(abs(t) / self.half_width, 1.0)
        first = w * 15 / 96 * (1 - u * u) ** 3
        integral = (1 / 3 - 2 / 5 + 1 / 7) - (u**3 / 3 - 2 * u**5 / 5 + u**7 / 7)
        second = w * w * 15 / 16 * integral
        return first, second if t >= 0 else 1.0 - second


@lru_cache(maxsize=64)
def kernel(family: str, degrees_of_freedom: float) -> Kernel:
    """The standard form of a symmetric family; raises KeyError for any other family."""
    if family == "student_t":
        return StudentT(degrees_of_freedom)
    simple: dict[str, type[Normal] | type[Triangular] | type[Pert]] = {
        "normal": Normal,
        "triangular": Triangular,
        "pert": Pert,
    }
    return simple[family]()
