"""Joint paths by nationality as Parquet: 100,000 draws, 60 months, 16 nationalities.

    python -m benchmarks.split_paths            in a process that does nothing else
    python -m benchmarks.split_paths --http     GET /v1/forecasts/{id}/paths?format=parquet of a running service

Prints seconds, processor seconds and peak resident memory in MB (10^6 bytes) of the process that makes the file, and
checks in the file that every month of every draw adds up. In its own process hyperparameters are of the size that
fits give; over HTTP the forecast is of the sample's Netherlands with made-up nationalities delivered to it, fitted and
stored before the clock starts, and the seconds are those until the client has the last byte on disk.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd
import psutil
from pyarrow import parquet

from benchmarks.memory import Peak, child
from benchmarks.running_service import finished, first_forecast, running_service
from models.composition.paths import ShareParameters, ShareSimulator, ShareState, split_paths
from service.api.path_files import SamplePaths, path_stream

DRAWS, MONTHS, CITIZENS, FITTED = 100_000, 60, 16, 4_000
SECONDS_LIMIT, MEMORY_LIMIT_MB = 5.0, 1_500.0
FIRST = np.datetime64("2024-01", "M")
CUTOFF = "2024-02-20"
"""The sample knows December 2023 by then and nothing of 2024: all sixty months are to come."""

NAMES = ("SY", "TR", "IQ", "ER", "YE", "SO", "AF", "IR", "DZ", "MA", "NG", "CO", "GE", "MD", "PK")


def simulator() -> ShareSimulator:
    """Sixteen nationalities from half of all persons to one in a thousand."""
    rng = np.random.default_rng(1)
    level = np.log(shares()) + 0.05 * rng.standard_normal((FITTED, CITIZENS))
    every = np.ones(FITTED)
    parameters = ShareParameters(
        step=0.2 * np.exp(0.3 * rng.standard_normal((FITTED, CITIZENS))),
        month=0.08 * every,
        overdispersion=1.4 * every,
        pull=0.012 * every,
        nu=7.8 * every,
    )
    last, spans = np.full(CITIZENS, FIRST - 1), np.ones(CITIZENS, dtype=np.int64)
    state = ShareState(level, np.full((FITTED, CITIZENS), 0.02), last, spans, level.mean(axis=0))
    return ShareSimulator(parameters, state, FIRST, seed=1)


def shares() -> np.ndarray:
    """`(citizen,)`, the last being the rest."""
    halves = 0.5 ** np.arange(1, CITIZENS + 1).clip(max=10)
    return np.asarray(halves / halves.sum())


def in_this_process(file: Path) -> dict[str, float]:
    """Simulate, split and encode, as the service does once a forecast is stored."""
    rng = np.random.default_rng(2)
    totals = rng.poisson(np.exp(rng.normal(8.0, 0.4, (DRAWS, MONTHS)))).astype(np.int32)
    made = simulator()
    names = [*NAMES, "OTHER"]
    months = [str(FIRST + m) for m in range(MONTHS)]
    paths = SamplePaths(months, names, lambda: (counts for _, counts in split_paths(made, totals)))
    started, processor = time.perf_counter(), time.process_time()
    with file.open("wb") as sink:
        sink.writelines(path_stream("parquet", paths))
    seconds, processor = time.perf_counter() - started, time.process_time() - processor
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    return {"seconds": seconds, "processor seconds": processor, "peak MB": peak}


def over_http(file: Path) -> dict[str, float]:
    """The same from a running service; processor seconds and memory are those of its web process."""
    with tempfile.TemporaryDirectory() as folder, running_service(Path(folder)) as (process, client):
        first_forecast(client)
        forecast = with_nationalities(client)
        web = child(psutil.Process(process.pid), "service.cli.web")
        peak = Peak(web)
        peak.start()
        started, processor = time.perf_counter(), sum(web.cpu_times()[:2])
        address = f"/v1/forecasts/{forecast}/paths?draws={DRAWS}&format=parquet"
        with client.stream("GET", address, timeout=300) as answer, file.open("wb") as sink:
            answer.raise_for_status()
            sink.writelines(answer.iter_bytes())
        seconds, processor = time.perf_counter() - started, sum(web.cpu_times()[:2]) - processor
        peak.stop()
    return {"seconds": seconds, "processor seconds": processor, "peak MB": peak.megabytes}


def with_nationalities(client: httpx.Client) -> str:
    """The id of a finished forecast of the sample's Netherlands, after nine years of nationalities were delivered."""
    target = {"series": "first_applications", "geo": "NL", "citizen": "TOTAL"}
    query = {**target, "from": "2015-01", "to": "2023-12", "asOf": CUTOFF}
    totals = client.get("/v1/realisations", params=query).raise_for_status().json()["items"]
    rows = nationality_rows(totals).to_csv(index=False)
    client.post("/v1/realisations", content=rows, headers={"Content-Type": "text/csv"}).raise_for_status()
    order = {"target": target, "cutoff": CUTOFF, "asOf": CUTOFF, "expertWeight": 0}
    return finished(client, client.post("/v1/forecasts", json=order).raise_for_status().json()["id"])


def nationality_rows(totals: list[dict[str, Any]]) -> pd.DataFrame:
    """Fifteen nationalities of every month, their shares walking, known with its total."""
    rng = np.random.default_rng(3)
    walk = np.log(shares()) + np.cumsum(0.1 * rng.standard_normal((len(totals), CITIZENS)), axis=0)
    parts = np.exp(walk) / np.exp(walk).sum(axis=1, keepdims=True)
    persons = np.array([rng.multinomial(row["value"], part) for row, part in zip(totals, parts, strict=True)])
    return pd.DataFrame(
        {
            "series": row["series"],
            "source": row["source"],
            "geo": row["geo"],
            "citizen": name,
            "period": row["period"],
            "value": persons[place, column],
            "known_at": row["knownAt"],
        }
        for place, row in enumerate(totals)
        for column, name in enumerate(NAMES)
    )


def adds_up(file: Path) -> tuple[int, int, bool]:
    """Rows, nationalities, and whether these sum to `value` in every row; looked at one row group at a time."""
    opened, rows, exact = parquet.ParquetFile(file), 0, True
    names = [name for name in opened.schema_arrow.names if name not in ("draw", "month", "value")]
    for group in range(opened.num_row_groups):
        table = opened.read_row_group(group)
        sums = np.sum([table[name].to_numpy() for name in names], axis=0)
        exact = exact and np.array_equal(sums, table["value"].to_numpy())
        rows += table.num_rows
    return rows, len(names), exact


def main() -> None:
    """Write, time, check."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--http", action="store_true", help="ask a running service")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "paths.parquet"
        measured = over_http(file) if asked.http else in_this_process(file)
        rows, citizens, exact = adds_up(file)
        print(
            f"{rows // MONTHS:,} draws x {MONTHS} months x {citizens} nationalities, {file.stat().st_size / 1e6:.0f} MB"
        )
    limits = {"seconds": SECONDS_LIMIT, "peak MB": MEMORY_LIMIT_MB}
    for name, value in measured.items():
        print(f"{name:<18} {value:9.2f}" + (f"   at most {limits[name]:g}" if name in limits else ""))
    print(f"every month adds up in every draw: {exact}")


if __name__ == "__main__":
    main()
