"""The parts of a report about what each step added, and what past errors would make of the next edition.

Must not know HTML, PDF, storage or HTTP.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from service.report import pictures
from service.report.document import Block, Cell, Heading, Paragraph, Picture, table
from service.report.queries import Queries
from service.report.wording import NONE, Words

Found = Mapping[str, Any]


def value_part(found: Found, words: Words, queries: Queries) -> Iterator[Block]:
    stages, experts, scenarios = found["valueAdded"], found["byExpert"], found["byScenario"]
    if not (stages or experts or scenarios or found["expertWeight"] or found["ledgerDrift"]):
        return
    yield Heading(words.say("value.heading"), "value")
    if stages:
        yield Paragraph(words.say("value.how"))
        yield from _stages(stages, words, queries)
    for key, part, rows in (("experts", "byExpert", experts), ("scenarios", "byScenario", scenarios)):
        if rows:
            yield _against_others(words.say(f"value.{key}"), rows, part, words, queries)
    if weight := found["expertWeight"]:
        shown = {name: words.number(weight[name]) for name in ("best", "mean")}
        ends = {"lower": words.number(weight["lower95"]), "upper": words.number(weight["upper95"])}
        said = words.say("value.weight", **shown, **ends, editions=weight["editions"])
        yield Paragraph(said, queries.answer("/expertWeight"))
    if found["ledgerDrift"]:
        yield _ledger(found["ledgerDrift"], words, queries)


def _stages(stages: Sequence[Found], words: Words, queries: Queries) -> Iterator[Block]:
    rows = [
        (
            Cell(words.name("stage", one["stage"])),
            Cell(words.persons(one["pinball"]), queries.answer(f"/valueAdded/{place}/pinball")),
            Cell(words.persons(one["crps"]), queries.answer(f"/valueAdded/{place}/crps")),
            Cell(words.name("stage", one["comparedWith"]) if one["comparedWith"] else NONE),
            Cell(words.persons(one["difference"]), queries.answer(f"/valueAdded/{place}/difference")),
            Cell(_persons_interval(one, words), queries.answer(f"/valueAdded/{place}/lower95")),
            Cell(str(one["pairs"])),
        )
        for place, one in enumerate(stages)
    ]
    keys = ("stage", "pinball", "crps", "against", "difference", "interval", "pairs")
    yield table(words.say("value.table"), [words.say(f"value.{key}") for key in keys], rows, words=[3])
    drawn = [
        pictures.Interval(
            words.name("stage", one["stage"]), one["difference"], one["lower95"], one["upper95"]
        )
        for one in stages
        if one["difference"] is not None
    ]
    if drawn:
        caption = words.say("value.picture")
        ends = [abs(e) for row in drawn for e in (row.lower, row.upper, row.middle) if e is not None]
        step = 10.0 ** math.floor(math.log10(max([*ends, 1.0])))
        ticks = [(n * step, words.persons(n * step)) for n in range(-10, 11) if n % 2 == 0]
        picture = pictures.intervals(drawn, ticks, words.say("value.axis"), caption)
        said = "; ".join(f"{row.label}: {words.persons(row.middle)}" for row in drawn)
        yield Picture("value", picture, caption, said, queries.answer("/valueAdded"))


def _persons_interval(one: Found, words: Words) -> str:
    if one["lower95"] is None or one["upper95"] is None:
        return NONE
    return words.say("interval", lower=words.persons(one["lower95"]), upper=words.persons(one["upper95"]))


def _against_others(caption: str, rows: Sequence[Found], part: str, words: Words, queries: Queries) -> Block:
    cells = [
        (
            Cell(one["name"]),
            Cell(words.persons(one["score"]), queries.answer(f"/{part}/{place}/score")),
            Cell(words.persons(one["others"]), queries.answer(f"/{part}/{place}/others")),
            Cell(words.persons(one["difference"]), queries.answer(f"/{part}/{place}/difference")),
            Cell(_persons_interval(one, words), queries.answer(f"/{part}/{place}/lower95")),
            Cell(str(one["n"])),
        )
        for place, one in enumerate(rows)
    ]
    keys = ("name", "score", "others", "difference", "interval", "pairs")
    return table(caption, [words.say(f"value.{key}") for key in keys], cells)


def _ledger(drift: Sequence[Found], words: Words, queries: Queries) -> Block:
    rows = [
        (
            Cell(words.name("window", one["group"])),
            Cell(words.lean(one["meanMove"]), queries.answer(f"/ledgerDrift/{place}/meanMove")),
            Cell(words.lean_interval(one["moveLower95"], one["moveUpper95"])),
            Cell(words.signed_share(one["meanHelp"]), queries.answer(f"/ledgerDrift/{place}/meanHelp")),
            Cell(words.interval(one["helpLower95"], one["helpUpper95"])),
            Cell(str(one["n"])),
        )
        for place, one in enumerate(drift)
    ]
    keys = ("value.window", "value.move", "value.interval", "value.help", "value.interval", "value.pairs")
    return table(words.say("value.ledger"), [words.say(key) for key in keys], rows)


def recalibration_part(found: Found, words: Words, queries: Queries) -> Iterator[Block]:
    learned = found["recalibration"]
    if learned is None:
        return
    yield Heading(words.say("recalibration.heading"), "recalibration")
    said = words.say("recalibration.how", shrinkage=words.share(learned["shrinkage"]))
    yield Paragraph(said, queries.answer("/recalibration"))
    rows = [
        (
            Cell(year["edition"]),
            Cell(str(year["targetYear"])),
            Cell(words.number(one["level"], 3)),
            Cell(words.persons(one["raw"])),
            Cell(
                words.persons(one["recalibrated"]),
                queries.answer(f"/recalibration/years/{place}/quantiles/{at}/recalibrated"),
            ),
        )
        for place, year in enumerate(learned["years"])
        for at, one in enumerate(year["quantiles"])
    ]
    keys = ("edition", "year", "level", "raw", "recalibrated")
    yield table(words.say("recalibration.table"), [words.say(f"recalibration.{key}") for key in keys], rows)
