"""Counts from a file as rows that carry the day they were known, ready for a backtest.

    known_at(month) = last day of the month + publication lag        where the file holds no vintages

Without vintages the figures are those published last: revisions are then not part of what is measured, only the
delay. A lag of 0 days lets a forecast made at the end of June use June, which flatters every method alike.
Two series of one country are spliced by taking the later one from its first month on, levels untouched: a change
of definition stays in the data as the jump it was.
This module knows nothing of models, forecasts or the network.
"""

from pathlib import Path

import pandas as pd

from models.vintage import KEY

SERIES, SOURCE = "applications", "file"
_SYNONYMS = {"month": "period", "applicants": "value", "location": "geo"}
AGGREGATES = frozenset({"EU28", "EU27", "EU27_2020", "EA", "TOTAL"})
"""Sums over countries that published files hold among the countries."""


def read_counts(path: Path) -> pd.DataFrame:
    """Columns geo, period, value and, when the file has them, flag and known_at; aggregates left out.

    CSV or Parquet, with the columns geo, month or period, applicants or value. Raises ValueError for a file
    that lacks one of them.
    """
    # "NA" is no missing value in a column of countries: Namibia.
    read = (
        pd.read_parquet(path)
        if path.suffix == ".parquet"
        else pd.read_csv(path, keep_default_na=False, na_values=[""])
    )
    frame = read.rename(columns={old: new for old, new in _SYNONYMS.items() if new not in read})
    missing = {"geo", "period", "value"} - set(frame.columns)
    if missing:
        raise ValueError(f"{path.name} has no column {sorted(missing)[0]}")
    kept = [name for name in ("geo", "period", "value", "flag", "known_at") if name in frame]
    return frame.loc[~frame["geo"].isin(AGGREGATES), kept].reset_index(drop=True)


def splice(earlier: pd.DataFrame, later: pd.DataFrame) -> pd.DataFrame:
    """Rows of `later`, and of `earlier` those of months before the country's first month in `later`.

    Countries that `later` does not hold are left out.
    """
    start = later.groupby("geo")["period"].min()
    begins = earlier["geo"].map(start)
    before = earlier[begins.notna() & (earlier["period"] < begins)]
    return pd.concat([before, later], ignore_index=True).sort_values(["geo", "period"], ignore_index=True)


def bitemporal_rows(frame: pd.DataFrame, publication_lag_days: int = 0) -> pd.DataFrame:
    """`frame` (geo, period, value) in the columns of `vintage.KEY` with `value`, `flag` and `known_at`.

    A frame with `known_at` keeps it; otherwise a month is known so many days after its last day.
    """
    fixed = {"series": SERIES, "source": SOURCE, "citizen": "TOTAL", "track": ""}
    rows = frame.assign(**{name: value for name, value in fixed.items() if name not in frame})
    if "known_at" not in rows:
        ends = pd.to_datetime(rows["period"], format="%Y-%m") + pd.offsets.MonthEnd(0)
        rows["known_at"] = ends + pd.Timedelta(days=publication_lag_days)
    if "flag" not in rows:
        rows["flag"] = ""
    return rows[[*KEY, "value", "flag", "known_at"]]
