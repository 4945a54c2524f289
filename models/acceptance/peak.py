"""Where the points of a period's rule are laid, and how that place moves with what it was sought from.

    z <- z + step,   step = (k - n p - (z - mean) / variance) / (n p (1 - p) + 1 / variance),   p = expit(offset + z)
    k = e positive,   n = e total,   three times from the mean, each at most 2;   width = that denominator^(-1/2)

The peak of the belief before the decisions times a binomial of as many independent decisions, e for each, as they are
worth. The search stops where it stands, and the derivatives are those of its steps as they were taken: a sampler that
is told of a density other than the one it is shown shortens its steps, and far from the peak it hardly moves.
Rows of numbers by lane, as in `filter`, which alone knows what stands in them.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.acceptance.compiling import compiled
from models.acceptance.lanes import exp_of

Array = NDArray[np.float64]

_STEPS, _LONGEST = 3, 2.0
_AS_LONG = _LONGEST - 1e-9  # rounding apart
PLACES: Final = _STEPS + 1
"""Places of the search: the mean, and where every step led."""


@compiled
def seek(
    offset: Array,
    positive: Array,
    total: Array,
    prior: Array,
    variance: Array,
    places: Array,
    rates: Array,
    scale: Array,
) -> None:
    """Fills `places` and `rates` (PLACES, lanes), z and p of every step, and the width `scale`; the last is the peak.

    `positive` and `total` are of as many independent decisions.
    """
    for c in range(len(prior)):
        places[0, c] = prior[c]
    for i in range(PLACES):
        z, p = places[i], rates[i]
        for c in range(len(z)):
            p[c] = 1 / (1 + exp_of(-offset[c] - z[c]))
        for c in range(len(z)):
            scale[c] = total[c] * p[c] * (1 - p[c]) + 1 / variance[c]
        if i < _STEPS:
            following = places[i + 1]
            for c in range(len(z)):
                step = (positive[c] - total[c] * p[c] - (z[c] - prior[c]) / variance[c]) / scale[c]
                following[c] = z[c] + min(max(step, -_LONGEST), _LONGEST)
    for c in range(len(scale)):
        scale[c] = 1 / np.sqrt(scale[c])


TO_PRIOR, TO_PRECISION, TO_OFFSET, TO_EFFECTIVE = range(4)
BACK_ROWS: Final = 4
"""Rows of `sought_from`'s answer."""


@compiled
def sought_from(
    positive: Array,
    total: Array,
    effective: Array,
    precision: Array,
    places: Array,
    rates: Array,
    to_centre: Array,
    to_width: Array,
    rows: Array,
) -> None:
    """From derivatives to the peak's place and the log of its width to those to what it was sought from, in `rows`.

    `precision` is that of the belief, one over its variance. A step that was cut off went with its beginning, whatever
    the rest.
    """
    for c in range(len(total)):
        p = rates[_STEPS, c]
        slope = effective[c] * total[c] * p * (1 - p)
        to_slope = -0.5 * to_width[c] / (slope + precision[c])
        to_offset = to_slope * slope * (1 - 2 * p)
        to_z, to_prior, to_precision = to_centre[c] + to_offset, 0.0, to_slope
        to_effective = total[c] * p * (1 - p) * to_slope
        for i in range(_STEPS - 1, -1, -1):
            p, step = rates[i, c], places[i + 1, c] - places[i, c]
            slope = effective[c] * total[c] * p * (1 - p)
            free = 1.0 if abs(step) < _AS_LONG else 0.0
            to_away = free * to_z / (slope + precision[c])
            to_slope = -to_away * step
            to_odds = to_slope * slope * (1 - 2 * p)
            to_z = (1 - free) * to_z + to_odds
            to_offset += to_odds - slope * to_away
            to_prior += precision[c] * to_away
            to_precision += to_slope - (places[i, c] - places[0, c]) * to_away
            to_effective += positive[c] * to_away + total[c] * p * ((1 - p) * to_slope - to_away)
        rows[TO_PRIOR, c], rows[TO_PRECISION, c] = to_prior + to_z, to_precision
        rows[TO_OFFSET, c], rows[TO_EFFECTIVE, c] = to_offset, to_effective
