"""The model against its NumPy twin, its priors with the likelihood off, and simulated and real series."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy import stats

from models.inflow import (
    DEFAULT_PRIORS,
    HARMONICS,
    InflowPriors,
    build_inflow_model,
    fit_inflow,
    harmonic_basis,
    parameters_of,
)
from models.inflow_paths import InflowParameters, initial_state, one_step_log_density, simulate_log_counts
from models.prior_terms import Prior
from models.sampling import sample
from models.series import MonthlySeries, monthly_series

Array = NDArray[np.float64]
START = np.datetime64("2008-01", "M")
HYPERPARAMETERS = [name for name in InflowPriors.model_fields if name != "version"]


def unconstrained(prior: Prior, value: Any) -> Any:
    """The normal behind a prior's family, written from the family's definition."""
    if prior.family == "normal":
        return value
    return np.log(value) if prior.family == "lognormal" else np.log(value) - np.log1p(-value)


def drawn(seed: int, scale: float = 1.0) -> dict[str, Array]:
    """One draw of every hyperparameter on the sampler's scale, named as PyMC names its values."""
    rng = np.random.default_rng(seed)
    point: dict[str, Array] = {}
    for name in HYPERPARAMETERS:
        prior: Prior = getattr(DEFAULT_PRIORS, name)
        size = 2 * HARMONICS if name == "season" else None
        suffix = "" if prior.family == "normal" else "_normal"
        value = rng.normal(prior.parameters["mu"], scale * prior.parameters["sigma"], size)
        point[f"{name}{suffix}"] = np.asarray(value)
    return point


def as_parameters(point: dict[str, Array]) -> InflowParameters:
    """The same draw as the NumPy side takes it: one chain of one draw."""
    values = dict(point)
    for name in HYPERPARAMETERS:
        if f"{name}_normal" in values:
            behind = values.pop(f"{name}_normal")
            logit = getattr(DEFAULT_PRIORS, name).family == "logit_normal"
            values[name] = 1 / (1 + np.exp(-behind)) if logit else np.exp(behind)
    return parameters_of({name: np.asarray(value)[None] for name, value in values.items()})


def series_with_gaps(months: int, seed: int) -> MonthlySeries:
    rng = np.random.default_rng(seed)
    counts = np.round(500 * np.exp(np.cumsum(rng.normal(0, 0.25, months))))
    counts[rng.uniform(size=months) < 0.2] = np.nan
    counts[3] = 0
    return MonthlySeries(START + np.arange(months), counts)


@pytest.mark.parametrize("months", [6, 60])
def test_the_likelihood_is_the_density_that_is_simulated(months: int) -> None:
    data = series_with_gaps(months, seed=months)
    model = build_inflow_model(data)
    log_likelihood = model.compile_logp(vars=model.potentials, mode="FAST_COMPILE")
    for seed in range(5):
        point = drawn(seed)
        expected = one_step_log_density(as_parameters(point), data)[0]
        assert log_likelihood(point) == pytest.approx(expected, abs=1e-8)


def test_the_gradient_is_that_of_finite_differences() -> None:
    model = build_inflow_model(series_with_gaps(40, seed=1))
    logp = model.compile_logp(mode="FAST_COMPILE")
    gradient = model.compile_dlogp(mode="FAST_COMPILE")
    point = drawn(3)
    differences = []
    for variable in model.value_vars:
        for place in np.ndindex(point[variable.name].shape):
            sides = []
            for step in (1e-6, -1e-6):
                moved = {name: value.copy() for name, value in point.items()}
                moved[variable.name][place] += step
                sides.append(float(logp(moved)))
            differences.append((sides[0] - sides[1]) / 2e-6)
    np.testing.assert_allclose(gradient(point), differences, rtol=1e-5, atol=1e-5)


@pytest.fixture(scope="module")
def prior_draws() -> dict[str, Array]:
    """Posterior of a series without a single figure."""
    nothing = MonthlySeries(START + np.arange(24), np.full(24, np.nan))
    sampled = sample(
        build_inflow_model(nothing),
        draws=2000,
        tune=500,
        chains=4,
        seed=11,
        structure=("inflow", DEFAULT_PRIORS.model_dump_json()),
    )
    return {name: values[:, ::4] for name, values in sampled.posterior.items()}


@pytest.mark.parametrize("name", HYPERPARAMETERS)
def test_without_figures_every_hyperparameter_keeps_its_declared_prior(
    name: str, prior_draws: dict[str, Array]
) -> None:
    prior: Prior = getattr(DEFAULT_PRIORS, name)
    declared = stats.norm(prior.parameters["mu"], prior.parameters["sigma"])
    draws = unconstrained(prior, prior_draws[name]).reshape(2000, -1)
    for column in draws.T:
        assert stats.kstest(column, declared.cdf).pvalue > 1e-3
        wrong = stats.norm(prior.parameters["mu"], 1.3 * prior.parameters["sigma"])
        assert stats.kstest(column, wrong.cdf).pvalue < 1e-3, "the test must be able to fail"


def test_the_season_adds_up_to_nothing_over_a_year_and_peaks_where_its_cosine_does() -> None:
    basis = harmonic_basis(np.arange(12))
    np.testing.assert_allclose(basis.sum(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(basis.T @ basis, 6 * np.eye(2 * HARMONICS), atol=1e-12)
    assert basis[:, 0].argmax() == 0


TRUTH = InflowParameters(
    alpha=np.array([0.6]),
    sigma=np.array([0.25]),
    nu=np.array([4.0]),
    overdispersion=np.array([6.0]),
    season=(harmonic_basis(np.arange(12)) @ [0.1, -0.05, 0.03, -0.1, 0.02, 0.01])[None],
    initial_level=np.array([7.0]),
)


def test_what_was_simulated_is_recovered() -> None:
    y = simulate_log_counts(TRUTH, initial_state(TRUTH, START), START, 240, 1, seed=21)[0]
    fit = fit_inflow(MonthlySeries(START + np.arange(240), np.exp(y)), seed=22)
    assert fit.diagnostics.passed
    for name in ("alpha", "sigma", "nu", "overdispersion", "initial_level"):
        low, high = np.quantile(getattr(fit.parameters, name), [0.005, 0.995])
        assert low < getattr(TRUTH, name)[0] < high, name
    low, high = np.quantile(fit.parameters.season, [0.005, 0.995], axis=0)
    assert np.all((low < TRUTH.season[0]) & (TRUTH.season[0] < high))
    prior = DEFAULT_PRIORS.alpha.parameters
    assert unconstrained(DEFAULT_PRIORS.alpha, fit.parameters.alpha).std() < 0.5 * prior["sigma"]
    assert np.log(fit.parameters.sigma).std() < 0.6 * DEFAULT_PRIORS.sigma.parameters["sigma"]


def test_months_that_are_missing_widen_what_is_known() -> None:
    y = simulate_log_counts(TRUTH, initial_state(TRUTH, START), START, 120, 1, seed=31)[0]
    counts = np.exp(y)
    thinned = np.where(np.arange(120) % 3 == 0, counts, np.nan)
    whole = fit_inflow(MonthlySeries(START + np.arange(120), counts), seed=1)
    sparse = fit_inflow(MonthlySeries(START + np.arange(120), thinned), seed=1)
    assert sparse.diagnostics.passed
    assert sparse.parameters.season.std(axis=0).mean() > 1.2 * whole.parameters.season.std(axis=0).mean()
    low, high = np.quantile(sparse.parameters.sigma, [0.005, 0.995])
    assert low < TRUTH.sigma[0] < high


def dutch_months(folder: Path) -> MonthlySeries:
    table = pd.read_csv(folder / "eurostat_first_time_applicants_monthly.csv", keep_default_na=False)
    chosen = (table["geo"] == "NL") & (table["series"] == "first_time_2008on") & (table["month"] <= "2016-12")
    return monthly_series(table[chosen].rename(columns={"month": "period", "applicants": "value"}), "NL")


def test_dutch_first_applications_2008_to_2016(shared_data: Path) -> None:
    data = dutch_months(shared_data)
    assert len(data) == 108
    fit = fit_inflow(data, seed=1)
    assert fit.diagnostics.passed, fit.diagnostics
    assert fit.diagnostics.seconds_sample < 30
    np.testing.assert_array_equal(fit.parameters.alpha, fit_inflow(data, seed=1).parameters.alpha)
    summer, spring = fit.parameters.season[:, 7:10].mean(), fit.parameters.season[:, 2:5].mean()
    assert summer > spring + 0.15, "Dutch inflow peaks after the summer"
    assert 0.6 < np.median(fit.parameters.alpha) < 1
