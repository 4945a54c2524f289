"""The structural model of one monthly series, with nothing to sample but its hyperparameters.

    y_t     = log(max(count_t, 1)) = season[month] + level_{t-1} + e_t
    level_t = level_{t-1} + alpha_g e_t
    season  = sum over k = 1..3 of  a_k cos(2 pi k month / 12) + b_k sin(2 pi k month / 12)
    e_t     ~ Student-t(nu), scale^2 = (sigma^2 + overdispersion / m_t) (1 + (g - 1) alpha^2 + f_t)

`inflow_paths` states the rest (m_t, gaps, f_t) and has the same recursion in NumPy. The errors are those of
exponential smoothing, linear in the data: given the hyperparameters nothing is left to sample, and a gradient
costs one pass back over the months (`smoothing`).
It must not know of experts, totals or HTTP; only worker processes import it.
"""

from dataclasses import dataclass
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from models.backend import pm, pt
from models.inflow_paths import LEAST_SIZE, WINDOW, InflowParameters
from models.prior_terms import Prior, term
from models.sampling import SamplerDiagnostics, Sampling, sample
from models.series import Array, MonthlySeries, log_counts, month_numbers
from models.smoothing import smoothing_errors

HARMONICS = 3


class InflowPriors(BaseModel):
    """One prior per hyperparameter. `season` holds for each of the six harmonic coefficients."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str
    alpha: Prior
    sigma: Prior
    nu: Prior
    overdispersion: Prior
    season: Prior
    initial_level: Prior


_POOLED = "Fitted jointly to 29 European countries' monthly asylum applicants 2000-2019 (Eurostat): "

DEFAULT_PRIORS = InflowPriors(
    version="1",
    alpha=Prior(
        family="logit_normal",
        parameters={"mu": 0.95, "sigma": 1.0},
        source=_POOLED
        + "logit gain .95, and .45 per unit of log mean count; one unit covers countries of all sizes.",
    ),
    sigma=Prior(
        family="lognormal",
        parameters={"mu": float(np.log(0.19)), "sigma": 0.25},
        source=_POOLED + "typical scale .19; a spread of .25 over countries gave the best yearly scores.",
    ),
    nu=Prior(
        family="lognormal",
        parameters={"mu": float(np.log(4.0)), "sigma": 0.35},
        source=_POOLED + "3.4 degrees of freedom by filter and 4.5 by this form; the prior covers both.",
    ),
    overdispersion=Prior(
        family="lognormal",
        parameters={"mu": float(np.log(7.7)), "sigma": 0.5},
        source=_POOLED + "count noise 7.7 times Poisson; one large series says little about it.",
    ),
    season=Prior(
        family="normal",
        parameters={"mu": 0.0, "sigma": 0.07},
        source=_POOLED + "half-amplitudes of three harmonics have a standard deviation of .07.",
    ),
    initial_level=Prior(
        family="normal",
        parameters={"mu": 6.0, "sigma": 2.0},
        source="8 to 20,000 persons a month with 95%: every European country. The first months decide.",
    ),
)


@dataclass(frozen=True)
class InflowFit:
    """Hyperparameter draws with the sampler's verdict on them."""

    parameters: InflowParameters
    diagnostics: SamplerDiagnostics


def build_inflow_model(data: MonthlySeries, priors: InflowPriors = DEFAULT_PRIORS) -> Any:
    """The `pm.Model` of a series. Only months with a figure enter; a series without any leaves the priors."""
    with pm.Model(coords={"harmonic": np.arange(2 * HARMONICS)}) as model:
        observed = pm.Data("observed_months", _observed_months(data))
        log_count, gap, extra, recent_total, unfilled = (observed[:, column] for column in range(5))
        alpha = term("alpha", priors.alpha)
        sigma = term("sigma", priors.sigma)
        nu = term("nu", priors.nu)
        overdispersion = term("overdispersion", priors.overdispersion)
        season = term("season", priors.season, dims="harmonic")
        initial_level = term("initial_level", priors.initial_level)
        widening = 1 + (gap - 1) * alpha**2 + extra
        gain = alpha * (1 + (gap - 1) * alpha) / widening
        # A sum and no product of matrices: Numba remarks on products with part of an array.
        seasonal = (observed[:, 5:] * season).sum(axis=1)
        error = smoothing_errors(gain, log_count - seasonal, initial_level[None])
        size = pt.exp(pt.maximum((recent_total + unfilled * initial_level) / WINDOW, np.log(LEAST_SIZE)))
        variance = (sigma**2 + overdispersion / size) * widening
        pm.Potential("one_step_log_density", _student_t_log_density(error, nu, variance))
    return model


def _student_t_log_density(error: Any, nu: Any, variance: Any) -> Any:
    """Summed over months. Written out, because PyMC's own compiles checks of its arguments along."""
    constant = pt.gammaln((nu + 1) / 2) - pt.gammaln(nu / 2) - 0.5 * pt.log(np.pi * nu)
    return pt.sum(constant - 0.5 * pt.log(variance) - (nu + 1) / 2 * pt.log1p(error**2 / (nu * variance)))


def fit_inflow(
    data: MonthlySeries,
    priors: InflowPriors = DEFAULT_PRIORS,
    **options: Unpack[Sampling],
) -> InflowFit:
    """Sample the hyperparameters. The same data, priors and seed give the same draws."""
    sampled = sample(
        build_inflow_model(data, priors),
        structure=("inflow", priors.model_dump_json()),
        **options,
    )
    return InflowFit(parameters_of(sampled.flat), sampled.diagnostics)


def parameters_of(flat: dict[str, NDArray[np.float64]]) -> InflowParameters:
    """Draws (draw, ...) by variable name, with the season as twelve months."""
    return InflowParameters(
        alpha=flat["alpha"],
        sigma=flat["sigma"],
        nu=flat["nu"],
        overdispersion=flat["overdispersion"],
        season=flat["season"] @ harmonic_basis(np.arange(12)).T,
        initial_level=flat["initial_level"],
    )


def harmonic_basis(month: NDArray[np.int64]) -> Array:
    """`(month, 6)`: cosine and sine of one to three cycles a year; `month` counts from January = 0."""
    angle = 2 * np.pi * month[:, None] * np.arange(1, HARMONICS + 1) / 12
    return np.concatenate([np.cos(angle), np.sin(angle)], axis=1)


def _observed_months(data: MonthlySeries) -> Array:
    """`(observed month, 5 + 6)`: log count, gap, added noise, `recent_total`, `unfilled`, and the month's harmonics.

    `recent_total` sums up to twelve log counts before the month; `unfilled` of twelve are not there yet. One
    array, so that the compiler knows all columns to be equally long whatever the series.
    """
    seen = np.flatnonzero(data.available)
    y = log_counts(data.counts[seen])
    place = np.arange(len(seen))
    cumulative = np.concatenate([[0.0], np.cumsum(y)])
    recent_total = cumulative[place] - cumulative[np.maximum(place - WINDOW, 0)]
    unfilled = np.maximum(WINDOW - place, 0)
    gap = np.diff(seen, prepend=-1)
    harmonics = harmonic_basis(month_numbers(data.months[seen]))
    return np.column_stack([y, gap, data.extra[seen], recent_total, unfilled, harmonics])
