"""The model's own draws: months and totals that belong together, and when it is fitted again."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest

from models import model_draws
from models.evidence_fit import fit_evidence
from models.forecast_checks import TargetData
from models.model_draws import ModelFit, fit_model, simulate_model
from models.panel.series import PanelSeries
from models.sampling import Progress
from tests.models.made_up import ALPHA, CUTOFF, SEASON, fit, in_autumn, known, made_up_series


@pytest.fixture(autouse=True)
def few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_draws, "AT_CUTOFF_DRAWS", 30_000)
    monkeypatch.setattr(model_draws, "CONTINUED_DRAWS", 8_000)


def autumn() -> TargetData:
    return known(CUTOFF, date(2018, 10, 20))


def test_totals_are_the_months_and_what_is_counted() -> None:
    data = autumn()
    drawn, o = simulate_model(data, fit(), 3), data.observation
    assert drawn.totals_at_cutoff.shape == (30_000, 3)
    assert drawn.log_at_cutoff.shape == (20_000, 31)
    assert drawn.log_paths.shape == (8_000, 27)
    at_cutoff, months = drawn.totals_at_cutoff[:20_000], np.exp(drawn.log_at_cutoff)
    np.testing.assert_allclose(at_cutoff[:, 0], o.counted_at_cutoff[0] + months[:, :7].sum(axis=1))
    np.testing.assert_allclose(at_cutoff[:, 2], months[:, 19:].sum(axis=1))
    later = np.exp(drawn.log_paths)
    np.testing.assert_allclose(drawn.totals[:, 0], o.counted[0] + later[:, :3].sum(axis=1))
    np.testing.assert_allclose(drawn.totals[:, 1], later[:, 3:15].sum(axis=1))


def test_same_seed_same_draws_and_another_seed_others() -> None:
    one, same, other = (simulate_model(autumn(), fit(), seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(one.totals, same.totals)
    assert not np.array_equal(one.totals, other.totals)


def test_the_summary_is_that_of_a_typical_draw() -> None:
    smoothing = simulate_model(autumn(), fit(), 3).smoothing
    assert smoothing.alpha == pytest.approx(ALPHA, abs=0.02)
    np.testing.assert_allclose(smoothing.season, SEASON, atol=0.005)


def test_what_came_later_moves_the_continued_draws_only() -> None:
    series = made_up_series()
    counts = series.counts.copy()
    counts[series.months >= np.datetime64("2018-06")] *= 2
    plain = simulate_model(autumn(), fit(), 3)
    doubled = simulate_model(
        known(CUTOFF, date(2018, 10, 20), series=replace(series, counts=counts)), fit(), 3
    )
    np.testing.assert_array_equal(plain.totals_at_cutoff, doubled.totals_at_cutoff)
    ratio = np.median(doubled.totals[:, 1]) / np.median(plain.totals[:, 1])
    assert ratio == pytest.approx(2, rel=0.1)


def test_nothing_to_come_is_no_path_and_the_count() -> None:
    data = known(CUTOFF, date(2021, 2, 20))
    drawn = simulate_model(data, fit(), 3)
    assert drawn.log_paths.shape == (8_000, 0)
    assert (drawn.totals == data.observation.counted).all()


class TestFittingAgain:
    @pytest.fixture
    def fitted(self, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
        """Months each fit was given; what it says of the target is made up."""
        seen: list[Any] = []

        def record(panel: PanelSeries, seed: int, progress: Progress) -> Any:
            seen.append(str(panel.months[-1]))
            return None

        monkeypatch.setattr(model_draws, "_of_target", lambda fitted, data: fit().at_cutoff)
        self.fitter = record
        return seen

    def test_not_without_later_months(self, fitted: list[Any]) -> None:
        made = fit_model(known(CUTOFF, CUTOFF), 1, lambda share: None, self.fitter)
        assert fitted == ["2018-05"]
        assert made.continued is None
        assert made.last is made.at_cutoff

    def test_only_where_the_later_months_matter(
        self, fitted: list[Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(model_draws, "_MIN_EFFECTIVE_HYPERPARAMETERS", 50.0)
        assert fit_model(autumn(), 1, lambda share: None, self.fitter).continued is None
        monkeypatch.setattr(model_draws, "_MIN_EFFECTIVE_HYPERPARAMETERS", 1e9)
        made = fit_model(autumn(), 1, lambda share: None, self.fitter)
        assert made.last is made.continued
        assert fitted == ["2018-05", "2018-05", "2018-09"]

    def test_a_refit_is_not_weighed_once_more(self) -> None:
        data, one = autumn(), fit()
        again = ModelFit(one.at_cutoff, one.at_cutoff)
        weighed, equal = simulate_model(data, one, 3), simulate_model(data, again, 3)
        assert not np.array_equal(weighed.totals, equal.totals)
        np.testing.assert_allclose(
            np.quantile(weighed.totals, 0.5, axis=0), np.quantile(equal.totals, 0.5, axis=0), rtol=0.05
        )


def test_kept_paths_are_enough_for_conflict_and_path_rules() -> None:
    assert len(in_autumn().model.log_at_cutoff) == 20_000


def test_a_provisional_later_month_is_noisier_in_what_is_weighed_and_nowhere_else() -> None:
    data = autumn()
    extra = np.where(data.at_as_of.months == np.datetime64("2018-09"), 0.25, 0.0)
    unsettled = replace(data, at_as_of=replace(data.at_as_of, extra=extra))
    settled, drawn = (simulate_model(d, fit(), 3) for d in (data, unsettled))
    moved = drawn.log_at_cutoff - settled.log_at_cutoff
    assert np.flatnonzero(np.ptp(moved, axis=0) > 1e-12).tolist() == [3]  # June is the first later month
    # A quarter of a typical one-step variance at this size: .19 squared and 7.7 persons in as many as there are.
    size = np.exp(np.log(data.continued.counts[-12:]).mean())
    assert moved[:, 3].std() == pytest.approx(np.sqrt(0.25 * (0.19**2 + 7.7 / size)), rel=0.03)
    assert abs(moved[:, 3].mean()) < 0.002


def test_months_that_may_be_revised_move_experts_less_than_settled_ones() -> None:
    series, flags = made_up_series(), {}
    doubled = replace(
        series, counts=np.where(series.months >= np.datetime64("2018-06"), 2, 1) * series.counts
    )
    for name, extra in (("settled", 0.0), ("unsettled", 1.0)):
        data = known(CUTOFF, date(2018, 10, 20), series=doubled)
        noise = np.where(data.at_as_of.months >= np.datetime64("2018-06"), extra, 0.0)
        data = replace(data, at_as_of=replace(data.at_as_of, extra=noise))
        model = simulate_model(data, fit(), 3)
        evidence = fit_evidence(model.log_at_cutoff, data.observation, model.smoothing, 3)
        low, high = (
            data.observation.counted + np.array([to_come, to_come, to_come]) for to_come in (8e3, 2e4)
        )
        flags[name] = float(np.diff(evidence.log_evidence(np.stack([low, high])))[0])
    assert 0 < flags["unsettled"] < flags["settled"]
