"""Forecasts of all countries from one fit: real counts, countries that misbehave, and a panel of one."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from models.panel.fit import PanelFit
from models.panel.model import fit_panel
from models.panel.paths import panel_forecaster, simulate_panel
from models.panel.series import UNCERTAIN_EXTRA, PanelSeries, panel_series
from tests.models.made_up_panel import TYPICAL, month, typical_panel

Array = NDArray[np.float64]
ZEROS, STOPS, SPIKE, DOUBTED, NOTHING, GOOD = "G00", "G05", "G06", "G07", "G04", "G03"


def with_bad_countries() -> PanelSeries:
    """Nine countries of ten years: a run of zeros, one that stops, a spike, all provisional, one without figures."""
    data, _ = typical_panel(9, 120, 41)
    counts = data.counts.copy()
    counts[60:96, data.geos.index(ZEROS)] = 0
    counts[60:, data.geos.index(STOPS)] = np.nan
    counts[80, data.geos.index(SPIKE)] *= 100
    counts[:, data.geos.index(NOTHING)] = np.nan
    doubted = np.where(np.array(data.geos) == DOUBTED, UNCERTAIN_EXTRA, 0.0)
    return replace(data, counts=counts, extra=np.tile(doubted, (len(counts), 1)))


@pytest.fixture(scope="module")
def bad() -> tuple[PanelSeries, PanelFit]:
    data = with_bad_countries()
    return data, fit_panel(data, seed=1, draws=500)


def test_bad_countries_neither_stop_the_fit_nor_make_a_number_that_is_none(
    bad: tuple[PanelSeries, PanelFit],
) -> None:
    data, fit = bad
    assert fit.diagnostics.divergences == 0
    assert fit.diagnostics.rhat_max < 1.05
    paths = simulate_panel(fit, data, 24, 500, seed=2)
    assert set(paths) == set(data.geos) - {NOTHING}
    for geo, logs in paths.items():
        assert logs.shape == (500, 24), geo
        assert np.isfinite(logs).all(), geo
        assert logs.min() >= 0, geo


def test_a_country_that_stopped_is_forecast_from_where_it_was_and_wider(
    bad: tuple[PanelSeries, PanelFit],
) -> None:
    data, fit = bad
    ahead = simulate_panel(fit, data, 1, 2000, seed=3)
    there = simulate_panel(fit, data.until(data.months[59]), 1, 2000, seed=3)
    assert np.median(ahead[STOPS]) == pytest.approx(np.median(there[STOPS]), abs=0.3)
    assert np.ptp(np.quantile(ahead[STOPS], [0.1, 0.9])) > 2 * np.ptp(np.quantile(there[STOPS], [0.1, 0.9]))


def test_what_one_country_does_hardly_moves_the_others(bad: tuple[PanelSeries, PanelFit]) -> None:
    _, fit = bad
    data, _ = typical_panel(9, 120, 41)
    geos = [geo for geo in data.geos if geo != NOTHING]
    clean = fit_panel(data.only(geos), seed=1, draws=500)
    for geo in (GOOD, "G08"):
        moved = np.median(fit.parameters_for(geo).sigma) / np.median(clean.parameters_for(geo).sigma)
        assert 0.8 < moved < 1.25, geo
    assert np.median(fit.parameters_for(SPIKE).sigma) < 2 * np.median(clean.parameters_for(SPIKE).sigma)


def test_a_country_without_figures_is_drawn_from_the_population(bad: tuple[PanelSeries, PanelFit]) -> None:
    _, fit = bad
    assert NOTHING not in fit.geos
    sigma = fit.parameters_for(NOTHING, size=300).sigma
    assert TYPICAL["sigma"] / 2 < np.median(sigma) < TYPICAL["sigma"] * 2


def test_a_panel_of_one_country_and_a_panel_without_figures() -> None:
    data, _ = typical_panel(1, 60, 51)
    paths = panel_forecaster(data, months_ahead=6, draws=300, seed=4)
    assert paths["G00"].shape == (300, 6)
    np.testing.assert_array_equal(paths["G00"], panel_forecaster(data, 6, 300, seed=4)["G00"])
    with pytest.raises(ValueError, match="no country of the panel has a figure"):
        panel_forecaster(replace(data, counts=np.full_like(data.counts, np.nan)), 6, 300, seed=4)


def european_applicants(folder: Path) -> PanelSeries:
    table = pd.read_csv(folder / "eurostat_all_applicants_monthly.csv", keep_default_na=False)
    columns = {"month": "period", "applicants": "value"}
    table = table[~table["geo"].isin(["EU28", "TOTAL"])].rename(columns=columns)
    sizes = table.groupby("geo")["value"].mean()
    return panel_series(table[table["geo"].isin(sizes[sizes >= 20].index)])


def test_european_countries_2008_to_2019(shared_data: Path) -> None:
    data = european_applicants(shared_data)
    fit = fit_panel(data, seed=1)
    assert fit.diagnostics.passed, fit.diagnostics
    assert 3 < np.median(fit.draws["nu"]) < 7
    assert 0.1 < np.median(fit.draws["sigma"]) < 0.25
    assert np.quantile(fit.draws["alpha_slope"], 0.05) > 0, "large countries smooth less"
    summer, spring = (fit.parameters_for("NL").season[:, span].mean() for span in (slice(7, 10), slice(2, 5)))
    assert summer > spring + 0.1, "inflow peaks after the summer"
    recent = np.nansum(data.counts[-12:, data.geos.index("NL")])
    ahead = np.exp(simulate_panel(fit, data, 12, 2000, seed=2)["NL"]).sum(axis=1)
    assert recent / 3 < np.quantile(ahead, 0.125) < np.quantile(ahead, 0.875) < recent * 3
    assert month("2019-04") == data.months[-1]
