"""Dependence between series: found where it was planted, shrunk where little is known, refused where impossible."""

from __future__ import annotations

import numpy as np
import pytest

from models.series import MonthlySeries
from models.totals.dependence import (
    PRIOR_GROWTHS,
    NoCorrelation,
    estimated_dependence,
    nearest_correlation,
    stated_dependence,
    values_per_independent,
    yearly_growth,
)

START = np.datetime64("1990-01", "M")


def histories(correlation: float, months: int, seed: int, series: int = 2) -> list[MonthlySeries]:
    """Random walks of log counts whose monthly steps are correlated, with a season and Poisson noise."""
    rng = np.random.default_rng(seed)
    steps = 0.08 * rng.standard_normal((months, series))
    steps[:, 1:] = correlation * steps[:, :1] + np.sqrt(1 - correlation**2) * steps[:, 1:]
    season = 0.2 * np.sin(2 * np.pi * np.arange(months) / 12)
    level = 8 + steps.cumsum(axis=0) - steps.cumsum(axis=0).mean(axis=0) + season[:, None]
    counts = rng.poisson(np.exp(level)).astype(float)
    return [MonthlySeries(START + np.arange(months), column) for column in counts.T]


@pytest.mark.parametrize("planted", [-0.6, 0.0, 0.8])
def test_what_was_planted_is_found_without_bias(planted: float) -> None:
    found = [estimated_dependence(histories(planted, 600, seed)) for seed in range(40)]
    measured = [one.measured[0, 1] for one in found if one.measured is not None]
    assert np.mean(measured) == pytest.approx(planted, abs=0.08)


def test_overlapping_growths_are_worth_as_many_as_their_spread_says() -> None:
    """With independent series the spread of what is measured is that of so many independent pairs."""
    found = [estimated_dependence(histories(0.0, 360, seed)) for seed in range(200)]
    measured = np.array([one.measured[0, 1] for one in found if one.measured is not None])
    worth = found[0].observations
    assert worth is not None
    assert worth[0, 1] == pytest.approx((360 - 23) / values_per_independent())
    assert measured.std() == pytest.approx((worth[0, 1] - 1) ** -0.5, rel=0.2)


def test_little_history_is_shrunk_to_nothing_much() -> None:
    short, long = (estimated_dependence(histories(0.8, months, 3)) for months in (48, 600))
    for found in (short, long):
        assert found.measured is not None and found.observations is not None
        n = found.observations[0, 1] - 1
        shrunk = found.measured[0, 1] * max(n, 0) / (max(n, 0) + PRIOR_GROWTHS)
        assert found.correlation[0, 1] == pytest.approx(shrunk)
    assert abs(short.correlation[0, 1]) < 0.3
    assert long.correlation[0, 1] > 0.6


def test_growth_needs_two_whole_years_and_knows_no_gaps() -> None:
    months, counts = START + np.arange(30), np.full(30, 100.0)
    counts[12:24] = 200.0
    counts[29] = np.nan
    found = yearly_growth(MonthlySeries(months, counts))
    assert list(found) == [START + 23 + k for k in range(6)]
    assert found[START + 23] == pytest.approx(np.log(2))
    assert yearly_growth(MonthlySeries(months[:23], counts[:23])) == {}


@pytest.mark.parametrize("flat", [0, 1])
def test_what_hardly_overlaps_or_never_moves_is_independent(flat: int) -> None:
    one, other = histories(0.9, 120, 5)
    still, elsewhere = (
        MonthlySeries(other.months, np.full(120, 40.0)),
        MonthlySeries(other.months + 115, other.counts),
    )
    found = estimated_dependence([one, still if flat else elsewhere])
    np.testing.assert_array_equal(found.correlation, np.eye(2))


def test_pairs_that_contradict_each_other_become_a_correlation_matrix() -> None:
    impossible = np.array([[1.0, 0.9, -0.9], [0.9, 1.0, 0.9], [-0.9, 0.9, 1.0]])
    found = nearest_correlation(impossible)
    assert np.linalg.eigvalsh(found).min() > -1e-12
    np.testing.assert_allclose(np.diag(found), 1.0)
    assert found[0, 1] > 0.4 and found[0, 2] < 0
    possible = np.array([[1.0, 0.5], [0.5, 1.0]])
    assert nearest_correlation(possible) is possible


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([[1.0, 0.2]], "2 rows of 2"),
        ([[1.0, 0.2, 0.1], [0.2, 1.0, 0.1]], "2 rows of 2"),
        ([[1.0, 0.2], [0.3, 1.0]], "symmetric"),
        ([[0.9, 0.2], [0.2, 0.9]], "ones on its diagonal"),
        ([[1.0, 1.2], [1.2, 1.0]], "between -1 and 1"),
        ([[1.0, float("nan")], [float("nan"), 1.0]], "between -1 and 1"),
    ],
)
def test_a_matrix_that_is_none_is_refused_with_the_reason(rows: list[list[float]], said: str) -> None:
    with pytest.raises(NoCorrelation, match=said):
        stated_dependence(rows, 2)


def test_a_matrix_must_be_positive_semidefinite_and_may_be_singular() -> None:
    with pytest.raises(NoCorrelation, match=r"smallest eigenvalue is -0\.8"):
        stated_dependence([[1, 0.9, -0.9], [0.9, 1, 0.9], [-0.9, 0.9, 1]], 3)
    np.testing.assert_array_equal(stated_dependence([[1, 1], [1, 1]], 2).correlation, np.ones((2, 2)))
