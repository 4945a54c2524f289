"""The panel's density against a plain loop, and its gradient against finite differences."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from models.backend import pt
from models.panel.density import panel_log_density

Array = NDArray[np.float64]
STRETCHES = np.array([[0, 0, 20], [1, 20, 34], [1, 34, 50], [2, 50, 51]])


def point(seed: int) -> list[Array]:
    rng = np.random.default_rng(seed)
    parameters = np.column_stack(
        [
            rng.uniform(0.1, 0.95, 3),
            rng.uniform(0.1, 0.4, 3),
            rng.uniform(1, 9, 3),
            rng.uniform(2, 8, 3),
            rng.uniform(0, 1, 3),
            rng.uniform(-0.5, 1, 3),
            rng.uniform(2, 4, 3),
        ]
    )
    return [parameters, rng.normal(0, 0.1, (3, 12)), rng.normal(3, 1, 4)]


def figures(seed: int) -> Array:
    """Figures with gaps, uncertain ones, small ones (the floor of the size binds) and unfilled windows."""
    rng = np.random.default_rng(seed)
    unfilled = np.concatenate([np.maximum(12 - np.arange(end - first), 0) for _, first, end in STRETCHES])
    recent_total = rng.uniform(0, 5, 50 + 1) * (12 - unfilled)
    return np.column_stack(
        [
            rng.normal(3, 1, 51),
            rng.integers(0, 12, 51),
            rng.choice([0, 0, 0, 1, 5], 51),
            rng.choice([0, 1], 51) * rng.exponential(0.5, 51),
            unfilled,
            recent_total,
            np.exp(-np.maximum(recent_total / 12, np.log(5))),
        ]
    )


def plain_loop(parameters: Array, season: Array, start: Array, rows: Array) -> Array:
    """Density per country as the formula says it."""
    density = np.zeros(len(parameters))
    for stretch, (geo, first, end) in enumerate(STRETCHES):
        alpha, sigma, overdispersion, nu, robustness, power, usual = parameters[geo]
        level = start[stretch]
        for y, month, unseen, extra, unfilled, recent_total, _ in rows[first:end]:
            size = max(np.exp((recent_total + unfilled * start[stretch]) / 12), 5)
            w = 1 + unseen * alpha**2 + extra
            v = (sigma**2 * (size / np.exp(usual)) ** (2 * power) + overdispersion / size) * w
            e = y - season[geo, int(month)] - level
            score = (1 + 1 / nu) / (1 + e**2 / (nu * v))
            level += alpha * (1 + unseen * alpha) / w * e * (1 - robustness + robustness * score)
            density[geo] += -np.log(v) / 2 - (nu + 1) / 2 * np.log(1 + e**2 / (nu * v))
    return density


@pytest.fixture(scope="module", params=["FAST_COMPILE", "NUMBA"])
def run(request: pytest.FixtureRequest) -> Any:
    """Densities, and the gradients of a weighted sum of them to parameters, season and start."""
    from pytensor import function, grad

    symbols = [pt.dmatrix(), pt.dmatrix(), pt.dvector(), pt.dmatrix(), pt.lmatrix(), pt.dvector()]
    density = panel_log_density(*symbols[:5])[0]
    gradients = grad((symbols[5] * density).sum(), symbols[:3])
    return function(symbols, [density, *gradients], mode=request.param)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_density_is_that_of_a_plain_loop(run: Any, seed: int) -> None:
    rows = figures(seed)
    density, *_ = run(*point(seed), rows, STRETCHES, np.ones(3))
    np.testing.assert_allclose(density, plain_loop(*point(seed), rows), rtol=1e-12)


@pytest.mark.parametrize("seed", [4, 5])
def test_the_gradient_is_that_of_finite_differences(run: Any, seed: int) -> None:
    rows, weights = figures(seed), np.array([0.3, -1.2, 2.0])
    _, *gradients = run(*point(seed), rows, STRETCHES, weights)
    for place, gradient in enumerate(gradients):
        for index in np.ndindex(gradient.shape):
            sides = []
            for step in (1e-5, -1e-5):
                moved = point(seed)
                moved[place][index] += step
                sides.append(float(weights @ plain_loop(*moved, rows)))
            assert gradient[index] == pytest.approx((sides[0] - sides[1]) / 2e-5, abs=2e-6, rel=1e-6)


def test_without_figures_the_density_is_one_and_the_gradient_nothing(run: Any) -> None:
    nothing = np.empty((0, 7)), np.empty((0, 3), dtype=np.int64)
    parameters, season, _ = point(1)
    density, *gradients = run(parameters, season, np.empty(0), *nothing, np.ones(3))
    np.testing.assert_array_equal(density, 0)
    assert all(not gradient.any() for gradient in gradients)


def test_other_inputs_are_refused() -> None:
    with pytest.raises(TypeError, match="does not take"):
        panel_log_density(pt.dmatrix(), pt.dmatrix(), pt.dvector(), pt.dmatrix(), pt.imatrix())
