"""Shares by nationality as a pooled random walk of log shares, with nothing to sample but its hyperparameters.

    log share_k,t = eta_k,t - log sum of exp(eta_j,t)
    eta_k,t = eta_k,t-1 + pull (log EU share_k - eta_k,t-1) + step_k t_k,t,    log step_k ~ Normal(log typical, spread)
    one row: e ~ multivariate Student-t(nu), precision 1/v less the direction all groups share, n = groups - 1
             density = L Gamma((nu + n) / 2) / Gamma(nu / 2) (nu pi)^(-n/2) (1 + Q / nu)^(-(nu + n) / 2)

`composition.splits` gives Q and log L per row. The filter makes the likelihood: log ratios of counts with their count
noise in v, months and years together, so no share is ever sampled. A multinomial says nothing of the total, hence the
free direction; two groups or fifteen, merged or not, enter alike. Student-t because a month that upsets one
nationality upsets others. It must not know of totals, scenarios or HTTP; only worker processes import it.
"""

from dataclasses import dataclass
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from models.backend import pm, pt
from models.composition.data import CompositionData
from models.composition.design import composition_design
from models.composition.paths import ShareParameters
from models.composition.splits import split_errors
from models.prior_terms import Prior, term
from models.sampling import SamplerDiagnostics, Sampling, sample


class CompositionPriors(BaseModel):
    """One prior per hyperparameter; `offset` is a nationality's log step less the typical one, in spreads."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str
    typical_step: Prior
    spread: Prior
    offset: Prior
    month: Prior
    overdispersion: Prior
    pull: Prior
    nu: Prior


_NL = "Seven nationalities' monthly first requests in the Netherlands, 2015-2025 (CBS 83102NED): "
_HOSTS = "First-time applicants by citizenship, European hosts, 2008-2022 (Eurostat migr_asyappctza): "

DEFAULT_PRIORS = CompositionPriors(
    version="1",
    typical_step=Prior(
        family="lognormal",
        parameters={"mu": float(np.log(0.2)), "sigma": 0.4},
        source=_HOSTS
        + "log shares change by .56 to .77 a year, .16 to .22 a month; "
        + _NL
        + ".5 to .9 a year.",
    ),
    spread=Prior(
        family="lognormal",
        parameters={"mu": float(np.log(0.3)), "sigma": 0.3},
        source=_NL + "steps of .13 to .29 over nationalities, a standard deviation of logs near .3.",
    ),
    offset=Prior(
        family="normal", parameters={"mu": 0.0, "sigma": 1.0}, source="By definition of the spread."
    ),
    month=Prior(
        family="lognormal",
        parameters={"mu": float(np.log(0.1)), "sigma": 0.5},
        source=_NL + "changes of log shares have an autocorrelation near -.2 beyond count noise.",
    ),
    overdispersion=Prior(
        family="lognormal",
        parameters={"mu": float(np.log(2.0)), "sigma": 0.5},
        source=_NL + "1.4 to 1.7 times Poisson, given the month's total; families apply together.",
    ),
    pull=Prior(
        family="logit_normal",
        parameters={"mu": -4.6, "sigma": 0.8},
        source=_HOSTS
        + "a share moves .08 of its log distance to the other hosts' in a year, .01 to .2 by size.",
    ),
    nu=Prior(
        family="lognormal",
        parameters={"mu": float(np.log(8.0)), "sigma": 0.6},
        source=_HOSTS + "yearly changes have an excess kurtosis of 1.3 to 3.7: 6 to 9 degrees of freedom.",
    ),
)


@dataclass(frozen=True)
class CompositionFit:
    """Hyperparameter draws with the sampler's verdict on them."""

    parameters: ShareParameters
    diagnostics: SamplerDiagnostics


def build_composition_model(data: CompositionData, priors: CompositionPriors = DEFAULT_PRIORS) -> Any:
    """The `pm.Model` of the splits in `data`; without rows only the priors are left."""
    design = composition_design(data)
    groups = data.group.max(axis=1, initial=-1) + 1.0
    with pm.Model(coords={"citizen": list(data.citizens)}) as model:
        cells = pm.Data("cells", design.cells)
        start = pm.Data("start", np.stack([design.start, design.start_variance]))
        free = pm.Data("free", groups - 1)
        typical = term("typical_step", priors.typical_step)
        offset = term("offset", priors.offset, dims="citizen")
        step = pm.Deterministic(
            "step", typical * pt.exp(term("spread", priors.spread) * offset), dims="citizen"
        )
        month, overdispersion = term("month", priors.month), term("overdispersion", priors.overdispersion)
        pull, nu = term("pull", priors.pull), term("nu", priors.nu)
        noise = pt.stack([month**2, overdispersion, pull])
        quadratic, half_log_precision = split_errors(step**2, noise, cells, start)
        pm.Potential("row_log_density", _log_density(quadratic, half_log_precision, free, nu))
    return model


def _log_density(quadratic: Any, half_log_precision: Any, free: Any, nu: Any) -> Any:
    """Summed over rows; `free` is the number of groups of a row less one."""
    constant = pt.gammaln((nu + free) / 2) - pt.gammaln(nu / 2) - free / 2 * pt.log(np.pi * nu)
    return pt.sum(constant + half_log_precision - (nu + free) / 2 * pt.log1p(quadratic / nu))


def fit_composition(
    data: CompositionData,
    priors: CompositionPriors = DEFAULT_PRIORS,
    **options: Unpack[Sampling],
) -> CompositionFit:
    """Sample the hyperparameters. The same data, priors and seed give the same draws.

    Raises ValueError when no period tells two groups apart.
    """
    if not len(data):
        raise ValueError("no period tells nationalities apart")
    sampled = sample(
        build_composition_model(data, priors),
        structure=("composition", data.citizens, priors.model_dump_json()),
        **options,
    )
    return CompositionFit(share_parameters(sampled.flat), sampled.diagnostics)


def share_parameters(flat: dict[str, NDArray[np.float64]]) -> ShareParameters:
    """Draws (draw, ...) by variable name."""
    return ShareParameters(*(flat[name] for name in ("step", "month", "overdispersion", "pull", "nu")))
