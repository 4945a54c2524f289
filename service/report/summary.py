"""An evaluation in five plain sentences, which the report, the HTTP answer and the page begin with.

What was compared; which way it came out and how much of that is a lean; what may have gone unseen; whether the
intervals held; where a lean entered or what the forecasts were worth. Every number stands in the answer. Must not know
HTML, PDF, storage or HTTP.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from service.report.notes import bias_refusal
from service.report.wording import Words, words_of

Found = Mapping[str, Any]


def five_sentences(found: Found, language: str) -> tuple[str, ...]:
    """The sentences in their order; `found` is the answer of the HTTP interface."""
    words = words_of(language)
    lean, unseen = _direction(found, words)
    return _compared(found, words), lean, unseen, _coverage(found["coverage"], words), _last(found, words)


def _compared(found: Found, words: Words) -> str:
    left = sum(one["count"] for one in found["leftOut"])
    return words.say(
        "summary.what",
        forecasts=words.count("forecasts", found["nForecasts"]),
        years=words.count("years", found["nTargetYears"]),
        editions=words.count("editions", len({one["edition"] for one in found["errors"]})),
        left=words.say("summary.left", n=left) if left else "",
    )


def _direction(found: Found, words: Words) -> tuple[str, str]:
    bias = found["bias"]
    if bias is None:
        reason = bias_refusal(found, words)
        return words.say("summary.direction.none", reason=reason), words.say("summary.detectable.none")
    lean = words.say(
        "summary.direction",
        observed=words.too_high(found["scores"]["meanLogError"]),
        size=words.too_high(bias["mean"]),
        lower=words.too_high(bias["lower95"]),
        upper=words.too_high(bias["upper95"]),
        verdict=words.say(f"summary.verdict.{bias['verdict']}"),
    )
    if bias["minimumDetectable"] is None:
        return lean, words.say("summary.detectable.none")
    return lean, words.say("summary.detectable", size=words.size(bias["minimumDetectable"]))


def _coverage(held: Found, words: Words) -> str:
    if not held["n"]:
        return words.say("summary.coverage.none")
    ends = ""
    for key, lower, upper in (
        ("expected", "expectedLower95", "expectedUpper95"),
        ("range", "lower95", "upper95"),
    ):
        if held[lower] is not None and held[upper] is not None:
            shown = {"lower": words.share(held[lower]), "upper": words.share(held[upper])}
            ends = words.say(f"summary.coverage.{key}", **shown)
            break
    share, came = words.share(held["intervalProbability"]), words.share(held["share"])
    return words.say(
        "summary.coverage", share=share, inside=held["inside"], n=held["n"], held=came, range=ends
    )


def _last(found: Found, words: Words) -> str:
    """Where a lean entered; without an answer to that, the skill."""
    bias, skill = found["bias"], found["scores"]["skill"].get("lastYear")
    if bias is not None and bias["enteredAt"]:
        return _entered(bias, words)
    if skill is not None:
        better = words.say("summary.smaller" if skill >= 0 else "summary.larger")
        return words.say("summary.skill", skill=words.share(abs(skill)), better=better)
    return words.say("summary.entered.none")


def _entered(bias: Found, words: Words) -> str:
    """`enteredAt` is a step, "combined -> adopted", or the first stage."""
    before, arrow, after = (part.strip() for part in bias["enteredAt"].partition("->"))
    if not arrow:
        return words.say("summary.entered.first", stage=words.name("stage", before))
    step = next(one for one in bias["stageSteps"] if (one["before"], one["after"]) == (before, after))
    ends = {"before": words.name("stage", before), "after": words.name("stage", after)}
    return words.say("summary.entered.step", **ends, moved=words.moved(step["mean"]))
