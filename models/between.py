"""What the difference between two finished forecasts is made of: what the experts changed, and everything else.

    v(d, b)             posterior quantiles under the data and model d of one, with the beliefs b of one
    effect of an edit   = mean of its Shapley value among the edits under either d
    effect of the rest  = mean of v(new, b) - v(old, b) under either b

which is the Shapley value where the rest is one player and the edits are told apart given it. Both add up to
v(new, new) - v(old, old), the difference of the forecasts as they stand; what Monte Carlo leaves between the two ways
of arriving there goes to the rest. The rest cannot be taken apart from stored forecasts: new data, another model and
another cutoff changed the draws together, so they are named together. Web-safe: NumPy only.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.stored import StoredForecast
from models.what_if import LEVELS

Array = NDArray[np.float64]

NOISE = "monteCarlo"


@dataclass(frozen=True)
class Difference:
    """`effects` by name and the whole `difference`, `(level, year)` in persons, over the `years` both have."""

    years: tuple[int, ...]
    effects: dict[str, Array]
    difference: Array


def difference_between(old: StoredForecast, new: StoredForecast, rest: str | None) -> Difference:
    """From `old` to `new`; `rest` names what else differs than the beliefs, None if nothing does but chance.

    Raises ValueError where no target year is common; InvalidScenarioSet, NothingLeft where one's beliefs are impossible
    under the other's counts.
    """
    years = tuple(year for year in old.years if year in new.years)
    if not years:
        raise ValueError("the forecasts have no year in common")
    under_old = old.what_if(new.scenario_set, new.belief.expert_weight).effects
    under_new = new.what_if(old.scenario_set, old.belief.expert_weight).effects
    effects = {
        name: (_of(under_old, name, old, years) - _of(under_new, name, new, years)) / 2
        for name in dict.fromkeys([*under_old, *under_new])
    }
    difference = _columns(new.layer("posterior").quantiles(LEVELS), new, years) - _columns(
        old.layer("posterior").quantiles(LEVELS), old, years
    )
    left = difference - sum(effects.values(), np.zeros_like(difference))
    if rest is not None or np.any(left):
        effects[rest or NOISE] = left
    return Difference(years, effects, difference)


def _of(effects: dict[str, Array], name: str, forecast: StoredForecast, years: tuple[int, ...]) -> Array:
    nothing = np.zeros((len(LEVELS), len(forecast.years)))
    return _columns(effects.get(name, nothing), forecast, years)


def _columns(values: Array, forecast: StoredForecast, years: tuple[int, ...]) -> Array:
    return values[:, [forecast.years.index(year) for year in years]]
