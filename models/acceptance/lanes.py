"""exp, log and ratios of gammas without a branch, for loops that run over many numbers at once.

    exp x = 2^n exp r,    n = round(x / log 2),   r at most log(2) / 2 from 0                (Taylor's series)
    log x = e log 2 + 2 artanh f,   x = 2^e m,   f = (m - 1) / (m + 1),   m from sqrt(1/2) to sqrt(2)
    gamma(x + k) / gamma(x)   from the asymptotic series at x + 6 (Abramowitz and Stegun 6.1.41, 6.3.18) and
    x (x + 1) ... (x + 5) = u (u + 4) (u + 6),   u = x (x + 5)

A processor does four or eight of these at a time where no number takes a way of its own; library functions do not
allow it. Relative errors are below 1e-13 (exp, log) and 1e-10 (ratios). This module knows nothing of data, priors or
samplers; only worker processes import it.
"""

from typing import Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from models.acceptance.compiling import called_from_python, compiled

Array = NDArray[np.float64]

_LOG2_E = 1 / np.log(2)
_LOG2_HIGH, _LOG2_LOW = 0.693147180369123816490, 1.90821492927058770002e-10
_ROOT_TWO = 1.4142135623730951
_IN_LOWEST = 1.5 * 2.0**52  # adding it leaves a whole number in the lowest bits
_MOST = 600.0
_FRACTION, _ONE, _BIAS, _MADE_DOUBLE = (1 << 52) - 1, 1023 << 52, 1023, 0x433 << 52
_G1, _G2, _G3, _G4 = 1 / 12, 1 / 360, 1 / 1260, 1 / 1680
_P1, _P2, _P3, _P4 = 1 / 12, 1 / 120, 1 / 252, 1 / 240


@intrinsic  # type: ignore[untyped-decorator]
def _bits(typing: Any, x: Any) -> Any:
    """The bits of a double as a whole number."""

    def emit(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        return builder.bitcast(given[0], ir.IntType(64))

    return types.int64(types.float64), emit


@intrinsic  # type: ignore[untyped-decorator]
def _double(typing: Any, bits: Any) -> Any:
    """The double with these bits."""

    def emit(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        return builder.bitcast(given[0], ir.DoubleType())

    return types.float64(types.int64), emit


@compiled
def exp_of(x: float) -> float:
    """exp(x), held between exp(-600) and exp(600)."""
    x = min(max(x, -_MOST), _MOST)
    n = np.floor(x * _LOG2_E + 0.5)
    r = x - n * _LOG2_HIGH - n * _LOG2_LOW
    s = r * r
    even = 1 + s * (1 / 2 + s * (1 / 24 + s * (1 / 720 + s * (1 / 40320 + s * (1 / 3628800)))))
    odd = 1 + s * (1 / 6 + s * (1 / 120 + s * (1 / 5040 + s * (1 / 362880 + s * (1 / 39916800)))))
    power = _double((_bits(n + _IN_LOWEST) + _BIAS) << 52)
    found: float = (even + r * odd) * power
    return found


@compiled
def log_of(x: float) -> float:
    """log(x) for x > 0 that is not denormal."""
    bits = _bits(x)
    exponent = _double((bits >> 52) | _MADE_DOUBLE) - (2.0**52 + _BIAS)
    m = _double((bits & _FRACTION) | _ONE)
    above = m > _ROOT_TWO
    m = 0.5 * m if above else m
    exponent = exponent + 1 if above else exponent
    f = (m - 1) / (m + 1)
    s = f * f
    series = 1 / 7 + s * (1 / 9 + s * (1 / 11 + s * (1 / 13 + s * (1 / 15))))
    series = 1 + s * (1 / 3 + s * (1 / 5 + s * series))
    log: float = exponent * _LOG2_HIGH + (2 * f * series + exponent * _LOG2_LOW)
    return log


@compiled
def _stirling(y: float) -> tuple[float, float]:
    """log gamma(y) less half the log of 2 pi, and psi(y), for y of 6 or more."""
    r, log_y = 1 / y, log_of(y)
    q = r * r
    log_gamma = (y - 0.5) * log_y - y + r * (_G1 - q * (_G2 - q * (_G3 - q * _G4)))
    return log_gamma, log_y - 0.5 * r - q * (_P1 - q * (_P2 - q * (_P3 - q * _P4)))


@called_from_python
def rising(x: Array, k: Array, log_ratio: Array, slope: Array) -> None:
    """Into the last two: log gamma(x + k) - log gamma(x) and its derivative to x, for x > 0 and k >= 0."""
    for i in range(len(x)):
        start, end = x[i], x[i] + k[i]
        u, v = start * (start + 5), end * (end + 5)
        below, above = u * (u + 4) * (u + 6), v * (v + 4) * (v + 6)
        first, first_slope = _stirling(start + 6)
        last, last_slope = _stirling(end + 6)
        by_below = (2 * start + 5) * (u * (3 * u + 20) + 24) / below
        by_above = (2 * end + 5) * (v * (3 * v + 20) + 24) / above
        log_ratio[i] = last - first + log_of(below / above)
        slope[i] = last_slope - first_slope + by_below - by_above
