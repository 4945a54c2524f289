"""Joint paths by nationality to Parquet: 100,000 draws, 60 months, 16 nationalities.

    python -m benchmarks.split_paths

Prints seconds, processor seconds and peak resident memory in MB (10^6 bytes) of a process that does nothing else,
and checks in the file that every month of every draw adds up. Hyperparameters are of the size that fits give.
"""

from __future__ import annotations

import resource
import tempfile
import time
from pathlib import Path

import numpy as np
from pyarrow import parquet

from models.composition.files import write_split_paths
from models.composition.paths import ShareParameters, ShareSimulator, ShareState, split_paths

DRAWS, MONTHS, CITIZENS, FITTED = 100_000, 60, 16, 4_000
SECONDS_LIMIT, MEMORY_LIMIT_MB = 5.0, 1_500.0
FIRST = np.datetime64("2024-07", "M")


def simulator() -> ShareSimulator:
    """Sixteen nationalities from half of all persons to one in a thousand."""
    rng = np.random.default_rng(1)
    shares = 0.5 ** np.arange(1, CITIZENS + 1).clip(max=10)
    level = np.log(shares / shares.sum()) + 0.05 * rng.standard_normal((FITTED, CITIZENS))
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


def main() -> None:
    """Write, time, check."""
    rng = np.random.default_rng(2)
    totals = rng.poisson(np.exp(rng.normal(8.0, 0.4, (DRAWS, MONTHS)))).astype(np.int32)
    months = [str(FIRST + m) for m in range(MONTHS)]
    names = [f"N{k:02d}" for k in range(CITIZENS - 1)] + ["OTHER"]
    made = simulator()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "paths.parquet"
        started, processor = time.perf_counter(), time.process_time()
        write_split_paths(file, split_paths(made, totals), months, names)
        seconds, processor = time.perf_counter() - started, time.process_time() - processor
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
        size, exact = file.stat().st_size / 1e6, adds_up(file, names, totals)
    print(f"{DRAWS:,} draws x {MONTHS} months x {CITIZENS} nationalities, {size:.0f} MB of Parquet")
    print(f"seconds            {seconds:8.2f}   at most {SECONDS_LIMIT}")
    print(f"processor seconds  {processor:8.2f}")
    print(f"peak MB            {peak:8.0f}   at most {MEMORY_LIMIT_MB:.0f}")
    print(f"every month adds up in every draw: {exact}")


def adds_up(file: Path, names: list[str], totals: np.ndarray) -> bool:
    """Whether the file's rows sum to the totals, looked at one row group at a time."""
    opened, done = parquet.ParquetFile(file), 0
    for group in range(opened.num_row_groups):
        table = opened.read_row_group(group, columns=names)
        sums = np.sum([column.to_numpy() for column in table.columns], axis=0)
        if not np.array_equal(sums, totals.reshape(-1)[done : done + len(sums)]):
            return False
        done += len(sums)
    return done == totals.size


if __name__ == "__main__":
    main()
