"""What is wrong with a stated belief, and where: faults addressed by JSON pointer (RFC 6901).

Serves every check of a scenario set; one exception carries all faults found. Must not know what is checked.
"""

from __future__ import annotations

from typing import NamedTuple


class Fault(NamedTuple):
    """One thing wrong; `field` is a JSON pointer such as /scenarios/0/years/2025/spread, "" for the whole.

    `detail_nl` says it in Dutch, where a page shows it to those who stated the belief.
    """

    field: str
    detail: str
    detail_nl: str


class InvalidScenarioSet(ValueError):
    """A scenario set cannot be used; `faults` names everything that is wrong with it."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("; ".join(f"{fault.field or '(whole)'}: {fault.detail}" for fault in faults))
        self.faults = faults


def numerals_nl(text: str) -> str:
    """A number written in English (1,234.5) as Dutch writes it (1.234,5)."""
    return text.translate(str.maketrans(",.", ".,"))


class Misstated(ValueError):
    """A field that a check of its own refuses; `dutch` says it in Dutch."""

    def __init__(self, detail: str, dutch: str) -> None:
        super().__init__(detail)
        self.dutch = dutch


def pointer(*steps: str | int) -> str:
    """JSON pointer to a place in a document; a step "[key]" points at the key's own place."""
    shown = [str(step).replace("~", "~0").replace("/", "~1") for step in steps if step != "[key]"]
    # A field's name may hold half a surrogate pair, which no answer could carry.
    return "".join(f"/{step}" for step in shown).encode("utf-8", "backslashreplace").decode("utf-8")
