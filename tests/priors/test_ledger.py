"""The chain holds, and shows every kind of tampering."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from priors.ledger import GENESIS, LedgerEntry, LedgerFields, seal, verify

START = datetime(2024, 7, 1, 9, 30, tzinfo=UTC)


def fields(sequence: int, **changed: Any) -> LedgerFields:
    standard: dict[str, Any] = {
        "sequence": sequence,
        "at": START + timedelta(minutes=sequence),
        "actor": "expert-1",
        "reason": f"change {sequence}",
        "subject": "scenario_set:7",
        "before": None if sequence == 1 else {"p": 0.1 * (sequence - 1)},
        "after": {"p": 0.1 * sequence},
        "effect": {2024: {"minimum": -250.0, "median": 0.0, "medio": 10.5, "maximum": 900.0}},
    }
    return LedgerFields(**{**standard, **changed})


@pytest.fixture
def chain() -> list[LedgerEntry]:
    entries: list[LedgerEntry] = []
    for sequence in range(1, 6):
        entries.append(seal(fields(sequence), entries[-1].entry_hash if entries else GENESIS))
    return entries


def test_an_untouched_chain_is_valid(chain: list[LedgerEntry]) -> None:
    assert verify(chain) == (5, True, chain[-1].entry_hash, None)
    assert verify([]) == (0, True, GENESIS, None)
    assert chain[0].before_hash is None
    assert chain[1].before_hash == chain[0].after_hash


def test_a_chain_survives_storage_as_json(chain: list[LedgerEntry]) -> None:
    stored = [json.dumps(entry.model_dump(mode="json", by_alias=True), sort_keys=True) for entry in chain]
    assert verify(LedgerEntry.model_validate_json(text) for text in stored).valid


def test_the_hash_does_not_depend_on_the_time_zone_it_was_written_in() -> None:
    summer = START.astimezone(timezone(timedelta(hours=2)))
    assert seal(fields(1, at=summer)).entry_hash == seal(fields(1, at=START)).entry_hash
    with pytest.raises(ValueError, match="timezone"):
        fields(1, at=START.replace(tzinfo=None))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("at", START + timedelta(days=1)),
        ("actor", "someone-else"),
        ("reason", "better reason"),
        ("subject", "scenario_set:8"),
        ("before", {"p": 0.9}),
        ("after", {"p": 0.9}),
        ("effect", {2024: {"minimum": 0.0}}),
        ("before_hash", "a" * 64),
        ("after_hash", "a" * 64),
        ("previous_hash", "a" * 64),
        ("entry_hash", "a" * 64),
        ("sequence", 9),
    ],
)
def test_any_altered_field_is_found_at_its_entry(chain: list[LedgerEntry], field: str, value: object) -> None:
    chain[2] = chain[2].model_copy(update={field: value})
    found = verify(chain)
    assert not found.valid
    assert found.first_fault is not None
    assert found.first_fault.startswith("entry 3 ")


def test_an_entry_altered_and_sealed_anew_breaks_the_next(chain: list[LedgerEntry]) -> None:
    chain[2] = seal(fields(3, actor="someone-else"), chain[1].entry_hash)
    assert verify(chain).first_fault == "entry 4 does not follow the entry before it"


@pytest.mark.parametrize("gone", range(4))
def test_a_removed_entry_is_found(chain: list[LedgerEntry], gone: int) -> None:
    del chain[gone]
    found = verify(chain)
    assert (found.valid, found.entries) == (False, 4)
    assert f"entry {gone + 1} is missing" in str(found.first_fault)


def test_a_removed_entry_is_found_when_the_rest_is_renumbered(chain: list[LedgerEntry]) -> None:
    rest = [
        entry.model_copy(update={"sequence": i}) for i, entry in enumerate([*chain[:1], *chain[2:]], start=1)
    ]
    assert verify(rest).first_fault == "entry 2 does not follow the entry before it"


def test_lost_last_entries_show_against_a_head_noted_elsewhere(chain: list[LedgerEntry]) -> None:
    head = verify(chain).head
    assert verify(chain[:-1]).valid
    assert not verify(chain[:-1], expected_head=head).valid
    assert verify(chain, expected_head=head).valid


def test_reordered_entries_are_found(chain: list[LedgerEntry]) -> None:
    chain[1], chain[2] = chain[2], chain[1]
    assert "out of order" in str(verify(chain).first_fault)


def test_an_inserted_entry_is_found(chain: list[LedgerEntry]) -> None:
    chain.insert(2, seal(fields(3, reason="slipped in"), chain[1].entry_hash))
    assert str(verify(chain).first_fault).startswith("entry 4 ")


@pytest.mark.parametrize("reason", ["", "   ", "x" * 2_001])
def test_a_change_without_a_proper_reason_is_refused(reason: str) -> None:
    with pytest.raises(ValueError, match="reason"):
        fields(1, reason=reason)
