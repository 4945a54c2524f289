"""Combined forecasts from stored quantiles: linear pools and quantile averages, with weights from the past only.

    linear pool       F = sum_k w_k F_k
    quantile average  F^-1 = sum_k w_k F_k^-1
    CRPS of a pool    a.w - w.B w / 2,  a_k = E|X_k - y|,  B_kl = E|X_k - X_l|

The score of a linear pool is quadratic and convex in its weights, so that weights are learned from averages of
`a` and `B` over earlier cases. Only cases whose outcome was known at an origin teach its weights.
A forecast is taken as its stored grid of equally likely quantiles. This module knows no model and no file.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.optimize import minimize

from models.backtest.run import BAND, GRID, LEVELS
from models.scores import crps_of_draws
from models.series import LEAST_COUNT, Array

CASE = ["origin_date", "target", "horizon", "target_end_date", "location"]
LEAST_CASES = 100
"""Earlier cases of a target below which its weights stay equal."""


def log_points(quantiles: pd.DataFrame, members: Sequence[str]) -> tuple[pd.DataFrame, Array]:
    """Cases that every member forecast, and their log quantiles `(case, member, level of GRID)`.

    `quantiles` are results of `backtest` with `model_id`. Raises ValueError for a member without results.
    """
    absent = set(members) - set(quantiles["model_id"])
    if absent:
        raise ValueError(f"no results of {sorted(absent)[0]}")
    wide = quantiles[quantiles["model_id"].isin(members)].pivot_table(
        index=[*CASE, "model_id"], columns="output_type_id", values="value"
    )
    on_grid = wide[[level for level in LEVELS if level in set(GRID)]]
    cases = on_grid.iloc[:, 0].unstack("model_id").dropna().index
    stacked = [on_grid.xs(name, level="model_id").reindex(cases).to_numpy() for name in members]
    return cases.to_frame(index=False), np.log(np.maximum(np.stack(stacked, axis=1), LEAST_COUNT))


def pool_scores(points: Array, outcomes: Array, weights: Array, kind: str = "linear") -> pd.DataFrame:
    """Scores per case of a pool: `log_crps`, `inside_75`.

    `points` (case, member, level) log quantiles; `outcomes` (case,) persons; `weights` (member,) or (case, member).
    Raises ValueError for a kind other than `linear` and `quantile`.
    """
    w = np.broadcast_to(weights, points.shape[:2])
    y = np.log(np.maximum(outcomes, LEAST_COUNT))
    if kind == "quantile":
        draws = np.einsum("cml,cm->lc", points, w)
        mass = np.ones_like(draws)
    elif kind == "linear":
        cases, members, levels = points.shape
        draws = points.reshape(cases, members * levels).T
        mass = np.repeat(w, levels, axis=1).T
    else:
        raise ValueError(f"unknown kind of pool {kind!r}: linear or quantile")
    low, high = (_quantile(draws, mass, level) for level in BAND)
    return pd.DataFrame({"log_crps": crps_of_draws(draws, y, mass), "inside_75": (low <= y) & (y <= high)})


def learned_weights(cases: pd.DataFrame, points: Array, outcomes: Array) -> Array:
    """`(case, member)`: weights at each case's origin that would have scored best on what was known by then.

    Per target and horizon; equal until `LEAST_CASES` outcomes are known.
    """
    y = np.log(np.maximum(outcomes, LEAST_COUNT))
    members = points.shape[1]
    weights = np.full(points.shape[:2], 1 / members)
    kinds = cases.groupby(["target", "horizon"]).ngroup().to_numpy()
    origin, end = cases["origin_date"].to_numpy(), cases["target_end_date"].to_numpy()
    distance, spread = _distances(points, y)
    for kind in np.unique(kinds):
        for moment in np.unique(origin[kinds == kind]):
            past = (kinds == kind) & (end <= moment)
            if past.sum() >= LEAST_CASES:
                here = (kinds == kind) & (origin == moment)
                weights[here] = best_weights(distance[past].mean(axis=0), spread[past].mean(axis=0))
    return weights


def best_weights(distance: Array, spread: Array) -> Array:
    """`(member,)`: weights on the simplex that minimise distance.w - w.spread w / 2.

    `distance` (member,) mean E|X_k - y|, `spread` (member, member) mean E|X_k - X_l|. Raises RuntimeError when the
    search does not end.
    """
    members = len(distance)
    found = minimize(
        lambda w: float(distance @ w - w @ spread @ w / 2),
        np.full(members, 1 / members),
        jac=lambda w: distance - spread @ w,
        bounds=[(0.0, 1.0)] * members,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1},
        method="SLSQP",
        options={"ftol": 1e-12},
    )
    if not found.success:
        raise RuntimeError(f"no best weights found: {found.message}")
    best = np.maximum(found.x, 0)
    return np.asarray(best / best.sum())


def _distances(points: Array, y: Array) -> tuple[Array, Array]:
    """E|X_k - y| `(case, member)` and E|X_k - X_l| `(case, member, member)`.

    Half of two samples thrown together are of either, so that their common gap holds that between them:
    E|Z - Z'| = (E|X - X'| + E|Y - Y'|) / 4 + E|X - Y| / 2.
    """
    cases, members, _ = points.shape
    distance = np.abs(points - y[:, None, None]).mean(axis=2)
    own = _mean_gap(points)
    spread = np.empty((cases, members, members))
    for k in range(members):
        for other in range(k, members):
            common = _mean_gap(np.concatenate([points[:, k], points[:, other]], axis=1))
            between = 2 * common - (own[:, k] + own[:, other]) / 2
            spread[:, k, other] = spread[:, other, k] = between
    return distance, spread


def _mean_gap(points: Array) -> Array:
    """E|X - X'| of equally likely points along the last axis, by one sort."""
    count = points.shape[-1]
    ranked = np.sort(points, axis=-1)
    return np.asarray(ranked @ (2 * np.arange(1, count + 1) - count - 1.0) * 2 / count**2)


def _quantile(draws: Array, mass: Array, level: float) -> Array:
    """`(case,)`: the smallest draw (draw, case) with at least `level` of the mass at or below it."""
    order = np.argsort(draws, axis=0)
    cumulative = np.cumsum(np.take_along_axis(mass, order, axis=0), axis=0)
    place = np.argmax(cumulative >= level * cumulative[-1], axis=0)
    return np.asarray(np.take_along_axis(draws, order, axis=0)[place, np.arange(draws.shape[1])])
