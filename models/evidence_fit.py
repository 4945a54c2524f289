"""Fits the evidence of evidence.py to the model's joint draws at the cutoff. Workers only (scikit-learn).

Two steps. A Gaussian mixture over (summaries of the later months, log of what remained of this year, log totals of
the next years), in standardised coordinates with the far tails pulled in: a draw with a total of millions says
nothing about the months that came, but would claim a component for itself. Then the correction: the smallest change
of the weights (in Kullback-Leibler divergence), among bounded functions of single years, under which the
draws at the cutoff reproduce the yearly marginals of the model continued from the later months. Both samples are
exact draws of the model, so what is fitted is a ratio of two densities where both are well covered.
"""

import warnings
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture as ScikitMixture

from models.evidence import Correction, Evidence, Smoothing, simulated_coordinates
from models.gaussian_mixture import GaussianMixture
from models.observation import Observation, years_of

Array = NDArray[np.float64]

COMPONENTS = 6
_FITTED_DRAWS = 20_000
_PULLED_IN = 8.0
_KNOT_LEVELS = (0.02, 0.125, 0.3, 0.5, 0.7, 0.875, 0.98)
_RIDGE = 3.0  # effective draws that a correction must overcome per unit of its square
_NARROWEST = 1e-3  # log persons: in a tiny series many draws share one total, and a piece needs some width
_NEGLIGIBLE = 18.0  # on the log scale: draws this far under the best one cannot matter


def fit_evidence(log_counts: Array, observation: Observation, smoothing: Smoothing, seed: int) -> Evidence:
    """Uncorrected evidence from draws `(draw, month)` of log counts over `observation.horizon_months`."""
    points = simulated_coordinates(log_counts[:_FITTED_DRAWS], observation, smoothing)
    return Evidence(observation, smoothing, fit_gaussian_mixture(points, seed))


def fit_gaussian_mixture(points: Array, seed: int, components: int = COMPONENTS) -> GaussianMixture:
    """Maximum-likelihood mixture of points `(draw, dim)`."""
    centre = np.median(points, axis=0)
    scale = np.maximum(np.median(np.abs(points - centre), axis=0) * 1.4826, _NARROWEST)
    standard = np.clip((points - centre) / scale, -_PULLED_IN, _PULLED_IN)
    fitted = ScikitMixture(
        components, covariance_type="full", reg_covar=1e-5, max_iter=200, tol=1e-3, random_state=seed
    )
    with warnings.catch_warnings():
        # A fit stopped early is still a density; what it misses is the correction's work, and that is tested.
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted.fit(standard)
    return GaussianMixture(
        weights=np.asarray(fitted.weights_),
        means=np.asarray(fitted.means_) * scale + centre,
        covariances=np.asarray(fitted.covariances_) * np.outer(scale, scale),
    )


def corrected(evidence: Evidence, at_cutoff: Array, continued: Array) -> Evidence:
    """The evidence with its correction.

    `at_cutoff` `(draw, year)` are totals drawn from the model at the cutoff, `continued` `(draw, year)` from the
    model after the later months. Years counted completely since the cutoff are held at their count. Without a year
    still open, or without any draw at the cutoff that allows for the months that came, there is nothing to learn from.
    """
    if not evidence.summaries:
        return evidence
    target = evidence.log_totals(continued)
    points, log_weights = _near_completed(evidence, at_cutoff)
    knots = np.quantile(target, _KNOT_LEVELS, axis=0).T
    free = np.flatnonzero(np.ptp(knots, axis=1) > 0)
    knots[:, 1:] = knots[:, :1] + np.cumsum(np.maximum(np.diff(knots, axis=1), _NARROWEST), axis=1)
    if not len(free) or not np.isfinite(log_weights).any():
        return evidence
    kept = log_weights > log_weights.max() - _NEGLIGIBLE
    steps = _rake(
        _ramps(points[kept][:, free], knots[free]), log_weights[kept], _ramps(target[:, free], knots[free])
    )
    heights = np.zeros_like(knots)
    heights[free, 1:] = np.cumsum(steps.reshape(len(free), -1), axis=1)
    return Evidence(evidence.observation, evidence.smoothing, evidence.mixture, Correction(knots, heights))


def _near_completed(evidence: Evidence, totals: Array) -> tuple[Array, Array]:
    """Log totals and log weights of the draws, those near the completed years' counts if there are such years."""
    observation = evidence.observation
    points = evidence.log_totals(totals)
    nearness = np.zeros(len(totals))
    held = totals.copy()
    position = np.cumsum(observation.open_at_cutoff) - 1
    for j in np.flatnonzero(observation.completed_since):
        held[:, j] = observation.counted[j]
        column = points[:, position[j]]
        known = np.log(max(observation.counted[j] - observation.counted_at_cutoff[j], 0.5))
        width = max(0.1 * float(np.std(column)), 0.02)
        nearness -= 0.5 * ((column - known) / width) ** 2
    return evidence.log_totals(held), evidence.log_evidence(held) + nearness


def _ramps(points: Array, knots: Array) -> Array:
    """`(draw, year x interval)`: how far each draw is through each interval between knots, from 0 to 1."""
    columns = [
        np.clip((column - low) / (high - low), 0.0, 1.0)
        for column, own in zip(points.T, knots, strict=True)
        for low, high in pairwise(own)
    ]
    return np.stack(columns, axis=1)


def _rake(ramps: Array, log_weights: Array, target_ramps: Array) -> Array:
    """Slopes per ramp for which the weighed mean of the ramps equals the target's; Newton on the convex dual."""
    wanted, slopes = target_ramps.mean(axis=0), np.zeros(ramps.shape[1])
    for _ in range(30):
        exponent = log_weights + ramps @ slopes
        weights = np.exp(exponent - exponent.max())
        weights /= weights.sum()
        ridge = _RIDGE * float(weights @ weights)
        mean = weights @ ramps
        curvature = (ramps * weights[:, None]).T @ ramps - np.outer(mean, mean) + ridge * np.eye(len(mean))
        step = np.linalg.solve(curvature, wanted - mean - ridge * slopes)
        slopes += step * min(1.0, 2.0 / float(np.abs(step).max()))
        if float(np.abs(step).max()) < 1e-4:
            break
    return slopes


def yearly_totals(
    log_counts: Array, months: NDArray[np.datetime64], counted: Array, years: tuple[int, ...]
) -> Array:
    """Totals `(draw, year)`: what is counted plus simulated months `(draw, month)`."""
    member = (years_of(months)[:, None] == np.asarray(years)).astype(float)
    return np.asarray(counted + np.exp(log_counts) @ member)
