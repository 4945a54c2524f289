"""Paths paired by a copula: closed forms for the sum, and every series left as it was."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from models.totals.pairing import heights, paired_rows, yearly_correlation

RNG = np.random.default_rng
DRAWS = 50_000


def matrix(rho: float) -> np.ndarray:
    return np.array([[1.0, rho], [rho, 1.0]])


@pytest.mark.parametrize("rho", [-1.0, -0.5, 0.0, 0.3, 0.9, 1.0])
def test_two_normal_totals_have_the_variance_of_their_sum(rho: float) -> None:
    # Var(A + B) = a^2 + b^2 + 2 rho a b.
    points = stats.norm.ppf((np.arange(DRAWS) + 0.5) / DRAWS)
    one = 30_000 + 3_000 * RNG(1).permutation(points)
    other = 9_000 + 1_200 * RNG(2).permutation(points)
    first, second = paired_rows([heights(v[:, None]) for v in (one, other)], matrix(rho), seed=3)
    total = one[first] + other[second]
    assert total.mean() == pytest.approx(39_000)
    wanted = 3_000**2 + 1_200**2 + 2 * rho * 3_000 * 1_200
    assert total.var() == pytest.approx(wanted, rel=0.002)
    low, high = stats.norm.ppf([0.125, 0.875], 39_000, np.sqrt(wanted))
    assert np.quantile(total, [0.125, 0.875]) == pytest.approx([low, high], rel=0.003)


def test_three_series_have_all_their_correlations() -> None:
    stated = np.array([[1.0, 0.6, -0.2], [0.6, 1.0, 0.1], [-0.2, 0.1, 1.0]])
    values = [RNG(k).gamma(k + 1, size=DRAWS) * 1_000 for k in range(3)]
    rows = paired_rows([heights(v[:, None]) for v in values], stated, seed=8)
    scores = [stats.norm.ppf(stats.rankdata(v[r]) / (DRAWS + 1)) for v, r in zip(values, rows, strict=True)]
    np.testing.assert_allclose(np.corrcoef(scores), stated, atol=0.002)


@pytest.mark.parametrize("draws", [1, 2, 3, 400])
def test_every_path_is_taken_once_and_the_same_seed_pairs_alike(draws: int) -> None:
    values = [RNG(k).poisson(3, size=(draws, 2)).astype(float) for k in range(3)]
    high = [heights(v) for v in values]
    stated = 0.5 + 0.5 * np.eye(3)
    rows, again, other = (paired_rows(high, stated, seed) for seed in (1, 1, 2))
    for one, same in zip(rows, again, strict=True):
        np.testing.assert_array_equal(np.sort(one), np.arange(draws))
        np.testing.assert_array_equal(one, same)
    if draws == 400:
        assert any((one != moved).any() for one, moved in zip(rows, other, strict=True))


def test_ties_are_broken_by_chance_and_not_by_order() -> None:
    """Draws come in an order; of equals in a small series it must not matter."""
    order = np.arange(DRAWS, dtype=float)
    few = np.repeat([5.0, 6.0], DRAWS // 2)
    first, second = paired_rows([heights(few[:, None]), heights(order[:, None])], matrix(0.8), seed=4)
    of_fives = few[first] == 5.0
    assert abs(np.corrcoef(first[of_fives], second[of_fives])[0, 1]) < 0.02


def test_height_counts_every_open_year_alike_and_settled_ones_not_at_all() -> None:
    yearly = np.column_stack(
        [np.full(400, 7.0), RNG(1).lognormal(9, 0.1, 400), RNG(2).lognormal(6, 0.9, 400)]
    )
    found = heights(yearly)
    for year in (1, 2):
        assert np.corrcoef(found, np.log(yearly[:, year]))[0, 1] == pytest.approx(0.5**0.5, abs=0.06)
    np.testing.assert_array_equal(heights(np.full((5, 2), 3.0)), np.zeros(5))


def test_what_single_years_share_is_told_and_missing_where_a_year_is_settled() -> None:
    one, other = RNG(1).normal(size=(2, DRAWS))
    together = 0.8 * one + 0.6 * other
    found = yearly_correlation([np.column_stack([one, one]), np.column_stack([together, np.zeros(DRAWS)])])
    assert found[0, 0, 1] == pytest.approx(6 / np.pi * np.arcsin(0.4), abs=0.01)
    assert np.isnan(found[1, 0, 1])
