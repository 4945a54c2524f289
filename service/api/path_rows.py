"""The four interval scenarios of a stored forecast as rows by month and nationality, in whole persons.

Each scenario's year adds up to `interval-scenarios?rounding=1` exactly, its months to their nationalities; months
that were counted are as counted. The layer is the posterior: the paths are draws of it. There are no TOTAL rows: a
forecast of one nationality has that one, and a forecast of TOTAL without figures by nationality has everybody under
OTHER, the nationality the contract keeps for persons not told apart. Numbers come from `models.scenario_paths`. Must
not know HTTP.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from models.stored import StoredForecast
    from service.storage.editions import AdoptedFigure

NOT_TOLD_APART = "OTHER"
ROUNDING = 1


def path_rows(stored: StoredForecast, figures: Sequence[AdoptedFigure] = ()) -> list[dict[str, Any]]:
    """Rows by scenario, month and nationality of a stored forecast."""
    from priors.summary import LEVELS

    told, wanted = stored.composition, yearly_figures(stored, figures)
    citizens = told.citizens if told else (sole_nationality(stored),)
    tables = told.scenario_tables(wanted, stored.calendar) if told else _undivided(stored, wanted)
    months, _ = stored.paths(0)
    return [
        {"scenario": scenario, "month": month, "citizen": name, "value": value}
        for scenario, table in zip(LEVELS, tables, strict=True)
        for month, by_citizen in zip(months, table.tolist(), strict=True)
        for name, value in zip(citizens, by_citizen, strict=True)
    ]


def sole_nationality(stored: StoredForecast) -> str:
    """What a forecast that tells no nationalities apart is of."""
    citizen: str = stored.document["target"]["citizen"]
    return NOT_TOLD_APART if citizen == "TOTAL" else citizen


def _undivided(stored: StoredForecast, figures: dict[str, list[int]]) -> list[NDArray[np.int32]]:
    """`(month, 1)` per scenario, from the paths themselves: quick enough where they need not be divided."""
    from models.scenario_paths import scenario_paths

    months, draws = stored.paths(stored.draws)
    calendar = np.array(months, dtype="datetime64[M]")
    counted = ~np.isin(calendar, stored.observation.future_months)
    told = draws[:, :, None]
    paths = scenario_paths(
        figures, stored.years, calendar[counted], told[0, counted], calendar[~counted],
        told[:, int(counted.sum()) :],
    )  # fmt: skip
    return [path.counts for path in paths]


def yearly_figures(stored: StoredForecast, figures: Sequence[AdoptedFigure] = ()) -> dict[str, list[int]]:
    """Whole persons per scenario and year: what `interval-scenarios` answers when asked to round to one."""
    from priors.summary import LEVELS
    from service.api.forecast_views import rounded

    by_level = stored.layer("posterior").quantiles(tuple(LEVELS.values()))
    decided = {(figure.scenario, figure.year): figure.value for figure in figures}
    return {
        name: [
            int(rounded(decided.get((name, year), float(value)), ROUNDING))
            for year, value in zip(stored.years, by_year, strict=True)
        ]
        for name, by_year in zip(LEVELS, by_level, strict=True)
    }
