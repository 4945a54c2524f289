"""Evaluations as asked for: the normalised request, what it could see, and the job that computes it.

    result_hash = content_hash(request, forecasts in force, figures known, edits, model version) = the job's key

Equal hashes mean equal answers to the byte. `newest_entry`, `known_rows` and `ledger_entries` say how much of the
archive, the realisations and the ledger there was: all three are only added to, so a late start computes the same.
Must not know HTTP or how an evaluation is computed.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import ForeignKey, Integer, String, Text, func, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.calibration.records import EvaluationRequest
from priors.hashing import content_hash
from service.storage.archive import ArchiveFilter
from service.storage.base import Base, UtcDateTime
from service.storage.draws import is_content_hash
from service.storage.jobs import Job, JobRow, JobState, enqueue, live_job, to_job
from service.storage.paging import Page

EVALUATION_KIND = "evaluation"
RESULT = "evaluation.json"


class EvaluationRow(Base):
    __tablename__ = "evaluations"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, unique=True)
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id"), unique=True)
    result_hash: Mapped[str] = mapped_column(String(64))
    request: Mapped[str] = mapped_column(Text)
    newest_entry: Mapped[int] = mapped_column(Integer)
    known_rows: Mapped[int] = mapped_column(Integer)
    ledger_entries: Mapped[int] = mapped_column(Integer)
    data_vintage: Mapped[str] = mapped_column(String(64))
    model_version: Mapped[str] = mapped_column(String(40))
    created_by: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


@dataclass(frozen=True)
class EvaluationOrder:
    """A request in full; outcomes are either of a `source` as known on `as_of`, or the given `values`."""

    request: EvaluationRequest
    source: str | None
    as_of: date | None
    values: tuple[tuple[int, float], ...] | None

    @property
    def archive_filter(self) -> ArchiveFilter:
        chosen = self.request.filter
        return ArchiveFilter(
            series=chosen.series,
            geo=chosen.geo,
            citizen=chosen.citizen,
            issuer=(chosen.issuer,) if chosen.issuer else (),
            expert=chosen.expert,
            stage=(chosen.stage,) if chosen.stage else (),
            target_years=chosen.target_years,
        )

    def as_json(self) -> dict[str, Any]:
        """In the names of the HTTP contract."""
        came: dict[str, Any]
        if self.values is not None:
            came = {"values": {str(year): value for year, value in self.values}}
        else:
            came = {"source": self.source, "asOf": self.as_of.isoformat() if self.as_of else None}
        return {**self.request.model_dump(mode="json", by_alias=True), "realisations": came}


@dataclass(frozen=True)
class EvaluationBasis:
    """How much there was to see, and hashes of what of it counts."""

    newest_entry: int
    known_rows: int
    ledger_entries: int
    archive_hash: str
    data_vintage: str
    edits_hash: str
    model_version: str


@dataclass(frozen=True)
class SeenBy:
    """What is kept of the basis: where each of the three ended, the figures' hash and the model's version."""

    newest_entry: int
    known_rows: int
    ledger_entries: int
    data_vintage: str
    model_version: str


@dataclass(frozen=True)
class StoredEvaluation:
    """An evaluation as the database knows it, with the state of its job."""

    id: str
    order: EvaluationOrder
    basis: SeenBy
    result_hash: str
    created_by: str
    created_at: datetime
    job: Job


def evaluation_directory(data_dir: Path, result_hash: str) -> Path:
    """Where a result is, or will be; raises ValueError for what is not a hexadecimal SHA-256."""
    if not is_content_hash(result_hash):
        raise ValueError(f"not a content hash: {result_hash!r}")
    return data_dir / "evaluations" / result_hash


def result_hash(order: EvaluationOrder, basis: EvaluationBasis) -> str:
    """The name of the answer: all that determines it, and nothing that does not."""
    seen = [basis.archive_hash, basis.data_vintage, basis.edits_hash, basis.model_version]
    return content_hash({"request": order.as_json(), "basis": seen})


def order_evaluation(
    session: Session, order: EvaluationOrder, basis: EvaluationBasis, created_by: str
) -> tuple[StoredEvaluation, bool]:
    """The evaluation for this order and whether it is new; an equal one that lives is returned as it is.

    Needs a writing session; commits with the caller.
    """
    hashed = result_hash(order, basis)
    existing = live_job(session, hashed)
    if existing is not None:
        found = get_evaluation(session, existing.subject)
        assert found is not None, "a job of this kind is written together with its evaluation"
        return found, False
    identifier = str(uuid.uuid4())
    job = enqueue(session, EVALUATION_KIND, identifier, hashed)
    row = EvaluationRow(
        id=identifier,
        number=(session.scalar(select(func.max(EvaluationRow.number))) or 0) + 1,
        job_id=job.id,
        result_hash=hashed,
        request=json.dumps(order.as_json()),
        newest_entry=basis.newest_entry,
        known_rows=basis.known_rows,
        ledger_entries=basis.ledger_entries,
        data_vintage=basis.data_vintage,
        model_version=basis.model_version,
        created_by=created_by,
        created_at=datetime.now(UTC),
    )
    session.add(row)
    session.flush()
    return _stored(row, job), True


def get_evaluation(session: Session, evaluation_id: str) -> StoredEvaluation | None:
    """An evaluation by its id, or by its result hash: then the latest that was ordered with that result."""
    query = select(EvaluationRow, JobRow).join(JobRow, JobRow.id == EvaluationRow.job_id)
    named = or_(EvaluationRow.id == evaluation_id, EvaluationRow.result_hash == evaluation_id)
    found = session.execute(query.where(named).order_by(EvaluationRow.number.desc()).limit(1)).one_or_none()
    return _stored(found[0], to_job(found[1])) if found else None


def list_evaluations(
    session: Session, number: int, size: int, status: JobState | None = None
) -> Page[StoredEvaluation]:
    """Evaluations, the latest first."""
    query = select(EvaluationRow, JobRow).join(JobRow, JobRow.id == EvaluationRow.job_id)
    if status is not None:
        query = query.where(JobRow.state == status.value)
    total = session.execute(select(func.count()).select_from(query.subquery())).scalar_one()
    ordered = query.order_by(EvaluationRow.number.desc()).offset((number - 1) * size).limit(size)
    items = [_stored(row, to_job(job)) for row, job in session.execute(ordered)]
    return Page(items, number, size, total)


def _stored(row: EvaluationRow, job: Job) -> StoredEvaluation:
    return StoredEvaluation(
        id=row.id,
        order=_order(json.loads(row.request)),
        basis=SeenBy(
            row.newest_entry, row.known_rows, row.ledger_entries, row.data_vintage, row.model_version
        ),
        result_hash=row.result_hash,
        created_by=row.created_by,
        created_at=row.created_at,
        job=job,
    )


def _order(asked: dict[str, Any]) -> EvaluationOrder:
    came = asked.pop("realisations")
    request = EvaluationRequest.model_validate(asked)
    if "values" in came:
        values = tuple((int(year), float(value)) for year, value in came["values"].items())
        return EvaluationOrder(request, None, None, values)
    return EvaluationOrder(request, came["source"], date.fromisoformat(came["asOf"]), None)
