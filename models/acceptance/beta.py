"""The beta distribution with a given log odds, for compiled code.

    logit rate has mean psi(a) - psi(b) and variance psi'(a) + psi'(b) when the rate is Beta(a, b)

psi, psi' and psi'' come from shifting a number above 6 and summing the asymptotic series there (Abramowitz and Stegun
6.3.18, 6.4.12), to about 1e-10.
`beta_with` inverts the two moments by Newton's method on the logarithms of a and b.
This module knows nothing of data, priors or samplers; only worker processes import it.
"""

from typing import Any

import numpy as np

from models.acceptance.compiling import called_from_python, compiled

_SHIFT = 6.0
_ITERATIONS = 30
_CLOSE = 1e-5  # before the step, hence its square after it
_LONGEST_STEP = 1.5


@compiled
def _polygammas(x: float) -> tuple[float, float, float]:
    """psi(x), psi'(x), psi''(x) for x > 0."""
    psi, psi1, psi2 = 0.0, 0.0, 0.0
    while x < _SHIFT:
        r = 1 / x
        psi -= r
        psi1 += r * r
        psi2 -= 2 * r * r * r
        x += 1
    r = 1 / x
    q = r * r
    psi += np.log(x) - 0.5 * r - q * (1 / 12 - q * (1 / 120 - q * (1 / 252 - q * (1 / 240 - q / 132))))
    psi1 += r + 0.5 * q + q * r * (1 / 6 - q * (1 / 30 - q * (1 / 42 - q * (1 / 30 - q * 5 / 66))))
    psi2 -= q + q * r + q * q * (1 / 2 - q * (1 / 6 - q * (1 / 6 - q * (3 / 10 - q * 5 / 6))))
    return psi, psi1, psi2


@compiled
def beta_with(log_odds: float, variance: float) -> tuple[float, float]:
    """(a, b) of the beta distribution whose log odds have this mean and variance."""
    # psi'(a) is nearly 1 / (a - 1/2) and psi(a) nearly log(a - 1/2).
    odds = np.exp(min(max(log_odds, -30.0), 30.0))
    log_a, log_b = np.log((1 + odds) / variance + 0.5), np.log((1 + 1 / odds) / variance + 0.5)
    for _ in range(_ITERATIONS):
        a, b = np.exp(log_a), np.exp(log_b)
        psi_a, a1, a2 = _polygammas(a)
        psi_b, b1, b2 = _polygammas(b)
        spread = a1 + b1
        off_mean, off_variance = psi_a - psi_b - log_odds, np.log(spread / variance)
        j11, j12, j21, j22 = a1 * a, -b1 * b, a2 * a / spread, b2 * b / spread
        determinant = j11 * j22 - j12 * j21
        step_a = (off_mean * j22 - j12 * off_variance) / determinant
        step_b = (j11 * off_variance - j21 * off_mean) / determinant
        log_a -= min(max(step_a, -_LONGEST_STEP), _LONGEST_STEP)
        log_b -= min(max(step_b, -_LONGEST_STEP), _LONGEST_STEP)
        if abs(step_a) + abs(step_b) < _CLOSE:
            break
    return np.exp(log_a), np.exp(log_b)


@called_from_python
def beta_shapes(log_odds: Any, variance: Any) -> Any:
    """(2, case) shapes a and b for means and variances (case,) of log odds."""
    shapes = np.empty((2, log_odds.size))
    for i in range(log_odds.size):
        shapes[0, i], shapes[1, i] = beta_with(log_odds[i], variance[i])
    return shapes
