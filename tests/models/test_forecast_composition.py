"""A forecast's nationalities: learned from the rows known, stated by a scenario, and adding up wherever they appear."""

from __future__ import annotations

from datetime import date
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from models import forecast as forecast_module
from models import model_draws
from models.composition.data import CompositionData
from models.composition.model import CompositionFit, fit_composition
from models.forecast import Forecast, run_forecast
from models.joint import JointDraws
from models.posterior import Posterior
from models.request import ForecastRequest
from models.sampling import SamplerDiagnostics
from models.stored import StoredForecast, open_forecast
from models.storing import write_forecast
from priors.scenario import ScenarioSet, parse_scenario_set
from tests.models.made_up import CUTOFF, TARGET, fit, made_up_series, rows, scenarios

SHARES = {"SY": 0.4, "TR": 0.2, "YE": 0.1}
AS_OF = date(2018, 10, 20)
DRAWS = 6_000
STATED = {"shares": {"SY": 0.05, "SD": 0.6}, "concentration": 4_000.0}


def by_nationality() -> pd.DataFrame:
    """Totals, and three nationalities of each month since 2015 about fixed shares."""
    rng, series = np.random.default_rng(4), made_up_series()
    named = series.since(np.datetime64("2015-01", "M"))
    parts = [rows(series)]
    for citizen, share in SHARES.items():
        persons = rng.poisson(share * named.counts).astype(float)
        parts.append(rows(type(series)(named.months, persons), citizen=citizen))
    return pd.concat(parts, ignore_index=True)


def with_composition(unknown: bool = False) -> ScenarioSet:
    """Two scenarios, of which the high one states shares."""
    stated = scenarios({"low": 0.6, "high": 0.4}, {"low": 42_000.0, "high": 60_000.0})
    payload = stated.model_dump(mode="json", by_alias=True)
    payload["scenarios"][1]["composition"] = STATED
    return parse_scenario_set(payload)


def quick_shares(data: CompositionData, seed: int, progress: Any) -> CompositionFit:
    return fit_composition(data, seed=seed, draws=100, tune=300, chains=2, progress=progress)


@cache
def computed(known: bool, stated: bool) -> Forecast:
    chosen = with_composition() if stated else scenarios({"low": 1.0}, {"low": 42_000.0})
    request = ForecastRequest(TARGET, chosen, CUTOFF, AS_OF, 1.0, 3, "weighted", 7)
    with (
        patch.object(forecast_module, "fit_model", lambda data, seed, report, fitter: fit()),
        patch.object(forecast_module, "DRAWS", DRAWS),
        patch.object(model_draws, "AT_CUTOFF_DRAWS", 30_000),
        patch.object(model_draws, "CONTINUED_DRAWS", DRAWS),
    ):
        frame = by_nationality() if known else rows(made_up_series())
        return run_forecast(request, frame, share_fitter=quick_shares)


@pytest.fixture(scope="module", params=[True, False], ids=["known", "unknown"])
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> StoredForecast:
    """A forecast with stated shares, with and without rows by nationality, written and opened."""
    folder: Path = tmp_path_factory.mktemp("forecast")
    write_forecast(computed(request.param, True), folder)
    return open_forecast(folder)


def paths_of(stored: StoredForecast, draws: int = DRAWS) -> NDArray[np.int32]:
    assert stored.composition is not None
    return np.concatenate(list(stored.composition.split(stored.calendar.paths, draws)))


def test_every_path_adds_up_and_is_the_same_however_many_are_asked_for(both: StoredForecast) -> None:
    months, totals = both.paths(DRAWS)
    split = paths_of(both)
    assert split.shape[:2] == (DRAWS, len(months)) == (DRAWS, 36)
    assert split.min() >= 0
    np.testing.assert_array_equal(split.sum(axis=2), totals)
    for draws in (1, 10, 4_001):
        np.testing.assert_array_equal(paths_of(both, draws), split[:draws])


def test_scenario_paths_add_up_at_every_level(both: StoredForecast) -> None:
    assert both.composition is not None
    figures = np.array(list(both.whole_figures().values()))
    tables = np.stack(both.composition.scenario_tables(both.whole_figures(), both.calendar))
    by_year = tables.reshape(4, 3, 12, -1)
    np.testing.assert_array_equal(by_year.sum(axis=(2, 3)), figures)
    np.testing.assert_array_equal(tables[0, :9], tables[3, :9])
    np.testing.assert_array_equal(tables[0, :9].sum(axis=1), both.paths(1)[1][0, :9])


def test_figures_adopted_instead_have_tables_of_their_own(both: StoredForecast) -> None:
    assert both.composition is not None
    adopted = {name: [figure + 137 for figure in by_year] for name, by_year in both.whole_figures().items()}
    tables = np.stack(both.composition.scenario_tables(adopted, both.calendar))
    by_year = tables.reshape(4, 3, 12, -1).sum(axis=(2, 3))
    np.testing.assert_array_equal(by_year, np.array(list(adopted.values())))


def test_means_add_up_to_the_months_and_quantiles_are_in_order(both: StoredForecast) -> None:
    assert both.composition is not None
    np.testing.assert_allclose(both.composition.mean.sum(axis=1), both.monthly((0.5,)).mean, rtol=1e-12)
    assert (np.diff(both.composition.quantiles, axis=0) >= 0).all()


def test_a_scenario_that_states_shares_has_them_on_its_own_paths(both: StoredForecast) -> None:
    assert both.composition is not None
    assert both.composition.citizens[-1] == "OTHER"
    place = {citizen: k for k, citizen in enumerate(both.composition.citizens)}
    origin = np.load(both.directory / "composition_belief_of.npy")
    assert 0.005 < (origin == 0).mean() < 0.995
    split = paths_of(both)[:, 9:].sum(axis=1)
    share = split / split.sum(axis=1, keepdims=True)
    high, low = share[origin == 0], share[origin == -1]
    assert np.median(high[:, place["SD"]]) == pytest.approx(0.6, abs=0.02)
    assert np.median(high[:, place["SY"]]) == pytest.approx(0.05, abs=0.01)
    assert np.median(low[:, place["SD"]]) < 0.25


def test_joint_draws_follow_the_shares_of_the_scenario_they_are_of(tmp_path: Path) -> None:
    """Two in five joint draws are of the scenario that states shares: these, and no others, have them."""

    def pretend(density: Any, weight: float, evidence: Any, start: Posterior, *_: Any) -> JointDraws:
        good = SamplerDiagnostics(1.0, 2_000.0, 2_000.0, 0, 1.0, True, "none", 0.0, 0.0)
        of = np.tile([0, 0, 0, 1, 1], 100)
        totals = np.where(of[:, None] == 1, *start.layer.quantiles((0.8, 0.2))[:, None, :])
        return JointDraws(totals, np.array([0.6, 0.4]), good, of)

    request = ForecastRequest(TARGET, with_composition(), CUTOFF, AS_OF, 1.0, 3, "joint", 7)
    with (
        patch.object(forecast_module, "fit_model", lambda data, seed, report, fitter: fit()),
        patch.object(forecast_module, "sample_joint", pretend),
        patch.object(forecast_module, "DRAWS", DRAWS),
        patch.object(model_draws, "AT_CUTOFF_DRAWS", 30_000),
        patch.object(model_draws, "CONTINUED_DRAWS", DRAWS),
    ):
        write_forecast(run_forecast(request, by_nationality(), share_fitter=quick_shares), tmp_path)
    stored = open_forecast(tmp_path)
    assert stored.composition is not None
    split = paths_of(stored)[:, 9:].sum(axis=1)
    share = split[:, stored.composition.citizens.index("SD")] / split.sum(axis=1)
    persons = split.sum(axis=1)
    high = persons > (persons.min() + persons.max()) / 2
    assert high.mean() == pytest.approx(0.4, abs=0.03)
    assert np.median(share[high]) == pytest.approx(0.6, abs=0.02)
    assert np.median(share[~high]) < 0.25


def test_shares_are_learned_from_what_was_known() -> None:
    found = computed(True, False)
    assert found.composition.citizens == ("SY", "TR", "YE", "OTHER")
    assert found.diagnostics["composition"] is not None
    assert "no_nationalities_known" not in [remark.code for remark in found.warnings]
    frame = by_nationality()
    may = frame[(frame["period"] == "2018-05") & frame["citizen"].isin(SHARES)].set_index("citizen")["value"]
    np.testing.assert_array_equal(found.composition.counted[4, :3], [may[name] for name in SHARES])
    assert found.composition.splitter is not None
    counts = found.composition.splitter.chunk(0, found.paths[:4_000])
    share = counts[:, :3].sum(axis=(0, 1)) / counts[:, :3].sum()
    np.testing.assert_allclose(share[:3], list(SHARES.values()), atol=0.05)


def test_rows_known_later_change_no_share() -> None:
    request = computed(True, False).request
    late = rows(made_up_series(), citizen="XX", known_at=pd.Timestamp("2018-11-01"))
    frame = pd.concat([by_nationality(), late], ignore_index=True)
    seen: list[CompositionData] = []

    class Enough(Exception):
        pass

    def look(data: CompositionData, seed: int, progress: Any) -> CompositionFit:
        seen.append(data)
        raise Enough

    with (
        patch.object(forecast_module, "fit_model", lambda data, seed, report, fitter: fit()),
        patch.object(forecast_module, "DRAWS", 2_000),
        patch.object(model_draws, "AT_CUTOFF_DRAWS", 20_000),
        patch.object(model_draws, "CONTINUED_DRAWS", 2_000),
    ):
        for given in (by_nationality(), frame):
            with pytest.raises(Enough):
                run_forecast(request, given, share_fitter=look)
    assert seen[0].citizens == seen[1].citizens
    np.testing.assert_array_equal(seen[0].counts, seen[1].counts)


def test_without_rows_everybody_is_of_one_nationality_and_that_is_said(tmp_path: Path) -> None:
    found = computed(False, False)
    assert found.composition.citizens == ("OTHER",)
    assert "no_nationalities_known" in [remark.code for remark in found.warnings]
    write_forecast(found, tmp_path)
    assert open_forecast(tmp_path).composition is None
