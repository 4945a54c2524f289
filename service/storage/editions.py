"""Editions: which forecast was adopted in which round of the working group, and what superseded it.

An adoption is made once per edition and per forecast and never changed; a supersession points from an adopted
forecast to the adopted one that came in its place, and both stay readable. Acceptance rates that were ready at an
adoption are part of it. The tables are only added to. Must not know HTTP, nor what a forecast says.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime

from sqlalchemy import Date, ForeignKey, Select, String, Text, func, select, update
from sqlalchemy.orm import Mapped, Session, aliased, mapped_column

from service.storage.base import Base, UtcDateTime, serialise
from service.storage.forecasts import ForecastRow
from service.storage.paging import Page

ADOPTED, SUPERSEDED = "adopted", "superseded"


class AdoptionRow(Base):
    __tablename__ = "adoptions"
    edition: Mapped[str] = mapped_column(String(64), primary_key=True)
    number: Mapped[int] = mapped_column(unique=True)
    forecast_id: Mapped[str] = mapped_column(ForeignKey("forecasts.id"), unique=True)
    decided_on: Mapped[date] = mapped_column(Date)
    note: Mapped[str] = mapped_column(Text)
    figures: Mapped[str] = mapped_column(Text)
    adopted_by: Mapped[str] = mapped_column(String(200))
    adopted_at: Mapped[datetime] = mapped_column(UtcDateTime)


class AdoptedRatesRow(Base):
    __tablename__ = "adopted_rates"
    forecast_id: Mapped[str] = mapped_column(ForeignKey("adoptions.forecast_id"), primary_key=True)
    result_hash: Mapped[str] = mapped_column(String(64))


class SupersessionRow(Base):
    __tablename__ = "supersessions"
    forecast_id: Mapped[str] = mapped_column(ForeignKey("adoptions.forecast_id"), primary_key=True)
    by_forecast_id: Mapped[str] = mapped_column(ForeignKey("adoptions.forecast_id"))
    note: Mapped[str] = mapped_column(Text)
    actor: Mapped[str] = mapped_column(String(200))
    at: Mapped[datetime] = mapped_column(UtcDateTime)


@dataclass(frozen=True)
class AdoptedFigure:
    """A figure that was adopted instead of the forecast's own: persons of a year in one of the four scenarios."""

    year: int
    scenario: str
    value: float


@dataclass(frozen=True)
class Adoption:
    """A forecast adopted as an edition; `figures` only where they differ from the forecast's.

    `rates_hash` names the acceptance rates that were ready by then (`storage.acceptance`): they alone are part of it.
    """

    edition: str
    forecast_id: str
    decided_on: date
    note: str
    figures: tuple[AdoptedFigure, ...]
    adopted_by: str
    adopted_at: datetime
    rates_hash: str | None = None


@dataclass(frozen=True)
class Supersession:
    """Which edition came in the place of another, and why."""

    by_forecast_id: str
    by_edition: str
    note: str
    at: datetime


@dataclass(frozen=True)
class Edition:
    """An adoption with what superseded it, None while it is in force."""

    adoption: Adoption
    superseded_by: Supersession | None

    @property
    def status(self) -> str:
        return SUPERSEDED if self.superseded_by else ADOPTED


def store_adoption(session: Session, adoption: Adoption) -> None:
    """Add an adoption; look first with `adoption_of` and `get_edition` in the same writing session."""
    number = (session.scalar(select(func.max(AdoptionRow.number))) or 0) + 1
    figures = [[figure.year, figure.scenario, figure.value] for figure in adoption.figures]
    session.add(
        AdoptionRow(
            edition=adoption.edition,
            number=number,
            forecast_id=adoption.forecast_id,
            decided_on=adoption.decided_on,
            note=adoption.note,
            figures=json.dumps(figures),
            adopted_by=adoption.adopted_by,
            adopted_at=adoption.adopted_at,
        )
    )
    session.flush()
    if adoption.rates_hash is not None:
        session.add(AdoptedRatesRow(forecast_id=adoption.forecast_id, result_hash=adoption.rates_hash))
    _mark(session, adoption.forecast_id, ADOPTED)
    session.flush()


def store_supersession(session: Session, forecast_id: str, by: str, note: str, actor: str) -> None:
    """Note that one adopted forecast came in the place of another."""
    row = SupersessionRow(
        forecast_id=forecast_id, by_forecast_id=by, note=note, actor=actor, at=datetime.now(UTC)
    )
    session.add(row)
    _mark(session, forecast_id, SUPERSEDED)
    session.flush()


def lock_editions(session: Session) -> None:
    """Let nobody else adopt or supersede until this transaction ends."""
    serialise(session, "editions")


def get_edition(session: Session, edition: str) -> Edition | None:
    found = session.execute(_query().where(AdoptionRow.edition == edition)).one_or_none()
    return _edition(*found) if found else None


def edition_of(session: Session, forecast_id: str) -> Edition | None:
    """The edition as which a forecast was adopted."""
    found = session.execute(_query().where(AdoptionRow.forecast_id == forecast_id)).one_or_none()
    return _edition(*found) if found else None


def list_editions(session: Session, number: int, size: int) -> Page[Edition]:
    """Editions, the latest adopted first."""
    total = session.scalar(select(func.count()).select_from(AdoptionRow)) or 0
    ordered = _query().order_by(AdoptionRow.number.desc()).offset((number - 1) * size).limit(size)
    return Page([_edition(*found) for found in session.execute(ordered)], number, size, total)


def _query() -> Select[AdoptionRow, SupersessionRow, str, str]:
    later = aliased(AdoptionRow)
    return (
        select(AdoptionRow, SupersessionRow, later.edition, AdoptedRatesRow.result_hash)
        .outerjoin(SupersessionRow, SupersessionRow.forecast_id == AdoptionRow.forecast_id)
        .outerjoin(later, later.forecast_id == SupersessionRow.by_forecast_id)
        .outerjoin(AdoptedRatesRow, AdoptedRatesRow.forecast_id == AdoptionRow.forecast_id)
    )


def _edition(
    row: AdoptionRow, superseded: SupersessionRow | None, by_edition: str | None, rates_hash: str | None
) -> Edition:
    adoption = Adoption(
        edition=row.edition,
        forecast_id=row.forecast_id,
        decided_on=row.decided_on,
        note=row.note,
        figures=tuple(AdoptedFigure(*figure) for figure in json.loads(row.figures)),
        adopted_by=row.adopted_by,
        adopted_at=row.adopted_at,
        rates_hash=rates_hash,
    )
    if superseded is None:
        return Edition(adoption, None)
    by = Supersession(superseded.by_forecast_id, by_edition or "", superseded.note, superseded.at)
    return Edition(adoption, by)


def _mark(session: Session, forecast_id: str, status: str) -> None:
    session.execute(
        update(ForecastRow).where(ForecastRow.id == forecast_id).values(edition_status=status),
        execution_options={"synchronize_session": False},
    )
