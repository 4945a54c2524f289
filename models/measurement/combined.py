"""One monthly series out of two sources, in the units of the reference, each month with its own noise.

    reference_t = x_t + e_t,          e_t ~ (0, share noise_t^2 + known_t)
    other_t     = x_t + offset_t + u_t,  u_t ~ (0, (1 - share) noise_t^2 + known_t)

on the log scale; offset and noise come from `agreement`. Given both figures the flow is the reference moved by its
part of what the difference leaves beyond the offset, with only one it is that one, the other's offset taken out:

    both:  x = reference + g (other - reference - offset),  variance = g var(u_t),  g = var(e_t) / (var(e_t) + var(u_t))

A difference does not say whose noise it was. The flow does, a little: it moves less than a noisy source. `share` is
therefore weighed by how well the local level of a month's best guess foretells the next (`noise_share`); where noise
is small against the flow's own movement the prior, centred at a half, stands.
Draws of offset, noise and share are averaged, so their own uncertainty is part of each month's variance.
This module knows nothing of storage, HTTP or PyMC.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import logsumexp

from models.inflow_paths import student_t_log_density
from models.measurement.agreement import DEFAULT_AGREEMENT_PRIORS, Agreement, AgreementPriors, compare
from models.measurement.completeness import Revisions, added_noise
from models.measurement.sources import (
    PAIR,
    SourceFigures,
    revisions_by_source,
    rounding_variance,
    source_figures,
)
from models.series import Array, MonthlySeries

Seen = NDArray[np.bool_]

DRAWS = 2000
_ENOUGH_FOR_REFERENCE = 36
_SHARES = (np.arange(19) + 1) / 20
_STEPS = np.array([0.05, 0.1, 0.15, 0.2, 0.3, 0.45])
_TAILS = np.array(4.0)


@dataclass(frozen=True)
class Combined:
    """The series that forecasts use, and what it was made of.

    `series` in whole persons with the noise each month adds; `variance` (month,) that noise on the log scale; `figures`
    the sources on the same calendar, the reference first; `shares` (month,) what part of a month each source decides;
    `agreement` and `noise_shares` (draw,) are None with one source.
    """

    series: MonthlySeries
    variance: Array
    figures: tuple[SourceFigures, ...]
    shares: dict[str, Array]
    agreement: Agreement | None
    noise_shares: Array | None

    @property
    def reference(self) -> str:
        """The source in whose units the series is."""
        return self.figures[0].source

    @property
    def sources(self) -> tuple[str, ...]:
        """The sources that have figures, the reference first."""
        return tuple(figures.source for figures in self.figures)

    def mean_shares(self, months: int | None = None) -> dict[str, float]:
        """What part each source decided of all months with a figure, or of the last of them."""
        seen = np.flatnonzero(self.series.available)[-(months or len(self.series)) :]
        return {
            source: float(share[seen].mean()) if len(seen) else 0.0 for source, share in self.shares.items()
        }


def combined_series(
    rows: pd.DataFrame,
    geo: str,
    as_of: date,
    *,
    sources: tuple[str, ...] = PAIR,
    reference: str | None = None,
    revisions: Mapping[str, Revisions | None] | None = None,
    label: str = "",
    priors: AgreementPriors = DEFAULT_AGREEMENT_PRIORS,
    seed: int = 0,
) -> Combined:
    """The combined series of one country as known on a day.

    `rows` are the bitemporal rows (`vintage.KEY`) of one series and citizenship, by month, of any source, country and
    vintage; what became known after `as_of` is not looked at. `sources` are one or two names; of two the first with 36
    figures is the reference, or else the longer one, unless `reference` names it. `revisions` are those of the day by
    source, where the caller has them already. Raises ValueError when none has a figure.
    """
    known = revisions_by_source(rows, as_of, sources) if revisions is None else revisions
    found = [source_figures(rows, source, geo, as_of, known[source], label) for source in sources]
    present = [figures for figures in found if figures.series.available.any()]
    if not present:
        raise ValueError(f"none of {', '.join(sources)} had a figure of {geo} on {as_of}")
    present.sort(
        key=lambda f: (f.source != reference, -min(int(f.series.available.sum()), _ENOUGH_FOR_REFERENCE))
    )
    if len(present) == 1:
        return _alone(present[0])
    return combine(present[0], present[1], priors, seed)


def combine(
    reference: SourceFigures,
    other: SourceFigures,
    priors: AgreementPriors = DEFAULT_AGREEMENT_PRIORS,
    seed: int = 0,
) -> Combined:
    """One series out of two sources' figures, as the formulas on top say."""
    first = min(reference.series.months[0], other.series.months[0])
    last = max(reference.series.months[-1], other.series.months[-1])
    a, b = (figures.on(np.arange(first, last + 1)) for figures in (reference, other))
    known_a, known_b = (f.variance + rounding_variance(f.series.counts) for f in (a, b))
    ours, theirs = a.log_counts, b.log_counts
    agreement = compare(theirs - ours, known_a + known_b, priors, draws=DRAWS, seed=seed)
    shares = noise_share(ours, agreement, seed + 1)
    of_a = shares[:, None] * agreement.noise**2 + known_a
    of_b = (1 - shares[:, None]) * agreement.noise**2 + known_b
    gain = _gain(of_a, of_b, a.series.available, b.series.available)
    moved = theirs - agreement.offset
    x = np.where(gain == 0, ours, np.where(gain == 1, moved, ours + gain * (moved - ours)))
    left = np.where(gain == 1, of_b, np.where(gain == 0, of_a, gain * of_b))
    seen = a.series.available | b.series.available
    level = x.mean(axis=0)
    variance = np.where(seen, left.mean(axis=0) + x.var(axis=0), 0.0)
    counts = np.where(seen, np.rint(np.exp(level)), np.nan)
    weight = np.where(seen, gain.mean(axis=0), np.nan)
    series = MonthlySeries(a.series.months, counts, a.series.label, added_noise(variance, counts))
    return Combined(series, variance, (a, b), {a.source: 1 - weight, b.source: weight}, agreement, shares)


def noise_share(reference: Array, agreement: Agreement, seed: int) -> Array:
    """`(draw,)`: what part of the noise between the sources is the reference's.

    Beta(2, 2) beforehand. Given a share the best guess c = reference + share (difference - offset) has noise
    share (1 - share) noise^2 and is a local level with Student-t errors; steps are summed out over a grid.
    """
    weights = np.log(_SHARES * (1 - _SHARES))
    beyond = agreement.difference - agreement.offset.mean(axis=0)
    noise = np.mean(agreement.noise**2, axis=0)
    seen = np.flatnonzero(agreement.compared)
    if len(seen) > 2:
        guess = (reference + _SHARES[:, None] * beyond)[:, seen]
        left = (_SHARES * (1 - _SHARES))[:, None] * noise[seen] + (agreement.known / 4)[seen]
        weights = weights + _local_level(guess, left, np.diff(seen))
    chances = np.exp(weights - logsumexp(weights))
    return np.random.default_rng(seed).choice(_SHARES, size=len(agreement.offset), p=chances / chances.sum())


def _local_level(guess: Array, noise: Array, gaps: Array) -> Array:
    """`(share,)` log density of each row of guesses `(share, month)` as a noisy random walk, over a grid of steps."""
    level = np.repeat(guess[:, :1], len(_STEPS), axis=1)
    spread, density = np.repeat(noise[:, :1], len(_STEPS), axis=1), np.zeros(level.shape)
    for t in range(1, guess.shape[1]):
        spread = spread + gaps[t - 1] * _STEPS**2
        whole = spread + noise[:, [t]]
        error = guess[:, [t]] - level
        density += student_t_log_density(error, _TAILS, np.sqrt(whole))
        gain = spread / whole
        level, spread = level + gain * error, (1 - gain) * spread
    return np.asarray(logsumexp(density, axis=1))


def _gain(of_reference: Array, of_other: Array, ours: Seen, theirs: Seen) -> Array:
    """`(draw, month)`: the other source's part; 0 or 1 where only one has a figure."""
    both = of_reference / np.maximum(of_reference + of_other, 1e-300)
    return np.where(ours & theirs, both, np.where(theirs, 1.0, 0.0) * np.ones_like(both))


def _alone(figures: SourceFigures) -> Combined:
    """One source's figures with their correction; settled ones stay as published."""
    published = figures.series
    counts = np.where(figures.shift == 0, published.counts, np.rint(np.exp(figures.log_counts)))
    series = MonthlySeries(published.months, counts, published.label, added_noise(figures.variance, counts))
    shares = {figures.source: np.where(published.available, 1.0, np.nan)}
    return Combined(series, figures.variance, (figures,), shares, None, None)
