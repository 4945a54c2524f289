"""Realisations, kept bitemporally: every figure with the day it became known and the delivery it came in.

A row is only ever added. Per key (series, source, geo, citizen, track, period) a delivered figure is
compared with the figure in force on its own `known_at`: equal is *unchanged* and not stored again (that it was
repeated is, see `confirmations`), another is *revised*, a key never seen is *new*. Of several figures for one key
and day the last counts. The vintage is a hash chained over all rows ever stored: equal vintages hold equal data.
The choice of what was known on a day is not made here but in `models.vintage`.
"""

from __future__ import annotations

import bisect
import hashlib
import json
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Date,
    ForeignKey,
    Index,
    Select,
    String,
    func,
    insert,
    select,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from service.storage.base import Base, UtcDateTime, serialise
from service.storage.confirmations import confirmed_days, store_confirmations
from service.storage.paging import Page, fetch_page

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("series", "source", "geo", "citizen", "track", "period", "value", "flag", "known_at")
EMPTY_VINTAGE = hashlib.sha256(b"").hexdigest()
_KEY = COLUMNS[:6]
Key = tuple[str, str, str, str, str, str]


class DeliveryRow(Base):
    __tablename__ = "deliveries"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    number: Mapped[int] = mapped_column(unique=True)
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor: Mapped[str] = mapped_column(String(200))
    origin: Mapped[str] = mapped_column(String(200))
    rows: Mapped[int]
    new: Mapped[int]
    revised: Mapped[int]
    unchanged: Mapped[int]
    vintage: Mapped[str] = mapped_column(String(64))


class RealisationRow(Base):
    __tablename__ = "realisations"
    __table_args__ = (
        Index(None, "series", "geo", "citizen", "source", "track", "period"),
        CheckConstraint("value IS NULL OR value >= 0", name="value_not_negative"),
    )
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    series: Mapped[str] = mapped_column(String(40))
    source: Mapped[str] = mapped_column(String(40))
    geo: Mapped[str] = mapped_column(String(12))
    citizen: Mapped[str] = mapped_column(String(12))
    track: Mapped[str] = mapped_column(String(40))
    period: Mapped[str] = mapped_column(String(7))
    value: Mapped[int | None] = mapped_column(BigInteger)
    flag: Mapped[str] = mapped_column(String(40))
    known_at: Mapped[date] = mapped_column(Date)
    delivery_id: Mapped[str] = mapped_column(ForeignKey("deliveries.id"))


@dataclass(frozen=True)
class DeliveryResult:
    """What a delivery did, or on a dry run would do (`delivery_id` is then None)."""

    delivery_id: str | None
    rows: int
    new: int
    revised: int
    unchanged: int
    vintage: str


class Figure(NamedTuple):
    """One delivered figure: its key, the day it was known, the count (None = not available) and the flag."""

    key: Key
    known_at: date
    value: int | None
    flag: str


class _Known(NamedTuple):
    """A figure in force from a day on: stored as `row` (below 0: planned), or a repetition of that row."""

    known_at: date
    value: int | None
    flag: str
    row: int
    repeated: bool = False


class _Plan(NamedTuple):
    store: list[Figure]
    repeated: dict[date, list[int]]
    rows: int
    new: int
    revised: int
    vintage: str

    def result(self, delivery_id: str | None) -> DeliveryResult:
        unchanged = self.rows - self.new - self.revised
        return DeliveryResult(delivery_id, self.rows, self.new, self.revised, unchanged, self.vintage)


def examine_delivery(session: Session, frame: pd.DataFrame) -> DeliveryResult:
    """What storing the delivery would do; stores nothing. `frame` as `store_delivery`."""
    return _plan(session, frame).result(None)


def store_delivery(session: Session, frame: pd.DataFrame, source_name: str, actor: str) -> DeliveryResult:
    """Store what is new or revised in `frame` (COLUMNS; `value` missing = not available) as one delivery.

    `source_name` says where the file came from ('upload:csv', 'eurostat', ...). Commits with the caller's
    transaction, which must be a writing one.
    """
    serialise(session, "deliveries")
    plan, delivery_id = _plan(session, frame), str(uuid.uuid4())
    result = plan.result(delivery_id)
    number = (session.scalar(select(func.max(DeliveryRow.number))) or 0) + 1
    session.add(
        DeliveryRow(
            id=delivery_id,
            number=number,
            received_at=datetime.now(UTC),
            actor=actor,
            origin=source_name,
            rows=result.rows,
            new=result.new,
            revised=result.revised,
            unchanged=result.unchanged,
            vintage=result.vintage,
        )
    )
    session.flush()
    _store(session, plan, delivery_id)
    return result


def load_realisations(
    session: Session,
    series: str | None = None,
    geo: str | None = None,
    citizen: str | None = None,
    source: str | None = None,
    track: str | None = None,
    *,
    citizens: Iterable[str] | None = None,
    last_row: int | None = None,
) -> pd.DataFrame:
    """Every vintage of the rows asked for, in the order they were stored; none stored after row `last_row`.

    Columns COLUMNS; `value` Int64 (missing = not available), `known_at` datetime64 (midnight), else text.
    """
    import pandas as pd

    wanted = {"series": series, "geo": geo, "citizen": citizen, "source": source, "track": track}
    query: Select[Any] = select(*(getattr(RealisationRow, name) for name in COLUMNS))
    for name, choice in wanted.items():
        if choice is not None:
            query = query.where(getattr(RealisationRow, name) == choice)
    if citizens is not None:
        query = query.where(RealisationRow.citizen.in_(sorted(citizens)))
    if last_row is not None:
        query = query.where(RealisationRow.id <= last_row)
    rows = session.execute(query.order_by(RealisationRow.id)).all()
    frame = pd.DataFrame([tuple(row) for row in rows], columns=list(COLUMNS), dtype=object)
    text = {name: "str" for name in COLUMNS if name not in ("value", "known_at")}
    return frame.astype({**text, "value": "Int64", "known_at": "datetime64[s]"})


def newest_row(session: Session) -> int:
    """The number of the row stored last; rows stored afterwards have higher ones. 0 without any row."""
    return session.scalar(select(func.max(RealisationRow.id))) or 0


def list_deliveries(session: Session, number: int, size: int) -> Page[DeliveryRow]:
    """Deliveries, the latest first."""
    return fetch_page(session, select(DeliveryRow).order_by(DeliveryRow.number.desc()), number, size)


def get_delivery(session: Session, delivery_id: str) -> DeliveryRow | None:
    return session.get(DeliveryRow, delivery_id)


def current_vintage(session: Session) -> str:
    """The vintage of everything stored so far."""
    newest = select(DeliveryRow.vintage).order_by(DeliveryRow.number.desc()).limit(1)
    return session.scalar(newest) or EMPTY_VINTAGE


def _plan(session: Session, frame: pd.DataFrame) -> _Plan:
    figures = list(_last_of_each_day(_figures(frame)))
    history = _stored_history(session, figures)
    store: list[Figure] = []
    repeated: dict[date, list[int]] = {}
    new = revised = 0
    for figure in figures:
        known = history.setdefault(figure.key, [])
        place = bisect.bisect_right(known, figure.known_at, key=lambda row: row.known_at)
        in_force = known[place - 1] if place else None
        if in_force and (in_force.value, in_force.flag) == (figure.value, figure.flag):
            if in_force.known_at < figure.known_at:
                repeated.setdefault(figure.known_at, []).append(in_force.row)
            continue
        new, revised = (new, revised + 1) if known else (new + 1, revised)
        known.insert(place, _planned(store, figure))
        _keep_repetition(known, place + 1, figure.key, store)
    return _Plan(store, repeated, len(frame), new, revised, _chained(current_vintage(session), store))


def _keep_repetition(known: list[_Known], place: int, key: Key, store: list[Figure]) -> None:
    """What the next day only repeated must stay in force from that day on: now it needs a row of its own."""
    if place < len(known):
        last = bisect.bisect_right(known, known[place].known_at, key=lambda row: row.known_at) - 1
        if known[last].repeated:
            day, value, flag, *_ = known[last]
            known[last] = _planned(store, Figure(key, day, value, flag))


def _planned(store: list[Figure], figure: Figure) -> _Known:
    store.append(figure)
    return _Known(figure.known_at, figure.value, figure.flag, -len(store))


def _store(session: Session, plan: _Plan, delivery_id: str) -> None:
    numbers: list[int] = []
    if plan.store:
        added = insert(RealisationRow).returning(RealisationRow.id, sort_by_parameter_order=True)
        numbers = list(session.scalars(added, [_columns(figure, delivery_id) for figure in plan.store]))
    resolved = {
        day: [row if row > 0 else numbers[-row - 1] for row in rows] for day, rows in plan.repeated.items()
    }
    store_confirmations(session, delivery_id, resolved)


def _figures(frame: pd.DataFrame) -> Iterator[Figure]:
    """The rows of a delivery in the order in which they became known."""
    import pandas as pd

    moments = pd.to_datetime(frame["known_at"], utc=True)
    ordered = frame.assign(known_at=moments).sort_values("known_at", kind="stable")
    text = [ordered[name].fillna("").astype(str).tolist() for name in (*_KEY, "flag")]
    values = [None if pd.isna(value) else int(value) for value in ordered["value"].tolist()]
    days = ordered["known_at"].dt.date.tolist()
    for series, source, geo, citizen, track, period, flag, value, day in zip(
        *text, values, days, strict=True
    ):
        yield Figure((series, source, geo, citizen, track, period), day, value, flag)


def _last_of_each_day(figures: Iterable[Figure]) -> Iterable[Figure]:
    """One figure per key and day, in order of the day: `asOf` cannot tell two of one day apart."""
    return {(figure.key, figure.known_at): figure for figure in figures}.values()


def _stored_history(session: Session, figures: list[Figure]) -> dict[Key, list[_Known]]:
    """What is known of the delivered series, per key in order of `known_at`, then of storing."""
    columns = [getattr(RealisationRow, name) for name in COLUMNS]
    query = select(RealisationRow.id, *columns)
    for place, column in enumerate(columns[:3]):
        query = query.where(column.in_({figure.key[place] for figure in figures}))
    keys: dict[int, Key] = {}
    rows: dict[int, _Known] = {}
    for number, *key, value, flag, known_at in session.execute(query.order_by(RealisationRow.id)):
        series, source, geo, citizen, track, period = key
        keys[number] = (series, source, geo, citizen, track, period)
        rows[number] = _Known(known_at, value, flag, number)
    first = min((figure.known_at for figure in figures), default=date.max)
    repetitions = [
        rows[number]._replace(known_at=day, repeated=True)
        for number, day in confirmed_days(session, first, rows.keys())
    ]
    history: dict[Key, list[_Known]] = {}
    for known in sorted([*rows.values(), *repetitions], key=lambda k: (k.known_at, not k.repeated, k.row)):
        history.setdefault(keys[known.row], []).append(known)
    return history


def _columns(figure: Figure, delivery_id: str) -> dict[str, object]:
    rest = {"value": figure.value, "flag": figure.flag, "known_at": figure.known_at}
    return {**dict(zip(_KEY, figure.key, strict=True)), **rest, "delivery_id": delivery_id}


def _chained(vintage: str, stored: list[Figure]) -> str:
    """The vintage after these rows; the same one when there are none."""
    if not stored:
        return vintage
    lines = (json.dumps([*f.key, f.value, f.flag, f.known_at.isoformat()]) for f in stored)
    return hashlib.sha256("\n".join([vintage, *lines]).encode()).hexdigest()
