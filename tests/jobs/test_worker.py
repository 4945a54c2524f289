"""Workers with real processes: progress comes through, cancelling stops, a killed worker's job is taken over."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from threading import Event, Thread

import pytest
from distributed import Client, LocalCluster
from sqlalchemy.orm import Session, sessionmaker

from priors.records import Target
from service.settings import Settings
from service.storage import jobs
from service.storage.base import reading, writing
from service.storage.draws import draws_directory
from service.storage.forecasts import Basis, ForecastOrder, StoredOrder, get_forecast, order_forecast
from service.storage.jobs import JobState
from service.worker.cluster import open_cluster, slots
from service.worker.supervisor import ClusterLost, Supervisor
from tests.jobs import fakes

Sessions = sessionmaker[Session]
ROOT = Path(__file__).parents[2]
WORKER = """
import sys
from datetime import timedelta
from pathlib import Path
from threading import Event
from service.settings import Settings
from service.worker.main import run_worker
from tests.jobs.fakes import compute
data = Path(sys.argv[1])
settings = Settings(data_dir=data, database_url=f"sqlite:///{data / 'jobs.sqlite'}")
run_worker(settings, Event(), compute=compute, lease=timedelta(seconds=2))
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Client]:
    with open_cluster(None, processes=1) as client:
        yield client


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, database_url=f"sqlite:///{tmp_path / 'jobs.sqlite'}")


@contextmanager
def at_work(settings: Settings, sessions: Sessions, cluster: Client) -> Iterator[None]:
    """A supervisor on the shared cluster, stopped at the end of the block."""
    stop = Event()
    supervisor = Supervisor(settings, sessions, cluster, fakes.compute)
    thread = Thread(target=supervisor.run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(20)
        assert not thread.is_alive()


def ordered(sessions: Sessions, seed: int) -> StoredOrder:
    order = ForecastOrder(
        target=Target(series="first_applications", geo="NL"),
        scenario_set=None,
        cutoff=date(2024, 6, 30),
        as_of=date(2024, 10, 31),
        expert_weight=0.0,
        horizon_years=5,
        method="weighted",
        seed=seed,
    )
    with writing(sessions) as session:
        return order_forecast(session, order, Basis(None, "d" * 64, 0, "test"), (), "tester")[0]


def now(sessions: Sessions, forecast_id: str) -> StoredOrder:
    with reading(sessions) as session:
        found = get_forecast(session, forecast_id)
    assert found is not None
    return found


def waited(condition: Callable[[], bool], seconds: float = 60.0) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.02)
    return False


def ended(sessions: Sessions, forecast_id: str) -> StoredOrder:
    assert waited(lambda: now(sessions, forecast_id).job.ended)
    return now(sessions, forecast_id)


def size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def test_an_order_is_computed_and_its_draws_appear(
    settings: Settings, sessions: Sessions, cluster: Client
) -> None:
    with at_work(settings, sessions, cluster):
        done = ended(sessions, ordered(sessions, fakes.QUICK).id)
    assert (done.job.state, done.job.progress) == (JobState.SUCCEEDED, 1.0)
    directory = draws_directory(settings.data_dir, done.draws_hash)
    assert (directory / "rows.txt").read_text(encoding="utf-8") == "0"
    noted = json.loads((directory / "provenance.json").read_text(encoding="utf-8"))
    assert noted["packages"]["numpy"]
    assert set(noted) == {"gitRevision", "packages"}


def test_draws_that_exist_are_not_computed_again(
    settings: Settings, sessions: Sessions, cluster: Client
) -> None:
    order = ordered(sessions, fakes.WRONG)
    draws_directory(settings.data_dir, order.draws_hash).mkdir(parents=True)
    with at_work(settings, sessions, cluster):
        assert ended(sessions, order.id).job.state is JobState.SUCCEEDED


def test_progress_reaches_the_job_table(settings: Settings, sessions: Sessions, cluster: Client) -> None:
    order = ordered(sessions, fakes.ENDLESS)
    with at_work(settings, sessions, cluster):
        assert waited(lambda: now(sessions, order.id).job.progress == 0.5)
        running = now(sessions, order.id).job
        assert (running.state, running.stage) == (JobState.RUNNING, "sampling")
        (settings.data_dir / "draws" / "enough").touch()
        assert ended(sessions, order.id).job.state is JobState.SUCCEEDED


@pytest.mark.parametrize("seed", [fakes.ENDLESS, fakes.DEAF])
def test_cancelling_stops_the_computation_within_seconds(
    settings: Settings, sessions: Sessions, cluster: Client, seed: int
) -> None:
    order = ordered(sessions, seed)
    pulse = settings.data_dir / "draws" / "pulse"
    with at_work(settings, sessions, cluster):
        assert waited(lambda: size(pulse) > 0)
        with writing(sessions) as session:
            assert jobs.cancel(session, order.job.id)
        asked = time.monotonic()
        assert waited(lambda: _still(pulse), 5.0)
        assert time.monotonic() - asked < 5.0
        next_one = ended(sessions, ordered(sessions, fakes.QUICK).id)
    assert next_one.job.state is JobState.SUCCEEDED
    assert now(sessions, order.id).job.state is JobState.CANCELLED
    assert not draws_directory(settings.data_dir, order.draws_hash).exists()


def _still(pulse: Path) -> bool:
    before = size(pulse)
    time.sleep(0.3)
    return size(pulse) == before


def test_a_refusal_is_told_with_its_field(settings: Settings, sessions: Sessions, cluster: Client) -> None:
    with at_work(settings, sessions, cluster):
        failed = ended(sessions, ordered(sessions, fakes.REFUSED).id).job
    assert failed.state is JobState.FAILED
    assert failed.problem is not None
    assert failed.problem["status"] == 400
    said = {"detail": "has no figures before it", "detailNl": "heeft geen cijfers ervoor"}
    assert failed.problem["errors"] == [{"field": "/cutoff", **said}]


def test_an_error_fails_the_job_and_keeps_its_text_to_the_log(
    settings: Settings, sessions: Sessions, cluster: Client, capfd: pytest.CaptureFixture[str]
) -> None:
    with at_work(settings, sessions, cluster):
        failed = ended(sessions, ordered(sessions, fakes.WRONG).id).job
    assert failed.state is JobState.FAILED
    assert "secret" not in json.dumps(failed.problem)
    assert "a secret of the inside" in "".join(capfd.readouterr())
    assert [path.name for path in (settings.data_dir / "draws").iterdir()] == []


def test_a_computation_that_dies_fails_its_job(
    settings: Settings, sessions: Sessions, cluster: Client
) -> None:
    with at_work(settings, sessions, cluster):
        failed = ended(sessions, ordered(sessions, fakes.DEADLY).id).job
        assert waited(lambda: slots(cluster) == 1)
    assert failed.state is JobState.FAILED
    assert failed.problem is not None
    assert "process ended" in failed.problem["detail"]


def test_stopping_a_worker_puts_its_job_back(settings: Settings, sessions: Sessions, cluster: Client) -> None:
    order = ordered(sessions, fakes.ENDLESS)
    pulse = settings.data_dir / "draws" / "pulse"
    with at_work(settings, sessions, cluster):
        assert waited(lambda: size(pulse) > 0)
    back = now(sessions, order.id).job
    assert (back.state, back.attempts) == (JobState.QUEUED, 0)
    assert waited(lambda: _still(pulse), 5.0)


def test_a_killed_workers_job_runs_again(settings: Settings, sessions: Sessions, cluster: Client) -> None:
    order = ordered(sessions, fakes.ENDLESS)
    draws = settings.data_dir / "draws"
    worker = subprocess.Popen([sys.executable, "-c", WORKER, str(settings.data_dir)], cwd=ROOT)
    try:
        assert waited(lambda: size(draws / "pulse") > 0, 120.0)
    finally:
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait()
    assert waited(lambda: _still(draws / "pulse"), 10.0), "its computation ends with it"
    assert now(sessions, order.id).job.state is JobState.RUNNING
    (draws / "enough").touch()
    with at_work(settings, sessions, cluster):
        done = ended(sessions, order.id)
    assert (done.job.state, done.job.attempts) == (JobState.SUCCEEDED, 2)
    assert not [path for path in draws.iterdir() if path.name == done.draws_hash and not path.is_dir()]


def test_a_worker_that_lost_its_lease_stops_and_changes_nothing(
    settings: Settings, sessions: Sessions, cluster: Client
) -> None:
    order = ordered(sessions, fakes.ENDLESS)
    pulse = settings.data_dir / "draws" / "pulse"
    with at_work(settings, sessions, cluster):
        assert waited(lambda: size(pulse) > 0)
        with writing(sessions) as session:
            row = session.get_one(jobs.JobRow, order.job.id)
            row.token = "somebody-else"
        assert waited(lambda: _still(pulse), 5.0)
    assert now(sessions, order.id).job.state is JobState.RUNNING


def test_a_worker_without_processes_gives_up(
    settings: Settings, sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.worker.supervisor._SECONDS_WITHOUT_PROCESSES", 0.0)
    with (
        LocalCluster(n_workers=0, processes=False, dashboard_address="127.0.0.1:0") as empty,
        Client(empty, set_as_default=False) as client,
        pytest.raises(ClusterLost),
    ):
        Supervisor(settings, sessions, client, fakes.compute).run(Event())


def test_lease_is_long_against_a_heartbeat() -> None:
    assert timedelta(seconds=10) <= jobs.LEASE
