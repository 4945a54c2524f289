"""Well-known automatic methods as forecasters, to be compared with: statsforecast on logs of counts.

    y = log(max(count, 1)), season of twelve months -> the library's choice of model -> its own simulated paths

AutoETS, AutoARIMA, AutoTheta and SeasonalNaive with the library's defaults, one country at a time. They take no
gaps: a month without a figure is interpolated on the log scale. Paths are bounded as ours are, so that nobody wins
by a bound. The library is the optional extra `peers`. This module must not import PyMC.
"""

import warnings
from functools import partial
from importlib import import_module

import numpy as np

from models.backtest.run import Forecaster
from models.inflow_paths import MOST_PERSONS
from models.panel.series import PanelSeries
from models.series import LEAST_COUNT, Array, log_counts

PEERS = ("AutoETS", "AutoARIMA", "AutoTheta", "SeasonalNaive")
SEASON = 12


def peer_forecaster(name: str) -> Forecaster:
    """One of `PEERS`. Raises ValueError for another name and ModuleNotFoundError without the extra."""
    if name not in PEERS:
        raise ValueError(f"unknown peer {name!r}: {', '.join(PEERS)}")
    import_module("statsforecast")  # absent: said now, not at the first origin
    return partial(_paths, name)


def _paths(name: str, panel: PanelSeries, months_ahead: int, draws: int, seed: int) -> dict[str, Array]:
    return {
        geo: _country(name, panel, geo, months_ahead, draws, seed + place)
        for place, geo in enumerate(panel.geos)
    }


def _country(name: str, panel: PanelSeries, geo: str, months_ahead: int, draws: int, seed: int) -> Array:
    """`(draw, month)` log counts of the months after the panel's last."""
    library = import_module("statsforecast.models")
    y, unseen = filled_log_counts(panel, geo)
    with warnings.catch_warnings():
        # Numerical remarks of a search over candidate models; what it chooses is scored like any other forecast.
        warnings.simplefilter("ignore")
        fitted = getattr(library, name)(season_length=SEASON).fit(y=y)
        simulated = fitted.simulate(h=unseen + months_ahead, n_paths=draws, seed=seed)
    paths: Array = np.asarray(simulated)[:, unseen:]
    return np.clip(paths, np.log(LEAST_COUNT), np.log(MOST_PERSONS))


def filled_log_counts(panel: PanelSeries, geo: str) -> tuple[Array, int]:
    """Log counts from the first to the last figure, gaps interpolated; and the months without one after that."""
    data = panel.current(geo)
    seen = np.flatnonzero(data.available)
    if not len(seen):
        raise ValueError(f"{geo} has no figure")
    places = np.arange(seen[0], seen[-1] + 1)
    return np.interp(places, seen, log_counts(data.counts[seen])), len(data) - 1 - int(seen[-1])
