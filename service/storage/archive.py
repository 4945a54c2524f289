"""The archive of forecasts ever issued, ours or transcribed: rows are only added, a correction supersedes.

    key = series, geo, citizen, edition, issuer, expert, stage, target year;   version 1, 2, ... of one key

A later version names the one it supersedes; both stay readable, and the latest is the one in force. `number`
orders the archive: whoever notes the newest number can read later what was in it then. What a forecast says is
kept as the JSON it came as. Must not know how a forecast is scored, nor HTTP.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

from sqlalchemy import Date, ForeignKey, Index, Select, String, Text, func, insert, select
from sqlalchemy.orm import Mapped, Session, aliased, mapped_column

from priors.hashing import content_hash
from service.storage.base import Base, UtcDateTime, serialise
from service.storage.paging import Page

STAGES = ("experts", "model", "combined", "estimate", "adopted")
KINDS = ("quantiles", "scenarios", "draws", "point")
_AT_ONCE = 400


class ArchivedRow(Base):
    __tablename__ = "archived_forecasts"
    __table_args__ = (
        Index("ix_archived_forecasts_target", "series", "geo", "citizen", "stage", "target_year"),
        Index("uq_archived_forecasts_key_version", "key_hash", "version", unique=True),
    )
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    number: Mapped[int] = mapped_column(unique=True)
    key_hash: Mapped[str] = mapped_column(String(64))
    version: Mapped[int]
    supersedes: Mapped[str | None] = mapped_column(ForeignKey("archived_forecasts.id"), unique=True)
    series: Mapped[str] = mapped_column(String(40))
    geo: Mapped[str] = mapped_column(String(12))
    citizen: Mapped[str] = mapped_column(String(20))
    edition: Mapped[str] = mapped_column(String(64), index=True)
    issuer: Mapped[str] = mapped_column(String(200))
    expert: Mapped[str | None] = mapped_column(String(200))
    stage: Mapped[str] = mapped_column(String(20))
    target_year: Mapped[int]
    issued_on: Mapped[date] = mapped_column(Date)
    cutoff: Mapped[date] = mapped_column(Date)
    kind: Mapped[str] = mapped_column(String(20))
    content: Mapped[str] = mapped_column(Text)
    origin: Mapped[str] = mapped_column(String(200))
    created_by: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


@dataclass(frozen=True)
class ArchiveKey:
    """What makes two archived forecasts the same one."""

    series: str
    geo: str
    citizen: str
    edition: str
    issuer: str
    expert: str | None
    stage: str
    target_year: int

    @property
    def hashed(self) -> str:
        return content_hash(list(astuple(self)))

    def __str__(self) -> str:
        who = self.issuer if self.expert is None else f"{self.issuer} ({self.expert})"
        return (
            f"{self.target_year} in edition {self.edition} of {who}, stage {self.stage}, "
            f"{self.series} {self.geo} {self.citizen}"
        )


@dataclass(frozen=True)
class NewEntry:
    """A forecast to archive; `content` is all it says, `supersedes` the id of the version it corrects."""

    key: ArchiveKey
    issued_on: date
    cutoff: date
    kind: str
    content: Mapping[str, Any]
    supersedes: str | None = None


@dataclass(frozen=True)
class ArchiveEntry:
    """A forecast as it stands in the archive; `superseded_by` is None for the version in force."""

    id: str
    number: int
    version: int
    key: ArchiveKey
    issued_on: date
    cutoff: date
    kind: str
    content: Mapping[str, Any]
    supersedes: str | None
    superseded_by: str | None
    origin: str
    created_by: str
    created_at: datetime


@dataclass(frozen=True)
class ArchiveFilter:
    """Which entries: empty members and None mean all."""

    series: str | None = None
    geo: str | None = None
    citizen: str | None = None
    edition: str | None = None
    issuer: tuple[str, ...] = ()
    expert: str | None = None
    stage: tuple[str, ...] = ()
    target_years: tuple[int, int] | None = None


class ArchiveContents(NamedTuple):
    """How much the archive holds of one issuer's forecasts of one target at one stage."""

    series: str
    geo: str
    citizen: str
    issuer: str
    stage: str
    first_year: int
    last_year: int
    forecasts: int
    editions: int


class Conflict(NamedTuple):
    """One reason not to store a batch: the position of the entry in it, the field, and what is wrong, in Dutch too."""

    position: int
    field: str
    detail: str
    detail_nl: str


class ArchiveConflicts(ValueError):
    """Nothing of the batch was stored."""

    def __init__(self, conflicts: Sequence[Conflict]) -> None:
        super().__init__("; ".join(f"entry {c.position}: {c.detail}" for c in conflicts))
        self.conflicts = tuple(conflicts)


def add_entries(session: Session, entries: Sequence[NewEntry], origin: str, actor: str) -> list[ArchiveEntry]:
    """Store all entries or, raising ArchiveConflicts with every reason, none. Needs a writing session."""
    serialise(session, "archive")
    in_force = _versions_in_force(session, {entry.key.hashed for entry in entries})
    conflicts = list(_conflicts(session, entries, in_force))
    if conflicts:
        raise ArchiveConflicts(conflicts)
    number, now = newest_number(session), datetime.now(UTC)
    rows = [
        _values(entry, number + place, in_force.get(entry.key.hashed), origin, actor, now)
        for place, entry in enumerate(entries, start=1)
    ]
    if rows:
        session.execute(insert(ArchivedRow), rows)
    return [_entry(ArchivedRow(**row), None) for row in rows]


def list_entries(
    session: Session, wanted: ArchiveFilter, number: int, size: int, superseded: bool = False
) -> Page[ArchiveEntry]:
    """Entries in the order they came, those in force or, with `superseded`, every version."""
    query = _query(wanted, superseded)
    total = session.execute(select(func.count()).select_from(query.subquery())).scalar_one()
    ordered = query.order_by(ArchivedRow.number).offset((number - 1) * size).limit(size)
    return Page([_entry(row, later) for row, later in session.execute(ordered)], number, size, total)


def entries_at(session: Session, wanted: ArchiveFilter, newest: int) -> list[ArchiveEntry]:
    """The versions in force when `newest` was the newest number, in the order they came."""
    later = aliased(ArchivedRow)
    corrected = select(later.id).where(later.supersedes == ArchivedRow.id, later.number <= newest)
    query = _matching(select(ArchivedRow), wanted).where(ArchivedRow.number <= newest, ~corrected.exists())
    return [_entry(row, None) for row in session.scalars(query.order_by(ArchivedRow.number))]


def get_entry(session: Session, entry_id: str) -> ArchiveEntry | None:
    found = session.execute(_query(ArchiveFilter(), True).where(ArchivedRow.id == entry_id)).one_or_none()
    return _entry(*found) if found else None


def summarise(session: Session, wanted: ArchiveFilter) -> tuple[list[str], list[str]]:
    """Issuers, and targets as "series geo citizen", that some entry has; both in alphabetical order."""
    issuers = session.scalars(_matching(select(ArchivedRow.issuer).distinct(), wanted))
    columns = (ArchivedRow.series, ArchivedRow.geo, ArchivedRow.citizen)
    targets = session.execute(_matching(select(*columns).distinct(), wanted))
    return sorted(issuers), sorted(" ".join(target) for target in targets)


def contents(session: Session) -> list[ArchiveContents]:
    """What the archive holds by target, issuer and stage, versions in force only."""
    key = (ArchivedRow.series, ArchivedRow.geo, ArchivedRow.citizen, ArchivedRow.issuer, ArchivedRow.stage)
    later = aliased(ArchivedRow)
    query = (
        select(
            *key,
            func.min(ArchivedRow.target_year),
            func.max(ArchivedRow.target_year),
            func.count(),
            func.count(ArchivedRow.edition.distinct()),
        )
        .outerjoin(later, later.supersedes == ArchivedRow.id)
        .where(later.id.is_(None))
        .group_by(*key)
        .order_by(*key)
    )
    return [ArchiveContents(*row) for row in session.execute(query)]


def newest_number(session: Session) -> int:
    """The number of the last entry; 0 for an empty archive."""
    return session.scalar(select(func.max(ArchivedRow.number))) or 0


def _query(wanted: ArchiveFilter, superseded: bool) -> Select[ArchivedRow, str | None]:
    later = aliased(ArchivedRow)
    query = select(ArchivedRow, later.id).outerjoin(later, later.supersedes == ArchivedRow.id)
    chosen: Select[ArchivedRow, str | None] = _matching(
        query if superseded else query.where(later.id.is_(None)), wanted
    )
    return chosen


def _matching(query: Any, wanted: ArchiveFilter) -> Any:
    for name in ("series", "geo", "citizen", "edition", "expert"):
        if (value := getattr(wanted, name)) is not None:
            query = query.where(getattr(ArchivedRow, name) == value)
    if wanted.issuer:
        query = query.where(ArchivedRow.issuer.in_(wanted.issuer))
    if wanted.stage:
        query = query.where(ArchivedRow.stage.in_(wanted.stage))
    if wanted.target_years is not None:
        query = query.where(ArchivedRow.target_year.between(*wanted.target_years))
    return query


def _versions_in_force(session: Session, hashes: set[str]) -> dict[str, ArchivedRow]:
    """The latest version of each of the keys that the archive has."""
    found: dict[str, ArchivedRow] = {}
    ordered = sorted(hashes)
    for start in range(0, len(ordered), _AT_ONCE):
        query = select(ArchivedRow).where(ArchivedRow.key_hash.in_(ordered[start : start + _AT_ONCE]))
        for row in session.scalars(query.order_by(ArchivedRow.version)):
            found[row.key_hash] = row
    return found


def _conflicts(
    session: Session, entries: Sequence[NewEntry], in_force: Mapping[str, ArchivedRow]
) -> Iterator[Conflict]:
    first: dict[str, int] = {}
    for position, entry in enumerate(entries):
        hashed = entry.key.hashed
        if hashed in first:
            detail = f"the forecast of {entry.key} is given more than once"
            yield Conflict(position, "edition", detail, f"de prognose {entry.key} staat er meer dan eens")
            continue
        first[hashed] = position
        current = in_force.get(hashed)
        if entry.supersedes is None and current is not None:
            remedy = f"give `supersedes`: {current.id} and a `reason` to correct it"
            detail = f"the forecast of {entry.key} is archived already; {remedy}"
            dutch = (
                f"de prognose {entry.key} staat al in het archief; geef ‘supersedes’: {current.id} en een ‘reason’ om "
                "haar te verbeteren"
            )
            yield Conflict(position, "edition", detail, dutch)
        elif entry.supersedes is not None and (current is None or current.id != entry.supersedes):
            yield Conflict(position, "supersedes", *_not_superseded(session, entry, current))


def _not_superseded(session: Session, entry: NewEntry, current: ArchivedRow | None) -> tuple[str, str]:
    """Why an entry cannot be superseded, in English and in Dutch."""
    named = session.get(ArchivedRow, entry.supersedes)
    if named is None:
        known = f"there is no archived forecast {entry.supersedes}"
        return known, f"er is geen gearchiveerde prognose {entry.supersedes}"
    if named.key_hash != entry.key.hashed:
        return (
            "is the id of another forecast; only edition, issuer, stage and year alike can be corrected",
            "is het id van een andere prognose; alleen met gelijke editie, uitgever, moment en jaar is te verbeteren",
        )
    assert current is not None, "a key with a version has one in force"
    return (
        f"was superseded already; the version in force is {current.id}",
        f"is al vervangen; de geldende versie is {current.id}",
    )


def _values(
    entry: NewEntry, number: int, current: ArchivedRow | None, origin: str, actor: str, now: datetime
) -> dict[str, Any]:
    names = ("series", "geo", "citizen", "edition", "issuer", "expert", "stage", "target_year")
    return {
        **dict(zip(names, astuple(entry.key), strict=True)),
        "id": str(uuid.uuid4()),
        "number": number,
        "key_hash": entry.key.hashed,
        "version": current.version + 1 if current else 1,
        "supersedes": entry.supersedes,
        "issued_on": entry.issued_on,
        "cutoff": entry.cutoff,
        "kind": entry.kind,
        "content": json.dumps(entry.content, separators=(",", ":"), allow_nan=False),
        "origin": origin,
        "created_by": actor,
        "created_at": now,
    }


def _entry(row: ArchivedRow, superseded_by: str | None) -> ArchiveEntry:
    key = ArchiveKey(
        row.series, row.geo, row.citizen, row.edition, row.issuer, row.expert, row.stage, row.target_year
    )
    return ArchiveEntry(
        id=row.id,
        number=row.number,
        version=row.version,
        key=key,
        issued_on=row.issued_on,
        cutoff=row.cutoff,
        kind=row.kind,
        content=json.loads(row.content),
        supersedes=row.supersedes,
        superseded_by=superseded_by,
        origin=row.origin,
        created_by=row.created_by,
        created_at=row.created_at,
    )
