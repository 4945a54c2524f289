"""The ledger of changes as a history that can be read, kept and printed: who, when, why, and what it moved.

`entries` and `check` are the answers of the HTTP interface, the oldest entry first. Fields before and after a change
are left to its JSON; the seal of each entry is there, so that the history can be held against the chain. Must not know
storage or HTTP.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from service.report.document import Block, Cell, Document, Heading, Paragraph, Table, table
from service.report.wording import Words, words_of

Entry = Mapping[str, Any]

_LEVELS = ("minimum", "median", "medio", "maximum")
_POLICY = "acceptance:"


def ledger_document(entries: Sequence[Entry], check: Mapping[str, Any], language: str) -> Document:
    """The whole history, or that of one subject, in a language of LANGUAGES."""
    words = words_of(language)
    blocks: list[Block] = [Paragraph(_verdict(check, words))]
    for entry in entries:
        blocks += _entry(entry, words)
    subtitle = words.count("entries", len(entries))
    return Document(language, words.say("ledger.title"), subtitle, words.say("contents"), tuple(blocks))


def _verdict(check: Mapping[str, Any], words: Words) -> str:
    if check["valid"]:
        return words.say("ledger.valid", entries=words.persons(check["entries"]), head=check["head"])
    return words.say("ledger.broken", fault=check["firstFault"])


def _entry(entry: Entry, words: Words) -> Iterator[Block]:
    number, at = entry["sequence"], datetime.fromisoformat(entry["at"])
    yield Heading(words.say("ledger.entry", number=number, name=_name(entry, words)), f"entry-{number}")
    yield Paragraph(words.say("ledger.who", who=entry["actor"], when=f"{at:%Y-%m-%d %H:%M}"))
    yield Paragraph(words.say("ledger.why", why=entry["reason"]))
    yield _effect(entry, words)
    yield Paragraph(words.say("ledger.seal", own=entry["entryHash"], previous=entry["previousHash"]))


def _name(entry: Entry, words: Words) -> str:
    """What was changed: a set by its name, a policy by whom it is about and from when."""
    told = entry["after"] or entry["before"] or {}
    if not entry["subject"].startswith(_POLICY):
        return str(told.get("name") or entry["subject"])
    who = told.get("citizen") or words.say("ledger.everyone")
    kind = "ledger.break" if told.get("kind") == "break" else "ledger.policy"
    return words.say(kind, who=who, quarter=told.get("quarter", ""))


def _effect(entry: Entry, words: Words) -> Paragraph | Table:
    if entry["subject"].startswith(_POLICY):
        return _policy_effect(entry, words)
    if entry["before"] is None:
        return Paragraph(words.say("ledger.first"))
    if not any(round(row[level]) for row in entry["effect"].values() for level in _LEVELS):
        return Paragraph(words.say("ledger.unmoved"))
    rows = [
        [Cell(year), *(Cell(words.signed(row[level])) for level in _LEVELS)]
        for year, row in sorted(entry["effect"].items())
    ]
    columns = [words.say("ledger.year"), *(words.name("level", level) for level in _LEVELS)]
    return table(words.say("ledger.effect"), columns, rows)


def _policy_effect(entry: Entry, words: Words) -> Paragraph | Table:
    """A try at a policy moves the rate of the total per quarter; a break is fitted, and its effect stands there."""
    changes = sorted(pair for by_quarter in entry["effect"].values() for pair in by_quarter.items())
    if not changes:
        return Paragraph(words.say("ledger.policy.elsewhere"))
    rows = [[Cell(quarter), Cell(words.signed(100 * change, 2))] for quarter, change in changes]
    columns = [words.say("ledger.quarter"), words.say("ledger.change")]
    return table(words.say("ledger.policy.effect"), columns, rows)
