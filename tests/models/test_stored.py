"""A forecast on disk answers as the computed one, from files that are mapped, without what fits models."""

import json
import subprocess
import sys
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from models.forecast import Forecast
from models.joint import JointDraws
from models.layers import Layer
from models.posterior import NothingLeft
from models.sampling import SamplerDiagnostics
from models.stored import LayerMissing, StoredForecast, open_forecast
from models.storing import write_forecast
from priors.scenario import InvalidScenarioSet, ScenarioSet
from tests.models.made_up import (
    CUTOFF,
    Moment,
    at_cutoff,
    forecast,
    in_autumn,
    moment,
    next_spring,
    scenarios,
)

Array = NDArray[np.float64]

LEVELS = (0.125, 0.5, 2 / 3, 0.875)
SET = scenarios({"low": 0.6, "high": 0.4}, {"low": 42_000.0, "high": 60_000.0})


@cache
def made(weight: float = 0.8) -> Forecast:
    return forecast(in_autumn(), SET, weight)


def stored(one: Forecast, directory: Path) -> StoredForecast:
    write_forecast(one, directory)
    return open_forecast(directory)


@pytest.fixture
def opened(tmp_path: Path) -> StoredForecast:
    return stored(made(), tmp_path)


class TestRoundTrip:
    def test_posterior_answers_identically(self, opened: StoredForecast) -> None:
        before, after = made().posterior, opened.layer("posterior")
        np.testing.assert_array_equal(after.quantiles(LEVELS), before.layer.quantiles(LEVELS))
        np.testing.assert_array_equal(after.mean(), before.layer.mean())
        np.testing.assert_array_equal(after.sd(), before.layer.sd())
        assert after.exceedance(2019, 50_000) == before.layer.exceedance(2019, 50_000)
        np.testing.assert_array_equal(after.density(2019).pdf, before.layer.density(2019).pdf)
        found = opened.scenario_probabilities()
        assert found.keys == before.keys == ("low", "high", "model")
        assert found.prior == tuple(before.prior)
        assert found.posterior == tuple(before.probabilities)
        assert (found.conflict_flag, found.surprise) == (made().conflict.flag, made().conflict.surprise)

    def test_evidence_survives_to_the_last_digit(self, opened: StoredForecast) -> None:
        totals = in_autumn().model.totals[:500]
        np.testing.assert_array_equal(
            opened._evidence.log_evidence(totals), made().evidence.log_evidence(totals)
        )

    def test_the_models_layer_is_the_model(self, opened: StoredForecast) -> None:
        np.testing.assert_allclose(
            opened.layer("model").quantiles(LEVELS),
            np.quantile(in_autumn().model.totals, LEVELS, axis=0),
            rtol=2e-4,
        )

    def test_the_experts_layer_is_the_sets_own_density(self, opened: StoredForecast) -> None:
        density = made().density
        assert density is not None
        wanted = np.stack([density.ppf(year, np.array(LEVELS)) for year in opened.years], axis=1)
        np.testing.assert_array_equal(opened.layer("experts").quantiles(LEVELS), wanted)

    def test_the_calendar_and_the_rest(self, opened: StoredForecast) -> None:
        o = made().evidence.observation
        assert opened.years == o.years
        assert opened.observed[2018].to_date == o.counted[0]
        assert opened.observed[2018].months == 9
        assert opened.warnings == made().warnings
        assert opened.timings == made().timings
        assert opened.diagnostics == made().diagnostics
        assert opened.scenario_set == SET

    def test_the_document_is_strict_json(self, opened: StoredForecast) -> None:
        def refuse(name: str) -> None:
            raise AssertionError(f"{name} is no JSON")

        json.loads((opened.directory / "forecast.json").read_text(), parse_constant=refuse)

    def test_no_such_directory(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError):
            open_forecast(tmp_path / "nowhere")

    def test_no_such_layer(self, opened: StoredForecast) -> None:
        with pytest.raises(KeyError):
            opened.layer("median")


class TestMonths:
    def test_counted_months_are_their_count_and_paths_add_up(self, opened: StoredForecast) -> None:
        monthly = opened.monthly((0.1, 0.5, 0.9))
        assert monthly.months[0] == "2018-01"
        assert monthly.months[-1] == "2020-12"
        assert len(monthly.months) == 36
        assert np.isfinite(monthly.observed).sum() == 9
        np.testing.assert_array_equal(monthly.quantiles[:, :9], np.tile(monthly.observed[:9], (3, 1)))
        months, paths = opened.paths(500)
        assert months == monthly.months
        assert paths.shape == (500, 36)
        assert monthly.observed[:9].sum() == opened.observed[2018].to_date
        assert opened.draws == 20_000

    def test_yearly_sums_of_paths_are_the_posterior(self, opened: StoredForecast) -> None:
        _, paths = opened.paths(20_000)
        sums = paths.reshape(len(paths), 3, 12).sum(axis=2)
        np.testing.assert_allclose(
            np.quantile(sums, LEVELS, axis=0), opened.layer("posterior").quantiles(LEVELS), rtol=0.005
        )

    def test_months_before_the_target_years_are_not_shown(self, tmp_path: Path) -> None:
        here = moment(date(2019, 1, 10), date(2019, 1, 10))
        months, _ = stored(forecast(here, None), tmp_path).paths(10)
        assert months[0] == "2019-01"
        assert len(months) == 36


@pytest.mark.parametrize("when", ["cutoff", "spring", "end"])
def test_every_moment_survives(tmp_path: Path, when: str) -> None:
    here: Moment = {
        "cutoff": at_cutoff, "spring": next_spring, "end": lambda: moment(CUTOFF, date(2021, 2, 20))
    }[when]()  # fmt: skip
    one = forecast(here, SET, 0.9)
    found = stored(one, tmp_path)
    np.testing.assert_array_equal(
        found.layer("posterior").quantiles(LEVELS), one.posterior.layer.quantiles(LEVELS)
    )
    monthly, (months, paths) = found.monthly(LEVELS), found.paths(5)
    assert len(monthly.months) == len(months) == paths.shape[1] == 36
    assert np.isfinite(monthly.mean).all()
    answer = found.what_if(scenarios({"low": 0.5, "high": 0.5}, {"low": 42_000.0, "high": 60_000.0}), 0.9)
    assert list(answer.effects) == ["probabilities"]
    assert np.isfinite(answer.layer.quantiles(LEVELS)).all()
    if when == "end":
        np.testing.assert_array_equal(
            found.layer("posterior").quantiles((0.1, 0.9)), np.tile(here.evidence.observation.counted, (2, 1))
        )


class TestModelAlone:
    @pytest.fixture
    def alone(self, tmp_path: Path) -> StoredForecast:
        return stored(forecast(in_autumn(), None), tmp_path)

    def test_has_no_experts(self, alone: StoredForecast) -> None:
        with pytest.raises(LayerMissing):
            alone.layer("experts")
        assert alone.scenario_probabilities().keys == ("model",)
        np.testing.assert_array_equal(
            alone.layer("posterior").quantiles(LEVELS), alone.layer("model").quantiles(LEVELS)
        )

    def test_takes_a_set_in_a_what_if(self, alone: StoredForecast) -> None:
        answer = alone.what_if(SET, 1.0)
        assert list(answer.effects) == ["scenarioSet"]
        np.testing.assert_allclose(
            answer.layer.quantiles(LEVELS),
            forecast(in_autumn(), SET, 1.0).posterior.layer.quantiles(LEVELS),
            rtol=0.01,
        )


class TestWhatIf:
    def test_no_edit_gives_the_forecast_itself(self, opened: StoredForecast) -> None:
        answer = opened.what_if(SET, 0.8)
        assert answer.effects == {}
        np.testing.assert_array_equal(
            answer.layer.quantiles(LEVELS), opened.layer("posterior").quantiles(LEVELS)
        )
        assert answer.probabilities.posterior == opened.scenario_probabilities().posterior

    def test_an_edit_moves_and_explains(self, opened: StoredForecast) -> None:
        edited = scenarios({"low": 0.3, "high": 0.7}, {"low": 42_000.0, "high": 66_000.0})
        answer = opened.what_if(edited, 0.8)
        assert set(answer.effects) == {"scenario:high", "probabilities"}
        moved = answer.layer.quantiles(LEVELS) - opened.layer("posterior").quantiles(LEVELS)
        np.testing.assert_allclose(sum(answer.effects.values()), moved, atol=1e-6)
        assert answer.method_used in ("weighted", "adapted")
        assert answer.ess_weighted > 1_000
        assert answer.seconds > 0

    def test_a_set_without_mass_above_the_floor_is_refused(self, opened: StoredForecast) -> None:
        with pytest.raises(InvalidScenarioSet):
            opened.what_if(scenarios({"low": 1.0}, {"low": 900.0}), 1.0)

    def test_a_set_the_counts_rule_out_leaves_nothing(self, opened: StoredForecast) -> None:
        level = 0.96 * in_autumn().evidence.observation.counted[0]
        narrow: ScenarioSet = scenarios({"low": 1.0}, {"low": level}, stated=1)
        bounded = narrow.scenarios[0].model_copy(
            update={
                "family": "triangular",
                "years": {2018: narrow.scenarios[0].years[2018].model_copy(update={"spread": 0.01 * level})},
            }
        )
        with pytest.raises(NothingLeft):
            opened.what_if(narrow.model_copy(update={"scenarios": (bounded,)}), 1.0)


def test_a_joint_forecast_keeps_its_own_answer(tmp_path: Path) -> None:
    here = in_autumn()
    good = SamplerDiagnostics(1.0, 2_000.0, 2_000.0, 0, 1.0, True, "none", 0.0, 0.0)
    of_first = np.zeros(6_000, dtype=np.int64)
    joint = JointDraws(here.model.totals[:6_000] * 1.1, np.array([0.2, 0.3, 0.5]), good, of_first)
    found = stored(replace(made(), joint=joint), tmp_path)
    np.testing.assert_allclose(
        found.layer("posterior").quantiles(LEVELS), np.quantile(joint.totals, LEVELS, axis=0), rtol=1e-3
    )
    assert found.scenario_probabilities().posterior == (0.2, 0.3, 0.5)
    assert isinstance(found.layer("posterior"), Layer)


def test_arrays_are_mapped_not_read(opened: StoredForecast) -> None:
    assert isinstance(opened._array("paths"), np.memmap)
    assert isinstance(opened._experts[0][0].totals, np.memmap)
    assert isinstance(opened._model.totals, np.memmap)


def test_nothing_that_fits_is_imported(opened: StoredForecast) -> None:
    script = f"""
import sys
from pathlib import Path
from models.stored import open_forecast
found = open_forecast(Path({str(opened.directory)!r}))
[found.layer(name).quantiles((0.5,)) for name in ("posterior", "experts", "model")]
found.monthly((0.5,)); found.paths(3); found.scenario_probabilities()
found.what_if(found.scenario_set, 0.5)
heavy = {{"pymc", "pytensor", "nutpie", "arviz", "numba", "sklearn", "dask", "distributed"}} & set(sys.modules)
print(sorted(heavy))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
