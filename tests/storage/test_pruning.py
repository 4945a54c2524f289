"""What is deleted from the data directory, on both databases: never what somebody needs."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session, sessionmaker

from service.storage import pruning
from service.storage.acceptance import acceptance_directory, order_acceptance
from service.storage.base import reading, writing
from service.storage.draws import draws_directory
from service.storage.forecasts import ForecastRow, StoredOrder, order_forecast
from service.storage.jobs import JobRow, JobState
from service.storage.pruning import Removable, megabytes, removable, remove
from tests.storage.test_forecasts import BASIS, ORDER, REMARKS

Sessions = sessionmaker[Session]
DAY = 86_400


def filled(directory: Path, days_ago: float = 100, size: int = 1_000) -> Path:
    directory.mkdir(parents=True)
    (directory / "draws.npy").write_bytes(b"0" * size)
    moment = time.time() - DAY * days_ago
    os.utime(directory, (moment, moment))
    return directory


def finished(
    sessions: Sessions,
    seed: int,
    days_ago: float = 400,
    status: str = "concept",
    state: JobState = JobState.SUCCEEDED,
) -> StoredOrder:
    """An order of so many days ago whose job is in a state."""
    running = {"token": "token", "lease_until": datetime.now(UTC)} if state is JobState.RUNNING else {}
    with writing(sessions) as session:
        stored, _ = order_forecast(session, replace(ORDER, seed=seed), BASIS, REMARKS, "tester")
        created = datetime.now(UTC) - timedelta(days=days_ago)
        session.execute(
            update(ForecastRow)
            .where(ForecastRow.id == stored.id)
            .values(created_at=created, edition_status=status)
        )
        session.execute(update(JobRow).where(JobRow.id == stored.job.id).values(state=state.value, **running))
    return stored


def found(sessions: Sessions, folder: Path, concept_days: int | None = None) -> dict[str, Removable]:
    with reading(sessions) as session:
        return {one.directory.name: one for one in removable(session, folder, 30, concept_days)}


def test_what_nobody_refers_to_and_fits_nobody_used(sessions: Sessions, tmp_path: Path) -> None:
    mine = finished(sessions, 1)
    kept = filled(draws_directory(tmp_path, mine.draws_hash))
    orphan, young = (filled(tmp_path / "draws" / (name * 64), days) for name, days in (("a", 100), ("b", 1)))
    stale, used = (filled(tmp_path / "fits" / (name * 64), days) for name, days in (("c", 31), ("d", 29)))
    evaluation = filled(tmp_path / "evaluations" / ("e" * 64), size=5_000)
    (tmp_path / "draws" / "notes").mkdir()
    said = found(sessions, tmp_path)
    assert set(said) == {orphan.name, stale.name, evaluation.name}
    assert (said[stale.name].kind, said[stale.name].reason) == ("fits", "not used for 30 days")
    assert said[orphan.name].reason == "nobody refers to it"
    assert megabytes(said.values()) == pytest.approx(0.007)
    assert all(directory.is_dir() for directory in (orphan, stale, evaluation)), "only looked"
    assert {one.directory for one in remove(sessions, tmp_path, 30)} == {orphan, stale, evaluation}
    assert sorted(path.name for path in (tmp_path / "draws").iterdir()) == sorted(
        [kept.name, young.name, "notes"]
    )
    assert [path.name for path in (tmp_path / "fits").iterdir()] == [used.name]


@pytest.mark.parametrize("status", ["adopted", "superseded"])
def test_an_edition_is_never_touched(sessions: Sessions, tmp_path: Path, status: str) -> None:
    edition = finished(sessions, 1, status=status)
    filled(draws_directory(tmp_path, edition.draws_hash))
    with writing(sessions) as session:
        order_acceptance(session, edition.id, "f" * 64, {})
    filled(acceptance_directory(tmp_path, "f" * 64))
    assert found(sessions, tmp_path, concept_days=1) == {}
    # Nor are the same draws when a concept of another scenario set has them too.
    with writing(sessions) as session:
        twin, new = order_forecast(
            session, replace(ORDER, seed=1, scenario_set=("set-2", 1)), BASIS, REMARKS, "tester"
        )
        assert new
        assert twin.draws_hash == edition.draws_hash
        session.execute(update(JobRow).where(JobRow.id == twin.job.id).values(state=JobState.SUCCEEDED.value))
    assert remove(sessions, tmp_path, 30, 1) == ()


@pytest.mark.parametrize("state", [JobState.QUEUED, JobState.RUNNING])
def test_what_a_job_is_at_work_on_stays(sessions: Sessions, tmp_path: Path, state: JobState) -> None:
    filled(draws_directory(tmp_path, finished(sessions, 1, state=state).draws_hash))
    assert found(sessions, tmp_path, concept_days=1) == {}


def test_an_old_concept_goes_when_asked_and_comes_back_when_asked_again(
    sessions: Sessions, tmp_path: Path
) -> None:
    old, young = finished(sessions, 1, days_ago=400), finished(sessions, 2, days_ago=100)
    gone, kept = (filled(draws_directory(tmp_path, one.draws_hash)) for one in (old, young))
    assert found(sessions, tmp_path) == {}
    (one,) = remove(sessions, tmp_path, 30, 365)
    assert (one.directory, one.reason) == (gone, "concepts older than 365 days")
    assert not gone.exists()
    assert kept.is_dir()
    with writing(sessions) as session:
        again, new = order_forecast(session, replace(ORDER, seed=1), BASIS, REMARKS, "tester")
        assert new, "the old job no longer answers for it"
        assert again.draws_hash == old.draws_hash
        assert not order_forecast(session, replace(ORDER, seed=2), BASIS, REMARKS, "tester")[1]


def test_a_database_that_refuses_leaves_every_directory_in_place(
    sessions: Sessions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    orphan = filled(tmp_path / "draws" / ("a" * 64))
    other = filled(tmp_path / "draws" / ("b" * 64))

    def refuse(*_: object) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr(pruning, "update", refuse)
    with pytest.raises(RuntimeError, match="no"):
        remove(sessions, tmp_path, 30)
    assert sorted((tmp_path / "draws").iterdir()) == [orphan, other]
