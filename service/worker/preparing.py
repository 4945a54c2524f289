"""What a claimed job needs, read from the database as it was when the job was ordered.

    claim -> kind -> work: a function of the progress report alone, to be sent to a process of the cluster

Rows that came after an order are left out, so that a late start changes nothing. Must not know how anything is
computed, nor Dask.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from sqlalchemy.orm import Session

from service.acceptance_orders import figures
from service.evaluation_inputs import ledger_edits, realised_for
from service.forecast_rows import forecast_rows
from service.orders import set_at
from service.storage.acceptance import ACCEPTANCE_KIND, acceptance_directory, get_acceptance
from service.storage.acceptance_breaks import BREAKS_KIND, get_breaks
from service.storage.archive import entries_at
from service.storage.draws import draws_directory, fits_directory
from service.storage.evaluations import EVALUATION_KIND, evaluation_directory, get_evaluation
from service.storage.forecasts import JOB_KIND, StoredOrder, TotalOrder, get_forecast
from service.storage.jobs import Claim
from service.storage.scenario_sets import get_set
from service.worker.acceptance_job import AcceptanceTask, run_rates
from service.worker.evaluation_job import EvaluationTask, run_evaluation
from service.worker.forecast_job import Compute, ForecastTask, run_task
from service.worker.results import Work
from service.worker.total_job import Component, TotalTask, run_total

KINDS = (JOB_KIND, EVALUATION_KIND, ACCEPTANCE_KIND, BREAKS_KIND)


def prepared(session: Session, claim: Claim, data_dir: Path, compute: Compute) -> Work:
    """The work of a job; `compute` is what computes forecasts."""
    if claim.kind == EVALUATION_KIND:
        return _evaluation(session, claim.subject, data_dir)
    if claim.kind == ACCEPTANCE_KIND:
        return _acceptance(session, claim.subject, data_dir)
    if claim.kind == BREAKS_KIND:
        return _acceptance_breaks(session, int(claim.subject), data_dir)
    return _forecast(session, claim.subject, data_dir, compute)


def _forecast(session: Session, forecast_id: str, data_dir: Path, compute: Compute) -> Work:
    """The order with its scenario set and the rows that were stored when it was placed."""
    stored = get_forecast(session, forecast_id)
    assert stored is not None, "a job of this kind is written together with its forecast"
    order = stored.order
    if order.total is not None:
        return partial(run_total, _total_task(session, stored, order.total, data_dir))
    chosen = get_set(session, *order.scenario_set) if order.scenario_set else None
    frame = forecast_rows(session, order.target, order.as_of, stored.basis.last_row)
    belief = set_at(chosen.record, order.cutoff) if chosen else None
    directory = draws_directory(data_dir, stored.draws_hash)
    return partial(run_task, ForecastTask(order, belief, directory, fits_directory(data_dir)), frame, compute)


def _total_task(session: Session, stored: StoredOrder, total: TotalOrder, data_dir: Path) -> TotalTask:
    """The draws of the forecasts summed, and where dependence is estimated the rows that each of them saw."""
    components = []
    for identifier in total.forecasts:
        one = get_forecast(session, identifier)
        assert one is not None, "a total is written after its components"
        rows = None
        if total.dependence == "estimated":
            rows = forecast_rows(session, one.order.target, one.order.as_of, one.basis.last_row)
        components.append(Component(one.order, draws_directory(data_dir, one.draws_hash), rows))
    return TotalTask(stored.order, tuple(components), draws_directory(data_dir, stored.draws_hash))


def _evaluation(session: Session, evaluation_id: str, data_dir: Path) -> Work:
    """The forecasts, counts and edits that the order could see."""
    stored = get_evaluation(session, evaluation_id)
    assert stored is not None, "a job of this kind is written together with its evaluation"
    order, basis = stored.order, stored.basis
    entries = entries_at(session, order.archive_filter, basis.newest_entry)
    task = EvaluationTask(
        order.request,
        tuple(dict(entry.content) for entry in entries),
        realised_for(session, order, basis.known_rows),
        ledger_edits(session, order.request.filter, basis.ledger_entries),
        evaluation_directory(data_dir, stored.result_hash),
    )
    return partial(run_evaluation, task)


def _acceptance(session: Session, forecast_id: str, data_dir: Path) -> Work:
    """The decisions and applications that were stored when the forecast was ordered."""
    return partial(run_rates, _rates_task(session, forecast_id, data_dir))


def _acceptance_breaks(session: Session, entry: int, data_dir: Path) -> Work:
    """What the forecast's own rates were made of, and the breaks declared."""
    declared = get_breaks(session, entry)
    assert declared is not None, "a job of this kind is written together with its breaks"
    task = _rates_task(session, declared.forecast_id, data_dir)
    directory = acceptance_directory(data_dir, declared.result_hash)
    return partial(run_rates, replace(task, directory=directory, breaks=declared.breaks))


def _rates_task(session: Session, forecast_id: str, data_dir: Path) -> AcceptanceTask:
    import pandas as pd

    run, forecast = get_acceptance(session, forecast_id), get_forecast(session, forecast_id)
    assert run is not None and forecast is not None, (
        "a job of this kind is written together with its forecast"
    )
    frames = figures(session, forecast.order.target.geo)
    rows = pd.concat([frame.head(run.known_rows[name]) for name, frame in frames.items()], ignore_index=True)
    directory = acceptance_directory(data_dir, run.result_hash)
    seed = int(run.result_hash[:8], 16)
    return AcceptanceTask(forecast.order.target.geo, forecast.order.as_of, seed, rows, directory)
