"""Monthly series: the calendar has no holes, what is missing stays missing, bad input is named."""

import numpy as np
import pandas as pd
import pytest

from models.series import MonthlySeries, log_counts, month_numbers, month_of, monthly_series


def frame(rows: list[tuple[str, float | None]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["period", "value"])


def test_absent_and_empty_months_are_not_available_and_order_does_not_matter() -> None:
    series = monthly_series(frame([("2015-04", 30), ("2015-01", 10), ("2015-02", None)]), "NL")
    assert series.months.astype(str).tolist() == ["2015-01", "2015-02", "2015-03", "2015-04"]
    np.testing.assert_array_equal(series.counts, [10, np.nan, np.nan, 30])
    assert series.available.tolist() == [True, False, False, True]
    assert series.label == "NL"


def test_nullable_integers_and_an_empty_frame() -> None:
    nullable = frame([("2015-01", 10), ("2015-02", None)]).astype({"value": "Int64"})
    np.testing.assert_array_equal(monthly_series(nullable).counts, [10, np.nan])
    assert len(monthly_series(frame([]))) == 0


def test_cutting_keeps_the_month_named() -> None:
    series = monthly_series(frame([("2015-01", 1), ("2015-02", 2), ("2015-03", 3)]))
    assert series.until(np.datetime64("2015-02")).counts.tolist() == [1, 2]
    assert series.since(np.datetime64("2015-02")).counts.tolist() == [2, 3]


@pytest.mark.parametrize("period", ["2024-13", "2024-Q1", "2024", "2024-01-05", "NaT", "", "24-01"])
def test_a_period_that_is_no_month_is_named(period: str) -> None:
    with pytest.raises(ValueError, match="is not a month"):
        month_of(period)


def test_a_period_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="2015-01 occurs more than once"):
        monthly_series(frame([("2015-01", 1), ("2015-01", 2)]))


@pytest.mark.parametrize(
    ("months", "counts", "message"),
    [
        (["2015-01", "2015-03"], [1.0, 2.0], "consecutive"),
        (["2015-01", "2015-02"], [1.0, -2.0], "negative"),
        (["2015-01", "2015-02"], [1.0, np.inf], "finite"),
        (["2015-01"], [1.0, 2.0], "do not match"),
    ],
)
def test_a_series_that_is_none_cannot_be_made(months: list[str], counts: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MonthlySeries(np.array(months, dtype="datetime64[M]"), np.array(counts))


def test_zero_is_read_as_one_person_and_missing_stays_missing() -> None:
    np.testing.assert_array_equal(log_counts(np.array([0.0, 1.0, np.e, np.nan])), [0, 0, 1, np.nan])


def test_january_is_zero_also_before_1970() -> None:
    months = np.array(["1969-12", "1970-01", "2016-12"], dtype="datetime64[M]")
    assert month_numbers(months).tolist() == [11, 0, 11]
