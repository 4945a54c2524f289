"""Words and figures of a report in Dutch or English: sentences by key, numbers as each language writes them.

Must not know evaluations: it fills in what it is given.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

LANGUAGES = ("nl", "en")
NONE = "–"
_SWAPPED = str.maketrans({",": ".", ".": ","})


@dataclass(frozen=True)
class Words:
    """The texts of one language."""

    language: str
    texts: Mapping[str, str]

    def say(self, key: str, **values: object) -> str:
        """The text of a key with its places filled; raises KeyError for a key or place it does not have."""
        return self.texts[key].format(**values)

    def name(self, kind: str, key: object) -> str:
        """The word for a value of a kind (`stage`, `verdict`, ...), or the value itself."""
        return self.texts.get(f"{kind}.{key}", str(key))

    def count(self, kind: str, n: int) -> str:
        """So many of a kind (`forecasts`, `years`, `editions`), one of them in the singular."""
        return self.say(f"count.{kind}.1") if n == 1 else self.say(f"count.{kind}", n=n)

    def number(self, value: float | None, digits: int = 2) -> str:
        """A number with its decimals; a dash for none."""
        return NONE if value is None else self._signed(f"{value:,.{digits}f}")

    def p_value(self, value: float | None) -> str:
        """A p-value to three decimals, and never zero."""
        if value is None or value >= 0.0005:
            return self.number(value, 3)
        return "< " + self.number(0.001, 3)

    def plain(self, value: float) -> str:
        """A number with as many decimals as it has."""
        return self._local(f"{value:,g}")

    def persons(self, value: float | None) -> str:
        return self.number(value, 0)

    def signed(self, value: float, digits: int = 0) -> str:
        """A number with its plus or minus; none before a zero."""
        text = f"{value:+,.{digits}f}"
        return self._signed(text if any(digit in text for digit in "123456789") else text[1:])

    def share(self, value: float | None, digits: int = 0) -> str:
        """A fraction as a percentage."""
        return NONE if value is None else self._signed(f"{100 * value:,.{digits}f}") + "%"

    def signed_share(self, value: float | None, digits: int = 1) -> str:
        """A signed fraction as a percentage, with its plus or minus."""
        return NONE if value is None else self._local(f"{100 * value:+,.{digits}f}").replace("-", "−") + "%"

    def lean(self, log_ratio: float | None, digits: int = 1) -> str:
        """A log ratio as what it means: 0.5 is 64.9% too high, not 50%."""
        return self.signed_share(None if log_ratio is None else math.expm1(log_ratio), digits)

    def size(self, log_ratio: float) -> str:
        """How much larger or smaller a log ratio makes something: 18.1%."""
        return self.share(abs(math.expm1(log_ratio)), 1)

    def too_high(self, log_ratio: float) -> str:
        """A log error as a reader would say it: 3.1% too low."""
        return self.say("too.high" if log_ratio >= 0 else "too.low", size=self.size(log_ratio))

    def moved(self, log_ratio: float) -> str:
        """A log ratio as a move: 3.1% lower."""
        return self.say("moved.higher" if log_ratio >= 0 else "moved.lower", size=self.size(log_ratio))

    def lean_interval(self, lower: float | None, upper: float | None) -> str:
        """Two log ratios, from and to."""
        if lower is None or upper is None:
            return NONE
        return self.say("interval", lower=self.lean(lower), upper=self.lean(upper))

    def interval(self, lower: float | None, upper: float | None) -> str:
        """Two signed percentages, from and to."""
        if lower is None or upper is None:
            return NONE
        return self.say("interval", lower=self.signed_share(lower), upper=self.signed_share(upper))

    def _signed(self, text: str) -> str:
        """With a minus sign for a hyphen, and none before a zero."""
        return self._local(text.replace("-", "−" if any(digit in text for digit in "123456789") else ""))

    def _local(self, text: str) -> str:
        return text.translate(_SWAPPED) if self.language == "nl" else text


@lru_cache(maxsize=len(LANGUAGES))
def words_of(language: str) -> Words:
    """The texts of a language of LANGUAGES."""
    path = Path(__file__).parent / f"texts_{language}.json"
    return Words(language, json.loads(path.read_text("utf-8")))
