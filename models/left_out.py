"""What each part of the prior does to the answer: the posterior with it less the posterior without it.

    without k:  P(j | later months, not k)  proportional to  prior_j E_j[w],  j other than k

The parts are weighed already, so leaving one out only takes its share away from the mixture. A logarithmic pool without
one of its experts is another density: that one is drawn and weighed. Web-safe: NumPy only.
"""

import numpy as np
from numpy.typing import NDArray

from models.edits import Belief
from models.mixed_quantiles import quantiles_of_mixtures
from models.posterior import MODEL_KEY, C, Posterior
from models.weigher import Weigher
from priors.leave_one_out import experts_of, pool_without
from priors.records import Pool
from priors.summary import LEVELS

Array = NDArray[np.float64]


_LEAST_LEFT = 1e-9  # probability of all others together under which nothing is left to mix


def left_out_effects(posterior: Posterior[C], pooled: bool) -> dict[tuple[str, str], Array]:
    """`(kind, key)` to effects `(level, year)` in persons on the interval scenarios; kinds are scenario and expert.

    A part without which nothing is left has no effect to name.
    """
    layer, levels = posterior.layer, tuple(LEVELS.values())
    probabilities = dict(zip(posterior.keys, posterior.probabilities.tolist(), strict=True))
    scenarios = [key for key, p in probabilities.items() if key != MODEL_KEY and p > 0]
    groups = {("scenario", key): [key] for key in scenarios}
    if pooled:
        groups |= {("expert", member): own for member, own in experts_of(scenarios).items()}
    places = {
        name: [place for place, key in enumerate(probabilities) if key in own] for name, own in groups.items()
    }
    places = {
        name: own for name, own in places.items() if 1 - posterior.probabilities[own].sum() > _LEAST_LEFT
    }
    if not places:
        return {}
    left = np.tile(posterior.probabilities, (len(places), 1))
    for row, own in zip(left, places.values(), strict=True):
        row[own] = 0.0
    effects = layer.quantiles(levels) - quantiles_of_mixtures(posterior.curves, left, levels)
    return dict(zip(places, effects, strict=True))


def experts_left_out(
    belief: Belief, pool: Pool, posterior: Posterior[C], by: Weigher
) -> dict[tuple[str, str], Array]:
    """As `left_out_effects`, of the experts of a logarithmic pool, which `belief` holds."""
    if belief.density is None or belief.expert_weight == 0:
        return {}
    levels, effects = tuple(LEVELS.values()), {}
    whole, others = posterior.layer.quantiles(levels), pool_without(belief.density, pool)
    by.prepare([(1.0, component, rho) for component, rho in others.values()])
    for key, (component, rho) in others.items():
        without = by.posterior([(1.0, component, rho)], belief.expert_weight)
        effects["expert", key] = whole - without.layer.quantiles(levels)
    return effects
