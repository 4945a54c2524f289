"""The total of finished forecasts, computed: from their draws, and where it is to be estimated their histories.

Runs in a process of the Dask cluster. The histories are the months that each forecast itself knew. Must not know the
database or the job table.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from service.storage.forecasts import ForecastOrder
from service.worker.progress import Report
from service.worker.results import Outcome, Refused, put_in_place

if TYPE_CHECKING:
    import pandas as pd

    from models.series import MonthlySeries
    from models.totals.dependence import Dependence


@dataclass(frozen=True)
class Component:
    """A forecast to be summed: its order, its draws, and its rows where its history is asked for."""

    order: ForecastOrder
    draws: Path
    realisations: pd.DataFrame | None


@dataclass(frozen=True)
class TotalTask:
    """All that a computation needs; `directory` is where the total's draws must appear."""

    order: ForecastOrder
    components: tuple[Component, ...]
    directory: Path


def run_total(task: TotalTask, report: Report) -> Outcome:
    """Sum, unless the draws exist already, and put them in place whole."""

    def fill(partial: Path) -> None:
        from models.totals.stored import open_stored
        from models.totals.summing import Summand, TotalRequest, write_total

        gone = [place for place, one in enumerate(task.components) if not one.draws.is_dir()]
        if gone:
            detail = "its draws were removed; order the forecast again, then its total"
            dutch = "De trekkingen van deze prognose zijn verwijderd; vraag haar opnieuw aan, en daarna het totaal."
            raise Refused("Total refused", f"/forecasts/{gone[0]}", detail, dutch)
        report("dependence", 0.1)
        dependence = _dependence(task)
        report("summing", 0.3)
        order, asked = task.order, task.order.total
        assert asked is not None, "a task of this kind is made of a total's order"
        request = TotalRequest(
            series=order.target.series,
            geo=order.target.geo,
            citizen=order.target.citizen,
            cutoff=order.cutoff.isoformat(),
            as_of=order.as_of.isoformat(),
            kind=asked.dependence if isinstance(asked.dependence, str) else "stated",
            dependence=dependence,
            seed=order.seed,
        )
        summands = [Summand(one.order.target.series, open_stored(one.draws)) for one in task.components]
        write_total(summands, request, partial)
        report("finished", 0.98)

    return put_in_place(task.directory, fill)


def _dependence(task: TotalTask) -> Dependence:
    from models.totals.dependence import Dependence, estimated_dependence, stated_dependence

    assert task.order.total is not None
    stated, size = task.order.total.dependence, len(task.components)
    if stated == "estimated":
        return estimated_dependence([_history(one) for one in task.components])
    if isinstance(stated, str):
        import numpy as np

        return Dependence(np.eye(size))
    return stated_dependence(stated, size)


def _history(component: Component) -> MonthlySeries:
    """The months that the forecast stood on, in force on its day."""
    from models.forecast_checks import target_data
    from models.request import ForecastTarget

    order, rows = component.order, component.realisations
    assert rows is not None, "rows come along where histories are asked for"
    target = ForecastTarget(order.target.series, order.target.geo, order.target.citizen)
    return target_data(rows, target, order.cutoff, order.as_of, order.horizon_years).in_force
