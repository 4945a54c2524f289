"""Fits of the acceptance model that know declared breaks of policy, beside the one without any.

    result_hash = content_hash(that of the forecast's own run, breaks) = the job's key

Each is named by the ledger entry that declared its last break. It sees the rows that the forecast's own run saw. Must
not know HTTP or how rates are computed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import ForeignKey, String, Text, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.acceptance.data import PolicyBreak
from priors.hashing import content_hash
from service.storage.acceptance import AcceptanceRun
from service.storage.base import Base
from service.storage.jobs import Job, JobRow, enqueue, live_job, to_job

BREAKS_KIND = "acceptance_breaks"


class BreakRow(Base):
    __tablename__ = "acceptance_breaks"
    entry: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    forecast_id: Mapped[str] = mapped_column(ForeignKey("forecasts.id"), index=True)
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id"))
    result_hash: Mapped[str] = mapped_column(String(64))
    breaks: Mapped[str] = mapped_column(Text)


@dataclass(frozen=True)
class BreakRun:
    """A fit with breaks; the last of `breaks` is the one that ledger entry `entry` declared."""

    entry: int
    forecast_id: str
    result_hash: str
    breaks: tuple[PolicyBreak, ...]
    job: Job


def order_breaks(session: Session, entry: int, run: AcceptanceRun, breaks: Sequence[PolicyBreak]) -> BreakRun:
    """The fit of a declaration, with its job; an equal one that lives is shared. Needs a writing session."""
    told = [asdict(declared) for declared in breaks]
    key = content_hash({"of": run.result_hash, "breaks": told})
    job = live_job(session, key) or enqueue(session, BREAKS_KIND, str(entry), key)
    session.add(
        BreakRow(
            entry=entry,
            forecast_id=run.forecast_id,
            job_id=job.id,
            result_hash=key,
            breaks=json.dumps(told),
        )
    )
    session.flush()
    return BreakRun(entry, run.forecast_id, key, tuple(breaks), job)


def list_breaks(session: Session, forecast_id: str) -> list[BreakRun]:
    """Every fit with breaks of a forecast, in the order of declaration."""
    query = select(BreakRow, JobRow).join(JobRow, JobRow.id == BreakRow.job_id).order_by(BreakRow.entry)
    found = session.execute(query.where(BreakRow.forecast_id == forecast_id)).all()
    return [_read(row, job) for row, job in found]


def get_breaks(session: Session, entry: int) -> BreakRun | None:
    """The fit that a ledger entry declared; None where it declared none."""
    query = select(BreakRow, JobRow).join(JobRow, JobRow.id == BreakRow.job_id)
    found = session.execute(query.where(BreakRow.entry == entry)).one_or_none()
    return _read(*found) if found else None


def _read(row: BreakRow, job: JobRow) -> BreakRun:
    breaks = tuple(PolicyBreak(**told) for told in json.loads(row.breaks))
    return BreakRun(row.entry, row.forecast_id, row.result_hash, breaks, to_job(job))
