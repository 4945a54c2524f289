"""One component drawn and weighed: against quadrature over the totals, and in every odd calendar."""

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import norm

from models.component_draws import log_prior, open_years_of, prior_totals, restricted
from models.evidence import Evidence
from models.forecast import base_normals
from models.pareto import effective_sample_size
from models.proposals import PRIOR_SHARE, Proposal, moved_normals
from models.weighting import MAX_PARETO_K, WeighedComponent, Weighing, weigh_component
from priors.copula import draw_component, log_density_of
from priors.families import marginal
from priors.mixture import Component
from tests.models.made_up import (
    CUTOFF,
    Moment,
    at_cutoff,
    belief,
    component,
    in_autumn,
    moment,
    next_spring,
    weighted_quantiles,
)

Array = NDArray[np.float64]

LEVELS = (0.125, 0.5, 2 / 3, 0.875)


def two_years() -> Moment:
    return moment(CUTOFF, date(2018, 10, 20), 2)


def by_quadrature(part: Component, rho: float, here: Moment, size: int = 700) -> tuple[Array, float]:
    """Posterior quantiles `(level, year)` and log evidence over two open years, on a grid of both totals."""
    o = here.evidence.observation
    to_come = np.exp(np.linspace(np.log(200), np.log(90_000), size))
    second = np.exp(np.linspace(np.log(2_500), np.log(250_000), size))
    first = o.counted[0] + to_come
    grid = np.stack(np.meshgrid(first, second, indexing="ij"), axis=-1).reshape(-1, 2)
    logs = log_prior(part, rho, here.evidence, grid) + here.evidence.log_evidence(grid)
    logs = logs.reshape(size, size) + np.log(to_come)[:, None] + np.log(second)[None, :]
    mass = np.exp(logs - logs.max())
    cell = np.log(to_come[1] / to_come[0]) * np.log(second[1] / second[0])
    quantiles = []
    for axis, at in ((1, first), (0, second)):
        share = np.cumsum(mass.sum(axis=axis))
        quantiles.append(np.interp(LEVELS, (share - 0.5 * mass.sum(axis=axis)) / share[-1], at))
    return np.stack(quantiles, axis=1), float(np.log(mass.sum() * cell) + logs.max())


def plain(part: Component, rho: float, here: Moment, base: Array) -> WeighedComponent:
    return Weighing(part, rho, here.evidence)(base, None)[0]


class TestAgainstQuadrature:
    def check(self, part: Component, rho: float, method: str, rtol: float = 0.01) -> WeighedComponent:
        here = two_years()
        base = base_normals(20_000, 2, 3)
        found = weigh_component(part, rho, here.evidence, base)
        assert found.method == method
        assert found.reliable
        quantiles, log_evidence = by_quadrature(part, rho, here)
        np.testing.assert_allclose(
            weighted_quantiles(found.totals, found.log_weights, LEVELS), quantiles, rtol=rtol
        )
        assert found.log_evidence == pytest.approx(log_evidence, abs=0.05)
        return found

    def centre(self) -> Array:
        return np.median(two_years().model.totals, axis=0)

    def test_where_plain_weights_do(self) -> None:
        a, b = self.centre()
        self.check(component("near", {2018: belief(a, 0.15 * a), 2019: belief(b, 0.3 * b)}), 0.7, "weighted")

    def test_where_plain_weights_are_too_few(self) -> None:
        a, b = self.centre()
        part = component("far", {2018: belief(2.2 * a, 0.16 * 2.2 * a), 2019: belief(2.6 * b, 0.3 * b)})
        base = base_normals(20_000, 2, 3)
        assert plain(part, 0.7, two_years(), base).effective_draws < 1_000
        self.check(part, 0.7, "adapted")

    def test_from_below_today_count(self) -> None:
        """Hardly any draw leaves room for what was counted: the way there must be found."""
        here = two_years()
        counted = here.evidence.observation.counted[0]
        part = component(
            "low", {2018: belief(0.62 * counted, 0.11 * 0.62 * counted), 2019: belief(counted, 4_000)}
        )
        assert np.isfinite(plain(part, 0.6, here, base_normals(20_000, 2, 3)).log_weights).sum() < 20
        self.check(part, 0.6, "adapted", rtol=0.015)

    @pytest.mark.parametrize("level", [0.55, 0.6, 0.7, 0.8, 1.5, 2.5, 4.0])
    def test_wherever_the_scenario_lies_its_draws_are_found(self, level: float) -> None:
        here = in_autumn()
        counted = here.evidence.observation.counted[0]
        years = {2018 + j: belief(level * counted, 0.14 * level * counted * (1 + j) ** 0.6) for j in range(3)}
        found = weigh_component(component("some", years), 0.7, here.evidence, here.base[:20_000])
        assert found.effective_draws > 700
        again = weigh_component(component("some", years), 0.7, here.evidence, here.base[20_000:40_000])
        assert found.log_evidence == pytest.approx(again.log_evidence, abs=0.15)

    @pytest.mark.parametrize("family", ["gamma", "normal", "student_t", "triangular", "pert"])
    def test_every_family(self, family: str) -> None:
        a, b = self.centre()
        years = {2018: belief(1.1 * a, 0.12 * a, family), 2019: belief(1.2 * b, 0.25 * b, family)}
        self.check(component(family, years), 0.8, "weighted")

    @pytest.mark.parametrize("stated", [(), (2018,), (2019,)])
    def test_years_left_open(self, stated: tuple[int, ...]) -> None:
        a, b = self.centre()
        both = {2018: belief(1.15 * a, 0.15 * a), 2019: belief(1.3 * b, 0.2 * b)}
        self.check(component("some", {y: both[y] for y in stated}), 0.7, "weighted", rtol=0.015)


class TestUnstatedYears:
    def test_follow_the_models_conditional(self) -> None:
        here = at_cutoff()
        part = component("first", {2018: belief(25_000, 2_500)})
        totals = prior_totals(part, 0.7, here.evidence, here.base)
        np.testing.assert_allclose(
            np.quantile(totals[:, 0], LEVELS), part.marginals[0].ppf(np.array(LEVELS)), rtol=0.005
        )
        wanted = here.evidence.totals_mixture.complete(
            [0], here.evidence.log_totals(totals)[:, [0]], here.base[:, [1, 2, -1]]
        )
        np.testing.assert_allclose(np.log(totals[:, 1:]), wanted)

    def test_only_a_later_year_stated_pulls_the_earlier(self) -> None:
        here = at_cutoff()
        medians = []
        for expected in (12_000, 60_000):
            part = component("late", {2020: belief(expected, 0.1 * expected)})
            totals = prior_totals(part, 0.7, here.evidence, here.base)
            medians.append(np.median(totals, axis=0))
            assert medians[-1][2] == pytest.approx(np.median(part.marginals[0].ppf(0.5)), rel=0.01)
        assert (medians[0][:2] < medians[1][:2]).all()

    def test_nothing_stated_inside_the_horizon_is_the_model(self) -> None:
        here = at_cutoff()
        beyond = component("beyond", {2024: belief(40_000, 4_000)})
        totals = prior_totals(beyond, 0.7, here.evidence, here.base)
        found, wanted = (np.quantile(t, LEVELS, axis=0) for t in (totals, here.model.totals_at_cutoff))
        np.testing.assert_allclose(found, wanted, rtol=0.04)

    def test_a_year_beyond_the_horizon_says_nothing(self) -> None:
        here, years = in_autumn(), {2018: belief(25_000, 2_500), 2019: belief(30_000, 5_000)}
        some = weigh_component(component("a", years), 0.7, here.evidence, here.base)
        more = weigh_component(
            component("a", {**years, 2026: belief(9_000, 10)}), 0.7, here.evidence, here.base
        )
        np.testing.assert_array_equal(some.totals, more.totals)
        np.testing.assert_array_equal(some.log_weights, more.log_weights)

    def test_a_year_in_the_middle_left_open(self) -> None:
        here = at_cutoff()
        part = component("ends", {2018: belief(25_000, 2_000), 2020: belief(50_000, 5_000)})
        totals = prior_totals(part, 0.8, here.evidence, here.base)
        direct = draw_component(part, 0.8, here.base[:, [0, 2]])
        np.testing.assert_array_equal(totals[:, [0, 2]], direct)
        assert np.isfinite(totals).all()
        assert totals[:, 1].min() > 0


class TestCompletedYears:
    def test_its_density_is_the_weight_of_a_component_that_says_no_more(self) -> None:
        """With the year's count the only news, log evidence is the marginal density there."""
        here = moment(date(2018, 12, 20), date(2019, 1, 20))
        o = here.evidence.observation
        assert o.completed_since.tolist() == [True, False, False]
        assert here.evidence.summaries == ()
        count = o.counted[0]
        part = component("one", {2018: belief(1.05 * count, 0.1 * count), 2019: belief(count, 0.2 * count)})
        found = weigh_component(part, 0.6, here.evidence, here.base)
        assert found.log_evidence == pytest.approx(float(np.log(part.marginals[0].pdf(count))), abs=1e-9)
        assert (found.totals[:, 0] == count).all()

    def test_later_years_follow_the_conditional_copula(self) -> None:
        here = moment(date(2018, 12, 20), date(2019, 1, 20))
        count, rho = here.evidence.observation.counted[0], 0.6
        years = {2018: belief(1.2 * count, 0.1 * count, "normal"), 2019: belief(count, 0.2 * count, "normal")}
        found = weigh_component(component("one", years), rho, here.evidence, here.base)
        z = norm.ppf(years[2018].cdf(count))
        expected = count + 0.2 * count * rho * z
        assert found.totals[:, 1].mean() == pytest.approx(expected, rel=0.002)
        assert found.totals[:, 1].std() == pytest.approx(0.2 * count * np.sqrt(1 - rho**2), rel=0.02)

    def test_a_year_complete_at_the_cutoff_is_the_count_and_no_evidence(self) -> None:
        here = moment(date(2018, 12, 31), date(2019, 1, 31), delay_days=0)
        count = here.evidence.observation.counted[0]
        assert here.evidence.observation.open_at_cutoff.tolist() == [False, True, True]
        wild = {2018: belief(5 * count, 10), 2019: belief(count, 0.2 * count)}
        stated = weigh_component(component("wild", wild), 0.6, here.evidence, here.base)
        silent = weigh_component(component("silent", {2019: wild[2019]}), 0.6, here.evidence, here.base)
        assert (stated.totals[:, 0] == count).all()
        np.testing.assert_array_equal(stated.log_weights, silent.log_weights)

    def test_a_completed_year_nobody_stated_is_judged_by_the_model(self) -> None:
        here = next_spring()
        count = here.evidence.observation.counted[0]
        silent = component("silent", {2019: belief(count, 0.2 * count)})
        found = weigh_component(silent, 0.6, here.evidence, here.base)
        assert (found.totals[:, 0] == count).all()
        assert np.isfinite(found.log_evidence)

    def test_a_completed_year_held_impossible_rules_the_component_out(self) -> None:
        here = next_spring()
        count = here.evidence.observation.counted[0]
        narrow = component(
            "no", {2018: marginal("triangular", 3 * count, 0.1 * count), 2019: belief(count, count / 4)}
        )
        assert log_density_of(narrow, 0.6, {2018: count}) == -np.inf
        found = weigh_component(narrow, 0.6, here.evidence, here.base)
        assert found.log_evidence == -np.inf
        assert found.effective_draws == 0

    def test_all_target_years_complete(self) -> None:
        here = moment(CUTOFF, date(2021, 2, 20))
        counted = here.evidence.observation.counted
        part = component("all", {2018 + j: belief(1.1 * n, 0.2 * n) for j, n in enumerate(counted)})
        found = weigh_component(part, 0.7, here.evidence, here.base)
        assert (found.totals == counted).all()
        assert np.ptp(found.log_weights) == 0
        assert found.reliable


class TestImpossible:
    def test_bounded_under_todays_count_is_ruled_out(self) -> None:
        here = in_autumn()
        counted = here.evidence.observation.counted[0]
        part = component("low", {2018: marginal("triangular", 0.7 * counted, 0.05 * counted)})
        found = weigh_component(part, 0.7, here.evidence, here.base[:5_000])
        assert found.log_evidence == -np.inf
        assert not found.reliable

    @pytest.mark.parametrize("factor", [0.1, 10.0])
    def test_a_scenario_ten_times_off_is_finite_and_says_so(self, factor: float) -> None:
        here = in_autumn()
        medians = factor * np.median(here.model.totals, axis=0)
        part = component("off", {2018 + j: belief(m, 0.15 * m) for j, m in enumerate(medians)})
        found = weigh_component(part, 0.7, here.evidence, here.base[:20_000])
        assert not np.isnan(found.log_weights).any()
        assert not np.isnan(found.totals).any()
        assert not np.isnan(found.log_evidence)
        assert (
            found.log_evidence
            < weigh_component(self.model_like(), 0.7, here.evidence, here.base).log_evidence - 8
        )
        if factor > 1:
            assert found.effective_draws > 0

    def model_like(self) -> Component:
        medians = np.median(in_autumn().model.totals, axis=0)
        return component("near", {2018 + j: belief(m, 0.15 * m) for j, m in enumerate(medians)})


class TestProposal:
    def test_adapted_weights_of_no_evidence_stay_within_the_bound(self) -> None:
        here = two_years()
        a, b = np.median(here.model.totals, axis=0)
        part = component("far", {2018: belief(2.2 * a, 0.35 * a), 2019: belief(2.6 * b, 0.3 * b)})
        found = weigh_component(part, 0.7, here.evidence, base_normals(20_000, 2, 3))
        assert found.method == "adapted"
        log_ratio = found.log_weights - here.evidence.log_evidence(found.totals)
        assert log_ratio.max() <= -np.log(PRIOR_SHARE) + 1e-6

    def test_a_tail_too_heavy_is_met_by_a_wider_proposal(self) -> None:
        here, base = two_years(), base_normals(20_000, 2, 3)
        a, b = np.median(here.model.totals, axis=0)
        part = component("high", {2018: belief(1.5 * a, 0.25 * a), 2019: belief(1.5 * b, 0.25 * b)})
        weigh = Weighing(part, 0.7, here.evidence)
        served = weigh_component(part, 0.7, here.evidence, base)
        assert served.proposal is not None and served.reliable
        assert weigh.widened(base, served) is served

        narrow, _ = weigh(base, replace(served.proposal, root=0.5 * served.proposal.root))
        assert narrow.pareto_k > MAX_PARETO_K
        wider = weigh.widened(base, narrow)
        assert wider.reliable
        log_evidence = by_quadrature(part, 0.7, here)[1]
        assert wider.log_evidence == pytest.approx(log_evidence, abs=0.01)
        assert narrow.log_evidence != pytest.approx(log_evidence, abs=0.02)

    def test_same_base_same_answer(self) -> None:
        here = in_autumn()
        part = component("a", {2018: belief(60_000, 5_000)})
        one, other = (weigh_component(part, 0.7, here.evidence, here.base[:20_000]) for _ in range(2))
        np.testing.assert_array_equal(one.log_weights, other.log_weights)

    def test_points_kept_from_the_prior_are_spread_evenly(self) -> None:
        """What keeps the prior's share of a proposal must not sit in one corner of a Sobol sequence."""
        base = base_normals(20_000, 5, 3)
        far = Proposal(np.full(6, 50.0), np.zeros((6, 5)), np.eye(6), np.zeros(5), {})
        kept = moved_normals(base, np.zeros((len(base), 5)), far)[0]
        kept = kept[kept[:, 0] < 25]
        assert len(kept) == 2_000
        assert np.abs(kept.mean(axis=0)).max() < 0.08
        assert np.abs(kept.std(axis=0) - 1).max() < 0.06
        assert np.abs(np.corrcoef(kept.T) - np.eye(6)).max() < 0.08


def test_base_normals_are_standard_and_silent() -> None:
    for draws, years in ((1_000, 1), (20_000, 5), (100_000, 2)):
        base = base_normals(draws, years, 1)
        assert base.shape == (draws, years + 1)
        np.testing.assert_allclose(base.mean(axis=0), 0, atol=0.02)
        np.testing.assert_allclose(base.std(axis=0), 1, atol=0.01)


def test_diagnostics_of_a_component() -> None:
    logs = np.r_[np.zeros(600), np.full(400, -np.inf)]
    found = WeighedComponent("a", np.zeros((1_000, 1)), logs, "weighted")
    assert found.log_evidence == pytest.approx(np.log(0.6))
    assert found.effective_draws == effective_sample_size(logs) == pytest.approx(600)
    assert found.reliable


@pytest.mark.parametrize("cap", [5.0, 9.0])
@pytest.mark.parametrize("shape", [0.75, 0.95, 1.2])
def test_weights_that_are_bounded_low_are_trusted_by_their_k_hat(shape: float, cap: float) -> None:
    rng = np.random.default_rng(2)
    for _ in range(10):
        logs = np.log(np.minimum(1 + 0.2 * rng.uniform(size=20_000) ** -shape, cap))
        found = WeighedComponent("a", np.zeros((20_000, 1)), logs, "weighted")
        assert found.pareto_k < 0.7 and found.reliable


def test_a_heavy_tail_is_not_trusted_because_its_largest_draws_have_not_come() -> None:
    """Chances off by far more than the effective draws promise, where no weight is over ten times the mean."""
    rng, shape, scale, below = np.random.default_rng(1), 0.95, 0.002, 0.125
    whole = 1 + scale / (1 - shape)
    true = (below + scale * below ** (1 - shape) / (1 - shape)) / whole
    errors = []
    for _ in range(200):
        u = rng.uniform(size=20_000)
        weights = 1 + scale * u**-shape
        found = WeighedComponent("a", np.zeros((20_000, 1)), np.log(weights), "weighted")
        assert not found.reliable
        if weights.max() < 10 * weights.mean():
            chance = weights[u < below].sum() / weights.sum()
            errors.append((chance - true) / np.sqrt(true * (1 - true) / found.effective_draws))
    assert len(errors) >= 5
    assert np.sqrt(np.mean(np.square(errors))) > 2.5


def test_restricted_and_open_years() -> None:
    here: Any = next_spring()
    assert open_years_of(here.evidence) == [2018, 2019, 2020]
    evidence: Evidence = moment(date(2018, 12, 31), date(2019, 1, 31), delay_days=0).evidence
    assert open_years_of(evidence) == [2019, 2020]
    part = component("a", {2018: belief(1.0, 0.1), 2020: belief(2.0, 0.1)})
    assert restricted(part, [2019, 2020]).years == (2020,)
    assert replace(part, years=part.years) == restricted(part, [2018, 2019, 2020])
