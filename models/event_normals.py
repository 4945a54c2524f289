"""The standard normals from which events are drawn: further columns of a forecast's base.

    base = [one per target year, one to choose among the model's components | per event: one to choose, one per year]

Both halves are dimensions of scrambled Sobol sequences, so that totals with events settle as soon as those without.
The first half is stored with a forecast; the second is made again, from the seed, by whoever needs it. Web-safe.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import qmc

from priors.events import slots_of
from priors.mixture import Component, ExpertDensity

Array = NDArray[np.float64]

_TOGETHER = 10  # events whose columns are made at once


def with_event_normals(base: Array, years: int, slots: int, seed: int) -> Array:
    """`base` `(draw, years + 1)` with the columns of `slots` events beside it; itself when there are none.

    An event's columns are the same however many others there are: they are made ten events at a time.
    """
    if slots == 0:
        return base
    first = years + 1
    whole = np.empty((len(base), first * (1 + slots)), base.dtype, order="F")
    whole[:, :first] = base[:, :first]
    for block in range(-(-slots // _TOGETHER)):
        here = first * (1 + block * _TOGETHER)
        points = _sobol(len(base), here, here + first * _TOGETHER, [seed, 1, block])
        columns = whole[:, here : here + first * _TOGETHER]
        columns[:] = ndtri(np.clip(points[:, : columns.shape[1]], 1e-12, 1 - 1e-12))
    return whole


def _sobol(rows: int, first: int, end: int, seed: list[int]) -> Array:
    """Dimensions from one number to another of a scrambled Sobol sequence."""
    sequence = qmc.Sobol(end, scramble=True, rng=np.random.default_rng(seed))
    points: Array = sequence.random_base2(int(np.ceil(np.log2(max(rows, 2)))))[:rows, first:]
    return points


def event_slots(density: ExpertDensity | None) -> int:
    """How many slots of normals a density's events need."""
    return max((slots_of(part.additions) for part in density.components), default=0) if density else 0


def columns_needed(component: Component, years: int) -> int:
    """How many columns of the base a component is drawn from."""
    return (years + 1) * (1 + slots_of(component.additions))
