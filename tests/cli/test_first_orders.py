"""What a first start orders, and in which order it will be computed."""

from pathlib import Path

from sqlalchemy import select

from service.cli.first_run import prepare
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
