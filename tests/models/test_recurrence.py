"""The linear recurrence: values, gradient and empty input, in Python and compiled by Numba."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import lfilter

from models.backend import pt
from models.recurrence import linear_recurrence

Array = NDArray[np.float64]


def compiled(mode: str) -> Any:
    from pytensor import function, grad

    c, d, w = pt.dvector("c"), pt.dvector("d"), pt.dvector("w")
    e = linear_recurrence(c, d)
    return function([c, d, w], [e, *grad((w * e**2).sum(), [c, d])], mode=mode)


@pytest.fixture(scope="module", params=["FAST_COMPILE", "NUMBA"])
def run(request: pytest.FixtureRequest) -> Any:
    return compiled(request.param)


def test_a_constant_coefficient_is_a_known_filter(run: Any) -> None:
    d = np.random.default_rng(1).normal(size=50)
    e, *_ = run(np.full(50, 0.3), d, np.ones(50))
    np.testing.assert_allclose(e, lfilter([1], [1, -0.3], d), atol=1e-14)


def test_the_gradient_is_that_of_finite_differences(run: Any) -> None:
    rng = np.random.default_rng(2)
    c, d, w = rng.uniform(0, 1, 12), rng.normal(size=12), rng.normal(size=12)
    _, to_c, to_d = run(c, d, w)

    def total(c: Array, d: Array) -> float:
        return float((w * run(c, d, w)[0] ** 2).sum())

    step = 1e-6 * np.eye(12)
    np.testing.assert_allclose(to_c, [(total(c + s, d) - total(c - s, d)) / 2e-6 for s in step], atol=1e-7)
    np.testing.assert_allclose(to_d, [(total(c, d + s) - total(c, d - s)) / 2e-6 for s in step], atol=1e-7)
    assert to_c[0] == 0


def test_empty_in_empty_out(run: Any) -> None:
    empty = np.empty(0)
    for out in run(empty, empty, empty):
        assert out.shape == (0,)


def test_a_matrix_is_refused() -> None:
    with pytest.raises(TypeError, match="two vectors"):
        linear_recurrence(pt.dmatrix(), pt.dvector())
