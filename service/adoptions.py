"""Adopting a forecast as an edition: checked against the forecast, stored once, and archived at every stage it has.

    stages: experts (where there is a set), model, combined, adopted;  per target year that was still open
    archived as the quantiles at (i - 1/2)/1000, i = 1..1000, of the year's total, taken as draws

An adopted figure may differ from the forecast's where the working group decided so; the archive then holds the four
adopted figures. A forecast whose diagnostics failed is never adopted. Must not know HTTP; whoever calls holds a
writing session.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import Field, ValidationError
from sqlalchemy.orm import Session

from models.calibration.records import ArchivedForecast, Count, Stage
from priors.faults import Fault, numerals_nl, pointer
from priors.records import CalendarDate, EditionName, Narrative, Record, Year
from priors.scenario import shape_faults
from priors.summary import LEVELS
from service.storage.acceptance import ready_rates
from service.storage.archive import add_entries
from service.storage.editions import AdoptedFigure, Adoption, store_adoption
from service.storage.forecasts import StoredOrder

if TYPE_CHECKING:
    from models.stored import StoredForecast

ISSUER = "Instroom"
_STRATA = 1_000
SCENARIOS_NL = {"minimum": "minimum", "median": "mediaan", "medio": "medio", "maximum": "maximum"}
_STAGES: tuple[tuple[Stage, str], ...] = (
    ("experts", "experts"),
    ("model", "model"),
    ("combined", "posterior"),
)


class FigureBody(Record):
    """One figure as it was adopted, persons."""

    year: Year
    scenario: Literal["minimum", "median", "medio", "maximum"]
    value: Count


class AdoptionBody(Record):
    """What was decided; `figures` only where they differ from the forecast's own."""

    edition: EditionName
    decided_on: CalendarDate
    note: Narrative = ""
    figures: Annotated[tuple[FigureBody, ...], Field(max_length=100)] = ()


class AdoptionRefused(ValueError):
    """The decision contradicts itself or the forecast; `faults` are all its faults, by JSON pointer."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        self.faults = faults
        super().__init__("; ".join(f"{fault.field}: {fault.detail}" for fault in faults))


def read_adoption(payload: object) -> AdoptionBody:
    """The decision in a decoded body; raises AdoptionRefused."""
    try:
        return AdoptionBody.model_validate(payload)
    except ValidationError as error:
        raise AdoptionRefused(shape_faults(error)) from None


def adoption_for(body: AdoptionBody, found: StoredOrder, stored: StoredForecast, actor: str) -> Adoption:
    """The adoption that a decision makes of a finished forecast; raises AdoptionRefused with every fault."""
    faults = [*_date_faults(body, found), *_figure_faults(body, stored)]
    if faults:
        raise AdoptionRefused(tuple(faults))
    figures = tuple(AdoptedFigure(one.year, one.scenario, one.value) for one in body.figures)
    return Adoption(body.edition, found.id, body.decided_on, body.note, figures, actor, datetime.now(UTC))


def adopt(session: Session, adoption: Adoption, found: StoredOrder, stored: StoredForecast) -> None:
    """Store the adoption and archive the forecast; raises ArchiveConflicts when the archive has it already.

    Acceptance rates are part of what is adopted where they are ready now; rates that come later are not.
    """
    from service.archive_intake import new_entry

    store_adoption(session, replace(adoption, rates_hash=ready_rates(session, found.id)))
    records = list(_records(adoption, found, stored))
    beside = {"source": f"forecast {found.id}, draws {found.draws_hash}"}
    entries = [new_entry(record, beside) for record in records]
    add_entries(session, entries, f"adoption:{found.id}", adoption.adopted_by)


def adopted_intervals(
    figures: tuple[AdoptedFigure, ...], own: Mapping[int, Mapping[str, float]]
) -> dict[int, dict[str, float]]:
    """The four figures of each year: as decided where that was stated, else the forecast's own."""
    decided = {(figure.year, figure.scenario): figure.value for figure in figures}
    return {
        year: {name: decided.get((year, name), value) for name, value in by_name.items()}
        for year, by_name in own.items()
    }


def own_intervals(stored: StoredForecast) -> dict[int, dict[str, float]]:
    """The forecast's own minimum, median, medio and maximum per target year, persons."""
    by_level = stored.layer("posterior").quantiles(tuple(LEVELS.values()))
    return {
        year: dict(zip(LEVELS, by_level[:, place].tolist(), strict=True))
        for place, year in enumerate(stored.years)
    }


def _date_faults(body: AdoptionBody, found: StoredOrder) -> Iterator[Fault]:
    today = datetime.now(UTC).date()
    if body.decided_on > today:
        detail = f"{body.decided_on} is in the future; today is {today} (UTC)"
        dutch = f"{body.decided_on} ligt in de toekomst; vandaag is het {today} (UTC)"
        yield Fault("/decidedOn", detail, dutch)
    if body.decided_on < found.order.cutoff:
        detail = f"{body.decided_on} is before the cutoff {found.order.cutoff}"
        yield Fault("/decidedOn", detail, f"{body.decided_on} ligt vóór de peildatum {found.order.cutoff}")


def _figure_faults(body: AdoptionBody, stored: StoredForecast) -> Iterator[Fault]:
    seen: set[tuple[int, str]] = set()
    for place, figure in enumerate(body.figures):
        if figure.year not in stored.years:
            first, last = stored.years[0], stored.years[-1]
            detail = f"{figure.year} is not a target year; these are {first} to {last}"
            dutch = f"{figure.year} is geen jaar van de prognose; dat zijn {first} tot en met {last}"
            yield Fault(pointer("figures", place, "year"), detail, dutch)
        elif (figure.year, figure.scenario) in seen:
            name = SCENARIOS_NL[figure.scenario]
            detail = f"{figure.scenario} of {figure.year} is given twice"
            yield Fault(pointer("figures", place), detail, f"{name} van {figure.year} staat er twee keer")
        elif (against := _against_counts(figure, stored)) is not None:
            yield Fault(pointer("figures", place, "value"), *against)
        seen.add((figure.year, figure.scenario))
    figures = tuple(AdoptedFigure(f.year, f.scenario, f.value) for f in body.figures)
    for year, by_name in adopted_intervals(figures, own_intervals(stored)).items():
        values = list(by_name.values())
        if values != sorted(values):
            said = ", ".join(f"{name} {value:,.0f}" for name, value in by_name.items())
            gezegd = ", ".join(f"{SCENARIOS_NL[n]} {numerals_nl(f'{v:,.0f}')}" for n, v in by_name.items())
            detail = f"the figures of {year} do not rise: {said}"
            yield Fault("/figures", detail, f"de cijfers van {year} lopen niet op: {gezegd}")


def _against_counts(figure: FigureBody, stored: StoredForecast) -> tuple[str, str] | None:
    """What a figure contradicts in what was counted of its year, in English and in Dutch."""
    year, observed = figure.year, stored.observed[figure.year]
    counted, geteld = f"{observed.to_date:,.0f}", numerals_nl(f"{observed.to_date:,.0f}")
    if figure.value < observed.to_date:
        return (
            f"{figure.value:,.0f} is less than the {counted} counted of {year} already",
            f"{numerals_nl(f'{figure.value:,.0f}')} is minder dan de {geteld} die in {year} al geteld zijn",
        )
    if observed.months == 12 and figure.value != observed.to_date:
        return f"{year} is fully counted: {counted}", f"{year} is helemaal geteld: {geteld}"
    return None


def _records(adoption: Adoption, found: StoredOrder, stored: StoredForecast) -> Iterator[ArchivedForecast]:
    levels = (np.arange(_STRATA) + 0.5) / _STRATA
    open_years = [year for year in stored.years if stored.observed[year].months < 12]
    # A total is not a model's own forecast: it has what was combined.
    left_out = {"experts"} if stored.scenario_set is None else set()
    left_out |= {"model"} if found.order.total else set()
    layers = [(stage, name) for stage, name in _STAGES if name not in left_out]
    for stage, name in layers:
        quantiles = stored.layer(name).quantiles(tuple(levels.tolist()))
        for year in open_years:
            drawn = tuple(np.maximum(quantiles[:, stored.years.index(year)], 0.0).tolist())
            yield _record(adoption, found, year, stage, draws=drawn)
            if stage == "combined" and not _decided(adoption, year):
                yield _record(adoption, found, year, "adopted", draws=drawn)
    intervals = adopted_intervals(adoption.figures, own_intervals(stored))
    for year in (year for year in open_years if _decided(adoption, year)):
        stated = [{"level": LEVELS[name], "value": value} for name, value in intervals[year].items()]
        yield _record(adoption, found, year, "adopted", quantiles=stated)


def _decided(adoption: Adoption, year: int) -> bool:
    return any(figure.year == year for figure in adoption.figures)


def _record(
    adoption: Adoption, found: StoredOrder, year: int, stage: Stage, **form: object
) -> ArchivedForecast:
    target, issued = found.order.target, adoption.decided_on
    return ArchivedForecast.model_validate(
        {
            "series": target.series,
            "geo": target.geo,
            "citizen": target.citizen,
            "edition": adoption.edition,
            "issued_on": _day(issued),
            "cutoff": _day(found.order.cutoff),
            "target_year": year,
            "stage": stage,
            "issuer": ISSUER,
            **form,
        }
    )


def _day(day: date) -> str:
    return day.isoformat()
