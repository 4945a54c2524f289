"""The standard normals from which events are drawn: further columns of a forecast's base.

    base = [one per target year, one to choose among the model's components | per event: one to choose, one per year]

Both halves are dimensions of one scrambled Sobol sequence, so that totals with events settle as soon as those without.
The first half is stored with a forecast; the second is made again, from the seed, by whoever needs it. Web-safe.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import qmc

from priors.events import slots_of
from priors.mixture import Component, ExpertDensity

Array = NDArray[np.float64]


def with_event_normals(base: Array, years: int, slots: int, seed: int) -> Array:
    """`base` `(draw, years + 1)` with the columns of `slots` events beside it; itself when there are none."""
    if slots == 0:
        return base
    first = years + 1
    sobol = qmc.Sobol(first + slots * first, scramble=True, rng=np.random.default_rng([seed, 1]))
    points = sobol.random_base2(int(np.ceil(np.log2(max(len(base), 2)))))[: len(base), first:]
    return np.concatenate([base, ndtri(np.clip(points, 1e-12, 1 - 1e-12))], axis=1)


def event_slots(density: ExpertDensity | None) -> int:
    """How many slots of normals a density's events need."""
    return max((slots_of(part.additions) for part in density.components), default=0) if density else 0


def columns_needed(component: Component, years: int) -> int:
    """How many columns of the base a component is drawn from."""
    return (years + 1) * (1 + slots_of(component.additions))
