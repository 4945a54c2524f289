"""The structural model of all countries together: hyperparameters partially pooled, nothing else to sample.

    log sigma_i     ~ Normal(log sigma, sigma_spread)
    logit alpha_i   = logit alpha + alpha_slope (log mean count_i - log 500) + alpha_spread z_i,   z_i ~ Normal(0, 1)
    season_i,k      ~ Normal(season_k, season_spread),   k = the six coefficients of three harmonics
    nu, overdispersion, robustness, size_power shared; the level before every stretch of a country has the same wide
    prior; a country's usual size is its mean count

and per country the recursion of `inflow` (`panel.density`). Scales and seasons are sampled as such: a country's own
months say much about them. The gain is sampled as a deviation: they say little about it.
It must not know of experts, totals or HTTP; only worker processes import it.
"""

from typing import Any, Unpack

import numpy as np
from pydantic import BaseModel, ConfigDict

from models.backend import pm, pt
from models.inflow import HARMONICS, harmonic_basis
from models.inflow_paths import WINDOW
from models.panel.density import panel_log_density
from models.panel.figures import PanelFigures, panel_figures
from models.panel.fit import REFERENCE_SIZE, PanelFit
from models.panel.outlook import DEFAULT_OUTLOOK, OutlookPrior, outlook_of
from models.panel.series import PanelSeries
from models.prior_terms import Prior, term, term_near, terms
from models.sampling import Sampling, sample
from models.series import Array

_FARTHEST, _WALL = float(np.log(12)), 0.25
"""How far under a country's beginning its level may lie, and how soft the wall is that stands there."""
_LARGE = float(np.log(250))


class PanelPriors(BaseModel):
    """One prior per population hyperparameter; `season` holds for each of the six common coefficients."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str
    sigma: Prior
    sigma_spread: Prior
    alpha: Prior
    alpha_slope: Prior
    alpha_spread: Prior
    nu: Prior
    overdispersion: Prior
    robustness: Prior
    size_power: Prior
    season: Prior
    season_spread: Prior
    initial_level: Prior


_POOLED = "Fitted jointly to 29 European countries' monthly asylum applicants 2000-2019 (Eurostat): "

DEFAULT_PANEL_PRIORS = PanelPriors(
    version="3",
    sigma=Prior(
        family="lognormal",
        parameters={"mu": float(np.log(0.19)), "sigma": 0.3},
        source=_POOLED + "typical scale .19 to .21 by two forms of the model; hundreds of months decide.",
    ),
    sigma_spread=Prior(
        family="lognormal",
        parameters={"mu": float(np.log(0.12)), "sigma": 0.03},
        source="Chosen by the score of yearly totals at rolling origins 2003-2018, .4 to .5 % better than .22 and 1 % "
        "than .40, near the .43 of monthly errors alone: a turbulent past says little of the next year.",
    ),
    alpha=Prior(
        family="logit_normal",
        parameters={"mu": 0.95, "sigma": 0.5},
        source=_POOLED + "logit gain .95 at a typical size.",
    ),
    alpha_slope=Prior(
        family="normal",
        parameters={"mu": 0.45, "sigma": 0.25},
        source=_POOLED + "logit gain rises by .45 per unit of log mean count: large countries hardly smooth.",
    ),
    alpha_spread=Prior(
        family="lognormal",
        parameters={"mu": float(np.log(0.3)), "sigma": 0.1},
        source="Chosen by the score of yearly totals at rolling origins 2005-2018: .1 to .5 lie within .3% of each "
        "other at 27 origins; 1.2, where monthly errors alone would put it, was half a percent worse at 14.",
    ),
    nu=Prior(
        family="lognormal",
        parameters={"mu": float(np.log(4.0)), "sigma": 0.35},
        source=_POOLED + "3.4 degrees of freedom by filter and 4.5 by this form; the prior covers both.",
    ),
    overdispersion=Prior(
        family="lognormal",
        parameters={"mu": float(np.log(7.7)), "sigma": 0.5},
        source=_POOLED + "count noise 7.7 times Poisson.",
    ),
    robustness=Prior(
        family="logit_normal",
        parameters={"mu": 0.0, "sigma": 0.05},
        source="Chosen by the score of yearly totals at rolling origins 2003-2018: a half is .8 % better than 0, where "
        "monthly errors alone would put it, and 1 costs 2.5 % at 24 months.",
    ),
    size_power=Prior(
        family="normal",
        parameters={"mu": 0.35, "sigma": 0.015},
        source="Chosen by the score of yearly totals at rolling origins 2003-2018: .3 and .5 are 1.5 to 2 % better at "
        "24 months than 0, .8 is worse; monthly errors alone give .19. A country that is large for its own standard "
        "is uncertain.",
    ),
    season=Prior(
        family="normal",
        parameters={"mu": 0.0, "sigma": 0.07},
        source=_POOLED + "half-amplitudes of three harmonics have a standard deviation of .07.",
    ),
    season_spread=Prior(
        family="lognormal",
        parameters={"mu": float(np.log(0.08)), "sigma": 0.03},
        source="Chosen by the score of yearly totals at rolling origins 2003-2018: .05 gains .5 % on .03, where "
        "monthly errors alone put it, .08 and .12 gain .6 %: a season pooled too much leaves its rest in the level.",
    ),
    initial_level=Prior(
        family="normal",
        parameters={"mu": 6.0, "sigma": 2.0},
        source="8 to 20,000 persons a month with 95%: every European country. The first months decide.",
    ),
)


def build_panel_model(
    data: PanelSeries, priors: PanelPriors = DEFAULT_PANEL_PRIORS, *, log_sizes: Array | None = None
) -> Any:
    """The `pm.Model` of a panel. Countries without a figure are not in it.

    `log_sizes` (country with figures,) replaces the log of the mean counts, where sizes are known otherwise.
    """
    return model_of_figures(panel_figures(data), priors, log_sizes)


def fit_panel(
    data: PanelSeries,
    priors: PanelPriors = DEFAULT_PANEL_PRIORS,
    *,
    log_sizes: Array | None = None,
    outlook: OutlookPrior = DEFAULT_OUTLOOK,
    **options: Unpack[Sampling],
) -> PanelFit:
    """Sample the hyperparameters of all countries. The same data, priors and seed give the same draws.

    `outlook` says how the panel's end bears on the months after it; those are not part of what is sampled.
    Raises ValueError for a panel without any figure.
    """
    layout = panel_figures(data)
    if not layout.geos:
        raise ValueError("no country of the panel has a figure")
    sampled = sample(
        model_of_figures(layout, priors, log_sizes),
        structure=("panel", priors.model_dump_json(), len(layout.geos), len(layout.stretches)),
        **options,
    )
    sizes = layout.log_sizes if log_sizes is None else log_sizes
    ahead = outlook_of(data, outlook)
    return PanelFit(
        sampled.flat, layout.geos, sizes, layout.last_stretches, sampled.diagnostics, options["seed"], ahead
    )


def model_of_figures(
    layout: PanelFigures, priors: PanelPriors = DEFAULT_PANEL_PRIORS, log_sizes: Array | None = None
) -> Any:
    """As `build_panel_model`, from a panel's arrays."""
    sizes = layout.log_sizes if log_sizes is None else log_sizes
    coords = {
        "geo": np.arange(len(layout.geos)),
        "stretch": np.arange(len(layout.stretches)),
        "harmonic": np.arange(2 * HARMONICS),
    }
    # Scales are positive as they are made: checking them again would only be compiled. Nor are ones allocated.
    with pm.Model(coords=coords, check_bounds=False) as model:
        figures = pm.Data("figures", layout.figures)
        stretches = pt.cast(pm.Data("stretches", layout.stretches), "int64")
        figures_per_geo = pm.Data("figures_per_geo", layout.figures_per_geo)
        centred_sizes = pm.Data("centred_sizes", sizes - np.log(REFERENCE_SIZE))
        population = terms("population_normal", _scalar_priors(priors))
        ones = pm.Data("ones", np.ones(len(sizes)))
        columns = (
            _gains(population, centred_sizes),
            _scales(population),
            population["overdispersion"] * ones,
            population["nu"] * ones,
            population["robustness"] * ones,
            population["size_power"] * ones,
            centred_sizes + np.log(REFERENCE_SIZE),
        )
        first_logs = pm.Data("first_logs", _first_logs(layout, priors.initial_level))
        start = term_near("initial_level", priors.initial_level, first_logs, dims="stretch")
        least = pm.Data("least_levels", _least_levels(layout, priors.initial_level))
        pm.Potential("no_tiny_beginning", -0.5 * pt.sum((pt.maximum(least - start, 0.0) / _WALL) ** 2))
        season = _seasons(term("season", priors.season, dims="harmonic"), population["season_spread"])
        density = panel_log_density(pt.stack(columns, axis=1), season, start, figures, stretches)[0]
        nu = population["nu"]
        constant = pt.gammaln((nu + 1) / 2) - pt.gammaln(nu / 2) - 0.5 * pt.log(np.pi * nu)
        pm.Potential("one_step_log_density", pt.sum(density) + constant * pt.sum(figures_per_geo))
    return model


def _first_logs(layout: PanelFigures, prior: Prior) -> Array:
    """`(stretch,)`: the log count a stretch begins with, where chains begin too; the prior's middle without figures.

    A robust level hardly learns from a month far out. So a level that starts far below a country's first months stays
    there, explains them all as count noise of a tiny country, and a chain that begins nearby does not leave.
    """
    first = layout.stretches[:, 1]
    held = np.append(layout.figures[:, 0], prior.parameters["mu"])
    return np.asarray(held[np.where(layout.stretches[:, 2] > first, first, -1)])


def _least_levels(layout: PanelFigures, prior: Prior) -> Array:
    """`(stretch,)`: log persons under which the level of a large country cannot have begun; far out for the others.

    The size of a country in its first twelve months is in part the level before them. A level of five persons thus
    makes a first year of thousands possible, as the count noise of a tiny country: a second mode, ten to twenty units
    of log density under the first, for every country above 400 a month and some above 250. It holds less than a
    ten-thousandth of the posterior, but a chain that strays there while it is tuned stays. Between the two the density
    is lowest about three units under the first figures: the wall stands before that, twelve times under the first
    figure or the middle of the first year, whichever is less.
    """
    least = np.full(len(layout.stretches), prior.parameters["mu"] - 20)
    for place, (_, first, end) in enumerate(layout.stretches):
        logs = layout.figures[first : min(first + WINDOW, end), 0]
        if len(logs) and min(logs[0], np.median(logs)) > _LARGE:
            least[place] = min(logs[0], np.median(logs)) - _FARTHEST
    return least


def _scalar_priors(priors: PanelPriors) -> dict[str, Prior]:
    """The hyperparameters that are single numbers."""
    several = {"version", "season", "initial_level"}
    return {name: getattr(priors, name) for name in PanelPriors.model_fields if name not in several}


def _gains(population: dict[str, Any], centred_sizes: Any) -> Any:
    typical = population["alpha"]
    deviation = pm.Normal("alpha_deviation", 0, 1, dims="geo")
    spread = population["alpha_spread"] * deviation
    return pt.sigmoid(
        pt.log(typical) - pt.log1p(-typical) + population["alpha_slope"] * centred_sizes + spread
    )


def _scales(population: dict[str, Any]) -> Any:
    return pt.exp(
        pm.Normal("log_sigma_geo", pt.log(population["sigma"]), population["sigma_spread"], dims="geo")
    )


def _seasons(common: Any, spread: Any) -> Any:
    """`(geo, 12)`, of coefficients sampled as such: a country's months say more of them than other countries do."""
    own = pm.Normal("season_geo", common, spread, dims=("geo", "harmonic"))
    return own @ harmonic_basis(np.arange(12)).T
