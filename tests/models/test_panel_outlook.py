"""What a panel's end says of the months after it: growth of the others, a way back, and the scale to come."""

from dataclasses import replace

import numpy as np
import pytest

from models.inflow_paths import InflowParameters, filter_states
from models.panel.outlook import DEFAULT_OUTLOOK, NO_OUTLOOK, Outlook, OutlookPrior, outlook_of
from models.panel.series import PanelSeries
from tests.models.made_up_panel import START, geo_names

PRIOR = OutlookPrior(pull=0.5, damping=0.9, scale_spread=0.3, reversion=0.4, source="test")


def panel(growths: list[float], sizes: list[float] | None = None) -> PanelSeries:
    """Two years of a country each, the second e^growth times the first; mean counts are `sizes`, else 200 each."""
    shapes = np.exp(np.repeat([[0.0], [1.0]], 12, axis=0) * np.array(growths))
    return sized(shapes, sizes)


def moved(steps: list[float], sizes: list[float] | None = None) -> PanelSeries:
    """Sixty months of a country each, the last six e^step times the others."""
    return sized(np.exp(np.repeat([[0.0], [1.0]], [54, 6], axis=0) * np.array(steps)), sizes)


def sized(shapes: np.ndarray, sizes: list[float] | None) -> PanelSeries:
    means = np.full(shapes.shape[1], 200.0) if sizes is None else np.array(sizes)
    counts = shapes * means / shapes.mean(axis=0)
    return PanelSeries(START + np.arange(len(counts)), counts, geo_names(counts.shape[1]))


def parameters(draws: int, size: float = 150.0) -> InflowParameters:
    one = np.ones(draws)
    plain = InflowParameters(0.7 * one, 0.2 * one, 4 * one, 5 * one, np.zeros((draws, 12)), 5 * one)
    return replace(plain, usual_size=np.full(1, np.log(size)))


def test_a_country_is_expected_to_grow_as_the_others_did_and_not_as_it_did_itself() -> None:
    outlook = outlook_of(panel([0.0, 0.1, 0.2, 0.3, 0.4, 2.0]), PRIOR)
    assert outlook.growth["G05"] == pytest.approx(0.2)
    assert outlook.growth["G00"] == pytest.approx((0.1 + 0.2 + 0.3 + 0.4 + 2.0) / 5)
    assert outlook.elsewhere == pytest.approx(0.5)
    applied = outlook.applied("G05", parameters(3), seed=1)
    np.testing.assert_allclose(applied.growth, 0.5 * 0.2)
    np.testing.assert_allclose(applied.growth_damping, 0.9)
    np.testing.assert_array_equal(applied.growth_after, float((START + 23).astype(int)))
    np.testing.assert_allclose(outlook.applied("XX", parameters(3), seed=1).growth, 0.5 * 0.5)


def test_growth_of_large_countries_counts_by_the_root_of_their_size() -> None:
    outlook = outlook_of(panel([0.0, 0.0, 0.0, 0.0, 0.0, 0.7], [100, 100, 100, 100, 100, 900]), PRIOR)
    assert outlook.growth["G00"] == pytest.approx(0.7 * 3 / (4 + 3))
    assert outlook.growth["G05"] == pytest.approx(0)
    assert outlook.elsewhere == pytest.approx(0.7 * 3 / (5 + 3))


def test_a_small_country_off_its_usual_share_slowly_returns_and_a_large_one_hardly() -> None:
    outlook = outlook_of(moved([1.0, 0.2, 0.2, 0.2, 0.2, 0.2]), PRIOR)
    assert outlook.deviation["G00"] == pytest.approx((1.0 - 0.2) * 54 / 60)
    assert outlook.deviation["G01"] == pytest.approx((0.2 - (4 * 0.2 + 1.0) / 5) * 54 / 60)
    for size, share in ((0.1, 1.0), (150, 0.5), (1500, 1 / 101)):
        applied = outlook.applied("G00", parameters(2, size), seed=1)
        np.testing.assert_allclose(applied.slow_growth, -0.4 * share * 0.72, rtol=1e-5)
        np.testing.assert_allclose(applied.slow_damping, 0.97)
    np.testing.assert_array_equal(outlook.applied("XX", parameters(2), seed=1).slow_growth, 0)


def test_what_all_of_europe_does_is_no_deviation() -> None:
    deviation = outlook_of(moved([0.6] * 7), PRIOR).deviation
    np.testing.assert_allclose(list(deviation.values()), 0, atol=1e-12)


def test_nothing_is_usual_for_a_country_without_years_since_its_restart() -> None:
    whole = moved([1.0, 0.2, 0.2, 0.2, 0.2, 0.2])
    restarted = replace(whole, restarts=frozenset({("G00", START + 30)}))
    assert outlook_of(restarted, PRIOR).deviation["G00"] == 0
    early = replace(whole, restarts=frozenset({("G00", START + 10)}))
    assert outlook_of(early, PRIOR).deviation["G00"] == pytest.approx(44 / 50 - 0.2 * 54 / 60)
    assert set(outlook_of(whole.until(START + 34), PRIOR).deviation.values()) == {0.0}
    silent = whole.counts.copy()
    silent[-6:, 0] = np.nan
    assert outlook_of(replace(whole, counts=silent), PRIOR).deviation["G00"] == 0


def test_few_countries_missing_years_and_changed_definitions_say_nothing() -> None:
    few = outlook_of(panel([0.3] * 4), PRIOR)
    assert (set(few.growth.values()), few.elsewhere) == ({0.0}, 0.0)
    assert set(outlook_of(panel([0.3] * 5), PRIOR).growth.values()) == {0.0}
    assert set(outlook_of(moved([0.9, 0.3, 0.3, 0.3, 0.3]), PRIOR).deviation.values()) == {0.0}
    whole = panel([0.3] * 6)
    assert outlook_of(whole, PRIOR).growth["G00"] == pytest.approx(0.3)
    assert outlook_of(whole.until(START + 13), PRIOR).growth["G00"] == 0
    restarted = replace(whole, restarts=frozenset({("G03", START + 12)}))
    assert outlook_of(restarted, PRIOR).growth["G00"] == 0
    assert outlook_of(restarted, PRIOR).growth["G03"] == pytest.approx(0.3)
    counts = whole.counts.copy()
    counts[-3:, 2] = np.nan
    assert outlook_of(replace(whole, counts=counts), PRIOR).growth["G02"] == pytest.approx(0.3)
    counts[:, 2] = np.nan
    assert outlook_of(replace(whole, counts=counts), PRIOR).growth["G02"] == pytest.approx(0.3)
    with pytest.raises(ValueError, match="without months"):
        outlook_of(whole.until(START - 1), PRIOR)


def test_a_change_in_a_later_month_reaches_only_the_months_after_it() -> None:
    data = panel([0.3] * 6)
    own = outlook_of(data, PRIOR).applied("G00", parameters(2), seed=1)
    none = replace(own, growth=np.zeros(1), slow_growth=np.zeros(1))
    np.testing.assert_array_equal(
        filter_states(own, data.one("G00")).level, filter_states(none, data.one("G00")).level
    )


def test_the_coming_years_differ_in_scale_as_stated_and_the_same_way_every_time() -> None:
    outlook = outlook_of(panel([0.0] * 6), PRIOR)
    ratio = np.log(outlook.applied("G01", parameters(20_000), seed=4).sigma / 0.2)
    assert ratio.std() == pytest.approx(0.3, rel=0.03)
    assert ratio.mean() == pytest.approx(0, abs=0.01)
    again = outlook.applied("G01", parameters(20_000), seed=4).sigma
    np.testing.assert_array_equal(np.log(again / 0.2), ratio)
    assert not np.array_equal(outlook.applied("G02", parameters(20_000), seed=4).sigma, again)


def test_without_an_outlook_parameters_stay_as_they_are() -> None:
    for outlook in (
        Outlook(),
        outlook_of(panel([0.5] * 6), NO_OUTLOOK),
        outlook_of(moved([1.0, 0, 0, 0, 0, 0]), NO_OUTLOOK),
    ):
        applied = outlook.applied("G00", parameters(4), seed=1)
        np.testing.assert_array_equal(applied.sigma, 0.2)
        np.testing.assert_array_equal(applied.growth, 0)
        np.testing.assert_array_equal(applied.slow_growth, 0)
    assert DEFAULT_OUTLOOK.pull > 0 and DEFAULT_OUTLOOK.reversion > 0
