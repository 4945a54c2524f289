"""Counts from files become rows with the day they were known."""

from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from models.backtest.data import bitemporal_rows, read_counts, splice
from models.vintage import known_at


def counts(geo: str, values: dict[str, float]) -> pd.DataFrame:
    return pd.DataFrame({"geo": geo, "period": list(values), "value": list(values.values())})


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_file_is_read_by_either_vocabulary_without_its_aggregates(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"counts{suffix}"
    given = pd.DataFrame({"geo": ["NA", "EU28"], "month": "2015-01", "applicants": [5, 900], "source": "x"})
    given.to_csv(path, index=False) if suffix == ".csv" else given.to_parquet(path)
    read = read_counts(path)
    assert read.to_dict("records") == [{"geo": "NA", "period": "2015-01", "value": 5}]


def test_a_file_without_counts_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.csv"
    path.write_text("geo,month\nNL,2015-01\n", "utf-8")
    with pytest.raises(ValueError, match=r"other.csv has no column value"):
        read_counts(path)


def test_a_splice_takes_the_later_series_from_its_first_month() -> None:
    earlier = pd.concat(
        [counts("NL", {"2007-11": 1, "2007-12": 2, "2008-01": 3}), counts("XX", {"2007-12": 9})]
    )
    spliced = splice(earlier, counts("NL", {"2008-01": 30, "2008-02": 40}))
    assert dict(zip(spliced["period"], spliced["value"], strict=True)) == {
        "2007-11": 1,
        "2007-12": 2,
        "2008-01": 30,
        "2008-02": 40,
    }
    assert set(spliced["geo"]) == {"NL"}


@pytest.mark.parametrize(("lag", "known"), [(0, "2016-02"), (1, "2016-01"), (29, "2016-01"), (30, "2015-12")])
def test_a_month_is_known_its_lag_after_its_last_day(lag: int, known: str) -> None:
    # On 29 February 2016, a leap year: that day itself, and 29 days after 31 January.
    rows = bitemporal_rows(counts("NL", {"2015-12": 1, "2016-01": 2, "2016-02": 3}), lag)
    assert known_at(rows, date(2016, 2, 29))["period"].max() == known


def test_vintages_in_the_file_are_kept() -> None:
    frame = counts("NL", {"2015-12": 1}).assign(known_at="2016-03-04", flag="p")
    rows = bitemporal_rows(frame, 10)
    assert rows["known_at"].tolist() == ["2016-03-04"]
    assert rows["flag"].tolist() == ["p"]
