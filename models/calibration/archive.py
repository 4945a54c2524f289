"""From an untrusted list of forecasts to archived forecasts, or to every fault in it at once.

Meaning beside shape: exactly one form; levels that rise with quantiles that do not cross; scenario probabilities
that sum to 1 within 1e-6 and state the target year; a cutoff no later than the issue. A forecast issued after its
target year ended is a fact about an old report, no fault: it is archived, flagged, and left out of evaluations.
Must not know storage or HTTP.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from pydantic import ValidationError

from models.calibration.records import ArchivedForecast
from priors.families import ImpossibleBelief, marginal
from priors.faults import Fault, numerals_nl, pointer
from priors.records import Scenario
from priors.scenario import shape_faults
from priors.scenario_checks import PROBABILITY_TOLERANCE

FORMS = ("quantiles", "scenarios", "draws", "point")


class InvalidArchive(ValueError):
    """A list of forecasts cannot be archived; `faults` names everything wrong, by JSON pointer into the list."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("; ".join(f"{fault.field or '(whole)'}: {fault.detail}" for fault in faults))
        self.faults = faults


def archived_forecasts(payload: object) -> tuple[ArchivedForecast, ...]:
    """The forecasts a decoded JSON list states; raises InvalidArchive with every fault in it."""
    if not isinstance(payload, Sequence) or isinstance(payload, str | bytes):
        raise InvalidArchive((Fault("", "must be a list of forecasts", "moet een lijst van prognoses zijn"),))
    if not payload:
        detail, dutch = "must hold at least one forecast", "moet ten minste één prognose bevatten"
        raise InvalidArchive((Fault("", detail, dutch),))
    records, faults = [], []
    for place, stated in enumerate(payload):
        try:
            record = ArchivedForecast.model_validate(stated)
        except ValidationError as error:
            faults += [fault._replace(field=pointer(place) + fault.field) for fault in shape_faults(error)]
            continue
        found = archive_faults(record)
        faults += [fault._replace(field=pointer(place) + fault.field) for fault in found]
        records.append(record)
    if faults:
        raise InvalidArchive(tuple(faults))
    return tuple(records)


def archive_faults(forecast: ArchivedForecast) -> tuple[Fault, ...]:
    """What the fields of one forecast contradict in each other, by JSON pointer; () when nothing."""
    faults = []
    stated = [form for form in FORMS if getattr(forecast, form) is not None]
    if len(stated) != 1:
        found = f"this one states {' and '.join(stated)}" if stated else "this one states none"
        gevonden = f"hier staan {' en '.join(stated)}" if stated else "hier staat er geen"
        forms = ", ".join(FORMS)
        dutch = f"er is er precies één nodig van {forms}; {gevonden}"
        faults.append(Fault("", f"exactly one of {forms} is needed; {found}", dutch))
    if forecast.cutoff > forecast.issued_on:
        detail = f"the cutoff lies after the issue on {forecast.issued_on}; exchange them or correct one"
        dutch = f"de peildatum ligt na de uitgifte op {forecast.issued_on}; verwissel ze of verbeter er een"
        faults.append(Fault("/cutoff", detail, dutch))
    return (*faults, *_quantile_faults(forecast), *_scenario_faults(forecast))


def issued_after_target(forecast: ArchivedForecast) -> bool:
    """Whether the target year had ended when the forecast was issued."""
    return forecast.issued_on.year > forecast.target_year


def _quantile_faults(forecast: ArchivedForecast) -> list[Fault]:
    faults = []
    stated = forecast.quantiles or ()
    for place, (one, following) in enumerate(itertools.pairwise(stated), start=1):
        if following.level <= one.level:
            detail = f"levels must rise: {following.level:g} follows {one.level:g}"
            levels = numerals_nl(f"{following.level:g} volgt op {one.level:g}")
            faults.append(Fault(f"/quantiles/{place}/level", detail, f"niveaus moeten oplopen: {levels}"))
        elif following.value < one.value:
            detail = (
                f"quantiles cross: {following.value:,.0f} at level {following.level:g} lies under "
                f"{one.value:,.0f} at level {one.level:g}"
            )
            lower = numerals_nl(f"{following.value:,.0f} bij niveau {following.level:g}")
            upper = numerals_nl(f"{one.value:,.0f} bij niveau {one.level:g}")
            faults.append(
                Fault(f"/quantiles/{place}/value", detail, f"kwantielen kruisen: {lower} ligt onder {upper}")
            )
    return faults


def _scenario_faults(forecast: ArchivedForecast) -> list[Fault]:
    if forecast.scenarios is None:
        return []
    faults = []
    total = math.fsum(scenario.probability for scenario in forecast.scenarios)
    if abs(total - 1) > PROBABILITY_TOLERANCE:
        dutch = f"de kansen tellen op tot {numerals_nl(f'{total:.10g}')}; ze moeten optellen tot 1"
        faults.append(Fault("/scenarios", f"probabilities sum to {total:.10g}, they must sum to 1", dutch))
    for place, scenario in enumerate(forecast.scenarios):
        if set(scenario.years) != {forecast.target_year}:
            detail = f"must state exactly the target year {forecast.target_year}"
            dutch = f"moet precies het doeljaar {forecast.target_year} noemen"
            faults.append(Fault(f"/scenarios/{place}/years", detail, dutch))
        else:
            faults += _belief_faults(scenario, forecast, place)
    return faults


def _belief_faults(scenario: Scenario, forecast: ArchivedForecast, place: int) -> list[Fault]:
    year, belief = forecast.target_year, scenario.years[forecast.target_year]
    try:
        marginal(
            scenario.family,
            belief.expected,
            belief.spread,
            scenario.spread_meaning,
            scenario.degrees_of_freedom,
            forecast.counted_at_cutoff,
        )
    except ImpossibleBelief as impossible:
        field = f"/scenarios/{place}/years/{year}/{impossible.part}"
        return [Fault(field, impossible.detail, impossible.dutch)]
    return []
