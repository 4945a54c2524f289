"""The model with its population fixed: only the host's path is found, by maximum posterior.

    level, shocks = argmax  sum of log density (`density`) + log priors of level and shocks

A second instead of a minute, for backtests over many countries and origins, and to find structure before sampling.
The population stands at the priors' medians, which were chosen on origins before those that are scored.
This module knows nothing of HTTP; worker processes and benchmarks only.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit
from scipy.stats import binom

from models.acceptance.data import AcceptanceData
from models.acceptance.density import density_and_gradient
from models.acceptance.filter import SCALARS
from models.acceptance.model import DEFAULT_PRIORS, AcceptancePriors, counts_of, log_sizes
from models.acceptance.states import MEAN, VARIANCE, filtered
from models.series import Array


@dataclass(frozen=True)
class Population:
    """Parameters shared by all series, in the units of `model`: times in years."""

    values: dict[str, float]

    @cached_property
    def scalars(self) -> Array:
        """In the order of `filter.SCALARS`."""
        v = self.values
        squared = {"start_variance": v["start"] ** 2, "turbulent_variance": v["turbulent_factor"] ** 2}
        return np.array([{**v, **squared}[name] for name in SCALARS])


def typical_population(priors: AcceptancePriors = DEFAULT_PRIORS) -> Population:
    """The priors' medians."""
    back: dict[str, Callable[[float], float]] = {
        "normal": lambda x: x,
        "lognormal": lambda x: float(np.exp(x)),
        "logit_normal": lambda x: float(expit(x)),
    }
    named = {name: getattr(priors, name) for name in AcceptancePriors.model_fields if name != "version"}
    return Population({name: back[prior.family](prior.parameters["mu"]) for name, prior in named.items()})


@dataclass(frozen=True)
class Predictive:
    """Log odds by series of a period ahead before its shocks: `mean` (series,), and `variances` (component, series).

    Component j has j turbulent steps among those between; `weights` (component,) are their probabilities. `shock` is
    the sd of what all share; `batch` and `correlation` are what counts vary by (`mixture.beta_size`).
    """

    mean: Array
    variances: Array
    weights: Array
    shock: float
    batch: float
    correlation: float


def predictive(
    data: AcceptanceData, population: Population, level_sd: float = 1.5, periods_ahead: int = 1
) -> Predictive:
    """The forecast of a period after the last one of `data`.

    Every period between may be turbulent by itself; where in between it lies is averaged over.
    """
    v, scalars = population.values, population.scalars
    counts = counts_of(data)
    step = (v["typical_step"] * np.exp(v["size_slope"] * log_sizes(data))) ** 2
    moved_sd = v["shock"] * np.sqrt(data.years)
    offset = _path(data, scalars, step, counts, moved_sd, level_sd)
    states = filtered(scalars, step, offset, counts, data.first, data.years)
    mean, variance = states[MEAN, -1], states[VARIANCE, -1]
    later = (data.elsewhere * data.told)[-1]
    turbulent = np.arange(periods_ahead + 1)
    stays = np.exp(-scalars[0] * data.years)
    left = stays**periods_ahead
    drift = step * data.years * np.mean(stays ** (2 * np.arange(periods_ahead)))
    steps = periods_ahead - turbulent + turbulent * v["turbulent_factor"] ** 2
    return Predictive(
        mean=offset[-1] + mean + (1 - left) * (v["elsewhere_weight"] * later - mean),
        variances=variance * left**2 + steps[:, None] * drift,
        weights=binom.pmf(turbulent, periods_ahead, v["turbulent_share"]),
        shock=float(moved_sd * np.sqrt(periods_ahead)),
        batch=v["batch"],
        correlation=v["correlation"],
    )


def _path(
    data: AcceptanceData, scalars: Array, step: Array, counts: Array, moved_sd: float, level_sd: float
) -> Array:
    """`(period, series)` the host's path: first its level, then a shock a period, in units of their sd."""
    shape = data.total.shape
    scale = np.concatenate([[level_sd], np.full(shape[0] - 1, moved_sd)])

    def loss(found: Array) -> tuple[float, Array]:
        offset = np.repeat(np.cumsum(scale * found)[:, None], shape[1], axis=1)
        density, _, _, to_offset = density_and_gradient(scalars, step, offset, counts, data.first, data.years)
        to_path = to_offset.sum(axis=1)[::-1].cumsum()[::-1]
        return float(found @ found / 2 - density.sum()), found - scale * to_path

    found = minimize(
        loss, np.zeros(shape[0]), jac=True, method="L-BFGS-B", options={"maxiter": 60, "ftol": 1e-8}
    )
    return np.repeat(np.cumsum(scale * found.x)[:, None], shape[1], axis=1)
