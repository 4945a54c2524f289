"""Many mixtures at once: against the densities one by one, closed forms, the definition, and another library."""

import itertools
from typing import Any

import numpy as np
import pytest
import scoringrules
from scipy import integrate

from models.calibration.forms import MixtureForm, QuantileForm, sorted_draws
from models.calibration.mixture_crps import crps_by_quadrature, crps_of_mixtures
from models.calibration.mixtures import mixtures
from models.calibration.statements import quantiles_at, statements
from priors.families import marginal
from priors.mixture import Component, ExpertDensity
from tests.models.calibration.made_up_archive import archive, payload, scenario

YEAR = 2025
STATED: list[list[dict[str, Any]]] = [
    [scenario("a", 1.0, 30000, 5000, YEAR, family="normal")],
    [scenario("a", 0.6, 34000, 5000, YEAR), scenario("b", 0.4, 45000, 9000, YEAR)],
    [
        scenario("a", 0.3, 20000, 12000, YEAR, family="normal"),
        scenario("b", 0.7, 60000, 9000, YEAR, family="normal", spreadMeaning="half_width_80"),
    ],
    [
        scenario("a", 0.2, 20000, 3000, YEAR, family="gamma"),
        scenario("b", 0.3, 40000, 9000, YEAR, family="student_t"),
        scenario("c", 0.5, 50000, 6000, YEAR, family="triangular"),
    ],
    [scenario("a", 0.5, 30000, 9000, YEAR), scenario("b", 0.5, 50000, 8000, YEAR, family="pert")],
    [scenario("a", 0.5, 30000, 15000, YEAR, family="normal"), scenario("b", 0.5, 50000, 8000, YEAR)],
]
FORECASTS = archive(
    *(payload(f"e{k}", "2024-08-01", YEAR, scenarios=stated) for k, stated in enumerate(STATED)),
    payload("floor", "2025-08-01", YEAR, scenarios=STATED[1], countedAtCutoff=30000),
)
OUTCOMES = np.array([42000.0, 28000.0, 31000.0, 45000.0, 20000.0, 1000.0, 33000.0])


def one_by_one(place: int) -> ExpertDensity:
    forecast = FORECASTS[place]
    parts = []
    for one in forecast.scenarios or ():
        belief = one.years[YEAR]
        density = marginal(
            one.family,
            belief.expected,
            belief.spread,
            one.spread_meaning,
            floor=forecast.counted_at_cutoff,
        )
        parts.append(Component(one.key, one.probability, (YEAR,), (density,)))
    return ExpertDensity(tuple(parts), 0.0)


@pytest.mark.parametrize("place", range(len(FORECASTS)))
def test_each_is_the_density_that_its_scenarios_state(place: int) -> None:
    table, density = mixtures(FORECASTS), one_by_one(place)
    x = np.linspace(1000, 90000, 41)
    everywhere = np.broadcast_to(x, (len(FORECASTS), len(x)))
    np.testing.assert_allclose(table.cdf(everywhere)[place], density.cdf(YEAR, x), atol=1e-13)
    np.testing.assert_allclose(table.pdf(everywhere)[place], density.pdf(YEAR, x), rtol=1e-10, atol=1e-18)
    levels = np.array([0.001, 0.125, 0.5, 2 / 3, 0.875, 0.999])
    np.testing.assert_allclose(table.ppf(levels)[place], density.ppf(YEAR, levels), rtol=1e-9)


@pytest.mark.parametrize("place", range(len(FORECASTS)))
def test_crps_is_the_definitions_integral(place: int) -> None:
    density, y = one_by_one(place), OUTCOMES[place]
    low, high = density.ppf(YEAR, 1e-9), density.ppf(YEAR, 1 - 1e-9)
    inner = [p for p in density.ppf(YEAR, np.linspace(0.02, 0.98, 25)) if p != y]
    corners = [m.marginals[0].expected for m in density.components]

    def squared(x: float) -> float:
        return float((density.cdf(YEAR, x) - (x >= y)) ** 2)

    cuts = np.unique([min(low, y), max(high, y), y, *inner, *corners])
    expected = sum(integrate.quad(squared, a, b, epsabs=1e-6)[0] for a, b in itertools.pairwise(cuts))
    assert crps_of_mixtures(mixtures(FORECASTS), OUTCOMES)[place] == pytest.approx(expected, rel=2e-6)


def test_the_quadrature_agrees_with_the_closed_forms() -> None:
    closed = archive(
        payload("n", "2024-08-01", YEAR, scenarios=[scenario("a", 1, 40000, 5000, YEAR, family="normal")]),
        payload("l", "2024-08-01", YEAR, scenarios=STATED[1]),
        payload("narrow", "2024-08-01", YEAR, scenarios=[scenario("a", 1, 40000, 40, YEAR)]),
    )
    y = np.array([47000.0, 30000.0, 40100.0])
    table = mixtures(closed)
    np.testing.assert_allclose(crps_by_quadrature(table, y), crps_of_mixtures(table, y), rtol=1e-8)


def test_normals_and_lognormals_agree_with_scoringrules() -> None:
    rng = np.random.default_rng(1)
    m, s, w = rng.normal(5e4, 8e3, (50, 3)), rng.uniform(2e3, 5e3, (50, 3)), rng.dirichlet([2, 2, 2], 50)
    y = rng.normal(5e4, 1e4, 50)
    forecasts = archive(
        *(
            payload(
                f"e{k}",
                "2024-08-01",
                YEAR,
                scenarios=[
                    scenario(f"s{j}", w[k, j], m[k, j], s[k, j], YEAR, family="normal") for j in range(3)
                ],
            )
            for k in range(50)
        )
    )
    table = mixtures(forecasts)
    assert np.max(table.removed) < 1e-9
    np.testing.assert_allclose(crps_of_mixtures(table, y), scoringrules.crps_mixnorm(y, m, s, w), rtol=1e-9)
    np.testing.assert_allclose(
        MixtureForm(table).log_score(y), scoringrules.logs_mixnorm(y, m, s, w), rtol=1e-9
    )
    single = archive(payload("l", "2024-08-01", YEAR, scenarios=[scenario("a", 1, 40000, 8000, YEAR)]))
    one = mixtures(single)
    theirs = scoringrules.crps_lognormal(33000.0, one.centre[0], one.spread[0])
    assert crps_of_mixtures(one, np.array([33000.0]))[0] == pytest.approx(theirs, rel=1e-9)


def test_draws_agree_with_scoringrules_and_with_the_density_they_come_from() -> None:
    density = one_by_one(1)
    levels = (np.arange(4000) + 0.5) / 4000
    form = sorted_draws([density.ppf(YEAR, levels)])
    y = np.array([OUTCOMES[1]])
    theirs = scoringrules.crps_ensemble(y, form.draws, estimator="nrg")
    assert form.crps(y)[0] == pytest.approx(float(theirs[0]), rel=1e-9)
    exact = MixtureForm(mixtures(FORECASTS[1:2]))
    assert form.crps(y)[0] == pytest.approx(exact.crps(y)[0], rel=1e-3)
    assert form.log_score(y)[0] == pytest.approx(exact.log_score(y)[0], abs=0.1)
    np.testing.assert_allclose(
        form.quantiles(np.array([0.125, 0.9])), exact.quantiles(np.array([0.125, 0.9])), rtol=1e-3
    )
    lower, upper = form.pit(y)
    assert lower[0] <= exact.pit(y)[0][0] <= upper[0]
    assert form.exceedance(np.array([40000.0]))[0, 0] == pytest.approx(
        exact.exceedance(np.array([40000.0]))[0, 0], abs=1e-3
    )


def test_quantiles_only_tell_the_same_pit_and_coverage_as_the_densities_they_come_from() -> None:
    levels = np.array([0.125, 0.5, 2 / 3, 0.875])
    full = statements(FORECASTS)
    stated = QuantileForm(levels, full.quantiles(levels.tolist()))
    rng = np.random.default_rng(4)
    for _ in range(50):
        y = rng.uniform(15000, 80000, len(FORECASTS))
        exact, _ = full.pit(y)
        lower, upper = stated.pit(y)
        assert np.all((lower <= exact) & (exact <= upper))
        held = (lower >= 0.125) & (upper <= 0.875)
        ends = full.quantiles((0.125, 0.875))
        assert np.array_equal(held, (ends[:, 0] < y) & (y <= ends[:, 1]))


def test_only_stated_levels_are_answered_and_the_median_is_between_its_neighbours() -> None:
    form = QuantileForm(np.array([0.125, 0.667, 0.875]), np.array([[20000.0, 40000.0, 50000.0]]))
    answered = form.quantiles(np.array([0.125, 0.5, 2 / 3, 0.9]))
    np.testing.assert_array_equal(answered, [[20000, np.nan, 40000, np.nan]])
    assert 20000 < form.medians()[0] < 40000
    lognormal = archive(payload("l", "2024-08-01", YEAR, scenarios=[scenario("a", 1, 40000, 8000, YEAR)]))
    of_two = quantiles_at(lognormal, (0.125, 0.875))
    exact = quantiles_at(lognormal, (0.5,))[0, 0]
    assert QuantileForm(np.array([0.125, 0.875]), of_two).medians()[0] == pytest.approx(exact, rel=1e-9)
    assert np.isnan(QuantileForm(np.array([0.6, 0.9]), np.array([[1.0, 2.0]])).medians()[0])


def test_a_mixed_archive_comes_back_in_its_order() -> None:
    mixed = archive(
        payload("a", "2024-08-01", YEAR, point=1000),
        payload("b", "2024-08-01", YEAR, scenarios=STATED[1]),
        payload("c", "2024-08-01", YEAR, draws=[1.0, 2.0, 3.0]),
        payload("d", "2024-08-01", YEAR, quantiles=[{"level": 0.5, "value": 7}]),
        payload("e", "2024-08-01", YEAR, point=9),
    )
    found = statements(mixed).medians()
    np.testing.assert_allclose(found, [1000, one_by_one(1).ppf(YEAR, 0.5), 2, 7, 9])
    assert np.isnan(statements(mixed).crps(np.full(5, 5.0)))[[0, 3, 4]].all()
