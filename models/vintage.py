"""What was known on a day: the one filter of vintages (*peildatum*).

    known(key, as_of) = the row of the key with the latest `known_at`, among the rows with known_at <= as_of

A key is series, source, geo, citizen, track and period. The day of `as_of` is included whole. A latest row
with an empty value retracts the figure: the key then has no row at all, as if it had never been published.
Every forecast, check and test takes its data through here, so that no figure can leak back in time.
This module knows nothing of storage, models or HTTP.
"""

from datetime import date

import pandas as pd

KEY = ["series", "source", "geo", "citizen", "track", "period"]


def known_at(frame: pd.DataFrame, as_of: date) -> pd.DataFrame:
    """The rows in force on a day, ordered by key, columns as given.

    `frame` has the columns of `KEY`, `value`, `flag` and `known_at` (dates, timestamps or ISO text; a
    timestamp with a time zone counts for its UTC day). Of two rows of one key known on the same
    moment the later in the frame wins: deliveries are appended. Raises ValueError for a `known_at` that is no
    date.
    """
    inside = until(frame, as_of)
    order = _instants(inside["known_at"]).argsort(kind="stable").to_numpy()
    newest = inside.iloc[order].drop_duplicates(KEY, keep="last")
    in_force = newest[newest["value"].notna()]
    return in_force.sort_values(KEY, kind="stable", na_position="first").reset_index(drop=True)


def until(frame: pd.DataFrame, as_of: date) -> pd.DataFrame:
    """Every row known by the end of a day, also those that later ones of them replaced; order as given."""
    moments = _instants(frame["known_at"])
    return frame[(moments < pd.Timestamp(as_of) + pd.Timedelta(days=1)).to_numpy()]


def _instants(known: pd.Series) -> pd.Series:
    """Moments in UTC without a zone; a plain date is the start of its day."""
    try:
        moments = pd.to_datetime(known, utc=True, format="ISO8601")
    except (ValueError, TypeError) as error:
        raise ValueError(f"known_at must hold dates: {error}") from error
    if moments.isna().any():
        raise ValueError("known_at must hold a date in every row")
    naive: pd.Series = moments.dt.tz_localize(None)
    return naive
