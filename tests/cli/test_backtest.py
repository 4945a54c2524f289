"""`instroom backtest` runs, continues, compares, and says in one sentence why it cannot."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from models.backtest.run import Forecaster
from models.panel.series import PanelSeries
from models.series import Array
from service.cli import backtest as command
from service.cli.main import app


def walk(sd: float) -> Forecaster:
    """A random walk from the last month."""

    def forecast(panel: PanelSeries, months_ahead: int, draws: int, seed: int) -> dict[str, Array]:
        steps = np.random.default_rng(seed).normal(0, sd, (draws, months_ahead)).cumsum(axis=1)
        return {geo: np.log(panel.counts[-1, place]) + steps for place, geo in enumerate(panel.geos)}

    return forecast


@pytest.fixture
def counts(tmp_path: Path) -> Path:
    months = np.arange(np.datetime64("2008-01"), np.datetime64("2015-01")).astype(str)
    rng = np.random.default_rng(1)
    steps = rng.normal(0, 0.1, (len(months), 3)).cumsum(axis=0)
    table = pd.DataFrame(np.exp(6 + steps).round(), columns=["AA", "BB", "EU28"]).assign(month=months)
    path = tmp_path / "counts.csv"
    table.melt("month", var_name="geo", value_name="applicants").to_csv(path, index=False)
    return path


def run(counts: Path, out: Path, *more: str, origins: str = "2012-06..2013-12") -> tuple[int, str, str]:
    typed = [
        "backtest",
        "--data",
        str(counts),
        "--out",
        str(out),
        "--origins",
        origins,
        "--processes",
        "0",
        *more,
    ]
    result = CliRunner().invoke(app, typed, env={"COLUMNS": "200"})
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture(autouse=True)
def toys(monkeypatch: pytest.MonkeyPatch) -> dict[str, Forecaster]:
    known = {"panel": walk(0.1), "AutoETS": walk(0.3)}
    monkeypatch.setattr(command, "forecaster", known.__getitem__)
    return known


def test_methods_are_compared_with_the_peer_and_the_results_are_kept(counts: Path, tmp_path: Path) -> None:
    out = tmp_path / "results"
    status, said, _ = run(counts, out, "--forecaster", "panel", "--forecaster", "AutoETS", "--draws", "200")
    assert status == 0
    assert "### Total of months 1 to 12 ahead" in said
    assert "ratio to AutoETS (8 cases)" in said
    assert "| panel | 0." in said
    assert sorted(path.name for path in (out / "panel").iterdir()) == sorted(
        f"{origin}.{kind}.parquet"
        for origin in ("2012-06", "2012-12", "2013-06", "2013-12")
        for kind in ("quantiles", "scores")
    )


def test_the_same_command_continues(counts: Path, tmp_path: Path, toys: dict[str, Forecaster]) -> None:
    def stopped(panel: PanelSeries, *rest: int) -> dict[str, Array]:
        if str(panel.months[-1]) == "2013-06":
            raise KeyboardInterrupt
        return honest(panel, *rest)

    honest, toys["panel"] = toys["panel"], stopped
    status, _, complaint = run(counts, tmp_path / "results")
    assert status == 130
    assert "The same command continues" in complaint
    toys["panel"] = honest
    status, said, _ = run(counts, tmp_path / "results")
    assert status == 0
    assert "panel, 12-month total, horizon 12: log-CRPS" in said
    assert "75% band held" in said
    status, _, complaint = run(counts, tmp_path / "results", "--seed", "2")
    assert status == 1
    assert "other data or settings" in complaint


def test_what_cannot_be_run_is_said_in_a_sentence(counts: Path, tmp_path: Path) -> None:
    for origins, sentence in {
        "2012": "must be like 2010-06..2018-12",
        "2012-07..2012-11": "no June or December",
        "2009-06..2009-12": "nothing was scored",
    }.items():
        status, _, complaint = run(counts, tmp_path / "results", origins=origins)
        assert status in (1, 2)
        assert sentence in complaint
    other = tmp_path / "other.csv"
    other.write_text("geo,month\nAA,2012-01\n", "utf-8")
    assert "other.csv has no column value" in run(other, tmp_path / "results")[2]


def test_an_unknown_forecaster_and_an_absent_extra_are_named(
    counts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from models.backtest.forecasters import forecaster

    monkeypatch.setattr(command, "forecaster", forecaster)
    assert "unknown forecaster 'Oracle'" in run(counts, tmp_path / "r", "--forecaster", "Oracle")[2]
    monkeypatch.setitem(sys.modules, "statsforecast", None)
    assert "extra `peers`" in run(counts, tmp_path / "r", "--forecaster", "AutoETS")[2]


def test_months_of_an_earlier_file_come_before(counts: Path, tmp_path: Path) -> None:
    # Without the earlier file June 2009 has too few months.
    before = tmp_path / "before.csv"
    months = np.arange(np.datetime64("2003-01"), np.datetime64("2008-06")).astype(str)
    pd.DataFrame({"geo": "AA", "month": months, "applicants": 400}).to_csv(before, index=False)
    status, said, _ = run(counts, tmp_path / "r", "--before", str(before), origins="2009-06..2009-06")
    assert status == 0
    assert "1 cases" in said
