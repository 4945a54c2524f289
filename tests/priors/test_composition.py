"""A scenario's own composition: means and variances as stated, the others as the model has them."""

from __future__ import annotations

import numpy as np
import pytest

from priors.composition import stated_compositions, with_stated_shares
from priors.records import Composition
from priors.scenario import ScenarioSet, parse_scenario_set

CITIZENS = ("SY", "TR", "YE", "OTHER")


def modelled(draws: int = 40_000) -> np.ndarray:
    return np.random.default_rng(2).dirichlet([3.0, 2.0, 1.0, 4.0], draws)


def composition(concentration: float = 50.0, **shares: float) -> Composition:
    return Composition(shares=shares, concentration=concentration)


def test_stated_shares_have_the_mean_and_variance_of_a_dirichlet() -> None:
    found = with_stated_shares(composition(SY=0.4, TR=0.1), CITIZENS, modelled(), 7)
    np.testing.assert_allclose(found.sum(axis=1), 1.0)
    np.testing.assert_allclose(found[:, :2].mean(axis=0), [0.4, 0.1], atol=0.002)
    np.testing.assert_allclose(found[:, :2].var(axis=0), [0.4 * 0.6 / 51, 0.1 * 0.9 / 51], rtol=0.03)


def test_the_others_keep_their_proportions() -> None:
    shares = modelled(500)
    found = with_stated_shares(composition(SY=0.4), CITIZENS, shares, 7)
    np.testing.assert_allclose(found[:, 1] / found[:, 3], shares[:, 1] / shares[:, 3])


def test_what_the_model_does_not_know_counts_among_the_remaining() -> None:
    found = with_stated_shares(composition(SY=0.4, XX=0.2, ZZ=0.1), CITIZENS, modelled(), 7)
    assert found[:, 3].mean() == pytest.approx(0.3, abs=0.002)


def test_everything_stated_firmly_is_what_was_stated() -> None:
    found = with_stated_shares(
        composition(1e6, SY=0.5, TR=0.2, YE=0.2, OTHER=0.1), CITIZENS, modelled(200), 7
    )
    np.testing.assert_allclose(found, np.tile([0.5, 0.2, 0.2, 0.1], (200, 1)), atol=0.005)


def test_equal_seeds_equal_shares_and_other_widths_are_refused() -> None:
    one, two = (with_stated_shares(composition(SY=0.4), CITIZENS, modelled(50), 7) for _ in range(2))
    np.testing.assert_array_equal(one, two)
    with pytest.raises(ValueError, match="column"):
        with_stated_shares(composition(SY=0.4), CITIZENS[:2], modelled(5), 7)


def test_only_scenarios_that_state_one_have_one(scenario_set: ScenarioSet) -> None:
    payload = scenario_set.model_dump(mode="json", by_alias=True)
    payload["scenarios"][0]["composition"] = {"shares": {"SY": 0.4}, "concentration": 20}
    payload["scenarios"][1]["composition"] = None
    key = payload["scenarios"][0]["key"]
    assert set(stated_compositions(parse_scenario_set(payload))) == {key}
