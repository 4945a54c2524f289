"""Made-up panels: counts simulated from the structural model with parameters drawn from a population."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.inflow import HARMONICS, harmonic_basis
from models.inflow_paths import InflowParameters, initial_state, log_cap, simulate_log_counts
from models.panel.fit import REFERENCE_SIZE
from models.panel.model import PanelPriors
from models.panel.series import PanelSeries
from models.prior_terms import Prior

Array = NDArray[np.float64]
START = np.datetime64("2008-01", "M")


def month(text: str) -> np.datetime64:
    return np.datetime64(text, "M")


def geo_names(number: int) -> tuple[str, ...]:
    return tuple(f"G{place:02d}" for place in range(number))


def drawn(prior: Prior, rng: np.random.Generator, size: int | None = None) -> Any:
    """Draws of a prior, written from the definition of its family."""
    normal = rng.normal(prior.parameters["mu"], prior.parameters["sigma"], size)
    if prior.family == "normal":
        return normal
    return np.exp(normal) if prior.family == "lognormal" else 1 / (1 + np.exp(-normal))


def population(priors: PanelPriors, rng: np.random.Generator) -> dict[str, Any]:
    """One draw of every population hyperparameter by name; without the levels before the first month."""
    names = [name for name in PanelPriors.model_fields if name not in ("version", "season", "initial_level")]
    season = drawn(priors.season, rng, 2 * HARMONICS)
    return {**{name: drawn(getattr(priors, name), rng) for name in names}, "season": season}


def countries(
    truth: dict[str, Any], log_sizes: Array, rng: np.random.Generator
) -> tuple[InflowParameters, dict[str, Array]]:
    """Parameters of a country per size, one "draw" each, and what is sampled for them by name."""
    number = len(log_sizes)
    deviation = rng.standard_normal(number)
    log_sigma = np.log(truth["sigma"]) + truth["sigma_spread"] * rng.standard_normal(number)
    season = truth["season"] + truth["season_spread"] * rng.standard_normal((number, 2 * HARMONICS))
    odds = np.log(truth["alpha"] / (1 - truth["alpha"]))
    odds = (
        odds + truth["alpha_slope"] * (log_sizes - np.log(REFERENCE_SIZE)) + truth["alpha_spread"] * deviation
    )
    own = {
        "alpha_deviation": deviation,
        "log_sigma_geo": log_sigma,
        "season_geo": season,
        "initial_level": log_sizes,
    }
    parameters = InflowParameters(
        alpha=1 / (1 + np.exp(-odds)),
        sigma=np.exp(log_sigma),
        nu=np.full(number, truth["nu"]),
        overdispersion=np.full(number, truth["overdispersion"]),
        robustness=np.full(number, truth["robustness"]),
        size_power=np.full(number, truth["size_power"]),
        usual_size=log_sizes,
        season=season @ harmonic_basis(np.arange(12)).T,
        initial_level=log_sizes,
    )
    return parameters, own


def simulated(parameters: InflowParameters, months: int, seed: int) -> tuple[Array, bool]:
    """Log counts `(month, geo)`, and whether none of them touches a bound of the simulation."""
    state = initial_state(parameters, START)
    y = simulate_log_counts(parameters, state, START, months, len(parameters), seed=seed)
    inside = bool(np.all((y > 0) & (y < log_cap(state)[:, None])))
    return y.T, inside


def panel_of(log_counts: Array) -> PanelSeries:
    """The panel with these log counts `(month, geo)`."""
    return PanelSeries(START + np.arange(len(log_counts)), np.exp(log_counts), geo_names(log_counts.shape[1]))


TYPICAL: dict[str, Any] = {
    "sigma": 0.2,
    "sigma_spread": 0.12,
    "alpha": 0.75,
    "alpha_slope": 0.45,
    "alpha_spread": 0.3,
    "nu": 4.0,
    "overdispersion": 6.0,
    "robustness": 0.5,
    "size_power": 0.35,
    "season": np.array([0.1, -0.05, 0.03, -0.1, 0.02, 0.01]),
    "season_spread": 0.08,
}


def typical_panel(number: int, months: int, seed: int) -> tuple[PanelSeries, InflowParameters]:
    """Countries of 60 to 3,000 persons a month from a typical population, and their parameters."""
    rng = np.random.default_rng(seed)
    parameters, _ = countries(TYPICAL, np.log(np.geomspace(60, 3000, number)), rng)
    return panel_of(simulated(parameters, months, seed)[0]), parameters
