"""Well-known automatic methods as forecasters, to be compared with: statsforecast and Prophet on logs of counts.

    y = log(max(count, 1)), season of twelve months -> the library's choice of model -> its own simulated paths

AutoETS, AutoARIMA, AutoTheta, SeasonalNaive and Prophet with the libraries' defaults, one country at a time; AutoARIMA
compares orders by approximate likelihoods for series of more than 150 months, as the method's own default in R is:
exact ones take twenty times as long. They take no gaps: a month without a figure is interpolated on the log scale.
Paths are bounded as ours are, so that nobody wins by a bound. The libraries are the optional extra `peers`.
This module must not import PyMC.
"""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from importlib import import_module

import numpy as np
import pandas as pd

from models.backtest.run import Forecaster
from models.inflow_paths import MOST_PERSONS
from models.panel.series import PanelSeries
from models.series import LEAST_COUNT, Array, log_counts

PEERS = ("AutoETS", "AutoARIMA", "AutoTheta", "SeasonalNaive", "Prophet")
SEASON = 12
LONGEST_EXACT = 150
"""Months beyond which AutoARIMA approximates likelihoods while it compares orders."""


def library_of(name: str) -> str:
    """The package a peer needs."""
    return "prophet" if name == "Prophet" else "statsforecast"


def peer_forecaster(name: str) -> Forecaster:
    """One of `PEERS`. Raises ValueError for another name and ModuleNotFoundError without the extra."""
    if name not in PEERS:
        raise ValueError(f"unknown peer {name!r}: {', '.join(PEERS)}")
    import_module(library_of(name))  # absent: said now, not at the first origin
    return partial(_paths, name)


def _paths(name: str, panel: PanelSeries, months_ahead: int, draws: int, seed: int) -> dict[str, Array]:
    return {
        geo: _country(name, panel, geo, months_ahead, draws, seed + place)
        for place, geo in enumerate(panel.geos)
    }


def _country(name: str, panel: PanelSeries, geo: str, months_ahead: int, draws: int, seed: int) -> Array:
    """`(draw, month)` log counts of the months after the panel's last."""
    y, unseen = filled_log_counts(panel, geo)
    simulate = _prophet if name == "Prophet" else partial(_statsforecast, name)
    with warnings.catch_warnings():
        # Numerical remarks of a search over candidate models; what it chooses is scored like any other forecast.
        warnings.simplefilter("ignore")
        simulated = simulate(y, panel.months[-1] - unseen, unseen + months_ahead, draws, seed)
    paths: Array = simulated[:, unseen:]
    return np.clip(paths, np.log(LEAST_COUNT), np.log(MOST_PERSONS))


def _statsforecast(name: str, y: Array, last: np.datetime64, horizon: int, draws: int, seed: int) -> Array:
    """`(draw, month)` after `last`, the month of the last of `y`."""
    options = {"approximation": True} if name == "AutoARIMA" and len(y) > LONGEST_EXACT else {}
    method = getattr(import_module("statsforecast.models"), name)(season_length=SEASON, **options)
    return np.asarray(method.fit(y=y).simulate(h=horizon, n_paths=draws, seed=seed))


def _prophet(y: Array, last: np.datetime64, horizon: int, draws: int, seed: int) -> Array:
    """As `_statsforecast`. Days of the month count for nothing: every month stands at its first day."""
    library = import_module("prophet")
    months = last + np.arange(1 - len(y), horizon + 1)
    logging.getLogger("cmdstanpy").setLevel(logging.ERROR)
    model = library.Prophet(weekly_seasonality=False, daily_seasonality=False, uncertainty_samples=draws)
    stamps = pd.to_datetime(months.astype("datetime64[D]"))
    model.fit(pd.DataFrame({"ds": stamps[: len(y)], "y": y}), seed=seed)
    with _legacy_seed(seed):
        simulated = model.predictive_samples(pd.DataFrame({"ds": stamps[len(y) :]}))["yhat"]
    return np.asarray(simulated).T


@contextmanager
def _legacy_seed(seed: int) -> Iterator[None]:
    """NumPy's global stream from a seed, left as it was found: Prophet draws from no other."""
    before = np.random.get_state()
    np.random.seed(seed % 2**32)
    try:
        yield
    finally:
        np.random.set_state(before)


def filled_log_counts(panel: PanelSeries, geo: str) -> tuple[Array, int]:
    """Log counts from the first to the last figure, gaps interpolated; and the months without one after that."""
    data = panel.current(geo)
    seen = np.flatnonzero(data.available)
    if not len(seen):
        raise ValueError(f"{geo} has no figure")
    places = np.arange(seen[0], seen[-1] + 1)
    return np.interp(places, seen, log_counts(data.counts[seen])), len(data) - 1 - int(seen[-1])
