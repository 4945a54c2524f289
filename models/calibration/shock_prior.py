"""What realised changes say about the size of surprises: the prior of the shock scale, informed.

    log R_y - log R_(y-1) = drift + shocks of both years,   variance sigma^2 (1.25 on, 0.375 beside the diagonal)

A random walk with variance sigma^2 per half-year whose yearly totals are compared: a surprise at moment t of a year
moves the rest 1 - t of it and the whole next year. The drift is free (restricted likelihood). The likelihood is raised
to a weight under one: changes also hold what forecasters foresaw, the errors hold the same surprises again, and under
heavy tails a variance is known less well than its normal likelihood says. Must not know forecasts.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from models.calibration.records import ScalePrior

_GRID = np.linspace(-4.0, 4.0, 801)
_ON, _BESIDE = 1.25, 0.375


def informed_shock_prior(values: Mapping[int, float], prior: ScalePrior, weight: float) -> ScalePrior:
    """The prior of a half-year's shock (sd, log scale) after the changes between consecutive realised years."""
    years = sorted(year for year, value in values.items() if value > 0)
    later = [year for year in years if year - 1 in values and values[year - 1] > 0]
    if len(later) < 2 or weight == 0:
        return prior
    change = np.array([np.log(values[year] / values[year - 1]) for year in later])
    gaps = np.abs(np.subtract.outer(later, later))
    covariance = np.where(gaps == 0, _ON, np.where(gaps == 1, _BESIDE, 0.0))
    inverse = np.linalg.inv(covariance)
    ones = np.ones(len(later))
    drift = ones @ inverse @ change / (ones @ inverse @ ones)
    squares = (change - drift) @ inverse @ (change - drift)
    log_sigma = np.log(prior.median) + _GRID * prior.log_sd
    likelihood = -(len(later) - 1) * log_sigma - squares / (2 * np.exp(2 * log_sigma))
    density = weight * likelihood - _GRID**2 / 2
    mass = np.exp(density - density.max())
    mass /= mass.sum()
    centre = float(mass @ log_sigma)
    spread = float(np.sqrt(mass @ (log_sigma - centre) ** 2))
    return ScalePrior(median=float(np.exp(centre)), log_sd=spread, source="informed by realised changes")
