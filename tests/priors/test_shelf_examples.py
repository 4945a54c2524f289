"""Beliefs against figures that the R package SHELF prints in its overview and its manual, to the printed digits.

SHELF minimises the same sum of squared differences of probabilities. Its Student-t has three degrees of freedom where
ours has four, and its other families (beta, mirrored, logarithmic t) are not ours, so three families can be compared.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from scipy import stats

from priors.fitting import Judged, fit, judged_chips, judged_quantiles
from priors.mixture import expert_density
from priors.parents import parent
from priors.pooling import pool_sets
from priors.records import PoolMember
from priors.scenario import parse_scenario_set
from tests.priors.test_fitting import scipy_optimum

Payload = dict[str, Any]
QUARTILES = (0.25, 0.5, 0.75)
EXPERT_A, EXPERT_B, CONSENSUS = (25, 30, 35), (30, 35, 50), (25, 30, 40)
MANUAL_1, MANUAL_2 = (30, 40, 50), (20, 25, 35)


def judged(values: tuple[float, ...]) -> Judged:
    """Quartiles and median."""
    return judged_quantiles(list(zip(QUARTILES, values, strict=True)))


@pytest.mark.parametrize(
    ("values", "family", "printed"),
    [
        (EXPERT_A, "gamma", 0.000126733),
        (EXPERT_A, "lognormal", 0.0002833689),
        (EXPERT_B, "normal", 9.495880e-03),
        (EXPERT_B, "gamma", 0.007194602),
        (EXPERT_B, "lognormal", 0.0061172216),
    ],
)
def test_sums_of_squares_of_two_experts(values: tuple[float, ...], family: str, printed: float) -> None:
    """Overview, sums of squares of experts A and B; a search that stopped sooner printed up to 4 in a million more."""
    found = len(values) * fit(judged(values), family).residual ** 2
    assert found == pytest.approx(printed, rel=5e-6)
    assert found <= printed * (1 + 5e-7), "and not less near: the digits printed are rounded"
    assert found == pytest.approx(scipy_optimum(family, np.array(QUARTILES), np.array(values)), rel=1e-9)


def test_quartiles_of_expert_a_are_those_of_a_normal() -> None:
    """Overview: 1.1e-31, the normal fits expert A exactly, with a mean of 30."""
    found = fit(judged(EXPERT_A), "normal")
    assert found.residual < 1e-9
    assert (found.expected, found.spread) == pytest.approx((30.0, 5 / stats.norm.ppf(0.75)), rel=1e-7)


@pytest.mark.parametrize(
    ("family", "low", "high", "reached"),
    [
        ("normal", 12.5, 50.4, (0.288, 0.451, 0.772)),
        ("gamma", 16.2, 53.2, (0.279, 0.461, 0.769)),
        ("lognormal", 17.3, 55.3, (0.274, 0.466, 0.767)),
    ],
)
def test_feedback_on_a_consensus(family: str, low: float, high: float, reached: tuple[float, ...]) -> None:
    """Overview, feedback on the two experts' consensus: its 5% and 95% quantiles and the fitted probabilities."""
    found = fit(judged(CONSENSUS), family)
    own = parent(found.family, found.expected, found.spread, 4.0)
    assert own.ppf(np.array([0.05, 0.95])) == pytest.approx((low, high), abs=0.05)
    assert found.reached == pytest.approx(reached, abs=0.0005)


def test_chips_at_either_end_speak_of_the_inner_edges_only() -> None:
    """Manual, a note on roulette: of 20 chips one in 10-20 and one in 70-80, so P(X < 20) = P(X > 70) = 0.05."""
    edges, chips = [float(x) for x in range(0, 101, 10)], [0, 1, 2, 4, 6, 4, 2, 1, 0, 0]
    found = judged_chips(edges, chips)
    at = dict(zip(found.values, found.levels, strict=True))
    assert (at[20], 1 - at[70]) == pytest.approx((0.05, 0.05))
    assert min(at) == 20 and max(at) == 70
    levels, values = np.array(found.levels), np.array(found.values)
    for family in ("normal", "gamma", "lognormal"):
        reached = len(levels) * fit(found, family).residual ** 2
        assert reached == pytest.approx(scipy_optimum(family, levels, values), rel=1e-5)


def by_scipy(family: str, values: tuple[float, ...]) -> Any:
    """The family member with the smallest sum of squares, by a search of SciPy's own over SciPy's own functions."""
    from scipy.optimize import minimize

    def member(p: np.ndarray) -> Any:
        first, second = np.exp(p)
        return stats.gamma(first, scale=second) if family == "gamma" else stats.norm(first, second)

    def away(p: np.ndarray) -> float:
        return float(np.sum((member(p).cdf(np.array(values)) - QUARTILES) ** 2))

    start = np.log([8.0, values[1] / 8.0] if family == "gamma" else [values[1], values[1] / 3])
    options = {"xatol": 1e-11, "fatol": 1e-18, "maxiter": 20_000, "maxfev": 20_000}
    return member(minimize(away, start, method="Nelder-Mead", options=options).x)


@pytest.mark.parametrize("family", ["normal", "gamma"])
@pytest.mark.parametrize("weights", [(0.5, 0.5), (0.7, 0.3)])
def test_a_linear_pool_of_two_experts(payload: Payload, family: str, weights: tuple[float, float]) -> None:
    """Manual, the linear pool: two experts' quartiles, equal weights and 0.7 to 0.3, one family for both.

    The manual prints the judgements and where to look, not what comes out: that is SciPy's optimum.
    """
    members = []
    for place, (values, weight) in enumerate(zip((MANUAL_1, MANUAL_2), weights, strict=True)):
        one = fit(judged(values), family)
        made = copy.deepcopy(payload)
        belief = {"2025": {"expected": one.expected, "spread": one.spread}}
        made["scenarios"] = [{"key": "only", "probability": 1.0, "family": family, "years": belief}]
        record = parse_scenario_set({**made, "unforeseen": None, "events": []})
        member = PoolMember(scenario_set=str(place), version=1, weight=weight, equal_weight=0.5)
        members.append((member, record))
    named = {"name": "pool", "edition": payload["edition"], "cutoff": payload["cutoff"], "reason": "pooled"}
    pool = expert_density(pool_sets("linear_pool", "stated", members, named))
    experts = [by_scipy(family, values) for values in (MANUAL_1, MANUAL_2)]
    at = np.array([20.0, 50.0, 80.0])
    wanted = sum(w * (e.cdf(at) - e.cdf(0.0)) / e.sf(0.0) for w, e in zip(weights, experts, strict=True))
    np.testing.assert_allclose(pool.cdf(2025, at), wanted, atol=2e-6)
    quantiles = pool.ppf(2025, [0.05, 0.5, 0.95])
    back = sum(w * (e.cdf(quantiles) - e.cdf(0.0)) / e.sf(0.0) for w, e in zip(weights, experts, strict=True))
    np.testing.assert_allclose(back, [0.05, 0.5, 0.95], atol=2e-6)
