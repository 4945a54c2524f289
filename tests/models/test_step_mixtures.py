"""Quantiles of many mixtures from counted runs of cells are those of every mixture counted alone, cell by cell."""

from __future__ import annotations

import numpy as np
import pytest

from models.edits import State
from models.few_draws import Drawn
from models.layers import EDGES, ComponentCurves, component_curves
from models.posterior import NothingLeft
from models.step_mixtures import Step, StepMixtures
from models.weighting import WeighedComponent

LEVELS = (0.001, 0.125, 0.5, 2 / 3, 0.875, 0.999)
COARSE = EDGES[::8]
STATES = [State(f"s{number}", False, frozenset(), False) for number in range(7)]
OWN_LOG_EVIDENCE = -3.0


def drawn(seed: int) -> Drawn:
    """States that lie from one to a hundred thousand persons, the last of them without any weight."""
    rng = np.random.default_rng(seed)
    totals, logs = np.empty((3, len(STATES), 150)), np.empty((len(STATES), 150))
    for place, middle in enumerate(np.linspace(np.log(10.0), np.log(60_000.0), len(STATES))):
        totals[:, place] = np.exp(middle + rng.normal(0.0, [[0.1], [0.4], [0.0]], (3, 150)))
        logs[place] = rng.normal(-4.0, 2.0, 150)
    totals[2], logs[-1] = 1_234.0, -np.inf
    return Drawn(tuple(STATES), totals.astype(np.float32), logs)


def model() -> ComponentCurves:
    totals = np.exp(np.random.default_rng(1).normal(8.0, 0.5, (5_000, 3)))
    totals[:, 2] = 1_234.0
    return component_curves(WeighedComponent("model", totals, np.zeros(5_000), "continued"))


def alone(step: Step, states: Drawn, year: int) -> np.ndarray:
    """Quantiles of one mixture from weights counted into the cells of the whole grid, linear within a cell."""
    shares, weight = step
    curves, edges = model(), np.concatenate([[0.0], COARSE])
    own = np.interp(COARSE, EDGES[curves.first : curves.end], curves.cumulated[year], left=0.0, right=1.0)
    cumulated = (1 - weight) * np.exp(OWN_LOG_EVIDENCE) * own
    for share, state in shares:
        place = STATES.index(state)
        weights = weight * share * np.exp(states.log_weights[place]) / states.log_weights.shape[1]
        counted, _ = np.histogram(states.totals[year, place], edges, weights=weights)
        cumulated += np.cumsum(counted)
    wanted = np.array(LEVELS) * cumulated[-1]
    at = np.searchsorted(cumulated, wanted)
    share = (wanted - cumulated[at - 1]) / (cumulated[at] - cumulated[at - 1])
    return np.asarray(COARSE[at - 1] + share * (COARSE[at] - COARSE[at - 1]))


@pytest.mark.parametrize("weight", [1.0, 0.6])
def test_steps_have_the_quantiles_of_their_mixtures(weight: float) -> None:
    states, rng = drawn(3), np.random.default_rng(4)
    steps = [
        (list(zip(rng.dirichlet(np.ones(3)), rng.choice(6, 3, replace=False), strict=True)), weight)
        for _ in range(20)
    ]
    named: list[Step] = [([(float(p), STATES[k]) for p, k in shares], weight) for shares, weight in steps]
    found = StepMixtures(states, model(), OWN_LOG_EVIDENCE).quantiles(named, LEVELS)
    assert found.shape == (20, len(LEVELS), 3)
    for step, quantiles in zip(named, found, strict=True):
        for year in (0, 1):
            np.testing.assert_allclose(quantiles[:, year], alone(step, states, year), rtol=1e-6)
    np.testing.assert_array_equal(found[:, :, 2], 1_234.0)


def test_a_step_does_not_depend_on_those_beside_it() -> None:
    states = drawn(5)
    mixtures = StepMixtures(states, model(), OWN_LOG_EVIDENCE)
    steps: list[Step] = [([(1.0, state)], 0.9) for state in STATES[:-1]]
    together = mixtures.quantiles(steps, LEVELS)
    for place, step in enumerate(steps):
        np.testing.assert_allclose(mixtures.quantiles([step], LEVELS)[0], together[place], rtol=1e-12)


def test_a_step_without_any_weight_is_refused() -> None:
    steps: list[Step] = [([(1.0, STATES[0])], 1.0), ([(1.0, STATES[-1])], 1.0)]
    with pytest.raises(NothingLeft):
        StepMixtures(drawn(6), model(), OWN_LOG_EVIDENCE).quantiles(steps, LEVELS)
