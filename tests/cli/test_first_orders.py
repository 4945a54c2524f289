"""What a first start orders, and in which order it will be computed."""

from datetime import date
from pathlib import Path

import pytest
import typer
from sqlalchemy import select
from typer.testing import CliRunner

from service.cli.first_run import prepare
from service.cli.forecast import ForecastOptions, forecast
from service.cli.main import app
from service.cli.terminal import open_sessions
from service.settings import Settings
from service.storage.base import make_engine, migrate, reading
from service.storage.jobs import JobRow


def test_rates_are_ordered_after_the_first_forecast_and_only_once(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, database_url=f"sqlite:///{tmp_path / 'test.sqlite'}")
    engine = make_engine(settings.database_url)
    migrate(engine)
    engine.dispose()
    first = prepare(settings)
    assert prepare(settings) == first
    with open_sessions(settings, migrated=True) as sessions, reading(sessions) as session:
        jobs = session.scalars(select(JobRow).order_by(JobRow.number)).all()
        assert [job.kind for job in jobs] == ["forecast", "evaluation", "acceptance"]
        assert [job.subject for job in jobs if job.kind != "evaluation"] == [first, first]


def test_a_forecast_from_the_command_line_orders_rates_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(data_dir=tmp_path, database_url=f"sqlite:///{tmp_path / 'test.sqlite'}")
    engine = make_engine(settings.database_url)
    migrate(engine)
    engine.dispose()
    prepare(settings)
    monkeypatch.setattr("service.cli.forecast._computed", lambda settings, sessions, ordered: ordered)
    options = ForecastOptions(
        scenario_set=None, cutoff=date(2024, 6, 30), as_of=None, geo="NL", series="first_applications",
        citizen="TOTAL", expert_weight=None, horizon_years=2, method="weighted", seed=None, output=None,
    )  # fmt: skip
    for _ in range(2):
        with pytest.raises(typer.Exit):
            forecast(settings, options)
    with open_sessions(settings, migrated=True) as sessions, reading(sessions) as session:
        jobs = session.scalars(select(JobRow).order_by(JobRow.number)).all()
        assert [job.kind for job in jobs] == [
            *("forecast", "evaluation", "acceptance"),
            *("forecast", "acceptance"),
        ]
        assert jobs[3].subject == jobs[4].subject
    assert "Acceptance rates" in CliRunner().invoke(app, ["forecast", "--help"]).stdout
