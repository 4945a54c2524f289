"""Forecasts of every country of a panel from one fit: log counts of the months after the panel's last.

    hyperparameters (panel_fit) -> state after the country's last figure -> simulated months (inflow_paths)

Paths of different countries are made from the same hyperparameter draws but are otherwise independent.
Worker processes only.
"""

import zlib

import numpy as np

from models.inflow_paths import filter_states, simulate_log_counts
from models.panel.fit import PanelFit
from models.panel.model import DEFAULT_PANEL_PRIORS, PanelPriors, fit_panel
from models.panel.series import PanelSeries
from models.series import Array


def panel_forecaster(
    data: PanelSeries,
    months_ahead: int,
    draws: int,
    seed: int,
    priors: PanelPriors = DEFAULT_PANEL_PRIORS,
) -> dict[str, Array]:
    """Fit the panel and simulate: log counts `(draw, month)` by geo for `months_ahead` months.

    Countries without any figure have no forecast.
    """
    fit = fit_panel(data, priors, seed=seed, draws=500, tune=500, chains=2)
    return simulate_panel(fit, data, months_ahead, draws, seed)


def simulate_panel(
    fit: PanelFit, data: PanelSeries, months_ahead: int, draws: int, seed: int
) -> dict[str, Array]:
    """Log counts `(draw, month)` by geo, for the months after the last of `data`; each geo has its own stream."""
    first_month = data.months[-1] + 1
    paths = {}
    for geo in fit.geos:
        parameters = fit.parameters_for(geo)
        state = filter_states(parameters, data.current(geo))
        stream = int(np.random.SeedSequence([seed, zlib.crc32(geo.encode())]).generate_state(1)[0])
        # Equal weights resample over all chains; without weights few paths would be the first chain's alone.
        equal = np.ones(len(parameters))
        paths[geo] = simulate_log_counts(
            parameters, state, first_month, months_ahead, draws, stream, weights=equal
        )
    return paths
