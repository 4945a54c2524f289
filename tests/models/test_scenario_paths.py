"""Scenario paths: coherent at every edge, near their figure, and not four tables rounded apart."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.scenario_paths import scenario_paths

YEARS = (2024, 2025)
COUNTED_MONTHS = np.arange("2024-01", "2024-05", dtype="datetime64[M]")
FUTURE = np.arange("2024-05", "2026-01", dtype="datetime64[M]")
CITIZENS = 4


def simulated(draws: int = 5_000, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Counted months and draws: when the total is high, the first nationality has the larger share."""
    rng = np.random.default_rng(seed)
    level = rng.normal(7.0, 0.4, (draws, 1, 1))
    shares = np.concatenate([np.exp(level - 7.0), np.ones((draws, 1, CITIZENS - 1))], axis=2)
    season = 1 + 0.3 * np.cos(2 * np.pi * np.arange(len(FUTURE)) / 12)[None, :, None]
    mean = np.exp(level) * season * shares / shares.sum(axis=2, keepdims=True)
    counted = rng.integers(100, 400, (len(COUNTED_MONTHS), CITIZENS)).astype(np.int32)
    return counted, rng.poisson(mean).astype(np.int32)


def figures_of(counted: np.ndarray, draws: np.ndarray) -> dict[str, list[int]]:
    first = counted.sum() + draws[:, :8].sum(axis=(1, 2))
    second = draws[:, 8:].sum(axis=(1, 2))
    levels = {"minimum": 0.125, "median": 0.5, "medio": 2 / 3, "maximum": 0.875}
    return {
        name: [int(np.quantile(first, level)), int(np.quantile(second, level))]
        for name, level in levels.items()
    }


def test_every_edge_adds_up_and_counted_months_stand() -> None:
    counted, draws = simulated()
    figures = figures_of(counted, draws)
    for path in scenario_paths(figures, YEARS, COUNTED_MONTHS, counted, FUTURE, draws):
        assert path.months[0] == np.datetime64("2024-01") and len(path.months) == 24
        assert (path.counts[:4] == counted).all()
        by_year = path.counts.reshape(2, 12, CITIZENS)
        assert by_year.sum(axis=(1, 2)).tolist() == figures[path.scenario]
        assert by_year.sum(axis=1).sum(axis=1).tolist() == figures[path.scenario]


def test_the_composition_is_that_of_the_paths_near_the_figure() -> None:
    counted, draws = simulated()
    paths = {
        path.scenario: path.counts[12:].sum(axis=0)
        for path in scenario_paths(figures_of(counted, draws), YEARS, COUNTED_MONTHS, counted, FUTURE, draws)
    }
    share = {name: by_citizen[0] / by_citizen.sum() for name, by_citizen in paths.items()}
    assert share["minimum"] < share["median"] - 0.03 < share["maximum"] - 0.08
    expected = np.exp(np.quantile(np.random.default_rng(1).normal(7.0, 0.4, 5_000), 0.875) - 7.0)
    assert share["maximum"] == pytest.approx(expected / (expected + CITIZENS - 1), abs=0.01)


def test_months_keep_the_season_of_the_draws() -> None:
    counted, draws = simulated()
    median = scenario_paths(figures_of(counted, draws), YEARS, COUNTED_MONTHS, counted, FUTURE, draws)[1]
    assert np.argmax(median.counts[12:].sum(axis=1)) in (3, 4, 5)
    expected = draws[:, 8:].sum(axis=2).mean(axis=0)
    got = median.counts[12:].sum(axis=1)
    assert np.abs(got / got.sum() - expected / expected.sum()).max() < 0.005


@given(st.integers(0, 60_000), st.integers(0, 2**31))
def test_any_figure_is_met_whatever_the_draws(above: int, seed: int) -> None:
    counted, draws = simulated(60, seed)
    figures = {"only": [int(counted.sum()) + above, above]}
    (path,) = scenario_paths(figures, YEARS, COUNTED_MONTHS, counted, FUTURE, draws)
    assert path.counts[:12].sum() == figures["only"][0]
    assert path.counts[12:].sum() == above


def test_a_figure_under_the_count_is_refused() -> None:
    counted, draws = simulated(60)
    with pytest.raises(ValueError, match="more than the figure"):
        scenario_paths({"low": [int(counted.sum()) - 1, 5]}, YEARS, COUNTED_MONTHS, counted, FUTURE, draws)
