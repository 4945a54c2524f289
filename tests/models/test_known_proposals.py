"""Components that start from a proposal known before, and draws made in parts."""

from __future__ import annotations

import numpy as np
import pytest

from models.forecast import base_normals
from models.weighting import Weighing, weigh_component
from priors.mixture import Component
from tests.models.made_up import belief, component, in_autumn, weighted_quantiles

LEVELS = (0.125, 0.5, 2 / 3, 0.875)


def test_a_proposal_that_served_a_belief_serves_it_moved_a_little() -> None:
    here = in_autumn()
    base = base_normals(20_000, 3, 3)
    a, b = np.median(here.model.totals, axis=0)[:2]

    def far(factor: float) -> Component:
        return component("far", {2018: belief(factor * a, 0.35 * a), 2019: belief(2.6 * b, 0.3 * b)})

    first, moved = weigh_component(far(2.2), 0.7, here.evidence, base), far(2.15)
    assert first.proposal is not None
    helped = weigh_component(moved, 0.7, here.evidence, base, first.proposal)
    alone = weigh_component(moved, 0.7, here.evidence, base)
    assert helped.proposal is first.proposal
    assert helped.log_evidence == pytest.approx(alone.log_evidence, abs=0.03)
    np.testing.assert_allclose(
        weighted_quantiles(helped.totals, helped.log_weights, LEVELS),
        weighted_quantiles(alone.totals, alone.log_weights, LEVELS),
        rtol=0.01,
    )


def test_a_last_resort_is_taken_only_where_draws_do_not_do_without() -> None:
    here = in_autumn()
    base = base_normals(20_000, 3, 3)
    a, b = np.median(here.model.totals, axis=0)[:2]
    near = component("some", {2018: belief(a, 0.15 * a), 2019: belief(b, 0.3 * b)})
    far = component("some", {2018: belief(2.2 * a, 0.35 * a), 2019: belief(2.6 * b, 0.3 * b)})
    proposal = weigh_component(far, 0.7, here.evidence, base).proposal
    assert proposal is not None
    near_by, far_by = (
        weigh_component(part, 0.7, here.evidence, base, resort=proposal) for part in (near, far)
    )
    assert near_by.proposal is None
    assert far_by.proposal is proposal


def test_draws_made_in_two_parts_are_those_made_at_once() -> None:
    here = in_autumn()
    base = base_normals(20_000, 3, 3)
    a, b = np.median(here.model.totals, axis=0)[:2]
    near = component("near", {2018: belief(a, 0.15 * a), 2019: belief(b, 0.3 * b)})
    piecewise, whole = (
        weigh_component(near, 0.7, here.evidence, base),
        Weighing(near, 0.7, here.evidence)(base, None)[0],
    )
    assert piecewise.method == "weighted"
    # Products of other sizes round otherwise: 3e-7 of a log weight, in single precision.
    np.testing.assert_allclose(piecewise.log_weights, whole.log_weights, rtol=1e-6, atol=1e-4)
    np.testing.assert_allclose(piecewise.totals, whole.totals, rtol=1e-6)
