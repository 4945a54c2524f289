"""One forecast, computed: from an order and the stored rows to a directory of draws.

Runs in a process of the Dask cluster, which shares the data directory with the web process and nothing
else: it gets values and returns an `Outcome`; a refusal comes back as a problem document, not as an
exception that the other side would have to understand. Must not know the database or the job table.
"""

from __future__ import annotations

import json
import os
import subprocess
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.request import ForecastRefused, ForecastRequest, ForecastTarget
from priors.records import ScenarioSet
from service.storage.draws import PROVENANCE, write_whole
from service.storage.forecasts import ForecastOrder
from service.worker.progress import Report, Stopped

if TYPE_CHECKING:
    import pandas as pd

PACKAGES = ("numpy", "scipy", "pandas", "pymc", "pytensor", "nutpie", "numba", "instroom")


@dataclass(frozen=True)
class ForecastTask:
    """All that a computation needs; `directory` is where its draws must appear."""

    order: ForecastOrder
    scenario_set: ScenarioSet | None
    directory: Path


@dataclass(frozen=True)
class Outcome:
    """How it ended: without a problem, or with one for the reader and particulars for the log."""

    problem: dict[str, Any] | None = None
    particulars: str = ""


Compute = Callable[[ForecastTask, "pd.DataFrame", Path, Report], None]


def compute_forecast(task: ForecastTask, realisations: pd.DataFrame, directory: Path, report: Report) -> None:
    """Run the model and write what it gives to `directory`; raises ForecastRefused."""
    from models.forecast import run_forecast
    from models.storing import write_forecast

    order = task.order
    request = ForecastRequest(
        target=ForecastTarget(order.target.series, order.target.geo, order.target.citizen),
        scenario_set=task.scenario_set,
        cutoff=order.cutoff,
        as_of=order.as_of,
        expert_weight=order.expert_weight,
        horizon_years=order.horizon_years,
        method="joint" if order.method == "joint" else "weighted",
        seed=order.seed,
    )
    write_forecast(run_forecast(request, realisations, report), directory)


def run_task(task: ForecastTask, realisations: pd.DataFrame, compute: Compute, report: Report) -> Outcome:
    """Compute, unless the draws exist already, and put them in place whole."""
    if task.directory.is_dir():
        return Outcome()

    def write(partial: Path) -> None:
        compute(task, realisations, partial, report)
        (partial / PROVENANCE).write_text(json.dumps(running_code(), indent=1), "utf-8")

    try:
        write_whole(task.directory, write)
    except Stopped:
        return Outcome(_problem(409, "Stopped", "The computation was stopped."))
    except ForecastRefused as refused:
        return Outcome(_refusal(f"/{refused.field}", refused.detail))
    except Exception:  # whatever it is, the job must end with it
        detail = "The computation went wrong; the worker's log has the particulars."
        return Outcome(_problem(500, "Computation failed", detail), traceback.format_exc())
    return Outcome()


def _refusal(field: str, detail: str) -> dict[str, Any]:
    body = _problem(400, "Forecast refused", f"{field}: {detail}")
    return {**body, "errors": [{"field": field, "detail": detail}]}


def _problem(status: int, title: str, detail: str) -> dict[str, Any]:
    return {"type": "about:blank", "title": title, "status": status, "detail": detail}


def running_code() -> dict[str, Any]:
    """The code that computes: its revision and the versions of what its numbers rest on."""
    return {"gitRevision": _git_revision(), "packages": {name: _version(name) for name in PACKAGES}}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _git_revision() -> str | None:
    """INSTROOM_GIT_REVISION where a build set it, else what git says of this checkout, else None."""
    if told := os.environ.get("INSTROOM_GIT_REVISION"):
        return told
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        return None
    asked = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        done = subprocess.run(asked, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None
