"""Versions and the ledger, on both databases: appended in order under pressure, and any tampering is found."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session, sessionmaker

from priors.ledger import GENESIS
from priors.scenario import ScenarioSet, parse_scenario_set
from service.scenario_changes import StaleVersion, change_scenario_set, create_scenario_set
from service.storage.base import reading, writing
from service.storage.ledger import LedgerRow, list_entries, set_subject, verify_ledger
from service.storage.scenario_sets import (
    StoredSet,
    UnknownScenarioSet,
    VersionRow,
    get_set,
    list_sets,
    list_versions,
)

Sessions = sessionmaker[Session]


def stated(expected: float = 35_000, reason: str = "first version") -> ScenarioSet:
    years = {"2024": {"expected": 30_000, "spread": 5_000}, "2025": {"expected": expected, "spread": 8_000}}
    return parse_scenario_set(
        {
            "name": "A set",
            "edition": "2024-2",
            "cutoff": "2024-06-30",
            "target": {"series": "first_applications", "geo": "NL", "citizen": "TOTAL"},
            "scenarios": [{"key": "one", "probability": 1.0, "family": "normal", "years": years}],
            "reason": reason,
        }
    )


def create(sessions: Sessions, **options: Any) -> StoredSet:
    with writing(sessions) as session:
        return create_scenario_set(session, stated(**options), "expert")


def change(sessions: Sessions, known: StoredSet, **options: Any) -> StoredSet:
    with writing(sessions) as session:
        return change_scenario_set(session, known.id, stated(**options), "other expert", known.etag.__eq__)


def verification(sessions: Sessions) -> Any:
    with reading(sessions) as session:
        return verify_ledger(session)


def test_an_empty_ledger_holds(sessions: Sessions) -> None:
    assert verification(sessions) == (0, True, GENESIS, None)


def test_versions_stay_as_they_were_stated(sessions: Sessions) -> None:
    first = create(sessions)
    second = change(sessions, first, expected=40_000, reason="more")
    with reading(sessions) as session:
        assert get_set(session, first.id) == second
        assert get_set(session, first.id, 1) == first
        assert [stored.version for stored in list_versions(session, first.id, 1, 10).items] == [2, 1]
        assert [stored.version for stored in list_sets(session, 1, 10).items] == [2]
        for wanted in ((first.id, 3), ("nothing", None)):
            with pytest.raises(UnknownScenarioSet):
                get_set(session, *wanted)
    assert first.etag != second.etag and first.etag.startswith('"')


def test_an_entry_says_who_why_and_by_how_much(sessions: Sessions) -> None:
    first = create(sessions)
    change(sessions, first, expected=37_000, reason="a new war")
    with reading(sessions) as session:
        created, changed = list_entries(session, set_subject(first.id), 1, 10).items
    assert (created.actor, created.reason, created.effect, created.before) == (
        "expert",
        "first version",
        {},
        None,
    )
    assert (changed.actor, changed.reason, changed.sequence) == ("other expert", "a new war", 2)
    assert changed.before == created.after and changed.previous_hash == created.entry_hash
    # A normal shifted by 2,000 moves its quantiles by as much (but for the cut at 0); 2024 was not touched.
    assert list(changed.effect) == [2024, 2025]
    assert all(abs(effect) < 1e-6 for effect in changed.effect[2024].values())
    assert changed.effect[2025] == pytest.approx(dict.fromkeys(changed.effect[2025], 2_000.0), abs=0.5)


def test_a_stale_change_stores_nothing(sessions: Sessions) -> None:
    first = create(sessions)
    second = change(sessions, first, expected=36_000)
    with pytest.raises(StaleVersion) as stale:
        change(sessions, first, expected=50_000)
    assert stale.value.current == second
    assert verification(sessions).entries == 2
    with reading(sessions) as session:
        assert session.scalar(select(func.count()).select_from(VersionRow)) == 2


def test_two_changes_at_once_give_one_version_and_one_refusal(sessions: Sessions) -> None:
    first, start = create(sessions), Barrier(2)

    def attempt(expected: float) -> str:
        start.wait()
        try:
            change(sessions, first, expected=expected)
        except StaleVersion:
            return "stale"
        return "stored"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(attempt, [36_000.0, 37_000.0])) == ["stale", "stored"]
    assert verification(sessions).entries == 2


def test_the_chain_has_no_fork_when_many_append(sessions: Sessions) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: create(sessions), range(12)))
    found = verification(sessions)
    assert (found.entries, found.valid, found.first_fault) == (12, True, None)


def tamper(sessions: Sessions, table: str, statement: str, **values: Any) -> None:
    """As somebody with the database in hand would: the guard is taken away first."""
    with writing(sessions) as session:
        if session.get_bind().dialect.name == "sqlite":
            for verb in ("update", "delete"):
                session.execute(text(f"DROP TRIGGER {table}_no_{verb}"))
        else:
            session.execute(text(f"DROP TRIGGER {table}_append_only ON {table}"))
        session.execute(text(statement), values)


def rewritten(change: Callable[[dict[str, Any]], None]) -> Callable[[Sessions], None]:
    def alter(sessions: Sessions) -> None:
        with reading(sessions) as session:
            entry = json.loads(session.scalars(select(LedgerRow.entry).where(LedgerRow.sequence == 2)).one())
        change(entry)
        statement = "UPDATE ledger_entries SET entry = :entry WHERE sequence = 2"
        tamper(sessions, "ledger_entries", statement, entry=json.dumps(entry))

    return alter


TAMPERINGS: dict[str, Callable[[Sessions], None]] = {
    "a reason": rewritten(lambda entry: entry.update(reason="a better reason")),
    "an actor": rewritten(lambda entry: entry.update(actor="somebody else")),
    "an effect": rewritten(lambda entry: entry["effect"]["2025"].update(median=0.0)),
    "what was stated": rewritten(lambda entry: entry["after"]["scenarios"][0].update(probability=0.5)),
    "a moment": rewritten(lambda entry: entry.update(at="2020-01-01T00:00:00Z")),
    "unreadable": rewritten(lambda entry: entry.pop("previousHash")),
    "the filing": lambda s: tamper(
        s, "ledger_entries", "UPDATE ledger_entries SET subject = 'x' WHERE sequence = 2"
    ),
    "a gap": lambda s: tamper(s, "ledger_entries", "DELETE FROM ledger_entries WHERE sequence = 2"),
    "the end": lambda s: tamper(s, "ledger_entries", "DELETE FROM ledger_entries WHERE sequence = 3"),
    "everything": lambda s: tamper(s, "ledger_entries", "DELETE FROM ledger_entries"),
    "a version": lambda s: tamper(
        s,
        "scenario_set_versions",
        "UPDATE scenario_set_versions SET record = replace(record, '36000', '46000') WHERE version = 2",
    ),
    "a lost version": lambda s: tamper(
        s, "scenario_set_versions", "DELETE FROM scenario_set_versions WHERE version = 3"
    ),
}


def swapped(sessions: Sessions) -> None:
    """Two entries in each other's place, renumbered so that the order of numbers looks right."""
    with reading(sessions) as session:
        rows = session.scalars(select(LedgerRow).order_by(LedgerRow.sequence)).all()
        second, third = (json.loads(row.entry) for row in rows[1:3])
    second["sequence"], third["sequence"] = 3, 2
    tamper(sessions, "ledger_entries", "DELETE FROM ledger_entries WHERE sequence IN (2, 3)")
    insert = "INSERT INTO ledger_entries VALUES (:sequence, :at, :subject, :entry, :hash)"
    with writing(sessions) as session:
        for row, entry in ((rows[2], third), (rows[1], second)):
            values = {
                "sequence": entry["sequence"],
                "at": row.at,
                "subject": row.subject,
                "hash": row.entry_hash,
            }
            if session.get_bind().dialect.name == "sqlite":
                values["at"] = row.at.strftime("%Y-%m-%d %H:%M:%S.%f")
            session.execute(text(insert), values | {"entry": json.dumps(entry)})


def removed_with_its_version(sessions: Sessions) -> None:
    """The last change undone without a trace: entry, version, and the number of the latest version."""
    tamper(sessions, "ledger_entries", "DELETE FROM ledger_entries WHERE sequence = 3")
    tamper(sessions, "scenario_set_versions", "DELETE FROM scenario_set_versions WHERE version = 3")
    with writing(sessions) as session:
        session.execute(text("UPDATE scenario_sets SET version = 2"))


TAMPERINGS |= {"the order": swapped, "the end with its version": removed_with_its_version}


@pytest.mark.parametrize("what", TAMPERINGS)
def test_tampering_in_the_database_is_found(sessions: Sessions, what: str) -> None:
    stored = create(sessions)
    for expected in (36_000, 37_000):
        stored = change(sessions, stored, expected=expected)
    assert verification(sessions).valid
    TAMPERINGS[what](sessions)
    found = verification(sessions)
    assert not found.valid and found.first_fault
