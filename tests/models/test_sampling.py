"""The one sampler: right moments, repeatable on any number of cores, reusable, cancellable, honest."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from models.backend import pm
from models.sampling import Sampled, sample

Array = NDArray[np.float64]


def normal_model(y: Array) -> Any:
    """Mean with a standard normal prior and unit noise: posterior N(sum y / (n + 1), 1 / (n + 1))."""
    with pm.Model() as model:
        data = pm.Data("y", y)
        mean = pm.Normal("mean", 0, 1)
        pm.Deterministic("twice", 2 * mean)
        pm.Normal("seen", mean, 1, observed=data)
    return model


def run(y: Array, **options: Any) -> Sampled:
    settled: dict[str, Any] = {
        "draws": 500,
        "tune": 200,
        "chains": 4,
        "seed": 3,
        "structure": "normal",
        **options,
    }
    return sample(normal_model(y), **settled)


Y = np.array([1.0, 2.0, 3.0])


@pytest.mark.parametrize("sampler", ["nutpie", "pymc"])
def test_either_sampler_finds_the_closed_form_and_says_so(sampler: Any) -> None:
    sampled = run(Y, sampler=sampler, draws=1000)
    mean = sampled.posterior["mean"]
    assert mean.shape == (4, 1000)
    assert mean.mean() == pytest.approx(1.5, abs=0.05)
    assert mean.std() == pytest.approx(0.5, abs=0.03)
    np.testing.assert_allclose(sampled.posterior["twice"], 2 * mean)
    assert sampled.diagnostics.sampler == sampler
    assert sampled.diagnostics.passed
    assert sampled.diagnostics.divergences == 0


def test_the_same_seed_gives_the_same_draws_on_one_core_and_two_compiled_or_reused() -> None:
    first = run(Y, cores=2).posterior["mean"]
    np.testing.assert_array_equal(first, run(Y, cores=1).posterior["mean"])
    np.testing.assert_array_equal(first, run(Y, structure=None).posterior["mean"])
    assert not np.array_equal(first, run(Y, seed=4).posterior["mean"])


def test_a_reused_model_takes_the_new_data_of_any_length() -> None:
    run(Y)
    longer = run(np.full(15, 4.0))
    assert longer.diagnostics.seconds_compile == 0
    assert longer.posterior["mean"].mean() == pytest.approx(60 / 16, abs=0.03)


def test_what_is_derived_afterwards_is_what_is_derived_while_sampling() -> None:
    def several() -> Any:
        with pm.Model() as model:
            scale = pm.Data("scale", np.array([2.0, 3.0]))
            mean = pm.Normal("mean", 0, 1, shape=2)
            positive = pm.HalfNormal("positive", 1)
            pm.Deterministic("outer", pm.math.exp(scale[:, None] * mean[None, :]) + positive)
            pm.Deterministic("first", mean[0])
        return model

    settled: dict[str, Any] = {"seed": 1, "draws": 50, "tune": 100, "chains": 2}
    along = sample(several(), **settled)
    after = sample(several(), **settled, derive_after=True)
    assert set(along.posterior) == set(after.posterior)
    assert after.posterior["outer"].shape == (2, 50, 2, 2)
    for name, draws in along.posterior.items():
        np.testing.assert_allclose(after.posterior[name], draws, rtol=1e-12)
    nothing = run(Y, structure=None, derive_after=True).posterior
    np.testing.assert_array_equal(nothing["twice"], 2 * nothing["mean"])


def test_a_reused_model_derives_from_the_new_data() -> None:
    def scaled(by: float) -> Any:
        with pm.Model() as model:
            pm.Deterministic("times", pm.Data("by", by) * pm.Normal("mean", 0, 1))
        return model

    settled: dict[str, Any] = {"seed": 1, "draws": 20, "tune": 50, "chains": 1}
    for by in (2.0, 5.0):
        found = sample(scaled(by), **settled, structure="scaled", derive_after=True)
        np.testing.assert_allclose(found.posterior["times"], by * found.posterior["mean"])
    assert found.diagnostics.seconds_compile == 0


def test_progress_runs_from_zero_to_one() -> None:
    seen: list[float] = []
    run(Y, progress=seen.append)
    assert seen[0] == 0
    assert seen[-1] == 1
    assert seen == sorted(seen)


@pytest.mark.parametrize("sampler", ["nutpie", "pymc"])
def test_what_progress_raises_stops_the_sampler(sampler: Any) -> None:
    class CancelledError(Exception):
        pass

    def cancel(fraction: float) -> None:
        if fraction > 0:
            raise CancelledError

    with pytest.raises(CancelledError):
        run(Y, progress=cancel, sampler=sampler, draws=20_000, chains=2)


def test_too_few_draws_do_not_pass() -> None:
    few = run(Y, draws=20, tune=100)
    assert few.diagnostics.ess_bulk_min < 400
    assert not few.diagnostics.passed


def test_a_geometry_that_diverges_does_not_pass() -> None:
    with pm.Model() as funnel:
        width = pm.Normal("width", 0, 3)
        pm.Normal("inside", 0, pm.math.exp(width), shape=9)
    sampled = sample(funnel, draws=500, tune=200, chains=2, seed=1)
    assert sampled.diagnostics.divergences > 0
    assert not sampled.diagnostics.passed


def test_an_unknown_sampler_is_named() -> None:
    with pytest.raises(ValueError, match="'jags'"):
        run(Y, sampler="jags")
