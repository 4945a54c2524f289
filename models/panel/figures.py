"""A panel as the arrays its density runs over: one row per figure, one stretch per level that starts anew.

A country's figures form one stretch, or several where its level restarts. Within a stretch

    y           log(max(count, 1))                       month       0 for January to 11 for December
    unseen      months without a figure just before it   extra       added noise of an unsettled figure
    m           geometric mean of the twelve figures before it in the stretch, at least five persons; those not there
                yet are as the level before the stretch

Before a stretch the calendar counts for nothing: its first figure has no unseen months.
This module knows nothing of priors, PyMC or samplers.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.inflow_paths import LEAST_SIZE, WINDOW
from models.panel.series import PanelSeries
from models.series import Array, log_counts, month_numbers

COLUMNS = ("y", "month", "unseen", "extra", "unfilled", "recent_total", "inverse_size")


@dataclass(frozen=True)
class PanelFigures:
    """What `panel.density` takes.

    `figures` (figure, 7) as named in `COLUMNS`; `stretches` (stretch, 3): position of the country in `geos`, first
    row and end row of its figures; `geos` the countries that have figures; `log_sizes` (geo,) log of the mean count.
    """

    figures: Array
    stretches: NDArray[np.int64]
    geos: tuple[str, ...]
    log_sizes: Array

    @property
    def figures_per_geo(self) -> Array:
        """`(geo,)`: number of figures, as floats."""
        lengths = self.stretches[:, 2] - self.stretches[:, 1]
        return np.bincount(self.stretches[:, 0], lengths, len(self.geos)).astype(float)

    @property
    def last_stretches(self) -> NDArray[np.int64]:
        """`(geo,)`: the stretch each country is in now."""
        return np.searchsorted(self.stretches[:, 0], np.arange(len(self.geos)), side="right") - 1


def panel_figures(data: PanelSeries) -> PanelFigures:
    """The arrays of a panel; countries without any figure are left out."""
    available = np.isfinite(data.counts)
    geos = tuple(data.geos[column] for column in np.flatnonzero(available.any(axis=0)))
    rows, stretches, sizes = [np.empty((0, len(COLUMNS)))], [], []
    end = 0
    for place, geo in enumerate(geos):
        column = data.geos.index(geo)
        seen = np.flatnonzero(available[:, column])
        sizes.append(np.log(max(data.counts[seen, column].mean(), LEAST_SIZE)))
        for part in _split(seen, data, geo):
            rows.append(_stretch(part, data, column))
            stretches.append((place, end, end + len(part)))
            end += len(part)
    layout = np.array(stretches, dtype=np.int64).reshape(-1, 3)
    return PanelFigures(np.concatenate(rows), layout, geos, np.array(sizes, dtype=float))


def _split(seen: NDArray[np.int64], data: PanelSeries, geo: str) -> list[NDArray[np.int64]]:
    """Positions of a country's figures, cut where its level restarts."""
    restarts = np.array(data.restarts_of(geo), dtype="datetime64[M]")
    cuts = np.searchsorted(data.months[seen], restarts)
    return [part for part in np.split(seen, cuts) if len(part)]


def _stretch(seen: NDArray[np.int64], data: PanelSeries, column: int) -> Array:
    """`(figure, 7)` of one stretch, in the order of `COLUMNS`."""
    months = data.months[seen]
    y = log_counts(data.counts[seen, column])
    place = np.arange(len(seen))
    cumulative = np.concatenate([[0.0], np.cumsum(y)])
    recent_total = cumulative[place] - cumulative[np.maximum(place - WINDOW, 0)]
    unfilled = np.maximum(WINDOW - place, 0)
    return np.column_stack(
        [
            y,
            month_numbers(months),
            np.diff(seen, prepend=seen[0] - 1) - 1,
            data.extra[seen, column],
            unfilled,
            recent_total,
            np.exp(-np.maximum(recent_total / WINDOW, np.log(LEAST_SIZE))),
        ]
    )
