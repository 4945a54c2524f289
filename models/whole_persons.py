"""Whole persons that add up: one total split over cells, and a scenario's year split over months and nationalities.

    cells_k = rint(x_1 + ... + x_k) - rint(x_1 + ... + x_(k-1)),    x = total * share

Rounding the running sum moves no cell by a whole person or more, leaves empty cells empty, and ends at the total
itself: sums are exact by construction, never repaired afterwards (cumulative rounding; Balinski and Young 1982,
ch. 2 on why the sum must rule). A year is split over its months first and each month over its nationalities, so the
same table adds up along every edge. Web-safe; knows nothing of models, files or HTTP.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Counts = NDArray[np.int32]


def split_whole(totals: NDArray[Any], weights: NDArray[Any]) -> Counts:
    """Counts `(..., cell)` in proportion to `weights` (..., cell), adding up to the whole `totals` (...).

    Where all weights are zero the last cell takes everything. Raises ValueError for totals that are negative or not
    whole, and for weights that are negative or not finite.
    """
    wanted = np.asarray(totals)
    if not (np.all(wanted >= 0) and np.all(wanted == np.rint(wanted))):
        raise ValueError("only whole totals that are not negative can be split into whole persons")
    running = np.cumsum(weights, axis=-1, dtype=np.float64)
    mass = running[..., -1]
    if not np.all(np.isfinite(mass)) or np.any(np.asarray(weights) < 0):
        raise ValueError("weights must be finite and not negative")
    running *= (wanted / np.where(mass > 0, mass, 1.0))[..., None]
    np.rint(running, out=running)
    running[..., -1] = wanted
    return np.diff(running, axis=-1, prepend=0.0).astype(np.int32)


def split_year(figure: int, means: Array, counted: Counts) -> Counts:
    """A year's table `(month, citizen)` of whole persons that adds up to `figure`.

    `counted` (counted month, citizen) stands first, unchanged; `means` (month to come, citizen) says in which
    proportion the rest is spread. Raises ValueError when more was counted than the figure, or when no month is left
    to take what is missing.
    """
    rest = int(figure) - int(counted.sum())
    if rest < 0:
        raise ValueError(f"{counted.sum()} persons were counted, more than the figure {figure}")
    if not len(means):
        if rest:
            raise ValueError(f"a year that is fully counted has {counted.sum()} persons, not {figure}")
        return counted
    by_month = split_whole(np.array(rest), means.sum(axis=1))
    return np.concatenate([counted, split_whole(by_month, means)])
