"""A whole forecast without its sampler: odd calendars, odd series, odd experts, and what is refused."""

from __future__ import annotations

import warnings
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from models import forecast as forecast_module
from models import model_draws
from models.forecast import Forecast, base_normals, run_forecast
from models.joint import JointDraws
from models.posterior import Posterior
from models.request import ForecastRefused, ForecastRequest
from models.sampling import SamplerDiagnostics
from models.series import MonthlySeries
from priors.scenario import ScenarioSet
from tests.models.made_up import CUTOFF, TARGET, fit, made_up_series, rows, scenarios

Array = NDArray[np.float64]

LEVELS = (0.125, 0.5, 2 / 3, 0.875)
AUTUMN = date(2018, 10, 20)
SET = scenarios({"low": 0.6, "high": 0.4}, {"low": 42_000.0, "high": 60_000.0})


@pytest.fixture(autouse=True)
def without_sampler(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hyperparameters as made up, and a fifth of the draws."""
    monkeypatch.setattr(forecast_module, "fit_model", lambda data, seed, report, fitter: fit())
    monkeypatch.setattr(forecast_module, "DRAWS", 20_000)
    monkeypatch.setattr(model_draws, "AT_CUTOFF_DRAWS", 30_000)
    monkeypatch.setattr(model_draws, "CONTINUED_DRAWS", 20_000)


def request(**changed: Any) -> ForecastRequest:
    return replace(ForecastRequest(TARGET, SET, CUTOFF, AUTUMN, 1.0, 3, "weighted", 7), **changed)


def ran(frame: pd.DataFrame | None = None, **changed: Any) -> Forecast:
    return run_forecast(request(**changed), rows(made_up_series()) if frame is None else frame)


def with_events(count: int) -> ScenarioSet:
    """The two scenarios with independent events."""
    years = {"2019": {"expected": 1_000.0, "spread": 300.0}}
    stated = [{"key": f"e{i}", "probability": 0.2, "years": years} for i in range(count)]
    return scenarios({"low": 0.6, "high": 0.4}, {"low": 42_000.0, "high": 60_000.0}, events=stated)


def sound(found: Forecast) -> None:
    """Every answer is a number, and paths add up."""
    layer, o = found.posterior.layer, found.evidence.observation
    for answer in (layer.quantiles(LEVELS), layer.mean(), layer.sd(), found.posterior.probabilities):
        assert np.isfinite(answer).all()
    assert (np.diff(layer.quantiles(LEVELS), axis=0) >= 0).all()
    assert (layer.quantiles((0.0,))[0] >= o.counted - 1e-6).all()
    assert found.paths.min(initial=0) >= 0
    assert found.paths.shape == (20_000, len(o.future_months))


class TestCalendars:
    @pytest.mark.parametrize("horizon_years", [1, 2, 5])
    def test_every_horizon(self, horizon_years: int) -> None:
        found = ran(horizon_years=horizon_years)
        assert len(found.evidence.observation.years) == horizon_years
        sound(found)

    @pytest.mark.parametrize(
        "as_of",
        [
            CUTOFF,
            date(2018, 7, 20),
            date(2019, 1, 20),
            date(2019, 2, 20),
            date(2020, 6, 20),
            date(2021, 6, 1),
        ],
    )
    def test_every_day_after_the_cutoff(self, as_of: date) -> None:
        found = ran(as_of=as_of, expert_weight=0.8)
        sound(found)
        if as_of == date(2021, 6, 1):
            np.testing.assert_array_equal(
                found.posterior.layer.quantiles(LEVELS), np.tile(found.evidence.observation.counted, (4, 1))
            )

    def test_one_year_that_is_complete(self) -> None:
        found = ran(as_of=date(2019, 6, 1), horizon_years=1)
        sound(found)
        assert found.paths.shape == (20_000, 0)

    def test_a_cutoff_in_january(self) -> None:
        january = date(2019, 1, 10)
        moved = SET.model_copy(update={"cutoff": january})
        sound(ran(cutoff=january, as_of=date(2019, 3, 20), scenario_set=moved))


class TestSeries:
    def test_a_small_country_with_zeros(self) -> None:
        months = np.arange(np.datetime64("2010-01"), np.datetime64("2018-10"))
        counts = 5.0 * np.random.default_rng(1).poisson(0.8, len(months))
        counts[-4:] = 0.0
        small = scenarios({"low": 0.6, "high": 0.4}, {"low": 45.0, "high": 90.0})
        for as_of in (CUTOFF, date(2018, 7, 20), AUTUMN):
            sound(ran(rows(MonthlySeries(months, counts)), scenario_set=small, as_of=as_of))

    def test_a_year_without_anybody(self) -> None:
        months = np.arange(np.datetime64("2014-01"), np.datetime64("2019-05"))
        counts = np.full(len(months), 10.0)
        counts[months >= np.datetime64("2018-01")] = 0.0
        small = scenarios({"low": 0.6, "high": 0.4}, {"low": 45.0, "high": 90.0})
        found = ran(
            rows(MonthlySeries(months, counts)),
            scenario_set=small,
            as_of=date(2019, 5, 20),
            expert_weight=0.5,
        )
        sound(found)
        assert found.posterior.layer.quantiles(LEVELS)[:, 0].tolist() == [0.0] * 4

    @pytest.mark.parametrize("factor", [0.7, 1.3])
    def test_revised_months_before_the_cutoff(self, factor: float) -> None:
        frame = rows(made_up_series())
        before = frame[frame["period"].isin(["2018-02", "2018-03"])]
        revised = before.assign(
            value=(before["value"] * factor).round().astype("Int64"), known_at=pd.Timestamp("2018-09-01")
        )
        found = ran(pd.concat([frame, revised], ignore_index=True))
        sound(found)
        change = found.evidence.observation.counted_at_cutoff[0] - found.data.counted_when_stated
        assert np.sign(change) == np.sign(factor - 1)

    def test_months_ten_times_what_anybody_expected(self) -> None:
        series = made_up_series()
        counts = series.counts.copy()
        counts[series.months >= np.datetime64("2018-06")] *= 10
        found = ran(rows(replace(series, counts=counts)), scenario_set=None)
        sound(found)


class TestExperts:
    def test_none(self) -> None:
        found = ran(scenario_set=None)
        assert found.posterior.keys == ("model",)
        assert found.density is None
        sound(found)

    def test_nothing_stated_inside_the_horizon(self) -> None:
        far = SET.scenarios[0].years[2018]
        beyond = tuple(s.model_copy(update={"years": {2025: far}}) for s in SET.scenarios)
        found = ran(scenario_set=SET.model_copy(update={"scenarios": beyond}))
        sound(found)
        np.testing.assert_allclose(found.posterior.probabilities, [0.6, 0.4], atol=1e-9)

    def test_all_ruled_out_is_refused(self) -> None:
        level = 0.96 * float(made_up_series().counts[96:105].sum())
        bounded = SET.scenarios[0].model_copy(
            update={
                "probability": 1.0,
                "family": "triangular",
                "years": {
                    2018: SET.scenarios[0].years[2018].model_copy(update={"expected": level, "spread": 300.0})
                },
            }
        )
        with pytest.raises(ForecastRefused, match="no scenario leaves any chance") as caught:
            ran(scenario_set=SET.model_copy(update={"scenarios": (bounded,)}))
        assert caught.value.field == "scenarioSet"

    def test_no_mass_above_the_floor_is_refused(self) -> None:
        with pytest.raises(ForecastRefused, match="scenarios/0/years/2018") as caught:
            ran(scenario_set=scenarios({"low": 1.0}, {"low": 900.0}))
        assert caught.value.field == "scenarioSet"


class TestMethod:
    @pytest.fixture
    def joint_calls(self, monkeypatch: pytest.MonkeyPatch) -> list[Posterior]:
        calls: list[Posterior] = []

        def pretend(
            density: Any, weight: float, evidence: Any, start: Posterior, seed: int, report: Any
        ) -> JointDraws:
            calls.append(start)
            report(0.5)
            good = SamplerDiagnostics(1.0, 2_000.0, 2_000.0, 0, 1.0, True, "none", 0.0, 0.0)
            totals, of_last = (
                np.tile(start.layer.quantiles((0.6,)), (500, 1)),
                np.full(500, len(start.keys) - 1),
            )
            return JointDraws(totals, start.probabilities, good, of_last)

        monkeypatch.setattr(forecast_module, "sample_joint", pretend)
        return calls

    def test_weights_that_can_be_trusted_need_no_chains(self, joint_calls: list[Posterior]) -> None:
        assert ran().diagnostics["methodUsed"] in ("weighted", "adapted")
        assert joint_calls == []

    def test_on_request(self, joint_calls: list[Posterior]) -> None:
        found = ran(method="joint")
        assert found.diagnostics["methodUsed"] == "joint"
        assert len(joint_calls) == 1
        assert (found.paths.sum(axis=1) == found.paths[0].sum()).all()

    def test_where_no_weights_can_be_trusted(
        self, joint_calls: list[Posterior], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("models.weighting.MIN_EFFECTIVE", 1e9)
        monkeypatch.setattr("models.weighting.MAX_PARETO_K", -9.0)
        assert ran().diagnostics["methodUsed"] == "joint"

    @pytest.mark.parametrize(("events", "method"), [(2, "joint"), (6, "adapted")])
    def test_events_are_no_reason_to_keep_poor_weights_while_they_can_be_summed_over(
        self, joint_calls: list[Posterior], monkeypatch: pytest.MonkeyPatch, events: int, method: str
    ) -> None:
        monkeypatch.setattr("models.weighting.MIN_EFFECTIVE", 1e9)
        monkeypatch.setattr("models.weighting.MAX_PARETO_K", -9.0)
        found = ran(scenario_set=with_events(events))
        assert found.diagnostics["methodUsed"] == method
        assert len(joint_calls) == (method == "joint")
        assert found.diagnostics["passed"] is (method == "joint")

    def test_more_sets_of_events_than_it_sums_over_are_refused(self, joint_calls: list[Posterior]) -> None:
        with pytest.raises(ForecastRefused, match="64 different combinations") as caught:
            ran(scenario_set=with_events(6), method="joint")
        assert caught.value.field == "method" and "64 verschillende combinaties" in caught.value.dutch
        assert joint_calls == []

    def test_paths_have_what_waits_from_its_month_on(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def pretend(density: Any, weight: float, evidence: Any, start: Posterior, *_: Any) -> JointDraws:
            totals = np.tile(start.layer.quantiles((0.5,)), (400, 1))
            own = np.zeros_like(totals)
            own[::2, 1] = 20_000.0
            good = SamplerDiagnostics(1.0, 2_000.0, 2_000.0, 0, 1.0, True, "none", 0.0, 0.0)
            return JointDraws(totals + own, start.probabilities, good, np.zeros(400, int), {"2019-06": own})

        monkeypatch.setattr(forecast_module, "sample_joint", pretend)
        found = ran(method="joint")
        months = found.evidence.observation.future_months.astype(str)
        in_2019 = found.paths[:, np.char.startswith(months, "2019")].sum(axis=1)
        occurs = in_2019 > np.median(in_2019[in_2019 < in_2019.min() + 10_000]) + 10_000
        assert 0.45 < occurs.mean() < 0.55
        before, after = ((found.paths[:, months == month][:, 0]) for month in ("2019-05", "2019-06"))
        assert abs(before[occurs].mean() / before[~occurs].mean() - 1) < 0.03
        assert after[occurs].mean() > 1.5 * after[~occurs].mean()

    def test_never_without_experts_or_open_years(self, joint_calls: list[Posterior]) -> None:
        for changed in ({"scenario_set": None}, {"expert_weight": 0.0}, {"as_of": date(2021, 6, 1)}):
            assert ran(method="joint", **changed).diagnostics["methodUsed"] != "joint"
        assert joint_calls == []

    @pytest.mark.parametrize("factor", [0.1, 10.0])
    def test_experts_ten_times_off_give_numbers_or_chains(
        self, joint_calls: list[Posterior], factor: float
    ) -> None:
        off: ScenarioSet = scenarios(
            {"low": 0.6, "high": 0.4}, {"low": factor * 42_000.0, "high": factor * 60_000.0}, unforeseen=0.1
        )
        if factor < 1:
            with pytest.raises(ForecastRefused):
                ran(scenario_set=off)
            return
        found = ran(scenario_set=off)
        sound(found)
        assert found.diagnostics["methodUsed"] in ("adapted", "weighted", "joint")
        assert found.conflict.surprise is not None


class TestTheLine:
    def test_same_request_same_numbers(self) -> None:
        one, other = ran(), ran()
        np.testing.assert_array_equal(one.paths, other.paths)
        np.testing.assert_array_equal(
            one.posterior.layer.quantiles(LEVELS), other.posterior.layer.quantiles(LEVELS)
        )

    def test_progress_rises_and_names_its_stages(self) -> None:
        told: list[tuple[str, float]] = []
        run_forecast(request(), rows(made_up_series()), lambda stage, share: told.append((stage, share)))
        shares = [share for _, share in told]
        assert shares == sorted(shares)
        assert [stage for stage, _ in told] == [
            "reading", "sampling", "simulating", "evidence", "weighing", "paths", "nationalities", "finished",
        ]  # fmt: skip

    def test_what_the_listener_raises_ends_the_work(self) -> None:
        def stop(stage: str, share: float) -> None:
            if stage == "evidence":
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            run_forecast(request(), rows(made_up_series()), stop)

    def test_missed_quality_marks_are_said(self, monkeypatch: pytest.MonkeyPatch) -> None:
        poor = replace(fit().at_cutoff.diagnostics, passed=False)
        bad = replace(fit(), at_cutoff=replace(fit().at_cutoff, diagnostics=poor))
        monkeypatch.setattr(forecast_module, "fit_model", lambda data, seed, report, fitter: bad)
        found = ran()
        assert found.diagnostics["passed"] is False
        assert any(w.code == "missed_quality_marks" for w in found.warnings)

    def test_paths_carry_the_posterior(self) -> None:
        found = ran()
        o = found.evidence.observation
        sums = o.counted[1] + found.paths[:, 3:15].sum(axis=1)
        np.testing.assert_allclose(
            np.quantile(sums, LEVELS), found.posterior.layer.quantiles(LEVELS)[:, 1], rtol=0.005
        )


def test_base_normals_say_nothing() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for draws in (1, 1_000, 100_000):
            assert np.isfinite(base_normals(draws, 5, 1)).all()
