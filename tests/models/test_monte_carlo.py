"""The comparison of sampled draws with a weighed answer passes what agrees, and finds what does not."""

from dataclasses import replace

import numpy as np
import pytest

from models.joint import JointDraws
from models.posterior import Posterior, resample, weigh
from models.sampling import SamplerDiagnostics
from tests.models.made_up import belief, component, density, in_autumn
from tests.models.monte_carlo import beyond_noise

LEVELS = (0.05, 0.125, 0.5, 2 / 3, 0.875)
DIAGNOSTICS = SamplerDiagnostics(1.0, 4e3, 4e3, 0, 1.0, True, "none", 0.0, 0.0)


@pytest.fixture(scope="module")
def weighed() -> Posterior:
    here = in_autumn()
    years = [2018, 2019, 2020]
    medians = np.median(here.model.totals, axis=0)
    parts = [
        component(key, {y: belief(factor * m, 0.2 * m) for y, m in zip(years, medians, strict=True)}, share)
        for key, factor, share in (("low", 0.95, 0.6), ("high", 1.15, 0.4))
    ]
    return weigh(density(*parts), 1.0, here.evidence, here.base, here.own)


@pytest.fixture(scope="module")
def drawn(weighed: Posterior) -> JointDraws:
    totals, origin, _ = resample(weighed, 12_000, 3)
    return JointDraws(totals, weighed.probabilities, DIAGNOSTICS, origin)


def test_draws_of_the_answer_itself_agree(weighed: Posterior, drawn: JointDraws) -> None:
    assert not beyond_noise(drawn, weighed, LEVELS)


@pytest.mark.parametrize("factor", [0.97, 1.03])
def test_totals_too_low_or_too_high_are_found(weighed: Posterior, drawn: JointDraws, factor: float) -> None:
    assert beyond_noise(replace(drawn, totals=factor * drawn.totals), weighed, LEVELS)


def test_too_wide_a_spread_is_found(weighed: Posterior, drawn: JointDraws) -> None:
    middle = np.median(drawn.totals, axis=0)
    wider = middle + 1.2 * (drawn.totals - middle)
    assert beyond_noise(replace(drawn, totals=wider), weighed, LEVELS)


def test_probabilities_off_by_a_twentieth_are_found(weighed: Posterior, drawn: JointDraws) -> None:
    off = replace(drawn, probabilities=weighed.probabilities + np.array([0.05, -0.05]))
    assert {one.of for one in beyond_noise(off, weighed, LEVELS)} == {
        "probability of low",
        "probability of high",
    }
