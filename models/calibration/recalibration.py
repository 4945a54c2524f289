"""What past errors say about the next edition: a disclosed transform, shrunk to doing nothing.

    log q' = log m - shift + factor (log q - log m)

shift   posterior mean of the bias under Normal(0, 0.1^2): near zero while the archive is short
factor  spread of z = Phi^-1(PIT), known up to an interval, as Normal(c, factor^2): log factor ~ Normal(0, 0.25^2), and
        the likelihood counted once per target year, not per forecast, since forecasts of one year share its surprise

Always shown beside the raw figures, never instead of them. This module must not know how the bias was found.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from models.calibration.answer import RecalibratedQuantile, RecalibratedYear, Recalibration
from models.calibration.bias_posterior import bias_posterior
from models.calibration.gaussian_draws import GaussianDraws
from models.calibration.records import STAGES, ArchivedForecast
from models.calibration.statements import statements

Array = NDArray[np.float64]

SHIFT_SD, FACTOR_SD = 0.1, 0.25
_CENTRES = np.linspace(-1.5, 1.5, 61)
_LOG_FACTORS = np.linspace(np.log(0.25), np.log(4.0), 161)
_EDGE = 1e-6


def recalibration(
    draws: GaussianDraws,
    pit_lower: Array,
    pit_upper: Array,
    target_years: int,
    archive: Sequence[ArchivedForecast],
    levels: Sequence[float],
) -> Recalibration:
    """Learn the transform and apply it to the latest edition's last stage in `archive`, realised or not."""
    raw_shift, shift = float(draws.mean.mean()), bias_posterior(draws, SHIFT_SD).mean
    raw, shrunk = dispersion(pit_lower, pit_upper, target_years)
    return Recalibration(
        shift=shift,
        raw_shift=raw_shift,
        factor=shrunk,
        raw_factor=raw,
        shrinkage=1 - shift / raw_shift if abs(raw_shift) > 1e-12 else 1.0,
        years=_latest(archive, levels, shift, shrunk),
    )


def dispersion(lower: Array, upper: Array, target_years: int) -> tuple[float, float]:
    """Factor by which errors exceed the stated spread: most likely, and shrunk. 1, 1 when only points are known."""
    bounded = (upper - lower < 0.5 - 1e-9) | ((lower > 0) & (upper < 1))
    if not bounded.any():
        return 1.0, 1.0
    exact = upper - lower < 1e-9
    total = _exact_part(ndtri(np.clip(lower[exact], _EDGE, 1 - _EDGE)))
    total = total + _interval_part(lower[~exact], upper[~exact])
    shared = total * min(1.0, target_years / len(lower))
    shrunk = shared - _LOG_FACTORS**2 / (2 * FACTOR_SD**2)
    factor = np.exp(_LOG_FACTORS)
    best = [np.unravel_index(int(np.argmax(t)), t.shape)[1] for t in (total, shrunk)]
    return float(factor[best[0]]), float(factor[best[1]])


def _exact_part(z: Array) -> Array:
    """`(centre, factor)` log likelihood of exact normal scores (case,), from their sums alone."""
    spread = z @ z - 2 * _CENTRES * z.sum() + len(z) * _CENTRES**2
    return np.asarray(-spread[:, None] / (2 * np.exp(2 * _LOG_FACTORS)) - len(z) * _LOG_FACTORS)


def _interval_part(lower: Array, upper: Array) -> Array:
    """`(centre, factor)` log likelihood of what intervals of the PIT (case,) tell; alike ones are counted."""
    total = np.zeros((len(_CENTRES), len(_LOG_FACTORS)))
    pairs, counts = np.unique(np.column_stack([lower, upper]), axis=0, return_counts=True)
    with np.errstate(divide="ignore"):
        ends = ndtri(pairs)
    for (low, high), count in zip(ends, counts.tolist(), strict=True):
        below, above = (ndtr((end - _CENTRES[:, None]) / np.exp(_LOG_FACTORS)) for end in (low, high))
        total += count * np.log(np.maximum(above - below, 1e-300))
    return total


def _latest(
    archive: Sequence[ArchivedForecast], levels: Sequence[float], shift: float, factor: float
) -> tuple[RecalibratedYear, ...]:
    last = max(archive, key=lambda one: one.issued_on)
    of_edition = [one for one in archive if (one.edition, one.issuer) == (last.edition, last.issuer)]
    stage = max((one.stage for one in of_edition), key=STAGES.index)
    chosen = sorted((one for one in of_edition if one.stage == stage), key=lambda one: one.target_year)
    stated = statements(chosen)
    quantiles, median = stated.quantiles(levels), stated.medians()
    years = []
    for one, raw, centre in zip(chosen, quantiles, median.tolist(), strict=True):
        known = np.flatnonzero(np.isfinite(raw) & (raw > 0))
        if not centre > 0 or not len(known):
            continue
        changed = np.exp(np.log(centre) - shift + factor * np.log(raw[known] / centre))
        rows = tuple(
            RecalibratedQuantile(level=levels[k], raw=float(raw[k]), recalibrated=float(value))
            for k, value in zip(known.tolist(), changed.tolist(), strict=True)
        )
        years.append(
            RecalibratedYear(edition=one.edition, target_year=one.target_year, stage=stage, quantiles=rows)
        )
    return tuple(years)
