"""Proper scores, calibration and paired comparison of forecasts with what happened.

    pinball_p(q, y)  = (p - 1{y < q}) (y - q)
    interval(l, u)   = u - l + 2/(1 - c) ((l - y)+ + (y - u)+)          c = stated coverage
    CRPS(F, y)       = E|X - y| - E|X - X'| / 2
    randomised PIT   = (draws below y + U (draws equal to y + 1)) / (draws + 1)

Gneiting and Raftery (2007), JASA 102; mixtures of normals: Grimit et al. (2006), QJRMS 132. All scores are
losses: smaller is better. Axis order: draw or component first, then cases. Web-safe: NumPy and scipy.special.
This module knows nothing of models, months or files.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincinv, ndtr

Array = NDArray[np.float64]


def pinball(quantile: ArrayLike, level: ArrayLike, outcome: ArrayLike) -> Array:
    """Quantile loss in the unit of the outcome; arguments broadcast. Raises ValueError for a level outside (0, 1)."""
    q, p, y = (np.asarray(given, dtype=float) for given in (quantile, level, outcome))
    if not np.all((p > 0) & (p < 1)):
        raise ValueError("a quantile level lies between 0 and 1")
    return np.asarray(np.where(y < q, (1 - p) * (q - y), p * (y - q)))


def interval_score(lower: ArrayLike, upper: ArrayLike, coverage: float, outcome: ArrayLike) -> Array:
    """Width of a central interval plus its fine for missing, in the unit of the outcome; arguments broadcast.

    `coverage` is the probability the interval was stated to have. Raises ValueError when it is not inside
    (0, 1) or a lower end lies above its upper end.
    """
    low, high, y = (np.asarray(given, dtype=float) for given in (lower, upper, outcome))
    if not 0 < coverage < 1:
        raise ValueError("the coverage of an interval lies between 0 and 1")
    if np.any(low > high):
        raise ValueError("the lower end of an interval lies above its upper end")
    missed = np.maximum(low - y, 0) + np.maximum(y - high, 0)
    return np.asarray(high - low + 2 / (1 - coverage) * missed)


def crps_of_draws(draws: ArrayLike, outcome: ArrayLike, weights: ArrayLike | None = None) -> Array:
    """`(...)`: CRPS of the empirical distribution of `draws` (draw, ...) at `outcome` (...), by one sort a case.

    `weights` has the shape of `draws` or of its first axis; they need not add up to one. With the draws
    sorted and W the cumulative weight up to and including a draw, E|X - X'| / 2 = sum w x (2 W - w - 1).
    Raises ValueError for shapes that do not match, numbers that are not finite, weights without mass.
    """
    x, y = _checked(draws, outcome)
    order = np.argsort(x, axis=0)
    x = np.take_along_axis(x, order, axis=0)
    w = _normalised(weights, x.shape)
    w = np.take_along_axis(np.broadcast_to(w, x.shape), order, axis=0)
    half_spread = np.sum(w * x * (2 * np.cumsum(w, axis=0) - w - 1), axis=0)
    return np.asarray(np.sum(w * np.abs(x - y), axis=0) - half_spread)


def log_crps(draws: ArrayLike, outcome: ArrayLike, floor: float = 1.0) -> Array:
    """CRPS on the log scale of totals `draws` (draw, ...) in persons; less than `floor` is read as `floor`.

    It weighs a country of a hundred and one of ten thousand alike, and is about the relative error.
    """
    logs = np.log(np.maximum(np.asarray(draws, dtype=float), floor))
    return crps_of_draws(logs, np.log(np.maximum(np.asarray(outcome, dtype=float), floor)))


def crps_of_normals(weights: ArrayLike, means: ArrayLike, sds: ArrayLike, outcome: ArrayLike) -> Array:
    """`(...)`: CRPS of mixtures of normals at `outcome` (...), in closed form.

    One mixture (component,) for all outcomes, or one for each (component, ...); a component of weight zero is as good
    as none. With A(m, s) = E|m + s Z| it is
    sum w A(y - m_i, s_i) - 1/2 sum sum w w' A(m_i - m_j, hypot(s_i, s_j)).
    """
    y = np.asarray(outcome, dtype=float)
    w, m, s = _components(weights, means, sds, y)
    far = np.sum(w * _mean_distance(m - y, s), axis=0)
    apart = _mean_distance(m[:, None] - m, np.hypot(s[:, None], s))
    return np.asarray(far - np.sum(w[:, None] * w * apart, axis=(0, 1)) / 2)


def crps_of_lognormals(weights: ArrayLike, means: ArrayLike, sds: ArrayLike, outcome: ArrayLike) -> Array:
    """`(...)`: CRPS of mixtures of lognormals, `means` and `sds` of the logs, at `outcome` (...) above 0.

    One mixture (component,) for all outcomes, or one for each (component, ...).
    For one lognormal E(X; X <= y) = E(X) ndtr((log y - m - s^2) / s), which gives E|X - y|; for two
    E(X; X > X') = E(X) ndtr((m - m' + s^2) / hypot(s, s')), which gives E|X - X'|.
    """
    y = np.asarray(outcome, dtype=float)
    if np.any(y <= 0):
        raise ValueError("a lognormal is scored at outcomes above zero")
    w, m, s = _components(weights, means, sds, y)
    mean, below = np.exp(m + s**2 / 2), (np.log(y) - m) / s
    far = y * (2 * ndtr(below) - 1) + mean * (1 - 2 * ndtr(below - s))
    shift = (m[:, None] - m + s[:, None] ** 2) / np.hypot(s[:, None], s)
    one_way = mean[:, None] * (2 * ndtr(shift) - 1)
    apart = np.sum(w[:, None] * w * (one_way + np.swapaxes(one_way, 0, 1)), axis=(0, 1))
    return np.asarray(np.sum(w * far, axis=0) - apart / 2)


def brier(probability: ArrayLike, happened: ArrayLike) -> Array:
    """Squared error of a stated probability, for instance of `more than 40,000`; arguments broadcast."""
    p = np.asarray(probability, dtype=float)
    if not np.all((p >= 0) & (p <= 1)):
        raise ValueError("a probability lies between 0 and 1")
    return np.asarray((p - np.asarray(happened, dtype=bool)) ** 2)


def exceedance_brier(draws: ArrayLike, above: ArrayLike, outcome: ArrayLike) -> Array:
    """`(...)`: Brier score of the share of `draws` (draw, ...) above a threshold, against the outcome's being so."""
    x, y = _checked(draws, outcome)
    return brier(np.mean(x > np.asarray(above, dtype=float), axis=0), y > np.asarray(above, dtype=float))


@dataclass(frozen=True)
class Coverage:
    """Share of outcomes inside their interval, and the exact (Clopper-Pearson) interval of that share."""

    inside: int
    cases: int
    share: float
    low: float
    high: float


def coverage(inside: ArrayLike, confidence: float = 0.95) -> Coverage:
    """Observed coverage of intervals; `inside` holds one truth value a case. Raises ValueError without cases.

    The exact interval takes cases as independent. Forecasts that overlap share surprises: it is then too short.
    """
    held = np.asarray(inside, dtype=bool).ravel()
    n, k = len(held), int(held.sum())
    if not n:
        raise ValueError("coverage needs at least one case")
    tail = (1 - confidence) / 2
    low = float(betaincinv(k, n - k + 1, tail)) if k else 0.0
    high = float(betaincinv(k + 1, n - k, 1 - tail)) if k < n else 1.0
    return Coverage(inside=k, cases=n, share=k / n, low=low, high=high)


def pit_of_draws(draws: ArrayLike, outcome: ArrayLike, seed: int) -> Array:
    """`(...)`: randomised PIT of `outcome` (...) among `draws` (draw, ...), in (0, 1).

    Exactly uniform when the outcome is one more draw of the same distribution, however few draws, also with
    ties (Czado, Gneiting and Held 2009).
    """
    x, y = _checked(draws, outcome)
    below, equal = np.sum(x < y, axis=0), np.sum(x == y, axis=0)
    place = np.random.default_rng(seed).uniform(size=y.shape)
    return np.asarray((below + place * (equal + 1)) / (len(x) + 1))


def pit_bounds(levels: ArrayLike, quantiles: ArrayLike, outcome: ArrayLike) -> tuple[Array, Array]:
    """`(lower, upper)`, each (...): all that quantiles (level, ...) tell of the PIT of `outcome` (...).

    An outcome between two quantiles has a PIT between their levels; below the first, between 0 and its level.
    Raises ValueError when levels or quantiles do not rise.
    """
    p, q, y = (np.asarray(given, dtype=float) for given in (levels, quantiles, outcome))
    if p.ndim != 1 or np.any(np.diff(p) <= 0) or np.any(np.diff(q, axis=0) < 0):
        raise ValueError("levels must rise and quantiles must not fall")
    ends = np.concatenate([[0.0], p, [1.0]])
    passed = np.sum(q < y, axis=0)
    return np.asarray(ends[passed]), np.asarray(ends[passed + 1])


@dataclass(frozen=True)
class PairedRatio:
    """Mean score over mean reference score on the same cases, with the standard error of that ratio."""

    ratio: float
    standard_error: float
    cases: int
    origins: int


def paired_ratio(score: ArrayLike, reference: ArrayLike, origin: ArrayLike) -> PairedRatio:
    """Ratio of mean scores (case,), standard error clustered by `origin` (case,).

    Cases of one origin share the surprises after it. The ratio r is linearised: its error is the sum over
    origins of (score - r reference), over the summed reference; variance of those sums times C / (C - 1).
    Origins half a year apart with targets of a year still overlap, which this does not count. NaN from one
    origin. Raises ValueError for arrays that do not match or a reference without positive mean.
    """
    s, r, at = np.asarray(score, dtype=float), np.asarray(reference, dtype=float), np.asarray(origin)
    if s.ndim != 1 or not s.shape == r.shape == at.shape:
        raise ValueError(f"score {s.shape}, reference {r.shape} and origin {at.shape} do not match")
    if not len(s) or not r.sum() > 0:
        raise ValueError("a ratio needs cases and a reference with a positive mean")
    ratio = float(s.sum() / r.sum())
    names, place = np.unique(at, return_inverse=True)
    sums = np.bincount(place, weights=s - ratio * r)
    count = len(names)
    variance = count / (count - 1) * np.sum(sums**2) / r.sum() ** 2 if count > 1 else np.nan
    return PairedRatio(ratio, float(np.sqrt(variance)), cases=len(s), origins=count)


def _checked(draws: ArrayLike, outcome: ArrayLike) -> tuple[Array, Array]:
    x, y = np.asarray(draws, dtype=float), np.asarray(outcome, dtype=float)
    if x.ndim < 1 or not len(x) or x.shape[1:] != y.shape:
        raise ValueError(f"draws {x.shape} do not have a first axis of draws before the outcomes' {y.shape}")
    if not (np.all(np.isfinite(x)) and np.all(np.isfinite(y))):
        raise ValueError("draws and outcomes must be finite")
    return x, y


def _normalised(weights: ArrayLike | None, shape: tuple[int, ...]) -> Array:
    if weights is None:
        return np.full((shape[0], *[1] * (len(shape) - 1)), 1 / shape[0])
    w = np.asarray(weights, dtype=float)
    if w.shape == shape[:1]:
        w = w.reshape(-1, *[1] * (len(shape) - 1))
    elif w.shape != shape:
        raise ValueError(f"weights {w.shape} do not match draws {shape}")
    if np.any(w < 0) or not np.all(w.sum(axis=0) > 0):
        raise ValueError("weights must not be negative and must have mass")
    return np.asarray(w / w.sum(axis=0))


def _components(
    weights: ArrayLike, means: ArrayLike, sds: ArrayLike, outcome: Array
) -> tuple[Array, Array, Array]:
    """Weights that sum to one, means and sds with axes for the outcome's."""
    w, m, s = (np.asarray(given, dtype=float) for given in (weights, means, sds))
    if w.ndim < 1 or not w.shape == m.shape == s.shape or w.shape[1:] not in ((), outcome.shape):
        raise ValueError(
            f"weights {w.shape}, means {m.shape} and sds {s.shape} must be of one length, for outcomes {outcome.shape}"
        )
    if np.any(s <= 0) or np.any(w < 0) or not np.all(w.sum(axis=0) > 0):
        raise ValueError("sds must be positive and weights not negative, with mass")
    w = w / w.sum(axis=0)
    axes = (len(w), *[1] * outcome.ndim)
    return (w.reshape(axes), m.reshape(axes), s.reshape(axes)) if w.ndim == 1 else (w, m, s)


def _mean_distance(centre: Array, sd: Array) -> Array:
    """E|centre + sd Z|."""
    z = centre / sd
    density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    return np.asarray(2 * sd * density + centre * (2 * ndtr(z) - 1))
