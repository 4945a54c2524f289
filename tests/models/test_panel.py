"""The hierarchical model against its NumPy twin and the single-series model, and its priors without data."""

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numba.core.errors import NumbaPerformanceWarning
from numpy.typing import NDArray
from scipy import stats

from benchmarks.scaling import simulated_panel
from models.inflow import InflowPriors, build_inflow_model, harmonic_basis
from models.inflow_paths import one_step_log_density
from models.panel.figures import panel_figures
from models.panel.fit import PanelFit
from models.panel.model import (
    DEFAULT_PANEL_PRIORS,
    PanelPriors,
    build_panel_model,
    fit_panel,
    model_of_figures,
)
from models.panel.outlook import NO_OUTLOOK
from models.panel.series import UNCERTAIN_EXTRA, PanelSeries
from models.prior_terms import Prior
from models.sampling import SamplerDiagnostics, sample
from tests.models.made_up_panel import START, TYPICAL, countries, geo_names, population, typical_panel

Array = NDArray[np.float64]
SCALARS = [name for name in PanelPriors.model_fields if name not in ("version", "season", "initial_level")]
COUNTRIES = 8
"""One number for all fits of this module: a model is compiled once per number of countries."""
STRUCTURE = ("panel", DEFAULT_PANEL_PRIORS.model_dump_json(), COUNTRIES, COUNTRIES)
GOOD = SamplerDiagnostics(1.0, 2_000.0, 2_000.0, 0, 1.0, True, "none", 0.0, 0.0)


def placed(model: Any, point: dict[str, Array]) -> dict[str, Array]:
    """The point in the variables that are sampled: levels as distances from where chains begin."""
    away = point["initial_level"] - model["first_logs"].get_value()
    return {**{n: v for n, v in point.items() if n != "initial_level"}, "initial_level_away": away}


def behind(prior: Prior, value: Any) -> Any:
    """The normal behind a prior's family, written from the family's definition."""
    if prior.family == "normal":
        return value
    return np.log(value) if prior.family == "lognormal" else np.log(value) - np.log1p(-value)


def panel_with_gaps(months: int, number: int, seed: int) -> PanelSeries:
    rng = np.random.default_rng(seed)
    counts = np.round(500 * np.exp(np.cumsum(rng.normal(0, 0.25, (months, number)), axis=0)))
    counts[rng.uniform(size=counts.shape) < 0.2] = np.nan
    counts[:5, 1:] = np.nan
    noise = rng.exponential(0.4, counts.shape) * (rng.uniform(size=counts.shape) < 0.3)
    return PanelSeries(START + np.arange(months), counts, geo_names(number), extra=noise)


def a_point(log_sizes: Array, stretches: int, seed: int) -> tuple[dict[str, Array], PanelFit]:
    """One draw of everything that is sampled: named as PyMC names it, and as a fit of that one draw."""
    rng = np.random.default_rng(seed)
    truth = population(DEFAULT_PANEL_PRIORS, rng)
    _, own = countries(truth, log_sizes, rng)
    own["initial_level"] = rng.normal(6, 2, stretches)
    normals = [behind(getattr(DEFAULT_PANEL_PRIORS, name), truth[name]) for name in SCALARS]
    sampled = {"population_normal": np.array(normals), "season": truth["season"], **own}
    draws = {name: np.asarray(value)[None] for name, value in {**truth, **own}.items()}
    fit = PanelFit(draws, geo_names(len(log_sizes)), log_sizes, np.arange(len(log_sizes)), GOOD, seed)
    return sampled, fit


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_likelihood_is_the_sum_of_the_densities_that_are_simulated(seed: int) -> None:
    data = panel_with_gaps(40, 3, seed)
    log_sizes = np.array([5.0, 6.5, 8.0])
    model = build_panel_model(data, log_sizes=log_sizes)
    point, fit = a_point(log_sizes, 3, seed)
    likelihood = model.compile_logp(vars=[model["one_step_log_density"]], mode="FAST_COMPILE")(
        placed(model, point)
    )
    expected = sum(one_step_log_density(fit.parameters_for(geo), data.one(geo))[0] for geo in geo_names(3))
    assert likelihood == pytest.approx(expected, abs=1e-8)


def test_a_restart_cuts_a_country_in_two_with_the_same_hyperparameters() -> None:
    whole = panel_with_gaps(40, 1, 4)
    cut = replace(whole, restarts=frozenset({("G00", START + 20)}))
    model = build_panel_model(cut, log_sizes=np.array([6.0]))
    point, fit = a_point(np.array([6.0]), 2, 5)
    likelihood = model.compile_logp(vars=[model["one_step_log_density"]], mode="FAST_COMPILE")(
        placed(model, point)
    )
    expected = 0.0
    for stretch, data in enumerate([cut.until(START + 19).one("G00"), cut.current("G00")]):
        of_stretch = PanelFit(fit.draws, fit.geos, fit.log_sizes, np.array([stretch]), GOOD, 1)
        expected += one_step_log_density(of_stretch.parameters_for("G00"), data)[0]
    assert likelihood == pytest.approx(expected, abs=1e-8)


def test_one_country_has_the_likelihood_of_the_single_series_model() -> None:
    data = panel_with_gaps(60, 1, 6)
    model, single = build_panel_model(data), build_inflow_model(data.one("G00"))
    log_sizes = np.log(np.nanmean(data.counts, axis=0))
    point, fit = a_point(log_sizes, 1, 7)
    # The single-series model has neither: as good as absent, and absent.
    point["population_normal"][[SCALARS.index("robustness"), SCALARS.index("size_power")]] = -40.0, 0.0
    own = fit.parameters_for("G00")
    as_single = {
        "alpha_normal": np.log(own.alpha[0] / (1 - own.alpha[0])),
        "sigma_normal": np.log(own.sigma[0]),
        "nu_normal": np.log(own.nu[0]),
        "overdispersion_normal": np.log(own.overdispersion[0]),
        "season": own.season[0] @ harmonic_basis(np.arange(12)) / 6,
        "initial_level": point["initial_level"][0],
    }
    assert set(InflowPriors.model_fields) - {"version"} == {
        name.removesuffix("_normal") for name in as_single
    }
    ours, theirs = (
        m.compile_logp(vars=[m["one_step_log_density"]], mode="FAST_COMPILE") for m in (model, single)
    )
    values = {name: np.asarray(value) for name, value in as_single.items()}
    assert ours(placed(model, point)) == pytest.approx(theirs(values), abs=1e-8)


def test_uncertain_figures_weigh_less() -> None:
    data, _ = typical_panel(2, 48, 3)
    doubted = PanelSeries(
        data.months, data.counts, data.geos, extra=np.tile([UNCERTAIN_EXTRA, 0.0], (len(data.months), 1))
    )
    point, _ = a_point(np.array([5.0, 7.0]), 2, 9)
    models = [build_panel_model(panel, log_sizes=np.array([5.0, 7.0])) for panel in (data, doubted)]
    plain, wide = (model.compile_dlogp(mode="FAST_COMPILE")(placed(model, point)) for model in models)
    assert not np.allclose(plain, wide)


@pytest.fixture(scope="module")
def without_figures() -> PanelFit:
    """The posterior of eight countries of 60 to 3,000 persons a month from whose months every figure was taken."""
    data, truth = typical_panel(COUNTRIES, 24, 1)
    layout = panel_figures(data)
    stretches = layout.stretches * [1, 0, 0]
    empty = replace(layout, figures=layout.figures[:0], stretches=stretches)
    sizes = truth.initial_level
    sampled = sample(
        model_of_figures(empty, log_sizes=sizes), draws=2000, tune=500, chains=4, seed=11, structure=STRUCTURE
    )
    draws = {
        name: values[:, ::4].reshape(2000, *values.shape[2:]) for name, values in sampled.posterior.items()
    }
    return PanelFit(draws, data.geos, sizes, np.arange(COUNTRIES), sampled.diagnostics, 1)


def test_a_large_country_cannot_have_begun_as_a_tiny_one() -> None:
    """Along the level before the first month there is one mode, the country's own; its surroundings are untouched."""
    rng = np.random.default_rng(4)
    counts = np.exp(8 + rng.normal(0, 0.2, 30).cumsum() * 0.5)
    model = build_panel_model(PanelSeries(START + np.arange(30), counts[:, None], ("AA",)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NumbaPerformanceWarning)
        logp = model.compile_logp(mode="FAST_COMPILE")
        walled = model.compile_logp(vars=[model["no_tiny_beginning"]], mode="FAST_COMPILE")
    point, away = model.initial_point(), np.arange(-8.0, 3.0, 0.1)
    wall, whole = (
        np.array([float(of({**point, "initial_level_away": np.array([a])})) for a in away])
        for of in (walled, logp)
    )
    inner = slice(1, -1)
    modes = (whole[inner] > whole[:-2]) & (whole[inner] > whole[2:])
    assert np.count_nonzero(modes) == 1
    assert abs(away[inner][modes][0]) < 1
    assert (wall[away > -2] == 0).all()
    assert wall[away < -4].max() < -15


@pytest.mark.slow
def test_no_chain_stays_where_a_large_country_began_as_a_tiny_one() -> None:
    """Ninety countries of five years: with this seed one chain of four strayed there while it was tuned, r-hat 1.5."""
    data = simulated_panel(90, 5)
    fit = fit_panel(data, seed=2, draws=150, tune=350)
    large = np.minimum(data.counts[0], np.median(data.counts[:12], axis=0)) > 400
    below = np.log(data.counts[0]) - fit.draws["initial_level"].min(axis=0)
    assert large.sum() > 40
    assert below[large].max() < 2.6
    assert fit.diagnostics.divergences == 0
    assert fit.diagnostics.rhat_max < 1.1


def test_chains_begin_where_a_country_begins_and_not_in_the_priors_middle() -> None:
    data, _ = typical_panel(3, 24, 1)
    large = PanelSeries(data.months, data.counts * 100, data.geos)
    for panel in (data, large):
        model = build_panel_model(panel)
        start = model.initial_point()["initial_level_away"] + model["first_logs"].get_value()
        np.testing.assert_allclose(start, np.log(panel.counts[0]))


@pytest.mark.parametrize("name", [*SCALARS, "season", "initial_level"])
def test_without_figures_every_hyperparameter_keeps_its_declared_prior(
    name: str, without_figures: PanelFit
) -> None:
    prior: Prior = getattr(DEFAULT_PANEL_PRIORS, name)
    declared = stats.norm(prior.parameters["mu"], prior.parameters["sigma"])
    draws = behind(prior, without_figures.draws[name]).reshape(len(without_figures), -1)
    wrong = stats.norm(prior.parameters["mu"], 1.3 * prior.parameters["sigma"])
    for column in draws.T:
        assert stats.kstest(column, declared.cdf).pvalue > 1e-3
        assert stats.kstest(column, wrong.cdf).pvalue < 1e-3, "the test must be able to fail"


@pytest.mark.parametrize(("geo", "size"), [("NL", 2000.0), ("G00", 60.0), ("G07", 3000.0)])
def test_without_figures_a_country_is_a_draw_from_the_population_in_the_panel_or_not(
    geo: str, size: float, without_figures: PanelFit
) -> None:
    own, common = without_figures.parameters_for(geo, size=2000), without_figures.draws
    log_sigma = np.log(own.sigma / common["sigma"]) / common["sigma_spread"]
    gain, typical = (np.log(alpha / (1 - alpha)) for alpha in (own.alpha, common["alpha"]))
    gain = (gain - typical - common["alpha_slope"] * np.log(size / 500)) / common["alpha_spread"]
    coefficients = own.season @ harmonic_basis(np.arange(12)) / 6
    season = (coefficients - common["season"]) / common["season_spread"][:, None]
    for deviation in (log_sigma, gain, *season.T):
        assert stats.kstest(deviation, stats.norm.cdf).pvalue > 1e-3


def test_a_country_outside_the_panel_is_the_same_one_every_time_and_starts_at_its_size(
    without_figures: PanelFit,
) -> None:
    own = without_figures.parameters_for("NL", size=2000)
    np.testing.assert_array_equal(own.initial_level, np.log(2000))
    np.testing.assert_array_equal(own.season, without_figures.parameters_for("NL", size=2000).season)
    assert not np.array_equal(own.sigma, without_figures.parameters_for("BE", size=2000).sigma)
    typical = without_figures.parameters_for("NL").initial_level
    np.testing.assert_allclose(typical, np.log(np.sqrt(60 * 3000)))


@pytest.fixture(scope="module")
def recovered() -> tuple[PanelFit, Any]:
    data, truth = typical_panel(COUNTRIES, 150, 21)
    return fit_panel(data, seed=22, log_sizes=truth.initial_level), truth


def test_what_was_simulated_is_recovered(recovered: tuple[PanelFit, Any]) -> None:
    fit, truth = recovered
    assert fit.diagnostics.passed, fit.diagnostics
    for name, true in TYPICAL.items():
        low, high = np.quantile(fit.draws[name], [0.002, 0.998], axis=0)
        assert np.all((low < true) & (true < high)), name
    for place, geo in enumerate(fit.geos):
        own = fit.parameters_for(geo)
        for name in ("alpha", "sigma", "initial_level"):
            low, high = np.quantile(getattr(own, name), [0.001, 0.999])
            assert low < getattr(truth, name)[place] < high, (geo, name)


def test_a_country_leans_on_the_others_where_its_own_months_are_few() -> None:
    data, _ = typical_panel(COUNTRIES, 120, 31)
    counts = data.counts.copy()
    counts[:-8, 3] = np.nan
    fit = fit_panel(PanelSeries(data.months, counts, data.geos), seed=1, draws=500, outlook=NO_OUTLOOK)
    few, many, none = (fit.parameters_for(geo) for geo in ("G03", "G04", "XX"))
    of_many, of_few, of_none = (np.log(own.sigma).std() for own in (many, few, none))
    assert 1.2 * of_many < of_few < 1.05 * of_none
    assert few.season.std(axis=0).mean() < 1.1 * none.season.std(axis=0).mean()


def test_the_same_seed_gives_the_same_draws() -> None:
    data, _ = typical_panel(COUNTRIES, 40, 5)
    first, second = (fit_panel(data, seed=6, draws=50, tune=100, chains=2) for _ in range(2))
    for name, values in first.draws.items():
        np.testing.assert_array_equal(values, second.draws[name])
