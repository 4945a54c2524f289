"""The archive on both databases: one version in force per key whatever the timing, and what it was at a moment."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy.orm import Session, sessionmaker

from service.storage.archive import (
    ArchiveConflicts,
    ArchiveEntry,
    ArchiveFilter,
    ArchiveKey,
    NewEntry,
    add_entries,
    entries_at,
    get_entry,
    list_entries,
    newest_number,
)
from service.storage.base import reading, writing

Sessions = sessionmaker[Session]
KEY = ArchiveKey("first_applications", "NL", "TOTAL", "2024-2", "MPP", None, "adopted", 2025)
ENTRY = NewEntry(KEY, date(2024, 9, 15), date(2024, 6, 30), "point", {"point": 42000})


def added(sessions: Sessions, *entries: NewEntry) -> list[ArchiveEntry]:
    with writing(sessions) as session:
        return add_entries(session, entries, "test", "tester")


def test_an_entry_comes_back_as_it_was_added(sessions: Sessions) -> None:
    (stored,) = added(sessions, ENTRY)
    with reading(sessions) as session:
        assert get_entry(session, stored.id) == stored
    assert (stored.key, stored.content, stored.version) == (KEY, {"point": 42000}, 1)


def test_the_archive_can_be_read_as_it_was(sessions: Sessions) -> None:
    (old,) = added(sessions, ENTRY)
    with reading(sessions) as session:
        before = newest_number(session)
    correction = replace(ENTRY, content={"point": 43000}, supersedes=old.id)
    (new, other) = added(sessions, correction, replace(ENTRY, key=replace(KEY, target_year=2026)))
    with reading(sessions) as session:
        assert [entry.id for entry in entries_at(session, ArchiveFilter(), before)] == [old.id]
        now = entries_at(session, ArchiveFilter(), newest_number(session))
    assert [(entry.id, entry.version) for entry in now] == [(new.id, 2), (other.id, 1)]


def test_of_many_at_once_one_is_in_force(sessions: Sessions) -> None:
    gate = threading.Barrier(6)

    def attempt(value: int) -> bool:
        gate.wait()
        try:
            added(sessions, replace(ENTRY, content={"point": value}))
        except ArchiveConflicts:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(attempt, range(6))) == 1
    with reading(sessions) as session:
        assert list_entries(session, ArchiveFilter(), 1, 10, superseded=True).total == 1


def test_a_conflict_leaves_nothing_of_its_batch(sessions: Sessions) -> None:
    added(sessions, ENTRY)
    with pytest.raises(ArchiveConflicts) as refused:
        added(sessions, replace(ENTRY, key=replace(KEY, stage="estimate")), ENTRY)
    assert [conflict.position for conflict in refused.value.conflicts] == [1]
    with reading(sessions) as session:
        assert newest_number(session) == 1


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (ArchiveFilter(), 3),
        (ArchiveFilter(stage=("estimate", "experts")), 1),
        (ArchiveFilter(issuer=("other",)), 1),
        (ArchiveFilter(target_years=(2025, 2025)), 2),
        (ArchiveFilter(expert="expert-1"), 1),
        (ArchiveFilter(series="family_arrivals"), 0),
    ],
)
def test_a_filter_takes_what_it_names(sessions: Sessions, wanted: ArchiveFilter, found: int) -> None:
    keys = [
        KEY,
        replace(KEY, stage="estimate", issuer="other"),
        replace(KEY, target_year=2026, expert="expert-1"),
    ]
    added(sessions, *(replace(ENTRY, key=key) for key in keys))
    with reading(sessions) as session:
        assert list_entries(session, wanted, 1, 10).total == found
