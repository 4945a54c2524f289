"""The bias: what is known exactly, what must be found, and what must not."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from benchmarks.bias_world import FIRST_YEAR, World, archive, log_errors_and_outcomes, shape, with_errors
from models.calibration import BiasPriors, EvaluationRequest
from models.calibration.bias import BiasRefused, bias_answer, direction_loss, fit_bias
from models.calibration.bias_cells import Cells, cells, structure_of
from models.calibration.bias_posterior import bayes_factor, bias_posterior, demonstrated
from models.calibration.gaussian_draws import RHO_GRID, GaussianDraws, draw_scales
from models.calibration.plain_tests import plain_test
from models.calibration.records import LossWeights, ScalePrior
from models.calibration.shock_prior import informed_shock_prior
from models.calibration.stage_steps import stage_steps

PRIORS = BiasPriors()
QUICK = EvaluationRequest(simulations=0)


def constant_draws(mean: float, variance: float, draws: int = 5) -> GaussianDraws:
    full = np.full(draws, mean)
    return GaussianDraws(
        full, np.full(draws, variance), np.ones((draws, 3)), full, np.zeros((draws, 0)), full
    )


def one_archive(world: World, seed: int):
    errors, realised = log_errors_and_outcomes(world, seed)
    return archive(world, errors, realised), errors, dict(enumerate(realised.tolist(), FIRST_YEAR))


# Posterior and Bayes factor, given the scales ---------------------------------------------------------------


def test_with_known_scales_the_posterior_is_the_conjugate_one() -> None:
    posterior = bias_posterior(constant_draws(0.1, 0.04), prior_sd=0.2)
    assert posterior.mean == pytest.approx(0.05)
    assert posterior.sd == pytest.approx(np.sqrt(0.02))
    assert posterior.probability_positive == pytest.approx(stats.norm.cdf(0.05 / np.sqrt(0.02)))
    assert posterior.quantile(0.975) == pytest.approx(0.05 + 1.959964 * np.sqrt(0.02), abs=1e-6)
    inside = stats.norm(0.05, np.sqrt(0.02)).cdf(np.log([0.9, 1.1]))
    assert posterior.within(0.1) == pytest.approx(inside[1] - inside[0])


def test_the_bayes_factor_is_that_of_two_normals() -> None:
    found = constant_draws(0.3, 0.04)
    expected = stats.norm(0, np.sqrt(0.08)).pdf(0.3) / stats.norm(0, 0.2).pdf(0.3)
    assert bayes_factor(found, 0.2) == pytest.approx(expected)
    assert bayes_factor(constant_draws(0.0, 0.04), 0.2) == pytest.approx(np.sqrt(0.5))


def test_the_verdict_at_a_shift_is_the_verdict_on_shifted_errors() -> None:
    rng = np.random.default_rng(3)
    found = replace(
        constant_draws(0, 1), mean=rng.normal(0.02, 0.03, 5), variance=rng.uniform(0.002, 0.01, 5)
    )
    shifts = np.array([-0.3, -0.1, 0.0, 0.15, 0.4])
    one_by_one = [
        abs(bias_posterior(found, 0.2, float(b)).probability_positive - 0.5) >= 0.475 for b in shifts
    ]
    assert demonstrated(found, 0.2, shifts).tolist() == one_by_one


def test_equivalence_comes_before_a_bias_too_small_to_matter() -> None:
    tiny = bias_posterior(constant_draws(0.02, 0.005**2), 0.2)
    assert tiny.probability_positive > 0.99
    assert tiny.verdict(0.05) == "practically_unbiased"
    assert tiny.verdict(0.001) == "bias_demonstrated"
    assert bias_posterior(constant_draws(0.02, 0.1), 0.2).verdict(0.05) == "not_demonstrated"


# Shocks informed by the realisations ------------------------------------------------------------------------


def test_changes_of_the_outcome_inform_the_size_of_shocks() -> None:
    prior = ScalePrior(median=0.18, log_sd=0.5)
    rng = np.random.default_rng(1)
    for truth in (0.06, 0.5):
        level = np.cumsum(truth / np.sqrt(6) * rng.standard_normal(12 * 400))
        values = {y: float(np.exp(level[12 * y : 12 * y + 12].mean())) for y in range(400)}
        informed = informed_shock_prior(values, prior, 1.0)
        assert informed.median == pytest.approx(truth, rel=0.1)
        assert informed.log_sd < 0.06
    assert informed_shock_prior({2020: 1.0, 2021: 2.0}, prior, 1.0) == prior
    assert informed_shock_prior({2020: 0.0, 2021: 2.0, 2022: 3.0, 2024: 1.0}, prior, 1.0) == prior


# Draws given the scales -------------------------------------------------------------------------------------


def several_stages_and_issuers(world: World) -> Cells:
    """Two issuers, one of them at two stages, whose editions share surprises."""
    errors, realised = log_errors_and_outcomes(world, 7)
    rng, made, every = np.random.default_rng(8), [], []
    for issuer, stage in (("a", "experts"), ("a", "adopted"), ("b", "adopted")):
        own = errors + 0.05 * rng.standard_normal(len(errors))
        made += [one.model_copy(update={"issuer": issuer}) for one in archive(world, own, realised, stage)]
        every.append(own)
    return cells(made, np.concatenate(every), by_stage=True)


@pytest.mark.parametrize("rho", [-0.47, 0.49])
@pytest.mark.parametrize("which", ["one issuer", "stages and issuers"])
def test_with_scales_held_fixed_the_bias_is_generalised_least_squares(which: str, rho: float) -> None:
    """Priors too narrow to move, normal instead of Student-t: mean and variance have a closed form."""
    world, rho_place = World(6), int(np.argmin(np.abs(RHO_GRID - rho)))
    if which == "one issuer":
        errors, _ = log_errors_and_outcomes(world, 7)
        found = with_errors(shape(world), world, errors)
    else:
        found = several_stages_and_issuers(World(4))
    e, made = found.error, structure_of(found, PRIORS, PRIORS.shock)
    rho_prior = np.full(len(RHO_GRID), -np.inf)
    rho_prior[rho_place] = 0.0
    fixed = replace(
        made, scale_sd=np.full(len(made.scale_sd), 1e-7), rho_log_prior=rho_prior, freedom=np.full(2, 1e9)
    )
    # The first iteration still has the autocorrelation it starts from.
    draws = draw_scales(fixed, e, 20, 20, 1)
    noise, shock, edition, pooled = np.exp(made.scale_mu)[:4]
    first = len(made.pooled)
    contrasts, v, a = made.z[:, :first], np.eye(len(made.gap))[made.edition], made.z[:, first:-1]
    at, chain = np.cumsum(made.gap), np.cumsum(made.gap == 0)
    place = np.arange(len(at))
    between = np.abs(RHO_GRID[rho_place]) ** np.abs(at[:, None] - at) * (chain[:, None] == chain)
    between *= np.sign(rho) ** np.abs(place[:, None] - place)
    covariance = (
        noise**2 * np.eye(len(e))
        + pooled**2 * contrasts @ contrasts.T
        + edition**2 * v @ between @ v.T
        + shock**2 * (a * made.length) @ a.T
    )
    if which != "one issuer":
        assert len(made.gap) > 20 and len(np.unique(made.pooled)) == 3
        covariance += np.exp(made.scale_mu[-1]) ** 2 * (made.deviation[:, None] == made.deviation)
    weights = np.linalg.solve(covariance, np.ones(len(e)))
    np.testing.assert_allclose(draws.mean, weights @ e / weights.sum(), rtol=1e-3)
    np.testing.assert_allclose(draws.variance, 1 / weights.sum(), rtol=1e-3)


# The archive ------------------------------------------------------------------------------------------------


def test_one_forecast_is_refused_with_the_reason() -> None:
    forecasts, errors, values = one_archive(World(6), 1)
    with pytest.raises(BiasRefused) as one:
        fit_bias(forecasts[:1], errors[:1], values, QUICK)
    assert (one.value.refusal.forecasts, one.value.refusal.needed) == (1, 2)
    with pytest.raises(BiasRefused, match="0 forecasts with an error on the log scale, 2 needed"):
        fit_bias(forecasts[:1], np.array([np.nan]), values, QUICK)


def test_a_bias_moves_the_estimate_by_itself() -> None:
    """The same archive with all errors larger by a constant: conditional means move by that constant."""
    found = shape(World(6))
    errors, _ = log_errors_and_outcomes(World(6), 5)
    structure = structure_of(found, PRIORS, PRIORS.shock)
    low = draw_scales(structure, with_errors(found, World(6), errors).error, 300, 100, 1)
    high = draw_scales(structure, with_errors(found, World(6), errors + 0.3).error, 300, 100, 1)
    np.testing.assert_allclose(high.mean - low.mean, 0.3, atol=1e-8)
    np.testing.assert_allclose(high.variance, low.variance)


def test_experts_within_an_edition_are_one_cell() -> None:
    forecasts, errors, _ = one_archive(World(6), 2)
    doubled = [one.model_copy(update={"expert": name}) for name in ("a", "b") for one in forecasts]
    one, two = cells(forecasts, errors), cells(doubled, np.concatenate([errors - 0.1, errors + 0.1]))
    np.testing.assert_allclose(two.error, one.error)
    np.testing.assert_allclose(two.loading, one.loading)
    assert two.editions == one.editions


def test_a_large_bias_is_found_with_its_size_and_direction() -> None:
    forecasts, errors, values = one_archive(World(10, bias=-0.3), 4)
    fit = fit_bias(forecasts, errors, values, QUICK)
    answer = bias_answer(fit, forecasts, errors, QUICK)
    assert answer.verdict == "bias_demonstrated"
    assert answer.lower95 < -0.3 < answer.upper95
    assert answer.bayes_factor > 20
    assert len(answer.prior_sensitivity) >= 3
    assert [group.group for group in answer.by_horizon] == ["0", "1", "2", "3", "4"]
    assert [group.group for group in answer.by_period] == ["2005-2009", "2010-2014"]
    assert all(group.mean < 0 for group in (*answer.by_period, *answer.by_horizon))


def test_a_bias_planted_at_one_step_is_named() -> None:
    world = World(10)
    errors, realised = log_errors_and_outcomes(world, 8)
    rng = np.random.default_rng(9)
    stages, all_errors = [], []
    for stage, lean in (("experts", 0.0), ("combined", 0.0), ("estimate", 0.0), ("adopted", 0.12)):
        own = errors + lean + 0.03 * rng.standard_normal(len(errors))
        stages += archive(world, own, realised, stage)
        all_errors.append(own)
    both = np.concatenate(all_errors)
    steps = stage_steps(cells(stages, both, by_stage=True), PRIORS, 0.05, 1)
    assert [(step.before, step.after) for step in steps] == [
        ("experts", "combined"),
        ("combined", "estimate"),
        ("estimate", "adopted"),
    ]
    assert [step.verdict == "bias_demonstrated" for step in steps] == [False, False, True]
    assert steps[2].lower95 < 0.12 < steps[2].upper95
    values = dict(enumerate(realised.tolist(), FIRST_YEAR))
    answer = bias_answer(fit_bias(stages, both, values, QUICK), stages, both, QUICK)
    assert answer.entered_at == "estimate -> adopted"
    by_stage = {group.group: group.mean for group in answer.by_stage}
    assert by_stage["adopted"] - by_stage["estimate"] == pytest.approx(0.12, abs=0.04)


@pytest.mark.parametrize("part", ["by_horizon", "by_period"])
def test_a_bias_of_some_years_only_is_seen_there_and_not_elsewhere(part: str) -> None:
    """A lean at four years ahead, or in the last five years, beside the same archive without it."""
    world = World(10)
    errors, realised = log_errors_and_outcomes(world, 5)
    forecasts = archive(world, errors, realised)
    late = np.array(
        [
            one.target_year - one.issued_on.year == 4 if part == "by_horizon" else one.target_year >= 2010
            for one in forecasts
        ]
    )
    values = dict(enumerate(realised.tolist(), FIRST_YEAR))
    found = []
    for lean in (0.0, 0.3):
        moved = errors + lean * late
        answer = bias_answer(fit_bias(forecasts, moved, values, QUICK), forecasts, moved, QUICK)
        found.append(np.array([group.mean for group in getattr(answer, part)]))
    rise = found[1] - found[0]
    # Partial pooling gives a single horizon about half of a lean so far outside its prior.
    assert 0.1 < rise[-1] < 0.4, rise
    assert np.all(rise[:-1] < rise[-1] / 2), rise


def test_an_expert_who_leans_is_told_from_the_others() -> None:
    world = World(10)
    errors, realised = log_errors_and_outcomes(world, 3)
    forecasts, all_errors = [], []
    rng = np.random.default_rng(2)
    for name, lean in (("a", 0.0), ("b", 0.0), ("c", 0.3)):
        own = errors + lean + 0.05 * rng.standard_normal(len(errors))
        made = archive(world, own, realised, "experts")
        forecasts += [one.model_copy(update={"expert": name}) for one in made]
        all_errors.append(own)
    both = np.concatenate(all_errors)
    values = dict(enumerate(realised.tolist(), FIRST_YEAR))
    answer = bias_answer(fit_bias(forecasts, both, values, QUICK), forecasts, both, QUICK)
    means = {group.group: group.mean for group in answer.by_expert}
    assert means["c"] - (means["a"] + means["b"]) / 2 == pytest.approx(0.3, abs=0.05)


def test_the_plain_test_is_a_t_test_on_each_years_first_edition() -> None:
    forecasts, errors, _ = one_archive(World(6), 2)
    first = [
        place
        for place, one in enumerate(forecasts)
        if one.issued_on.month == 2 and one.issued_on.year == one.target_year
    ]
    found = plain_test(cells(forecasts, errors))
    assert found.n == len(first) == 6
    assert found.p_value == pytest.approx(float(stats.ttest_1samp(errors[first], 0).pvalue))
    assert found.editions[0] == f"{FIRST_YEAR}-1"


def test_asymmetric_loss_by_hand() -> None:
    request = EvaluationRequest(loss=LossWeights(too_low=3, too_high=1))
    loss = direction_loss(np.array([-0.1, 0.2, np.nan, 0.0, -0.3]), request)
    assert loss.from_too_low == pytest.approx(3 * 0.4 / 4)
    assert loss.from_too_high == pytest.approx(0.2 / 4)
    assert (loss.best_level, loss.share_too_low) == (0.75, 0.5)
    costs = [
        np.mean(3 * np.maximum(-(e := np.array([-0.1, 0.2, 0.0, -0.3]) + s), 0) + np.maximum(e, 0))
        for s in np.linspace(-0.5, 0.5, 1001)
    ]
    at_best = np.array([-0.1, 0.2, 0.0, -0.3]) + loss.best_shift
    assert np.mean(3 * np.maximum(-at_best, 0) + np.maximum(at_best, 0)) <= min(costs) + 0.03
