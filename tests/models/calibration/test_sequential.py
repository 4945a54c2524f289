"""Evidence over time: factors with mean one, classes that do not overlap, false alarms at any time."""

import numpy as np
import pytest
from scipy import integrate, stats

from benchmarks.bias_world import World, archive, log_errors_and_outcomes
from models.calibration.forms import QuantileForm
from models.calibration.sequential import (
    LEANS,
    SPREADS,
    ClassProcesses,
    adjuster,
    class_processes,
    factors,
    sequential,
)
from tests.models.calibration.made_up_archive import archive as stated
from tests.models.calibration.made_up_archive import payload


@pytest.mark.parametrize("levels", [[0.5], [0.125, 0.5, 2 / 3, 0.875], np.linspace(0.01, 0.99, 50)])
def test_under_calibration_every_factor_has_mean_one_whatever_is_stated(levels) -> None:
    ends = np.concatenate([[0.0], levels, [1.0]])
    ratios = np.exp(factors(ends[:-1], ends[1:], LEANS + SPREADS))
    np.testing.assert_allclose(np.diff(ends) @ ratios, 1.0, atol=1e-12)


@pytest.mark.parametrize("shape", LEANS + SPREADS)
def test_of_an_exact_pit_the_factor_is_the_density(shape) -> None:
    at = np.array([0.2, 0.7])
    np.testing.assert_allclose(np.exp(factors(at, at, [shape]))[:, 0], stats.beta(*shape).pdf(at))


def test_a_point_that_is_too_high_by_hand() -> None:
    # Under Beta(1, 2) the outcome lies in the lower half with chance 3/4: a ratio of 1.5.
    assert np.exp(factors(np.array([0.0]), np.array([0.5]), [(1.0, 2.0)]))[0, 0] == pytest.approx(1.5)


def test_the_adjuster_turns_a_p_value_into_an_e_value() -> None:
    total = integrate.quad(lambda x: adjuster(np.exp(-np.array(x))) * np.exp(-x), 1e-5, 600, limit=500)[0]
    assert total == pytest.approx(1, abs=0.01)
    assert np.all(np.diff(adjuster(np.linspace(0.001, 1, 100))) < 0)


def test_horizons_are_split_in_classes_that_do_not_overlap() -> None:
    forecasts = stated(
        *(payload(f"{y}", f"{y}-02-01", y + h, point=1) for y in range(2010, 2016) for h in (0, 1, 2))
    )
    years = sorted({one.target_year for one in forecasts})
    found = class_processes(forecasts, np.full((len(forecasts), 1), np.log(2.0)), years)
    assert len(found.weight) == 1 + 2 + 3
    assert found.weight.sum() == pytest.approx(1)
    # Horizon 0: every year doubles the stake; horizon 2: every third.
    np.testing.assert_allclose(found.value[0][: len(years)], 2.0 ** np.minimum(np.arange(1, 9), 6))
    assert found.value[-3:, -1].tolist() == [4.0, 4.0, 4.0]


def test_one_class_needs_no_correction_several_do() -> None:
    path = np.array([[2.0, 30.0, 5.0]])
    alone = ClassProcesses(path, np.ones(1))
    np.testing.assert_allclose(alone.p_anytime(), [0.5, 1 / 30, 1 / 30])
    several = ClassProcesses(np.repeat(path, 2, axis=0), np.full(2, 0.5))
    assert np.all(several.p_anytime() >= alone.p_anytime())
    assert np.all(np.diff(several.p_anytime()) <= 0)


def crossings(world: World, archives: int) -> tuple[float, float]:
    """Shares of archives that reach e = 20, and p = .05, at any time."""
    e, p = [], []
    for seed in range(archives):
        errors, realised = log_errors_and_outcomes(world, seed)
        lower, upper = QuantileForm(np.array([0.5]), np.exp(errors)[:, None]).pit(np.ones(len(errors)))
        found = sequential(archive(world, errors, realised), lower, upper)
        e.append(max(point.e_value for point in found.over_time) >= 20)
        p.append(found.p_anytime <= 0.05)
    return float(np.mean(e)), float(np.mean(p))


@pytest.mark.parametrize("autocorrelation", [0.0, 0.6])
def test_unbiased_archives_seldom_cross_at_any_time(autocorrelation: float) -> None:
    e, p = crossings(World(15, autocorrelation), 60)
    assert e <= 0.05
    assert p <= 0.05


def test_a_large_bias_is_seen() -> None:
    e, _ = crossings(World(15, bias=0.5), 12)
    assert e >= 0.7
