"""Pools: closed forms where they exist, weights by hand, and what cannot be pooled."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import pytest
from scipy import integrate, stats

from priors.leave_one_out import leave_one_out
from priors.mixture import expert_density
from priors.pooling import POOL_KEY, equal_weights, performance_weights, pool_sets
from priors.records import PoolMember, ScenarioSet
from priors.scenario import InvalidScenarioSet, parse_scenario_set

Payload = dict[str, Any]
LEVELS = [0.05, 0.125, 0.5, 2 / 3, 0.875, 0.95]


def named(payload: Payload) -> Payload:
    return {"name": "pool", "edition": payload["edition"], "cutoff": payload["cutoff"], "reason": "pooled"}


def other(payload: Payload, factor: float = 1.3) -> Payload:
    made = copy.deepcopy(payload)
    for scenario in made["scenarios"]:
        for belief in scenario["years"].values():
            belief["expected"] *= factor
    return made


def pooled(method: Any, records: list[ScenarioSet], weights: list[float], payload: Payload) -> ScenarioSet:
    members = [
        (PoolMember(scenario_set=str(i), version=1, weight=w, equal_weight=1 / len(records)), record)
        for i, (w, record) in enumerate(zip(weights, records, strict=True))
    ]
    return pool_sets(method, "stated", members, named(payload))


def one_normal(payload: Payload, mean: float, sd: float) -> ScenarioSet:
    scenario = {
        "key": "only",
        "probability": 1.0,
        "family": "normal",
        "years": {"2025": {"expected": mean, "spread": sd}},
    }
    return parse_scenario_set({**payload, "scenarios": [scenario], "unforeseen": None, "events": []})


def test_a_linear_pool_is_the_mixture_of_its_members(payload: Payload) -> None:
    event = {"key": "border", "probability": 0.3, "years": {"2025": {"expected": -5_000, "spread": 900}}}
    sets = [
        parse_scenario_set({**payload, "events": [event]}),
        parse_scenario_set({**other(payload), "events": [{**event, "probability": 0.6}]}),
        parse_scenario_set(other(payload, 0.8)),
    ]
    weights = [0.5, 0.2, 0.3]
    density = expert_density(pooled("linear_pool", sets, weights, payload))
    x = np.linspace(5_000, 120_000, 60)
    for year in (2024, 2025):
        wanted = sum(w * expert_density(s).cdf(year, x) for w, s in zip(weights, sets, strict=True))
        np.testing.assert_allclose(density.cdf(year, x), wanted, atol=1e-9)
    assert math.fsum(part.probability for part in density.components) == pytest.approx(1)


def test_events_of_ten_members_do_not_multiply(payload: Payload) -> None:
    event = {"probability": 0.3, "years": {"2025": {"expected": -5_000, "spread": 900}}}
    events = [{"key": f"e{n}", **event} for n in range(4)]
    sets = [parse_scenario_set({**other(payload, 1 + n / 50), "events": events}) for n in range(10)]
    density = expert_density(pooled("linear_pool", sets, [0.1] * 10, payload))
    assert {len(part.additions) for part in density.components} <= {0, 4}


def test_a_logarithmic_pool_of_normals_is_the_normal_of_weighted_precision(payload: Payload) -> None:
    sets = [one_normal(payload, 40_000, 3_000), one_normal(payload, 46_000, 5_000)]
    density = expert_density(pooled("logarithmic_pool", sets, [0.4, 0.6], payload))
    precision = 0.4 / 3_000**2 + 0.6 / 5_000**2
    mean = (0.4 * 40_000 / 3_000**2 + 0.6 * 46_000 / 5_000**2) / precision
    exact = stats.norm(mean, precision**-0.5)
    np.testing.assert_allclose(density.ppf(2025, LEVELS), exact.ppf(LEVELS), rtol=1e-4)
    assert density.mean(2025) == pytest.approx(mean, rel=1e-5)
    assert density.sd(2025) == pytest.approx(precision**-0.5, rel=1e-3)
    assert [part.key for part in density.components] == [POOL_KEY]


def test_a_logarithmic_pool_of_mixtures_is_their_normalised_product(payload: Payload) -> None:
    sets = [parse_scenario_set(payload), parse_scenario_set(other(payload))]
    density, parts = (
        expert_density(pooled("logarithmic_pool", sets, [0.5, 0.5], payload)),
        [expert_density(s) for s in sets],
    )

    def product(x: float) -> float:
        return math.sqrt(float(parts[0].pdf(2025, x)) * float(parts[1].pdf(2025, x)))

    whole = integrate.quad(product, 1_000, 200_000, limit=400, points=[30_000, 50_000])[0]
    for x in (30_000.0, 42_000.0, 60_000.0):
        below = integrate.quad(product, 1_000, x, limit=400, points=[29_000])[0] / whole
        assert float(density.cdf(2025, x)) == pytest.approx(below, abs=1e-4)


def test_a_member_pooled_with_itself_is_itself(payload: Payload) -> None:
    sets = [parse_scenario_set(payload)] * 2
    alone = expert_density(sets[0])
    for method in ("linear_pool", "logarithmic_pool"):
        density = expert_density(pooled(method, sets, [0.3, 0.7], payload))
        np.testing.assert_allclose(density.ppf(2025, LEVELS), alone.ppf(2025, LEVELS), rtol=1e-3)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"cutoff": "2024-05-31"}, "cutoff"),
        ({"target": {"series": "first_applications", "geo": "DE", "citizen": "TOTAL"}}, "another target"),
    ],
)
def test_sets_about_something_else_are_not_pooled(payload: Payload, change: Payload, words: str) -> None:
    sets = [parse_scenario_set(payload), parse_scenario_set({**payload, **change})]
    with pytest.raises(InvalidScenarioSet, match=words) as refused:
        pooled("linear_pool", sets, [0.5, 0.5], payload)
    assert refused.value.faults[0].field == "/members/1"


def test_other_years_and_nothing_in_common_are_refused(payload: Payload) -> None:
    shorter = copy.deepcopy(payload)
    for scenario in shorter["scenarios"]:
        scenario["years"].pop("2025")
    shorter["unforeseen"] = None
    with pytest.raises(InvalidScenarioSet, match="other years"):
        pooled("linear_pool", [parse_scenario_set(payload), parse_scenario_set(shorter)], [0.5, 0.5], payload)
    apart = [one_normal(payload, 10_000, 10), one_normal(payload, 90_000, 10)]
    with pytest.raises(InvalidScenarioSet, match="nothing in common"):
        pooled("logarithmic_pool", apart, [0.5, 0.5], payload)


def test_performance_weights_by_hand() -> None:
    """Mean scores 1 and 3: raw 3/4 and 1/4; two editions shrink by 2 / (2 + 8), so 0.55 and 0.45."""
    found = performance_weights([[0.5, 1.5], [2.0, 4.0, 3.0]])
    assert found.raw == pytest.approx((0.75, 0.25))
    assert found.share == pytest.approx(0.2)
    assert found.shrunk == pytest.approx((0.55, 0.45))
    assert performance_weights([[1.0]] * 3).shrunk == pytest.approx(equal_weights(3))
    for scores in ([], [[1.0], []], [[0.0], [1.0]], [[math.nan], [1.0]]):
        with pytest.raises(ValueError, match="score"):
            performance_weights(scores)


def test_leaving_one_out_is_the_difference_of_two_densities(payload: Payload) -> None:
    density = expert_density(parse_scenario_set(payload))
    for one in leave_one_out(density):
        kept = [part for part in density.components if part.key != one.key]
        without = type(density)(tuple(kept), density.year_correlation)
        for year, effect in one.effect.items():
            wanted = density.ppf(year, 0.5) - without.ppf(year, 0.5)
            assert effect["median"] == pytest.approx(float(wanted), abs=2)


def test_leaving_an_expert_out_of_a_pool(payload: Payload) -> None:
    sets = [parse_scenario_set(payload), parse_scenario_set(other(payload))]
    pool = pooled("linear_pool", sets, [0.5, 0.5], payload)
    density = expert_density(pool)
    effects = {one.key: one.effect for one in leave_one_out(density, pool.pool) if one.kind == "expert"}
    wanted = density.ppf(2025, 0.5) - expert_density(sets[1]).ppf(2025, 0.5)
    assert effects["m1"][2025]["median"] == pytest.approx(float(wanted), abs=2)


def test_leaving_an_expert_out_of_a_logarithmic_pool_pools_the_others(payload: Payload) -> None:
    sets = [one_normal(payload, mean, 3_000) for mean in (30_000, 34_000, 44_000)]
    whole = pooled("logarithmic_pool", sets, [0.5, 0.3, 0.2], payload)
    effects = {one.key: one.effect[2025] for one in leave_one_out(expert_density(whole), whole.pool)}
    assert set(effects) == {"m1", "m2", "m3"}
    # Normals with one spread: the pool's mean is the weighted mean, whoever is in it.
    every = 0.5 * 30_000 + 0.3 * 34_000 + 0.2 * 44_000
    without = {
        "m1": 0.6 * 34_000 + 0.4 * 44_000,
        "m2": (5 * 30_000 + 2 * 44_000) / 7,
        "m3": (5 * 30_000 + 3 * 34_000) / 8,
    }
    for key, mean in without.items():
        for name in ("minimum", "median", "medio", "maximum"):
            assert effects[key][name] == pytest.approx(every - mean, abs=5)


def test_an_expert_without_whom_nobody_has_weight_has_no_effect_to_name(payload: Payload) -> None:
    sets = [one_normal(payload, mean, 3_000) for mean in (30_000, 34_000)]
    whole = pooled("logarithmic_pool", sets, [1.0, 0.0], payload)
    (only,) = leave_one_out(expert_density(whole), whole.pool)
    assert only.key == "m2"
    assert max(abs(value) for value in only.effect[2025].values()) < 5


def test_a_pool_may_join_its_years_otherwise_than_its_members(payload: Payload) -> None:
    sets = [parse_scenario_set(payload), parse_scenario_set(other(payload))]
    members = [
        (PoolMember(scenario_set=str(i), version=1, weight=0.5, equal_weight=0.5), one)
        for i, one in enumerate(sets)
    ]
    stated = {**named(payload), "yearCorrelation": 0.25}
    for method in ("linear_pool", "logarithmic_pool"):
        made = pool_sets(method, "equal", members, stated)
        assert made.pool is not None and made.year_correlation == 0.25
        assert all(one.year_correlation == 0.25 for one in made.pool.without)
