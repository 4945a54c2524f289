"""The one-country model as a forecaster of a panel: every country is fitted by itself.

The panel only brings the countries together; nothing is shared between them but the priors of `inflow`. Those were
informed by estimates over all countries and years 2000-2019: in a backtest over the same years its scores are
a little better than they could have been at the time. `panel_forecaster` learns what countries share from the data
before each origin and has no such advantage.
Only worker processes import it (PyMC).
"""

import numpy as np

from models.inflow import fit_inflow
from models.inflow_paths import filter_states, simulate_log_counts
from models.panel.series import PanelSeries
from models.series import Array


def single_forecaster(panel: PanelSeries, months_ahead: int, draws: int, seed: int) -> dict[str, Array]:
    """Per geo, log counts (draw, month) of the months after the panel's last; 0.5 s a country once compiled.

    Levels before a country's last restart are not used. Raises ValueError for a country without any figure.
    """
    paths = {}
    for place, geo in enumerate(panel.geos):
        data = panel.current(geo)
        parameters = fit_inflow(data, seed=seed + place).parameters
        state = filter_states(parameters, data)
        # Equal weights resample over all chains; without weights few paths would be the first chain's alone.
        paths[geo] = simulate_log_counts(
            parameters,
            state,
            panel.months[-1] + 1,
            months_ahead,
            draws,
            seed + place,
            weights=np.ones(len(parameters)),
        )
    return paths
