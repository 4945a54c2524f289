"""Applications to come by nationality and quarter, from the paths of a stored forecast.

Paths by nationality where the forecast tells them apart; else its totals, divided as applications of the last four
quarters were, or, where those are unknown too, as decisions were. Nothing here is random.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from models.acceptance.stored import StoredAcceptance
    from models.stored import StoredForecast
    from service.storage.editions import AdoptedFigure

Array = NDArray[np.float64]
DRAWS = 400
OTHER = "OTHER"


def arrivals_ahead(forecast: StoredForecast, stored: StoredAcceptance) -> Array | None:
    """`(draw, quarter ahead, nationality)`; None where no applications by nationality are known to divide by."""
    from models.acceptance.answer import quarterly_arrivals

    ahead = stored.periods[stored.observed :]
    recent = np.nansum(stored.applications[-4:], axis=0)
    if not recent.sum() > 0 or forecast.document["target"]["citizen"] != "TOTAL":
        return None
    months, paths = forecast.paths(DRAWS)
    totals = quarterly_arrivals(months, paths.astype(float), ahead)
    divided = totals[:, :, None] * (recent / recent.sum())
    return None if np.isnan(divided).any() else divided


def scenario_arrivals(
    forecast: StoredForecast, stored: StoredAcceptance, figures: Sequence[AdoptedFigure] = ()
) -> dict[str, Array]:
    """`(quarter ahead, nationality)` of each of the four scenarios; empty where arrivals cannot be divided."""
    from models.acceptance.answer import quarterly_arrivals
    from service.api.scenario_paths import path_rows

    recent = np.nansum(stored.applications[-4:], axis=0)
    if not recent.sum() > 0 or forecast.document["target"]["citizen"] != "TOTAL":
        return {}
    rows = path_rows(forecast, figures)
    ahead, out = stored.periods[stored.observed :], {}
    for name in dict.fromkeys(row["scenario"] for row in rows):
        own = [row for row in rows if row["scenario"] == name]
        months = list(dict.fromkeys(row["month"] for row in own))
        counts = np.zeros((1, len(months)))
        for row in own:
            counts[0, months.index(row["month"])] += row["value"]
        totals = quarterly_arrivals(months, counts, ahead)[0]
        if not np.isnan(totals).any():
            out[name] = totals[:, None] * (recent / recent.sum())
    return out
