"""Addresses of the queries that made a report's numbers.

An evaluation is named by the hash of what determines it, so that the same evaluation has the same addresses. Behind
`#` stands a JSON pointer into the answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode


@dataclass(frozen=True)
class Queries:
    """Addresses under `root`, such as https://host/v1, for one evaluation."""

    root: str
    evaluation: str

    def answer(self, pointer: str = "") -> str:
        """The evaluation's own answer, at a member of it."""
        return f"{self.root}/evaluations/{quote(self.evaluation)}" + (f"#{quote(pointer)}" if pointer else "")

    def archive(self, **wanted: object) -> str:
        """Archived forecasts by their particulars."""
        return (
            f"{self.root}/archived-forecasts?{urlencode({k: v for k, v in wanted.items() if v is not None})}"
        )

    def realisations(self, wanted: Mapping[str, object]) -> str:
        """Counts as known on a day."""
        return f"{self.root}/realisations?{urlencode({k: v for k, v in wanted.items() if v is not None})}"
