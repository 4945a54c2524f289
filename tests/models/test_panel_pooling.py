"""How far countries share: the two ends of the pooling, reached by priors on the spreads."""

import numpy as np
import pytest

from models.inflow import DEFAULT_PRIORS, HARMONICS, fit_inflow
from models.panel.model import DEFAULT_PANEL_PRIORS, PanelPriors, fit_panel
from models.panel.outlook import NO_OUTLOOK
from models.prior_terms import Family, Prior
from models.series import Array
from tests.models.made_up_panel import typical_panel

NEARLY_KNOWN = 0.01


def prior(family: Family, mu: float, sigma: float) -> Prior:
    return Prior(family=family, parameters={"mu": mu, "sigma": sigma}, source="pooling test")


def with_spread(**spreads: float) -> PanelPriors:
    """The default priors with spreads over countries that are all but known."""
    known = {name: prior("lognormal", float(np.log(value)), NEARLY_KNOWN) for name, value in spreads.items()}
    return DEFAULT_PANEL_PRIORS.model_copy(update=known)


def test_without_spread_all_countries_have_the_same_parameters() -> None:
    data, _ = typical_panel(4, 72, 61)
    priors = with_spread(sigma_spread=0.02, season_spread=0.005, alpha_spread=0.02)
    fit = fit_panel(data, priors, seed=1, draws=400, outlook=NO_OUTLOOK)
    every = [fit.parameters_for(geo) for geo in data.geos]
    for own, log_size in zip(every[1:], fit.log_sizes[1:], strict=True):
        odds, first = (np.log(alpha / (1 - alpha)) for alpha in (own.alpha, every[0].alpha))
        by_size = fit.draws["alpha_slope"] * (log_size - fit.log_sizes[0])
        assert typical(np.log(own.sigma / every[0].sigma)) < 2 * 0.02, "two draws differ by 1.4 spreads"
        assert typical(odds - first - by_size) < 2 * 0.02
        assert typical(own.season - every[0].season) < 2 * 0.005 * np.sqrt(HARMONICS)


def typical(difference: Array) -> float:
    return float(np.sqrt(np.mean(difference**2)))


def middle_half(draws: Array) -> float:
    return float(np.subtract(*np.quantile(draws, (0.75, 0.25))))


def test_with_spread_without_limit_every_country_is_fitted_by_itself() -> None:
    data, _ = typical_panel(4, 120, 71)
    nu, overdispersion = (
        prior("lognormal", np.log(4.0), NEARLY_KNOWN),
        prior("lognormal", np.log(6.0), NEARLY_KNOWN),
    )
    shared = {"nu": nu, "overdispersion": overdispersion}
    # The single-series model has neither of these.
    absent = {"robustness": prior("logit_normal", -12.0, 0.1), "size_power": prior("normal", 0.0, 1e-4)}
    priors = with_spread(sigma_spread=3.0, season_spread=1.0, alpha_spread=3.0)
    priors = priors.model_copy(update={**shared, **absent})
    alone = DEFAULT_PRIORS.model_copy(
        update={
            "alpha": prior("logit_normal", 0.95, 3.0),
            "sigma": prior("lognormal", np.log(0.19), 3.0),
            "season": prior("normal", 0.0, 1.0),
            **shared,
        }
    )
    fit = fit_panel(data, priors, seed=1, draws=500, outlook=NO_OUTLOOK)
    for geo in data.geos:
        together, single = (
            fit.parameters_for(geo),
            fit_inflow(data.one(geo), alone, seed=2, draws=500).parameters,
        )
        for name in ("sigma", "alpha", "initial_level"):
            ours, theirs = getattr(together, name), getattr(single, name)
            assert abs(np.median(ours) - np.median(theirs)) < 0.25 * middle_half(theirs), (geo, name)
            # By the middle half: heavy-tailed months leave far starts possible, which chains visit by chance.
            assert middle_half(ours) == pytest.approx(middle_half(theirs), rel=0.3), (geo, name)
        np.testing.assert_allclose(together.season.mean(axis=0), single.season.mean(axis=0), atol=0.02)
