"""Which stored figures a delivery repeated, so that an older figure arriving late cannot undo the repetition.

Known in March v, repeated in May v (not stored again); in June somebody delivers April's w. As of May the answer
is still v, and only the repetition knows. It is kept compactly: per delivery and day the ranges of row numbers.
Must not know what the rows say.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from datetime import date

from sqlalchemy import Date, ForeignKey, String, Text, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from service.storage.base import Base


class ConfirmationRow(Base):
    __tablename__ = "confirmations"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    delivery_id: Mapped[str] = mapped_column(String(36), ForeignKey("deliveries.id"))
    known_at: Mapped[date] = mapped_column(Date, index=True)
    ranges: Mapped[str] = mapped_column(Text)


def store_confirmations(session: Session, delivery_id: str, rows: Mapping[date, Iterable[int]]) -> None:
    """Note that on each day the figures with these row numbers were delivered again, unchanged."""
    for day, numbers in sorted(rows.items()):
        session.add(ConfirmationRow(delivery_id=delivery_id, known_at=day, ranges=_written(numbers)))
    session.flush()


def confirmed_days(session: Session, after: date, numbers: Set[int]) -> Iterator[tuple[int, date]]:
    """(row number, day) of every repetition after a day of the given rows."""
    query = select(ConfirmationRow).where(ConfirmationRow.known_at > after)
    for row in session.scalars(query):
        for first, last in _read(row.ranges):
            yield from ((number, row.known_at) for number in range(first, last + 1) if number in numbers)


def _written(numbers: Iterable[int]) -> str:
    """Ascending ranges: 1-200,205-205."""
    ranges: list[list[int]] = []
    for number in sorted(set(numbers)):
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ",".join(f"{first}-{last}" for first, last in ranges)


def _read(ranges: str) -> Iterator[tuple[int, int]]:
    for part in ranges.split(","):
        first, last = part.split("-")
        yield int(first), int(last)
