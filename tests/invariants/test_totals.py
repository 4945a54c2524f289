"""The invariants of the combination, each also run on a variant that is wrong on purpose and must be caught."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from models.evidence_fit import yearly_totals
from models.forecast_checks import target_data
from models.inflow_paths import filter_states, simulate_log_counts
from models.layers import Layer, component_curves
from models.model_draws import fit_all_countries
from models.panel.storing import fit_name
from models.paths import alike_rows, complete_paths, path_rule, whole_paths
from models.posterior import Posterior, resample
from models.vintage import known_at
from models.weighting import WeighedComponent
from tests.invariants.conftest import (
    CUTOFF,
    LEVELS,
    MOMENTS,
    SEED,
    TARGET,
    Moment,
    made_up_counts,
    rows_of,
    scenario_set,
    weighted_quantiles,
)

Array = NDArray[np.float64]


def counted_twice(posterior: Posterior, here: Moment) -> Posterior:
    """The classical mistake: the model's opinion of the totals multiplied with the experts' density."""
    components = []
    for c in posterior.components:
        opinion = here.evidence.totals_mixture.log_density(here.evidence.log_totals(c.totals))
        components.append(replace(c, log_weights=c.log_weights + opinion))
    return replace(
        posterior, components=tuple(components), curves=tuple(component_curves(c) for c in components)
    )


def distance_from_experts(posterior: Posterior, here: Moment) -> float:
    """Largest CDF difference over the years between the posterior and the experts' closed form."""
    density = here.density(scenario_set())
    worst = 0.0
    for year in posterior.years:
        grid = density.ppf(year, np.linspace(0.005, 0.995, 199))
        reached = np.array([1 - posterior.layer.exceedance(year, x)[0] for x in grid])
        worst = max(worst, float(np.abs(reached - density.cdf(year, grid)).max()))
    return worst


class TestInvariant1NothingNewLeavesTheExperts:
    def test_posterior_is_the_expert_density(self, at_cutoff: Moment) -> None:
        assert distance_from_experts(at_cutoff.posterior(scenario_set()), at_cutoff) < 0.002

    def test_counting_the_evidence_twice_is_caught(self, at_cutoff: Moment) -> None:
        wrong = counted_twice(at_cutoff.posterior(scenario_set()), at_cutoff)
        assert distance_from_experts(wrong, at_cutoff) > 0.05

    def test_one_normal_scenario_returns_its_own_quantiles(self, at_cutoff: Moment) -> None:
        one = scenario_set().scenarios[0].model_copy(update={"probability": 1.0, "family": "normal"})
        chosen = scenario_set().model_copy(update={"scenarios": (one,)})
        found = at_cutoff.posterior(chosen).layer.quantiles(LEVELS)
        density = at_cutoff.density(chosen)
        wanted = np.stack([density.ppf(year, LEVELS) for year in density.years], axis=1)
        np.testing.assert_allclose(found, wanted, rtol=0.005)


class TestInvariant2WithoutExpertsTheModelSpeaks:
    @pytest.fixture
    def refitted(self, in_autumn: Moment) -> Array:
        """Quantiles of the model fitted afresh to all that is known, with a seed of its own."""
        data, observation = in_autumn.data, in_autumn.evidence.observation
        fit = fit_all_countries(data.panel_at_as_of, SEED + 99, lambda share: None)
        parameters, months = fit.parameters_for(TARGET.geo), observation.future_months
        state = filter_states(parameters, data.continued)
        drawn = simulate_log_counts(parameters, state, months[0], len(months), 200_000, SEED + 98)
        totals = yearly_totals(drawn, months, observation.counted, observation.years)
        return np.quantile(totals, LEVELS, axis=0)

    def test_quantiles_are_those_of_the_refit(self, in_autumn: Moment, refitted: Array) -> None:
        found = in_autumn.posterior(scenario_set(), expert_weight=0.0).layer.quantiles(LEVELS)
        np.testing.assert_allclose(found, refitted, rtol=0.02)

    def test_a_model_that_forgot_the_later_months_is_caught(self, in_autumn: Moment, refitted: Array) -> None:
        stale = np.quantile(in_autumn.model.totals_at_cutoff, LEVELS, axis=0)
        assert np.abs(stale / refitted - 1).max() > 0.05

    def test_the_scenarios_have_no_influence_at_all(self, in_autumn: Moment) -> None:
        one = in_autumn.posterior(scenario_set(), 0.0).layer.quantiles(LEVELS)
        other = in_autumn.posterior(scenario_set(2, 60_000, 90_000), 0.0).layer.quantiles(LEVELS)
        assert np.array_equal(one, other)


class TestInvariant3AFullYearIsItsCount:
    def test_total_quantiles_and_mean_are_the_count(self, next_spring: Moment) -> None:
        layer = next_spring.posterior(scenario_set(), 0.8).layer
        count = next_spring.evidence.observation.counted[0]
        assert layer.quantiles((0.01, 0.5, 0.99))[:, 0].tolist() == [count] * 3
        assert layer.mean()[0] == pytest.approx(count, rel=1e-12)
        assert layer.exceedance(2018, count - 1) == (1.0, 0.0)
        assert layer.exceedance(2018, count) == (0.0, 0.0)

    def test_a_total_left_uncertain_is_caught(self, next_spring: Moment) -> None:
        posterior = next_spring.posterior(scenario_set(), 0.8)
        loose = [
            replace(c, totals=c.totals * (1 + 1e-6 * np.arange(len(c.totals)))[:, None])
            for c in posterior.components
        ]
        wrong = Layer(posterior.years, tuple(component_curves(c) for c in loose), posterior.probabilities)
        count = next_spring.evidence.observation.counted[0]
        assert wrong.quantiles((0.99,))[0, 0] != count

    def test_scenarios_are_judged_by_the_year_that_ended(self, next_spring: Moment) -> None:
        posterior = next_spring.posterior(scenario_set())
        count = next_spring.evidence.observation.counted[0]
        density = next_spring.density(scenario_set())
        likelihood = np.array([c.marginal(2018).pdf(count) for c in density.components]).ravel()
        from_the_year = posterior.prior * likelihood / (posterior.prior @ likelihood)
        assert (
            np.sign(posterior.probabilities - posterior.prior)[0]
            == np.sign(from_the_year - posterior.prior)[0]
        )


class TestInvariant4ProbabilitiesStand:
    def test_posterior_probabilities_equal_the_elicited_ones(self, at_cutoff: Moment) -> None:
        found = at_cutoff.posterior(scenario_set(high=40_000)).probabilities
        np.testing.assert_allclose(found, [0.65, 0.35], rtol=1e-12)

    def test_evidence_from_later_months_would_be_caught(self, at_cutoff: Moment, in_autumn: Moment) -> None:
        leaking = replace(at_cutoff, evidence=in_autumn.evidence)
        assert abs(leaking.posterior(scenario_set(high=40_000)).probabilities[0] - 0.65) > 0.01


def unfiltered(frame: pd.DataFrame, as_of: object) -> pd.DataFrame:
    """A filter of vintages that filters nothing: what leakage looks like."""
    return known_at(frame, max(MOMENTS.values()).replace(year=2100))


class TestInvariant5TheFutureIsUnknown:
    def later_rows(self) -> pd.DataFrame:
        months, counts = ["2018-07", "2018-09", "2018-10", "2019-01"], [9_999, 9_999, 9_999, 1]
        rows = rows_of(months, counts)
        return rows.assign(known_at=pd.Timestamp(MOMENTS["autumn"]) + pd.Timedelta(days=1))

    def seen(self) -> tuple[Array, Array]:
        plain = made_up_counts()
        planted = pd.concat([plain, self.later_rows()], ignore_index=True)
        counts = [
            target_data(rows, TARGET, CUTOFF, MOMENTS["autumn"], 5).continued.counts
            for rows in (plain, planted)
        ]
        return counts[0], counts[1]

    def test_rows_known_later_change_nothing(self) -> None:
        plain, planted = self.seen()
        assert np.array_equal(plain, planted)

    def test_a_figure_of_another_country_known_later_changes_nothing(self) -> None:
        """Not the panel that is fitted, so no draw either: a fit depends on its panel and seed alone."""
        neighbour = made_up_counts().assign(geo="BE", source="eurostat")
        plain = pd.concat([made_up_counts(), neighbour], ignore_index=True)
        planted = pd.concat([plain, self.later_rows().assign(geo="BE", source="eurostat")], ignore_index=True)
        for panel in ("panel_at_cutoff", "panel_at_as_of"):
            seen = [
                getattr(target_data(rows, TARGET, CUTOFF, MOMENTS["autumn"], 5), panel)
                for rows in (plain, planted)
            ]
            assert seen[0].geos == ("BE", "NL")
            assert fit_name(seen[0], SEED) == fit_name(seen[1], SEED)
        unseen = planted.assign(known_at=planted["known_at"].clip(upper=pd.Timestamp(MOMENTS["autumn"])))
        leaked = target_data(unseen, TARGET, CUTOFF, MOMENTS["autumn"], 5).panel_at_as_of
        assert fit_name(leaked, SEED) != fit_name(seen[0], SEED)

    def test_a_leaking_filter_is_caught(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("models.forecast_checks.known_at", unfiltered)
        plain, planted = self.seen()
        assert len(plain) != len(planted) or not np.array_equal(plain, planted)

    def test_the_fit_sees_no_later_month(self, in_autumn: Moment, at_cutoff: Moment) -> None:
        assert np.array_equal(
            in_autumn.fit.at_cutoff.parameters.sigma, at_cutoff.fit.at_cutoff.parameters.sigma
        )
        assert np.array_equal(in_autumn.model.totals_at_cutoff, at_cutoff.model.totals_at_cutoff)


def believing_the_model(here: Moment) -> WeighedComponent:
    """An expert who states exactly the model's density at the cutoff, as draws."""
    totals = here.model.totals_at_cutoff
    return WeighedComponent("same", totals, here.evidence.log_evidence(totals), "weighted")


class TestInvariant6AgreeingWithTheModelChangesNothing:
    def test_totals_agree_with_the_model_alone(self, in_autumn: Moment) -> None:
        same = believing_the_model(in_autumn)
        found = weighted_quantiles(same.totals, same.log_weights)
        wanted = np.quantile(in_autumn.model.totals, LEVELS, axis=0)
        np.testing.assert_allclose(found[:, :2], wanted[:, :2], rtol=0.02)
        np.testing.assert_allclose(found, wanted, rtol=0.04)

    def test_counting_the_evidence_twice_is_caught(self, in_autumn: Moment) -> None:
        same, evidence = believing_the_model(in_autumn), in_autumn.evidence
        twice = same.log_weights + evidence.totals_mixture.log_density(evidence.log_totals(same.totals))
        found = weighted_quantiles(same.totals, twice)
        assert np.abs(found / np.quantile(in_autumn.model.totals, LEVELS, axis=0) - 1).max() > 0.1

    def test_an_expert_who_differs_gets_the_exact_answer_too(self, in_autumn: Moment) -> None:
        """Prior q_c(N) r(N) must give q_t(N) r(N), whatever r: checked with one that doubts low years."""

        def doubt(totals: Array) -> Array:
            return 1.5 * np.tanh(4 * np.log(totals[:, 1] / np.median(in_autumn.model.totals[:, 1])))

        same = believing_the_model(in_autumn)
        found = weighted_quantiles(same.totals, same.log_weights + doubt(same.totals))
        wanted = weighted_quantiles(in_autumn.model.totals, doubt(in_autumn.model.totals))
        np.testing.assert_allclose(found[:, :2], wanted[:, :2], rtol=0.02)

    def test_months_agree_with_the_model_alone(self, in_autumn: Moment) -> None:
        found = self.monthly(in_autumn, believing_the_model(in_autumn), lambda paths: paths)
        own = np.quantile(np.exp(in_autumn.model.log_paths), (0.1, 0.5, 0.9), axis=0)
        # As for the totals: what the rule leaves of a path's tail is largest in the last years.
        np.testing.assert_allclose(found[:, :36], own[:, :36], rtol=0.03)
        np.testing.assert_allclose(found, own, rtol=0.04)

    def test_paths_scaled_without_the_rule_are_caught(self, in_autumn: Moment) -> None:
        """Scaling a year as a block jumps at its borders: spread of growth from December to January doubles."""
        model, observation = in_autumn.model, in_autumn.evidence.observation
        totals = np.random.default_rng(1).permutation(model.totals)
        rule = path_rule(model.log_paths, observation)
        alike = alike_rows(totals, model.totals, observation)
        good = complete_paths(totals, model.log_paths[alike], rule)
        block = np.exp(model.log_paths)
        for member, column in zip(rule.members, rule.columns, strict=True):
            wanted = totals[:, column] - observation.counted[column]
            block[:, member] *= (wanted / block[:, member].sum(axis=1))[:, None]
        january = int(np.flatnonzero(observation.future_months == np.datetime64("2020-01"))[0])

        def spread(paths: Array) -> float:
            low, high = np.quantile(np.log(paths[:, january] / paths[:, january - 1]), (0.1, 0.9))
            return float(high - low)

        own = spread(np.exp(model.log_paths))
        assert spread(good) == pytest.approx(own, rel=0.05)
        assert spread(block) > 1.5 * own

    def monthly(self, here: Moment, component: WeighedComponent, change: Callable[[Array], Array]) -> Array:
        posterior = Posterior(
            here.evidence.observation.years, np.ones(1), (component,), (component_curves(component),)
        )
        totals, _, _ = resample(posterior, 100_000, SEED)
        rows = alike_rows(totals, here.model.totals, here.evidence.observation)
        paths = whole_paths(totals, rows, here.model.log_paths, here.evidence.observation)
        return np.quantile(change(paths), (0.1, 0.5, 0.9), axis=0)
