"""The command `instroom`: what a terminal user types, one thin function per command.

Each command imports what it needs when it runs, so that `instroom --help` answers at once and
`instroom serve` never loads PyMC.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from service.cli.terminal import settings_or_refuse

app = typer.Typer(
    name="instroom",
    help="Forecasts of first asylum applications: expert scenarios weighed by what was counted.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
fetch = typer.Typer(help="Fetch realisations from a public source.", no_args_is_help=True)
ledger = typer.Typer(help="The chain of changes to scenario sets.", no_args_is_help=True)
app.add_typer(fetch, name="fetch")
app.add_typer(ledger, name="ledger")

Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], metavar="YYYY-MM-DD")]


@app.command()
def serve() -> None:
    """Start the web process and a worker on HOST and PORT; the first time, forecast the sample."""
    from service.cli.serve import serve as run

    run(settings_or_refuse())


@app.command()
def worker() -> None:
    """Run queued jobs until interrupted."""
    from service.cli.worker import work

    work(settings_or_refuse())


@app.command()
def migrate() -> None:
    """Bring the database to the newest schema."""
    from service.cli.doctor import migrated

    migrated(settings_or_refuse())


@app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True)],
    mapping: Annotated[
        Path | None,
        typer.Option(help="What the columns of this file mean: a TOML file, or the name of a bundled one."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change; store nothing.")] = False,
) -> None:
    """Store a delivery of realisations: CSV or JSON, with a mapping also XLSX and Parquet."""
    from service.cli.deliver import import_file as run

    run(settings_or_refuse(), file, mapping, dry_run=dry_run)


@fetch.command()
def eurostat(
    geo: Annotated[str, typer.Option(help="Countries as Eurostat writes them, with commas between.")] = "NL",
    series: Annotated[str, typer.Option(help="Which series.")] = "first_applications",
    since: Annotated[str, typer.Option(metavar="YYYY-MM", help="First month.")] = "2008-01",
    publication_lag: Annotated[
        int | None,
        typer.Option(min=0, help="Take figures as known so many days after their period, not as of today."),
    ] = None,
    nationalities: Annotated[
        bool,
        typer.Option("--nationalities/--no-nationalities", help="Finished years by nationality besides."),
    ] = True,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change; store nothing.")] = False,
) -> None:
    """Fetch monthly counts from Eurostat, and applications of whole years by nationality."""
    from service.cli.deliver import fetch_eurostat as run

    countries = tuple(code for code in geo.upper().replace(" ", "").split(",") if code)
    run(
        settings_or_refuse(),
        countries,
        series,
        since,
        publication_lag_days=publication_lag,
        nationalities=nationalities,
        dry_run=dry_run,
    )


@app.command()
def forecast(
    scenario_set: Annotated[
        str | None, typer.Argument(metavar="[SET]", help="Id of a scenario set, or path of one in JSON.")
    ] = None,
    cutoff: Day = None,
    as_of: Day = None,
    geo: Annotated[
        str | None, typer.Option(help="Model only, for this country, when no SET is given.")
    ] = None,
    series: Annotated[str, typer.Option(help="Series of a model-only forecast.")] = "first_applications",
    citizen: Annotated[str, typer.Option(help="Nationality of a model-only forecast.")] = "TOTAL",
    expert_weight: Annotated[float | None, typer.Option(min=0.0, max=1.0)] = None,
    horizon: Annotated[int, typer.Option(min=1, max=5, help="Years, the cutoff's own included.")] = 5,
    method: Annotated[str, typer.Option(help="weighted or joint.")] = "weighted",
    seed: Annotated[int | None, typer.Option(help="By default a function of the content.")] = None,
    output: Annotated[
        Path | None, typer.Option(help="Write interval scenarios here: .csv or .json by its name.")
    ] = None,
) -> None:
    """Compute a forecast here, with a progress bar, store it, and print its interval scenarios.

    Acceptance rates are ordered with it where its country's decisions are known; a running service computes them.
    """
    from service.cli.forecast import ForecastOptions
    from service.cli.forecast import forecast as run

    options = ForecastOptions(
        scenario_set=scenario_set,
        cutoff=cutoff.date() if cutoff else None,
        as_of=as_of.date() if as_of else None,
        geo=geo,
        series=series,
        citizen=citizen,
        expert_weight=expert_weight,
        horizon_years=horizon,
        method=method,
        seed=seed,
        output=output,
    )
    run(settings_or_refuse(), options)


@app.command()
def scenarios(name: Annotated[str, typer.Argument(help="Id or name of a scenario set.")]) -> None:
    """Print the interval scenarios that the experts' density of a set implies, in closed form."""
    from service.cli.scenarios import scenarios as run

    run(settings_or_refuse(), name)


@app.command()
def backtest(
    data: Annotated[
        Path,
        typer.Option(exists=True, dir_okay=False, help="Counts: geo, month, applicants; CSV or Parquet."),
    ],
    out: Annotated[Path, typer.Option(file_okay=False, help="Folder of results; a second run continues it.")],
    origins: Annotated[
        str, typer.Option(metavar="FIRST..LAST", help="Every June and December between two months YYYY-MM.")
    ],
    before: Annotated[
        Path | None,
        typer.Option(
            exists=True, dir_okay=False, help="Counts of months before a country's first in --data."
        ),
    ] = None,
    forecaster: Annotated[
        list[str] | None,
        typer.Option(help="panel, single, AutoETS, AutoARIMA, AutoTheta, SeasonalNaive, Prophet; repeat."),
    ] = None,
    publication_lag: Annotated[
        int,
        typer.Option(min=0, help="Days after its end that a month was known, without vintages in --data."),
    ] = 0,
    draws: Annotated[int, typer.Option(min=100)] = 1000,
    seed: Annotated[int, typer.Option(min=0)] = 1,
    processes: Annotated[
        int | None, typer.Option(min=0, help="0 computes in this process; by default the service's cluster.")
    ] = None,
) -> None:
    """Score forecasters at past moments, with what was known then, and compare them."""
    from service.cli.backtest import BacktestOptions
    from service.cli.backtest import backtest as run

    options = BacktestOptions(
        data=data,
        before=before,
        origins=origins,
        out=out,
        forecasters=tuple(dict.fromkeys(forecaster or ["panel"])),
        publication_lag_days=publication_lag,
        draws=draws,
        seed=seed,
        processes=processes,
    )
    run(settings_or_refuse(), options)


@app.command()
def prune(
    unused: Annotated[
        int, typer.Option(min=1, metavar="DAYS", help="What was used within so many days stays.")
    ] = 90,
    concepts: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="DAYS",
            help="Also the draws of concepts older than this; asked again, they come back.",
        ),
    ] = None,
    delete: Annotated[
        bool, typer.Option("--delete", help="Delete; without it, only say what would go.")
    ] = False,
) -> None:
    """Free room in the data directory: draws nobody refers to, fits nobody used; never an adopted edition."""
    from service.cli.prune import prune as run

    run(settings_or_refuse(), unused_days=unused, concept_days=concepts, delete=delete)


@ledger.command()
def verify() -> None:
    """Recompute the whole chain of changes; exit status 1 when it is broken."""
    from service.cli.scenarios import verify_ledger

    verify_ledger(settings_or_refuse())


@app.command()
def doctor(as_json: Annotated[bool, typer.Option("--json", help="For a program to read.")] = False) -> None:
    """Say what is installed, which database and sampler are used, and whether the service can run."""
    from service.cli.doctor import doctor as run

    run(settings_or_refuse(), as_json=as_json)


if __name__ == "__main__":
    app()
