"""Forecasts as asked for: the normalised request, what it was based on, and the job that computes it.

    draws_hash = content_hash(request without names, scenario set's hash, data vintage, model version)
    job key    = content_hash(draws_hash, scenario set's id and version)

Equal draws hashes mean equal numbers to the byte; equal job keys are one forecast. A total is a forecast whose order
names others: its data vintage is the hash of their draws, and its job key knows which forecasts they are. `last_row` is
the row of figures that was stored last when it was asked for: rows are only ever added, so those up to it are what the
computation gets, however late it starts. Must not know HTTP or how a forecast is computed.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import ForeignKey, Integer, String, Text, func, select
from sqlalchemy.orm import Mapped, Session, aliased, mapped_column

from models.request import Remark, remarks_from
from priors.hashing import content_hash
from priors.records import Target
from service.storage.base import Base, UtcDateTime
from service.storage.jobs import Job, JobRow, JobState, enqueue, live_job, to_job
from service.storage.paging import Page

JOB_KIND = "forecast"


class ComponentRow(Base):
    __tablename__ = "total_components"
    total_id: Mapped[str] = mapped_column(ForeignKey("forecasts.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    forecast_id: Mapped[str] = mapped_column(ForeignKey("forecasts.id"), index=True)


class ForecastRow(Base):
    __tablename__ = "forecasts"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, unique=True)
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id"), unique=True)
    draws_hash: Mapped[str] = mapped_column(String(64))
    request: Mapped[str] = mapped_column(Text)
    scenario_set_id: Mapped[str | None] = mapped_column(String(36))
    scenario_set_version: Mapped[int | None] = mapped_column(Integer)
    scenario_set_hash: Mapped[str | None] = mapped_column(String(64))
    data_vintage: Mapped[str] = mapped_column(String(64))
    last_row: Mapped[int] = mapped_column("known_rows", Integer)
    model_version: Mapped[str] = mapped_column(String(40))
    warnings: Mapped[str] = mapped_column(Text)
    edition_status: Mapped[str] = mapped_column(String(20))
    created_by: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


@dataclass(frozen=True)
class TotalOrder:
    """Which forecasts are summed, in this order; `dependence` is a word or a matrix of correlations."""

    forecasts: tuple[str, ...]
    dependence: str | tuple[tuple[float, ...], ...]

    def as_json(self) -> dict[str, Any]:
        """In the names of the HTTP contract."""
        stated = self.dependence
        told = stated if isinstance(stated, str) else [list(row) for row in stated]
        return {"forecasts": list(self.forecasts), "dependence": told}


@dataclass(frozen=True)
class ForecastOrder:
    """A request in full, defaults filled in; `scenario_set` is (id, version) or None for the model alone.

    Of a total `total` says what is summed; its weight of experts is that of its components and stands here as zero.
    """

    target: Target
    scenario_set: tuple[str, int] | None
    cutoff: date
    as_of: date
    expert_weight: float
    horizon_years: int
    method: str
    seed: int
    total: TotalOrder | None = None

    def as_json(self) -> dict[str, Any]:
        """In the names of the HTTP contract."""
        identifier, version = self.scenario_set or (None, None)
        told = {
            "scenarioSet": identifier,
            "scenarioSetVersion": version,
            "target": self.target.model_dump(by_alias=True),
            "cutoff": self.cutoff.isoformat(),
            "asOf": self.as_of.isoformat(),
            "expertWeight": self.expert_weight,
            "horizonYears": self.horizon_years,
            "method": self.method,
            "seed": self.seed,
        }
        return told | ({"total": self.total.as_json()} if self.total else {})


@dataclass(frozen=True)
class Basis:
    """What an order stands on: hashes of the set and of the figures, the last row stored then, which model."""

    scenario_set_hash: str | None
    data_vintage: str
    last_row: int
    model_version: str


@dataclass(frozen=True)
class StoredOrder:
    """A forecast as the database knows it, with the state of its job."""

    id: str
    order: ForecastOrder
    basis: Basis
    draws_hash: str
    warnings: tuple[Remark, ...]
    edition_status: str
    created_by: str
    created_at: datetime
    job: Job


def draws_hash(order: ForecastOrder, basis: Basis) -> str:
    """The name of the numbers: what determines them, and nothing that does not."""
    asked = order.as_json()
    named = {name: asked[name] for name in asked if name not in ("scenarioSet", "scenarioSetVersion")}
    if order.total is not None:
        named["total"] = {"dependence": asked["total"]["dependence"]}
    stands_on = [basis.scenario_set_hash, basis.data_vintage, basis.model_version]
    return content_hash({"request": named, "basis": stands_on})


def order_forecast(
    session: Session, order: ForecastOrder, basis: Basis, warnings: tuple[Remark, ...], created_by: str
) -> tuple[StoredOrder, bool]:
    """The forecast for this order and whether it is new; an equal one that lives is returned as it is.

    Needs a writing session; commits with the caller.
    """
    hashed = draws_hash(order, basis)
    summed = {"forecasts": list(order.total.forecasts)} if order.total else {}
    key = content_hash({"draws": hashed, "scenarioSet": list(order.scenario_set or ()), **summed})
    existing = live_job(session, key)
    if existing is not None:
        found = get_forecast(session, existing.subject)
        assert found is not None, "a job of this kind is written together with its forecast"
        return found, False
    identifier = str(uuid.uuid4())
    job = enqueue(session, JOB_KIND, identifier, key)
    identity, version = order.scenario_set or (None, None)
    row = ForecastRow(
        id=identifier,
        number=(session.scalar(select(func.max(ForecastRow.number))) or 0) + 1,
        job_id=job.id,
        draws_hash=hashed,
        request=json.dumps(order.as_json()),
        scenario_set_id=identity,
        scenario_set_version=version,
        scenario_set_hash=basis.scenario_set_hash,
        data_vintage=basis.data_vintage,
        last_row=basis.last_row,
        model_version=basis.model_version,
        warnings=json.dumps([asdict(warning) for warning in warnings]),
        edition_status="concept",
        created_by=created_by,
        created_at=datetime.now(UTC),
    )
    session.add(row)
    session.flush()
    for position, component in enumerate(order.total.forecasts if order.total else ()):
        session.add(ComponentRow(total_id=identifier, position=position, forecast_id=component))
    session.flush()
    return _stored(row, job), True


def get_forecast(session: Session, forecast_id: str) -> StoredOrder | None:
    query = select(ForecastRow, JobRow).join(JobRow, JobRow.id == ForecastRow.job_id)
    found = session.execute(query.where(ForecastRow.id == forecast_id)).one_or_none()
    return _stored(found[0], to_job(found[1])) if found else None


def list_forecasts(
    session: Session,
    number: int,
    size: int,
    status: JobState | None = None,
    scenario_set: str | None = None,
    hidden: Collection[str] = frozenset(),
) -> Page[StoredOrder]:
    """Forecasts, the latest first, but no concepts made from the `hidden` scenario sets, nor totals of such."""
    query = select(ForecastRow, JobRow).join(JobRow, JobRow.id == ForecastRow.job_id)
    if status is not None:
        query = query.where(JobRow.state == status.value)
    if scenario_set is not None:
        query = query.where(ForecastRow.scenario_set_id == scenario_set)
    if hidden:
        component = aliased(ForecastRow)
        shown = ForecastRow.scenario_set_id.is_(None) | ForecastRow.scenario_set_id.not_in(hidden)
        of_hidden = (
            select(ComponentRow.total_id)
            .join(component, component.id == ComponentRow.forecast_id)
            .where(component.scenario_set_id.in_(hidden), component.edition_status == "concept")
        )
        shown &= ForecastRow.id.not_in(of_hidden)
        query = query.where(shown | (ForecastRow.edition_status != "concept"))
    total = session.execute(select(func.count()).select_from(query.subquery())).scalar_one()
    ordered = query.order_by(ForecastRow.number.desc()).offset((number - 1) * size).limit(size)
    items = [_stored(row, to_job(job)) for row, job in session.execute(ordered)]
    return Page(items, number, size, total)


def _stored(row: ForecastRow, job: Job) -> StoredOrder:
    basis = Basis(row.scenario_set_hash, row.data_vintage, row.last_row, row.model_version)
    return StoredOrder(
        id=row.id,
        order=_order(json.loads(row.request)),
        basis=basis,
        draws_hash=row.draws_hash,
        warnings=remarks_from(json.loads(row.warnings)),
        edition_status=row.edition_status,
        created_by=row.created_by,
        created_at=row.created_at,
        job=job,
    )


def _order(asked: Mapping[str, Any]) -> ForecastOrder:
    named = asked["scenarioSet"], asked["scenarioSetVersion"]
    return ForecastOrder(
        target=Target.model_validate(asked["target"]),
        scenario_set=named if named[0] is not None else None,
        cutoff=date.fromisoformat(asked["cutoff"]),
        as_of=date.fromisoformat(asked["asOf"]),
        expert_weight=asked["expertWeight"],
        horizon_years=asked["horizonYears"],
        method=asked["method"],
        seed=asked["seed"],
        total=_total(asked["total"]) if "total" in asked else None,
    )


def _total(asked: Mapping[str, Any]) -> TotalOrder:
    stated = asked["dependence"]
    told = stated if isinstance(stated, str) else tuple(tuple(row) for row in stated)
    return TotalOrder(tuple(asked["forecasts"]), told)
