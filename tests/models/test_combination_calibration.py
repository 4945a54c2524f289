"""Simulation-based calibration of the whole combination (Talts et al. 2018).

    scenario -> totals -> months that carry them -> the first months become "later data" -> posterior

Repeated, the ranks of the true totals in their posteriors are uniform and the scenario's posterior probabilities
come true as often as they say. A variant that counts the model's opinion of the totals twice must fail the same test.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from models.component_draws import prior_totals
from models.evidence_fit import yearly_totals
from models.forecast import base_normals, learn_evidence
from models.forecast_checks import TargetData
from models.inflow_paths import filter_states, one_step_log_density, simulate_log_counts
from models.model_draws import ModelDraws
from models.paths import complete_paths, path_rule
from models.posterior import posterior_probabilities
from models.series import MonthlySeries
from models.weighting import WeighedComponent, weigh_component
from priors.mixture import Component
from tests.models.made_up import CUTOFF, Moment, at_cutoff, belief, component, fit, known

pytestmark = pytest.mark.slow

Array = NDArray[np.float64]

REPLICATIONS = 80
LATER_MONTHS = 3
CONTINUED = 20_000
RHO = 0.7
SHARES = np.array([0.6, 0.4])


def scenarios(here: Moment) -> tuple[Component, Component]:
    """One a little under, one well over the model, both narrower than it: double counting then shows."""
    medians = np.median(here.model.totals_at_cutoff, axis=0)
    low = {2018 + j: belief(0.9 * m, 0.14 * m * (1 + j) ** 0.5) for j, m in enumerate(medians)}
    high = {2018 + j: belief(1.35 * m, 0.18 * m * (1 + j) ** 0.5) for j, m in enumerate(medians)}
    return component("low", low), component("high", high)


@dataclass(frozen=True)
class Truth:
    """One world: which scenario, its totals `(year,)`, and the months counted since the cutoff."""

    scenario: int
    totals: Array
    months: Array


@dataclass(frozen=True)
class Result:
    """Ranks `(year,)` of the truth, and the posterior probability of the second scenario."""

    ranks: Array
    chance: float


@cache
def truths() -> tuple[Truth, ...]:
    here = at_cutoff()
    rng = np.random.default_rng(11)
    which = (rng.uniform(size=REPLICATIONS) > SHARES[0]).astype(int)
    base = rng.standard_normal((REPLICATIONS, len(here.evidence.observation.years) + 1))
    drawn = np.stack([prior_totals(part, RHO, here.evidence, base) for part in scenarios(here)])
    totals = drawn[which, np.arange(REPLICATIONS)]
    rule = path_rule(here.model.log_at_cutoff, here.evidence.observation)
    rows = rng.permutation(len(here.model.log_at_cutoff))[:REPLICATIONS]
    paths = complete_paths(totals, here.model.log_at_cutoff[rows], rule)
    return tuple(
        Truth(int(k), total, months)
        for k, total, months in zip(which, totals, paths[:, :LATER_MONTHS], strict=True)
    )


def seen_in(truth: Truth) -> TargetData:
    """The made-up country in which the truth's months came after the cutoff."""
    series = at_cutoff().data.at_as_of
    months = np.concatenate([series.months, series.months[-1] + 1 + np.arange(LATER_MONTHS)])
    counts = np.concatenate([series.counts, truth.months.round()])
    return known(CUTOFF, date(2018, 9, 20), series=MonthlySeries(months, counts))


def continued(data: TargetData, seed: int) -> tuple[Array, Array]:
    """The model's log months and totals after the later months: the fit at the cutoff, weighed by them."""
    parameters, o = fit().at_cutoff.parameters, data.observation
    logs = one_step_log_density(parameters, data.continued, o.first_later_month)
    state = filter_states(parameters, data.continued)
    months = o.future_months
    log_paths = simulate_log_counts(
        parameters, state, months[0], len(months), CONTINUED, seed, np.exp(logs - logs.max())
    )
    return log_paths, yearly_totals(log_paths, months, o.counted, o.years)


def both_results(truth: Truth, seed: int) -> tuple[Result, Result]:
    """The posterior's answer, and that of the classical mistake: the model's opinion of the totals multiplied in."""
    model, data = at_cutoff().model, seen_in(truth)
    log_paths, totals = continued(data, seed)
    draws = ModelDraws(model.totals_at_cutoff, model.log_at_cutoff, totals, log_paths, model.smoothing)
    evidence = learn_evidence(data, draws, seed)
    base = base_normals(8_000, len(truth.totals), seed)
    parts = [weigh_component(part, RHO, evidence, base) for part in scenarios(at_cutoff())]
    opinion = [evidence.totals_mixture.log_density(evidence.log_totals(part.totals)) for part in parts]
    wrong = [replace(p, log_weights=p.log_weights + o) for p, o in zip(parts, opinion, strict=True)]
    return answer(truth, parts), answer(truth, wrong)


def answer(truth: Truth, parts: list[WeighedComponent]) -> Result:
    probabilities = posterior_probabilities(SHARES, [part.log_evidence for part in parts])
    return Result(rank(truth, parts, probabilities), float(probabilities[1]))


def rank(truth: Truth, parts: list[WeighedComponent], probabilities: Array) -> Array:
    """The posterior's distribution function `(year,)` at the truth."""
    below = np.zeros(len(truth.totals))
    for probability, part in zip(probabilities, parts, strict=True):
        if probability > 0:
            weights = np.exp(part.log_weights - part.log_weights.max())
            below += probability * (weights @ (part.totals <= truth.totals)) / weights.sum()
    return below


@cache
def both() -> tuple[tuple[Result, Result], ...]:
    return tuple(both_results(truth, seed) for seed, truth in enumerate(truths()))


def results(twice: bool) -> tuple[Result, ...]:
    return tuple(pair[twice] for pair in both())


def rank_p_values(found: tuple[Result, ...]) -> list[float]:
    """Per year, the smaller of two tests of uniform ranks, doubled: where they lie, and how they spread."""
    ranks = np.stack([r.ranks for r in found])
    values = []
    for column in ranks[:, :2].T:
        place = stats.kstest(column, "uniform").pvalue
        z = stats.norm.ppf(np.clip(column, 1e-6, 1 - 1e-6))
        spread = stats.chi2.cdf((z**2).sum(), len(z))
        values.append(2 * min(place, 2 * min(spread, 1 - spread)))
    return values


def probability_z(found: tuple[Result, ...]) -> float:
    """Brier score less what the probabilities promise of it, in standard errors."""
    p = np.array([r.chance for r in found])
    came = np.array([t.scenario for t in truths()], dtype=float)
    promised, variance = p * (1 - p), p * (1 - p) * (1 - 2 * p) ** 2
    return float(((p - came) ** 2 - promised).sum() / np.sqrt(variance.sum()))


def test_ranks_of_the_true_totals_are_uniform() -> None:
    assert min(rank_p_values(results(False))) > 0.005


def test_scenarios_come_true_as_often_as_said() -> None:
    found = results(False)
    assert abs(probability_z(found)) < 3
    p = np.array([r.chance for r in found])
    came = np.array([t.scenario for t in truths()])
    assert came.sum() == pytest.approx(p.sum(), abs=3 * np.sqrt((p * (1 - p)).sum()))
    assert ((p - came) ** 2).mean() < SHARES.prod()


def test_counting_the_evidence_twice_is_rejected() -> None:
    assert min(rank_p_values(results(True))) < 0.005
