"""Why a delivery was refused: every fault with its row, field and remedy.

A refusal is complete (all faults of all rows) and discreet: it repeats a cell only when its shape cannot
be that of a person's data (a short number, a period, a code of at most four letters). Names cannot be
recognised, so no longer text is ever repeated. This module must not know what makes a row faulty.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pandas as pd

Said = tuple[str, str]  # what is wrong, in English and in Dutch
CELL = "{cell}"
_QUOTABLE = re.compile(r"-?\d{1,7}([.,]\d{1,3})?|\d{4}[-/]?[MQ]?\d{1,2}|[A-Za-z]{1,4}|[:*.-]")


class RowError(NamedTuple):
    """One fault. `row` counts as the deliverer sees it; None when the fault is of the file as a whole.

    `detail_nl` says it in Dutch, where a page shows it.
    """

    row: int | None
    field: str
    detail: str
    detail_nl: str


class DeliveryRefused(ValueError):
    """The whole delivery is refused; `errors` holds every fault, ordered by row."""

    def __init__(self, errors: Iterable[RowError]) -> None:
        self.errors = tuple(sorted(errors, key=lambda error: (error.row or 0, error.field)))
        first = self.errors[0]
        place = "" if first.row is None else f"row {first.row}, "
        more = "" if len(self.errors) == 1 else f" ({len(self.errors) - 1} more faults)"
        super().__init__(f"{place}{first.field}: {first.detail}{more}")


def quoted(cell: str) -> str:
    """The cell between quotes with a space after it, or nothing when its shape might be a person's data."""
    return f"'{cell}' " if _QUOTABLE.fullmatch(cell) else ""


def faults_where(mask: np.ndarray, cells: pd.Series, field: str, said: Said) -> list[RowError]:
    """One fault for each cell where `mask` holds; `cells` is indexed by row number.

    Where a sentence begins with CELL the cell stands there, passed through `quoted`.
    """
    places = np.flatnonzero(mask)
    rows = cells.index.to_numpy()[places].tolist()
    if not any(sentence.startswith(CELL) for sentence in said):
        return [RowError(row, field, *said) for row in rows]
    values = [quoted(value) for value in cells.iloc[places].tolist()]
    return [
        RowError(row, field, *(sentence.replace(CELL, shown, 1) for sentence in said))
        for row, shown in zip(rows, values, strict=True)
    ]
