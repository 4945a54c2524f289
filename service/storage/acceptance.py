"""Runs of the acceptance model: which one belongs to a forecast, what it could see, and the job that computes it.

    result_hash = content_hash(country, day, figures known, model version) = the job's key

Forecasts that see the same decisions share a run. `known_rows` says how many rows of each series were stored: rows
are only added, so a late start computes the same. Must not know HTTP or how rates are computed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import ForeignKey, String, Text, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from service.storage.base import Base, UtcDateTime
from service.storage.draws import is_content_hash
from service.storage.jobs import Job, JobRow, JobState, enqueue, live_job, to_job

ACCEPTANCE_KIND = "acceptance"


class AcceptanceRow(Base):
    __tablename__ = "acceptance_runs"
    forecast_id: Mapped[str] = mapped_column(ForeignKey("forecasts.id"), primary_key=True)
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id"))
    result_hash: Mapped[str] = mapped_column(String(64))
    known_rows: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


@dataclass(frozen=True)
class AcceptanceRun:
    """A forecast's run with the state of its job; `known_rows` by series."""

    forecast_id: str
    result_hash: str
    known_rows: dict[str, int]
    job: Job


def acceptance_directory(data_dir: Path, result_hash: str) -> Path:
    """Where a result is, or will be; raises ValueError for what is not a hexadecimal SHA-256."""
    if not is_content_hash(result_hash):
        raise ValueError(f"not a content hash: {result_hash!r}")
    return data_dir / "acceptance" / result_hash


def order_acceptance(
    session: Session, forecast_id: str, result_hash: str, known_rows: Mapping[str, int]
) -> AcceptanceRun:
    """The run of a forecast, new or there already; an equal run that lives is shared.

    Needs a writing session; commits with the caller.
    """
    found = get_acceptance(session, forecast_id)
    if found is not None:
        return found
    job = live_job(session, result_hash) or enqueue(session, ACCEPTANCE_KIND, forecast_id, result_hash)
    session.add(
        AcceptanceRow(
            forecast_id=forecast_id,
            job_id=job.id,
            result_hash=result_hash,
            known_rows=json.dumps(dict(known_rows)),
            created_at=datetime.now(UTC),
        )
    )
    session.flush()
    return AcceptanceRun(forecast_id, result_hash, dict(known_rows), job)


def get_acceptance(session: Session, forecast_id: str) -> AcceptanceRun | None:
    """The run of a forecast; None where none was ordered."""
    query = select(AcceptanceRow, JobRow).join(JobRow, JobRow.id == AcceptanceRow.job_id)
    found = session.execute(query.where(AcceptanceRow.forecast_id == forecast_id)).one_or_none()
    if found is None:
        return None
    row, job = found
    return AcceptanceRun(row.forecast_id, row.result_hash, json.loads(row.known_rows), to_job(job))


def ready_rates(session: Session, forecast_id: str) -> str | None:
    """The name of a forecast's rates once they are computed; None before, and where none were ordered."""
    run = get_acceptance(session, forecast_id)
    return run.result_hash if run is not None and run.job.state is JobState.SUCCEEDED else None
