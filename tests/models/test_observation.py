"""Calendars of what was counted: every way in which a cutoff and a later day can fall."""

from datetime import date

import numpy as np
import pytest
from numpy.typing import NDArray

from models.observation import Observation, figures_in_force, last_usable_month, observe, years_of
from models.series import MonthlySeries

Array = NDArray[np.float64]


def series(
    last: str, first: str = "2014-01", missing: tuple[str, ...] = (), **changed: float
) -> MonthlySeries:
    """Month number k after 2014-01 counts 100 + k persons; `changed` holds figures by 'mYYYY_MM'."""
    months = np.arange(np.datetime64(first, "M"), np.datetime64(last, "M") + 1)
    counts = 100.0 + (months - np.datetime64("2014-01", "M")).astype(float)
    for name in missing:
        counts[months == np.datetime64(name, "M")] = np.nan
    for name, value in changed.items():
        counts[months == np.datetime64(name[1:].replace("_", "-"), "M")] = value
    return MonthlySeries(months, counts, "counted up")


def figure(month: str) -> float:
    return 100.0 + float((np.datetime64(month, "M") - np.datetime64("2014-01", "M")).astype(int))


def seen(old: MonthlySeries, new: MonthlySeries, cutoff: date, years: int = 3) -> Observation:
    return observe(old, figures_in_force(old, new, cutoff), cutoff, years)


def total(first: str, last: str) -> float:
    return sum(figure(str(m)) for m in np.arange(np.datetime64(first, "M"), np.datetime64(last, "M") + 1))


class TestCutoffInTheMiddleOfAYear:
    cutoff = date(2018, 6, 30)

    def test_nothing_later(self) -> None:
        o = seen(series("2018-05"), series("2018-05"), self.cutoff)
        assert o.years == (2018, 2019, 2020)
        assert o.counted.tolist() == o.counted_at_cutoff.tolist() == [total("2018-01", "2018-05"), 0.0, 0.0]
        assert o.months_counted.tolist() == [5, 0, 0]
        assert o.first_later_month == np.datetime64("2018-06")
        assert len(o.later_counts) == 0
        assert o.partial_year is None
        assert o.open_at_cutoff.all()
        assert not o.complete.any()
        assert len(o.horizon_months) == len(o.future_months) == 7 + 24

    def test_four_later_months(self) -> None:
        o = seen(series("2018-05"), series("2018-09"), self.cutoff)
        assert o.later_counts.tolist() == [figure(f"2018-0{m}") for m in (6, 7, 8, 9)]
        assert o.counted.tolist() == [total("2018-01", "2018-09"), 0.0, 0.0]
        assert o.partial_year == 0
        assert o.later_in_partial_year == total("2018-06", "2018-09")
        assert o.later_by_year.tolist() == [4, 0, 0]
        assert str(o.future_months[0]) == "2018-10"

    def test_year_completed_and_the_next_begun(self) -> None:
        o = seen(series("2018-05"), series("2019-02"), self.cutoff)
        assert o.complete.tolist() == [True, False, False]
        assert o.completed_since.tolist() == [True, False, False]
        assert o.partial_year == 1
        assert o.later_in_partial_year == total("2019-01", "2019-02")

    def test_year_completed_exactly(self) -> None:
        o = seen(series("2018-05"), series("2018-12"), self.cutoff)
        assert o.completed_since.tolist() == [True, False, False]
        assert o.partial_year is None
        assert o.later_in_partial_year == 0.0

    def test_two_years_later(self) -> None:
        o = seen(series("2018-05"), series("2020-05"), self.cutoff)
        assert o.complete.tolist() == [True, True, False]
        assert o.partial_year == 2
        assert o.counted[1] == total("2019-01", "2019-12")

    def test_all_target_years_complete(self) -> None:
        o = seen(series("2018-05"), series("2021-03"), self.cutoff)
        assert o.complete.all()
        assert len(o.future_months) == 0
        assert len(o.later_counts) == len(o.horizon_months) == 7 + 24
        assert o.unused_months == 0
        assert o.counted[2] == total("2020-01", "2020-12")
        assert o.partial_year is None

    def test_one_year(self) -> None:
        o = seen(series("2018-05"), series("2018-07"), self.cutoff, years=1)
        assert str(o.horizon_months[-1]) == "2018-12"
        assert o.partial_year == 0

    def test_back_to_the_cutoff(self) -> None:
        o = seen(series("2018-05"), series("2019-02"), self.cutoff).without_later_months()
        wanted = seen(series("2018-05"), series("2018-05"), self.cutoff)
        for name in ("counted", "counted_at_cutoff", "months_counted", "later_counts"):
            assert getattr(o, name).tolist() == getattr(wanted, name).tolist()
        assert o.horizon_months.tolist() == wanted.horizon_months.tolist()


class TestYearEnd:
    def test_everything_known_on_the_last_day(self) -> None:
        o = seen(series("2018-12"), series("2018-12"), date(2018, 12, 31))
        assert o.complete.tolist() == [True, False, False]
        assert o.open_at_cutoff.tolist() == [False, True, True]
        assert not o.completed_since.any()
        assert str(o.first_later_month) == "2019-01"

    def test_last_known_month_in_the_year_before(self) -> None:
        old = series("2018-10")
        o = seen(old, old, date(2019, 1, 10))
        assert o.years[0] == 2019
        assert str(o.first_later_month) == "2018-11"
        assert o.counted_at_cutoff.tolist() == [0.0, 0.0, 0.0]
        assert len(o.horizon_months) == 2 + 36

    def test_later_months_before_the_target_years_belong_to_none(self) -> None:
        o = seen(series("2018-10"), series("2018-12"), date(2019, 1, 10))
        assert o.later_by_year.tolist() == [0, 0, 0]
        assert o.later_counts.tolist() == [figure("2018-11"), figure("2018-12")]
        assert o.partial_year is None

    def test_later_months_on_both_sides_of_new_year(self) -> None:
        o = seen(series("2018-10"), series("2019-02"), date(2019, 1, 10))
        assert o.partial_year == 0
        assert o.later_in_partial_year == total("2019-01", "2019-02")
        assert o.counted[0] == total("2019-01", "2019-02")


class TestGaps:
    cutoff = date(2018, 6, 30)

    def test_inside_the_year_at_the_cutoff(self) -> None:
        old = series("2018-05", missing=("2018-03",))
        o = seen(old, old, self.cutoff)
        assert str(o.first_later_month) == "2018-03"
        assert o.counted_at_cutoff[0] == total("2018-01", "2018-02")
        assert o.unused_months == 2

    def test_among_the_later_months(self) -> None:
        o = seen(series("2018-05"), series("2018-10", missing=("2018-08",)), self.cutoff)
        assert len(o.later_counts) == 2
        assert o.unused_months == 2

    def test_between_the_cutoffs_last_month_and_the_target_years(self) -> None:
        o = seen(series("2018-10"), series("2019-02", missing=("2018-11",)), date(2019, 1, 10))
        assert len(o.later_counts) == 0
        assert np.isfinite(o.counted).all()
        assert o.unused_months == 3

    def test_filled_later_the_months_behind_it_are_no_news(self) -> None:
        old, new = series("2018-05", missing=("2018-03",)), series("2018-06")
        o = seen(old, new, self.cutoff)
        assert o.later_counts.tolist() == [figure("2018-06")]
        assert o.counted_at_cutoff[0] == total("2018-01", "2018-05")
        assert o.unused_months == 0

    def test_filled_in_part(self) -> None:
        old = series("2018-05", missing=("2018-02", "2018-04"))
        o = seen(old, series("2018-06", missing=("2018-04",)), self.cutoff)
        assert str(o.first_later_month) == "2018-04"
        assert (len(o.later_counts), o.unused_months) == (0, 2)

    def test_filled_after_the_cutoffs_last_month_is_news(self) -> None:
        o = seen(series("2018-03"), series("2018-05"), self.cutoff)
        assert o.later_counts.tolist() == [figure("2018-04"), figure("2018-05")]

    def test_filled_while_a_month_behind_it_is_retracted(self) -> None:
        old = series("2018-05", missing=("2018-03",))
        o = seen(old, series("2018-06", missing=("2018-05",)), self.cutoff)
        assert o.counted_at_cutoff[0] == total("2018-01", "2018-05")
        assert o.later_counts.tolist() == [figure("2018-06")]

    def test_filled_before_the_target_years(self) -> None:
        old = series("2018-11", missing=("2018-10",))
        o = seen(old, series("2018-12"), date(2019, 1, 10))
        assert str(o.first_later_month) == "2018-12"

    def test_years_ago_does_not_matter(self) -> None:
        old = series("2018-05", missing=("2016-03",))
        assert seen(old, old, self.cutoff).months_counted.tolist() == [5, 0, 0]


class TestChangedFigures:
    cutoff = date(2018, 6, 30)

    @pytest.mark.parametrize("figure_now", [50.0, 500.0])
    def test_revision_replaces_the_figure(self, figure_now: float) -> None:
        o = seen(series("2018-05"), series("2018-07", m2018_04=figure_now), self.cutoff)
        assert o.counted_at_cutoff[0] == total("2018-01", "2018-05") - figure("2018-04") + figure_now
        assert len(o.later_counts) == 2

    @pytest.mark.parametrize("gone", ["2018-03", "2018-05"])
    def test_retracted_month_keeps_what_the_cutoff_knew(self, gone: str) -> None:
        o = seen(series("2018-05"), series("2018-07", missing=(gone,)), self.cutoff)
        assert o.counted_at_cutoff[0] == total("2018-01", "2018-05")
        assert len(o.later_counts) == 2
        assert o.unused_months == 0

    def test_everything_retracted(self) -> None:
        nothing = MonthlySeries(np.array([], dtype="datetime64[M]"), np.array([]))
        o = seen(series("2018-05"), nothing, self.cutoff)
        assert o.counted[0] == total("2018-01", "2018-05")
        assert len(o.later_counts) == 0

    def test_zero_months_are_read_as_one_person_each(self) -> None:
        o = seen(series("2018-05"), series("2018-07", m2018_06=0.0, m2018_07=0.0), self.cutoff)
        assert o.later_in_partial_year == 2.0
        assert o.counted[0] == total("2018-01", "2018-05")


def test_series_without_figures_is_refused() -> None:
    with pytest.raises(ValueError, match="no month of counted up was known"):
        last_usable_month(series("2014-02", missing=("2014-01", "2014-02")), 2014)


def test_series_that_begins_in_the_target_year() -> None:
    assert str(last_usable_month(series("2018-04", first="2018-01"), 2018)) == "2018-04"
    assert str(last_usable_month(series("2018-04", first="2018-03"), 2018)) == "2017-12"


def test_year_of_month() -> None:
    months = np.array(["1969-12", "1970-01", "2024-12"], dtype="datetime64[M]")
    assert years_of(months).tolist() == [1969, 1970, 2024]
