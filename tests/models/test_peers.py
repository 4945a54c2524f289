"""Peers get the data they can take, and their own library's paths come out in the harness's shape."""

import numpy as np
import pytest

from models.backtest.peers import PEERS, filled_log_counts, library_of, peer_forecaster
from models.panel.series import PanelSeries


def panel(counts: np.ndarray) -> PanelSeries:
    return PanelSeries(np.datetime64("2010-01", "M") + np.arange(len(counts)), counts[:, None], ("AA",))


def test_gaps_are_filled_on_the_log_scale_and_the_end_is_counted() -> None:
    # Between 10 and 1000 lies 100; before the first figure nothing is made up, after the last two months are unseen.
    y, unseen = filled_log_counts(panel(np.array([np.nan, 10, np.nan, 1000, 0, np.nan, np.nan])), "AA")
    np.testing.assert_allclose(np.exp(y), [10, 100, 1000, 1])
    assert unseen == 2


def test_a_country_without_figures_is_refused() -> None:
    with pytest.raises(ValueError, match="AA has no figure"):
        filled_log_counts(panel(np.full(5, np.nan)), "AA")


def test_an_unknown_peer_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown peer 'Oracle'"):
        peer_forecaster("Oracle")


@pytest.mark.parametrize("name", PEERS)
def test_a_peer_continues_a_season_in_the_right_month(name: str) -> None:
    pytest.importorskip(library_of(name), reason="the optional extra `peers` is not installed")
    season = np.where(np.arange(12) < 6, 100.0, 200.0)
    noise = np.random.default_rng(1).normal(0, 0.05, 120)
    counts = np.tile(season, 10) * np.exp(noise)
    counts[-2:] = np.nan
    paths = peer_forecaster(name)(panel(counts), 14, 200, 3)["AA"]
    assert paths.shape == (200, 14)
    medians = np.exp(np.median(paths, axis=0))
    np.testing.assert_allclose(medians, np.tile(season, 2)[:14], rtol=0.2)


def test_a_peer_repeats_itself_and_leaves_the_global_stream_alone() -> None:
    pytest.importorskip("prophet", reason="the optional extra `peers` is not installed")
    counts = np.exp(np.random.default_rng(2).normal(5, 0.3, 60))
    before = np.random.get_state()[1].copy()
    first, second = (peer_forecaster("Prophet")(panel(counts), 3, 50, 7)["AA"] for _ in range(2))
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(np.random.get_state()[1], before)
