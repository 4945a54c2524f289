"""The panel's rows: windows, gaps, restarts, uncertain figures, and countries that are hardly there."""

import numpy as np
from numpy.typing import NDArray

from models.panel.figures import COLUMNS, PanelFigures, panel_figures
from models.panel.series import PanelSeries
from tests.models.made_up_panel import START

Array = NDArray[np.float64]
RNG = np.random.default_rng(1)
COUNTS = np.round(np.exp(RNG.normal(5, 0.4, (30, 3))))
COUNTS[:4, 0] = np.nan
COUNTS[10:13, 0] = np.nan
COUNTS[:, 1] = np.nan
EXTRA = np.zeros((30, 3))
EXTRA[29, 0], EXTRA[3, 2] = 0.25, 0.6
PANEL = PanelSeries(
    START + np.arange(30),
    COUNTS,
    ("AA", "BB", "CC"),
    restarts=frozenset({("CC", START + 20), ("CC", START), ("AA", START + 40)}),
    extra=EXTRA,
)


def column(layout: PanelFigures, name: str, stretch: int) -> Array:
    _, first, end = layout.stretches[stretch]
    return layout.figures[first:end, COLUMNS.index(name)]


def test_a_country_without_figures_is_left_out_and_a_restart_begins_a_stretch() -> None:
    layout = panel_figures(PANEL)
    assert layout.geos == ("AA", "CC")
    np.testing.assert_array_equal(layout.stretches, [[0, 0, 23], [1, 23, 43], [1, 43, 53]])
    np.testing.assert_array_equal(layout.last_stretches, [0, 2])
    np.testing.assert_array_equal(layout.figures_per_geo, [23, 30])
    np.testing.assert_allclose(layout.log_sizes, np.log([np.nanmean(COUNTS[:, 0]), COUNTS[:, 2].mean()]))


def test_months_before_the_first_figure_are_no_gap_and_missing_ones_are() -> None:
    layout = panel_figures(PANEL)
    unseen = column(layout, "unseen", 0)
    assert unseen[0] == 0
    assert unseen[6] == 3
    assert unseen.sum() == 3
    assert column(layout, "month", 0)[0] == 4
    expected = np.log(COUNTS[np.isfinite(COUNTS[:, 0]), 0].clip(1))
    np.testing.assert_allclose(column(layout, "y", 0), expected)


def test_the_window_holds_the_twelve_figures_before_and_starts_anew_after_a_restart() -> None:
    layout = panel_figures(PANEL)
    y = np.log(COUNTS[:20, 2])
    np.testing.assert_allclose(column(layout, "recent_total", 1)[15], y[3:15].sum())
    np.testing.assert_allclose(column(layout, "recent_total", 1)[5], y[:5].sum())
    np.testing.assert_array_equal(column(layout, "unfilled", 1)[[0, 5, 12, 19]], [12, 7, 0, 0])
    np.testing.assert_allclose(1 / column(layout, "inverse_size", 1)[15], np.exp(y[3:15].mean()))
    assert column(layout, "recent_total", 2)[0] == 0
    assert column(layout, "unfilled", 2)[0] == 12


def test_every_figure_carries_its_own_added_noise() -> None:
    layout = panel_figures(PANEL)
    np.testing.assert_array_equal(np.flatnonzero(column(layout, "extra", 0)), [22])
    np.testing.assert_array_equal(np.flatnonzero(column(layout, "extra", 1)), [3])
    assert column(layout, "extra", 0)[22] == 0.25
    assert column(layout, "extra", 1)[3] == 0.6


def test_a_panel_without_figures_has_neither_rows_nor_countries() -> None:
    layout = panel_figures(PANEL.only(["BB"]))
    assert layout.figures.shape == (0, len(COLUMNS))
    assert layout.stretches.shape == (0, 3)
    assert layout.geos == ()
    assert layout.figures_per_geo.shape == layout.last_stretches.shape == (0,)
