"""Pools of forecasts: scored as the mixtures they are, weighted by nothing but the past."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from models.backtest.pooling import best_weights, learned_weights, log_points, pool_scores
from models.backtest.run import GRID, LEVELS
from models.scores import crps_of_normals

Z = stats.norm.ppf(GRID)


def normal_points(means: list[float], sds: list[float], cases: int = 1) -> np.ndarray:
    """Log quantiles (case, member, level) of normal members, the same in every case."""
    one = np.array(means)[:, None] + np.array(sds)[:, None] * Z
    return np.repeat(one[None], cases, axis=0)


def history(origins: int, per_origin: int) -> pd.DataFrame:
    """Cases of the next twelve months at half-yearly origins from June 2000 on."""
    starts = pd.to_datetime("2000-06-30") + pd.offsets.MonthEnd(6) * np.arange(origins)
    table = pd.DataFrame({"origin_date": np.repeat(starts, per_origin)})
    ends = table["origin_date"] + pd.offsets.MonthEnd(12)
    return table.assign(
        target="12-month total",
        horizon=12,
        target_end_date=ends.dt.strftime("%Y-%m-%d"),
        origin_date=table["origin_date"].dt.strftime("%Y-%m-%d"),
    )


def test_a_linear_pool_scores_as_the_mixture_it_is() -> None:
    points = normal_points([5, 7], [0.3, 0.5])
    for outcome in (4.6, 6.0, 8.1):
        found = pool_scores(points, np.exp([outcome]), np.array([0.3, 0.7]))["log_crps"].item()
        assert found == pytest.approx(
            float(crps_of_normals([0.3, 0.7], [5, 7], [0.3, 0.5], outcome)), abs=3e-3
        )


def test_a_quantile_average_of_normals_is_the_normal_between() -> None:
    points = normal_points([5, 7], [0.3, 0.5])
    found = pool_scores(points, np.exp([6.0]), np.array([0.5, 0.5]), "quantile")["log_crps"].item()
    assert found == pytest.approx(float(crps_of_normals([1], [6], [0.4], 6.0)), abs=2e-3)


def test_the_band_of_a_pool_is_that_of_its_mixture() -> None:
    # Half of the mass around 5, half around 9: the 1/8 quantile of the pool is the 1/4 quantile of the first.
    points = normal_points([5, 9], [0.1, 0.1], cases=3)
    edge = 5 + 0.1 * stats.norm.ppf(0.25)
    inside = pool_scores(points, np.exp([edge - 0.01, edge + 0.01, 7.0]), np.array([0.5, 0.5]))["inside_75"]
    assert inside.tolist() == [False, True, True]


def test_a_pool_of_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown kind of pool 'median'"):
        pool_scores(normal_points([5], [1]), np.ones(1), np.ones(1), "median")


def test_best_weights_by_hand() -> None:
    # Members at 0 and 1 without spread, outcomes half 0 and half 1: a = (1/2, 1/2), B = 1 apart; equal is best.
    apart = np.array([[0.0, 1.0], [1.0, 0.0]])
    np.testing.assert_allclose(best_weights(np.array([0.5, 0.5]), apart), [0.5, 0.5], atol=1e-6)
    # With outcomes 0 in three of four: minimise w1/4 ... : w = (3/4, 1/4), the share of each.
    np.testing.assert_allclose(best_weights(np.array([0.25, 0.75]), apart), [0.75, 0.25], atol=1e-6)
    # Always 0: all on the first.
    np.testing.assert_allclose(best_weights(np.array([0.0, 1.0]), apart), [1, 0], atol=1e-6)


def test_learned_weights_are_better_than_any_other_on_the_past() -> None:
    rng = np.random.default_rng(1)
    cases = history(6, 80)
    points = normal_points([5.0, 5.6, 3.0], [0.2, 0.4, 0.3], len(cases))
    outcomes = np.exp(rng.choice([5.0, 5.6], len(cases)) + rng.normal(0, 0.25, len(cases)))
    weights = learned_weights(cases, points, outcomes)
    last = cases["origin_date"] == cases["origin_date"].max()
    past = (cases["target_end_date"] <= cases["origin_date"].max()).to_numpy()
    best = weights[last][0]
    assert best[2] < 0.02

    def score(w: np.ndarray) -> float:
        return float(pool_scores(points[past], outcomes[past], w)["log_crps"].mean())

    others = rng.dirichlet(np.ones(3), 30)
    assert all(score(best) <= score(other) + 1e-9 for other in others)


def test_outcomes_not_known_at_an_origin_do_not_teach_its_weights() -> None:
    rng = np.random.default_rng(2)
    cases = history(8, 60)
    points = normal_points([5.0, 6.0], [0.3, 0.3], len(cases))
    outcomes = np.exp(rng.normal(5.4, 0.5, len(cases)))
    moment = np.unique(cases["origin_date"])[5]
    unknown = (cases["target_end_date"] > moment).to_numpy()
    upto = (cases["origin_date"] <= moment).to_numpy()
    before = learned_weights(cases, points, outcomes)
    after = learned_weights(cases, points, np.where(unknown, 1e6, outcomes))
    np.testing.assert_array_equal(before[upto], after[upto])
    assert not np.allclose(before[~upto], after[~upto])


def test_weights_stay_equal_until_enough_is_known() -> None:
    cases = history(4, 60)
    points = normal_points([5.0, 9.0], [0.3, 0.3], len(cases))
    weights = learned_weights(cases, points, np.full(len(cases), np.exp(5.0)))
    # One origin's outcomes are known at the third, sixty; two origins', 120, at the fourth.
    np.testing.assert_array_equal(weights[:180], 0.5)
    assert weights[-1, 0] > 0.99


def test_only_cases_of_all_members_are_pooled() -> None:
    def told(model: str, geo: str, factor: float) -> pd.DataFrame:
        return pd.DataFrame(
            {
                "origin_date": "2010-06-30",
                "target": "12-month total",
                "horizon": 12,
                "target_end_date": "2011-06-30",
                "location": geo,
                "model_id": model,
                "output_type_id": LEVELS,
                "value": factor * np.array(LEVELS),
            }
        )

    table = pd.concat([told("a", "AA", 1e4), told("a", "BB", 1e4), told("b", "AA", 1e5)])
    cases, points = log_points(table, ["b", "a"])
    assert cases["location"].tolist() == ["AA"]
    assert points.shape == (1, 2, 200)
    np.testing.assert_allclose(points[0, 0] - points[0, 1], np.log(10))
    with pytest.raises(ValueError, match="no results of c"):
        log_points(table, ["a", "c"])
