"""One evaluation, computed: from archived forecasts and what came to the file that the web process reads.

    evaluation.json   {"evaluation": as in the HTTP contract, "realised": {year: persons}, "incomplete": [...]}

Runs in a process of the Dask cluster and returns an `Outcome`. Must not know the database or the job table.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.calibration.records import EvaluationRequest, LedgerEdit, Realised
from models.calibration.selection import NoOverlap
from service.archive_intake import record_of
from service.storage.evaluations import RESULT
from service.worker.progress import Report
from service.worker.results import Outcome, Refused, put_in_place


@dataclass(frozen=True)
class EvaluationTask:
    """All that a computation needs; `contents` are the archived forecasts, `directory` where the file must appear."""

    request: EvaluationRequest
    contents: tuple[dict[str, Any], ...]
    realised: Realised
    edits: tuple[LedgerEdit, ...]
    directory: Path


def run_evaluation(task: EvaluationTask, report: Report) -> Outcome:
    """Evaluate, unless that was done already, and put the result in place whole."""
    return put_in_place(task.directory, lambda partial: _evaluate(task, partial, report))


def _evaluate(task: EvaluationTask, partial: Path, report: Report) -> None:
    from models.calibration.evaluation import evaluate

    forecasts = [record_of(content) for content in task.contents]
    try:
        found = evaluate(
            forecasts, task.realised, task.request, lambda share, step: report(step, share), task.edits
        )
    except NoOverlap as nothing:
        raise Refused("Evaluation refused", "/filter", str(nothing), nothing.dutch) from None
    document = {
        "evaluation": found.model_dump(mode="json", by_alias=True),
        "realised": {str(year): value for year, value in sorted(task.realised.values.items())},
        "incomplete": list(task.realised.incomplete),
    }
    text = json.dumps(document, indent=1, sort_keys=False)
    (partial / RESULT).write_text(text, encoding="utf-8")
