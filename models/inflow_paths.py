"""The structural model without PyMC: filter, one-step density and simulation, per hyperparameter draw.

    y_t     = log(max(count_t, 1)) = season[month] + level_{t-1} + d_t + e_t
    level_t = level_{t-1} + d_t + alpha_g u_t e_t
    e_t     ~ Student-t(nu), scale^2 = v_t = (sigma^2 (m_t / usual)^(2 c) + overdispersion / m_t) w_t
    w_t     = 1 + (g - 1) alpha^2 + f_t,      alpha_g = alpha (1 + (g - 1) alpha) / w_t
    m_t     = geometric mean of the twelve months observed last, at least five persons
    u_t     = 1 - r + r (nu + 1) / nu / (1 + e_t^2 / (nu v_t))
    d_t     = growth (1 - damping) damping^(t - a - 1) + the same of slow_growth and slow_damping,  after a month a

Local level in innovations form (Hyndman, Koehler, Ord and Snyder 2008, ch. 3-5). `g` is the number of months
since the last observed one: 1 without a gap. The level is a random walk with steps alpha e, so g - 1 unseen
steps add (g - 1) alpha^2 of one step's variance to what the next month may differ, and the Kalman gain grows
to alpha_g, towards 1: after a long silence the next month says nearly everything about the level.
`f_t` is the noise that an unsettled figure adds (`series`: extra), as a part of a one-step error's variance: the
month may differ by more, and the level learns less from it. m_t looks back only, so the density that weighs data is
the one that is simulated. Before the first month the window of twelve holds the initial level.
Three extensions are absent (r = c = both growths = 0) unless a model states them. `r` is how far a level learns less
from a month the further out it lies: u_t is the score of the Student-t density (Harvey and Luati 2014, JASA 109), mean
1 over small errors. `c` makes months more uncertain while a series is large for its own standard. `growth` and
`slow_growth` are what a model expects of the level beyond a month, from what else it knew then.
This module must not import PyMC: the web process uses it.
"""

from dataclasses import MISSING, dataclass, field, fields

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from models.series import LEAST_COUNT, Array, MonthlySeries, log_counts, month_numbers

WINDOW = 12
"""Months whose geometric mean measures the size of a series."""

LEAST_SIZE = 5.0
"""Persons a month under which `m_t` does not fall: figures rounded to five tell no smaller sizes apart."""

MOST_PERSONS = 250_000.0
"""Persons above which no simulated month rises, unless the series itself is of that order (`log_cap`)."""

MOST_GROWTH = 10.0
"""Times its present size a series of any size may always reach in simulation."""


@dataclass(frozen=True)
class InflowParameters:
    """Hyperparameter draws, chains after each other.

    `alpha` (draw,) gain in (0, 1); `sigma` (draw,) scale of a one-step error on the log scale; `nu` (draw,)
    degrees of freedom; `overdispersion` (draw,) count noise in multiples of Poisson; `season` (draw, 12) log
    deviations January to December, summing to zero; `initial_level` (draw,) log persons before any month.
    All further ones (draw,), neutral unless given: `robustness` r in [0, 1]; `size_power` c and `usual_size`, log
    persons; `growth` of the level in all after the month `growth_after` (months since 1970-01), of which the part
    1 - `growth_damping` comes in each month of what is left, and `slow_growth` with `slow_damping` beside it.
    """

    alpha: Array
    sigma: Array
    nu: Array
    overdispersion: Array
    season: Array
    initial_level: Array
    robustness: Array = field(default_factory=lambda: np.zeros(1))
    size_power: Array = field(default_factory=lambda: np.zeros(1))
    usual_size: Array = field(default_factory=lambda: np.zeros(1))
    growth: Array = field(default_factory=lambda: np.zeros(1))
    growth_damping: Array = field(default_factory=lambda: np.zeros(1))
    growth_after: Array = field(default_factory=lambda: np.zeros(1))
    slow_growth: Array = field(default_factory=lambda: np.zeros(1))
    slow_damping: Array = field(default_factory=lambda: np.zeros(1))

    def __post_init__(self) -> None:
        for name in _EXTENSIONS:
            object.__setattr__(self, name, np.broadcast_to(getattr(self, name), self.alpha.shape))

    def __len__(self) -> int:
        return len(self.alpha)

    def take(self, index: NDArray[np.int64]) -> "InflowParameters":
        """The draws at `index`, in that order."""
        return InflowParameters(**{column.name: getattr(self, column.name)[index] for column in fields(self)})


_EXTENSIONS = tuple(
    column.name for column in fields(InflowParameters) if column.default_factory is not MISSING
)


@dataclass(frozen=True)
class FilterState:
    """What a draw knows after `last_month`, the last month with a figure.

    `level` (draw,) log persons; `recent` (draw, 12) log counts of the months observed last, oldest first.
    """

    level: Array
    recent: Array
    last_month: np.datetime64


def initial_state(parameters: InflowParameters, first_month: np.datetime64) -> FilterState:
    """The state before the first month of a series."""
    recent = np.repeat(parameters.initial_level[:, None], WINDOW, axis=1)
    return FilterState(parameters.initial_level, recent, first_month - 1)


def filter_states(parameters: InflowParameters, data: MonthlySeries) -> FilterState:
    """The state after the last available month of `data`, per hyperparameter draw."""
    return _filter(parameters, data, None)[0]


def one_step_log_density(
    parameters: InflowParameters, data: MonthlySeries, from_month: np.datetime64 | None = None
) -> Array:
    """`(draw,)`: log p(log counts from `from_month` on | parameters, earlier counts); all of them for None.

    A density of log counts. That of counts differs by a constant, the sum of their logs.
    """
    return _filter(parameters, data, from_month if from_month is not None else _first_month(data))[1]


def gap_factors(
    alpha: Array, gap: int | NDArray[np.int64], extra: float | Array = 0.0
) -> tuple[Array, Array]:
    """`(gain, variance factor)` for a figure with added noise `gap` months after the last observed one."""
    unseen = np.asarray(gap, dtype=float) - 1
    widening = 1 + unseen * alpha**2 + extra
    return np.asarray(alpha * (1 + unseen * alpha) / widening), np.asarray(widening)


def simulate_log_counts(
    parameters: InflowParameters,
    state: FilterState,
    first_month: np.datetime64,
    horizon: int,
    draws: int,
    seed: int,
    weights: Array | None = None,
) -> Array:
    """Log counts `(draw, month)` of `horizon` months from `first_month` on.

    Draw i continues hyperparameter draw i modulo their number, or a systematic resample of them when
    `weights` (draw,) are given. Log counts stay between 0 (`LEAST_COUNT`) and `log_cap`. The bound is needed:
    the exponential of a Student-t variable has no mean, so of 100,000 paths over five years a few would reach
    numbers no country has people for, overflow, and carry every mean with them. The level learns from the
    bounded month, exactly as it would if that month were read as data.
    Raises ValueError when `first_month` is not after the state's last month.
    """
    gap = _months_between(state.last_month, first_month)
    if gap < 1:
        raise ValueError(f"{first_month} is not after the last observed month {state.last_month}")
    rng = np.random.default_rng(seed)
    index = _chosen(len(parameters), draws, weights, rng)
    chosen = parameters.take(index)
    season = np.ascontiguousarray(chosen.season.T)[month_numbers(first_month + np.arange(horizon))]
    out = np.empty((horizon, draws))
    level, window = state.level[index], np.ascontiguousarray(state.recent[index].T)
    total, cap, last = window.sum(axis=0), log_cap(state)[index], state.last_month
    for month in range(horizon):
        gain, widening = gap_factors(chosen.alpha, gap if month == 0 else 1)
        error = rng.standard_normal(draws)
        scale = _scale(chosen, total, widening)
        error *= scale
        error /= np.sqrt(rng.standard_gamma(chosen.nu / 2) * (2 / chosen.nu))
        level = level + _growth(chosen, last, first_month + month)
        expected, last = season[month] + level, first_month + month
        y = np.clip(expected + error, np.log(LEAST_COUNT), cap, out=out[month])
        level = level + gain * _learned(chosen, y - expected, scale)
        oldest = window[month % WINDOW]
        total += y - oldest
        oldest[:] = y
    return np.ascontiguousarray(out.T)


def log_cap(state: FilterState) -> Array:
    """`(draw,)`: the largest log count a simulated month may have.

    250,000 persons, more than all of the EU registered in its largest month (about 170,000 in October 2015),
    or ten times the size of the series now where that is more (totals over countries).
    """
    return np.asarray(np.maximum(np.log(MOST_PERSONS), np.log(MOST_GROWTH) + state.recent.mean(axis=1)))


def _filter(
    parameters: InflowParameters, data: MonthlySeries, from_month: np.datetime64 | None
) -> tuple[FilterState, Array]:
    """State after the data and, from `from_month` on, the summed one-step log density."""
    density = np.zeros(len(parameters))
    state = initial_state(parameters, _first_month(data))
    level, window, last = state.level, np.ascontiguousarray(state.recent.T), state.last_month
    total, seen = window.sum(axis=0), 0
    season = parameters.season.T
    for t in np.flatnonzero(data.available):
        month, y = data.months[t], log_counts(data.counts[t])
        gain, widening = gap_factors(parameters.alpha, _months_between(last, month), data.extra[t])
        level = level + _growth(parameters, last, month)
        error = y - season[month_numbers(data.months[t : t + 1])[0]] - level
        scale = _scale(parameters, total, widening)
        if from_month is not None and month >= from_month:
            density += student_t_log_density(error, parameters.nu, scale)
        level = level + gain * _learned(parameters, error, scale)
        total = total + y - window[seen % WINDOW]
        window[seen % WINDOW] = y
        seen, last = seen + 1, month
    oldest_first = np.roll(window, -(seen % WINDOW), axis=0)
    return FilterState(level, np.ascontiguousarray(oldest_first.T), last), density


def _scale(parameters: InflowParameters, recent_total: Array, widening: Array) -> Array:
    """`(draw,)`: scale of the one-step error; `recent_total` is the sum of the window's log counts."""
    log_size = np.maximum(recent_total / WINDOW, np.log(LEAST_SIZE))
    variance = parameters.sigma**2
    if parameters.size_power.any():
        variance = variance * np.exp(2 * parameters.size_power * (log_size - parameters.usual_size))
    return np.sqrt((variance + parameters.overdispersion / np.exp(log_size)) * widening)


def _learned(parameters: InflowParameters, error: Array, scale: Array) -> Array:
    """`(draw,)`: u e, the part of an error that the gain applies to."""
    if not parameters.robustness.any():
        return error
    nu = parameters.nu
    score = (nu + 1) / (nu + (error / scale) ** 2)
    return np.asarray(error * (1 + parameters.robustness * (score - 1)))


def _growth(parameters: InflowParameters, last: np.datetime64, month: np.datetime64) -> Array | float:
    """`(draw,)`: expected growth of the level over the months after `last` up to and including `month`."""
    begun, done = (np.maximum(float(m.astype(np.int64)) - parameters.growth_after, 0) for m in (last, month))
    expected: Array | float = 0.0
    for growth, damping in (
        (parameters.growth, parameters.growth_damping),
        (parameters.slow_growth, parameters.slow_damping),
    ):
        if growth.any():
            expected = expected + growth * (damping**begun - damping**done)
    return expected


def student_t_log_density(x: Array, nu: Array, scale: Array) -> Array:
    """Log density of a Student-t variable centred at zero; arguments broadcast."""
    constant = gammaln((nu + 1) / 2) - gammaln(nu / 2) - 0.5 * np.log(np.pi * nu)
    return np.asarray(constant - np.log(scale) - (nu + 1) / 2 * np.log1p((x / scale) ** 2 / nu))


def _chosen(available: int, draws: int, weights: Array | None, rng: np.random.Generator) -> NDArray[np.int64]:
    if weights is None:
        return np.arange(draws) % available
    cumulative = np.cumsum(weights / weights.sum())
    points = (np.arange(draws) + rng.uniform()) / draws
    return np.minimum(np.searchsorted(cumulative, points), available - 1)


def _months_between(earlier: np.datetime64, later: np.datetime64) -> int:
    return int((later - earlier).astype("timedelta64[M]").astype(int))


def _first_month(data: MonthlySeries) -> np.datetime64:
    if not len(data):
        raise ValueError("a series without months has no first month")
    return np.datetime64(data.months[0], "M")
