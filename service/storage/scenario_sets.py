"""Scenario sets as immutable versions: what was stated stays readable for ever, a change is a new version.

    etag = hash(set, version, status, content): strong, and different for every version of every set

`get_set` gives the record as it was stated. Adding a set or a version without its entry in the ledger is not
meant to happen: use `service.scenario_changes`, which does both in one transaction. Must not know HTTP.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import ForeignKey, Select, String, Text, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from priors.hashing import content_hash
from priors.scenario import ScenarioSet
from service.storage.base import Base, UtcDateTime, serialise
from service.storage.paging import Page, fetch_page

_LOCK = "scenario sets"


class SetRow(Base):
    __tablename__ = "scenario_sets"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    number: Mapped[int] = mapped_column(unique=True)
    version: Mapped[int]
    status: Mapped[str] = mapped_column(String(20))


class VersionRow(Base):
    __tablename__ = "scenario_set_versions"
    set_id: Mapped[str] = mapped_column(ForeignKey("scenario_sets.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    record: Mapped[str] = mapped_column(Text)
    content_hash: Mapped[str] = mapped_column(String(64))
    created_by: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class UnknownScenarioSet(LookupError):
    """There is no such set, or it has no such version."""


@dataclass(frozen=True)
class StoredSet:
    """One version of a set; `status` is concept, adopted or superseded."""

    id: str
    version: int
    record: ScenarioSet
    content_hash: str
    status: str
    created_by: str
    created_at: datetime

    @property
    def etag(self) -> str:
        identity = f"{self.id} {self.version} {self.status} {self.content_hash}"
        return f'"{hashlib.sha256(identity.encode()).hexdigest()[:32]}"'


def create_set(session: Session, record: ScenarioSet, actor: str) -> StoredSet:
    """Store a new set as version 1, status concept."""
    serialise(session, _LOCK)
    number = (session.scalar(select(func.max(SetRow.number))) or 0) + 1
    row = SetRow(id=str(uuid.uuid4()), number=number, version=1, status="concept")
    session.add(row)
    session.flush()
    return _add_version(session, row, record, actor)


def add_version(session: Session, set_id: str, record: ScenarioSet, actor: str) -> StoredSet:
    """Store the next version of a set; raises UnknownScenarioSet."""
    row = _locked(session, set_id)
    row.version += 1
    return _add_version(session, row, record, actor)


def get_set(session: Session, set_id: str, version: int | None = None) -> StoredSet:
    """One version, by default the latest; raises UnknownScenarioSet."""
    wanted = SetRow.version if version is None else version
    query = _versions().where(SetRow.id == set_id, VersionRow.version == wanted)
    found = session.execute(query).one_or_none()
    if found is None:
        raise UnknownScenarioSet(set_id if version is None else f"{set_id}, version {version}")
    return _stored(*found)


def lock_set(session: Session, set_id: str) -> StoredSet:
    """The latest version, which stays the latest until this transaction ends; raises UnknownScenarioSet."""
    _locked(session, set_id)
    return get_set(session, set_id)


def list_sets(
    session: Session, number: int, size: int, hidden: Collection[str] = frozenset()
) -> Page[StoredSet]:
    """Every set but the hidden ones in its latest version, the newest set first."""
    query = select(SetRow).where(SetRow.id.not_in(hidden)).order_by(SetRow.number.desc())
    page = fetch_page(session, query, number, size)
    return Page([get_set(session, row.id) for row in page.items], page.number, page.size, page.total)


def hidden_from(session: Session, expert: str) -> frozenset[str]:
    """Ids of others' sets about an edition and target that the expert has not stated a set about."""
    query = _versions().where(VersionRow.version == SetRow.version)
    subjects = {row.id: _subject(version) for row, version in session.execute(query)}
    mine = set(session.scalars(select(VersionRow.set_id).where(VersionRow.created_by == expert)))
    stated = {subjects[set_id] for set_id in mine}
    return frozenset(set_id for set_id, subject in subjects.items() if subject not in stated)


def _subject(version: VersionRow) -> str:
    """What a set is about."""
    record = json.loads(version.record)
    return json.dumps([record["edition"], record["target"]], sort_keys=True)


def list_versions(session: Session, set_id: str, number: int, size: int) -> Page[StoredSet]:
    """The versions of one set, the latest first; raises UnknownScenarioSet."""
    row = session.get(SetRow, set_id)
    if row is None:
        raise UnknownScenarioSet(set_id)
    query = select(VersionRow).where(VersionRow.set_id == set_id).order_by(VersionRow.version.desc())
    page = fetch_page(session, query, number, size)
    return Page([_stored(row, version) for version in page.items], page.number, page.size, page.total)


def _versions() -> Select[SetRow, VersionRow]:
    return select(SetRow, VersionRow).join(VersionRow, VersionRow.set_id == SetRow.id)


def _locked(session: Session, set_id: str) -> SetRow:
    # SQLite's writer is alone already and ignores FOR UPDATE.
    row = session.scalars(select(SetRow).where(SetRow.id == set_id).with_for_update()).one_or_none()
    if row is None:
        raise UnknownScenarioSet(set_id)
    return row


def _add_version(session: Session, row: SetRow, record: ScenarioSet, actor: str) -> StoredSet:
    version = VersionRow(
        set_id=row.id,
        version=row.version,
        record=record.model_dump_json(by_alias=True),
        content_hash=content_hash(record),
        created_by=actor,
        created_at=datetime.now(UTC),
    )
    session.add(version)
    session.flush()
    return _stored(row, version)


def _stored(row: SetRow, version: VersionRow) -> StoredSet:
    return StoredSet(
        id=row.id,
        version=version.version,
        record=ScenarioSet.model_validate_json(version.record),
        content_hash=version.content_hash,
        status=row.status,
        created_by=version.created_by,
        created_at=version.created_at,
    )
