"""The appendices of a report: how it was computed, and every figure it was computed from with its source.

Must not know HTML, PDF, storage or HTTP.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from service.report.document import Block, Cell, Heading, Paragraph, Sentences, Table, table
from service.report.notes import notes_in_words
from service.report.queries import Queries
from service.report.wording import Words

Found = Mapping[str, Any]


def method(found: Found, words: Words, queries: Queries) -> Iterator[Block]:
    """What was done, with what, and what was asked."""
    yield Heading(words.say("method.heading"), "method")
    for key in ("errors", "verdict", "pit", "peers"):
        yield Paragraph(words.say(f"method.{key}"))
    if found["bias"] and (archives := found["bias"]["minimumDetectableArchives"]):
        yield Paragraph(
            words.say("method.power", archives=archives), queries.answer("/bias/minimumDetectable")
        )
    came = found["request"]["realisations"]
    if came.get("values") is not None:
        yield Paragraph(words.say("method.values"))
    else:
        said = words.say("method.asof", source=came["source"], asOf=came["asOf"])
        yield Paragraph(said, _realisations(found, queries))
    if notes := notes_in_words(found, words):
        yield Heading(words.say("method.notes"), "notes", 3)
        yield Sentences(notes)
    yield _request(found, words, queries)
    yield _provenance(found, words, queries)


def _request(found: Found, words: Words, queries: Queries) -> Table:
    flat: dict[str, Any] = {}
    for name, value in found["request"].items():
        if isinstance(value, Mapping):
            flat |= {f"{name}.{inner}": deep for inner, deep in value.items()}
        else:
            flat[name] = value
    rows = [(Cell(name), Cell(_plain(value))) for name, value in flat.items() if value is not None]
    columns = (words.say("method.field"), words.say("scores.value"))
    return table(words.say("method.request"), columns, rows, words=[1])


def _provenance(found: Found, words: Words, queries: Queries) -> Table:
    noted = found["provenance"]
    packages = noted.get("packages") or {}
    shown = {
        "resultHash": noted["resultHash"],
        "dataVintage": noted["dataVintage"],
        "modelVersion": noted["modelVersion"],
        "gitRevision": noted.get("gitRevision"),
        **packages,
    }
    rows = [
        (Cell(name), Cell(_plain(value), queries.answer("/provenance")))
        for name, value in shown.items()
        if value is not None
    ]
    columns = (words.say("method.field"), words.say("scores.value"))
    return table(words.say("method.provenance"), columns, rows, words=[1])


def _plain(value: object) -> str:
    """As in JSON; where a prior comes from stands in the answer, in its one language."""
    if isinstance(value, Mapping):
        value = {name: inner for name, inner in value.items() if name != "source"}
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def data(found: Found, sources: Mapping[str, str], words: Words, queries: Queries) -> Iterator[Block]:
    """Every forecast with its outcome and source, what was left out, and the outcomes."""
    yield Heading(words.say("data.heading"), "data")
    yield _forecasts(found, sources, words, queries)
    if found["leftOut"]:
        yield _left_out(found, words, queries)
    yield _outcomes(found, words, queries)


def source_key(edition: str, stage: str, issuer: str, expert: str | None, year: int) -> str:
    """How `sources` names an archived forecast."""
    return json.dumps([edition, stage, issuer, expert, year])


def _forecasts(found: Found, sources: Mapping[str, str], words: Words, queries: Queries) -> Table:
    rows = []
    for one in found["errors"]:
        asked = queries.archive(
            edition=one["edition"],
            stage=one["stage"],
            issuer=one["issuer"],
            expert=one["expert"],
            **{"from": one["targetYear"], "to": one["targetYear"]},
        )
        key = source_key(one["edition"], one["stage"], one["issuer"], one["expert"], one["targetYear"])
        who = one["issuer"] if one["expert"] is None else f"{one['issuer']} / {one['expert']}"
        rows.append(
            (
                Cell(one["edition"]),
                Cell(one["issuedOn"]),
                Cell(str(one["targetYear"])),
                Cell(words.name("stage", one["stage"])),
                Cell(who),
                Cell(words.persons(one["median"]), asked),
                Cell(words.persons(one["realised"]), _realisations(found, queries, one["targetYear"])),
                Cell(words.lean(one["logError"])),
                Cell(_source(sources.get(key), words), asked),
            )
        )
    keys = ("edition", "issued", "year", "stage", "issuer", "median", "realised", "error", "source")
    columns = [words.say(f"data.{key}") for key in keys]
    return table(words.say("data.forecasts"), columns, rows, words=[1, 3, 4, 8])


def _source(stated: str | None, words: Words) -> str:
    """The document a forecast was transcribed from, or how it came in."""
    if stated is None:
        return words.say("source.archive")
    kind, _, rest = stated.partition(":")
    key = f"origin.{kind}"
    return words.say(key, rest=rest.strip()) if key in words.texts else stated


def _left_out(found: Found, words: Words, queries: Queries) -> Table:
    rows = [
        (
            Cell(words.name("reason", one["reason"])),
            Cell(str(one["count"]), queries.answer(f"/leftOut/{place}")),
            Cell(", ".join(one["editions"])),
            Cell(", ".join(map(str, one["targetYears"]))),
        )
        for place, one in enumerate(found["leftOut"])
    ]
    columns = [words.say(f"data.{key}") for key in ("reason", "count", "editions", "years")]
    return table(words.say("data.left"), columns, rows, words=[2, 3])


def _outcomes(found: Found, words: Words, queries: Queries) -> Table:
    rows = [
        (Cell(year), Cell(words.persons(value), _realisations(found, queries, int(year))))
        for year, value in sorted(found["realised"].items())
    ]
    columns = (words.say("data.year"), words.say("data.realised"))
    return table(words.say("data.realisations"), columns, rows)


def _realisations(found: Found, queries: Queries, year: int | None = None) -> str:
    """The counts behind an outcome; given outcomes stand in the request."""
    came, chosen = found["request"]["realisations"], found["request"]["filter"]
    if came.get("values") is not None:
        return queries.answer("/request/realisations/values" + (f"/{year}" if year else ""))
    months = {"from": f"{year}-01", "to": f"{year}-12"} if year else {}
    target = {name: chosen[name] for name in ("series", "geo", "citizen")}
    return queries.realisations({**target, "source": came["source"], "asOf": came["asOf"], **months})
