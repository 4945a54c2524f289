"""`instroom backtest`: what forecasters would have said at past origins, how they scored, and who was better.

    file of counts → rows with the day they were known → origins × forecasters on Dask → results → table

Results are kept per origin and forecaster, so that the same command continues where an earlier one stopped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from models.backtest.comparison import common_cases, compare, markdown
from models.backtest.data import bitemporal_rows, read_counts, splice
from models.backtest.forecasters import forecaster
from models.backtest.peers import PEERS
from models.backtest.run import Forecaster, Plan, half_yearly, read_results, run_backtest
from service.cli.terminal import err, refuse, say
from service.settings import Settings


@dataclass(frozen=True)
class BacktestOptions:
    """What was typed. `processes` 0 computes in this process, None on the cluster of the settings."""

    data: Path
    before: Path | None
    origins: str
    out: Path
    forecasters: tuple[str, ...]
    publication_lag_days: int
    draws: int
    seed: int
    processes: int | None


def backtest(settings: Settings, options: BacktestOptions) -> None:
    """Refuses what cannot be read or run; an interrupted run keeps what is done and ends with status 130."""
    plan, chosen = _plan(options), _forecasters(options.forecasters)
    if not plan.origins:
        refuse(f"There is no June or December in {options.origins}.")
    try:
        with _client(settings, options.processes) as client, _bar() as bar:
            task = bar.add_task("", total=None)
            run_backtest(
                plan,
                chosen,
                options.out,
                client=client,
                progress=lambda done, total, what: bar.update(
                    task, completed=done, total=total, description=what
                ),
            )
    except KeyboardInterrupt:
        refuse("Stopped. The same command continues with what is not there yet.", code=130)
    except ValueError as error:
        refuse(str(error), code=1)
    _tell(options.out, options.forecasters)


def _plan(options: BacktestOptions) -> Plan:
    span = re.fullmatch(r"(\d{4}-(?:0[1-9]|1[0-2]))\.\.(\d{4}-(?:0[1-9]|1[0-2]))", options.origins)
    if span is None:
        refuse(f"--origins {options.origins!r} must be like 2010-06..2018-12.")
    try:
        counts = read_counts(options.data)
        if options.before is not None:
            counts = splice(read_counts(options.before), counts)
        rows = bitemporal_rows(counts, options.publication_lag_days)
    except (ValueError, pd.errors.ParserError) as error:
        refuse(str(error), code=1)
    return Plan(rows, half_yearly(*span.groups()), draws=options.draws, seed=options.seed)


def _forecasters(names: tuple[str, ...]) -> dict[str, Forecaster]:
    try:
        return {name: forecaster(name) for name in names}
    except ValueError as error:
        refuse(str(error))
    except ModuleNotFoundError as error:
        refuse(f"{error.name} is not installed: peers need the extra `peers`.")


@contextmanager
def _client(settings: Settings, processes: int | None) -> Iterator[Any]:
    if processes == 0:
        yield None
        return
    from service.worker.cluster import open_cluster

    with open_cluster(settings.scheduler, processes) as client:
        yield client


def _bar() -> Progress:
    columns = BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}")
    return Progress(*columns, console=err)


def _tell(directory: Path, names: tuple[str, ...]) -> None:
    """The comparison when a peer took part, else every method's own scores."""
    try:
        scores = read_results(directory, "scores")
    except FileNotFoundError:
        refuse("No country had enough months, with outcomes counted since: nothing was scored.", code=1)
    chosen = scores[scores["model_id"].isin(names)]
    if set(PEERS) & set(names) and len(common_cases(chosen)):
        say(markdown(compare(chosen, PEERS)))
    else:
        for (model, target, horizon), cases in chosen.groupby(["model_id", "target", "horizon"]):
            say(
                f"{model}, {target}, horizon {horizon}: log-CRPS {cases['log_crps'].mean():.4f}, 75% band held "
                f"{cases['inside_75'].mean():.0%}, {len(cases)} cases"
            )
    say(f"Quantiles and scores: {directory}")
