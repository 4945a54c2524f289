"""`instroom forecast`: order a forecast as the HTTP interface would, see it computed, print the outcome.

    SET → stored set → order → (no worker takes it within two seconds: start one) → follow → table, file

The order, its checks and its defaults are those of `service.orders`; an equal forecast is shown at once. Acceptance
rates are ordered with it where there are decisions; a running service computes them, or the next one that runs.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.table import Table
from sqlalchemy.orm import Session, sessionmaker

from priors.hashing import content_hash
from priors.scenario import InvalidScenarioSet, parse_scenario_set
from priors.summary import LEVELS
from service.acceptance_orders import order_rates
from service.cli.children import Child, start_child, stop_children
from service.cli.follow import follow, how_it_ended
from service.cli.scenarios import find_set
from service.cli.terminal import actor, open_sessions, out, refuse, say
from service.orders import OrderRefused, prepare_order
from service.scenario_changes import create_scenario_set
from service.settings import Settings
from service.storage.base import reading, writing
from service.storage.draws import draws_directory, open_draws
from service.storage.forecasts import StoredOrder, get_forecast, order_forecast
from service.storage.jobs import JobState, cancel
from service.storage.scenario_sets import StoredSet, list_sets

if TYPE_CHECKING:
    from models.stored import StoredForecast

_PATIENCE_SECONDS = 2.0
_PAGE = 100


@dataclass(frozen=True)
class ForecastOptions:
    """What was typed; None is left to the defaults of an order."""

    scenario_set: str | None
    cutoff: date | None
    as_of: date | None
    geo: str | None
    series: str
    citizen: str
    expert_weight: float | None
    horizon_years: int
    method: str
    seed: int | None
    output: Path | None


def forecast(settings: Settings, options: ForecastOptions) -> None:
    """Refuses with every fault of the order; ends with status 1 when the forecast fails."""
    if (options.scenario_set is None) == (options.geo is None):
        refuse("Give either a SET, or --geo for the model alone.")
    if options.output is not None and options.output.suffix not in (".csv", ".json"):
        refuse(f"--output {options.output} must end in .csv or .json.")
    with open_sessions(settings) as sessions:
        ordered = _ordered(sessions, options)
        done = ordered if ordered.job.ended else _computed(settings, sessions, ordered)
        if done.job.state is not JobState.SUCCEEDED:
            refuse(how_it_ended(done.job), code=1)
    _tell(settings, done, options.output)


def _ordered(sessions: sessionmaker[Session], options: ForecastOptions) -> StoredOrder:
    payload: dict[str, Any] = {
        "cutoff": options.cutoff and options.cutoff.isoformat(),
        "asOf": options.as_of and options.as_of.isoformat(),
        "expertWeight": options.expert_weight,
        "horizonYears": options.horizon_years,
        "method": options.method,
        "seed": options.seed,
    }
    try:
        with writing(sessions) as session:
            if options.scenario_set is not None:
                chosen = _chosen_set(session, options.scenario_set)
                payload |= {"scenarioSet": chosen.id, "scenarioSetVersion": chosen.version}
            else:
                named = {"series": options.series, "geo": options.geo, "citizen": options.citizen}
                payload["target"] = named
            stated = {name: value for name, value in payload.items() if value is not None}
            order, basis, warnings = prepare_order(session, stated)
            ordered = order_forecast(session, order, basis, warnings, actor())[0]
            # Jobs are taken in this order: rates never hold up the forecast.
            order_rates(session, ordered)
            return ordered
    except OrderRefused as refused:
        refuse("; ".join(f"{fault.field.strip('/')}: {fault.detail}" for fault in refused.faults), code=1)


def _chosen_set(session: Session, given: str) -> StoredSet:
    """The stored set of this id or name, or the set in a file, stored unless an equal one is."""
    if not (file := Path(given)).is_file():
        return find_set(session, given)
    try:
        record = parse_scenario_set(json.loads(file.read_bytes()))
    except InvalidScenarioSet as invalid:
        refuse("; ".join(f"{file.name} {fault.field}: {fault.detail}" for fault in invalid.faults), code=1)
    except ValueError as error:
        refuse(f"{file.name} is not JSON: {error}", code=1)
    newest = list_sets(session, 1, _PAGE).items
    equal = [stored for stored in newest if stored.content_hash == content_hash(record)]
    return equal[0] if equal else create_scenario_set(session, record, actor())


def _computed(settings: Settings, sessions: sessionmaker[Session], ordered: StoredOrder) -> StoredOrder:
    """Follow the forecast to its end; without a running worker one is started for as long as it takes."""
    helpers: list[Child] = []
    try:
        if not _taken(sessions, ordered):
            helpers.append(start_child("service.cli.worker", log=settings.data_dir / "logs" / "worker.log"))
        return follow(sessions, ordered.id, lambda: all(helper.poll() is None for helper in helpers))
    except KeyboardInterrupt:
        with writing(sessions) as session:
            cancel(session, ordered.job.id)
        say("Cancelled.")
        raise typer.Exit(130) from None
    finally:
        stop_children(helpers)


def _taken(sessions: sessionmaker[Session], ordered: StoredOrder) -> bool:
    """Whether a worker that already runs takes the job while we wait for it."""
    until = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < until:
        with reading(sessions) as session:
            stored = get_forecast(session, ordered.id)
        if stored is not None and stored.job.state is not JobState.QUEUED:
            return True
        time.sleep(0.1)
    return False


def _tell(settings: Settings, done: StoredOrder, output: Path | None) -> None:
    stored = open_draws(draws_directory(settings.data_dir, done.draws_hash))
    rows = _rows(stored)
    say(f"Forecast {done.id}: {done.order.target.series} {done.order.target.geo}")
    say(f"cutoff {done.order.cutoff}, as of {done.order.as_of}, expert weight {done.order.expert_weight:g}")
    for remark in (*done.warnings, *stored.warnings):
        say(f"Note: {remark.detail}")
    for finding in stored.data_quality:
        say(f"Figures, {finding['severity']}: {finding['detail']}")
    table = Table("year", *LEVELS, box=None, pad_edge=False)
    for column in table.columns:
        column.justify = "right"
    for year in sorted({row["year"] for row in rows}):
        numbers = (row["value"] for row in rows if row["year"] == year)
        table.add_row(str(year), *(f"{number:,.0f}" for number in numbers))
    out.print(table)
    if output is not None:
        _write(output, rows)
        say(f"Written to {output}")


def _rows(draws: StoredForecast) -> list[dict[str, Any]]:
    """One row per year and interval scenario, in the columns of the tidy CSV of the HTTP interface."""
    quantiles = draws.layer("posterior").quantiles(list(LEVELS.values()))
    return [
        {"year": year, "scenario": name, "quantile_level": level, "value": float(quantiles[row, column])}
        for column, year in enumerate(draws.years)
        for row, (name, level) in enumerate(LEVELS.items())
    ]


def _write(output: Path, rows: list[dict[str, Any]]) -> None:
    if output.suffix == ".json":
        output.write_text(json.dumps(rows, indent=1) + "\n", "utf-8")
        return
    lines = [",".join(rows[0]), *(",".join(str(value) for value in row.values()) for row in rows)]
    output.write_text("\n".join(lines) + "\n", "utf-8")
