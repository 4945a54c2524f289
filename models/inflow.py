"""The structural model of one monthly series, with nothing to sample but its hyperparameters.

    y_t     = log(max(count_t, 1)) = season[month] + level_{t-1} + e_t
    level_t = level_{t-1} + alpha_g e_t
    season  = sum over k = 1..3 of  a_k cos(2 pi k month / 12) + b_k sin(2 pi k month / 12)
    e_t     ~ Student-t(nu), scale^2 = (sigma^2 + overdispersion / m_t) (1 + (g - 1) alpha^2)

`inflow_paths` states the rest (m_t, gaps) and has the same recursion in NumPy. With d_t the difference of
y - season between observed months the errors are e_t = (1 - alpha_g(t-1)) e_{t-1} + d_t, where e_1 = y_1 -
season_1 - initial_level: linear in the data, so no latent level is sampled and a gradient costs one pass.
It must not know of experts, totals or HTTP; only worker processes import it.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from models.backend import pm, pt
from models.inflow_paths import LEAST_SIZE, WINDOW, InflowParameters
from models.prior_terms import Prior, term
from models.recurrence import linear_recurrence
from models.sampling import Progress, SamplerDiagnostics, SamplerName, sample
from models.series import Array, MonthlySeries, log_counts, month_numbers

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
    terms = _observed_terms(data)
    with pm.Model(coords={"harmonic": np.arange(2 * HARMONICS)}) as model:
        log_count = pm.Data("log_count", terms.log_count)
        basis = pm.Data("basis", terms.basis)
        gap = pm.Data("gap", terms.gap)
        recent_total = pm.Data("recent_total", terms.recent_total)
        unfilled = pm.Data("unfilled", terms.unfilled)
        alpha = term("alpha", priors.alpha)
        sigma = term("sigma", priors.sigma)
        nu = term("nu", priors.nu)
        overdispersion = term("overdispersion", priors.overdispersion)
        season = term("season", priors.season, dims="harmonic")
        initial_level = term("initial_level", priors.initial_level)
        widening = 1 + (gap - 1) * alpha**2
        gain = alpha * (1 + (gap - 1) * alpha) / widening
        error = _one_step_errors(log_count - basis @ season, initial_level, gain)
        size = pt.exp(pt.maximum((recent_total + unfilled * initial_level) / WINDOW, np.log(LEAST_SIZE)))
        scale = pt.sqrt((sigma**2 + overdispersion / size) * widening)
        step = pm.StudentT.dist(nu=nu, mu=0, sigma=scale)
        pm.Potential("one_step_log_density", pm.logp(step, error).sum())
    return model


def fit_inflow(
    data: MonthlySeries,
    priors: InflowPriors = DEFAULT_PRIORS,
    *,
    seed: int,
    draws: int = 1000,
    tune: int = 600,
    chains: int = 4,
    sampler: SamplerName = "nutpie",
    progress: Progress | None = None,
) -> InflowFit:
    """Sample the hyperparameters. The same data, priors and seed give the same draws."""
    sampled = sample(
        build_inflow_model(data, priors),
        draws=draws,
        tune=tune,
        chains=chains,
        seed=seed,
        sampler=sampler,
        progress=progress,
        structure=("inflow", priors.model_dump_json()),
    )
    return InflowFit(parameters_of(sampled.posterior), sampled.diagnostics)


def parameters_of(posterior: dict[str, NDArray[np.float64]]) -> InflowParameters:
    """Draws (chain, draw, ...) by variable name as one row of draws, the season as twelve months."""
    flat = {name: values.reshape(-1, *values.shape[2:]) for name, values in posterior.items()}
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


@dataclass(frozen=True)
class _ObservedTerms:
    """What the likelihood needs of each observed month; first axis: observed month."""

    log_count: Array
    basis: Array
    gap: Array
    recent_total: Array
    unfilled: Array


def _observed_terms(data: MonthlySeries) -> _ObservedTerms:
    """`recent_total`: sum of up to twelve log counts before the month; `unfilled`: how many are missing."""
    seen = np.flatnonzero(data.available)
    y = log_counts(data.counts[seen])
    place = np.arange(len(seen))
    before = np.maximum(place - WINDOW, 0)
    cumulative = np.concatenate([[0.0], np.cumsum(y)])
    return _ObservedTerms(
        log_count=y,
        basis=harmonic_basis(month_numbers(data.months[seen])),
        gap=np.diff(seen, prepend=-1).astype(float),
        recent_total=cumulative[place] - cumulative[before],
        unfilled=np.maximum(WINDOW - place, 0).astype(float),
    )


def _one_step_errors(deseasonalised: Any, initial_level: Any, gain: Any) -> Any:
    """`(month,)` errors e_t; the initial level is what stood before the first month."""
    before = pt.concatenate([pt.stack([initial_level]), deseasonalised])[: deseasonalised.shape[0]]
    kept = pt.concatenate([pt.zeros(1), 1 - gain])[: deseasonalised.shape[0]]
    return linear_recurrence(kept, deseasonalised - before)
