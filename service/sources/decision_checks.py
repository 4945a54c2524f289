"""Checks that hold for decisions on applications only: counts, not rates, and never more positive ones than all.

A rate would pass as a count of nought or one, and a percentage as a count: both are recognised by what stands beside
them. Must not know where the rows came from, nor anything of storage.
"""

from __future__ import annotations

import pandas as pd

from service.sources.refusal import RowError, faults_where

TOTAL, POSITIVE = "decisions_total", "decisions_positive"
_SAME = ["source", "geo", "citizen", "track", "period", "known_at"]
_RATE = r"(?:0?[.,][0-9]+|1[.,]0+|[0-9]{1,3}(?:[.,][0-9]+)? ?%)"
_ROWS_TO_TELL = 4


def decision_faults(text: pd.DataFrame, typed: pd.DataFrame) -> list[RowError]:
    """Faults of the rows of decisions; `text` holds their cells, `typed` the same rows with values."""
    decisions = text["series"].isin([TOTAL, POSITIVE])
    rates = (decisions & text["value"].str.fullmatch(_RATE)).to_numpy(dtype=bool)
    said = (
        "is a rate; deliver counts, decisions_total and decisions_positive, and leave rates to the service",
        "is een percentage; lever aantallen, decisions_total en decisions_positive, en laat percentages aan de dienst",
    )
    return [
        *faults_where(rates, text["value"], "value", said),
        *_more_than_all(typed),
        *_percentages(typed),
    ]


def _more_than_all(typed: pd.DataFrame) -> list[RowError]:
    """Positive decisions of which the same delivery has fewer decisions in total."""
    rows = typed[typed["value"].notna()].reset_index(names="row")
    both = rows[rows["series"] == POSITIVE].merge(
        rows[rows["series"] == TOTAL], on=_SAME, suffixes=("", "_all")
    )
    wrong = both[both["value"] > both["value_all"]]
    return [
        RowError(
            int(row),
            "value",
            f"more positive decisions ({k}) than decisions in row {other} ({n})",
            f"meer inwilligingen ({k}) dan beslissingen in rij {other} ({n})",
        )
        for row, k, other, n in zip(
            wrong["row"], wrong["value"], wrong["row_all"], wrong["value_all"], strict=True
        )
    ]


def _percentages(typed: pd.DataFrame) -> list[RowError]:
    """Totals that are all one hundred."""
    totals = typed[(typed["series"] == TOTAL) & typed["value"].notna()]
    if len(totals) < _ROWS_TO_TELL or not (totals["value"] == 100).all():
        return []
    detail = "every decisions_total is 100, so these are percentages; deliver counts of decisions"
    dutch = "elke decisions_total is 100, dus dit zijn percentages; lever aantallen beslissingen"
    return [RowError(int(totals.index[0]), "value", detail, dutch)]
