"""The ledger in the database: appended under one lock, each entry sealed by `priors.ledger`.

Verification recomputes the chain from what is stored and also holds it against the scenario sets: every version
must have its entry and say what its entry says, so a removed last entry or an altered version is found as well; and
against the head, which is kept apart, so a last entry removed together with its version is found too.
Must not know HTTP, nor how an effect is computed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError
from sqlalchemy import String, Text, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from priors.hashing import content_hash
from priors.ledger import GENESIS, Effect, LedgerEntry, LedgerFields, Verification, seal, verify
from priors.scenario import ScenarioSet
from service.storage.base import Base, UtcDateTime, serialise
from service.storage.paging import Page, fetch_page
from service.storage.scenario_sets import VersionRow

_SET = "scenario_set:"


class LedgerRow(Base):
    __tablename__ = "ledger_entries"
    sequence: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    subject: Mapped[str] = mapped_column(String(200), index=True)
    entry: Mapped[str] = mapped_column(Text)
    entry_hash: Mapped[str] = mapped_column(String(64), unique=True)


class HeadRow(Base):
    """The last entry's number and hash, in a row of its own."""

    __tablename__ = "ledger_heads"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sequence: Mapped[int]
    entry_hash: Mapped[str] = mapped_column(String(64))


class UnreadableEntry(ValueError):
    """A stored entry is not what was sealed, to the point that it cannot be read."""


def set_subject(set_id: str) -> str:
    """How the ledger names a scenario set."""
    return f"{_SET}{set_id}"


def append_entry(
    session: Session, *, actor: str, reason: str, subject: str, before: Any, after: Any, effect: Effect
) -> LedgerEntry:
    """Seal and store the next entry; nobody else can append until this transaction ends."""
    serialise(session, "ledger")
    last = session.scalars(select(LedgerRow).order_by(LedgerRow.sequence.desc()).limit(1)).one_or_none()
    fields = LedgerFields(
        sequence=last.sequence + 1 if last else 1,
        at=datetime.now(UTC),
        actor=actor,
        reason=reason,
        subject=subject,
        before=before,
        after=after,
        effect=effect,
    )
    entry = seal(fields, last.entry_hash if last else GENESIS)
    session.add(
        LedgerRow(
            sequence=entry.sequence,
            at=entry.at,
            subject=subject,
            entry=entry.model_dump_json(by_alias=True),
            entry_hash=entry.entry_hash,
        )
    )
    session.merge(HeadRow(id=1, sequence=entry.sequence, entry_hash=entry.entry_hash))
    session.flush()
    return entry


def list_entries(
    session: Session, subject: str | None, number: int, size: int, hidden: Collection[str] = frozenset()
) -> Page[LedgerEntry]:
    """Entries in the order they were made, of one subject or of all but the hidden; raises UnreadableEntry."""
    query = select(LedgerRow).where(LedgerRow.subject.not_in(hidden)).order_by(LedgerRow.sequence)
    if subject is not None:
        query = query.where(LedgerRow.subject == subject)
    page = fetch_page(session, query, number, size)
    return Page([_read(row) for row in page.items], page.number, page.size, page.total)


def newest_sequence(session: Session) -> int:
    """The sequence of the last entry; 0 for an empty ledger."""
    return session.scalar(select(func.max(LedgerRow.sequence))) or 0


def verify_ledger(session: Session) -> Verification:
    """Recompute every hash of the stored chain and compare the scenario sets with it."""
    rows = session.scalars(select(LedgerRow).order_by(LedgerRow.sequence)).all()
    entries: list[LedgerEntry] = []
    try:
        entries.extend(map(_read, rows))
    except UnreadableEntry as unreadable:
        head = entries[-1].entry_hash if entries else GENESIS
        return Verification(len(rows), False, head, str(unreadable))
    noted = session.get(HeadRow, 1)
    found = verify(entries, noted.entry_hash if noted else None)
    fault = found.first_fault or next(_against_sets(session, entries), None)
    return Verification(found.entries, fault is None, found.head, fault)


def _read(row: LedgerRow) -> LedgerEntry:
    try:
        entry = LedgerEntry.model_validate_json(row.entry)
    except ValidationError:
        raise UnreadableEntry(f"entry {row.sequence} cannot be read") from None
    kept = (row.sequence, row.at, row.subject, row.entry_hash)
    if kept != (entry.sequence, entry.at, entry.subject, entry.entry_hash):
        raise UnreadableEntry(f"entry {row.sequence} is filed under other particulars than it holds")
    return entry


def _against_sets(session: Session, entries: Iterable[LedgerEntry]) -> Iterator[str]:
    """What differs between the stored versions and the entries about them."""
    sealed: dict[str, list[str | None]] = {}
    for entry in entries:
        if entry.subject.startswith(_SET):
            sealed.setdefault(entry.subject.removeprefix(_SET), []).append(entry.after_hash)
    stored: dict[str, list[str | None]] = {}
    for row in session.scalars(select(VersionRow).order_by(VersionRow.set_id, VersionRow.version)):
        stored.setdefault(row.set_id, []).append(row.content_hash)
        if _hash_of(row) != row.content_hash:
            yield f"version {row.version} of scenario set {row.set_id} was altered"
    for set_id in sorted(sealed.keys() | stored.keys()):
        if sealed.get(set_id) != stored.get(set_id):
            yield f"the versions of scenario set {set_id} are not those of its entries"


def _hash_of(row: VersionRow) -> str | None:
    try:
        return content_hash(ScenarioSet.model_validate_json(row.record))
    except ValidationError:
        return None
