"""Computations for tests of the worker: the order's seed says what happens, files say what did.

Dask imports this module in its own processes, so it holds functions and nothing of a test.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pandas as pd

from models.request import ForecastRefused
from service.worker.forecast_job import ForecastTask
from service.worker.progress import Report

QUICK, REFUSED, WRONG, DEADLY, ENDLESS, DEAF = 1, 2, 3, 4, 5, 6


def compute(task: ForecastTask, realisations: pd.DataFrame, directory: Path, report: Report) -> None:
    """Write one file, or do what the seed asks for."""
    report("sampling", 0.25)
    seed = task.order.seed
    if seed == REFUSED:
        raise ForecastRefused("cutoff", "has no figures before it", "heeft geen cijfers ervoor")
    if seed == WRONG:
        raise RuntimeError("a secret of the inside")
    if seed == DEADLY:
        os.kill(os.getpid(), signal.SIGKILL)
    if seed in (ENDLESS, DEAF):
        endless(pulse_of(task), report if seed == ENDLESS else None)
    report("storing", 0.9)
    (directory / "rows.txt").write_text(str(len(realisations)), encoding="utf-8")


def pulse_of(task: ForecastTask) -> Path:
    return task.directory.parent / "pulse"


def endless(pulse: Path, report: Report | None) -> None:
    """Grow a file until a file `enough` stands beside it; who does not report is deaf to being stopped."""
    while not pulse.with_name("enough").exists():
        with pulse.open("a", encoding="utf-8") as handle:
            handle.write("x")
        if report is not None:
            report("sampling", 0.5)
        time.sleep(0.02)
