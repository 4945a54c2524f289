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

    def number(self, value: float | None, digits: int = 2) -> str:
        """A number with its decimals; a dash for none."""
        return NONE if value is None else self._local(f"{value:,.{digits}f}")

    def plain(self, value: float) -> str:
        """A number with as many decimals as it has."""
        return self._local(f"{value:,g}")

    def persons(self, value: float | None) -> str:
        return self.number(value, 0)

    def share(self, value: float | None, digits: int = 0) -> str:
        """A fraction as a percentage."""
        return NONE if value is None else self._local(f"{100 * value:,.{digits}f}") + "%"

    def signed_share(self, value: float | None, digits: int = 1) -> str:
        """A signed fraction as a percentage, with its plus or minus."""
        return NONE if value is None else self._local(f"{100 * value:+,.{digits}f}").replace("-", "−") + "%"

    def lean(self, log_ratio: float | None, digits: int = 1) -> str:
        """A log ratio as what it means: 0.5 is 64.9% too high, not 50%."""
        return self.signed_share(None if log_ratio is None else math.expm1(log_ratio), digits)

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

    def _local(self, text: str) -> str:
        return text.translate(_SWAPPED) if self.language == "nl" else text


@lru_cache(maxsize=len(LANGUAGES))
def words_of(language: str) -> Words:
    """The texts of a language of LANGUAGES."""
    path = Path(__file__).parent / f"texts_{language}.json"
    return Words(language, json.loads(path.read_text("utf-8")))
