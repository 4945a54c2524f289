"""What each step was worth, who did better, which weight the experts deserved: by hand and by invariants."""

import numpy as np
import pytest
from scipy import stats

from models.calibration import EvaluationRequest, LedgerEdit
from models.calibration.clustered import clustered_mean
from models.calibration.expert_weight import best_expert_weight, lowest, parabola
from models.calibration.ledger_drift import ledger_drift
from models.calibration.recalibration import dispersion
from models.calibration.scoring import score_cases
from models.calibration.statements import statements
from models.calibration.value_added import expert_values, scenario_values, stage_values
from models.scores import crps_of_draws
from tests.models.calibration.made_up_archive import archive, day, payload, quantiles, scenario


def scored_of(forecasts, outcomes):
    return score_cases(statements(forecasts), np.asarray(outcomes, dtype=float), EvaluationRequest())


# Clustering -------------------------------------------------------------------------------------------------


def test_without_repeats_in_a_cluster_it_is_the_ordinary_standard_error() -> None:
    x = np.random.default_rng(1).normal(size=30)
    found = clustered_mean(x, np.arange(30))
    assert found.standard_error == pytest.approx(x.std(ddof=1) / np.sqrt(30))
    assert found.upper95 == pytest.approx(stats.t(29, x.mean(), stats.sem(x)).ppf(0.975))


def test_cases_that_repeat_their_cluster_add_nothing() -> None:
    x = np.random.default_rng(2).normal(size=12)
    once, thrice = (
        clustered_mean(x, np.arange(12)),
        clustered_mean(np.repeat(x, 3), np.repeat(np.arange(12), 3)),
    )
    assert thrice.standard_error == pytest.approx(once.standard_error)


def test_two_ways_cover_what_one_way_misses() -> None:
    """Means of a table with effects of both rows and columns: the interval must hold zero about as often as it says."""
    rng, held, one_way = np.random.default_rng(3), 0, 0
    row, column = (axis.ravel() for axis in np.indices((15, 15)))
    for _ in range(300):
        x = rng.normal(size=15)[row] + rng.normal(size=15)[column] + rng.normal(size=225)
        both, single = clustered_mean(x, row, column), clustered_mean(x, row)
        held += (both.lower95 or 0) <= 0 <= (both.upper95 or 0)
        one_way += (single.lower95 or 0) <= 0 <= (single.upper95 or 0)
    assert held / 300 == pytest.approx(0.95, abs=0.04)
    assert one_way / 300 < 0.9


def test_one_cluster_gives_a_mean_without_error() -> None:
    found = clustered_mean([1.0, 3.0], ["a", "a"])
    assert (found.mean, found.standard_error, found.lower95) == (2.0, None, None)


# Stages, experts, scenarios ---------------------------------------------------------------------------------


def test_stages_are_compared_on_what_both_state() -> None:
    forecasts = archive(
        *(
            payload(f"{y}", f"{y}-02-01", y, "experts", quantiles=quantiles(80, 100, 110, 120))
            for y in (2020, 2021)
        ),
        *(
            payload(f"{y}", f"{y}-03-01", y, "combined", quantiles=quantiles(85, 95, 105, 125))
            for y in (2020, 2021)
        ),
        *(payload(f"{y}", f"{y}-04-01", y, "adopted", point=90) for y in (2020, 2021)),
        payload("2022", "2022-02-01", 2022, "experts", quantiles=quantiles(1, 2, 3, 4)),
    )
    outcomes = [90, 130, 90, 130, 90, 130, 3]
    experts, combined, adopted = stage_values(forecasts, scored_of(forecasts, outcomes))
    assert (experts.compared_with, experts.difference, experts.n) == (None, None, 3)
    # Pinball by hand, experts then combined, at 90: 1.25, 5, 20/3, 3.75 and .625, 2.5, 5, 4.375.
    at_90 = np.mean([0.625 - 1.25, 2.5 - 5, 5 - 20 / 3, 4.375 - 3.75])
    at_130 = np.mean([(45 - 50) / 8, (35 - 30) / 2, (25 - 20) * 2 / 3, (5 - 10) * 7 / 8])
    assert (combined.compared_with, combined.score, combined.pairs) == ("experts", "pinball", 2)
    assert combined.difference == pytest.approx((at_90 + at_130) / 2)
    assert (adopted.compared_with, adopted.score) == ("combined", "absolute_error")
    assert adopted.difference == pytest.approx((0 - 5 + 40 - 35) / 2)


def test_an_expert_is_held_against_the_others() -> None:
    forecasts = archive(
        *(
            payload(f"{y}", f"{y}-02-01", y, "experts", point=point, expert=name)
            for y in (2020, 2021)
            for name, point in (("a", 100), ("b", 110), ("c", 130))
        )
    )
    found = {one.name: one for one in expert_values(forecasts, scored_of(forecasts, [100] * 6))}
    assert found["a"].difference == pytest.approx(0 - (10 + 30) / 2)
    assert found["c"].difference == pytest.approx(30 - (0 + 10) / 2)
    assert found["b"].n == 2


def test_the_scenario_that_came_scores_better_than_the_mixture() -> None:
    stated = [scenario("low", 0.5, 20000, 2000, 2020), scenario("high", 0.5, 60000, 5000, 2020)]
    forecasts = archive(payload("2020", "2020-02-01", 2020, "experts", scenarios=stated))
    found = {one.name: one for one in scenario_values(forecasts, scored_of(forecasts, [59000]))}
    assert found["high"].difference < 0 < found["low"].difference
    assert found["high"].others == found["low"].others


# Weight of the experts --------------------------------------------------------------------------------------


def test_the_parabola_is_the_crps_of_the_pool() -> None:
    rng = np.random.default_rng(5)
    experts, model, y = rng.normal(3, 1, 80), rng.normal(5, 2, 80), 4.2
    own, other, gain = parabola(experts, model, y)
    for w in (0.0, 0.3, 1.0):
        weights = np.concatenate([np.full(80, w), np.full(80, 1 - w)])
        pool = crps_of_draws(np.concatenate([experts, model]), y, weights)
        assert w * own + (1 - w) * other - w * (1 - w) * gain == pytest.approx(float(pool))


def test_the_lowest_point_by_hand() -> None:
    # w - (1 - w) ... : 2w + 3(1 - w) - 4w(1 - w) is lowest at 5/8; a far better side takes all.
    np.testing.assert_allclose(
        lowest(np.array([[2, 3, 4], [1, 9, 2], [9, 1, 2], [1, 2, 0]], float)), [5 / 8, 1, 0, 1]
    )


def test_the_side_that_knows_more_gets_the_weight_and_few_editions_leave_it_open() -> None:
    rng = np.random.default_rng(6)

    def weights(years: int, expert_error: float):
        made, outcomes = [], []
        for year in range(2000, 2000 + years):
            y = 40000 * np.exp(0.2 * rng.standard_normal())
            for stage, error in (("experts", expert_error), ("model", 0.25)):
                centre = float(y * np.exp(error * rng.standard_normal()))
                belief = scenario("a", 1, centre, centre * error, year)
                made.append(payload(f"{year}", f"{year}-02-01", year, stage, scenarios=[belief]))
                outcomes.append(y)
        forecasts = archive(*made)
        return best_expert_weight(forecasts, np.ones(len(made), dtype=bool), np.array(outcomes), 1)

    sure, few, many = weights(40, 0.05), weights(6, 0.25), weights(80, 0.25)
    assert sure is not None and few is not None and many is not None
    assert sure.lower95 > 0.7
    assert many.lower95 < 0.5 < many.upper95
    assert few.upper95 - few.lower95 > 1.5 * (many.upper95 - many.lower95)
    assert (sure.n, sure.editions) == (40, 40)
    assert weights(1, 0.1) is None


# Ledger and recalibration -----------------------------------------------------------------------------------


def test_late_edits_are_told_from_early_ones_with_their_direction_and_help() -> None:
    forecasts = archive(
        payload("2020", "2020-06-30", 2020, point=1), payload("2021", "2021-06-30", 2021, point=1)
    )
    edits = [
        LedgerEdit(edition="2020", made_on=day("2020-02-01"), target_year=2020, before=100, after=90),
        LedgerEdit(edition="2020", made_on=day("2020-06-20"), target_year=2020, before=90, after=120),
        LedgerEdit(edition="2021", made_on=day("2021-06-20"), target_year=2021, before=90, after=99),
        LedgerEdit(edition="2021", made_on=day("2021-06-20"), target_year=2030, before=90, after=99),
    ]
    found = {one.group: one for one in ledger_drift(edits, forecasts, {2020: 100.0, 2021: 90.0})}
    assert (found["all"].n, found["early"].n, found["late"].n) == (3, 1, 2)
    assert found["late"].mean_move == pytest.approx(np.log(120 / 90 * 1.1) / 2)
    assert found["early"].mean_help == pytest.approx(np.log(0.9))
    assert found["late"].mean_help == pytest.approx((np.log(1 / 0.9) - np.log(1.2) - np.log(1.1)) / 2)
    assert ledger_drift([], forecasts, {2020: 1.0}) == ()


def test_dispersion_is_learned_from_intervals_as_from_exact_values_and_shrunk() -> None:
    rng = np.random.default_rng(7)
    u = stats.norm.cdf(1.6 * rng.standard_normal(2000))
    exact, _ = dispersion(u, u, 2000)
    assert exact == pytest.approx(1.6, rel=0.06)
    levels = np.array([0, 0.125, 0.5, 2 / 3, 0.875, 1])
    place = np.searchsorted(levels, u) - 1
    censored, _ = dispersion(levels[place], levels[place + 1], 2000)
    assert censored == pytest.approx(exact, rel=0.1)
    assert 1 < dispersion(u[:40], u[:40], 4)[1] < dispersion(u[:40], u[:40], 4)[0]
    assert dispersion(np.array([0.0, 0.5]), np.array([0.5, 1.0]), 2) == (1.0, 1.0)
