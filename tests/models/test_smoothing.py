"""Errors of exponential smoothing: values, gradient and empty input, in Python and compiled by Numba."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import lfilter

from models.backend import pt
from models.smoothing import smoothing_errors

Array = NDArray[np.float64]


@pytest.fixture(scope="module", params=["FAST_COMPILE", "NUMBA"])
def run(request: pytest.FixtureRequest) -> Any:
    """Errors, and the gradients of a weighted sum of their squares to gain, x and start."""
    from pytensor import function, grad

    gain, x, start, weight = (pt.dvector(name) for name in ("gain", "x", "start", "weight"))
    errors = smoothing_errors(gain, x, start)
    gradients = grad((weight * errors**2).sum(), [gain, x, start])
    return function([gain, x, start, weight], [errors, *gradients], mode=request.param)


def test_a_constant_gain_is_a_known_filter_of_the_differences(run: Any) -> None:
    x = np.random.default_rng(1).normal(size=50)
    errors, *_ = run(np.full(50, 0.7), x, np.array([2.0]), np.ones(50))
    np.testing.assert_allclose(errors, lfilter([1], [1, -0.3], np.diff(x, prepend=2.0)), atol=1e-14)


def test_levels_are_the_running_mean_when_the_gain_is_one_over_t(run: Any) -> None:
    x = np.random.default_rng(2).normal(size=30)
    gain = 1 / np.arange(1.0, 31.0)
    errors, *_ = run(gain, x, np.array([9.0]), np.ones(30))
    means = np.cumsum(x) / np.arange(1, 31)
    np.testing.assert_allclose(errors[1:], x[1:] - means[:-1], atol=1e-13)


def test_the_gradient_is_that_of_finite_differences(run: Any) -> None:
    rng = np.random.default_rng(3)
    point = [rng.uniform(0, 1, 12), rng.normal(size=12), rng.normal(size=1)]
    weight = rng.normal(size=12)
    _, *gradients = run(*point, weight)

    def total(moved: list[Array]) -> float:
        return float((weight * run(*moved, weight)[0] ** 2).sum())

    for place, gradient in enumerate(gradients):
        for k in range(len(point[place])):
            up, down = [[value.copy() for value in point] for _ in range(2)]
            up[place][k] += 1e-6
            down[place][k] -= 1e-6
            assert gradient[k] == pytest.approx((total(up) - total(down)) / 2e-6, abs=1e-7)


def test_empty_in_empty_out(run: Any) -> None:
    empty = np.empty(0)
    errors, to_gain, to_x, to_start = run(empty, empty, np.array([1.0]), empty)
    assert errors.shape == to_gain.shape == to_x.shape == (0,)
    np.testing.assert_array_equal(to_start, [0])


def test_what_is_no_vector_of_numbers_is_refused() -> None:
    with pytest.raises(TypeError, match="three float64 vectors"):
        smoothing_errors(pt.dmatrix(), pt.dvector(), pt.dvector())
    with pytest.raises(TypeError, match="three float64 vectors"):
        smoothing_errors(pt.dvector(), pt.lvector(), pt.dvector())
