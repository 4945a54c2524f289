"""Invariants 1 and 4 for several experts' sets as one, each with a variant that is wrong on purpose."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from models.event_normals import event_slots, with_event_normals
from models.posterior import Posterior, weigh
from priors.mixture import ExpertDensity, expert_density
from priors.pooling import pool_sets
from priors.records import PoolMember
from priors.scenario import ScenarioSet
from tests.invariants.conftest import CUTOFF, SEED, Moment, scenario_set
from tests.invariants.test_events import distance, with_events

WEIGHTS = (0.7, 0.3)


def pooled(method: str, here: Moment) -> tuple[ScenarioSet, list[ScenarioSet]]:
    """Two experts as one: in a linear pool the second has events and an unforeseen part."""
    own = {y: {"expected": 30_000.0, "spread": 9_000.0} for y in range(CUTOFF.year, CUTOFF.year + 5)}
    second = with_events() if method == "linear_pool" else scenario_set(low=24_000, high=36_000)
    if method == "linear_pool":
        unforeseen = {"probability": 0.1, "years": own}
        second = ScenarioSet.model_validate({**second.model_dump(by_alias=True), "unforeseen": unforeseen})
    members = [
        (
            PoolMember.model_validate(
                {"scenarioSet": f"s{n}", "version": 1, "weight": weight, "equalWeight": 0.5}
            ),
            record,
        )
        for n, (weight, record) in enumerate(zip(WEIGHTS, (scenario_set(), second), strict=True))
    ]
    named = {"name": "pool", "edition": "2018-2", "cutoff": CUTOFF.isoformat(), "reason": "two experts"}
    made = pool_sets(method, "stated", members, named, here.data.counted_when_stated)  # type: ignore[arg-type]
    return made, [record for _, record in members]


def posterior(here: Moment, chosen: ScenarioSet) -> tuple[Posterior, ExpertDensity]:
    density = expert_density(chosen, here.data.counted_when_stated)
    base = with_event_normals(here.base, 5, event_slots(density), SEED)
    return weigh(density, 1.0, here.evidence, base, here.own), density


@pytest.mark.parametrize("method", ["linear_pool", "logarithmic_pool"])
def test_invariant_1_nothing_new_leaves_the_pool(at_cutoff: Moment, method: str) -> None:
    found, density = posterior(at_cutoff, pooled(method, at_cutoff)[0])
    assert distance(found, density) < 0.005


def test_the_linear_pool_that_is_left_is_the_mixture_of_the_experts(at_cutoff: Moment) -> None:
    """Against the members themselves, not against the pool's own density."""
    chosen, records = pooled("linear_pool", at_cutoff)
    found, _ = posterior(at_cutoff, chosen)
    alone = [expert_density(record, at_cutoff.data.counted_when_stated) for record in records]
    for year in found.years:
        grid = alone[0].ppf(year, np.linspace(0.01, 0.99, 99))
        wanted = sum(w * one.cdf(year, grid) for w, one in zip(WEIGHTS, alone, strict=True))
        reached = np.array([1 - found.layer.exceedance(year, x)[0] for x in grid])
        np.testing.assert_allclose(reached, wanted, atol=0.005)


@pytest.mark.parametrize("method", ["linear_pool", "logarithmic_pool"])
def test_a_pool_that_lost_an_expert_is_caught(at_cutoff: Moment, method: str) -> None:
    chosen, records = pooled(method, at_cutoff)
    found, _ = posterior(at_cutoff, records[1])
    whole = expert_density(chosen, at_cutoff.data.counted_when_stated)
    assert distance(found, whole) > 0.02


def test_invariant_4_the_experts_weights_stand(at_cutoff: Moment) -> None:
    found, density = posterior(at_cutoff, pooled("linear_pool", at_cutoff)[0])
    np.testing.assert_allclose(found.probabilities, [c.probability for c in density.components], rtol=1e-9)
    shares = [0.0, 0.0]
    for key, probability in zip(found.keys, found.probabilities, strict=True):
        shares[0 if key.startswith("m1") else 1] += probability
    np.testing.assert_allclose(shares, WEIGHTS, atol=1e-9)


def test_weights_moved_by_later_months_would_be_caught(at_cutoff: Moment, in_autumn: Moment) -> None:
    leaking = replace(at_cutoff, evidence=in_autumn.evidence)
    found, density = posterior(leaking, pooled("linear_pool", at_cutoff)[0])
    assert np.abs(found.probabilities - [c.probability for c in density.components]).max() > 0.005
