"""Rates of the past periods given all decisions, and of the periods ahead.

    z_h = z_(h-1) + rho (w A - z_(h-1)) + e_h,   offset_h = offset_(h-1) + shock sqrt(years) Normal(0, 1)
    rate = expit(offset + z)

A stays what is known of the other countries now. A rate lies in [0, 1] by construction. The same fit, data and seed
give the same draws. It must not know of composition, counts ahead or HTTP; worker processes only.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from models.acceptance.data import AcceptanceData, following
from models.acceptance.filter import SCALARS
from models.acceptance.model import AcceptanceFit, break_cells, counts_of
from models.acceptance.states import paths

Array = NDArray[np.float64]
MOST_AHEAD = 8
_CHUNK = 250


@dataclass(frozen=True)
class RateDraws:
    """`rates` (draw, period, series) between 0 and 1, NaN before a series' first decisions; `periods` with those ahead
    last; `observed` how many are not ahead; `noise` (draw, 2) batch and correlation, for counts."""

    periods: tuple[str, ...]
    citizens: tuple[str, ...]
    tracks: tuple[str, ...]
    observed: int
    rates: NDArray[np.float32]
    noise: Array


def forecast_rates(
    fit: AcceptanceFit, data: AcceptanceData, ahead: int, *, seed: int, draws: int = 2000
) -> RateDraws:
    """Draws of every rate; draws of the parameters are spread evenly over the posterior.

    Raises ValueError for more than eight periods ahead, and for fewer than none.
    """
    if not 0 <= ahead <= MOST_AHEAD:
        raise ValueError(f"rates are forecast 0 to {MOST_AHEAD} periods ahead, not {ahead}")
    rng = np.random.default_rng(seed)
    rows = np.linspace(0, len(fit) - 1, draws).round().astype(int)
    counts, later = counts_of(data), (data.elsewhere * data.told)[-1]
    parts = []
    for start in range(0, draws, _CHUNK):
        chosen = rows[start : start + _CHUNK]
        scalars, step, offset = _parameters(fit, data, chosen)
        past = paths(scalars, step, offset, counts, data.first, data.years, rng)
        last = past[:, -1] - offset[:, -1]
        future = _ahead(fit, chosen, scalars, step, last, offset[:, -1], later, data.years, ahead, rng)
        parts.append(expit(np.concatenate([past, future], axis=1)).astype(np.float32))
    periods = (*data.periods, *following(data.periods[-1], ahead))
    noise = np.stack([fit.draws[name][rows] for name in ("batch", "correlation")], axis=1)
    return RateDraws(periods, data.citizens, data.tracks, len(data.periods), np.concatenate(parts), noise)


def _parameters(
    fit: AcceptanceFit, data: AcceptanceData, rows: NDArray[np.int64]
) -> tuple[Array, Array, Array]:
    """Scalars (draw, 7), steps (draw, series) and offsets (draw, period, series) as the model makes them."""
    draws = {name: values[rows] for name, values in fit.draws.items()}
    named = {
        **draws,
        "start_variance": draws["start"] ** 2,
        "turbulent_variance": draws["turbulent_factor"] ** 2,
    }
    scalars = np.stack([named[name] for name in SCALARS], axis=1)
    moved = draws["shock"][:, None] * np.sqrt(data.years) * draws["shock_normal"]
    path = np.concatenate([np.zeros((len(rows), 1)), np.cumsum(moved, axis=1)], axis=1)
    offset = draws["level"][:, None, None] + path[:, :, None] + np.zeros(len(data.citizens))
    kinds, belongs = np.unique(data.tracks, return_inverse=True)
    if len(kinds) > 1:
        by_track = np.concatenate([np.zeros((len(rows), 1)), draws["track"]], axis=1)
        offset = offset + by_track[:, None, belongs]
    if fit.breaks:
        offset = offset + np.tensordot(draws["break_effect"], break_cells(data, fit.breaks), axes=1)
    return scalars, draws["step"], offset


def _ahead(
    fit: AcceptanceFit,
    rows: NDArray[np.int64],
    scalars: Array,
    step: Array,
    z: Array,
    offset: Array,
    later: Array,
    years: float,
    periods: int,
    rng: np.random.Generator,
) -> Array:
    """`(draw, period, series)` log odds of the periods after the last."""
    rho = (1 - np.exp(-scalars[:, 0] * years))[:, None]
    aim = scalars[:, 1, None] * later
    share, factor = scalars[:, 3, None], np.sqrt(scalars[:, 4, None])
    shock = fit.draws["shock"][rows][:, None] * np.sqrt(years)
    out = np.empty((len(rows), periods, z.shape[1]))
    for h in range(periods):
        turbulent = np.where(rng.random(z.shape) < share, factor, 1.0)
        z = z + rho * (aim - z) + step * np.sqrt(years) * turbulent * rng.standard_normal(z.shape)
        offset = offset + shock * rng.standard_normal((len(rows), 1))
        out[:, h] = z + offset
    return out
