"""The filter of rates: special functions, gradient, and the limits in which its answer is known exactly."""

import numba
import numpy as np
import pytensor
import pytest
from numpy.typing import NDArray
from scipy import special, stats

from models.acceptance.beta import beta_shapes
from models.acceptance.density import acceptance_log_density, density_and_gradient
from models.acceptance.filter import SCALARS
from models.acceptance.lanes import exp_of, log_of, rising
from models.acceptance.states import LOG_DENSITY, MEAN, VARIANCE, filtered, paths
from models.backend import pt

Array = NDArray[np.float64]
NO_NOISE = dict.fromkeys(SCALARS, 0.0) | {"turbulent_share": 0.2, "turbulent_variance": 9.0}


@numba.njit
def _lanes(x: Array) -> tuple[Array, Array]:
    e, logs = np.empty_like(x), np.empty_like(x)
    for i in range(len(x)):
        e[i], logs[i] = exp_of(x[i]), log_of(np.exp(x[i]))
    return e, logs


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


@pytest.mark.parametrize("x", [1e-6, 0.3, 1.0, 5.999, 40.0, 1e5, 1e7])
def test_ratios_of_gammas_are_those_of_scipy(x: float) -> None:
    k = np.array([0.0, 1.0, 2.0, 7.0, 8.0, 300.0, 90_000.0])
    found, at = np.empty((2, len(k))), np.full(len(k), x)
    rising(at, k, found[0], found[1])
    expected = [special.gammaln(x + k) - special.gammaln(x), special.psi(x + k) - special.psi(x)]
    np.testing.assert_allclose(found, expected, rtol=2e-8, atol=5e-8)


def test_exp_and_log_are_those_of_numpy() -> None:
    x = np.concatenate([np.linspace(-600, 600, 1_001), np.linspace(-1, 1, 1_001)])
    e, logs = _lanes(x)
    np.testing.assert_allclose(e, np.exp(x), rtol=1e-12)
    np.testing.assert_allclose(logs, x, rtol=1e-12, atol=1e-14)
    beyond = _lanes(np.array([-1e4, 1e4]))[0]
    np.testing.assert_allclose(beyond, np.exp([-600.0, 600.0]), rtol=1e-12)


def test_a_beta_has_the_log_odds_asked_for() -> None:
    mean = np.array([0.0, 3.0, -9.0, 2.0, 0.0, -1.0])
    variance = np.array([0.1, 2.0, 12.0, 1e-5, 30.0, 0.5])
    a, b = beta_shapes(mean, variance)
    np.testing.assert_allclose(special.psi(a) - special.psi(b), mean, atol=1e-6)
    np.testing.assert_allclose(special.polygamma(1, a) + special.polygamma(1, b), variance, rtol=1e-6)


@pytest.mark.parametrize("away", [0.0, 3.0, 8.0])
def test_the_gradient_is_that_of_the_density(away: float) -> None:
    """Also where the search for the peak stops on its way: the points move with whatever moves that place."""
    step, offset, counts, first = arrays()
    offset = offset + away
    at = scalars(pull=0.3, elsewhere_weight=0.8, start_variance=1.4, batch=1.5, correlation=0.01)
    _, to_scalars, to_step, to_offset = density_and_gradient(at, step, offset, counts, first, 0.25)

    def summed(change: float, which: int, place: tuple[int, ...]) -> float:
        moved = [at.copy(), step.copy(), offset.copy()]
        moved[which][place] += change
        return float(density_and_gradient(*moved, counts, first, 0.25)[0].sum())

    given = {0: to_scalars, 1: to_step, 2: to_offset}
    asked = [(0, (i,)) for i in range(7)] + [(1, (i,)) for i in range(5)]
    asked += [(2, (t, s)) for t in (0, 5, 11, 23) for s in range(5)]
    for which, place in asked:
        found = (summed(1e-5, which, place) - summed(-1e-5, which, place)) / 2e-5
        assert given[which][place] == pytest.approx(found, rel=2e-6, abs=1e-6)
    assert np.abs(to_offset[counts[1] == 0]).max() < 1e-12


def test_a_graph_calls_the_passes_that_were_compiled_apart() -> None:
    """Also for arrays that lie otherwise in memory."""
    step, offset, counts, first = arrays()
    at = scalars(pull=0.3, elsewhere_weight=0.8, start_variance=1.4, batch=1.5, correlation=0.01)
    given = [pt.dvector(), pt.dvector(), pt.dmatrix(), pt.dtensor3(), pt.lvector(), pt.dscalar()]
    graph = acceptance_log_density(given[0], given[1][::-1], given[2].T, *given[3:])
    turned = [at, step[::-1].copy(), offset.T.copy(), counts, first, np.float64(0.25)]
    found = pytensor.function(given, list(graph), mode="NUMBA")(*turned)
    expected = density_and_gradient(at, step, offset, counts, first, 0.25)
    for got, want in zip(found, expected, strict=True):
        np.testing.assert_array_equal(got, want)


def test_without_drift_and_pooling_the_answer_is_the_conjugate_one() -> None:
    """A prior flat on log odds is Beta(0, 0): so many positive and negative decisions are the shapes afterwards."""
    rng = np.random.default_rng(3)
    total = np.array([[9.0, 40.0], [0.0, 25.0], [7.0, 1.0]])
    positive = np.array([[6.0, 9.0], [0.0, 4.0], [5.0, 0.0]])
    at, flat = scalars(start_variance=400.0), np.zeros((3, 2))
    counts = np.stack([positive, total, flat])
    state = filtered(at, np.zeros(2), flat, counts, np.zeros(2, int), 0.25)
    once = beta_shapes(state[MEAN, 0], state[VARIANCE, 0])
    np.testing.assert_allclose(once, [positive[0], total[0] - positive[0]], rtol=0.02)
    drawn = paths(
        np.tile(at, (20_000, 1)), np.zeros((20_000, 2)), np.zeros((20_000, 3, 2)), counts, np.zeros(2, int), 0.25, rng
    )  # fmt: skip
    x = np.linspace(0, 1, 401)
    for s in range(2):
        exact = stats.beta(positive[:, s].sum(), (total - positive)[:, s].sum())
        found = stats.beta(*beta_shapes(state[MEAN, -1, s : s + 1], state[VARIANCE, -1, s : s + 1])[:, 0])
        assert np.abs(found.cdf(x) - exact.cdf(x)).max() < 0.025
        assert stats.kstest(special.expit(drawn[:, -1, s]), found.cdf).pvalue > 1e-3
        # Without drift every period's rate is the last one's.
        np.testing.assert_allclose(drawn[:, 0, s], drawn[:, -1, s], atol=0.02)


def summed_on_a_grid(at: Array, step: float, offset: Array, counts: Array) -> tuple[float, float, float]:
    """Log density of one series, mean and variance of its last log odds, by brute force on 900 points."""
    named = dict(zip(SCALARS, at, strict=True))
    z = np.linspace(-12, 12, 900)
    rho = 1 - np.exp(-named["pull"] * 0.25)
    density, now = 0.0, np.zeros_like(z)
    for t, (k, n, anchor) in enumerate(counts.T):
        aim = named["elsewhere_weight"] * anchor
        if t == 0:
            now = stats.norm.pdf(z, aim, np.sqrt(named["start_variance"]))
        else:
            centre = z + rho * (aim - z)
            scales = np.sqrt(step * 0.25 * np.array([1.0, named["turbulent_variance"]]))
            shares = np.array([1 - named["turbulent_share"], named["turbulent_share"]])
            kernel = sum(
                w * stats.norm.pdf(z[:, None], centre, sd) for w, sd in zip(shares, scales, strict=True)
            )
            now = kernel @ now * (z[1] - z[0])
        within = named["batch"] / (n + named["batch"])
        within += named["correlation"] * (1 - within)
        p = special.expit(offset[t] + z)
        size = 1 / within - 1
        now = now * np.exp(stats.betabinom.logpmf(k, n, size * p, size * (1 - p)))
        density += np.log(now.sum() * (z[1] - z[0]))
        now = now / (now.sum() * (z[1] - z[0]))
        density -= special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(n - k + 1)
    mean = float((now * z).sum() * (z[1] - z[0]))
    return float(density), mean, float((now * (z - mean) ** 2).sum() * (z[1] - z[0]))


@pytest.mark.parametrize("size", [4.0, 40.0, 400.0])
def test_the_filter_agrees_with_brute_force_on_a_grid(size: float) -> None:
    """Whatever is left between them must not depend on the parameters, or they would be drawn away."""
    rng = np.random.default_rng(int(size))
    total = rng.poisson(size, 16) + 1.0
    rate = special.expit(np.cumsum(0.5 * rng.standard_normal(16)))
    counts = np.stack([rng.binomial(total.astype(int), rate), total, np.full(16, 0.4)])
    offset = np.linspace(-0.3, 0.3, 16)
    left = []
    for batch, step in ((3.5, 0.25), (5.5, 0.25), (3.5, 0.45)):
        at = scalars(
            pull=0.22,
            elsewhere_weight=0.8,
            start_variance=3.0,
            turbulent_variance=16.0,
            batch=batch,
            correlation=0.003,
        )
        state = filtered(at, np.array([step]), offset[:, None], counts[:, :, None], np.zeros(1, int), 0.25)
        density, mean, variance = summed_on_a_grid(at, step, offset, counts)
        left.append(state[LOG_DENSITY, :, 0].sum() - density)
        assert abs(state[MEAN, -1, 0] - mean) < 0.05 * np.sqrt(variance)
        assert np.sqrt(state[VARIANCE, -1, 0] / variance) == pytest.approx(1.0, abs=0.05)
    assert np.abs(left).max() < 0.3
    assert np.ptp(left) < 0.1


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
    assert summed == pytest.approx(1.0, abs=3e-4)
