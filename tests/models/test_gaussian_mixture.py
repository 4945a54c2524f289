"""Mixtures against SciPy's multivariate normal and the textbook conditional."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import logsumexp
from scipy.stats import multivariate_normal, norm

from models.gaussian_mixture import DensityRatio, GaussianMixture, log_sum_exp

Array = NDArray[np.float64]


def some_mixture(dim: int = 4, components: int = 3, seed: int = 1) -> GaussianMixture:
    rng = np.random.default_rng(seed)
    roots = rng.normal(0, 0.2, (components, dim, dim)) + 0.15 * np.eye(dim)
    covariances = roots @ roots.transpose(0, 2, 1) + 1e-3 * np.eye(dim)
    return GaussianMixture(
        rng.dirichlet(np.full(components, 4.0)), 10 + rng.normal(0, 0.4, (components, dim)), covariances
    )


def reference(mixture: GaussianMixture, points: Array) -> Array:
    logs = [
        np.log(w) + multivariate_normal(m, s).logpdf(points)
        for w, m, s in zip(mixture.weights, mixture.means, mixture.covariances, strict=True)
    ]
    return np.stack(logs)


def some_points(mixture: GaussianMixture, count: int, seed: int = 2) -> Array:
    return mixture.means[0] + np.random.default_rng(seed).normal(0, 0.6, (count, mixture.dim))


@pytest.mark.parametrize("dim", [1, 2, 5, 7])
@pytest.mark.parametrize("count", [1, 4_096, 4_097])
def test_log_density_is_scipys(dim: int, count: int) -> None:
    mixture = some_mixture(dim)
    points = some_points(mixture, count)
    wanted = reference(mixture, points).reshape(3, count)
    np.testing.assert_allclose(mixture.component_log_densities(points), wanted, rtol=1e-9, atol=1e-8)
    np.testing.assert_allclose(mixture.log_density(points), logsumexp(wanted, axis=0), rtol=1e-9, atol=1e-8)


def test_density_integrates_to_one() -> None:
    mixture = some_mixture(1)
    x = np.linspace(5, 15, 20_001)
    assert np.trapezoid(np.exp(mixture.log_density(x[:, None])), x) == pytest.approx(1, abs=1e-9)


def test_marginal_takes_coordinates_in_the_order_asked() -> None:
    mixture = some_mixture(4)
    part, points = mixture.marginal([2, 0]), some_points(mixture, 50)[:, [2, 0]]
    wanted = [
        np.log(w) + multivariate_normal(m[[2, 0]], s[np.ix_([2, 0], [2, 0])]).logpdf(points)
        for w, m, s in zip(mixture.weights, mixture.means, mixture.covariances, strict=True)
    ]
    np.testing.assert_allclose(part.log_density(points), logsumexp(np.stack(wanted), axis=0), rtol=1e-9)


def conditional_moments(mixture: GaussianMixture, known: list[int], value: Array) -> tuple[Array, Array]:
    """Mean and covariance of the free coordinates given `value`, by the textbook."""
    free = [i for i in range(mixture.dim) if i not in known]
    means, covariances, logs = [], [], []
    for w, m, s in zip(mixture.weights, mixture.means, mixture.covariances, strict=True):
        gain = (
            s[np.ix_(free, known)] @ np.linalg.inv(s[np.ix_(known, known)])
            if known
            else np.zeros((len(free), 0))
        )
        means.append(m[free] + gain @ (value - m[known]))
        covariances.append(s[np.ix_(free, free)] - gain @ s[np.ix_(known, free)])
        seen = multivariate_normal(m[known], s[np.ix_(known, known)]).logpdf(value) if known else 0.0
        logs.append(np.log(w) + seen)
    share = np.exp(np.array(logs) - logsumexp(logs))
    mean = share @ np.array(means)
    spread = [
        p * (c + np.outer(m - mean, m - mean)) for p, m, c in zip(share, means, covariances, strict=True)
    ]
    return mean, np.sum(spread, axis=0)


@pytest.mark.parametrize("known", [[], [0], [1, 3], [0, 1, 2]])
def test_completed_draws_have_the_conditional_moments(known: list[int]) -> None:
    mixture, size = some_mixture(4, seed=6), 200_000
    value = mixture.means[1][known] + 0.05
    base = np.random.default_rng(4).standard_normal((size, 4 - len(known) + 1))
    drawn = mixture.complete(known, np.tile(value, (size, 1)), base)
    mean, covariance = conditional_moments(mixture, known, value)
    error = 5 * np.sqrt(np.diag(covariance) / size)
    assert (np.abs(drawn.mean(axis=0) - mean) < error).all()
    np.testing.assert_allclose(
        np.cov(drawn.T).reshape(covariance.shape), covariance, atol=0.03 * covariance.max()
    )


def test_one_component_is_completed_row_by_row() -> None:
    mixture = GaussianMixture(np.ones(1), np.zeros((1, 2)), np.array([[[1.0, 0.6], [0.6, 1.0]]]))
    values, base = np.array([[-1.0], [0.0], [2.0]]), np.array([[0.5, 0.0], [0.0, 3.0], [-1.0, -3.0]])
    wanted = 0.6 * values[:, 0] + 0.8 * base[:, 0]
    np.testing.assert_allclose(mixture.complete([0], values, base)[:, 0], wanted)


def test_component_is_chosen_by_the_last_column() -> None:
    narrow = np.full((2, 1, 1), 1e-8)
    mixture = GaussianMixture(np.array([0.3, 0.7]), np.array([[-1.0], [1.0]]), narrow)
    at = norm.ppf([0.05, 0.299, 0.301, 0.99])
    drawn = mixture.complete([], np.empty((4, 0)), np.column_stack([np.zeros(4), at]))
    np.testing.assert_allclose(drawn[:, 0], [-1, -1, 1, 1], atol=1e-3)


def test_far_away_points_are_completed_without_nan() -> None:
    mixture = some_mixture(3)
    drawn = mixture.complete([0], np.full((5, 1), 1_000.0), np.zeros((5, 3)))
    assert np.isfinite(drawn).all()
    assert np.isfinite(mixture.log_density(np.full((5, 3), 1_000.0))).all()


def test_log_sum_exp_keeps_minus_infinity_and_size() -> None:
    values = np.array([[-np.inf, 1_000.0, -1_000.0], [-np.inf, 1_000.0, -np.inf]])
    np.testing.assert_allclose(log_sum_exp(values), [-np.inf, 1_000 + np.log(2), -1_000.0])


@pytest.mark.parametrize("column", [0, 2])
def test_given_one_coordinate_the_others_are_joint_over_marginal(column: int) -> None:
    mixture = some_mixture(4)
    points = some_points(mixture, 50)
    others, log_density = mixture.given(column, 10.1)
    points[:, column] = 10.1
    joint = logsumexp(reference(mixture, points), axis=0)
    rest = np.delete(points, column, axis=1)
    np.testing.assert_allclose(logsumexp(reference(others, rest), axis=0) + log_density, joint, atol=1e-8)
    assert others.weights.sum() == pytest.approx(1)


@pytest.mark.parametrize("places", [(0, 1, 2, 3), (1, 3), (2,)])
def test_a_ratio_is_the_difference_of_log_densities(places: tuple[int, ...]) -> None:
    above, below = some_mixture(4), some_mixture(len(places), components=5, seed=7)
    points = np.asfortranarray(some_points(above, 5_000))
    wanted = logsumexp(reference(above, points), axis=0)
    wanted -= logsumexp(reference(below, points[:, list(places)]).reshape(5, -1), axis=0)
    np.testing.assert_allclose(DensityRatio(above, below, places)(points), wanted, rtol=2e-6, atol=5e-4)
