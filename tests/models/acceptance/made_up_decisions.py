"""Decisions simulated from known parameters: the random walk of log odds written out, apart from the model's code."""

import numpy as np
from numpy.typing import NDArray

from models.acceptance.data import AcceptanceData, consecutive

Array = NDArray[np.float64]
TYPICAL = {
    "typical_step": 0.5,
    "size_slope": 0.0,
    "spread": 0.2,
    "turbulent_share": 0.25,
    "turbulent_factor": 4.0,
    "pull": 0.22,
    "elsewhere_weight": 0.85,
    "start": 1.5,
    "batch": 3.0,
    "correlation": 0.003,
    "shock": 0.4,
    "level": -0.3,
}


def table(
    positive: Array, total: Array, elsewhere: Array | None = None, first: str = "2010-Q1"
) -> AcceptanceData:
    """Counts (period, series) as data; `elsewhere` (series,) the same in every period."""
    periods, series = total.shape
    year, quarter = int(first[:4]), int(first[-1]) - 1
    last = year * 4 + quarter + periods - 1
    known = np.zeros(series) if elsewhere is None else elsewhere
    return AcceptanceData(
        consecutive(first, f"{last // 4}-Q{last % 4 + 1}"),
        tuple(f"C{s:03d}" for s in range(series)),
        ("",) * series,
        positive.astype(float),
        total.astype(float),
        np.tile(known, (periods + 1, 1)),
        np.full((periods + 1, series), float(elsewhere is not None)),
    )


def simulated(
    truth: dict[str, float],
    periods: int,
    sizes: Array,
    rng: np.random.Generator,
    *,
    step_factor: float = 1.0,
    shocks: Array | None = None,
) -> tuple[AcceptanceData, Array]:
    """Decisions of quarters and the true rates (period, series), of series that decide `sizes` a quarter."""
    series, v = len(sizes), truth
    elsewhere = rng.standard_normal(series)
    moved = v["shock"] * 0.5 * rng.standard_normal(periods) if shocks is None else shocks
    host = v["level"] + np.cumsum(np.concatenate([[0.0], moved[1:]]))
    total = rng.poisson(sizes, (periods, series)).astype(float)
    a_year = 4 * total.sum(axis=0) / np.maximum((total > 0).sum(axis=0), 1)
    steps = np.exp(v["size_slope"] * np.log(a_year / 55) + v["spread"] * rng.standard_normal(series))
    steps = step_factor * v["typical_step"] * steps
    stays = np.exp(-v["pull"] / 4)
    z = v["elsewhere_weight"] * elsewhere + v["start"] * rng.standard_normal(series)
    positive, rates = np.zeros((periods, series)), np.zeros((periods, series))
    for t in range(periods):
        if t:
            factor = np.where(rng.random(series) < v["turbulent_share"], v["turbulent_factor"], 1.0)
            z = stays * z + (1 - stays) * v["elsewhere_weight"] * elsewhere
            z = z + 0.5 * steps * factor * rng.standard_normal(series)
        rates[t] = 1 / (1 + np.exp(-host[t] - z))
        # 1 / (M + 1): what a family or batch shares, and what all decisions of a quarter share.
        within = v["batch"] / (total[t] + v["batch"])
        within = within + v["correlation"] * (1 - within)
        size = 1 / within - 1
        own = rng.beta(np.maximum(size * rates[t], 1e-9), np.maximum(size * (1 - rates[t]), 1e-9))
        positive[t] = rng.binomial(total[t].astype(int), own)
    return table(positive, total, elsewhere), rates
