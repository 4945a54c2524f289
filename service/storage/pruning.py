"""What may be deleted from the data directory: results that nobody refers to any more, and fits nobody used.

    draws, acceptance    no forecast has them, or only concepts that are older than asked
    evaluations          no evaluation has them
    fits                 not used for so many days: who needs one again makes it again, with the same draws

Never what an adopted or superseded edition stands on, what a job is at work on, nor anything younger than so many
days. A concept whose draws go stays in the list with all that was noted of it; asked for again it is computed anew,
to the same bytes. Whatever is removed is renamed first, so that nobody finds half a directory. Must not know HTTP.
"""

from __future__ import annotations

import shutil
import time
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from sqlalchemy import select, update
from sqlalchemy.orm import Session, sessionmaker

from service.storage.acceptance import AcceptanceRow
from service.storage.base import serialise, writing
from service.storage.draws import PARTIAL, is_content_hash
from service.storage.evaluations import EvaluationRow
from service.storage.forecasts import ForecastRow
from service.storage.jobs import JobRow, JobState

Kind = Literal["draws", "acceptance", "evaluations", "fits"]
_AT_WORK = (JobState.QUEUED.value, JobState.RUNNING.value)


@dataclass(frozen=True)
class Removable:
    """A directory that may go, its size in bytes, and why; `jobs` whose results then are no longer there."""

    kind: Kind
    directory: Path
    size: int
    reason: str
    jobs: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Holder:
    """Who has a result: its job, and whether it must stay."""

    job_id: str
    kept: bool


def removable(
    session: Session, data_dir: Path, unused_days: int, concept_days: int | None = None
) -> tuple[Removable, ...]:
    """Everything that may be deleted, the largest first.

    `unused_days`: how long a directory must have been left alone; `concept_days`: the age from which concepts lose
    their draws, None for never.
    """
    held = _holders(session, concept_days)
    found: list[Removable] = []
    for kind in ("draws", "acceptance", "evaluations", "fits"):
        for directory in _directories(data_dir / kind, unused_days):
            holders = held[kind].get(directory.name, [])
            if any(holder.kept for holder in holders):
                continue
            reason = _reason(kind, bool(holders), unused_days, concept_days)
            jobs = tuple(holder.job_id for holder in holders)
            found.append(Removable(kind, directory, _size(directory), reason, jobs))
    return tuple(sorted(found, key=lambda one: (-one.size, str(one.directory))))


def remove(
    sessions: sessionmaker[Session], data_dir: Path, unused_days: int, concept_days: int | None = None
) -> tuple[Removable, ...]:
    """Delete what `removable` finds, looked up anew.

    Directories lose their names while the jobs that made them let go of their keys: a request that comes in between
    waits, and is then computed again. When the database refuses, every directory gets its name back.
    """
    away: list[tuple[Path, Path]] = []
    try:
        with writing(sessions) as session:
            serialise(session, "jobs")
            serialise(session, "editions")
            found = removable(session, data_dir, unused_days, concept_days)
            for one in found:
                aside = one.directory.with_name(f"{PARTIAL}{uuid.uuid4().hex}")
                away.append((one.directory.rename(aside), one.directory))
            jobs = [job for one in found for job in one.jobs]
            session.execute(update(JobRow).where(JobRow.id.in_(jobs)).values(live_key=None))
    except BaseException:
        for aside, directory in away:
            aside.rename(directory)
        raise
    for aside, _ in away:
        shutil.rmtree(aside)
    return found


def _holders(session: Session, concept_days: int | None) -> dict[Kind, dict[str, list[_Holder]]]:
    """By kind and name of a directory, who has it."""
    old = None if concept_days is None else datetime.now(UTC) - timedelta(days=concept_days)
    forecasts = select(
        ForecastRow.draws_hash,
        ForecastRow.job_id,
        JobRow.state,
        ForecastRow.edition_status,
        ForecastRow.created_at,
    ).join(JobRow, JobRow.id == ForecastRow.job_id)
    rates = (
        select(
            AcceptanceRow.result_hash, AcceptanceRow.job_id, JobRow.state, ForecastRow.edition_status,
            ForecastRow.created_at,
        )
        .join(JobRow, JobRow.id == AcceptanceRow.job_id)
        .join(ForecastRow, ForecastRow.id == AcceptanceRow.forecast_id)
    )  # fmt: skip
    held: dict[Kind, dict[str, list[_Holder]]] = {
        "draws": {},
        "acceptance": {},
        "evaluations": {},
        "fits": {},
    }
    asked: tuple[tuple[Kind, object], ...] = (("draws", forecasts), ("acceptance", rates))
    for kind, query in asked:
        for name, job, state, status, created in session.execute(query):  # type: ignore[call-overload]
            kept = status != "concept" or state in _AT_WORK or old is None or created > old
            held[kind].setdefault(name, []).append(_Holder(job, kept))
    for name, job in session.execute(select(EvaluationRow.result_hash, EvaluationRow.job_id)):
        held["evaluations"].setdefault(name, []).append(_Holder(job, True))
    return held


def _directories(folder: Path, unused_days: int) -> Iterator[Path]:
    """The results in a folder that were left alone so long; a fit's time is that of its last use."""
    if not folder.is_dir():
        return
    latest = time.time() - 86_400 * unused_days
    for directory in sorted(folder.iterdir()):
        if is_content_hash(directory.name) and directory.is_dir() and directory.stat().st_mtime < latest:
            yield directory


def _reason(kind: Kind, has_holders: bool, unused_days: int, concept_days: int | None) -> str:
    if kind == "fits":
        return f"not used for {unused_days} days"
    return f"concepts older than {concept_days} days" if has_holders else "nobody refers to it"


def _size(directory: Path) -> int:
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())


def megabytes(found: Iterable[Removable]) -> float:
    """Of all together, in 10^6 bytes."""
    return sum(one.size for one in found) / 1e6
