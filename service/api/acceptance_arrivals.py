"""Applications to come by nationality and quarter, from the paths of a stored forecast.

Nationalities are those of the decisions. One that the forecast tells apart has its own arrivals; what is left, or all
where the forecast tells none apart, is divided as applications of the last four quarters were. Nothing here is random.
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
    """`(draw, quarter ahead, nationality)`; None where arrivals cannot be divided over the nationalities."""
    from models.acceptance.answer import quarterly_arrivals

    told = forecast.composition
    months, paths = forecast.paths(DRAWS)
    citizens = told.citizens if told else (OTHER,)
    counts = np.concatenate(list(told.split(forecast.calendar.paths, DRAWS))) if told else paths[:, :, None]
    ahead = stored.periods[stored.observed :]
    by_quarter = quarterly_arrivals(months, counts.astype(float), ahead)
    return _of_everybody(forecast, by_quarter, citizens, stored)


def _of_everybody(
    forecast: StoredForecast, arrivals: Array, citizens: Sequence[str], stored: StoredAcceptance
) -> Array | None:
    if forecast.document["target"]["citizen"] != "TOTAL" or np.isnan(arrivals).any():
        return None
    return by_nationality(arrivals, citizens, stored)


def by_nationality(arrivals: Array, citizens: Sequence[str], stored: StoredAcceptance) -> Array | None:
    """`(..., nationality of the decisions)` from `arrivals` (..., citizen), which keep their sum; None where what is
    left cannot be divided. People of nationalities without decisions are left out only where there is no `OTHER`."""
    names = stored.nationalities
    out = np.zeros((*arrivals.shape[:-1], len(names)))
    own = [name for name in names if name in citizens and name != OTHER]
    left = np.ones(len(citizens), dtype=bool)
    for name in own:
        left[citizens.index(name)] = False
        out[..., names.index(name)] = arrivals[..., citizens.index(name)]
    rest = arrivals[..., left].sum(axis=-1)
    open_to_rest = np.array([name not in own for name in names])
    recent = np.nansum(stored.applications[-4:], axis=0) * open_to_rest
    if recent.sum() > 0:
        return np.asarray(out + rest[..., None] * (recent / recent.sum()))
    if open_to_rest.sum() == 1:
        return np.asarray(out + rest[..., None] * open_to_rest)
    return None if open_to_rest.any() else out


def scenario_arrivals(
    forecast: StoredForecast, stored: StoredAcceptance, figures: Sequence[AdoptedFigure] = ()
) -> dict[str, Array]:
    """`(quarter ahead, nationality)` of each of the four scenarios; empty where arrivals cannot be divided."""
    from models.acceptance.answer import quarterly_arrivals
    from service.api.path_rows import path_rows

    rows = path_rows(forecast, figures)
    ahead, out = stored.periods[stored.observed :], {}
    citizens, months = (list(dict.fromkeys(row[key] for row in rows)) for key in ("citizen", "month"))
    for name in dict.fromkeys(row["scenario"] for row in rows):
        counts = np.zeros((1, len(months), len(citizens)))
        for row in rows:
            if row["scenario"] == name:
                counts[0, months.index(row["month"]), citizens.index(row["citizen"])] += row["value"]
        divided = _of_everybody(forecast, quarterly_arrivals(months, counts, ahead)[0], citizens, stored)
        if divided is not None:
            out[name] = divided
    return out
