"""`instroom scenarios` and `instroom ledger verify`: what a stored set says, and whether the chain holds.

The floor of the cutoff's own year is what had been counted at the cutoff, as in a forecast.
"""

from __future__ import annotations

from rich.table import Table
from sqlalchemy.orm import Session

from priors.mixture import ExpertDensity
from priors.scenario import InvalidScenarioSet
from priors.summary import LEVELS, year_summary
from service.cli.terminal import open_sessions, out, refuse, say
from service.implied import implied
from service.settings import Settings
from service.storage.base import reading
from service.storage.ledger import verify_ledger as verify_stored
from service.storage.scenario_sets import StoredSet, UnknownScenarioSet, get_set, list_sets

_PAGE = 100


def scenarios(settings: Settings, name: str) -> None:
    """Print the interval scenarios of every stated year, what they imply, and who stated the set when."""
    with open_sessions(settings) as sessions, reading(sessions) as session:
        stored = find_set(session, name)
        try:
            told = implied(session, stored.record)
        except InvalidScenarioSet as error:
            refuse(f"{stored.record.name}: {'; '.join(fault.detail for fault in error.faults)}", code=1)
    _show(stored, told.density)
    for item in told.feedback:
        say(f"{item.severity}: {item.detail}")


def find_set(session: Session, name: str) -> StoredSet:
    """The latest version of the set with this id, else of the newest set of this name; or refuses."""
    try:
        return get_set(session, name)
    except UnknownScenarioSet:
        number, seen = 1, 0
        while True:
            page = list_sets(session, number, _PAGE)
            for stored in page.items:
                if stored.record.name == name:
                    return stored
            number, seen = number + 1, seen + len(page.items)
            if seen >= page.total:
                refuse(f"There is no scenario set with the id or name {name!r}.", code=1)


def _show(stored: StoredSet, density: ExpertDensity) -> None:
    table = Table("year", *LEVELS, "mean", "sd", box=None, pad_edge=False)
    for column in table.columns:
        column.justify = "right"
    for year in density.stated_years:
        told = year_summary(density, year)
        numbers = [*told.interval_scenarios.values(), told.mean, told.sd]
        table.add_row(str(year), *(f"{number:,.0f}" for number in numbers))
    record = stored.record
    say(f"{record.name}, edition {record.edition}, cutoff {record.cutoff}")
    say(
        f"version {stored.version} ({stored.status}), stated by {stored.created_by} "
        f"on {stored.created_at:%Y-%m-%d}"
    )
    out.print(table)


def verify_ledger(settings: Settings) -> None:
    """Recompute the chain; exit status 1 and the first fault when it is broken."""
    with open_sessions(settings) as sessions, reading(sessions) as session:
        found = verify_stored(session)
    if not found.valid:
        refuse(f"The ledger is broken: {found.first_fault}", code=1)
    say(f"The ledger holds: {found.entries} entries, head {found.head}")
