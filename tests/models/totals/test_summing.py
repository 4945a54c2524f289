"""A total of two series, one with nationalities, one whose months come later: everything adds up, and again alike."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from models.stored import StoredForecast, open_forecast
from models.storing import write_forecast
from models.totals.dependence import Dependence, stated_dependence
from models.totals.stored import StoredTotal, open_stored
from models.totals.summing import Summand, TotalRequest, write_total
from tests.models.made_up import CUTOFF, forecast, moment
from tests.models.test_forecast_composition import DRAWS, computed, paths_of

REQUEST = TotalRequest(
    "total_inflow", "NL", "TOTAL", "2018-06-30", "2018-10-20", "stated", stated_dependence([[1, 0.6], [0.6, 1]], 2), 7
)  # fmt: skip


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> tuple[StoredForecast, StoredForecast]:
    """First applications, a scenario of which states shares; and family arrivals, known two months later."""
    made = computed(True, True), forecast(moment(CUTOFF, date(2018, 10, 20), delay_days=75), None, 0.0)
    stored = []
    for one in made:
        folder = tmp_path_factory.mktemp("part")
        write_forecast(one, folder)
        stored.append(open_forecast(folder))
    return stored[0], stored[1]


def summed(parts: tuple[StoredForecast, StoredForecast], folder: Path) -> StoredTotal:
    write_total(
        [Summand("first_applications", parts[0]), Summand("family_arrivals", parts[1])], REQUEST, folder
    )
    found = open_stored(folder)
    assert isinstance(found, StoredTotal)
    return found


@pytest.fixture(scope="module")
def total(
    parts: tuple[StoredForecast, StoredForecast], tmp_path_factory: pytest.TempPathFactory
) -> StoredTotal:
    return summed(parts, tmp_path_factory.mktemp("total"))


def test_a_month_is_counted_once_every_series_has_counted_it(
    total: StoredTotal, parts: tuple[StoredForecast, StoredForecast]
) -> None:
    early, late = (part.observed[2018].months for part in parts)
    assert (early, late) == (9, 7)
    assert total.observed[2018].months == 7
    counts = [part.monthly((0.5,)).observed[:7] for part in parts]
    np.testing.assert_array_equal(total.monthly((0.5,)).observed[:7], np.rint(counts[0]) + np.rint(counts[1]))
    assert str(total.calendar.future_months[0]) == "2018-08"
    # In August one is counted and the other is not: their sum varies as the latter does.
    august = total.paths(DRAWS)[1][:, 7]
    own = parts[1].paths(DRAWS)[1][:, 7]
    assert august.std() == pytest.approx(own.std())
    assert august.mean() == pytest.approx(own.mean() + np.rint(parts[0].monthly((0.5,)).observed[7]))


def test_persons_add_up_by_nationality_in_every_path_month_and_scenario(total: StoredTotal) -> None:
    assert total.composition is not None
    assert total.composition.citizens == ("SY", "TR", "YE", "SD", "OTHER")
    split = paths_of(total)
    np.testing.assert_array_equal(split.sum(axis=2), total.paths(DRAWS)[1])
    for draws in (1, 4_001):
        np.testing.assert_array_equal(paths_of(total, draws), split[:draws])
    np.testing.assert_allclose(total.composition.mean.sum(axis=1), total.monthly((0.5,)).mean, rtol=1e-12)
    figures = np.array(list(total.whole_figures().values()))
    tables = np.stack(total.composition.scenario_tables(total.whole_figures(), total.calendar))
    np.testing.assert_array_equal(tables.reshape(4, 3, 12, -1).sum(axis=(2, 3)), figures)


def test_the_shares_of_a_scenario_stay_with_its_paths(
    total: StoredTotal, parts: tuple[StoredForecast, StoredForecast]
) -> None:
    own, of_total = (
        np.load(directory / "composition_belief_of.npy")
        for directory in (parts[0].directory, total.directory / "series_0")
    )
    paths, moved = parts[0].paths(DRAWS)[1], np.load(total.directory / "series_0" / "paths.npy")
    assert moved[of_total == 0].sum(dtype=np.int64) == paths[own == 0].sum(dtype=np.int64)
    assert total.composition is not None
    # Family arrivals are of no nationality here, so that OTHER holds them and what the other series leaves.
    sudanese = paths_of(total)[:, 9:, 3].sum(axis=1) / moved[:, 9:].sum(axis=1)
    assert np.median(sudanese[of_total == 0]) == pytest.approx(0.6, abs=0.02)
    assert np.median(sudanese[of_total == -1]) < 0.25


def test_the_same_request_writes_the_same_bytes(
    total: StoredTotal, parts: tuple[StoredForecast, StoredForecast], tmp_path: Path
) -> None:
    summed(parts, tmp_path)
    files = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*.npy"))
    assert len(files) > 8
    for file in files:
        assert (tmp_path / file).read_bytes() == (total.directory / file).read_bytes()


def test_forecasts_of_other_years_are_refused(
    parts: tuple[StoredForecast, StoredForecast], tmp_path: Path
) -> None:
    later = forecast(moment(CUTOFF, date(2018, 10, 20), years=2), None, 0.0)
    (tmp_path / "part").mkdir()
    write_forecast(later, tmp_path / "part")
    with pytest.raises(ValueError, match="differ in their target years"):
        summed((parts[0], open_forecast(tmp_path / "part")), tmp_path / "total")


def test_a_dependence_that_could_not_be_estimated_is_said(
    parts: tuple[StoredForecast, StoredForecast], tmp_path: Path
) -> None:
    little = Dependence(np.eye(2), np.eye(2), np.array([[0.0, 0.4], [0.4, 0.0]]))
    both = [Summand("first_applications", parts[0]), Summand("family_arrivals", parts[1])]
    write_total(both, replace(REQUEST, kind="estimated", dependence=little), tmp_path)
    (said,) = [one for one in open_stored(tmp_path).warnings if one.code == "dependence_unmeasured"]
    assert said.parameters == {"list": ["first_applications", "family_arrivals"]}
    assert "overlap too little" in said.detail
