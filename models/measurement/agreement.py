"""How two sources of one flow differ: an offset that holds for a stretch of months, and noise around it.

    d_t = log(other_t) - log(reference_t) = offset_s + e_t,   e_t ~ Normal(0, noise_s^2 + known_t),   s = stretch of t
    a new stretch begins before a month with probability `break_rate`, independently of the other months
    offset_s ~ sum over m of  weight_m Normal(0, scale_m^2),   noise_s ~ lognormal, on a grid of its quantiles

`known_t` is the variance that is known beforehand: rounding, provisional figures, suppressed cells. A stretch's
months, with offset and noise summed out, have a closed density, so the posterior over all divisions of the calendar
into stretches is exact (product partitions, Barry and Hartigan 1992; forward sums and backward draws, Fearnhead
2006). Tails are heavy: what a stretch of small noise cannot explain is a stretch of its own. Months without both
figures carry no density, but stretches may begin in them. Cost: the square of the months.
This module knows nothing of sources, vintages or the model of the flow; no PyMC.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from scipy.special import logsumexp, ndtri

from models.series import Array

NOISE_POINTS = 15
"""Equally probable noises that stand for their law: neighbours differ by a fifth to a half."""


class AgreementPriors(BaseModel):
    """What is believed of two sources before they are compared. Scales are on the log scale: 0.01 is one percent."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str
    break_rate: float = Field(gt=0, lt=1)
    break_rate_source: str
    offset_scales: tuple[float, ...]
    offset_weights: tuple[float, ...]
    offset_source: str
    noise_median: float = Field(gt=0)
    noise_log_sd: float = Field(gt=0)
    noise_source: str


DEFAULT_AGREEMENT_PRIORS = AgreementPriors(
    version="1",
    break_rate=1 / 48,
    break_rate_source="One change of definition or of registration in four years: Eurostat's first-time applicants and "
    "the IND's first applications of the Netherlands changed against one another at the start of 2013, of 2014 and of "
    "2016 in the six years 2012-2017.",
    offset_scales=(0.01, 0.1, 0.5),
    offset_weights=(0.5, 0.25, 0.25),
    offset_source="Two counts of the same thing differ by about a percent; by tens of percents when one of them "
    "counts a group the other does not (family members in 2013; 6 to 9 percent for relocation and resettlement in "
    "2016-2017).",
    noise_median=0.01,
    noise_log_sd=1.2,
    noise_source="0.1 to 10 percent a month with 95 percent: restated IND months differ by 0.45 percent on average "
    "(2015-2023), Eurostat months of all countries by 0.6 to 8 percent.",
)


@dataclass(frozen=True)
class Agreement:
    """Draws from the posterior of two sources' differences.

    `difference` (month,) log ratio other to reference, NaN without both; `known` (month,) its known variance;
    `offset` and `noise` (draw, month): level offset and standard deviation of the noise in each month, also where
    nothing was compared; `starts` (draw, month): whether a stretch begins there.
    """

    difference: Array
    known: Array
    offset: Array
    noise: Array
    starts: NDArray[np.bool_]
    log_evidence: float

    @property
    def compared(self) -> NDArray[np.bool_]:
        """`(month,)`: whether both sources have a figure."""
        return np.isfinite(self.difference)


def compare(
    difference: Array,
    known: Array,
    priors: AgreementPriors = DEFAULT_AGREEMENT_PRIORS,
    *,
    draws: int,
    seed: int,
) -> Agreement:
    """Exact posterior draws of offset and noise in every month; without any difference those of the prior.

    `difference` (month,) on consecutive months, NaN where not both sources have a figure; `known` (month,) variances.
    """
    stretches = _Stretches(difference, known, priors)
    forward, choices = _forward(stretches, priors.break_rate)
    rng = np.random.default_rng(seed)
    months = len(difference)
    offset, noise = np.empty((draws, months)), np.empty((draws, months))
    starts = np.zeros((draws, months), dtype=bool)
    ends = np.full(draws, months)
    for end in range(months, 0, -1):
        rows = np.flatnonzero(ends == end)
        if not len(rows):
            continue
        first = rng.choice(end, size=len(rows), p=np.exp(choices[end]))
        level, spread = stretches.draw(first, end, rng)
        inside = (np.arange(end) >= first[:, None]).astype(bool)
        offset[rows[:, None], np.arange(end)] = np.where(inside, level[:, None], offset[rows, :end])
        noise[rows[:, None], np.arange(end)] = np.where(inside, spread[:, None], noise[rows, :end])
        starts[rows, first] = True
        ends[rows] = first
    return Agreement(difference, known, offset, noise, starts, float(forward[-1]))


def noise_points(priors: AgreementPriors) -> Array:
    """`(point,)`: the noises that stand for their lognormal law, each as probable as the others."""
    levels = (np.arange(NOISE_POINTS) + 0.5) / NOISE_POINTS
    return np.asarray(priors.noise_median * np.exp(priors.noise_log_sd * ndtri(levels)))


class _Stretches:
    """Log density of any run of months, from running sums over the months; axes are (run, noise, scale)."""

    def __init__(self, difference: Array, known: Array, priors: AgreementPriors) -> None:
        seen = np.isfinite(difference)
        self._noise = noise_points(priors)
        self._scales = np.array(priors.offset_scales)
        self._log_weights = np.log(priors.offset_weights) - np.log(NOISE_POINTS)
        variance = self._noise[:, None] ** 2 + np.where(seen, known, 0.0)
        weight = seen / variance
        d = np.where(seen, difference, 0.0)
        constant = -0.5 * seen * (np.log(2 * np.pi * variance) + d**2 / variance)
        self._sums = np.stack([_running(part) for part in (weight, weight * d, constant)])

    def log_parts(self, first: NDArray[np.int64], end: int) -> Array:
        """`(run, noise, scale)` log densities of months `first` to `end - 1`, prior weights included."""
        weight, weighted, constant = self._of(first, end)
        precision = weight + 1 / self._scales**2
        gain = 0.5 * weighted**2 / precision - 0.5 * np.log(precision * self._scales**2)
        return np.asarray(constant + gain + self._log_weights)

    def draw(self, first: NDArray[np.int64], end: int, rng: np.random.Generator) -> tuple[Array, Array]:
        """An offset and a noise for each run of months."""
        parts = self.log_parts(first, end).reshape(len(first), -1)
        parts = np.cumsum(np.exp(parts - logsumexp(parts, axis=1, keepdims=True)), axis=1)
        chosen = np.minimum((parts < rng.uniform(size=(len(first), 1))).sum(axis=1), parts.shape[1] - 1)
        noise, scale = np.divmod(chosen, len(self._scales))
        weight, weighted, _ = (part[np.arange(len(first)), noise, 0] for part in self._of(first, end))
        precision = weight + 1 / self._scales[scale] ** 2
        return weighted / precision + rng.standard_normal(len(first)) / np.sqrt(precision), self._noise[noise]

    def _of(self, first: NDArray[np.int64], end: int) -> Array:
        """`(3, run, noise, 1)`: sums over months `first` to `end - 1`."""
        return np.moveaxis(self._sums[:, :, [end]] - self._sums[:, :, first], 1, 2)[..., None]


def _forward(stretches: _Stretches, break_rate: float) -> tuple[Array, list[Array]]:
    """Log density of the months before each month, and per end the log chances of where its stretch began."""
    months = stretches._sums.shape[2] - 1
    forward, choices = np.zeros(months + 1), [np.empty(0)]
    for end in range(1, months + 1):
        first = np.arange(end)
        own = logsumexp(stretches.log_parts(first, end), axis=(1, 2))
        begun = np.where(first > 0, np.log(break_rate), 0.0)
        terms = forward[:end] + begun + (end - 1 - first) * np.log1p(-break_rate) + own
        forward[end] = logsumexp(terms)
        choices.append(terms - forward[end])
    return forward, choices


def _running(part: Array) -> Array:
    """Sums over the months before each month, `(noise, month + 1)`."""
    return np.concatenate([np.zeros((len(part), 1)), np.cumsum(part, axis=1)], axis=1)
