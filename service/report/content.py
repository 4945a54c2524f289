"""From an evaluation as the HTTP interface answers it to a report: summary, pictures, tables, appendices.

Nothing is computed but what a picture needs; every figure is one of the answer's, with the address at which it can be
asked for again. What the evaluation does not have is left out or said to be unknown, never shown as zero. The same
answer gives the same document. Must not know HTML, PDF, storage or HTTP.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from service.report import appendix, pictures
from service.report.bias import bias_part
from service.report.document import Block, Cell, Document, Heading, Paragraph, Picture, Sentences, table
from service.report.queries import Queries
from service.report.steps import recalibration_part, value_part
from service.report.summary import five_sentences
from service.report.wording import NONE, Words, words_of

Found = Mapping[str, Any]


def report_document(found: Found, sources: Mapping[str, str], address: str, language: str) -> Document:
    """The report of a finished evaluation.

    `found` is the answer of the HTTP interface, `sources` where archived forecasts were taken from, by their key;
    `address` the public one of the interface, such as https://host/v1.
    """
    words, queries = words_of(language), Queries(address, found["provenance"]["resultHash"])
    chosen = found["request"]["filter"]
    blocks = (
        *_summary(found, words),
        *bias_part(found, words, queries),
        *_calibration(found, words, queries),
        *_scores(found, words, queries),
        *_sequential(found, words, queries),
        *value_part(found, words, queries),
        *recalibration_part(found, words, queries),
        *appendix.method(found, words, queries),
        *appendix.data(found, sources, words, queries),
    )
    subtitle = words.say(
        "subtitle",
        series=words.name("series", chosen["series"]),
        geo=words.name("geo", chosen["geo"]),
        citizen=words.name("citizen", chosen["citizen"]),
        years=_span([one["targetYear"] for one in found["errors"]]),
    )
    return Document(language, words.say("title"), subtitle, words.say("contents"), blocks)


def _span(years: Sequence[int]) -> str:
    return f"{min(years)}–{max(years)}" if years else NONE


def _summary(found: Found, words: Words) -> Iterator[Block]:
    yield Heading(words.say("summary.heading"), "summary")
    yield Sentences(five_sentences(found, words.language))
    yield Paragraph(words.say("note.links"))


def _calibration(found: Found, words: Words, queries: Queries) -> Iterator[Block]:
    yield Heading(words.say("calibration.heading"), "calibration")
    share = words.share(found["coverage"]["intervalProbability"])
    yield Paragraph(words.say("calibration.how", share=share))
    bars = [
        pictures.Bar(one["lower"], one["upper"], one["share"], one["bandLower"], one["bandUpper"])
        for one in found["pitHistogram"]
    ]
    if bars:
        caption = words.say("calibration.pit")
        labels = [(n / 10, words.share(n / 10)) for n in range(11)]
        edges = [(edge, words.plain(edge)) for edge in (*(bar.start for bar in bars), bars[-1].end)]
        drawn = pictures.histogram(bars, edges, labels, words.say("calibration.pit.axis"), caption)
        said = "; ".join(
            f"{words.plain(bar.start)}–{words.plain(bar.end)}: {words.share(bar.share)}" for bar in bars
        )
        yield Picture("pit", drawn, caption, said, queries.answer("/pitHistogram"))
    yield from _coverage(found["coverage"], words, queries)
    dots = [
        pictures.Dot(one["level"], one["share"], one["bandLower"], one["bandUpper"])
        for one in found["reliability"]
    ]
    if dots:
        caption = words.say("calibration.reliability")
        ticks = [(n / 4, words.share(n / 4)) for n in range(5)]
        drawn = pictures.reliability(dots, ticks, words.say("calibration.reliability.axis"), caption)
        said = "; ".join(f"{words.share(dot.x, 1)}: {words.share(dot.y)}" for dot in dots)
        yield Picture("reliability", drawn, caption, said, queries.answer("/reliability"))


def _coverage(held: Found, words: Words, queries: Queries) -> Iterator[Block]:
    def ends(lower: float | None, upper: float | None) -> str:
        return NONE if lower is None or upper is None else words.say(
            "interval", lower=words.share(lower), upper=words.share(upper)
        )  # fmt: skip

    shown = (
        ("calibration.inside", f"{held['inside']} / {held['n']}", "inside"),
        ("calibration.share", words.share(held["share"]), "share"),
        ("calibration.exact", ends(held["lower95"], held["upper95"]), "lower95"),
        ("calibration.expected", ends(held["expectedLower95"], held["expectedUpper95"]), "expectedLower95"),
        ("calibration.undecided", str(held["undecided"]), "undecided"),
    )
    rows = [
        (Cell(words.say(key)), Cell(text, queries.answer(f"/coverage/{name}"))) for key, text, name in shown
    ]
    caption = words.say("calibration.coverage", share=words.share(held["intervalProbability"]))
    yield table(caption, (words.say("bias.quantity"), words.say("scores.value")), rows)
    if held["share"] is None:
        return
    row = pictures.Interval(
        words.say("calibration.observed"), held["share"], held["lower95"], held["upper95"]
    )
    expected = (
        (held["expectedLower95"], held["expectedUpper95"]) if held["expectedLower95"] is not None else None
    )
    caption = words.say("calibration.coverage.picture")
    ticks = [(n / 10, words.share(n / 10)) for n in range(11)]
    meant = held["intervalProbability"]
    drawn = pictures.intervals([row], ticks, words.say("calibration.coverage.axis"), caption, expected, meant)
    yield Picture("coverage", drawn, caption, _coverage_words(held, words), queries.answer("/coverage"))


def _coverage_words(held: Found, words: Words) -> str:
    return f"{words.share(held['share'])} ({held['inside']} / {held['n']})"


def _scores(found: Found, words: Words, queries: Queries) -> Iterator[Block]:
    yield Heading(words.say("scores.heading"), "scores")
    scores = found["scores"]
    counted = scores["nScored"] | {f"exceedance.{k}": one["n"] for k, one in enumerate(scores["exceedance"])}
    shown: list[tuple[str, str, str, str]] = [
        (words.say("scores.mape"), words.share(scores["mape"], 1), "/scores/mape", "mape"),
    ]
    absolute, log_error = scores["meanAbsoluteError"], scores["meanLogError"]
    for name, text in (
        ("meanAbsoluteError", words.persons(absolute)),
        ("meanLogError", words.number(log_error, 3)),
    ):
        shown.append((words.say(f"scores.{name}"), text, f"/scores/{name}", name))
    for level, value in scores["pinball"].items():
        label = words.say("scores.pinball", level=words.number(float(level), 3))
        shown.append((label, words.persons(value), f"/scores/pinball/{level}", f"pinball.{level}"))
    for name in ("pinballSum", "intervalScore", "crps"):
        shown.append((words.say(f"scores.{name}"), words.persons(scores[name]), f"/scores/{name}", name))
    shown.append(
        (words.say("scores.logScore"), words.number(scores["logScore"]), "/scores/logScore", "logScore")
    )
    for place, one in enumerate(scores["exceedance"]):
        label = words.say("scores.brier", above=words.persons(one["above"]))
        shown.append(
            (label, words.number(one["brier"], 3), f"/scores/exceedance/{place}/brier", f"exceedance.{place}")
        )
    rows = [
        (Cell(label), Cell(text, queries.answer(pointer)), Cell(str(counted.get(name, NONE))))
        for label, text, pointer, name in shown
    ]
    keys = ("scores.score", "scores.value", "scores.n")
    yield table(words.say("scores.table"), [words.say(key) for key in keys], rows)
    if scores["skills"]:
        yield _skills(scores["skills"], words, queries)


def _skills(skills: Sequence[Found], words: Words, queries: Queries) -> Block:
    rows = [
        (
            Cell(f"{words.name('peer', one['peer'])} ({words.name('score', one['score'])})"),
            Cell(words.signed_share(one["skill"]), queries.answer(f"/scores/skills/{place}/skill")),
            Cell(words.interval(one["lower95"], one["upper95"]), queries.answer(f"/scores/skills/{place}")),
            Cell(str(one["n"])),
        )
        for place, one in enumerate(skills)
    ]
    keys = ("scores.peer", "scores.skill", "value.interval", "scores.n")
    return table(words.say("scores.skills"), [words.say(key) for key in keys], rows)


def _sequential(found: Found, words: Words, queries: Queries) -> Iterator[Block]:
    evidence = found["sequential"]
    if evidence is None:
        return
    yield Heading(words.say("sequential.heading"), "sequential")
    said = words.say(
        "sequential.how", value=words.number(evidence["eValue"]), p=words.p_value(evidence["pAnytime"])
    )
    yield Paragraph(said, queries.answer("/sequential"))
    points = [(one["targetYear"], one["eValue"]) for one in evidence["overTime"]]
    if points:
        caption = words.say("sequential.picture")
        drawn = pictures.process(points, 20.0, words.plain, words.say("sequential.axis"), caption)
        told = "; ".join(f"{year}: {words.number(value)}" for year, value in points)
        yield Picture("sequential", drawn, caption, told, queries.answer("/sequential/overTime"))
