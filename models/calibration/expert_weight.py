"""The weight of the experts in a linear pool with the model that past editions would have deserved.

    CRPS(w E + (1 - w) M) = w CRPS(E) + (1 - w) CRPS(M) - w (1 - w) D
    D = E|X - Y| - E|X - X'| / 2 - E|Y - Y'| / 2 >= 0,   X ~ E, Y ~ M

so that the mean score is a parabola in w and its lowest point inside [0, 1] is known exactly. Uncertainty: Bayesian
bootstrap over editions (Rubin 1981), since forecasts of one edition stand or fall together. Densities are read at 200
equally likely points; experts of one edition are pooled alike. This module must not know the bias model.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.calibration.answer import ExpertWeight
from models.calibration.records import ArchivedForecast
from models.calibration.statements import quantiles_at
from models.scores import crps_of_draws

Array = NDArray[np.float64]

POINTS = 200
_RESAMPLES = 4000


def best_expert_weight(
    forecasts: Sequence[ArchivedForecast], dense: NDArray[np.bool_], outcomes: Array, seed: int
) -> ExpertWeight | None:
    """The weight over editions where experts and model both state densities; None with fewer than two.

    `dense` (case,) says which forecasts are scenarios or draws, `outcomes` (case,) what came (persons).
    """
    rows, editions = [], []
    for edition, experts, model in _both(forecasts, dense):
        points = [_points([forecasts[place] for place in places]) for places in (experts, model)]
        rows.append(parabola(points[0], points[1], float(outcomes[model[0]])))
        editions.append(edition)
    names, code = np.unique(np.array(editions), return_inverse=True)
    if len(names) < 2:
        return None
    sums = np.zeros((len(names), 3))
    np.add.at(sums, code, np.array(rows))
    resampled = np.random.default_rng(seed).dirichlet(np.ones(len(names)), _RESAMPLES) @ sums
    weights = lowest(resampled)
    return ExpertWeight(
        best=float(lowest(sums.sum(axis=0, keepdims=True))[0]),
        mean=float(weights.mean()),
        lower95=float(np.quantile(weights, 0.025)),
        upper95=float(np.quantile(weights, 0.975)),
        score="crps",
        n=len(rows),
        editions=len(names),
    )


def _both(
    forecasts: Sequence[ArchivedForecast], dense: NDArray[np.bool_]
) -> list[tuple[str, list[int], list[int]]]:
    """(edition, places of experts, places of the model) for every edition and target year that has both."""
    places: dict[tuple[str, int], dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for place in np.flatnonzero(dense).tolist():
        one = forecasts[place]
        if one.stage in ("experts", "model"):
            places[one.edition, one.target_year][one.stage].append(place)
    return [
        (edition, of["experts"], of["model"])
        for (edition, _), of in places.items()
        if {"experts", "model"} <= set(of)
    ]


def _points(alike: Sequence[ArchivedForecast]) -> Array:
    """Equally likely points of all forecasts together: experts of one edition are pooled alike."""
    every = max(POINTS // len(alike), 20)
    return quantiles_at(alike, ((np.arange(every) + 0.5) / every).tolist()).ravel()


def parabola(experts: Array, model: Array, outcome: float) -> tuple[float, float, float]:
    """CRPS of the experts, of the model, and the gain D of mixing them, from points (point,) of each."""
    own, other = (float(crps_of_draws(side, outcome)) for side in (experts, model))
    between = float(np.abs(experts[:, None] - model).mean())
    within = float(np.abs(experts[:, None] - experts).mean() + np.abs(model[:, None] - model).mean())
    return own, other, between - within / 2


def lowest(sums: Array) -> Array:
    """`(row,)` where the parabola of each row (experts, model, gain) is lowest inside [0, 1]."""
    own, other, gain = sums.T
    flat = gain <= 1e-12
    inner = 0.5 - np.divide(own - other, 2 * gain, out=np.zeros(len(gain)), where=~flat)
    return np.asarray(np.clip(np.where(flat, (own < other).astype(float), inner), 0.0, 1.0))
