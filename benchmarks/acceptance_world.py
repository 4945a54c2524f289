"""Made-up decisions to time the acceptance model with: rates that drift, counts that vary more than binomially."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from models.acceptance.data import AcceptanceData, following
from models.acceptance.mixture import own_rates

Array = NDArray[np.float64]
_STEP, _FACTOR, _TURBULENT, _SHOCK, _START = 0.24, 4.0, 0.25, 0.13, 1.5
_BATCH, _CORRELATION = 3.5, 0.003


def made_up_decisions(sizes: Array, quarters: int, seed: int) -> tuple[AcceptanceData, Array]:
    """Decisions of nationalities that have `sizes` a quarter on average, and the log odds (quarter, nationality)."""
    rng = np.random.default_rng(seed)
    shape = (quarters, len(sizes))
    turbulent = np.where(rng.random(shape) < _TURBULENT, _FACTOR, 1.0)
    moved = _STEP * turbulent * rng.standard_normal(shape) + _SHOCK * rng.standard_normal((quarters, 1))
    moved[0] = _START * rng.standard_normal(len(sizes))
    odds = np.zeros(shape)
    for t in range(quarters):
        odds[t] = 0.95 * odds[t - 1] + moved[t] if t else moved[t]
    total = rng.poisson(sizes, shape)
    positive = rng.binomial(total, own_rates(expit(odds), total, _BATCH, _CORRELATION, rng))
    periods = ("2010-Q1", *following("2010-Q1", quarters - 1))
    nothing = np.zeros((quarters + 1, len(sizes)))
    names = tuple(f"N{place:02d}" for place in range(len(sizes)))
    data = AcceptanceData(
        periods, names, ("",) * len(sizes), positive.astype(float), total.astype(float), nothing, nothing
    )
    return data, odds
