"""Jobs: long computations as rows of one table, which alone says what is being done and by whom.

    queued -> running -> succeeded | failed;   queued | running -> cancelled;   running, lease over -> queued

A worker *claims* a job with one UPDATE and gets a token and a lease, which it renews while it works. A
lease that runs out makes the job claimable again: its worker was killed. Everything a worker writes is
bound to its token, so that a worker which lost its job cannot change it. A job that lost `MAX_ATTEMPTS`
workers fails. At most one job that is queued, running or succeeded has a given key: identical requests
share it. Clocks of workers must agree to within the lease. Must not know what a job computes.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Float, Integer, String, Text, Update, and_, func, or_, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from service.storage.base import Base, UtcDateTime, serialise

MAX_ATTEMPTS = 3
LEASE = timedelta(seconds=30)


class JobState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDED = frozenset({JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED})


class JobRow(Base):
    __tablename__ = "jobs"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, unique=True)
    kind: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(36))
    # The key while the job is queued, running or succeeded; NULL afterwards: it may be asked for again.
    live_key: Mapped[str | None] = mapped_column(String(64), unique=True)
    state: Mapped[str] = mapped_column(String(20))
    progress: Mapped[float] = mapped_column(Float)
    stage: Mapped[str] = mapped_column(String(60))
    problem: Mapped[str | None] = mapped_column(Text)
    attempts: Mapped[int] = mapped_column(Integer)
    token: Mapped[str | None] = mapped_column(String(36))
    worker: Mapped[str | None] = mapped_column(String(200))
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


@dataclass(frozen=True)
class Job:
    """What others may know of a job; `problem` is a problem document, for a failed job only."""

    id: str
    kind: str
    subject: str
    state: JobState
    progress: float
    stage: str
    problem: dict[str, Any] | None
    attempts: int
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None

    @property
    def ended(self) -> bool:
        return self.state in ENDED


@dataclass(frozen=True)
class Claim:
    """A job in the hands of one worker; `token` proves it."""

    job_id: str
    kind: str
    subject: str
    token: str
    attempt: int


def to_job(row: JobRow) -> Job:
    return Job(
        id=row.id,
        kind=row.kind,
        subject=row.subject,
        state=JobState(row.state),
        progress=row.progress,
        stage=row.stage,
        problem=json.loads(row.problem) if row.problem else None,
        attempts=row.attempts,
        created_at=row.created_at,
        started_at=row.started_at,
        ended_at=row.ended_at,
    )


def live_job(session: Session, key: str) -> Job | None:
    """The queued, running or succeeded job with this key.

    In a writing session nobody else can add one until the transaction ends.
    """
    serialise(session, "jobs")
    row = session.scalar(select(JobRow).where(JobRow.live_key == key))
    return to_job(row) if row else None


def enqueue(session: Session, kind: str, subject: str, key: str) -> Job:
    """A new queued job; call `live_job` first, in the same writing session."""
    row = JobRow(
        id=str(uuid.uuid4()),
        number=(session.scalar(select(func.max(JobRow.number))) or 0) + 1,
        kind=kind,
        subject=subject,
        live_key=key,
        state=JobState.QUEUED.value,
        progress=0.0,
        stage="queued",
        attempts=0,
        created_at=datetime.now(UTC),
    )
    session.add(row)
    session.flush()
    return to_job(row)


def get_job(session: Session, job_id: str) -> Job | None:
    row = session.get(JobRow, job_id, populate_existing=True)
    return to_job(row) if row else None


def claim(session: Session, worker: str, kinds: Sequence[str], lease: timedelta = LEASE) -> Claim | None:
    """Take the oldest job that waits or whose worker is gone, if any. Commits with the caller."""
    now, token = datetime.now(UTC), str(uuid.uuid4())
    _give_up(session, now)
    waiting = or_(JobRow.state == JobState.QUEUED.value, _abandoned(now))
    oldest = (
        select(JobRow.id)
        .where(waiting, JobRow.kind.in_(kinds))
        .order_by(JobRow.number)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    taken = (
        update(JobRow)
        # Said twice: another worker may take the chosen row between the choice and the change.
        .where(JobRow.id == oldest.scalar_subquery(), waiting)
        .values(
            state=JobState.RUNNING.value,
            token=token,
            worker=worker,
            lease_until=now + lease,
            started_at=now,
            attempts=JobRow.attempts + 1,
            progress=0.0,
            stage="starting",
        )
        .returning(JobRow.id, JobRow.kind, JobRow.subject, JobRow.attempts)
    )
    row = session.execute(taken, execution_options={"synchronize_session": False}).one_or_none()
    return Claim(row.id, row.kind, row.subject, token, row.attempts) if row else None


def _abandoned(now: datetime) -> ColumnElement[bool]:
    return and_(JobRow.state == JobState.RUNNING.value, JobRow.lease_until < now)


def _give_up(session: Session, now: datetime) -> None:
    detail = f"The computation ended its worker {MAX_ATTEMPTS} times, so it is not tried again."
    problem = {"type": "about:blank", "title": "Computation failed", "status": 500, "detail": detail}
    lost = update(JobRow).where(_abandoned(now), JobRow.attempts >= MAX_ATTEMPTS)
    _run(session, lost.values(**_ended(JobState.FAILED), problem=json.dumps(problem)))


def renew(session: Session, claimed: Claim, progress: float, stage: str, lease: timedelta = LEASE) -> bool:
    """Report progress and extend the lease; False when the job was cancelled or went to another worker."""
    values = {"progress": progress, "stage": stage[:60], "lease_until": datetime.now(UTC) + lease}
    return _run(session, _held(claimed).values(**values)) == 1


def succeed(session: Session, claimed: Claim) -> bool:
    """End a job well; False when it is no longer this worker's."""
    ended = _ended(JobState.SUCCEEDED)
    del ended["live_key"]
    return _run(session, _held(claimed).values(**ended, progress=1.0, stage="done")) == 1


def fail(session: Session, claimed: Claim, problem: Mapping[str, Any]) -> bool:
    """End a job with a problem document; False when it is no longer this worker's."""
    values = {**_ended(JobState.FAILED), "problem": json.dumps(problem)}
    return _run(session, _held(claimed).values(**values)) == 1


def release(session: Session, claimed: Claim) -> bool:
    """Put a job back because its worker stops; this attempt does not count."""
    values = {
        "state": JobState.QUEUED.value,
        "token": None,
        "lease_until": None,
        "progress": 0.0,
        "stage": "queued",
        "attempts": JobRow.attempts - 1,
    }
    return _run(session, _held(claimed).values(**values)) == 1


def cancel(session: Session, job_id: str) -> bool:
    """Cancel a queued or running job; False when it has ended. Its worker learns of it when it renews."""
    unfinished = JobRow.state.in_((JobState.QUEUED.value, JobState.RUNNING.value))
    stopped = update(JobRow).where(JobRow.id == job_id, unfinished)
    return _run(session, stopped.values(**_ended(JobState.CANCELLED))) == 1


def _held(claimed: Claim) -> Update:
    return update(JobRow).where(
        JobRow.id == claimed.job_id, JobRow.token == claimed.token, JobRow.state == JobState.RUNNING.value
    )


def _ended(state: JobState) -> dict[str, Any]:
    return {
        "state": state.value,
        "live_key": None,
        "token": None,
        "lease_until": None,
        "ended_at": datetime.now(UTC),
    }


def _run(session: Session, statement: Update) -> int:
    result = session.execute(statement, execution_options={"synchronize_session": False})
    return int(result.rowcount)  # type: ignore[attr-defined]
