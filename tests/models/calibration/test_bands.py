"""What perfect calibration looks like for an archive: uniform one by one, and bands that hold as often as they say."""

import numpy as np
import pytest

from benchmarks.bias_world import World, archive, issues
from models.calibration.answer import Scales
from models.calibration.bands import BINS, censored, pit_histogram, reference, reliability, simultaneous
from models.calibration.statements import statements

WORLD = World(8)
SCALES = Scales(shock=0.18, edition=0.1, noise=0.05, edition_autocorrelation=0.4)
COUNT = len(issues(WORLD))
POINTS = archive(WORLD, np.zeros(COUNT), np.full(WORLD.years, 20000.0))
LEVELS = np.array([0.25, 0.5, 0.75])


def simulated(states: bool = True):
    every = np.full((COUNT, 3), states)
    return reference(POINTS, statements(POINTS), SCALES, LEVELS, every, every[:, 0], 0.75, seed=3)


def test_overlaps_make_shares_vary_more_than_independence_would() -> None:
    found = simulated()
    np.testing.assert_allclose(found.reliability.mean(axis=0), LEVELS, atol=0.04)
    assert found.inside.mean() == pytest.approx(0.75, abs=0.03)
    assert found.reliability[:, 1].std() > 2 * 0.5 / np.sqrt(COUNT)


def test_points_tell_only_halves() -> None:
    u = np.array([[0.1, 0.5, 0.9]] * COUNT)
    lower, upper = censored(statements(POINTS), u)
    assert lower[0].tolist() == [0.0, 0.0, 0.5]
    assert upper[0].tolist() == [0.5, 0.5, 1.0]


def test_a_simultaneous_band_holds_whole_rows_as_often_as_it_says() -> None:
    rng = np.random.default_rng(2)
    low, high = simultaneous(rng.normal(size=(4000, 8)))
    fresh = rng.normal(size=(4000, 8))
    assert np.all((low <= fresh) & (fresh <= high), axis=1).mean() == pytest.approx(0.95, abs=0.015)


def test_the_histogram_spreads_what_is_not_known() -> None:
    bins = pit_histogram(np.array([0.0, 0.6, 0.999]), np.array([0.5, 0.6, 0.999]), simulated())
    assert len(bins) == BINS
    np.testing.assert_allclose([b.share for b in bins], np.array([0.25, 0.25, 0.25, 0.25, 1, 0, 0, 1]) / 3)
    assert all(b.band_lower <= 1 / 8 <= b.band_upper for b in bins)


def test_reliability_counts_only_those_that_state_the_level() -> None:
    under = np.array([[1.0, np.nan, 1.0], [0.0, np.nan, 1.0]])
    points = reliability(LEVELS.tolist(), under, simulated())
    assert [(p.level, p.share, p.n) for p in points] == [(0.25, 0.5, 2), (0.75, 1.0, 2)]
    assert all(p.band_lower < p.level < p.band_upper for p in points)
