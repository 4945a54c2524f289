"""The audit log: who did what to which resource, written in the same transaction as the deed itself."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, Session, mapped_column

from service.storage.base import Base, UtcDateTime


class AuditRow(Base):
    __tablename__ = "audit_entries"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor: Mapped[str] = mapped_column(String(200))
    role: Mapped[str] = mapped_column(String(20))
    action: Mapped[str] = mapped_column(String(60))
    subject: Mapped[str] = mapped_column(String(200))


def record_action(session: Session, actor: str, role: str, action: str, subject: str) -> None:
    """Note that `actor` did `action` (a verb and a noun) to `subject` (kind:id); commits with the caller."""
    session.add(AuditRow(at=datetime.now(UTC), actor=actor, role=role, action=action, subject=subject))
