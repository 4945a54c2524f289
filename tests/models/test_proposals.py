"""Proposals are weighed back to what they were drawn instead of, whatever they are."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import norm

from models.event_normals import with_event_normals
from models.forecast import base_normals
from models.proposals import Points, Proposal, fitted_proposal, plain_points, proposed_points
from priors.amounts import amount
from priors.events import Addition, Additions

Array = NDArray[np.float64]

YEARS, RHO, DRAWS = (2024, 2025), 0.6, 100_000


def addition(key: str, slot: int, probability: float, size: float) -> Addition:
    return Addition(key, slot, probability, YEARS, tuple(amount("normal", size, 800.0) for _ in YEARS))


ADDITIONS: Additions = (
    (addition("war", 0, 0.2, 5_000.0),),
    (addition("deal", 1, 0.3, -4_000.0), addition("border", 2, 0.5, -1_000.0)),
)
PROPOSAL = Proposal(
    np.array([0.8, 0.3, 0.0]),
    np.array([[-2e-4, 0.0], [0.0, -1e-4], [0.0, 0.0]]),
    np.array([[0.7, 0, 0], [0.2, 1.1, 0], [0, 0, 1.0]]),
    np.array([1_000.0, 500.0]),
    {(0,): np.array([3.0, 0.7]), (1, 2): np.array([0.4, 1.5, 2.0])},
)


def base() -> Array:
    return with_event_normals(base_normals(DRAWS, len(YEARS), 3), len(YEARS), 3, 3)


def check(points: Points, atol: float = 0.02) -> None:
    weights = np.exp(points.log_ratio)
    assert weights.mean() == pytest.approx(1, abs=atol)
    weights /= weights.sum()
    for column in points.normals.T:
        assert weights @ column == pytest.approx(0, abs=atol)
        assert weights @ (column > 1.0) == pytest.approx(norm.sf(1.0), abs=atol / 2)
    np.testing.assert_allclose(points.occurring @ weights, [0.2, 0.3, 0.5], atol=atol / 2)
    assert not (points.occurring[1] & points.occurring[2]).any()
    # Events and years stay independent of one another.
    assert weights @ (points.normals[:, 0] * points.added[:, 0]) == pytest.approx(0, abs=3_000 * atol)
    assert weights @ points.added[:, 0] == pytest.approx(1_000 - 1_200 - 500, abs=3_000 * atol)


def test_weights_give_back_the_prior() -> None:
    check(plain_points(base(), YEARS, ADDITIONS, RHO), atol=0.005)
    check(proposed_points(base(), YEARS, ADDITIONS, RHO, PROPOSAL))


def test_weights_that_forget_the_tilt_are_caught() -> None:
    found = proposed_points(base(), YEARS, ADDITIONS, RHO, PROPOSAL)
    forgotten = proposed_points(
        base(), YEARS, ADDITIONS, RHO, Proposal(PROPOSAL.mean, PROPOSAL.gain, PROPOSAL.root, PROPOSAL.amount_mean, {})
    )  # fmt: skip
    with pytest.raises(AssertionError):
        check(Points(found.normals, found.occurring, found.added, forgotten.gain))


def test_a_fit_finds_where_events_and_years_lie() -> None:
    """Only totals near one figure have weight: events that lead there become likelier, years make up for them."""
    points = plain_points(base(), YEARS, ADDITIONS, RHO)
    totals = 30_000 + 3_000 * points.normals[:, 0] + points.added[:, 0]
    logs = -0.5 * ((totals - 37_000) / 500) ** 2
    start = effective(logs)
    moved, latest = points, logs
    for _ in range(4):
        moved = proposed_points(
            base(), YEARS, ADDITIONS, RHO, fitted_proposal(moved, ADDITIONS, latest, np.zeros(DRAWS))
        )
        totals = 30_000 + 3_000 * moved.normals[:, 0] + moved.added[:, 0]
        latest = -0.5 * ((totals - 37_000) / 500) ** 2 + moved.log_ratio
    assert effective(latest) > 5 * start
    evidence = [np.log(np.mean(np.exp(one))) for one in (logs, latest)]
    assert evidence[0] == pytest.approx(evidence[1], abs=0.06)


def effective(logs: Array) -> float:
    weights = np.exp(logs - logs.max())
    return float(weights.sum() ** 2 / (weights @ weights))
