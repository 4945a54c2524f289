"""From a body to a forecast order: shape, meaning and data checked side by side, every fault named at once.

    body -> ForecastBody (shape) -> ForecastOrder (defaults filled in) + Basis (hashes) + remarks

Defaults: `cutoff` the set's, `asOf` today (UTC), `expertWeight` 1 with a set and 0 without, `seed` a function of
series, citizen and cutoff: forecasts of several countries or by several sets then stand on one fit. The HTTP interface
and the command line both come through here. Must not know HTTP, PyMC or jobs.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, NamedTuple

from pydantic import ValidationError
from sqlalchemy.orm import Session

from models.forecast_checks import TargetData, target_data
from models.request import (
    MODEL_VERSION,
    MOST_JOINT_SUBSETS,
    ForecastRefused,
    ForecastTarget,
    Remark,
    joint_refusal,
)
from priors.events import most_together
from priors.faults import Fault
from priors.hashing import content_hash
from priors.mixture import expert_density
from priors.records import ScenarioSet, Target
from priors.scenario import InvalidScenarioSet, parse_scenario_set, shape_faults
from service.forecast_body import ForecastBody
from service.forecast_rows import data_vintage, forecast_rows
from service.storage.forecasts import Basis, ForecastOrder
from service.storage.realisations import newest_row
from service.storage.scenario_sets import StoredSet, UnknownScenarioSet, get_set

if TYPE_CHECKING:
    import pandas as pd


class OrderRefused(ValueError):
    """The request cannot be computed as asked; `faults` are all its faults, fields as JSON pointers."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(f"{fault.field}: {fault.detail}" for fault in self.faults))


class Prepared(NamedTuple):
    """An order that can be computed, what it stands on, and what its reader should know."""

    order: ForecastOrder
    basis: Basis
    warnings: tuple[Remark, ...]


@dataclass(frozen=True)
class _Reading:
    """A body, the fields that cannot be read, and everything found wrong so far."""

    body: ForecastBody
    unread: frozenset[str]
    faults: list[Fault]

    def fault(self, name: str, detail: str, dutch: str) -> None:
        self.faults.append(Fault(f"/{name}", detail, dutch))


def prepare_order(session: Session, payload: object, today: date | None = None) -> Prepared:
    """Check a decoded body against itself and the database; raises OrderRefused with every fault."""
    reading = _read(payload)
    _check_dates(reading, today or datetime.now(UTC).date())
    stored = _scenario_set(session, reading)
    target = _target(reading, stored)
    _check_belief(reading, stored)
    cutoff = _cutoff(reading, stored)
    as_of = reading.body.as_of or today or datetime.now(UTC).date()
    if target is None or cutoff is None or "asOf" in reading.unread:
        raise OrderRefused(reading.faults)
    last_row = newest_row(session)
    frame = forecast_rows(session, target, as_of, last_row)
    data = _check_data(reading, frame, target, cutoff, as_of)
    if stored is not None:
        _check_density(reading, stored.record, cutoff, data)
    if reading.faults or data is None:
        raise OrderRefused(reading.faults)
    basis = Basis(
        scenario_set_hash=stored.content_hash if stored else None,
        data_vintage=data_vintage(frame, as_of),
        last_row=last_row,
        model_version=MODEL_VERSION,
    )
    return Prepared(_order(reading.body, stored, target, cutoff, as_of), basis, data.warnings)


def _read(payload: object) -> _Reading:
    """The body with unreadable fields left out, and their faults."""
    if not isinstance(payload, dict):
        raise OrderRefused([Fault("", "must be an object", "moet een object zijn")])
    try:
        return _Reading(ForecastBody.model_validate(payload), frozenset(), [])
    except ValidationError as error:
        faults = list(shape_faults(error))
        unread = frozenset(str(fault["loc"][0]) for fault in error.errors())
    readable = {name: value for name, value in payload.items() if name not in unread}
    return _Reading(ForecastBody.model_validate(readable), unread, faults)


def _check_dates(reading: _Reading, today: date) -> None:
    for name, day in (("cutoff", reading.body.cutoff), ("asOf", reading.body.as_of)):
        if day is not None and day > today:
            detail = f"{day} is in the future; today is {today} (UTC)"
            reading.fault(name, detail, f"{day} ligt in de toekomst; vandaag is het {today} (UTC)")


def _scenario_set(session: Session, reading: _Reading) -> StoredSet | None:
    body = reading.body
    if body.scenario_set is None:
        if body.scenario_set_version is not None and "scenarioSet" not in reading.unread:
            dutch = "een versie hoort bij een scenarioset (scenarioSet); noem die erbij"
            reading.fault("scenarioSetVersion", "needs a scenarioSet", dutch)
        return None
    try:
        latest = get_set(session, body.scenario_set)
    except UnknownScenarioSet:
        detail = f"there is no scenario set {body.scenario_set}"
        reading.fault("scenarioSet", detail, f"er is geen scenarioset {body.scenario_set}")
        return None
    try:
        return get_set(session, latest.id, body.scenario_set_version)
    except UnknownScenarioSet:
        detail = f"the latest version of this set is {latest.version}"
        reading.fault("scenarioSetVersion", detail, f"de laatste versie van deze set is {latest.version}")
        return None


def _target(reading: _Reading, stored: StoredSet | None) -> Target | None:
    """The set's target, or the stated one; None when neither can be known."""
    stated = reading.body.target
    if stored is not None:
        if stated is not None and stated != stored.record.target:
            dutch = "wijkt af van de reeks waarover de scenarioset gaat; laat dit veld weg"
            reading.fault("target", "differs from the scenario set's target; leave it out", dutch)
        return stored.record.target
    unknown = {"target", "scenarioSet"} & reading.unread
    if stated is None and reading.body.scenario_set is None and not unknown:
        reading.fault("target", "is needed without a scenarioSet", "is zonder scenarioset nodig")
    return stated


def _check_belief(reading: _Reading, stored: StoredSet | None) -> None:
    without_set = reading.body.scenario_set is None and "scenarioSet" not in reading.unread
    if without_set and (reading.body.expert_weight or 0.0) > 0.0:
        detail = "must be 0 without a scenarioSet: there is nothing to weigh"
        reading.fault("expertWeight", detail, "moet zonder scenarioset 0 zijn: er valt niets te wegen")


def _cutoff(reading: _Reading, stored: StoredSet | None) -> date | None:
    if "cutoff" in reading.unread:
        return None
    if reading.body.cutoff is not None:
        return reading.body.cutoff
    if stored is not None:
        return stored.record.cutoff
    if reading.body.scenario_set is None and "scenarioSet" not in reading.unread:
        reading.fault("cutoff", "is needed without a scenarioSet", "is zonder scenarioset nodig")
    return None


def _check_data(
    reading: _Reading, frame: pd.DataFrame, target: Target, cutoff: date, as_of: date
) -> TargetData | None:
    if as_of < cutoff:
        # By default it is today, and then the cutoff is what is wrong: it was found to be in the future.
        if reading.body.as_of is not None:
            detail = f"{as_of} is before the cutoff {cutoff}"
            reading.fault("asOf", detail, f"{as_of} ligt vóór de peildatum {cutoff}")
        return None
    wanted = ForecastTarget(target.series, target.geo, target.citizen)
    try:
        return target_data(frame, wanted, cutoff, as_of, reading.body.horizon_years)
    except ForecastRefused as refused:
        reading.fault(refused.field, refused.detail, refused.dutch)
        return None


def set_at(record: ScenarioSet, cutoff: date) -> ScenarioSet:
    """The set as stated at another cutoff: its density then holds there. Raises InvalidScenarioSet."""
    if cutoff == record.cutoff:
        return record
    moved = record.model_dump(mode="json", by_alias=True) | {"cutoff": cutoff.isoformat()}
    return parse_scenario_set(moved)


def _check_density(reading: _Reading, record: ScenarioSet, cutoff: date, data: TargetData | None) -> None:
    """Whether the set can be read at this cutoff, leaves mass above what was counted by then, and suits the method."""
    try:
        moved = set_at(record, cutoff)
    except InvalidScenarioSet as invalid:
        for fault in invalid.faults:
            detail = f"does not go with the scenario set: {fault.field} {fault.detail}"
            reading.fault("cutoff", detail, f"past niet bij de scenarioset: {fault.field} {fault.detail_nl}")
        return
    try:
        density = expert_density(moved, data.counted_when_stated if data else 0.0)
    except InvalidScenarioSet as invalid:
        for fault in invalid.faults:
            reading.fault("scenarioSet", f"{fault.field} {fault.detail}", f"{fault.field} {fault.detail_nl}")
        return
    subsets = most_together(part.additions for part in density.components)
    if reading.body.method == "joint" and subsets > MOST_JOINT_SUBSETS:
        reading.fault("method", *joint_refusal(subsets))


def _order(
    body: ForecastBody, stored: StoredSet | None, target: Target, cutoff: date, as_of: date
) -> ForecastOrder:
    default_weight = 0.0 if stored is None else 1.0
    content = {"series": target.series, "citizen": target.citizen, "cutoff": cutoff.isoformat()}
    seed = int(content_hash(content)[:8], 16) if body.seed is None else body.seed
    return ForecastOrder(
        target=target,
        scenario_set=(stored.id, stored.version) if stored else None,
        cutoff=cutoff,
        as_of=as_of,
        expert_weight=default_weight if body.expert_weight is None else body.expert_weight,
        horizon_years=body.horizon_years,
        method=body.method,
        seed=seed,
    )
