"""One run of the acceptance model, computed: from stored rows to a directory of draws.

Runs in a process of the Dask cluster and returns an `Outcome`. Must not know the database or the job table.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from models.acceptance.data import DecisionsRefused, PolicyBreak
from models.acceptance.source import known_decisions
from service.worker.progress import Report
from service.worker.results import Outcome, Refused, put_in_place

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class AcceptanceTask:
    """All that a run needs; `realisations` decisions of all countries and applications of `geo`."""

    geo: str
    as_of: date
    seed: int
    realisations: pd.DataFrame
    directory: Path
    breaks: tuple[PolicyBreak, ...] = ()


def run_rates(task: AcceptanceTask, report: Report) -> Outcome:
    """Compute the rates, unless that was done already, and put them in place whole."""
    return put_in_place(task.directory, lambda partial: _compute(task, partial, report))


def _compute(task: AcceptanceTask, partial: Path, report: Report) -> None:
    from models.acceptance.run import run_acceptance

    try:
        known = known_decisions(task.realisations, task.geo, task.as_of)
    except DecisionsRefused as refused:
        dutch = (
            "De beslissingen spreken zichzelf tegen: een reeks ontbreekt naast de andere, of er zijn meer "
            "inwilligingen dan beslissingen. Lever ze opnieuw."
        )
        raise Refused("Acceptance rates refused", "/realisations", str(refused), dutch) from None
    if known is None:
        detail = f"too few decisions of {task.geo} are known"
        dutch = f"Van {task.geo} zijn te weinig beslissingen bekend."
        raise Refused("Acceptance rates refused", "/realisations", detail, dutch)
    run_acceptance(known, task.realisations, task.geo, task.as_of, task.seed, partial, task.breaks, report)
