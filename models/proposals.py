"""Where a component's normals and events are drawn from when its prior meets the later months too seldom.

    q(e, z) = 0.1 p(e) N(z; 0, I) + 0.9 p'(e) (0.8 N(z; m + G (a(e) - m_a), Q) + 0.2 N(z; 0, I))
    log weight = log w(totals) + log p(e) N(z; 0, I) - log q(e, z)

e tells which events occur, a what they add to the years, z are the normals of years: a scenario that an event takes
from must itself run higher to meet what came, so z is drawn given a. p' gives an event another chance to occur, of a
group that excludes one another each its own; how much an event adds when it occurs stays as stated. An event may
explain alone what came, with z as it ever was, which is why a fifth of z stays as stated where there are events. The
tenth from the prior bounds the weights by ten times the evidence. Fitted by moments to points weighed before (adaptive
importance sampling, Bugallo et al. 2017). NumPy only; must not know densities of totals.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from models.event_chances import EventChances, chances_of
from models.pareto import effective_sample_size
from priors.events import (
    Addition,
    Additions,
    AmountsInRows,
    Occurring,
    added_amounts,
    by_group,
    choosing,
    occurrences,
    who_occurs,
)

Array = NDArray[np.float64]

PRIOR_SHARE, FREE_SHARE = 0.1, 0.2
_WIDENED = 1.3
_LEAST_TILT = (
    0.25  # a proposal leaves every event, and the absence of any, about this share of its stated chance
)
_LIKE_STATED = 10.0  # draws that speak for the stated chances when others are learned
_MOST_GAIN = 80.0  # of a log density, before exp overflows in single precision


@dataclass(frozen=True)
class Proposal:
    """N(z; mean + gain (a - amount_mean), root root'); `tilts` are chances relative to those stated.

    `tilts` goes by the slots of a group: for each of its events and, last, for none of them.
    """

    mean: Array
    gain: Array
    root: Array
    amount_mean: Array
    tilts: Mapping[tuple[int, ...], Array]


@dataclass(frozen=True)
class Points:
    """Normals `(draw, year + 1)`, which events occur `(event, draw)`, and what events add `(draw, year)`.

    `gain` `(draw,)` is the log density of the proposal less that of the prior, 0 where there is no proposal.
    """

    normals: Array
    occurring: Occurring
    added: Array
    gain: Array

    @property
    def log_ratio(self) -> Array:
        """Log density of the prior less that of the prior's tenth and the proposal's rest together `(draw,)`."""
        return log_prior_over_mixture(self.gain)


@dataclass(frozen=True)
class SomeRows:
    """Some of the draws: their `numbers`, ascending, among as many as there are."""

    numbers: NDArray[np.intp]
    among: int

    def kept(self, further: float) -> NDArray[np.intp]:
        """Which of these rows are among `kept_rows`, by their place here."""
        is_kept = np.zeros(self.among, dtype=bool)
        is_kept[kept_rows(self.among, further)] = True
        return np.flatnonzero(is_kept.take(self.numbers))


def plain_points(
    base: Array,
    years: tuple[int, ...],
    additions: Additions,
    rho: float,
    amounts: AmountsInRows | None = None,
) -> Points:
    """The normals as they are. `base` `(draw, column)`: one per year and one more, then those of events."""
    width = len(years) + 1
    occurring = occurrences(additions, width, base[:, width:])
    added = added_amounts(additions, years, rho, base[:, width:], occurring, amounts)
    return Points(base[:, :width], occurring, added, np.zeros(len(base), base.dtype))


def proposed_points(
    base: Array,
    years: tuple[int, ...],
    additions: Additions,
    rho: float,
    proposal: Proposal,
    amounts: AmountsInRows | None = None,
) -> Points:
    """Points of a proposal made of standard normals, of which a tenth stay as they are.

    Which tenth is decided by chance of its own: every tenth point of a Sobol sequence lies on one side of it.
    """
    width = len(years) + 1
    chances = chances_of(additions, proposal.tilts)
    occurring = proposed_events(base, width, additions, chances)
    added = added_amounts(additions, years, rho, base[:, width:], occurring, amounts)
    normals, gain = moved_normals(base[:, :width], added, proposal)
    add_tilts(gain, occurring, chances)
    return Points(normals, occurring, added, gain)


def proposed_events(base: Array, width: int, additions: Additions, chances: EventChances) -> Occurring:
    """Which events occur `(event, draw)` when a tenth keeps the stated chances."""
    chosen, keep = choosing(additions, width, base[:, width:]), kept_rows(len(base))
    occurring = who_occurs(additions, chosen, chances.ends(chances.drawn_from))
    occurring[:, keep] = who_occurs(additions, chosen.take(keep, axis=1), chances.ends(chances.stated))
    return occurring


def add_tilts(gain: Array, occurring: Occurring, chances: EventChances) -> None:
    """Add to the gain `(draw,)` of the normals that of the chances from which events are drawn."""
    of_none, own = chances.log_tilts
    gain += of_none.sum()
    gain += own.astype(gain.dtype) @ occurring.astype(gain.dtype)


def stated_chances(group: tuple[Addition, ...]) -> tuple[tuple[int, ...], Array]:
    """The slots of a group, and the chances of its events and, last, of none."""
    own = [part.probability for part in group]
    return tuple(part.slot for part in group), np.array([*own, max(1.0 - sum(own), 0.0)])


def moved_normals(
    base: Array, added: Array, proposal: Proposal, rows: SomeRows | None = None
) -> tuple[Array, Array]:
    """z `(draw, year + 1)` made of standard normals, and the log density of the proposal less that of N(0, I)."""
    # By column, in which they stand: a column's values lie together.
    moved, gain = moved_together(np.ascontiguousarray(base.T)[None], added.T[None], [proposal], rows)
    return moved[0].T, gain[0]


def moved_together(
    standard: Array, added: Array, proposals: Sequence[Proposal], rows: SomeRows | None = None
) -> tuple[Array, Array]:
    """As `moved_normals`, of one set of normals per proposal, which all tilt chances or none does.

    From `standard` `(set, year + 1, draw)` and `added` `(set, year, draw)`: z as `standard`, and gains `(set, draw)`;
    these draws are all there are, or `rows` of them.
    """
    precision, as_stated = standard.dtype, FREE_SHARE if proposals[0].tilts else 0.0
    keep = rows.kept(as_stated) if rows else kept_rows(standard.shape[2], as_stated)
    roots = np.stack([own.root for own in proposals])
    centre = np.stack([own.gain for own in proposals]).astype(precision) @ added
    centre += np.stack([own.mean - own.gain @ own.amount_mean for own in proposals]).astype(precision)[
        ..., None
    ]
    moved, as_drawn = roots.astype(precision) @ standard, standard.take(keep, axis=2)
    moved += centre
    moved[..., keep] = as_drawn
    # Where the proposal made a point, what it was made of is its standard form; where N(0, I) did, it is looked for.
    own = _squares(standard)
    own[:, keep] = _squares(np.linalg.inv(roots).astype(precision) @ (as_drawn - centre.take(keep, axis=2)))
    log_scale = np.log(np.diagonal(roots, axis1=1, axis2=2)).sum(axis=1)
    gain = 0.5 * (_squares(moved) - own) - log_scale.astype(precision)[:, None]
    return moved, -_log_over_mixture(gain, as_stated) if as_stated else gain


def log_prior_over_mixture(gain: Array) -> Array:
    """`-log(0.1 + 0.9 exp(gain))`."""
    return _log_over_mixture(gain, PRIOR_SHARE)


def _log_over_mixture(gain: Array, share: float) -> Array:
    mixed = share + (1 - share) * np.exp(np.minimum(gain, _MOST_GAIN))
    return np.asarray(-np.log(mixed) - np.maximum(gain - _MOST_GAIN, 0.0))


@lru_cache(maxsize=16)
def kept_rows(rows: int, further: float = 0.0) -> NDArray[np.int64]:
    """The rows that stay drawn from the prior, and a `further` share of the others."""
    count = rows * (PRIOR_SHARE + (1 - PRIOR_SHARE) * further)
    return np.sort(np.random.default_rng(0).permutation(rows)[: round(count)])


def fitted_proposal(points: Points, additions: Additions, log_weights: Array, short: Array) -> Proposal:
    """The proposal with the moments of the weighed points; `short` `(draw,)` are their shortfalls of today's counts.

    Weights too uneven are tempered until enough points count; where hardly any has weight, the points least short
    of today's counts lead the way (the cross-entropy method). Moments learned from few points are drawn
    towards the prior's, for a proposal too narrow would look reliable while missing most of the mass.
    """
    weights = _leading(log_weights, short)
    effective, size = 1.0 / float(weights @ weights), points.added.shape[1]
    scale = points.added.std(axis=0)
    scale[scale == 0] = 1.0
    every = np.concatenate([points.added / scale, points.normals], axis=1)
    mean = weights @ every
    centred = every - mean
    covariance, dim = (centred * weights[:, None]).T @ centred, points.normals.shape[1]
    covariance = (effective * covariance + dim * np.eye(len(covariance))) / (effective + dim)
    gain = np.linalg.solve(covariance[:size, :size], covariance[:size, size:]).T
    left = covariance[size:, size:] - gain @ covariance[:size, size:]
    tilts = {}
    for group, occurs in by_group(additions, points.occurring):
        slots, stated = stated_chances(group)
        shares = occurs.astype(weights.dtype) @ weights
        tilts[slots] = _tilt(np.append(shares, 1.0 - shares.sum()), stated, effective)
    root = np.linalg.cholesky(_WIDENED * left)
    return Proposal(mean[size:], gain / scale, root, mean[:size] * scale, tilts)


def _tilt(shares: Array, stated: Array, effective: float) -> Array:
    learned = (effective * shares + _LIKE_STATED * stated) / (effective + _LIKE_STATED)
    relative = np.divide(learned, stated, out=np.ones_like(stated), where=stated > 0)
    return np.maximum(relative, _LEAST_TILT)


def _leading(log_weights: Array, short: Array) -> Array:
    """The weights `(draw,)`, summing to 1, by which a proposal is fitted."""
    enough = max(50.0, 0.01 * len(log_weights))
    if np.isfinite(log_weights).sum() < enough:
        weights = np.zeros(len(log_weights))
        weights[np.argsort(short, kind="stable")[: int(enough)]] = 1.0
    else:
        temperature = 1.0
        while effective_sample_size(temperature * log_weights) < enough and temperature > 1e-6:
            temperature /= 1.5
        weights = np.exp(temperature * (log_weights - log_weights.max()))
    return np.asarray(weights / weights.sum())


def _squares(columns: Array) -> Array:
    """Squared lengths `(..., draw)` of points `(..., year + 1, draw)`."""
    return np.asarray(np.square(columns).sum(axis=-2))
