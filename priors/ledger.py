"""The ledger of changes: append-only entries, each sealed with the hash of the one before.

    entry_hash = SHA-256(canonical JSON of every field but itself, previous_hash included)

so that an entry altered, removed or put elsewhere breaks the chain from there on; the loss of the *last*
entries shows only against a head noted elsewhere, which `verify` accepts. Must not know any storage.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC
from typing import Annotated, Any, NamedTuple

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints

from priors.hashing import content_hash
from priors.records import Name, Reason, Record

GENESIS = "0" * 64

Hash = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Moment = Annotated[AwareDatetime, AfterValidator(lambda at: at.astimezone(UTC))]
Effect = dict[int, dict[str, float]]


class LedgerFields(Record):
    """One change: who, when, why, to what, from what to what, and by how much it moved the outcome.

    `before` and `after` are plain JSON (of a scenario set: priors.hashing.canonical_record), None where there
    was or is nothing; `effect` is persons per year and interval scenario (priors.summary.signed_effect).
    """

    sequence: Annotated[int, Field(ge=1)]
    at: Moment
    actor: Name
    reason: Reason
    subject: Name
    before: Any = None
    after: Any = None
    effect: Effect = Field(default_factory=dict)


class LedgerEntry(LedgerFields):
    """A sealed change."""

    before_hash: Hash | None
    after_hash: Hash | None
    previous_hash: Hash
    entry_hash: Hash


class Verification(NamedTuple):
    """Outcome for a whole chain: `first_fault` says what is wrong first, None when all holds."""

    entries: int
    valid: bool
    head: str
    first_fault: str | None


def seal(fields: LedgerFields, previous_hash: str = GENESIS) -> LedgerEntry:
    """The entry that follows the one with `previous_hash`; GENESIS for the first."""
    sealed = {
        **{name: getattr(fields, name) for name in LedgerFields.model_fields},
        "before_hash": _hash_or_none(fields.before),
        "after_hash": _hash_or_none(fields.after),
        "previous_hash": previous_hash,
    }
    unsigned = LedgerEntry(**sealed, entry_hash=GENESIS)
    return unsigned.model_copy(update={"entry_hash": _entry_hash(unsigned)})


def verify(entries: Iterable[LedgerEntry], expected_head: str | None = None) -> Verification:
    """Recompute the whole chain, in the order given; an empty one is valid with head GENESIS.

    `expected_head`, when given, is the hash the last entry must have.
    """
    head, count, fault = GENESIS, 0, None
    for count, entry in enumerate(entries, start=1):
        fault = fault or _fault(entry, count, head)
        head = entry.entry_hash
    if fault is None and expected_head not in (None, head):
        fault = f"the chain ends at {head[:12]}, it should end at {str(expected_head)[:12]}"
    return Verification(count, fault is None, head, fault)


def _fault(entry: LedgerEntry, place: int, previous: str) -> str | None:
    if entry.sequence != place:
        return f"entry {place} is missing or out of order: number {entry.sequence} stands in its place"
    if entry.previous_hash != previous:
        return f"entry {place} does not follow the entry before it"
    if entry.entry_hash != _entry_hash(entry):
        return f"entry {place} was altered after it was sealed"
    return None


def _hash_or_none(content: object) -> str | None:
    return None if content is None else content_hash(content)


def _entry_hash(entry: LedgerEntry) -> str:
    # Built by hand rather than from the model, so that a new way of writing dates cannot change old hashes.
    content = {name: getattr(entry, name) for name in LedgerEntry.model_fields if name != "entry_hash"}
    content["at"] = entry.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return content_hash(content)
