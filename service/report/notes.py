"""What a reader should know beside the figures of an evaluation, in words: the report and the HTTP answer both take
these sentences from here.

Why there is no bias, which forecasts were left out and why, years that are not complete, and forecasts that some
measures had to pass over or take together. Must not know HTML, PDF, storage or HTTP.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from priors.year_words import years_in_words
from service.report.wording import Words

Found = Mapping[str, Any]


def notes_in_words(found: Found, words: Words) -> tuple[str, ...]:
    """Sentences, the one that matters most first; `found` is the answer of the HTTP interface."""
    return tuple(_sentences(found, words))


def bias_refusal(found: Found, words: Words) -> str:
    """Why nothing is said about bias, as part of a sentence."""
    refused = found["biasRefused"]
    one = ".1" if refused["forecasts"] == 1 else ""
    key = f"refused.{refused['code']}{one}"
    return words.say(key, forecasts=refused["forecasts"], needed=refused["needed"])


def _sentences(found: Found, words: Words) -> Iterator[str]:
    if found["biasRefused"]:
        yield words.say("bias.refused", reason=bias_refusal(found, words))
    for one in found["leftOut"]:
        yield words.say(f"left.{one['reason']}", count=one["count"], years=years_in_words(one["targetYears"]))
    if found["incomplete"]:
        yield words.say("data.incomplete", years=years_in_words(found["incomplete"]))
    for one in found["notes"]:
        yield words.say(f"note.{one['code']}", count=one["count"])
