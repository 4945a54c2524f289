"""The filter of rates: special functions, gradient, and the limits in which its answer is known exactly."""

import numba
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import special, stats

from models.acceptance.beta import beta_shapes, polygammas
from models.acceptance.density import density_and_gradient
from models.acceptance.filter import SCALARS
from models.acceptance.states import LOG_DENSITY, MEAN, VARIANCE, filtered, paths

Array = NDArray[np.float64]
NO_NOISE = dict.fromkeys(SCALARS, 0.0) | {"turbulent_share": 0.2, "turbulent_variance": 9.0}


@numba.njit
def _polygammas(x: float) -> tuple[float, float, float, float]:
    return polygammas(x)


def scalars(**given: float) -> Array:
    named = NO_NOISE | given
    return np.array([named[name] for name in SCALARS])


def arrays(seed: int = 0, periods: int = 24, series: int = 5) -> tuple[Array, Array, Array, Array]:
    """Step variances, offsets, counts and first periods; series 1 starts late, series 2 has a gap."""
    rng = np.random.default_rng(seed)
    total = rng.poisson(rng.lognormal(2.5, 1, series), (periods, series)).astype(float)
    total[:4, 1], total[9:13, 2] = 0.0, 0.0
    positive = rng.binomial(total.astype(int), rng.beta(1, 1, series))
    counts = np.stack([positive, total, rng.standard_normal((periods, series))])
    first = (total > 0).argmax(axis=0)
    return rng.uniform(0.05, 0.5, series), 0.3 * rng.standard_normal((periods, series)), counts, first


@pytest.mark.parametrize("x", [0.01, 0.3, 1.0, 2.5, 5.999, 6.0, 40.0, 1e5])
def test_special_functions_are_those_of_scipy(x: float) -> None:
    expected = [special.psi(x), special.polygamma(1, x), special.polygamma(2, x), special.gammaln(x)]
    np.testing.assert_allclose(_polygammas(x), expected, rtol=2e-8, atol=1e-10)


def test_a_beta_has_the_log_odds_asked_for() -> None:
    mean = np.array([0.0, 3.0, -9.0, 2.0, 0.0, -1.0])
    variance = np.array([0.1, 2.0, 12.0, 1e-5, 30.0, 0.5])
    a, b = beta_shapes(mean, variance)
    np.testing.assert_allclose(special.psi(a) - special.psi(b), mean, atol=1e-6)
    np.testing.assert_allclose(special.polygamma(1, a) + special.polygamma(1, b), variance, rtol=1e-6)


def test_the_gradient_is_that_of_the_density() -> None:
    step, offset, counts, first = arrays()
    at = scalars(pull=0.3, elsewhere_weight=0.8, start_variance=1.4, batch=1.5, correlation=0.01)
    _, to_scalars, to_step, to_offset = density_and_gradient(at, step, offset, counts, first, 0.25)

    def summed(change: float, which: int, place: tuple[int, ...]) -> float:
        moved = [at.copy(), step.copy(), offset.copy()]
        moved[which][place] += change
        return float(density_and_gradient(*moved, counts, first, 0.25)[0].sum())

    given = {0: to_scalars, 1: to_step, 2: to_offset}
    asked = [(0, (i,)) for i in range(7)] + [(1, (2,)), (2, (0, 0)), (2, (5, 1)), (2, (23, 4))]
    for which, place in asked:
        found = (summed(1e-6, which, place) - summed(-1e-6, which, place)) / 2e-6
        assert given[which][place] == pytest.approx(found, rel=1e-4, abs=1e-5)
    assert np.all(to_offset[counts[1] == 0] == 0)


def test_without_drift_and_pooling_the_answer_is_the_conjugate_one() -> None:
    rng = np.random.default_rng(3)
    total = np.array([[3.0, 40.0], [0.0, 25.0], [7.0, 1.0]])
    positive = rng.binomial(total.astype(int), [0.9, 0.2]).astype(float)
    a, b = 2.0, 1.5
    at = scalars(start_variance=special.polygamma(1, a) + special.polygamma(1, b))
    offset = np.full((3, 2), special.psi(a) - special.psi(b))
    counts = np.stack([positive, total, np.zeros((3, 2))])
    state = filtered(at, np.zeros(2), offset, counts, np.zeros(2, int), 0.25)
    after_a, after_b = a + positive.sum(axis=0), b + (total - positive).sum(axis=0)
    np.testing.assert_allclose(
        beta_shapes(state[MEAN, -1] + offset[-1], state[VARIANCE, -1]), [after_a, after_b], rtol=1e-5
    )
    sequential = stats.betabinom.logpmf(positive[0], total[0], a, b)
    choose = special.gammaln(total[0] + 1) - special.gammaln(positive[0] + 1)
    choose -= special.gammaln(total[0] - positive[0] + 1)
    np.testing.assert_allclose(state[LOG_DENSITY, 0], sequential - choose, atol=1e-6)
    drawn = paths(
        np.tile(at, (20_000, 1)), np.zeros((20_000, 2)), np.tile(offset, (20_000, 1, 1)), counts,
        np.zeros(2, int), 0.25, rng,
    )  # fmt: skip
    for s in range(2):
        exact = stats.beta(after_a[s], after_b[s])
        assert stats.kstest(special.expit(drawn[:, -1, s]), exact.cdf).pvalue > 1e-3
        # Without drift every period's rate is the last one's.
        np.testing.assert_allclose(drawn[:, 0, s], drawn[:, -1, s], atol=0.02)


def test_no_decisions_leave_the_prior() -> None:
    step, offset, counts, _ = arrays()
    counts[:2] = 0.0
    at = scalars(start_variance=1.7, elsewhere_weight=0.9, pull=0.2)
    state = filtered(at, step, offset, counts, np.full(5, 24), 0.25)
    np.testing.assert_allclose(state[MEAN, -1], 0.9 * counts[2, -1])
    np.testing.assert_allclose(state[VARIANCE, -1], 1.7)
    assert np.isnan(state[MEAN, 0]).all()
    assert density_and_gradient(at, step, offset, counts, np.full(5, 24), 0.25)[0].sum() == 0


def test_more_noise_between_periods_means_learning_less() -> None:
    step, offset, counts, first = arrays()
    plain = scalars(start_variance=1.0, pull=0.2)
    noisy = scalars(start_variance=1.0, pull=0.2, batch=4.0, correlation=0.02)
    states = [filtered(at, step, offset, counts, first, 0.25)[VARIANCE, -1] for at in (plain, noisy)]
    assert np.all(states[1] > states[0])


def test_the_density_of_one_period_adds_up_to_one() -> None:
    at = scalars(start_variance=0.8, batch=2.0, correlation=0.01)
    total, summed = 30.0, 0.0
    for positive in range(31):
        counts = np.array([[[float(positive)]], [[total]], [[0.0]]])
        found = density_and_gradient(at, np.array([0.1]), np.zeros((1, 1)), counts, np.zeros(1, int), 1.0)[0]
        summed += float(np.exp(found[0]) * special.comb(30, positive))
    assert summed == pytest.approx(1.0, abs=1e-7)
