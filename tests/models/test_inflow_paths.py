"""The recursion without PyMC against a plain loop, closed forms and itself run the other way."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import cumulative_trapezoid

from models.inflow_paths import (
    MOST_PERSONS,
    FilterState,
    InflowParameters,
    filter_states,
    gap_factors,
    initial_state,
    log_cap,
    one_step_log_density,
    simulate_log_counts,
)
from models.series import MonthlySeries

START = np.datetime64("2014-03", "M")


def parameters(draws: int, seed: int = 0) -> InflowParameters:
    rng = np.random.default_rng(seed)
    season = rng.normal(0, 0.1, (draws, 12))
    return InflowParameters(
        alpha=rng.uniform(0.3, 0.98, draws),
        sigma=rng.uniform(0.1, 0.3, draws),
        nu=rng.uniform(2.5, 9, draws),
        overdispersion=rng.uniform(2, 15, draws),
        season=season - season.mean(axis=1, keepdims=True),
        initial_level=rng.normal(7, 0.3, draws),
    )


def extended(draws: int, seed: int = 0) -> InflowParameters:
    """Parameters with everything that is absent by default; growth begins inside `random_series`."""
    rng = np.random.default_rng(seed + 100)
    return replace(
        parameters(draws, seed),
        robustness=rng.uniform(0, 1, draws),
        size_power=rng.uniform(-0.5, 0.8, draws),
        usual_size=rng.uniform(5, 8, draws),
        growth=rng.normal(0, 0.5, draws),
        growth_damping=rng.uniform(0.3, 0.95, draws),
        growth_after=np.full(draws, float((START + 3).astype(int))),
        slow_growth=rng.normal(0, 0.5, draws),
        slow_damping=rng.uniform(0.9, 0.99, draws),
    )


def expected_growth(p: InflowParameters, draw: int, month: np.datetime64) -> float:
    """Of the level from the month before to `month`."""
    after = int((month - np.datetime64(int(p.growth_after[draw]), "M")).astype(int))
    both = ((p.growth, p.growth_damping), (p.slow_growth, p.slow_damping))
    return sum(g[draw] * (1 - d[draw]) * d[draw] ** (after - 1) for g, d in both) if after > 0 else 0.0


def plain(
    alpha: float = 0.7, sigma: float = 0.2, nu: float = 4.0, count_noise: float = 7.7
) -> InflowParameters:
    one = np.ones(1)
    return InflowParameters(alpha * one, sigma * one, nu * one, count_noise * one, np.zeros((1, 12)), 7 * one)


def series(counts: list[float]) -> MonthlySeries:
    return MonthlySeries(START + np.arange(len(counts)), np.array(counts))


def random_series(months: int, missing: float, seed: int) -> MonthlySeries:
    rng = np.random.default_rng(seed)
    counts = np.round(1000 * np.exp(np.cumsum(rng.normal(0, 0.3, months))) / 5) * 5
    counts[rng.uniform(size=months) < missing] = np.nan
    counts[months // 2] = 0
    noise = rng.exponential(0.4, months) * (rng.uniform(size=months) < 0.3)
    return MonthlySeries(START + np.arange(months), counts, extra=noise)


def loop(p: InflowParameters, draw: int, data: MonthlySeries) -> tuple[float, list[float], float]:
    """Level, last twelve logs and log density of one draw, written as the formulas are printed."""
    level, density, gap = p.initial_level[draw], 0.0, 0
    r = p.robustness[draw]
    recent = [level] * 12
    for month, count, extra in zip(data.months, data.counts, data.extra, strict=True):
        gap += 1
        level += expected_growth(p, draw, month)
        if np.isnan(count):
            continue
        y = np.log(max(count, 1))
        a = p.alpha[draw]
        widening = 1 + (gap - 1) * a**2 + extra
        size = max(np.exp(np.mean(recent)), 5)
        own = p.sigma[draw] ** 2 * (size / np.exp(p.usual_size[draw])) ** (2 * p.size_power[draw])
        scale = np.sqrt((own + p.overdispersion[draw] / size) * widening)
        expected = p.season[draw, int(str(month)[5:]) - 1] + level
        density += stats.t.logpdf(y, p.nu[draw], loc=expected, scale=scale)
        nu = p.nu[draw]
        learned = 1 - r + r * (nu + 1) / nu / (1 + ((y - expected) / scale) ** 2 / nu)
        level += a * (1 + (gap - 1) * a) / widening * learned * (y - expected)
        recent, gap = [*recent[1:], y], 0
    return level, recent, density


@pytest.mark.parametrize("made", [parameters, extended])
@pytest.mark.parametrize("missing", [0.0, 0.3])
@pytest.mark.parametrize("months", [5, 40])
def test_filter_and_density_agree_with_a_plain_loop(
    months: int, missing: float, made: Callable[[int], InflowParameters]
) -> None:
    p, data = made(7), random_series(months, missing, seed=months)
    state, density = filter_states(p, data), one_step_log_density(p, data)
    for draw in range(7):
        level, recent, expected = loop(p, draw, data)
        assert state.level[draw] == pytest.approx(level, abs=1e-12)
        np.testing.assert_allclose(state.recent[draw], recent, atol=1e-12)
        assert density[draw] == pytest.approx(expected, abs=1e-9)
    assert state.last_month == data.months[data.available][-1]


def test_density_from_a_month_on_is_the_difference_of_two_whole_densities() -> None:
    p, data = parameters(5), random_series(40, 0.2, seed=3)
    first = data.months[25]
    before = one_step_log_density(p, data.until(first - 1))
    np.testing.assert_allclose(
        one_step_log_density(p, data, first), one_step_log_density(p, data) - before, atol=1e-9
    )


def test_an_untouched_state_is_the_one_before_the_first_month() -> None:
    p = parameters(4)
    none = series([np.nan, np.nan])
    np.testing.assert_array_equal(filter_states(p, none).level, p.initial_level)
    assert filter_states(p, none).last_month == START - 1
    np.testing.assert_array_equal(one_step_log_density(p, none), 0)


@pytest.mark.parametrize("noise", [0.0, 0.7])
@pytest.mark.parametrize("gap", [1, 2, 7])
def test_gap_factors_are_those_of_a_kalman_filter_that_sees_nothing_for_a_while(
    gap: int, noise: float
) -> None:
    alpha = 0.6
    innovation, step = 1.0, alpha**2  # steady state: level steps alpha^2, noise 1 - alpha, predicted alpha
    predicted = alpha * innovation + (gap - 1) * step
    variance = predicted + (1 - alpha) * innovation + noise
    gain, widening = gap_factors(np.array([alpha]), gap, noise)
    assert widening[0] == pytest.approx(variance)
    assert gain[0] == pytest.approx(predicted / variance)


def test_months_simulated_through_a_gap_spread_as_the_widened_step_says() -> None:
    p = plain(nu=1e6, count_noise=1e-9)
    state = filter_states(p, series([1000.0] * 12))
    through = simulate_log_counts(p, state, START + 12, 3, 100_000, seed=1)[:, 2]
    over = simulate_log_counts(p, state, START + 14, 1, 100_000, seed=2)[:, 0]
    assert over.std() == pytest.approx(0.2 * np.sqrt(1 + 2 * 0.7**2), rel=0.01)
    assert through.std() == pytest.approx(over.std(), rel=0.01)


@pytest.mark.parametrize("gap", [1, 4])
def test_the_first_simulated_month_has_the_density_that_weighs_it(gap: int) -> None:
    p = replace(plain(nu=3.5), season=np.linspace(-0.2, 0.2, 12)[None])
    data = series([900, 1100, 1000, 1300, 1000])
    state = filter_states(p, data)
    month = data.months[-1] + gap
    y = simulate_log_counts(p, state, month, 1, 100_000, seed=5)[:, 0]
    grid = np.linspace(2, 12, 2_001)
    pad = [np.nan] * (gap - 1)
    density = [one_step_log_density(p, series([*data.counts, *pad, np.exp(x)]), month)[0] for x in grid]
    cumulative = cumulative_trapezoid(np.exp(density), grid, initial=0)
    assert cumulative[-1] == pytest.approx(1, abs=1e-3)
    at = np.quantile(y, [0.01, 0.05, 0.3, 0.5, 0.8, 0.99])
    np.testing.assert_allclose(np.interp(at, grid, cumulative), [0.01, 0.05, 0.3, 0.5, 0.8, 0.99], atol=0.005)


def test_each_simulated_error_is_student_t_given_the_months_before() -> None:
    p = parameters(50)
    state = filter_states(p, random_series(30, 0.1, seed=8))
    y = simulate_log_counts(p, state, state.last_month + 1, 14, 5_000, seed=9)
    index = np.arange(5_000) % 50
    chosen, level, recent = p.take(index), state.level[index], state.recent[index]
    pits = []
    for month in range(14):
        calendar = (state.last_month + 1 + month).astype(int) % 12
        size = np.maximum(np.exp(recent.mean(axis=1)), 5)
        error = y[:, month] - chosen.season[:, calendar] - level
        scale = np.sqrt(chosen.sigma**2 + chosen.overdispersion / size)
        pits.append(stats.t.cdf(error, chosen.nu, scale=scale))
        level = level + chosen.alpha * error
        recent = np.column_stack([recent[:, 1:], y[:, month]])
    assert stats.kstest(np.concatenate(pits), "uniform").pvalue > 1e-3
    assert stats.kstest(pits[-1], "uniform").pvalue > 1e-3


def test_the_filter_reads_simulated_months_back_as_the_states_that_made_them() -> None:
    p = parameters(1)
    y = simulate_log_counts(p, initial_state(p, START), START, 40, 1, seed=2)[0]
    whole = series(np.exp(y).tolist())
    head = filter_states(p, whole.until(START + 29))
    tail = simulate_log_counts(p, initial_state(p, START), START, 30, 1, seed=2)[0]
    np.testing.assert_allclose(tail, y[:30])
    assert head.level[0] == pytest.approx(loop(p, 0, whole.until(START + 29))[0])


@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_extended_draws_are_simulated_as_they_are_filtered(noise: float) -> None:
    p = extended(1, seed=3)
    data = random_series(30, noise, seed=4)
    state = filter_states(p, data)
    y = simulate_log_counts(p, state, state.last_month + 2, 20, 2_000, seed=5)
    pits = []
    for path in y[:300]:
        months = np.arange(data.months[0], state.last_month + 22)
        counts = np.full(len(months), np.nan)
        counts[: len(data)], counts[-20:] = data.counts, np.exp(path)
        extra = np.concatenate([data.extra, np.zeros(len(months) - len(data))])
        whole = MonthlySeries(months, counts, extra=extra)
        level, recent, _ = loop(p, 0, whole.until(months[-2]))
        level += expected_growth(p, 0, months[-1])
        size = max(np.exp(np.mean(recent)), 5)
        own = p.sigma[0] ** 2 * (size / np.exp(p.usual_size[0])) ** (2 * p.size_power[0])
        error = path[-1] - level - p.season[0, int(str(months[-1])[5:]) - 1]
        pits.append(stats.t.cdf(error, p.nu[0], scale=np.sqrt(own + p.overdispersion[0] / size)))
    assert stats.kstest(pits, "uniform").pvalue > 1e-3


def test_expected_growth_adds_up_to_what_was_stated_and_comes_early() -> None:
    still = replace(plain(sigma=1e-9, count_noise=1e-12), growth_after=np.full(1, float(START.astype(int))))
    p = replace(still, growth=np.full(1, 0.3), growth_damping=np.full(1, 0.8))
    y = simulate_log_counts(p, filter_states(p, series([1096.63])), START + 1, 60, 1, seed=1)[0]
    assert y[0] - 7 == pytest.approx(0.3 * 0.2, abs=1e-5)
    assert y[11] - 7 == pytest.approx(0.3 * (1 - 0.8**12), abs=1e-5)
    assert y[-1] - 7 == pytest.approx(0.3, abs=1e-4)
    back = replace(p, slow_growth=np.full(1, -0.5), slow_damping=np.full(1, 0.97))
    both = simulate_log_counts(back, filter_states(back, series([1096.63])), START + 1, 60, 1, seed=1)[0]
    np.testing.assert_allclose(both - y, -0.5 * (1 - 0.97 ** np.arange(1, 61)), atol=1e-5)


def test_a_robust_level_learns_less_from_a_month_far_out_and_more_from_one_close_by() -> None:
    p = replace(plain(nu=4.0, count_noise=1e-9), robustness=np.ones(1))
    for error, share in ((0.0, 1.25), (0.4, 1.25 / 2), (40.0, 0.0)):
        data = series([1096.633158])
        y = MonthlySeries(data.months, np.exp(np.array([7 + error + 1e-6])))
        learned = (filter_states(p, y).level[0] - 7) / (error + 1e-6) / 0.7
        assert learned == pytest.approx(share, abs=1e-3)


def test_months_are_more_uncertain_while_a_series_is_large_for_its_own_standard() -> None:
    p = replace(
        plain(nu=1e6, count_noise=1e-9), size_power=np.full(1, 0.5), usual_size=np.full(1, 7 - np.log(4))
    )
    y = simulate_log_counts(p, initial_state(p, START), START, 1, 50_000, seed=6)[:, 0]
    assert y.std() == pytest.approx(2 * 0.2, rel=0.02)


def test_draws_are_dealt_round_and_the_same_seed_repeats_them() -> None:
    p = replace(parameters(3), sigma=np.full(3, 1e-6), overdispersion=np.full(3, 1e-6))
    state = initial_state(p, START)
    y = simulate_log_counts(p, state, START, 1, 7, seed=4)[:, 0]
    expected = p.initial_level + p.season[:, 2]
    np.testing.assert_allclose(y, expected[np.arange(7) % 3], atol=1e-3)
    np.testing.assert_array_equal(y, simulate_log_counts(p, state, START, 1, 7, seed=4)[:, 0])
    assert not np.array_equal(y, simulate_log_counts(p, state, START, 1, 7, seed=5)[:, 0])


def test_weights_choose_hyperparameter_draws_in_proportion() -> None:
    p = replace(parameters(3), sigma=np.full(3, 1e-6), overdispersion=np.full(3, 1e-6))
    p = replace(p, season=np.zeros((3, 12)), initial_level=np.array([5.0, 6.0, 7.0]))
    weights = np.array([0.0, 3.0, 1.0])
    y = simulate_log_counts(p, initial_state(p, START), START, 1, 1000, seed=4, weights=weights)
    np.testing.assert_allclose(
        np.bincount(np.round(y[:, 0]).astype(int), minlength=8)[5:], [0, 750, 250], atol=1
    )


def test_tails_that_would_overflow_stay_within_the_stated_bounds() -> None:
    p = plain(sigma=2.0, nu=1.2)
    y = simulate_log_counts(p, initial_state(p, START), START, 60, 20_000, seed=1)
    assert np.isfinite(y).all()
    assert y.min() == 0
    assert y.max() == np.log(MOST_PERSONS)


def test_the_cap_leaves_a_large_series_room() -> None:
    recent = np.log(np.array([[1_000.0] * 12, [100_000.0] * 12]))
    state = FilterState(recent[:, 0], recent, START)
    np.testing.assert_allclose(np.exp(log_cap(state)), [250_000, 1_000_000])


def test_a_month_already_observed_cannot_be_simulated() -> None:
    p = plain()
    with pytest.raises(ValueError, match="not after the last observed month"):
        simulate_log_counts(p, initial_state(p, START), START - 1, 3, 10, seed=1)
    with pytest.raises(ValueError, match="without months"):
        filter_states(p, series([]))
