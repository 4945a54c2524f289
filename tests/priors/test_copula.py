"""Years joined: draws, joint density and conditioning against SciPy and against each other."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import special, stats

from priors.copula import (
    conditional_draws,
    conditional_normals,
    correlated_normals,
    correlation_matrix,
    draw_component,
    log_density,
    log_density_of,
)
from priors.families import FAMILIES, HARDLY_CUT, Marginal, marginal
from priors.mixture import Component
from priors.score_table import normal_score, score_table, totals_at
from tests.clock import least_cost

YEARS = (2024, 2025, 2026, 2027, 2028)
RHO = 0.8


def component(family: str, years: tuple[int, ...] = YEARS, floor: float = 20_000.0) -> Component:
    beliefs = tuple(
        marginal(family, 34_000.0 + 1_000 * i, 6_000.0 + 1_000 * i, floor=floor if i == 0 else 0.0)
        for i in range(len(years))
    )
    return Component("one", 1.0, years, beliefs)


def standard(draws: int, columns: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((draws, columns))


def test_correlation_falls_with_the_distance_in_years_also_over_a_hole() -> None:
    years = (2024, 2025, 2028)
    scores = correlated_normals(standard(400_000, 3), years, RHO)
    np.testing.assert_allclose(np.corrcoef(scores.T), correlation_matrix(years, RHO), atol=0.006)
    np.testing.assert_allclose(scores.std(axis=0), 1.0, atol=0.006)
    np.testing.assert_allclose(correlation_matrix(years, RHO)[0], [1.0, RHO, RHO**4])


@pytest.mark.parametrize(
    ("years", "rho", "columns"),
    [((2025, 2024), 0.5, 2), ((2024, 2024), 0.5, 2), ((2024, 2025), 1.0, 2), ((2024, 2025), 0.5, 3)],
)
def test_impossible_years_and_correlations_are_refused(
    years: tuple[int, ...], rho: float, columns: int
) -> None:
    with pytest.raises(ValueError, match=r"ascend|correlation|column"):
        correlated_normals(standard(10, columns), years, rho)


@pytest.mark.parametrize("family", FAMILIES)
def test_draws_have_the_stated_marginals_and_joint_ranks(family: str) -> None:
    part = component(family)
    totals = draw_component(part, RHO, standard(40_000, 5))
    assert totals.shape == (40_000, 5)
    for column, belief in enumerate(part.marginals):
        assert stats.kstest(totals[:, column], belief.cdf).statistic < 0.0095  # 99.9% point is 1.95 / sqrt(n)
    assert totals[:, 0].min() >= 20_000.0
    # Spearman's rank correlation of a Gaussian copula is 6/pi asin(rho/2).
    ranks = stats.spearmanr(totals[:, 0], totals[:, 2]).statistic
    assert ranks == pytest.approx(6 / np.pi * np.arcsin(RHO**2 / 2), abs=0.02)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("floor", [0.0, 20_000.0, 40_000.0])
def test_tables_are_exact_to_a_millionth(family: str, floor: float) -> None:
    belief = marginal(family, 34_000.0, 8_000.0, floor=floor)
    z = np.linspace(-5, 5, 20_011)
    exact = np.where(z < 0, belief.ppf(special.ndtr(z)), belief.isf(special.ndtr(-z)))
    drawn = score_table(belief).totals(z)
    # Close to a floor of zero a relative error means nothing; there it is held against the spread.
    np.testing.assert_allclose(drawn, exact, rtol=1e-6, atol=1e-6 * belief.sd())
    np.testing.assert_allclose(normal_score(belief, exact), z, atol=1e-6)
    np.testing.assert_allclose(score_table(belief).scores(exact), z, atol=1e-3)


def test_a_table_ascends_and_ends_where_draws_end() -> None:
    table = score_table(marginal("triangular", 34_000.0, 1_000.0, floor=36_000.0))
    assert np.all(np.diff(table.x_grid) > 0)
    assert np.all(np.diff(table.z_grid) > 0)
    ends = table.totals(np.array([-40.0, 40.0]))
    np.testing.assert_allclose(ends, table.x_grid[[0, -1]], rtol=1e-12)


@pytest.mark.parametrize("family", ["lognormal", "gamma"])
def test_draws_of_an_extremely_skewed_belief_stay_positive(family: str) -> None:
    belief = marginal(family, 1_000.0, 4_999.0)
    drawn = score_table(belief).totals(np.linspace(-8, 8, 100_001))
    assert np.all(drawn > 0)
    assert drawn.max() < np.inf


def test_scores_outside_the_support_are_infinite() -> None:
    belief = marginal("pert", 30_000.0, 1_000.0, floor=29_000.0)
    np.testing.assert_array_equal(normal_score(belief, [28_000.0, 90_000.0]), [-np.inf, np.inf])


def test_joint_density_of_normals_is_the_multivariate_normal() -> None:
    means, sds, years = np.array([34e3, 35e3, 36e3]), np.array([3e3, 4e3, 5e3]), (2024, 2025, 2027)
    beliefs = tuple(marginal("normal", mean, sd) for mean, sd in zip(means, sds, strict=True))
    part = Component("one", 1.0, years, beliefs)
    covariance = correlation_matrix(part.years, RHO) * np.outer(sds, sds)
    totals = means + standard(50, 3) * sds
    expected = stats.multivariate_normal(means, covariance).logpdf(totals)
    # The floor at zero, seven standard deviations away, is the only difference.
    np.testing.assert_allclose(log_density(part, RHO, totals), expected, rtol=1e-9)


@pytest.mark.parametrize("family", FAMILIES)
def test_joint_density_integrates_to_one_and_to_its_marginal(family: str) -> None:
    part = component(family, (2024, 2026))
    grid = np.linspace(1.0, 400_000.0, 801)
    first, second = np.meshgrid(grid, grid, indexing="ij")
    joint = np.exp(log_density(part, RHO, np.column_stack([first.ravel(), second.ravel()]))).reshape(
        first.shape
    )
    cell = (grid[1] - grid[0]) ** 2
    assert joint.sum() * cell == pytest.approx(1.0, abs=4e-3)
    row = int(np.searchsorted(grid, 33_000.0))
    alone = np.exp(log_density_of(part, RHO, {2024: float(grid[row])}))
    assert joint[row].sum() * (grid[1] - grid[0]) == pytest.approx(alone, rel=2e-3)
    assert alone == pytest.approx(float(part.marginals[0].pdf(grid[row])), rel=1e-12)


def test_outside_the_support_the_joint_density_is_zero() -> None:
    part = component("triangular", (2024, 2025))
    totals = np.array([[19_999.0, 35_000.0], [30_000.0, 900_000.0], [30_000.0, 35_000.0]])
    assert np.isneginf(log_density(part, RHO, totals)).tolist() == [True, True, False]
    assert log_density_of(part, RHO, {2024: 19_999.0}) == -np.inf
    assert log_density_of(part, RHO, {}) == 0.0


def test_conditioning_on_normals_is_the_regression_of_normals() -> None:
    part = component("normal", (2024, 2025, 2026), floor=0.0)
    z = (41_000.0 - 35_000.0) / 7_000.0
    scores = conditional_normals(part, RHO, {2025: 41_000.0}, standard(300_000, 2))
    np.testing.assert_allclose(scores.mean(axis=0), RHO * z, atol=0.01)
    np.testing.assert_allclose(scores.std(axis=0), np.sqrt(1 - RHO**2), atol=0.01)
    # Given the year between, the years on either side know nothing more of one another.
    assert abs(np.corrcoef(scores.T)[0, 1]) < 0.01


def test_conditional_draws_equal_the_draws_that_happened_to_come_close() -> None:
    part = component("lognormal", (2024, 2025))
    totals = draw_component(part, RHO, standard(400_000, 2))
    close = totals[np.abs(totals[:, 0] - 40_000.0) < 150.0, 1]
    given = conditional_draws(part, RHO, {2024: 40_000.0}, standard(20_000, 1, seed=2))[:, 0]
    assert stats.ks_2samp(close, given).statistic < 0.03


def test_conditioning_refuses_what_cannot_be() -> None:
    part = component("triangular", (2024, 2025))
    with pytest.raises(ValueError, match="impossible"):
        conditional_normals(part, RHO, {2024: 1.0}, standard(5, 1))
    with pytest.raises(KeyError, match="2030"):
        conditional_normals(part, RHO, {2030: 1.0}, standard(5, 2))


@pytest.mark.parametrize("family", FAMILIES)
def test_an_edit_is_tabulated_and_drawn_faster_than_by_the_quantile_function(family: str) -> None:
    base, edit = standard(20_000, 5), itertools.count()

    def moved() -> tuple[Marginal, ...]:
        first = 34_000.0 + next(edit)
        return tuple(marginal(family, first + i, 7_000.0, floor=100.0) for i in range(5))

    def ours() -> None:
        years = moved()
        for belief in years:
            score_table(belief)
        draw_component(Component("one", 1.0, YEARS, years), RHO, base)

    def plain() -> None:
        for scores, belief in zip(base.T, moved(), strict=True):
            belief.ppf(stats.norm.cdf(scores))

    assert least_cost(ours, 8) < least_cost(plain, 4)


def test_a_lognormal_hardly_cut_is_drawn_in_closed_form() -> None:
    belief, z = marginal("lognormal", 18_600.0, 1_800.0, floor=10_170.0), np.linspace(-4, 4, 401)
    assert 0 < belief.removed < HARDLY_CUT
    exact = np.where(z < 0, belief.ppf(stats.norm.cdf(z)), belief.isf(stats.norm.sf(z)))
    np.testing.assert_allclose(totals_at(belief, z), exact, rtol=2e-6)
    assert belief.at_scores(z) is not None
    assert totals_at(belief, np.array([-9.0])).tolist() == [belief.floor]
    assert marginal("lognormal", 18_000.0, 2_500.0, floor=10_170.0).at_scores(z) is None
