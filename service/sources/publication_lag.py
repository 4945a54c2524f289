"""When a figure became known, for sources that do not say so: a stated rule in place of a recorded date.

    known_at(period) = last day of the period + lag in days, but never later than the moment it was received

The rule reconstructs publication dates, it does not record them: revisions made after the lag are attributed
to the first publication. Whoever uses it says so (`describe`). Knows nothing of where figures come from.
"""

import numpy as np
import pandas as pd

from service.sources.row_checks import MOMENT, period_start


def reconstructed_known_at(periods: pd.Series, lag_days: int, received: pd.Timestamp) -> pd.Series:
    """Moments (UTC) at which well-formed periods are taken to be known; empty text counts from their end.

    A figure in hand whose lag has not passed is known since `received`.
    """
    quarter, year = periods.str.contains("Q"), periods.str.len() == len("YYYY")
    months = np.select([quarter.to_numpy(dtype=bool), year.to_numpy(dtype=bool)], [3, 12], default=1)
    first = period_start(periods).dt.tz_localize(None).to_numpy().astype("datetime64[M]")
    after = (first + months).astype("datetime64[D]")
    day = pd.Series(after + np.timedelta64(lag_days - 1, "D"), index=periods.index).dt.tz_localize("UTC")
    return day.astype(MOMENT).where(day <= received, received)


def describe(lag_days: int) -> str:
    """The sentence that goes with figures dated by the rule."""
    return (
        f"known_at is reconstructed, not recorded: last day of the period + {lag_days} days. "
        "Later revisions are therefore dated too early."
    )
