"""The joint model: its density term by term against NumPy's, and its draws against the weighed answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import logsumexp

from models.component_draws import log_prior
from models.joint import continued_model, frame_of, sample_joint
from models.joint_density import Frame, build_joint_model
from models.joint_worlds import worlds_of
from models.posterior import Posterior, prior_parts, weigh
from priors.families import marginal
from priors.mixture import ExpertDensity
from tests.models.made_up import Moment, at_cutoff, belief, component, density, in_autumn, next_spring
from tests.models.monte_carlo import beyond_noise

Array = NDArray[np.float64]

LEVELS = (0.125, 0.5, 2 / 3, 0.875)


class Case(NamedTuple):
    here: Moment
    stated: ExpertDensity
    expert_weight: float

    def posterior(self) -> Posterior:
        return weigh(self.stated, self.expert_weight, self.here.evidence, self.here.base, self.here.own)

    def model(self) -> tuple[Any, Frame]:
        """The joint model and where its chains set out."""
        start, evidence = self.posterior(), self.here.evidence
        frame = frame_of(start, evidence)
        worlds = worlds_of(self.stated, self.expert_weight, evidence)
        return build_joint_model(worlds, frame, continued_model(start, evidence)), frame


def lognormals() -> Case:
    here = in_autumn()
    medians = np.median(here.model.totals, axis=0)

    def years(factor: float) -> dict[int, Any]:
        return {
            2018 + j: belief(factor * m, 0.15 * factor * m * (1 + j) ** 0.5) for j, m in enumerate(medians)
        }

    return Case(here, density(component("a", years(0.95), 0.6), component("b", years(1.3), 0.4)), 1.0)


def years_left_open() -> Case:
    here = in_autumn()
    a, b, _ = np.median(here.model.totals, axis=0)
    first = component("first", {2018: belief(a, 0.1 * a), 2019: belief(1.1 * b, 0.2 * b)}, 0.5)
    second = component("second", {2019: belief(1.4 * b, 0.2 * b)}, 0.3)
    return Case(here, density(first, second, component("third", {2030: belief(1.0, 0.1)}, 0.2)), 0.8)


def other_families() -> Case:
    here = in_autumn()
    medians = np.median(here.model.totals, axis=0)
    parts = []
    for k, family in enumerate(("gamma", "student_t", "pert", "triangular", "normal")):
        years = {2018 + j: belief((0.9 + 0.1 * k) * m, 0.2 * m, family) for j, m in enumerate(medians)}
        parts.append(component(family, years, 0.2))
    return Case(here, density(*parts), 1.0)


def year_completed() -> Case:
    here = next_spring()
    medians = np.median(here.model.totals, axis=0)

    def years(factor: float, first: int = 0) -> dict[int, Any]:
        return {2018 + j: belief(factor * medians[j], 0.2 * medians[j]) for j in range(first, 3)}

    parts = (
        component("a", years(0.9), 0.4),
        component("b", years(1.2), 0.4),
        component("c", years(1.0, 1), 0.2),
    )
    return Case(here, density(*parts), 0.9)


def nothing_later() -> Case:
    return Case(at_cutoff(), lognormals().stated, 0.7)


def one_ruled_out() -> Case:
    case = lognormals()
    counted = case.here.evidence.observation.counted[0]
    no = component("no", {2018: marginal("triangular", 0.7 * counted, 0.05 * counted)}, 0.5)
    return Case(case.here, density(no, case.stated.components[1]), 1.0)


CASES: dict[str, Callable[[], Case]] = {
    made.__name__: made
    for made in (lognormals, years_left_open, other_families, year_completed, nothing_later, one_ruled_out)
}


def in_numpy(case: Case, y: Array) -> float:
    o = case.here.evidence.observation
    totals = o.counted.copy()[None]
    totals[0, ~o.complete] += np.exp(y)
    weight = y.sum() + case.here.evidence.log_evidence(totals)[0]
    with np.errstate(divide="ignore"):
        parts = [
            np.log(p) + log_prior(c, case.stated.year_correlation, case.here.evidence, totals)[0] + weight
            for p, c in prior_parts(case.stated, case.expert_weight)
        ]
    if case.expert_weight < 1:
        continued = continued_model(case.posterior(), case.here.evidence)
        assert continued is not None
        own = np.log(1 - case.expert_weight) + case.here.own.log_evidence
        parts.append(own + continued.density.log_density(y[None])[0])
    return float(logsumexp(parts))


@pytest.mark.parametrize("name", CASES)
def test_density_is_that_of_the_weights(name: str) -> None:
    case = CASES[name]()
    model, frame = case.model()
    logp = model.compile_logp(mode="FAST_COMPILE")
    for shift in np.random.default_rng(1).normal(0, 0.8, (6, len(frame.centre))):
        found = float(logp({"standard": shift}))
        assert found == pytest.approx(in_numpy(case, frame.centre + frame.scale * shift), abs=0.003)


@pytest.mark.parametrize("name", CASES)
def test_gradient_is_that_of_finite_differences(name: str) -> None:
    case = CASES[name]()
    model, frame = case.model()
    logp, gradient = model.compile_logp(mode="FAST_COMPILE"), model.compile_dlogp(mode="FAST_COMPILE")
    size = len(frame.centre)
    at = np.random.default_rng(2).normal(0, 0.5, size)
    steps = 1e-5 * np.eye(size)
    wanted = [(logp({"standard": at + e}) - logp({"standard": at - e})) / 2e-5 for e in steps]
    np.testing.assert_allclose(
        gradient({"standard": at}), np.array(wanted, dtype=float), rtol=1e-3, atol=1e-3
    )


def test_far_outside_the_tables_the_way_back_is_felt() -> None:
    case = lognormals()
    model, _ = case.model()
    gradient = model.compile_dlogp(mode="FAST_COMPILE")
    for away in (
        np.full(3, -60.0),
        np.full(3, 60.0),
        np.array([0.0, 60.0, 0.0]),
        np.array([0.0, 0.0, -60.0]),
    ):
        assert gradient({"standard": away}) @ away < 0


@pytest.mark.slow
@pytest.mark.parametrize("name", ["years_left_open", "other_families", "year_completed"])
def test_draws_agree_with_the_weighed_answer(name: str) -> None:
    case = CASES[name]()
    weighed = case.posterior()
    found = sample_joint(case.stated, case.expert_weight, case.here.evidence, weighed, seed=5)
    assert found.diagnostics.passed
    assert not beyond_noise(found, weighed, LEVELS)
    # A draw is of the component that explains it: each component's draws have that component's own quantiles.
    for place, part in enumerate(weighed.components):
        of_it = found.totals[found.component == place]
        if len(of_it) < 2_000:
            continue
        weights = np.exp(part.log_weights - part.log_weights.max())
        middle = [np.quantile(t, 0.5, weights=weights, method="inverted_cdf") for t in part.totals.T]
        np.testing.assert_allclose(np.median(of_it, axis=0), middle, rtol=0.05)
    open_years = ~case.here.evidence.observation.complete
    assert (found.totals[:, ~open_years] == case.here.evidence.observation.counted[~open_years]).all()
