"""Drafts of scenario sets: what an expert was writing, kept until stored or thrown away, seen by nobody else.

    etag = hash(owner, key, revision, content): strong; the revision makes equal contents of two savings differ

A draft is any JSON object: it may be half finished, so nothing in it is checked. Must not know HTTP.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Integer, String, Text, delete, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from service.storage.base import Base, UtcDateTime, serialise

MOST_DRAFTS = 200


class DraftRow(Base):
    __tablename__ = "scenario_set_drafts"
    owner: Mapped[str] = mapped_column(String(200), primary_key=True)
    key: Mapped[str] = mapped_column(String(100), primary_key=True)
    revision: Mapped[int] = mapped_column(Integer)
    content: Mapped[str] = mapped_column(Text)
    saved_at: Mapped[datetime] = mapped_column(UtcDateTime)


class TooManyDrafts(ValueError):
    """An owner has as many drafts as may be kept."""


@dataclass(frozen=True)
class Draft:
    """A draft as it was saved; `content` is JSON text."""

    owner: str
    key: str
    revision: int
    content: str
    saved_at: datetime

    @property
    def etag(self) -> str:
        """Strong, quoted."""
        identity = f"{self.owner}\0{self.key}\0{self.revision}\0{self.content}"
        return f'"{hashlib.sha256(identity.encode()).hexdigest()[:32]}"'


def get_draft(session: Session, owner: str, key: str) -> Draft | None:
    """The owner's draft of this name, or None."""
    row = session.get(DraftRow, (owner, key))
    return None if row is None else Draft(row.owner, row.key, row.revision, row.content, row.saved_at)


def lock_draft(session: Session, owner: str, key: str) -> Draft | None:
    """As `get_draft`, unchanged by others until this transaction ends."""
    serialise(session, f"draft {owner} {key}")
    return get_draft(session, owner, key)


def save_draft(session: Session, owner: str, key: str, content: str) -> Draft:
    """Store or replace a draft; raises TooManyDrafts."""
    row = session.get(DraftRow, (owner, key))
    if row is None:
        kept = select(func.count()).select_from(DraftRow).where(DraftRow.owner == owner)
        if session.execute(kept).scalar_one() >= MOST_DRAFTS:
            raise TooManyDrafts(owner)
        row = DraftRow(owner=owner, key=key, revision=0)
        session.add(row)
    row.revision, row.content, row.saved_at = row.revision + 1, content, datetime.now(UTC)
    session.flush()
    return Draft(row.owner, row.key, row.revision, row.content, row.saved_at)


def delete_draft(session: Session, owner: str, key: str) -> None:
    """Throw a draft away; nothing happens when there is none."""
    session.execute(delete(DraftRow).where(DraftRow.owner == owner, DraftRow.key == key))
