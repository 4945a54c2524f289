"""Components put together: probabilities, the model's place among them, resampling."""

from datetime import date

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import norm

from models.posterior import (
    MODEL_KEY,
    NothingLeft,
    experts_layer,
    posterior_probabilities,
    prior_parts,
    resample,
    weigh,
)
from models.weighting import weigh_component
from priors.families import marginal
from priors.mixture import ExpertDensity
from tests.models.made_up import (
    CUTOFF,
    Moment,
    at_cutoff,
    belief,
    component,
    density,
    in_autumn,
    moment,
    next_spring,
)

Array = NDArray[np.float64]

LEVELS = (0.125, 0.5, 2 / 3, 0.875)


def two_scenarios(here: Moment, share: float = 0.65, apart: float = 1.4) -> ExpertDensity:
    a, b, c = np.median(here.model.totals_at_cutoff, axis=0)

    def years(factor: float) -> dict[int, object]:
        return {2018 + j: belief(factor * m, 0.2 * factor * m) for j, m in enumerate((a, b, c))}

    return density(component("low", years(1.0), share), component("high", years(apart), 1 - share))


class TestProbabilities:
    def test_prior_times_evidence(self) -> None:
        found = posterior_probabilities(np.array([0.2, 0.3, 0.5]), [-1_000.0, -1_001.0, -np.inf])
        wanted = np.array([0.2, 0.3 * np.exp(-1), 0.0])
        np.testing.assert_allclose(found, wanted / wanted.sum())

    def test_without_prior_no_evidence_helps(self) -> None:
        found = posterior_probabilities(np.array([0.0, 1.0]), [0.0, -800.0])
        np.testing.assert_array_equal(found, [0.0, 1.0])

    @pytest.mark.parametrize(("prior", "logs"), [([1.0], [-np.inf]), ([0.0, 1.0], [0.0, -np.inf])])
    def test_nothing_left(self, prior: list[float], logs: list[float]) -> None:
        with pytest.raises(NothingLeft, match="no scenario leaves any chance"):
            posterior_probabilities(np.array(prior), logs)

    def test_of_completed_year_are_bayes_rule(self) -> None:
        """One year counted in full, and nothing else: densities at the count decide."""
        here = moment(date(2018, 12, 20), date(2019, 1, 20))
        count = here.evidence.observation.counted[0]
        stated = density(
            component("a", {2018: belief(0.9 * count, 0.08 * count, "normal")}, 0.7),
            component("b", {2018: belief(1.1 * count, 0.15 * count, "normal")}, 0.3),
        )
        found = weigh(stated, 1.0, here.evidence, here.base, here.own).probabilities
        likelihood = np.array([0.7 * norm(0.9, 0.08).pdf(1.0), 0.3 * norm(1.1, 0.15).pdf(1.0)])
        np.testing.assert_allclose(found, likelihood / likelihood.sum(), rtol=1e-6)

    def test_shifts_towards_the_scenario_that_foresaw(self) -> None:
        here = in_autumn()
        up = weigh(two_scenarios(here), 1.0, here.evidence, here.base, here.own)
        foresaw = np.argmax([c.log_evidence for c in up.components])
        assert up.probabilities[foresaw] > up.prior[foresaw]


class TestRuledOut:
    def low(self, here: Moment) -> dict[int, object]:
        counted = here.evidence.observation.counted[0]
        return {2018: marginal("triangular", 0.7 * counted, 0.05 * counted)}

    def test_alone_among_others_it_has_probability_zero(self) -> None:
        here = in_autumn()
        stated = density(
            component("no", self.low(here), 0.9), component("yes", {2018: belief(30_000, 9_000)}, 0.1)
        )
        posterior = weigh(stated, 1.0, here.evidence, here.base, here.own)
        np.testing.assert_array_equal(posterior.probabilities, [0.0, 1.0])
        assert np.isfinite(posterior.layer.quantiles(LEVELS)).all()
        assert np.isfinite(posterior.layer.mean()).all()
        assert np.isfinite(posterior.diagnostics.ess_weighted)
        totals, origin, _ = resample(posterior, 1_000, 1)
        assert (origin == 1).all()
        assert (totals[:, 0] > here.evidence.observation.counted[0]).all()

    def test_nobody_left(self) -> None:
        here = in_autumn()
        posterior = weigh(density(component("no", self.low(here))), 1.0, here.evidence, here.base, here.own)
        with pytest.raises(NothingLeft):
            _ = posterior.reliable

    def test_the_model_takes_over_where_it_has_weight(self) -> None:
        here = in_autumn()
        posterior = weigh(density(component("no", self.low(here))), 0.9, here.evidence, here.base, here.own)
        np.testing.assert_array_equal(posterior.probabilities, [0.0, 1.0])
        np.testing.assert_allclose(
            posterior.layer.quantiles(LEVELS), np.quantile(here.model.totals, LEVELS, axis=0), rtol=2e-4
        )


class TestTheModelsPlace:
    def test_alone_without_a_density(self) -> None:
        here = in_autumn()
        for stated, weight in ((None, 1.0), (None, 0.3), (two_scenarios(here), 0.0)):
            posterior = weigh(stated, weight, here.evidence, here.base, here.own)
            assert posterior.keys == (MODEL_KEY,)
            np.testing.assert_array_equal(posterior.prior, [1.0])

    def test_absent_at_full_weight_of_the_experts(self) -> None:
        here = in_autumn()
        assert weigh(two_scenarios(here), 1.0, here.evidence, here.base, here.own).keys == ("low", "high")

    def test_last_with_what_the_experts_leave(self) -> None:
        here = in_autumn()
        posterior = weigh(two_scenarios(here), 0.6, here.evidence, here.base, here.own)
        assert posterior.keys == ("low", "high", "model")
        np.testing.assert_allclose(posterior.prior, [0.39, 0.21, 0.4])

    def test_its_evidence_is_that_of_an_expert_who_says_nothing(self) -> None:
        """`model` against a scenario without statements: the same prior, so even odds."""
        here = in_autumn()
        silent = density(component("silent", {2030: belief(1.0, 0.1)}))
        found = weigh(silent, 0.5, here.evidence, here.base, here.own).probabilities
        np.testing.assert_allclose(found, [0.5, 0.5], atol=0.002)


class TestPriorParts:
    def test_probabilities_are_shares_of_the_experts_weight(self) -> None:
        parts = prior_parts(two_scenarios(in_autumn(), share=0.25), 0.8)
        np.testing.assert_allclose([p for p, _ in parts], [0.2, 0.6])

    def test_nothing_without_weight(self) -> None:
        assert prior_parts(two_scenarios(in_autumn()), 0.0) == []
        assert prior_parts(None, 1.0) == []

    def test_a_scenario_of_probability_zero_changes_nothing(self) -> None:
        here = in_autumn()
        stated = two_scenarios(here)
        extra = component("never", {2018: belief(90_000, 1_000)}, 0.0)
        with_it = weigh(density(*stated.components, extra), 1.0, here.evidence, here.base, here.own)
        assert with_it.probabilities[2] == 0.0
        without = weigh(stated, 1.0, here.evidence, here.base, here.own)
        np.testing.assert_allclose(
            with_it.layer.quantiles(LEVELS), without.layer.quantiles(LEVELS), rtol=0.01
        )


class TestResample:
    @pytest.mark.parametrize("here", [at_cutoff, in_autumn, next_spring])
    def test_has_the_posteriors_quantiles_and_shares(self, here: object) -> None:
        now: Moment = here()  # type: ignore[operator]
        posterior = weigh(two_scenarios(now), 0.7, now.evidence, now.base, now.own)
        totals, origin, row = resample(posterior, 60_000, 1)
        shares = np.bincount(origin, minlength=3) / 60_000
        np.testing.assert_allclose(shares, posterior.probabilities, atol=1e-3)
        np.testing.assert_allclose(
            np.quantile(totals, LEVELS, axis=0), posterior.layer.quantiles(LEVELS), rtol=2e-3
        )
        for k, part in enumerate(posterior.components):
            np.testing.assert_array_equal(totals[origin == k], part.totals[row[origin == k]])

    def test_same_seed_same_draws_in_random_order(self) -> None:
        here = in_autumn()
        posterior = weigh(two_scenarios(here), 0.7, here.evidence, here.base, here.own)
        one, other = resample(posterior, 5_000, 3), resample(posterior, 5_000, 3)
        np.testing.assert_array_equal(one[0], other[0])
        np.testing.assert_allclose(
            np.quantile(one[0][:2_500], 0.5, axis=0), np.quantile(one[0], 0.5, axis=0), rtol=0.03
        )


def test_experts_layer_is_the_stated_density() -> None:
    here = in_autumn()
    stated = two_scenarios(here)
    layer = experts_layer(stated, here.evidence, here.base)
    wanted = np.stack([stated.ppf(year, np.array(LEVELS)) for year in (2018, 2019, 2020)], axis=1)
    np.testing.assert_allclose(layer.quantiles(LEVELS), wanted, rtol=0.003)


def test_diagnostics_combine_the_parts_that_matter() -> None:
    here = in_autumn()
    stated = two_scenarios(here)
    posterior = weigh(stated, 1.0, here.evidence, here.base, here.own)
    p, sizes = posterior.probabilities, [c.effective_draws for c in posterior.components]
    found = posterior.diagnostics
    assert found.ess_weighted == pytest.approx(1 / sum(q**2 / n for q, n in zip(p, sizes, strict=True)))
    assert found.adapted == any(c.method == "adapted" for c in posterior.components)


def test_late_start_keeps_the_probabilities_until_something_came() -> None:
    here = moment(date(2019, 1, 10), date(2019, 1, 10))
    stated = density(
        component("a", {2019: belief(30_000, 5_000)}, 0.4), component("b", {2019: belief(50_000, 5_000)}, 0.6)
    )
    np.testing.assert_allclose(
        weigh(stated, 1.0, here.evidence, here.base, here.own).probabilities, [0.4, 0.6]
    )
    assert CUTOFF.year == 2018
    assert weigh_component(stated.components[0], 0.5, here.evidence, here.base).method == "weighted"
