"""How long decisions take: lags that come back from made-up counts, and the decisions they lead to."""

import numpy as np
import pytest

from models.acceptance.lags import DISPERSION, LAGS, STATED, LagDraws, decisions_ahead, learn_lags

TRUE = 0.8 * np.array([0.02, 0.05, 0.33, 0.35, 0.15, 0.05, 0.03, 0.01, 0.01])


def arrived(quarters: int, citizens: int, seed: int) -> np.ndarray:
    """Applications that come and go, or no lag could be told from another."""
    rng = np.random.default_rng(seed)
    return np.rint(1_000 * np.exp(0.8 * rng.standard_normal((quarters, citizens))))


def decided(
    applications: np.ndarray, lags: np.ndarray, seed: int, dispersion: float = DISPERSION
) -> np.ndarray:
    rng = np.random.default_rng(seed)
    expected = sum(lags[k] * applications[LAGS - 1 - k : len(applications) - k] for k in range(LAGS))
    whole = np.full(applications.shape, np.nan)
    whole[LAGS - 1 :] = dispersion * rng.poisson(np.asarray(expected) / dispersion)
    return whole


def test_lags_come_back_from_counts() -> None:
    applications = arrived(60, 3, seed=1)
    found = learn_lags(decided(applications, TRUE, seed=2), applications, seed=3, draws=300)
    assert found.lags.shape == (300, 3, LAGS)
    assert found.learned.all()
    mean = found.lags.mean(axis=0)
    np.testing.assert_allclose(mean.sum(axis=1), TRUE.sum(), rtol=0.1)
    np.testing.assert_allclose(
        mean @ np.arange(LAGS) / mean.sum(axis=1), TRUE @ np.arange(LAGS) / 0.8, atol=0.35
    )


@pytest.mark.parametrize("dispersion", [DISPERSION, 4 * DISPERSION])
def test_intervals_hold_as_often_as_they_say(dispersion: float) -> None:
    """Also where decisions vary more than is assumed, and for late lags that are nearly nothing."""
    held = []
    for world in range(12):
        applications = arrived(60, 3, seed=100 + world)
        decisions = decided(applications, TRUE, 500 + world, dispersion)
        lags = learn_lags(decisions, applications, seed=world, draws=300).lags
        low, high = np.quantile(lags, [0.025, 0.975], axis=0)
        held.append((low <= TRUE) & (high >= TRUE))
    assert 0.91 <= np.mean(held) <= 0.99
    assert np.mean(held, axis=(0, 1)).min() > 0.75


def test_a_nationality_without_both_series_keeps_the_common_lags_and_their_width() -> None:
    applications = arrived(60, 2, seed=4)
    decisions = decided(applications, TRUE, seed=5)
    applications[:, 1] = np.nan
    found = learn_lags(decisions, applications, seed=6, draws=300)
    assert found.learned.tolist() == [True, False]
    sds, means = found.lags.std(axis=0).sum(axis=1), found.lags.mean(axis=0)
    assert sds[1] > 1.5 * sds[0]
    # The common lags were learned from the other one.
    assert np.abs(means[1] - TRUE).sum() < np.abs(means[1] - STATED).sum()


def test_with_nothing_known_the_stated_lags_hold() -> None:
    nothing = np.full((12, 2), np.nan)
    found = learn_lags(nothing, nothing, seed=1, draws=2_000)
    assert not found.learned.any()
    np.testing.assert_allclose(found.lags.mean(axis=(0, 1)), STATED, atol=0.02)
    with pytest.raises(ValueError, match="differ"):
        learn_lags(nothing, nothing[:5], seed=1)


def test_decisions_follow_a_single_wave_of_applications_as_the_lags_say() -> None:
    lags = LagDraws(np.tile(TRUE, (2, 1, 1)), np.array([True]))
    past, ahead = np.zeros((LAGS - 1, 1)), np.zeros((2, 8, 1))
    ahead[:, 0] = 100.0
    np.testing.assert_allclose(decisions_ahead(lags, past, ahead)[0, :, 0], 100 * TRUE[:8])
    past[-1], ahead[:, 0] = 50.0, 0.0
    np.testing.assert_allclose(decisions_ahead(lags, past, ahead)[1, :, 0], 50 * TRUE[1:])
    steady = decisions_ahead(lags, np.full((LAGS - 1, 1), 10.0), np.full((2, 8, 1), 10.0))
    np.testing.assert_allclose(steady, 10 * TRUE.sum())
