"""From a body to the order of a total: which forecasts may be summed, checked side by side, every fault named at once.

    body -> forecasts in order of their series -> ForecastOrder of the sum + Basis (hash of their draws)

They must be finished, of one country and citizenship, each of another series that counts other persons,
and look from one cutoff with what was known on one day over the same years: only then is a path of one a path of the
same world as that of another. The order in which they are named does not matter. Must not know HTTP, PyMC or jobs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

from pydantic import Field, ValidationError
from sqlalchemy.orm import Session

from models.request import MODEL_VERSION
from models.totals.dependence import NoCorrelation, stated_dependence
from priors.faults import Fault, pointer
from priors.hashing import content_hash
from priors.records import TOTAL_INFLOW, Record, Target
from priors.scenario import shape_faults
from service.forecast_body import LARGEST_SEED, WholeNumber
from service.orders import OrderRefused, Prepared
from service.problem_words import state_nl
from service.storage.forecasts import Basis, ForecastOrder, StoredOrder, TotalOrder, get_forecast
from service.storage.jobs import JobState

MOST = 5
METHOD = "total"
_HELD_IN_ALL = ("first_applications", "repeat_applications")
Row = Annotated[tuple[float, ...], Field(max_length=MOST)]


class TotalBody(Record):
    """What may be asked for; `dependence` is estimated from the histories unless it is stated."""

    forecasts: Annotated[
        tuple[Annotated[str, Field(max_length=36)], ...], Field(min_length=2, max_length=MOST)
    ]
    dependence: Literal["estimated", "independent"] | Annotated[tuple[Row, ...], Field(max_length=MOST)] = (
        "estimated"
    )
    seed: Annotated[WholeNumber | None, Field(ge=0, le=LARGEST_SEED)] = None


def prepare_total(session: Session, payload: object) -> tuple[Prepared, tuple[StoredOrder, ...]]:
    """The order of a decoded body, and the forecasts it names; raises OrderRefused with every fault."""
    body = _read(payload)
    faults: list[Fault] = []
    found = [
        _component(session, place, identifier, faults) for place, identifier in enumerate(body.forecasts)
    ]
    known = [one for one in found if one is not None]
    faults += _differences([(place, one) for place, one in enumerate(found) if one is not None])
    dependence = body.dependence
    if not isinstance(dependence, str):
        try:
            stated_dependence(dependence, len(body.forecasts))
        except NoCorrelation as none:
            faults.append(Fault("/dependence", str(none), none.dutch))
    if faults:
        raise OrderRefused(faults)
    ordered = sorted(range(len(known)), key=lambda place: known[place].order.target.series)
    if not isinstance(dependence, str):
        dependence = tuple(tuple(float(dependence[i][j]) for j in ordered) for i in ordered)
    components = tuple(known[place] for place in ordered)
    return _prepared(components, dependence, body.seed), components


def _read(payload: object) -> TotalBody:
    try:
        return TotalBody.model_validate(payload)
    except ValidationError as error:
        raise OrderRefused(_shape_faults(error)) from None


def _shape_faults(error: ValidationError) -> Iterator[Fault]:
    """One fault a place; a dependence has several shapes, of which none fits: what each misses would only mislead."""
    found = {fault.field: fault for fault in shape_faults(error)}
    of_dependence = [field for field in found if field.split("/")[1:2] == ["dependence"]]
    for field in of_dependence:
        del found[field]
    yield from found.values()
    if of_dependence:
        detail = (
            f"must be 'estimated', 'independent' or a matrix of numbers, of at most {MOST} rows of {MOST}"
        )
        dutch = (
            f"moet ‘estimated’, ‘independent’ of een matrix van getallen zijn, hoogstens {MOST} bij {MOST}"
        )
        yield Fault("/dependence", detail, dutch)


def _component(session: Session, place: int, identifier: str, faults: list[Fault]) -> StoredOrder | None:
    found, field = get_forecast(session, identifier), pointer("forecasts", place)
    if found is None:
        faults.append(Fault(field, f"there is no forecast {identifier}", f"er is geen prognose {identifier}"))
    elif found.order.total is not None:
        detail = "is a total itself; name the forecasts that it is the sum of"
        faults.append(Fault(field, detail, "is zelf een totaal; noem de prognoses waarvan het de som is"))
    elif found.job.state is not JobState.SUCCEEDED:
        detail = f"is {found.job.state}; order the total once the forecast has succeeded"
        dutch = f"{state_nl(found.job.state)}; vraag het totaal aan als de prognose is voltooid"
        faults.append(Fault(field, detail, dutch))
    return found


def _differences(found: Sequence[tuple[int, StoredOrder]]) -> Iterator[Fault]:
    """What keeps a forecast from being summed with the first one, or with one before it."""
    series: dict[str, int] = {}
    each = {one.order.target.series for _, one in found}
    for place, one in found:
        field, first = pointer("forecasts", place), found[0][1].order
        if one.order.total is not None:
            continue
        if (earlier := series.setdefault(one.order.target.series, place)) != place:
            detail = f"is of {one.order.target.series}, as forecast {earlier} is; a series is summed once"
            dutch = f"gaat over dezelfde reeks als prognose {earlier + 1} in de lijst; een reeks telt één keer mee"
            yield Fault(field, detail, dutch)
        if one.order.target.series in _HELD_IN_ALL and "all_applications" in each:
            detail = "is part of all_applications, which is summed too; leave one of the two out"
            dutch = "is een deel van alle asielaanvragen, die ook meetellen; laat een van beide weg"
            yield Fault(field, detail, dutch)
        for name, naam, own, other in (
            ("country", "land", one.order.target.geo, first.target.geo),
            ("citizenship", "nationaliteit", one.order.target.citizen, first.target.citizen),
            ("cutoff", "peildatum", one.order.cutoff, first.cutoff),
            ("asOf", "kennisdatum", one.order.as_of, first.as_of),
            ("horizonYears", "aantal jaren", one.order.horizon_years, first.horizon_years),
        ):
            if own != other:
                detail = f"has {name} {own}, the first one {other}; order it anew with {other}"
                dutch = f"heeft {naam} {own}, de eerste {other}; vraag haar opnieuw aan met {other}"
                yield Fault(field, detail, dutch)


def _prepared(
    components: tuple[StoredOrder, ...], dependence: str | tuple[tuple[float, ...], ...], seed: int | None
) -> Prepared:
    first = components[0].order
    target = Target(series=TOTAL_INFLOW, geo=first.target.geo, citizen=first.target.citizen)
    series = [one.order.target.series for one in components]
    content = {"series": series, "citizen": target.citizen, "cutoff": first.cutoff.isoformat()}
    order = ForecastOrder(
        target=target,
        scenario_set=None,
        cutoff=first.cutoff,
        as_of=first.as_of,
        expert_weight=0.0,
        horizon_years=first.horizon_years,
        method=METHOD,
        seed=int(content_hash(content)[:8], 16) if seed is None else seed,
        total=TotalOrder(tuple(one.id for one in components), dependence),
    )
    vintage = content_hash({"components": [one.draws_hash for one in components]})
    last_row = max(one.basis.last_row for one in components)
    return Prepared(order, Basis(None, vintage, last_row, MODEL_VERSION), ())
