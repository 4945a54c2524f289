"""One forecast, computed: from an order and the stored rows to a directory of draws.

Runs in a process of the Dask cluster, which shares the data directory with the web process and nothing
else: it gets values and returns an `Outcome`. Must not know the database or the job table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from models.request import ForecastRefused, ForecastRequest, ForecastTarget
from priors.records import ScenarioSet
from service.storage.forecasts import ForecastOrder
from service.worker.progress import Report
from service.worker.results import Outcome, Refused, put_in_place
from service.worker.shared_fits import SharedFits

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class ForecastTask:
    """All that a computation needs; `directory` is where its draws must appear, `fits` where fits are shared."""

    order: ForecastOrder
    scenario_set: ScenarioSet | None
    directory: Path
    fits: Path


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
    fits = SharedFits(task.fits)
    write_forecast(run_forecast(request, realisations, report, fits.all_countries, fits.shares), directory)


def run_task(task: ForecastTask, realisations: pd.DataFrame, compute: Compute, report: Report) -> Outcome:
    """Compute, unless the draws exist already, and put them in place whole."""

    def fill(partial: Path) -> None:
        try:
            compute(task, realisations, partial, report)
        except ForecastRefused as refused:
            field = f"/{refused.field}"
            raise Refused("Forecast refused", field, refused.detail, refused.dutch) from None

    return put_in_place(task.directory, fill)
