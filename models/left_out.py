"""What each part of the prior does to the answer: the posterior with it less the posterior without it.

    without k:  P(j | later months, not k)  proportional to  prior_j E_j[w],  j other than k

The parts are weighed already, so leaving one out only mixes the others anew. Web-safe: NumPy only.
"""

import numpy as np
from numpy.typing import NDArray

from models.layers import Layer
from models.posterior import MODEL_KEY, Posterior
from priors.leave_one_out import experts_of
from priors.summary import LEVELS

Array = NDArray[np.float64]


def left_out_effects(posterior: Posterior, pooled: bool) -> dict[tuple[str, str], Array]:
    """`(kind, key)` to effects `(level, year)` in persons on the interval scenarios; kinds are scenario and expert.

    A part without which nothing is left has no effect to name.
    """
    levels = tuple(LEVELS.values())
    probabilities = dict(zip(posterior.keys, posterior.probabilities.tolist(), strict=True))
    scenarios = [key for key, p in probabilities.items() if key != MODEL_KEY and p > 0]
    groups = {("scenario", key): [key] for key in scenarios}
    if pooled:
        groups |= {("expert", member): own for member, own in experts_of(scenarios).items()}
    whole = posterior.layer.quantiles(levels)
    effects = {}
    for name, own in groups.items():
        kept = np.array([0.0 if key in own else p for key, p in probabilities.items()])
        if kept.sum() > 1e-12:
            without = Layer(posterior.years, posterior.curves, kept / kept.sum())
            effects[name] = whole - without.quantiles(levels)
    return effects
