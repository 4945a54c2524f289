"""First figures that no level can begin with: which are set aside, and which never."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from models.backtest.data import bitemporal_rows, read_counts
from models.measurement.beginnings import OddBeginning, odd_beginning, without_odd_beginnings
from models.panel.series import PanelSeries, panel_series
from models.series import MonthlySeries
from tests.models.made_up_panel import typical_panel

START = np.datetime64("2015-01", "M")
NAN = float("nan")


def series(*counts: float) -> MonthlySeries:
    return MonthlySeries(START + np.arange(len(counts)), np.array(counts, dtype=float))


@pytest.mark.parametrize("factor", [4, 10, 100, 1000, 1 / 50, 1 / 100, 0])
def test_a_first_figure_that_stands_alone_is_odd(factor: float) -> None:
    odd = odd_beginning(series(2000 * factor, 1900, 2000, 2100, 2050))
    assert odd == OddBeginning(START, 2000 * factor, 1900, 2100)


@pytest.mark.parametrize(
    "counts",
    [
        (2000, 1900, 2000, 2100),
        (6000, 1900, 2000, 2100),  # three times is a bad month
        (65, 285, 660, 1320),  # Hungary 2011, and below it again five years later: small, and grows
        (335, 2065, 4430, 5685),
        (5, 115, 460, 200),
        (0, 0, 0, 3000),
        (35, 15, 5, 10),  # few persons: any factor is chance
        (500, 20, 10, 10),
        (90_000, 85_000, 900, 1000),  # two months are a level
        (90_000, NAN, NAN, NAN),
        (90_000, 900, 1000),  # nothing to tell from yet
        (),
    ],
)
def test_a_level_may_begin_so(counts: tuple[float, ...]) -> None:
    assert odd_beginning(series(*counts)) is None


def test_months_without_a_figure_allow_more() -> None:
    assert odd_beginning(series(8000, 1900, 2000, 2100)) is not None
    assert odd_beginning(series(NAN, 8000, 1900, 2000, 2100)) is not None
    assert odd_beginning(series(8000, NAN, NAN, NAN, 1900, 2000, 2100)) is None


def test_a_panel_loses_them_and_nothing_else() -> None:
    whole = typical_panel(4, 48, 5)[0]
    counts = whole.counts.copy()
    counts[0, 1] *= 100
    counts[30, 2] *= 100
    restarted = replace(whole, counts=counts, restarts=frozenset({("G02", whole.months[30])}))
    left, found = without_odd_beginnings(restarted)
    assert {geo: [str(odd.month) for odd in each] for geo, each in found.items()} == {
        "G01": ["2008-01"],
        "G02": ["2010-07"],
    }
    assert np.argwhere(left.counts != counts).tolist() == [[0, 1], [30, 2]]
    assert np.isnan(left.counts[[0, 30], [1, 2]]).all()
    assert (left.restarts, left.geos) == (restarted.restarts, whole.geos)
    assert left.current("G02").months[0] == whole.months[31]
    # The same month without a restart is any other month, and a panel without any comes back itself.
    spike = replace(whole, counts=np.where(np.arange(48)[:, None] == 30, 100 * whole.counts, whole.counts))
    assert without_odd_beginnings(spike)[0] is spike


FILES = {
    "eurostat_all_applicants_monthly.csv": ["source"],
    "eurostat_first_time_applicants_monthly.csv": ["series"],
    "eurostat_first_time_applicants_monthly_by_citizenship.csv": ["series", "citizen"],
}


@pytest.mark.parametrize("file", FILES)
def test_no_published_series_begins_so_at_any_cutoff(file: str, shared_data: Path) -> None:
    frame = pd.read_csv(shared_data / file, keep_default_na=False, na_values=[""])
    frame = frame.rename(columns={"month": "period", "applicants": "value"})
    checked = 0
    for _, rows in frame.groupby(FILES[file]):
        whole = panel_series(rows.drop_duplicates(["geo", "period"])[["geo", "period", "value"]])
        for last in whole.months[5::7]:
            panel = whole.until(last)
            # The very same panel, so the same fit to the last bit, and the same forecasts.
            assert without_odd_beginnings(panel)[0] is panel
            checked += 1
    assert checked > 10


def test_a_real_collapse_where_a_series_would_begin_is_odd(shared_data: Path) -> None:
    """Hungary closed its border in September 2015: a delivery that began there has one month of another level."""
    counts = read_counts(shared_data / "eurostat_all_applicants_monthly.csv")
    panel: PanelSeries = panel_series(bitemporal_rows(counts))
    begun = panel.one("HU").since(np.datetime64("2015-09"))
    odd = odd_beginning(begun)
    assert odd == OddBeginning(np.datetime64("2015-09"), 30_795, 230, 615)
    assert odd_beginning(panel.one("HU").since(np.datetime64("2015-08"))) is None
