"""The one-country model in the harness's shape: every country by itself, after the panel's last month."""

import numpy as np

from models.backtest.single import single_forecaster
from models.panel.series import PanelSeries


def test_every_country_continues_from_its_own_level() -> None:
    rng = np.random.default_rng(1)
    counts = np.round(np.array([100.0, 5000.0]) * np.exp(rng.normal(0, 0.05, (60, 2))))
    counts[:20, 1] = np.nan
    counts[-3:, 0] = np.nan
    panel = PanelSeries(np.datetime64("2010-01", "M") + np.arange(60), counts, ("AA", "BB"))
    paths = single_forecaster(panel, 6, 400, seed=2)
    again = single_forecaster(panel.only(["AA", "BB"]), 6, 400, seed=2)
    assert {geo: given.shape for geo, given in paths.items()} == {"AA": (400, 6), "BB": (400, 6)}
    np.testing.assert_allclose(np.exp(np.median(paths["AA"], axis=0)), 100, rtol=0.25)
    np.testing.assert_allclose(np.exp(np.median(paths["BB"], axis=0)), 5000, rtol=0.25)
    np.testing.assert_array_equal(paths["AA"], again["AA"])
    # Three unseen months and one month ahead: wider than the country that was counted to the end.
    assert paths["AA"][:, 0].std() > paths["BB"][:, 0].std()
