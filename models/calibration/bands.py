"""What PIT histogram, coverage and reliability would look like if every forecast were perfectly calibrated.

    z_i = (v_edition + noise_i - sum_k a_ik u_k) / sd_i,   PIT_i = Phi(z_i)

Uniform one by one, dependent as the archive's forecasts are: the same exposure, edition effects and scales as in the
bias model. A simulated PIT is then censored as the forecast was stated, so that quantiles and points are compared with
quantiles and points. Histogram bands are simultaneous: all bins lie inside with probability 95%. This module must not
know outcomes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from models.calibration.answer import PitBin, ReliabilityPoint, Scales
from models.calibration.bias_cells import editions_in_time
from models.calibration.exposure import exposure
from models.calibration.forms import QuantileForm
from models.calibration.gaussian_draws import carried_over
from models.calibration.issuers import issued
from models.calibration.records import ArchivedForecast
from models.calibration.statements import Statements

Array = NDArray[np.float64]

BINS = 8
SIMULATIONS = 400
_AT_ONCE = 4_000_000
"""Simulated numbers held at once."""


@dataclass(frozen=True, eq=False)
class Reference:
    """`histogram` (simulation, bin) shares, `inside` (simulation,) share of central intervals that held,
    `reliability` (simulation, level) shares at or under each level's quantile."""

    histogram: Array
    inside: Array
    reliability: Array


def reference(
    forecasts: Sequence[ArchivedForecast],
    stated: Statements,
    scales: Scales,
    levels: Array,
    states_level: NDArray[np.bool_],
    states_interval: NDArray[np.bool_],
    interval_probability: float,
    seed: int,
) -> Reference:
    """Simulate; `states_level` (case, level) and `states_interval` (case,): who counts where."""
    rng = np.random.default_rng(seed)
    size = max(1, min(SIMULATIONS, _AT_ONCE // max(len(forecasts), 1)))
    histogram, inside, reliability = [], [], []
    tail = (1 - interval_probability) / 2
    done = 0
    simulate = _simulator(forecasts, scales)
    while done < SIMULATIONS:
        u = simulate(min(size, SIMULATIONS - done), rng)
        done += u.shape[1]
        histogram.append(_histograms(*censored(stated, u)))
        held = ((u >= tail) & (u <= 1 - tail))[states_interval]
        inside.append(held.mean(axis=0) if len(held) else np.full(u.shape[1], np.nan))
        under = [_share(u[states_level[:, k]] <= level) for k, level in enumerate(levels)]
        reliability.append(np.column_stack(under))
    return Reference(np.concatenate(histogram), np.concatenate(inside), np.concatenate(reliability))


def censored(stated: Statements, u: Array) -> tuple[Array, Array]:
    """Bounds (case, simulation) of what each form would tell of PITs `u` (case, simulation)."""
    lower, upper = u.copy(), u.copy()
    for places, form in stated.groups:
        if isinstance(form, QuantileForm):
            ends = np.concatenate([[0.0], form.levels, [1.0]])
            passed = np.searchsorted(form.levels, u[places])
            lower[places], upper[places] = ends[passed], ends[passed + 1]
    return lower, upper


def pit_histogram(lower: Array, upper: Array, found: Reference | None) -> tuple[PitBin, ...]:
    """Shares of PIT mass by bin from bounds (case,), with the simultaneous band; no band without simulations."""
    shares = _histograms(lower[:, None], upper[:, None])[0]
    low, high = (np.zeros(BINS), np.ones(BINS)) if found is None else simultaneous(found.histogram)
    edges = np.linspace(0, 1, BINS + 1)
    return tuple(
        PitBin(
            lower=float(edges[k]),
            upper=float(edges[k + 1]),
            share=float(shares[k]),
            band_lower=float(low[k]),
            band_upper=float(high[k]),
        )
        for k in range(BINS)
    )


def reliability(
    levels: Sequence[float], under: Array, found: Reference | None
) -> tuple[ReliabilityPoint, ...]:
    """`under` (case, level): 1 where the outcome is at or under the level's quantile, 0 above, NaN unstated."""
    points = []
    for k, level in enumerate(levels):
        known = under[np.isfinite(under[:, k]), k]
        if not len(known):
            continue
        band = (0.0, 1.0) if found is None else np.quantile(found.reliability[:, k], [0.025, 0.975])
        points.append(
            ReliabilityPoint(
                level=level,
                share=float(known.mean()),
                n=len(known),
                band_lower=float(band[0]),
                band_upper=float(band[1]),
            )
        )
    return tuple(points)


def simultaneous(simulated: Array, probability: float = 0.95) -> tuple[Array, Array]:
    """Bands (bin,) that hold all bins of a simulated row (simulation, bin) with a probability.

    Pointwise quantiles at one level for all bins, the narrowest that still hold enough rows whole.
    """
    ranks = (np.argsort(np.argsort(simulated, axis=0), axis=0) + 0.5) / len(simulated)
    extreme = np.minimum(ranks, 1 - ranks).min(axis=1)
    level = float(np.quantile(extreme, 1 - probability))
    low, high = np.quantile(simulated, [level, 1 - level], axis=0)
    return np.asarray(low), np.asarray(high)


def _simulator(
    forecasts: Sequence[ArchivedForecast], scales: Scales
) -> Callable[[int, np.random.Generator], Array]:
    """A function (count, rng) -> PITs (case, count)."""
    made = issued(forecasts)
    spans = exposure(made.moments, [one.target_year for one in forecasts])
    loading = spans.loading * scales.shock * np.sqrt(spans.length)
    _, edition, gap = editions_in_time(made.issuers, made.editions, made.moments)
    carried = carried_over(scales.edition_autocorrelation, gap)
    sd = np.sqrt((loading**2).sum(axis=1) + scales.edition**2 + scales.noise**2)

    def simulate(count: int, rng: np.random.Generator) -> Array:
        z = loading @ rng.standard_normal((loading.shape[1], count))
        deviation = rng.standard_normal((len(gap), count)) * np.sqrt(1 - carried**2)[:, None]
        for k in np.flatnonzero(carried).tolist():
            deviation[k] += carried[k] * deviation[k - 1]
        z += scales.edition * deviation[edition]
        z += scales.noise * rng.standard_normal(z.shape)
        return np.asarray(ndtr(z / sd[:, None]))

    return simulate


def _histograms(lower: Array, upper: Array) -> Array:
    """`(simulation, bin)` shares of the mass between bounds (case, simulation), spread evenly between them."""
    edges = np.linspace(0, 1, BINS + 1)
    width = upper - lower
    exact = width < 1e-12
    out = np.empty((lower.shape[1], BINS))
    for k in range(BINS):
        shared = np.minimum(upper, edges[k + 1]) - np.maximum(lower, edges[k])
        part = np.divide(np.maximum(shared, 0), width, out=np.zeros(lower.shape), where=~exact)
        last = k == BINS - 1
        within = (lower >= edges[k]) & ((lower < edges[k + 1]) | last)
        out[:, k] = np.where(exact, within, part).mean(axis=0)
    return out


def _share(held: NDArray[np.bool_]) -> Array:
    return np.asarray(held.mean(axis=0) if len(held) else np.full(held.shape[1], np.nan))
