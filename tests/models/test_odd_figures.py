"""A country with odd figures in the fit of all countries: it gets a forecast, and the others keep theirs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from models.measurement.beginnings import without_odd_beginnings
from models.panel.model import fit_panel
from models.panel.paths import simulate_panel
from models.panel.series import UNCERTAIN_EXTRA, PanelSeries
from tests.models.made_up_panel import typical_panel

Array = NDArray[np.float64]
COUNTRIES, MONTHS, DRAWS = 6, 96, 2_000
ODD, LEVELS = 3, (0.125, 0.5, 0.875)
HIGH, LOW = "the first month a hundred times too high", "hardly anybody in the first month"
pytestmark = pytest.mark.slow


def panel() -> PanelSeries:
    return typical_panel(COUNTRIES, MONTHS, 5)[0]


def odd(kind: str) -> PanelSeries:
    """The panel with the figures of one country changed."""
    data = panel()
    counts, extra = data.counts.copy(), data.extra.copy()
    if kind == "two years of zeros":
        counts[40:64, ODD] = 0.0
    elif kind == "zeros to the end":
        counts[60:, ODD] = 0.0
    elif kind == "stops in the middle":
        counts[48:, ODD] = np.nan
    elif kind == "a month a hundred times too high":
        counts[70, ODD] *= 100
    elif kind == HIGH:
        counts[0, ODD] *= 100
    elif kind == LOW:
        counts[0, ODD] = 5.0
    elif kind == "all provisional":
        extra[:, ODD] = UNCERTAIN_EXTRA
    return replace(data, counts=counts, extra=extra)


def next_year(given: PanelSeries) -> dict[str, Array]:
    """Quantiles of the twelve months after the panel's last, of every country, as a forecast takes its data."""
    data = without_odd_beginnings(given)[0]
    fit = fit_panel(data, seed=3, draws=300, tune=500, chains=2)
    assert fit.diagnostics.divergences == 0 and fit.diagnostics.rhat_max < 1.1
    paths = simulate_panel(fit, data, 12, DRAWS, 4)
    return {geo: np.quantile(np.exp(logs).sum(axis=1), LEVELS) for geo, logs in paths.items()}


@pytest.fixture(scope="module")
def usual() -> dict[str, Array]:
    return next_year(panel())


@pytest.mark.parametrize(
    "kind",
    [
        "two years of zeros",
        "zeros to the end",
        "stops in the middle",
        "a month a hundred times too high",
        HIGH,
        LOW,
        "all provisional",
    ],
)
def test_an_odd_country_is_forecast_and_leaves_the_others_alone(kind: str, usual: dict[str, Array]) -> None:
    found = next_year(odd(kind))
    for place, (geo, quantiles) in enumerate(found.items()):
        assert np.isfinite(quantiles).all() and (quantiles > 0).all(), geo
        assert quantiles[0] < quantiles[1] < quantiles[2]
        if place != ODD:
            # The others' growth of the past year carries on in part, and this country is one of five others.
            np.testing.assert_allclose(quantiles[1], usual[geo][1], rtol=0.25, err_msg=geo)
            width = np.log(quantiles[2] / quantiles[0]) / np.log(usual[geo][2] / usual[geo][0])
            assert 0.75 < width < 1.35, geo
    low, high = found[f"G{ODD:02d}"][[0, 2]]
    if kind in ("two years of zeros", "a month a hundred times too high", HIGH, LOW):
        # What is long past, or one figure, does not decide what comes.
        assert low < 1.5 * usual[f"G{ODD:02d}"][1] and high > usual[f"G{ODD:02d}"][1] / 1.5
