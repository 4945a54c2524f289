"""k-hat and effective sample size against ArviZ, on tails from none to heavier than any mean."""

import warnings

import numpy as np
import pytest

from models.pareto import effective_sample_size, pareto_k

with warnings.catch_warnings():
    # Announces ArviZ' own next release; nothing we could act on here.
    warnings.simplefilter("ignore", FutureWarning)
    import arviz as az


def tails(size: int = 20_000) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        "normal": rng.normal(0, 0.5, size),
        "wide_normal": rng.normal(0, 3.0, size),
        "light": np.log(rng.uniform(0.2, 1.0, size)),
        "pareto_02": 0.2 * rng.exponential(size=size),
        "pareto_07": 0.7 * rng.exponential(size=size),
        "pareto_15": 1.5 * rng.exponential(size=size),
        "small": rng.normal(0, 1.0, 400),
        "shifted": rng.normal(-5_000, 1.0, size),
    }


@pytest.mark.parametrize("name", list(tails()))
def test_k_hat_is_arvizs(name: str) -> None:
    log_weights = tails()[name]
    _, wanted = az.psislw(log_weights.copy())
    assert pareto_k(log_weights) == pytest.approx(float(wanted), abs=1e-6)


@pytest.mark.parametrize(("name", "shape"), [("pareto_02", 0.2), ("pareto_07", 0.7), ("pareto_15", 1.5)])
def test_k_hat_finds_the_tail_that_was_drawn(name: str, shape: float) -> None:
    assert pareto_k(tails(200_000)[name]) == pytest.approx(shape, abs=0.1)


def test_k_hat_counts_draws_ruled_out() -> None:
    log_weights = tails()["pareto_07"]
    half = np.concatenate([log_weights, np.full(len(log_weights), -np.inf)])
    assert pareto_k(half) == pytest.approx(0.7, abs=0.15)


@pytest.mark.parametrize(
    ("log_weights", "wanted"),
    [
        (np.zeros(1_000), -np.inf),
        (np.full(1_000, -np.inf), np.inf),
        (np.r_[np.zeros(3), np.full(997, -np.inf)], np.inf),
        (np.zeros(6), np.inf),
    ],
)
def test_k_hat_of_the_extremes(log_weights: np.ndarray, wanted: float) -> None:
    assert pareto_k(log_weights) == wanted


def test_effective_sample_size_closed_forms() -> None:
    assert effective_sample_size(np.full(500, -700.0)) == pytest.approx(500)
    assert effective_sample_size(np.r_[np.zeros(20), np.full(80, -np.inf)]) == pytest.approx(20)
    assert effective_sample_size(np.full(7, -np.inf)) == 0.0
    sigma, size = 0.7, 400_000
    drawn = np.random.default_rng(2).normal(0, sigma, size)
    assert effective_sample_size(drawn) / size == pytest.approx(np.exp(-(sigma**2)), rel=0.01)
