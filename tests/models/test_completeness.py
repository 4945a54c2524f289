"""Completeness by age: figures by hand, many countries recovered, later vintages unseen, suppressed cells."""

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from models.measurement.completeness import (
    LEAST_REVISED,
    OLDEST,
    STATED,
    Completeness,
    added_noise,
    ages_at,
    learn_completeness,
    stated_noise,
    suppressed,
)
from models.panel.series import UNCERTAIN_EXTRA

START = np.datetime64("2018-01", "M")
LATER = date(2025, 1, 1)


def vintages(geo: str, values: np.ndarray) -> pd.DataFrame:
    """`values` (month, age): the figure in force some days into each month of age."""
    months, ages = np.indices(values.shape)
    known = (START + months + 1 + ages).astype("datetime64[D]") + 5
    frame = pd.DataFrame(
        {
            "geo": geo,
            "period": (START + months).ravel().astype(str),
            "value": values.ravel(),
            "known_at": known.ravel().astype(str),
        }
    )
    return frame[np.isfinite(frame["value"])]


def growing(geo: str, months: int, growth: list[float], spread: float, seed: int) -> pd.DataFrame:
    """Figures that grow by so much (log) in each month of age, give or take a spread; then they stay."""
    rng = np.random.default_rng(seed)
    steps = np.array(growth) + rng.normal(0, spread, (months, len(growth)))
    logs = np.log(50_000) + np.concatenate([np.zeros((months, 1)), np.cumsum(steps, axis=1)], axis=1)
    return vintages(geo, np.exp(np.concatenate([logs, logs[:, -1:]], axis=1)))


def test_one_country_with_the_same_growth_each_month_is_told_exactly() -> None:
    values = np.tile([100.0, 110.0, 110.0, 121.0, 121.0], (20, 1))
    found = learn_completeness(vintages("NL", values), "NL", LATER)
    assert (found.revised, found.figures) == (20, 20)
    np.testing.assert_allclose(found.mean[:5], np.log([1.21, 1.1, 1.1, 1.0, 1.0]), atol=1e-12)
    np.testing.assert_allclose(found.variance, 0, atol=1e-12)


def test_months_whose_revisions_have_only_begun_count_for_the_ages_they_reached() -> None:
    values = np.tile([100.0, 110.0, 121.0], (20, 1))
    cut = learn_completeness(vintages("NL", values), "NL", date(2019, 8, 10))
    np.testing.assert_allclose(cut.mean[:3], np.log([1.21, 1.1, 1.0]), atol=1e-12)
    assert cut.figures == 18


def test_what_is_known_later_is_not_looked_at() -> None:
    early = growing("NL", 30, [0.05, 0.02], 0.02, 1)
    later = early.assign(value=early["value"] * 3, known_at="2024-06-01")
    day = date(2021, 1, 1)
    with_later = learn_completeness(pd.concat([early, later]), "NL", day)
    np.testing.assert_array_equal(with_later.mean, learn_completeness(early, "NL", day).mean)


def test_growth_and_spread_are_recovered_and_small_countries_lean_on_the_others() -> None:
    rng = np.random.default_rng(2)
    truth = {f"G{i:02d}": 0.05 + 0.02 * rng.standard_normal() for i in range(15)}
    parts = [growing(geo, 40, [mean, 0.01], 0.02, i) for i, (geo, mean) in enumerate(truth.items())]
    parts.append(growing("XS", 2, [0.3, 0.01], 0.02, 99))
    frame = pd.concat(parts)
    for geo, mean in truth.items():
        found = learn_completeness(frame, geo, LATER)
        assert found.mean[1] == pytest.approx(0.01, abs=0.008)
        assert found.mean[0] == pytest.approx(mean + 0.01, abs=0.015)
        assert np.sqrt(found.variance[0]) == pytest.approx(0.02 * np.sqrt(2), rel=0.3)
    own = learn_completeness(parts[-1], "XS", LATER)
    assert not own.learned
    leaning, new = (learn_completeness(frame, geo, LATER) for geo in ("XS", "ZZ"))
    assert 0.1 < leaning.mean[0] < 0.3
    assert new.mean[0] == pytest.approx(0.06, abs=0.04)
    assert new.variance[0] > 1.2 * found.variance[0]


def test_the_band_covers_as_many_revisions_as_it_says() -> None:
    inside, told = 0, 0
    for seed in range(60):
        frame = growing("NL", 31, [0.04, 0.02, 0.01], 0.03, seed)
        last = frame[frame["period"] == "2020-07"]
        found = learn_completeness(frame[frame["period"] < "2020-07"], "NL", LATER)
        error = np.log(last["value"].iloc[-1] / last["value"].iloc[0]) - found.mean[0]
        inside += abs(error) < 1.15 * np.sqrt(found.variance[0])
        told += 1
    assert 0.6 < inside / told < 0.9


def test_without_revisions_the_stated_default_holds() -> None:
    settled = vintages("NL", np.full((40, 3), 100.0))
    few = vintages("NL", np.tile([100.0, 105.0], (LEAST_REVISED - 1, 1)))
    for frame in (settled, few, settled.iloc[:0]):
        assert learn_completeness(frame, "NL", LATER) is STATED
    assert not STATED.learned
    mean, variance = STATED.of(np.array([0, 5, 90]))
    assert not mean.any()
    assert not variance.any()


def test_growth_that_could_be_chance_is_no_correction() -> None:
    found = learn_completeness(growing("NL", 40, [0.0], 0.05, 3), "NL", LATER)
    assert abs(found.mean[0]) < 0.01
    assert np.sqrt(found.variance[0]) == pytest.approx(0.05, rel=0.3)


def test_ages_are_whole_months_since_the_end_of_the_month() -> None:
    periods = np.array(["2020-01", "2020-02", "2020-03", "2020-04"], dtype="datetime64[M]")
    np.testing.assert_array_equal(ages_at(periods, date(2020, 4, 2)), [2, 1, 0, 0])
    law = Completeness(np.arange(OLDEST + 1) / 100.0, np.ones(OLDEST + 1), 20, 20)
    np.testing.assert_allclose(law.of(np.array([2, OLDEST, OLDEST + 40]))[0], [0.02, 0.24, 0.24])


def test_a_suppressed_cell_is_worth_what_one_to_four_persons_are() -> None:
    mean, variance = suppressed(np.array([0.0, 1.0, 50.0]))
    np.testing.assert_allclose(mean, [0, 48 / 25, 96])
    np.testing.assert_allclose(variance, np.array([0, 1, 50]) * (4.8 - (48 / 25) ** 2))


def test_the_stated_default_is_the_panels_constant_in_the_panels_unit() -> None:
    counts = np.array([900.0, 1100.0, np.nan, 1000.0, 20.0])
    extra = added_noise(stated_noise(counts), counts)
    np.testing.assert_allclose(extra, UNCERTAIN_EXTRA * np.isfinite(counts))
    assert added_noise(np.array([0.01]), np.array([1e6]))[0] == pytest.approx(0.01 / 0.19**2, rel=1e-3)


def test_real_suppressed_cells_held_what_the_law_says(shared_data: Path) -> None:
    frame = pd.read_parquet(shared_data / "unhcr_monthly_vintages_by_host.parquet")
    months = ["2016-01", "2016-02", "2016-04", "2016-05", "2016-06", "2016-07", "2016-08", "2016-11"]
    here = frame[(frame["geo"] == "NL") & frame["month"].isin(months)]
    before = here[here["vintage"] == "2017-05-17"].set_index("month")
    after = here[here["vintage"] == "2017-08-09"].set_index("month")
    assert not before["suppressed_cells"].any()
    cells = after["suppressed_cells"].sum()
    hidden = (before["sum_known"] - after["sum_known"]).sum()
    mean, variance = suppressed(np.array([float(cells)]))
    assert abs(hidden - mean[0]) < 3 * np.sqrt(variance[0])


def test_the_band_learned_from_real_vintages_covers_later_revisions(shared_data: Path) -> None:
    frame = pd.read_parquet(shared_data / "unhcr_monthly_vintages_by_host.parquet")
    frame = frame[frame["vintage"] > "2015-09-30"]
    value = frame["sum_known"] + suppressed(frame["suppressed_cells"].to_numpy(dtype=float))[0]
    large = value.groupby(frame["geo"]).transform("median") > 50
    rows = pd.DataFrame(
        {"geo": frame["geo"], "period": frame["month"], "value": value, "known_at": frame["vintage"]}
    )[large]
    day = date(2016, 12, 31)
    early = rows[rows["known_at"] <= day.isoformat()]
    first = early[early["period"] >= "2016-01"].groupby(["geo", "period"])["value"].last()
    last = rows.groupby(["geo", "period"])["value"].last()
    laws = {geo: learn_completeness(rows, geo, day) for geo in rows["geo"].unique()}
    inside = []
    for (geo, period), value in first.items():
        mean, variance = laws[geo].of(ages_at(np.array([period], dtype="datetime64[M]"), day))
        error = np.log(last[geo, period] / value) - mean[0]
        inside.append(abs(error) < 1.96 * np.sqrt(variance[0]))
    assert len(inside) > 150
    assert 0.8 < np.mean(inside) <= 0.99


def test_what_the_ind_restated_of_its_published_months_is_learned(shared_data: Path) -> None:
    """Every restated month left out in turn: seventeen of them, which the law of the others must cover."""
    published = pd.read_csv(shared_data / "nl_monthly_first_applications_published_vintages.csv")
    ind = published[published["publisher"] == "IND"]
    known = pd.PeriodIndex(ind["published"], freq="M").to_timestamp() + pd.offsets.MonthEnd(0)
    rows = pd.DataFrame({"geo": "NL", "period": ind["month"], "value": ind["persons"], "known_at": known})
    rows = rows.sort_values("known_at", kind="stable")
    errors = []
    for month, own in rows.groupby("period"):
        if len(own) > 1:
            law = learn_completeness(rows[rows["period"] != month], "NL", LATER.replace(year=2026))
            assert law.learned
            age = ages_at(np.array([month], dtype="datetime64[M]"), own["known_at"].iloc[0].date())
            mean, variance = law.of(age)
            assert 0.002 < np.sqrt(variance[0]) < 0.006, "four persons in a thousand"
            errors.append(
                (np.log(own["value"].iloc[-1] / own["value"].iloc[0]) - mean[0]) / np.sqrt(variance[0])
            )
    assert len(errors) == 17
    assert np.mean(np.abs(errors) < 1.15) == pytest.approx(14 / 17)
    # April 2020 and the two months of late 2022 moved by more than any before: bulk corrections, three of 17.
    assert np.mean(np.abs(errors) < 1.96) == pytest.approx(14 / 17)
