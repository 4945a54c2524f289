"""Panels: one calendar, ragged countries, remarks from flags, and what was known on a day."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from models.panel.series import UNCERTAIN_EXTRA, PanelSeries, panel_known_at, panel_series
from models.series import MonthlySeries


def month(text: str) -> np.datetime64:
    return np.datetime64(text, "M")


FRAME = pd.DataFrame(
    [
        ("2015-03", "NL", 30, None),
        ("2015-01", "NL", 10, "p"),
        ("2015-04", "BE", 45, "bp"),
        ("2015-03", "BE", None, ":"),
        ("2015-02", "BE", 40, "d"),
    ],
    columns=["period", "geo", "value", "flag"],
)


def test_countries_share_a_calendar_and_absent_months_are_not_available() -> None:
    panel = panel_series(FRAME)
    assert panel.geos == ("BE", "NL")
    assert panel.months.astype(str).tolist() == ["2015-01", "2015-02", "2015-03", "2015-04"]
    np.testing.assert_array_equal(panel.counts, [[np.nan, 10], [40, np.nan], [np.nan, 30], [45, np.nan]])


def test_flags_become_remarks_also_when_combined() -> None:
    panel = panel_series(FRAME, breaks={"NL": ["2015-03"], "XX": ["2015-01"]})
    assert panel.restarts == {("BE", month("2015-04")), ("NL", month("2015-03"))}
    np.testing.assert_array_equal(panel.extra, UNCERTAIN_EXTRA * np.array([[0, 1], [0, 0], [0, 0], [1, 0]]))
    assert not panel_series(FRAME.drop(columns="flag")).extra.any()


def test_one_country_starts_at_its_first_figure_and_its_current_series_at_its_last_restart() -> None:
    panel = panel_series(FRAME, breaks={"NL": ["2015-02"]})
    assert panel.one("BE").months.astype(str).tolist() == ["2015-02", "2015-03", "2015-04"]
    np.testing.assert_array_equal(panel.one("BE").counts, [40, np.nan, 45])
    assert panel.one("NL").months[0] == month("2015-01")
    np.testing.assert_array_equal(panel.current("NL").counts, [30, np.nan])
    np.testing.assert_array_equal(panel.current("BE").counts, [45])
    later = panel_series(FRAME, breaks={"NL": ["2015-04"]})
    np.testing.assert_array_equal(later.current("NL").counts, later.one("NL").counts)
    with pytest.raises(KeyError):
        panel.one("DE")


def test_a_country_without_figures_has_an_empty_series() -> None:
    panel = panel_series(FRAME).until(month("2015-01"))
    assert len(panel.one("BE")) == len(panel.current("BE")) == 0


def test_until_a_month_holds_nothing_later() -> None:
    panel = panel_series(FRAME).until(month("2015-02"))
    assert panel.months[-1] == month("2015-02")
    assert panel.counts.shape == (2, 2)
    assert panel.restarts == frozenset()
    np.testing.assert_array_equal(panel.extra, [[0, UNCERTAIN_EXTRA], [0, 0]])


def test_some_countries_in_the_order_asked() -> None:
    panel = panel_series(FRAME).only(["NL"])
    assert panel.geos == ("NL",)
    assert panel.restarts == frozenset()
    np.testing.assert_array_equal(panel.counts[:, 0], [10, np.nan, 30, np.nan])


def test_no_rows_make_an_empty_panel() -> None:
    panel = panel_series(FRAME.iloc[:0])
    assert panel.counts.shape == (0, 0)
    assert panel.geos == ()


def test_a_period_twice_in_a_country_is_named() -> None:
    with pytest.raises(ValueError, match="NL has period 2015-03 more than once"):
        panel_series(pd.concat([FRAME, FRAME.iloc[:1]]))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"counts": np.zeros((2, 3))}, "not 2 months of 2 geos"),
        ({"counts": np.array([[1.0, -1.0], [1.0, 1.0]])}, "not negative"),
        ({"geos": ("NL", "NL")}, "more than once"),
        ({"restarts": frozenset({("DE", month("2015-01"))})}, "DE, which is not in the panel"),
        ({"months": np.array(["2015-01", "2015-03"], "datetime64[M]")}, "consecutive"),
    ],
)
def test_what_is_no_panel_is_refused(change: dict[str, object], message: str) -> None:
    fields: dict[str, object] = {
        "months": month("2015-01") + np.arange(2),
        "counts": np.ones((2, 2)),
        "geos": ("BE", "NL"),
    }
    with pytest.raises(ValueError, match=message):
        PanelSeries(**(fields | change))  # type: ignore[arg-type]


def test_only_what_was_known_on_the_day_enters() -> None:
    columns = ["series", "source", "geo", "citizen", "track", "period", "value", "flag", "known_at"]
    rows = pd.DataFrame(
        [
            ("all", "eurostat", "NL", "TOTAL", None, "2015-01", 10, "p", "2015-03-01"),
            ("all", "eurostat", "NL", "TOTAL", None, "2015-01", 15, None, "2015-06-01"),
            ("all", "eurostat", "BE", "TOTAL", None, "2015-02", 99, None, "2015-06-02"),
            ("all", "eurostat", "NL", "SY", None, "2015-01", 5, None, "2015-03-01"),
            ("all", "kmi", "NL", "TOTAL", None, "2015-01", 11, None, "2015-02-01"),
            ("all", "eurostat", "NL", "TOTAL", None, "2015", 110, None, "2015-02-01"),
        ],
        columns=columns,
    )
    early, late = (panel_known_at(rows, day, "all") for day in (date(2015, 5, 1), date(2015, 6, 1)))
    assert early.geos == late.geos == ("NL",)
    assert early.counts[0, 0] == 10
    np.testing.assert_array_equal(early.extra, [[UNCERTAIN_EXTRA]])
    assert late.counts[0, 0] == 15
    assert not late.extra.any()


def test_one_countrys_series_is_replaced_with_its_noise_and_the_calendar_grows() -> None:
    panel = panel_series(FRAME, breaks={"NL": ["2015-03"]})
    other = MonthlySeries(
        month("2015-03") + np.arange(3), np.array([31, np.nan, 33]), extra=np.array([0, 0, 0.4])
    )
    changed = panel.with_one("NL", other)
    assert changed.months[-1] == month("2015-05")
    np.testing.assert_array_equal(changed.counts[:, 1], [np.nan, np.nan, 31, np.nan, 33])
    np.testing.assert_array_equal(changed.extra[:, 1], [0, 0, 0, 0, 0.4])
    np.testing.assert_array_equal(changed.counts[:4, 0], panel.counts[:, 0])
    assert changed.restarts == panel.restarts
    np.testing.assert_array_equal(changed.one("NL").extra, other.extra)
    assert panel.with_one("XX", other).geos == ("BE", "NL", "XX")


def test_added_noise_must_fit_the_counts() -> None:
    panel = panel_series(FRAME)
    with pytest.raises(ValueError, match="one number per count"):
        PanelSeries(panel.months, panel.counts, panel.geos, extra=np.zeros((2, 2)))
    with pytest.raises(ValueError, match="not negative"):
        PanelSeries(panel.months, panel.counts, panel.geos, extra=np.full(panel.counts.shape, -0.1))
