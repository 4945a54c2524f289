"""Forecasters by the names a user types: our models and the peers they are compared with.

    panel   all countries in one fit (`panel.paths`)        single   one country at a time (`backtest.single`)
    AutoETS, AutoARIMA, AutoTheta, SeasonalNaive, Prophet    the optional extra `peers` (`peers`)

Loaded when asked for: a name costs nothing, the PyMC behind `panel` and `single` does. This module must not import
PyMC itself.
"""

from models.backtest.peers import PEERS, peer_forecaster
from models.backtest.run import Forecaster

OURS = ("panel", "single")
NAMES = (*OURS, *PEERS)


def forecaster(name: str) -> Forecaster:
    """Raises ValueError for an unknown name, ModuleNotFoundError for a peer without the extra `peers`."""
    if name == "panel":
        from models.panel.paths import panel_forecaster

        return panel_forecaster
    if name == "single":
        from models.backtest.single import single_forecaster

        return single_forecaster
    if name in PEERS:
        return peer_forecaster(name)
    raise ValueError(f"unknown forecaster {name!r}: {', '.join(NAMES)}")
