"""The filter of vintages: nothing that became known later can be seen."""

from datetime import UTC, date, datetime

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.vintage import KEY, known_at

COLUMNS = [*KEY, "value", "flag", "known_at"]


def row(
    value: float | None, known: object, period: str = "2015-01", citizen: str = "TOTAL"
) -> dict[str, object]:
    named = {
        "series": "first_applications",
        "source": "eurostat",
        "geo": "NL",
        "citizen": citizen,
        "track": None,
    }
    return {**named, "period": period, "value": value, "flag": None, "known_at": known}


def table(*rows: dict[str, object]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=COLUMNS)


REVISED = table(row(5, "2015-03-01"), row(6, "2015-04-01"), row(None, "2015-05-01"), row(7, "2015-06-01"))


@pytest.mark.parametrize(
    ("as_of", "values"),
    [
        (date(2015, 2, 28), []),
        (date(2015, 3, 1), [5]),
        (date(2015, 3, 31), [5]),
        (date(2015, 4, 1), [6]),
        (date(2015, 5, 1), []),
        (date(2015, 6, 1), [7]),
    ],
)
def test_the_latest_figure_of_the_day_is_in_force_and_an_empty_one_retracts(
    as_of: date, values: list[float]
) -> None:
    assert known_at(REVISED, as_of)["value"].tolist() == values


def test_the_whole_day_counts_whatever_the_clock() -> None:
    late = table(
        row(5, datetime(2015, 3, 1, 23, 59, 59, tzinfo=UTC)), row(6, datetime(2015, 3, 2, tzinfo=UTC))
    )
    assert known_at(late, date(2015, 3, 1))["value"].tolist() == [5]
    assert known_at(late, date(2015, 3, 2))["value"].tolist() == [6]


def test_of_two_deliveries_on_one_day_the_later_in_the_table_wins() -> None:
    assert known_at(table(row(6, "2015-03-01"), row(5, "2015-03-01")), date(2015, 3, 1))[
        "value"
    ].tolist() == [5]


def test_keys_do_not_touch_each_other() -> None:
    both = table(
        row(5, "2015-03-01"), row(1, "2015-03-01", citizen="SY"), row(None, "2015-04-01", citizen="SY")
    )
    assert known_at(both, date(2015, 4, 1))["citizen"].tolist() == ["TOTAL"]


def test_columns_stay_and_an_empty_table_gives_one() -> None:
    assert known_at(REVISED, date(2015, 3, 1)).columns.tolist() == COLUMNS
    assert known_at(REVISED.iloc[:0], date(2015, 3, 1)).empty


@pytest.mark.parametrize("known", ["soon", None])
def test_a_row_without_a_date_is_refused(known: object) -> None:
    with pytest.raises(ValueError, match="known_at"):
        known_at(table(row(1, "2015-01-01"), row(5, known)), date(2015, 3, 1))


days = st.dates(date(2015, 1, 1), date(2015, 12, 31))
rows = st.builds(
    row,
    st.one_of(st.none(), st.integers(0, 500).map(float)),
    days.map(str),
    st.sampled_from(["2015-01", "2015-02", "2015-03"]),
    st.sampled_from(["TOTAL", "SY"]),
)


@given(st.lists(rows, max_size=12), st.lists(rows, max_size=12), days, st.randoms(use_true_random=False))
def test_rows_known_later_change_nothing_wherever_they_stand(
    present: list[dict[str, object]], more: list[dict[str, object]], as_of: date, shuffle: "st.Random"
) -> None:
    later = [r for r in more if str(r["known_at"]) > str(as_of)]
    places = sorted(shuffle.sample(range(len(present) + len(later)), len(later)))
    mixed = list(present)
    for place, extra in zip(places, later, strict=True):
        mixed.insert(place, extra)
    pd.testing.assert_frame_equal(
        known_at(table(*mixed), as_of), known_at(table(*present), as_of), check_dtype=False
    )


@given(st.lists(rows, max_size=12), days)
def test_it_agrees_with_going_through_the_rows_one_by_one(
    present: list[dict[str, object]], as_of: date
) -> None:
    newest: dict[tuple[object, ...], tuple[str, float | None]] = {}
    for r in present:
        key = (r["citizen"], r["period"])
        known = str(r["known_at"])
        if known <= str(as_of) and (key not in newest or known >= newest[key][0]):
            newest[key] = (known, r["value"])  # type: ignore[assignment]
    expected = {key: value for key, (_, value) in newest.items() if value is not None}
    seen = known_at(table(*present), as_of)
    assert (
        dict(zip(zip(seen["citizen"], seen["period"], strict=True), seen["value"], strict=True)) == expected
    )
