"""The monitor against cases worked out by hand, and against its own promise about false alarms."""

import numpy as np
import pytest

from models.monitor import monitor, move_to_figures

MONTHS = ("2024-01", "2024-02", "2024-03")


def test_a_month_is_compared_with_its_draws() -> None:
    draws = np.array([[100, 80, 50], [100, 100, 50], [100, 100, 50], [100, 140, 50]])
    found = monitor(MONTHS, draws, 1, {"2024-01": 104.0, "2024-02": 120.0})
    known, predicted = found.rows
    assert (known.predicted, known.percentile, known.trigger) == (False, None, False)
    assert known.deviation == pytest.approx(0.04)
    assert (predicted.forecast_median, predicted.percentile) == (100.0, 0.75)
    assert predicted.deviation == pytest.approx(0.2)
    assert predicted.trigger
    assert predicted.false_alarm_probability == 0.5  # 80 and 140 of the four lie more than 15% off
    held = found.year_to_date
    assert held is not None
    assert (held.realised, held.forecast_median, found.months_to_date) == (224.0, 200.0, 2)
    assert held.percentile == 0.75  # sums 180, 200, 200, 240
    assert held.false_alarm_probability == 0.25
    assert found.any_false_alarm_probability == 0.5


def test_a_figure_equal_to_draws_lies_in_the_middle_of_them() -> None:
    found = monitor(MONTHS[:1], np.array([[1], [2], [2], [3]]), 0, {"2024-01": 2.0})
    assert found.rows[0].percentile == 0.5


def test_a_gap_ends_the_year_to_date() -> None:
    found = monitor(MONTHS, np.full((4, 3), 10), 0, {"2024-01": 10.0, "2024-03": 10.0})
    assert (found.months_to_date, [row.period for row in found.rows]) == (1, ["2024-01", "2024-03"])


def test_nothing_counted_and_a_median_of_zero_are_no_errors() -> None:
    assert monitor(MONTHS, np.ones((4, 3)), 0, {}).year_to_date is None
    found = monitor(MONTHS[:1], np.zeros((4, 1)), 0, {"2024-01": 3.0}).rows[0]
    assert (found.deviation, found.trigger, found.false_alarm_probability) == (None, False, 0.0)


def test_triggers_fire_as_often_as_was_said_when_the_forecast_is_right() -> None:
    rng = np.random.default_rng(4)
    draws = np.exp(rng.normal(7.0, 0.2, (4_000, 3)))
    outcomes = np.exp(rng.normal(7.0, 0.2, (2_000, 3)))
    found = [monitor(MONTHS, draws, 0, dict(zip(MONTHS, y, strict=True))) for y in outcomes[:300]]
    fired = np.mean([[row.trigger for row in one.rows] for one in found])
    said = found[0].rows[0].false_alarm_probability
    assert abs(fired - said) < 4 * np.sqrt(said * (1 - said) / 900)
    any_fired = np.mean([any(row.trigger for row in one.rows) for one in found])
    assert abs(any_fired - found[0].any_false_alarm_probability) < 4 * np.sqrt(0.25 / 300)
    ranks = np.sort([row.percentile or 0.0 for one in found for row in one.rows])
    assert np.abs(ranks - (np.arange(900) + 0.5) / 900).max() < 1.63 / 30  # Kolmogorov, 1%


def test_draws_moved_to_figures_have_those_quantiles_and_keep_what_was_counted() -> None:
    rng = np.random.default_rng(5)
    draws = np.column_stack([np.full(20_000, 500.0), np.exp(rng.normal(7, 0.3, (20_000, 2)))])
    levels = (0.125, 0.5, 2 / 3, 0.875)
    own = {2024: np.quantile(draws.sum(axis=1), levels).tolist()}
    wanted = {2024: [own[2024][0], own[2024][1] + 100, own[2024][2] + 150, own[2024][3] + 900]}
    moved = move_to_figures(MONTHS, draws, 1, own, wanted)
    np.testing.assert_allclose(np.quantile(moved.sum(axis=1), levels), wanted[2024], rtol=1e-3)
    np.testing.assert_array_equal(moved[:, 0], draws[:, 0])
    np.testing.assert_allclose(moved[:, 1] / moved[:, 2], draws[:, 1] / draws[:, 2])
    np.testing.assert_array_equal(move_to_figures(MONTHS, draws, 1, own, own), draws)
