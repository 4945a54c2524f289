"""Forecasts of rates one or more periods ahead at past moments, with what was known then, against simple ones.

    case        one nationality in one host country, origin and target a year or a quarter, decisions in both
    CRPS        of the rate, from equally likely quantiles; the number of decisions ahead is unknown and taken as the
                last one, at least twenty
    log score   of the positive decisions given how many decisions came
    PIT         randomised: a count, or all counts that the source may have recorded as it, share a step of the
                distribution (`recorded`)

The baselines' spreads are fitted on cases whose outcome was known at the origin. The model's population is fixed
beforehand (`plugin`), and hosts' paths use years up to the origin. It must not know files or HTTP.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit, logsumexp
from scipy.stats import betabinom, norm

from models.acceptance.baselines import binomial_trend, fitted_spread, last_value, log_odds, recent_mean
from models.acceptance.data import AcceptanceData
from models.acceptance.mixture import beta_size, own_rates
from models.acceptance.plugin import Population, Predictive, predictive
from models.scores import crps_of_draws
from models.series import Array

LAST_VALUE = "last value"
Baselines = Mapping[str, Callable[[Array, Array], float]]
BASELINES: Baselines = {
    LAST_VALUE: last_value,
    "mean of three": lambda k, n: recent_mean(k, n, 3),
    "binomial trend": lambda k, n: binomial_trend(k, n, 5),
}
QUARTERLY: Baselines = {
    LAST_VALUE: last_value,
    "mean of four": lambda k, n: recent_mean(k, n, 4),
    "binomial trend": lambda k, n: binomial_trend(k, n, 8),
}
SIZE_CLASSES = ((1, 20), (20, 50), (50, 150), (150, 500), (500, 10**9))
LEAST_TO_FIT = 20
"""Decisions, in both years, of the cases that baselines' spreads are fitted on."""

_LEVELS = (np.arange(99) + 0.5) / 99
_LEAST_AHEAD = 20.0
_GRID = np.linspace(-8, 8, 321)
_GRID_WEIGHTS = norm.pdf(_GRID) / norm.pdf(_GRID).sum()


def cases(
    hosts: Mapping[str, AcceptanceData], ahead: int = 1, baselines: Baselines = BASELINES
) -> pd.DataFrame:
    """All cases with the forecasts of the baselines in columns, on log odds; `ahead` periods lie between."""
    rows = []
    for host, data in hosts.items():
        for t in range(len(data.periods) - ahead):
            decided = (data.total[t] > 0) & (data.total[t + ahead] > 0)
            for s in np.flatnonzero(decided):
                k, n = data.positive[: t + 1, s], data.total[: t + 1, s]
                rows.append(
                    {
                        "host": host,
                        "citizen": data.citizens[s],
                        "series": s,
                        "origin": data.periods[t],
                        "target": data.periods[t + ahead],
                        "last_total": n[-1],
                        "positive": data.positive[t + ahead, s],
                        "total": data.total[t + ahead, s],
                        **{name: forecast(k, n) for name, forecast in baselines.items()},
                    }
                )
    return pd.DataFrame(rows)


def recorded(positive: Array, total: Array, rounded_below: float = 0.0) -> tuple[Array, Array]:
    """Least and most positive decisions that a source may have recorded as `positive` of `total`.

    Positive and negative counts below `rounded_below` stand there as the nearest multiple of five.
    """

    def ends(count: Array) -> tuple[Array, Array]:
        rounded = count % 5 == 0
        low = np.where(rounded & (count <= rounded_below) & (rounded_below > 0), count - 2, count)
        return low, np.where(rounded & (count < rounded_below), count + 2, count)

    (low, high), (fewest, most) = ends(positive), ends(total - positive)
    return np.maximum(np.minimum(low, total - most), 0.0), np.minimum(np.maximum(high, total - fewest), total)


def score_baseline(
    table: pd.DataFrame, name: str, origin: str, seed: int, rounded_below: float = 0.0
) -> pd.DataFrame:
    """Scores of one baseline's cases at an origin; its spread is of the cases whose target was over by then."""
    sizes = table[["last_total", "total"]].min(axis=1)
    past = table[(table["target"] <= origin) & (sizes >= LEAST_TO_FIT)]
    spread = fitted_spread((log_odds(past["positive"], past["total"]) - past[name]).to_numpy())
    here = table[table["origin"] == origin]
    forecast, k, n = (here[column].to_numpy(float) for column in (name, "positive", "total"))
    points = spread.rates(forecast, _LEVELS)
    least, most = recorded(k, n, rounded_below)
    low, high = spread.below(forecast, least, n), spread.below(forecast, most + 1, n)
    pit = low + np.random.default_rng(seed).random(len(k)) * (high - low)
    return _scored(here, name, crps_of_draws(points, k / n), spread.log_probability(forecast, k, n), pit)


def score_model(
    table: pd.DataFrame,
    hosts: Mapping[str, AcceptanceData],
    population: Population,
    origin: str,
    seed: int,
    name: str = "model",
    rounded_below: float = 0.0,
) -> pd.DataFrame:
    """Scores of the model's cases at an origin; every host sees its years up to then."""
    here = table[table["origin"] == origin]
    scored = []
    for host, own in here.groupby("host"):
        periods = hosts[str(host)].periods
        ahead = periods.index(own["target"].iloc[0]) - periods.index(origin)
        found = predictive(hosts[str(host)].until(origin), population, periods_ahead=ahead)
        scored.append(_score_host(own, found, seed, name, rounded_below))
    return pd.concat(scored, ignore_index=True)


def _score_host(
    own: pd.DataFrame, found: Predictive, seed: int, name: str, rounded_below: float
) -> pd.DataFrame:
    last, k, n = (own[column].to_numpy(float) for column in ("last_total", "positive", "total"))
    rng = np.random.default_rng([seed, len(own)])
    mean, sds, weights = _log_odds(found, own["series"].to_numpy())
    rates = expit(mean + sds[:, None] * norm.ppf(_LEVELS)[:, None]).reshape(-1, len(k))
    equal = np.repeat(weights, len(_LEVELS))[:, None] * np.full(len(k), 1 / len(_LEVELS))
    blind, shown = (
        rng.binomial(total.astype(int), own_rates(rates, total, found.batch, found.correlation, rng))
        for total in (np.maximum(last, _LEAST_AHEAD), n)
    )
    crps = crps_of_draws(blind / np.maximum(last, _LEAST_AHEAD), k / n, equal)
    least, most = recorded(k, n, rounded_below)
    below, until = ((equal * compare).sum(axis=0) for compare in (shown < least, shown <= most))
    scores = _log_probability(found, mean, sds, weights, k, n)
    return _scored(own, name, crps, scores, below + rng.random(len(k)) * (until - below))


def _log_odds(found: Predictive, place: Any) -> tuple[Array, Array, Array]:
    """Mean (case,) and standard deviations (component, case) of the log odds, and the components' weights."""
    return found.mean[place], np.sqrt(found.variances[:, place] + found.shock**2), found.weights


def _log_probability(
    found: Predictive, mean: Array, sds: Array, weights: Array, positive: Array, total: Array
) -> Array:
    """`(case,)` log probability of the positive decisions: beta-binomial, summed over a fine grid of log odds."""
    size = beta_size(total, found.batch, found.correlation)
    parts = []
    for sd, weight in zip(sds, weights, strict=True):
        p = expit(mean + sd * _GRID[:, None]).clip(1e-9, 1 - 1e-9)
        given = betabinom.logpmf(positive, total, size * p, size * (1 - p))
        parts.append(np.log(weight) + logsumexp(given + np.log(_GRID_WEIGHTS)[:, None], axis=0))
    return np.asarray(logsumexp(parts, axis=0))


def _scored(here: pd.DataFrame, name: str, crps: Array, log_probability: Array, pit: Array) -> pd.DataFrame:
    named = ["host", "citizen", "origin", "target", "last_total", "positive", "total"]
    return here[named].assign(method=name, crps=crps, log_score=-log_probability, pit=pit)


def run(
    hosts: Mapping[str, AcceptanceData],
    population: Population,
    origins: Iterable[str],
    seed: int = 1,
    ahead: int = 1,
    baselines: Baselines = BASELINES,
    rounded_below: float = 0.0,
) -> pd.DataFrame:
    """Scores of all methods at the origins, a row per case and method; `rounded_below` is for `recorded`."""
    table = cases(hosts, ahead, baselines)
    parts = []
    for origin in origins:
        parts += [score_baseline(table, name, origin, seed, rounded_below) for name in baselines]
        parts.append(score_model(table, hosts, population, origin, seed, rounded_below=rounded_below))
    return pd.concat(parts, ignore_index=True)
