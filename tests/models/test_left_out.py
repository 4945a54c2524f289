"""Leaving out a part of the prior is the same as a forecast that never had it."""

from __future__ import annotations

import numpy as np

from models.edits import Belief
from models.left_out import experts_left_out, left_out_effects
from models.posterior import Posterior, weigh
from models.weigher import Weigher
from priors.mixture import expert_density
from priors.pooling import pool_sets
from priors.records import PoolMember, ScenarioSet
from tests.models.made_up import in_autumn, scenarios

LEVELS = (0.125, 0.5, 2 / 3, 0.875)
AT = {"m1.low": 36_000.0, "m1.high": 45_000.0, "m2.only": 52_000.0}


def posterior(shares: dict[str, float], weight: float = 1.0) -> Posterior:
    here = in_autumn()
    density = expert_density(scenarios(shares, AT), here.data.counted_when_stated)
    return weigh(density, weight, here.evidence, here.base[: 20_000 * len(shares)], here.own)


def test_without_a_scenario_is_a_forecast_that_never_had_it() -> None:
    whole, without = (
        posterior({"m1.low": 0.3, "m1.high": 0.5, "m2.only": 0.2}),
        posterior({"m1.low": 0.6, "m2.only": 0.4}),
    )
    effect = left_out_effects(whole, pooled=False)
    assert set(effect) == {("scenario", key) for key in AT}
    wanted = whole.layer.quantiles(LEVELS) - without.layer.quantiles(LEVELS)
    np.testing.assert_allclose(effect["scenario", "m1.high"], wanted, atol=2e-3)


def test_without_an_expert_all_of_the_experts_scenarios_are_gone() -> None:
    whole, without = posterior({"m1.low": 0.3, "m1.high": 0.5, "m2.only": 0.2}), posterior({"m2.only": 1.0})
    effect = left_out_effects(whole, pooled=True)["expert", "m1"]
    np.testing.assert_allclose(
        effect, whole.layer.quantiles(LEVELS) - without.layer.quantiles(LEVELS), atol=2e-3
    )


def test_the_only_part_has_no_effect_and_the_model_is_none_of_the_experts() -> None:
    assert left_out_effects(posterior({"m2.only": 1.0}), pooled=True) == {}
    assert set(left_out_effects(posterior({"m2.only": 1.0}, 0.5), pooled=False)) == {("scenario", "m2.only")}


def logarithmic(levels: list[float]) -> ScenarioSet:
    """A logarithmic pool, by equal weights, of sets with one scenario each."""
    here = in_autumn()
    sets = [scenarios({"only": 1.0}, {"only": level}) for level in levels]
    even = 1 / len(sets)
    members = [
        (PoolMember(scenario_set=str(k), version=1, weight=even, equal_weight=even), one)
        for k, one in enumerate(sets)
    ]
    named = {"name": "pool", "edition": "2018-2", "cutoff": sets[0].cutoff.isoformat(), "reason": "pooled"}
    return pool_sets("logarithmic_pool", "equal", members, named, here.data.counted_when_stated)


def test_without_an_expert_of_a_logarithmic_pool_the_others_pool_is_weighed() -> None:
    here, levels = in_autumn(), [36_000.0, 42_000.0, 52_000.0]
    counted, pool = here.data.counted_when_stated, logarithmic(levels)
    density = expert_density(pool, counted)
    whole = weigh(density, 0.8, here.evidence, here.base[:20_000], here.own)
    assert pool.pool is not None
    by = Weigher(here.evidence, here.base, here.own, 20_000)
    effects = experts_left_out(Belief(density, 0.8), pool.pool, whole, by)
    assert set(effects) == {("expert", "m1"), ("expert", "m2"), ("expert", "m3")}
    without = weigh(
        expert_density(logarithmic(levels[1:]), counted), 0.8, here.evidence, here.base[:20_000], here.own
    )
    wanted = whole.layer.quantiles(LEVELS) - without.layer.quantiles(LEVELS)
    assert np.abs(wanted).max() > 100
    np.testing.assert_allclose(effects["expert", "m1"], wanted, atol=0.03 * np.abs(wanted).max())
