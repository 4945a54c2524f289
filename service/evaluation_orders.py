"""From a body to an evaluation order: shape, outcomes and archive checked side by side, every fault named at once.

    body -> EvaluationBody (shape) -> EvaluationOrder (defaults filled in) + EvaluationBasis (what it can see)

Defaults: outcomes of the source with the most complete years, as known today (UTC). A filter that no archived
forecast passes, and forecasts that speak of no realised year, are faults here, before anything is queued. Must not
know HTTP, PyMC or jobs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated, NamedTuple

from pydantic import Field, ValidationError
from sqlalchemy.orm import Session

from models.calibration.records import Count, EvaluationRequest
from models.calibration.selection import no_overlap
from models.calibration.version import CALIBRATION_VERSION
from priors.faults import Fault
from priors.hashing import content_hash
from priors.records import CalendarDate, Record, Year
from priors.scenario import shape_faults
from service.evaluation_inputs import best_source, figures_hash, ledger_edits, realised_from, rows_of
from service.storage.archive import ArchiveEntry, ArchiveFilter, entries_at, newest_number, summarise
from service.storage.evaluations import EvaluationBasis, EvaluationOrder
from service.storage.ledger import newest_sequence

if TYPE_CHECKING:
    import pandas as pd

SourceName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]
MOST_FORECASTS = 20_000


class OutcomesBody(Record):
    """Outcomes of a source as known at the end of a day, or given as persons per year."""

    source: SourceName | None = None
    as_of: CalendarDate | None = None
    values: Annotated[dict[Year, Count], Field(min_length=1, max_length=200)] | None = None


class EvaluationBody(EvaluationRequest):
    """What may be asked for; absent members get their defaults."""

    realisations: OutcomesBody = OutcomesBody()


class EvaluationOrderRefused(ValueError):
    """The request cannot be computed as asked; `faults` are all its faults, fields as JSON pointers."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(f"{fault.field}: {fault.detail}" for fault in self.faults))


class PreparedEvaluation(NamedTuple):
    order: EvaluationOrder
    basis: EvaluationBasis


def prepare_evaluation(session: Session, payload: object, today: date | None = None) -> PreparedEvaluation:
    """Check a decoded body against itself and the database; raises EvaluationOrderRefused with every fault."""
    today = today or datetime.now(UTC).date()
    body = _read(payload)
    faults = [*_meaning_faults(body, today)]
    frame = rows_of(session, body.filter)
    order, source_faults = _order(body, frame, today)
    faults += source_faults
    newest = newest_number(session)
    entries = entries_at(session, order.archive_filter, newest)
    faults += _archive_faults(session, order, entries, frame) if not faults else []
    if faults:
        raise EvaluationOrderRefused(faults)
    sequence = newest_sequence(session)
    edits = ledger_edits(session, body.filter, sequence)
    basis = EvaluationBasis(
        newest_entry=newest,
        known_rows=len(frame),
        ledger_entries=sequence,
        archive_hash=content_hash([entry.id for entry in entries]),
        data_vintage=_vintage(order, frame),
        edits_hash=content_hash([edit.model_dump(mode="json") for edit in edits]),
        model_version=CALIBRATION_VERSION,
    )
    return PreparedEvaluation(order, basis)


def _read(payload: object) -> EvaluationBody:
    if not isinstance(payload, Mapping):
        raise EvaluationOrderRefused([Fault("", "must be an object", "moet een object zijn")])
    try:
        return EvaluationBody.model_validate(payload)
    except ValidationError as error:
        raise EvaluationOrderRefused(shape_faults(error)) from None


def _meaning_faults(body: EvaluationBody, today: date) -> list[Fault]:
    came, faults = body.realisations, []
    if came.values is not None and (came.source is not None or came.as_of is not None):
        detail = "give either values, or a source and asOf, not both"
        dutch = "geef óf waarden (values), óf een bron (source) en dag (asOf), niet beide"
        faults.append(Fault("/realisations", detail, dutch))
    if came.as_of is not None and came.as_of > today:
        detail = f"{came.as_of} is in the future; today is {today} (UTC)"
        dutch = f"{came.as_of} ligt in de toekomst; vandaag is het {today} (UTC)"
        faults.append(Fault("/realisations/asOf", detail, dutch))
    years = body.filter.target_years
    if years is not None and years[0] > years[1]:
        detail = "the first year lies after the last; exchange them"
        faults.append(
            Fault("/filter/targetYears", detail, "het eerste jaar ligt na het laatste; verwissel ze")
        )
    if len(set(body.levels)) < len(body.levels) or list(body.levels) != sorted(body.levels):
        faults.append(Fault("/levels", "must rise, each level once", "moeten oplopen, elk niveau één keer"))
    return faults


def _order(body: EvaluationBody, frame: pd.DataFrame, today: date) -> tuple[EvaluationOrder, list[Fault]]:
    request = EvaluationRequest.model_validate(body.model_dump(exclude={"realisations"}))
    came = body.realisations
    if came.values is not None:
        return EvaluationOrder(request, None, None, tuple(sorted(came.values.items()))), []
    as_of = came.as_of or today
    known = sorted(str(source) for source in frame["source"].unique())
    source = came.source or best_source(frame, as_of)
    order = EvaluationOrder(request, source or "none", as_of, None)
    if source in known:
        return order, []
    chosen = body.filter
    about = f"{chosen.series} of {chosen.geo} ({chosen.citizen})"
    there = f"there is {', '.join(known)}" if known else "there are none: deliver them, or give values"
    er_is = f"wel van {', '.join(known)}" if known else "er zijn er geen: lever ze aan, of geef waarden"
    by, van = (f" from {came.source}", f" van {came.source}") if came.source else ("", "")
    named = "/realisations/source" if came.source else "/realisations"
    dutch = f"geen realisaties{van} van deze reeks in {chosen.geo} ({chosen.citizen}); {er_is}"
    return order, [Fault(named, f"no realisations of {about}{by}; {there}", dutch)]


def _archive_faults(
    session: Session, order: EvaluationOrder, entries: list[ArchiveEntry], frame: pd.DataFrame
) -> list[Fault]:
    """Whether the filter lets forecasts through, and whether any speaks of a year that is over."""
    if not entries:
        english, dutch = _what_there_is(session)
        detail = f"no archived forecast passes; {english}"
        return [Fault("/filter", detail, f"geen gearchiveerde prognose past bij het filter; {dutch}")]
    if len(entries) > MOST_FORECASTS:
        detail = f"{len(entries):,} forecasts pass; at most {MOST_FORECASTS:,} are evaluated at once"
        dutch = f"{len(entries)} prognoses passen bij het filter; hoogstens {MOST_FORECASTS} worden samen geëvalueerd"
        return [Fault("/filter", detail, dutch)]
    in_time = {e.key.target_year for e in entries if e.issued_on.year <= e.key.target_year}
    came, partly = _realised_years(order, frame)
    if in_time & came:
        return []
    late = len([e for e in entries if e.issued_on.year > e.key.target_year])
    spoken = (entry.key.target_year for entry in entries)
    nothing = no_overlap(spoken, came, partly, late, len(entries))
    return [Fault("/filter", str(nothing), nothing.dutch)]


def _what_there_is(session: Session) -> tuple[str, str]:
    """What the archive holds, in English and in Dutch."""
    issuers, targets = summarise(session, ArchiveFilter())
    if not targets:
        return "the archive is empty", "het archief is leeg"
    held, by = ", ".join(targets[:10]), ", ".join(issuers[:10])
    return f"the archive holds {held}, issued by {by}", f"het archief bevat {held}, uitgebracht door {by}"


def _realised_years(order: EvaluationOrder, frame: pd.DataFrame) -> tuple[set[int], tuple[int, ...]]:
    if order.values is not None:
        return {year for year, _ in order.values}, ()
    assert order.source is not None and order.as_of is not None
    realised = realised_from(frame, order.source, order.as_of)
    return set(realised.values), realised.incomplete


def _vintage(order: EvaluationOrder, frame: pd.DataFrame) -> str:
    if order.values is not None:
        return content_hash({str(year): value for year, value in order.values})
    assert order.source is not None and order.as_of is not None
    return figures_hash(frame, order.source, order.as_of)
