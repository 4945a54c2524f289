"""The part of a report about systematic bias: the posterior, by stage and horizon, what entered where, and tests.

Must not know HTML, PDF, storage or HTTP.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from service.report import pictures
from service.report.document import Block, Cell, Heading, Paragraph, Picture, table
from service.report.notes import bias_refusal
from service.report.queries import Queries
from service.report.wording import Words

Found = Mapping[str, Any]


def bias_part(found: Found, words: Words, queries: Queries) -> Iterator[Block]:
    yield Heading(words.say("bias.heading"), "bias")
    yield Paragraph(words.say("bias.how"))
    bias = found["bias"]
    if bias is None:
        said = words.say("bias.refused", reason=bias_refusal(found, words))
        yield Paragraph(said, queries.answer("/biasRefused"))
        return
    yield _bias_table(bias, words, queries)
    rows = _bias_rows(bias, words)
    rope = bias["rope"]
    caption = words.say("bias.picture", rope=words.share(rope))
    drawn = pictures.intervals(
        rows, _percent_ticks(rows, rope, words), words.say("bias.axis"), caption, (-rope, rope)
    )
    yield Picture("bias", drawn, caption, _rows_in_words(rows, words), queries.answer("/bias"))
    yield from _bias_details(bias, words, queries)


def _group_name(part: str, group: str, words: Words) -> str:
    if part == "byHorizon":
        return _horizon(group, words)
    return words.name({"byStage": "stage", "byIssuer": "issuer"}.get(part, ""), group)


def _horizon(group: str, words: Words) -> str:
    return words.texts.get(f"bias.horizon.{group}") or words.say("bias.horizon", n=group)


def _bias_table(bias: Found, words: Words, queries: Queries) -> Block:
    rope = words.share(bias["rope"])
    shown = (
        ("bias.mean", words.lean(bias["mean"]), "mean"),
        ("bias.interval", words.lean_interval(bias["lower95"], bias["upper95"]), "lower95"),
        ("bias.positive", words.share(bias["probabilityPositive"]), "probabilityPositive"),
        ("bias.rope", words.share(bias["probabilityInRope"]), "probabilityInRope"),
        ("bias.factor", words.number(bias["bayesFactor"]), "bayesFactor"),
        ("bias.detectable", words.lean(bias["minimumDetectable"]).removeprefix("+"), "minimumDetectable"),
        ("bias.verdict", words.name("verdict", bias["verdict"]), "verdict"),
    )
    rows = [
        (Cell(words.say(key, rope=rope)), Cell(text, queries.answer(f"/bias/{name}")))
        for key, text, name in shown
    ]
    columns = (words.say("bias.quantity"), words.say("scores.value"))
    return table(words.say("bias.table"), columns, rows)


def _bias_rows(bias: Found, words: Words) -> list[pictures.Interval]:
    stages = [(words.name("stage", one["group"]), one) for one in bias["byStage"]]
    horizons = [(_horizon(one["group"], words), one) for one in bias["byHorizon"]]
    return [
        pictures.Interval(label, *(math.expm1(one[name]) for name in ("mean", "lower95", "upper95")))
        for label, one in [(words.say("bias.all"), bias), *stages, *horizons]
    ]


def _percent_ticks(rows: Sequence[pictures.Interval], rope: float, words: Words) -> list[tuple[float, str]]:
    ends = [end for row in rows for end in (row.lower, row.upper, row.middle) if end is not None]
    most = max(abs(end) for end in [*ends, rope])
    step = next(
        step for step in (0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0, 50.0) if most / step <= 6 or step == 50
    )
    count = math.ceil(most / step)
    return [(n * step, words.signed_share(n * step, 0) if n else "0") for n in range(-count, count + 1)]


def _rows_in_words(rows: Sequence[pictures.Interval], words: Words) -> str:
    return "; ".join(
        f"{row.label}: {words.signed_share(row.middle)} ({words.interval(row.lower, row.upper)})"
        for row in rows
    )


def _bias_details(bias: Found, words: Words, queries: Queries) -> Iterator[Block]:
    groups = [
        (words.say(f"kind.{part}"), _group_name(part, one["group"], words), one, f"/bias/{part}/{place}")
        for part in ("byStage", "byHorizon", "byPeriod", "byIssuer", "byExpert")
        for place, one in enumerate(bias[part])
    ]
    if groups:
        keys = ("bias.kind", "bias.group", "bias.mean", "bias.interval", "bias.positive", "bias.n")
        rows = [
            (
                Cell(kind),
                Cell(label),
                Cell(words.lean(one["mean"]), queries.answer(f"{place}/mean")),
                Cell(words.lean_interval(one["lower95"], one["upper95"]), queries.answer(f"{place}/lower95")),
                Cell(words.share(one["probabilityPositive"]), queries.answer(f"{place}/probabilityPositive")),
                Cell(str(one["n"]), queries.answer(f"{place}/n")),
            )
            for kind, label, one, place in groups
        ]
        yield table(words.say("bias.groups"), [words.say(key) for key in keys], rows, words=[1])
    if bias["stageSteps"]:
        yield _steps(bias, words, queries)
    yield _tests(bias, words, queries)
    if bias["priorSensitivity"]:
        yield _sensitivity(bias, words, queries)
    if loss := bias["direction"]:
        total = loss["meanLoss"]
        share = loss["fromTooLow"] / total if total else 0.0
        said = words.say(
            "bias.loss",
            low=words.plain(loss["tooLowWeight"]),
            high=words.plain(loss["tooHighWeight"]),
            loss=words.number(total, 3),
            share=words.share(share),
            shift=words.moved(loss["bestShift"]),
        )
        yield Paragraph(said, queries.answer("/bias/direction"))


def _steps(bias: Found, words: Words, queries: Queries) -> Block:
    keys = ("bias.step", "bias.mean", "bias.interval", "bias.raises", "value.pairs", "bias.verdict")
    rows = [
        (
            Cell(f"{words.name('stage', one['before'])} → {words.name('stage', one['after'])}"),
            Cell(words.lean(one["mean"]), queries.answer(f"/bias/stageSteps/{place}/mean")),
            Cell(
                words.lean_interval(one["lower95"], one["upper95"]),
                queries.answer(f"/bias/stageSteps/{place}/lower95"),
            ),
            Cell(words.share(one["probabilityPositive"]), queries.answer(f"/bias/stageSteps/{place}")),
            Cell(str(one["n"])),
            Cell(words.name("verdict", one["verdict"])),
        )
        for place, one in enumerate(bias["stageSteps"])
    ]
    return table(words.say("bias.steps"), [words.say(key) for key in keys], rows, words=[5])


def _tests(bias: Found, words: Words, queries: Queries) -> Block:
    plain = bias["plainTest"]
    rows = [
        (
            Cell(words.say("bias.plain.name")),
            Cell(words.p_value(plain["pValue"]), queries.answer("/bias/plainTest/pValue")),
            Cell(str(plain["n"]), queries.answer("/bias/plainTest/n")),
        )
    ]
    rows += [
        (
            Cell(words.name("naive", one["name"])),
            Cell(words.p_value(one["pValue"]), queries.answer(f"/bias/naiveTests/{place}/pValue")),
            Cell(str(one["n"]), queries.answer(f"/bias/naiveTests/{place}/n")),
        )
        for place, one in enumerate(bias["naiveTests"])
    ]
    return table(words.say("bias.plain"), [words.say(k) for k in ("bias.test", "bias.p", "bias.n")], rows)


def _sensitivity(bias: Found, words: Words, queries: Queries) -> Block:
    rows = [
        (
            Cell(words.share(one["priorSd"], 1)),
            Cell(
                words.number(one["bayesFactor"]),
                queries.answer(f"/bias/priorSensitivity/{place}/bayesFactor"),
            ),
        )
        for place, one in enumerate(bias["priorSensitivity"])
    ]
    return table(words.say("bias.sensitivity"), [words.say("bias.prior"), words.say("bias.factor")], rows)
