"""Baselines and their scores in cases worked by hand, and the backtest on real decisions."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm

from models.acceptance.backtest import BASELINES, LAST_VALUE, QUARTERLY, cases, recorded, run, score_model
from models.acceptance.baselines import (
    Spread,
    binomial_trend,
    fitted_spread,
    last_value,
    log_odds,
    recent_mean,
)
from models.acceptance.data import AcceptanceData
from models.acceptance.hosts import ROUNDED_BELOW, hosts, read_quarterly_totals, read_unhcr_decisions
from models.acceptance.plugin import predictive, typical_population
from tests.models.acceptance.made_up_decisions import table


def test_log_odds_by_hand() -> None:
    np.testing.assert_allclose(log_odds([0, 5], [10, 10]), [np.log(0.5 / 10.5), 0.0])
    positive, total = np.array([3.0, 9.0, 0.0]), np.array([6.0, 9.0, 0.0])
    assert last_value(positive, total) == pytest.approx(np.log(9.5 / 0.5))
    assert recent_mean(positive, total, 3) == pytest.approx(np.log(9.5 / 0.5) / 2)
    assert np.isnan(last_value(np.zeros(2), np.zeros(2)))


def test_a_trend_continues_and_a_level_stays() -> None:
    total = np.full(5, 100_000.0)
    odds = np.array([-1.0, -0.8, -0.6, -0.4, -0.2])
    positive = total / (1 + np.exp(-odds))
    assert binomial_trend(positive, total, 5) == pytest.approx(0.0, abs=0.01)
    assert binomial_trend(np.full(5, 25_000.0), total, 5) == pytest.approx(np.log(1 / 3), abs=0.01)


def test_a_spread_is_recovered_and_its_counts_add_up() -> None:
    errors = 0.7 * np.random.default_rng(1).standard_t(5, 8_000)
    found = fitted_spread(errors)
    assert found.scale == pytest.approx(0.7, rel=0.05)
    assert 3.8 < found.nu < 7
    with pytest.raises(ValueError, match="three"):
        fitted_spread(errors[:2])
    counts = np.arange(21.0)
    logs = Spread(0.8, 4.0).log_probability(np.full(21, 0.3), counts, np.full(21, 20.0))
    assert np.exp(logs).sum() == pytest.approx(1.0)


def test_an_outcome_is_all_counts_that_are_recorded_alike() -> None:
    positive = np.array([0.0, 5.0, 10.0, 12.0, 40.0, 20.0, 7.0])
    total = np.array([30.0, 40.0, 40.0, 40.0, 45.0, 20.0, 30.0])
    least, most = recorded(positive, total, rounded_below=10.0)
    np.testing.assert_array_equal(least, [0, 3, 8, 12, 38, 18, 7])
    np.testing.assert_array_equal(most, [2, 7, 10, 12, 42, 20, 7])
    for ends in recorded(positive, total):
        np.testing.assert_array_equal(ends, positive)


def test_the_source_records_no_small_count_but_multiples_of_five(shared_data: Path) -> None:
    rows = read_unhcr_decisions(shared_data / "unhcr_decisions_yearly.csv")
    few = rows["positive"][rows["positive"] < ROUNDED_BELOW]
    assert len(few) > 10_000
    assert set(few) == {0, 5}


def test_every_quarter_between_may_be_turbulent_by_itself() -> None:
    """Four quarters ahead the parts are those of drawing the four steps one after the other."""
    rng = np.random.default_rng(5)
    data = table(np.full((12, 1), 400.0), np.full((12, 1), 1_000.0))
    population = typical_population()
    v, pull = population.values, population.values["pull"]
    one, four = (predictive(data, population, periods_ahead=ahead) for ahead in (1, 4))
    np.testing.assert_allclose(four.weights.sum(), 1.0)
    assert one.variances.shape == (2, 1)
    assert four.shock == pytest.approx(2 * one.shock)
    drift = (one.variances[1, 0] - one.variances[0, 0]) / (v["turbulent_factor"] ** 2 - 1)
    state = (one.variances[0, 0] - drift) / np.exp(-2 * pull / 4)
    z = np.sqrt(state) * rng.standard_normal(400_000)
    for _ in range(4):
        factor = np.where(rng.random(len(z)) < v["turbulent_share"], v["turbulent_factor"], 1.0)
        z = z * np.exp(-pull / 4) + np.sqrt(drift) * factor * rng.standard_normal(len(z))
    parts = np.sqrt(four.variances[:, 0])
    for level in (0.125, 0.025):
        below = (four.weights * norm.cdf(np.quantile(z, level) / parts)).sum()
        assert below == pytest.approx(level, abs=0.004)


@pytest.fixture(scope="module")
def countries(shared_data: Path) -> dict[str, AcceptanceData]:
    rows = read_unhcr_decisions(shared_data / "unhcr_decisions_yearly.csv")
    kept = rows[rows["geo"].isin(["NLD", "BEL", "SWE", "NOR", "CHE", "DNK"])]
    return dict(hosts(kept))


def test_the_model_beats_the_last_value_where_decisions_are_few(
    countries: dict[str, AcceptanceData],
) -> None:
    scores = run(countries, typical_population(), ["2015", "2018", "2021", "2023"])
    scores = scores[scores["total"] >= 20]
    means = scores.groupby("method")["crps"].mean()
    assert means["model"] / means[LAST_VALUE] < 1.0
    few = scores[scores["last_total"] < 50].groupby("method")["crps"].mean()
    assert few["model"] / few[LAST_VALUE] < 0.95
    held = scores[scores["method"] == "model"]["pit"].between(0.125, 0.875).mean()
    assert 0.68 < held < 0.84
    assert set(means.index) == {*BASELINES, "model"}


def test_nothing_after_the_origin_reaches_a_forecast(countries: dict[str, AcceptanceData]) -> None:
    data = countries["NLD"]
    cut = data.periods.index("2018")
    hidden = replace(data, positive=data.positive.copy(), elsewhere=data.elsewhere.copy())
    hidden.positive[cut + 2 :] = 0.0
    hidden.elsewhere[cut + 2 :] = 0.0
    table = cases({"NLD": data})
    population = typical_population()
    scored = [score_model(table, {"NLD": one}, population, "2018", 1)["crps"] for one in (data, hidden)]
    np.testing.assert_array_equal(*scored)


def test_whole_countries_are_scored_one_year_of_quarters_ahead(shared_data: Path) -> None:
    every = read_quarterly_totals(shared_data / "eurostat_first_instance_decisions_quarterly.csv")
    assert len(every) > 20
    few = {geo: every[geo] for geo in ("NL", "DE", "BE")}
    assert few["NL"].years == 0.25
    found = run(few, typical_population(), ["2014-Q1", "2014-Q2"], ahead=4, baselines=QUARTERLY)
    assert set(found["method"]) == {*QUARTERLY, "model"}
    assert set(found["target"]) == {"2015-Q1", "2015-Q2"}
    assert np.isfinite(found[["crps", "log_score"]]).all(axis=None)
    assert found["pit"].between(0, 1).all()
