"""Edits on the way to an edition: do they move the figure one way, late ones most, and do they help?

    move = log(after / before),   help = |log before - log realised| - |log after - log realised|

An edit is late within thirty days before the edition's issue (or, without an archived issue, its last edit). Means are
clustered by edition: edits of one edition answer each other. Must not know scenario sets or storage.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Literal

import numpy as np

from models.calibration.answer import LedgerDrift
from models.calibration.clustered import clustered_mean
from models.calibration.records import ArchivedForecast, LedgerEdit

LATE_DAYS = 30


def ledger_drift(
    edits: Sequence[LedgerEdit], forecasts: Sequence[ArchivedForecast], values: Mapping[int, float]
) -> tuple[LedgerDrift, ...]:
    """Drift of all edits of realised years, and of early and late ones; () without any."""
    used = [edit for edit in edits if values.get(edit.target_year, 0.0) > 0]
    ends = _ends(used, forecasts)
    late = [(ends[edit.edition] - edit.made_on).days <= LATE_DAYS for edit in used]
    groups: tuple[tuple[Literal["all", "early", "late"], list[LedgerEdit]], ...] = (
        ("all", used),
        ("early", [edit for edit, is_late in zip(used, late, strict=True) if not is_late]),
        ("late", [edit for edit, is_late in zip(used, late, strict=True) if is_late]),
    )
    return tuple(_drift(name, chosen, values) for name, chosen in groups if chosen)


def _ends(edits: Sequence[LedgerEdit], forecasts: Sequence[ArchivedForecast]) -> dict[str, date]:
    """By edition its last issue in the archive, or the last edit."""
    ends: dict[str, date] = {}
    for edit in edits:
        ends[edit.edition] = max(edit.made_on, ends.get(edit.edition, edit.made_on))
    issued: dict[str, date] = {}
    for one in forecasts:
        issued[one.edition] = max(one.issued_on, issued.get(one.edition, one.issued_on))
    return ends | {edition: day for edition, day in issued.items() if edition in ends}


def _drift(
    group: Literal["all", "early", "late"], edits: Sequence[LedgerEdit], values: Mapping[int, float]
) -> LedgerDrift:
    before = np.log([edit.before for edit in edits])
    after = np.log([edit.after for edit in edits])
    came = np.log([values[edit.target_year] for edit in edits])
    editions = [edit.edition for edit in edits]
    move = clustered_mean(after - before, editions)
    helped = clustered_mean(np.abs(before - came) - np.abs(after - came), editions)
    return LedgerDrift(
        group=group,
        n=len(edits),
        editions=len(set(editions)),
        mean_move=move.mean,
        move_lower95=move.lower95,
        move_upper95=move.upper95,
        mean_help=helped.mean,
        help_lower95=helped.lower95,
        help_upper95=helped.upper95,
    )
