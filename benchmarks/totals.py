"""The total of three series, each 100,000 paths × 60 months × 16 nationalities, as a worker computes it.

    python -m benchmarks.totals

Measured is `write_total`: paths paired by ranks, summed, and divided by nationality, from mapped files to the last file
written. The forecasts that are summed are made up, and written before the clock starts. Afterwards every sum is
checked: months over the series in every path, years over months, nationalities in the tables and in paths.
"""

from __future__ import annotations

import resource
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from benchmarks.split_paths import CITIZENS, DRAWS, MONTHS, NAMES, simulator
from models.stored import StoredForecast
from models.stored_composition import write_composition
from models.totals.dependence import stated_dependence
from models.totals.stored import StoredTotal, open_stored
from models.totals.summing import Summand, TotalRequest, write_total
from priors.summary import LEVELS

SECONDS_LIMIT, MEMORY_LIMIT_MB = 10.0, 2_500.0
YEARS = tuple(range(2024, 2024 + MONTHS // 12))
SERIES = {"first_applications": 8.0, "family_arrivals": 7.0, "repeat_applications": 5.0}
"""Log persons a month."""


def summand(folder: Path, series: str, seed: int) -> Summand:
    """A made-up forecast, as far as a total reads it."""
    folder.mkdir()
    rng = np.random.default_rng(seed)
    level = SERIES[series] + np.cumsum(0.08 * rng.standard_normal((DRAWS, MONTHS)), axis=1)
    paths = rng.poisson(np.exp(level)).astype(np.int32)
    np.save(folder / "paths.npy", paths)
    np.save(folder / "joint_totals.npy", paths.reshape(DRAWS, len(YEARS), 12).sum(axis=2).astype(float))
    nothing = [0.0] * len(YEARS)
    observation = {
        "years": list(YEARS), "countedAtCutoff": nothing, "counted": nothing, "monthsCounted": [0] * len(YEARS),
        "firstLaterMonth": f"{YEARS[0]}-01", "laterCounts": [], "unusedMonths": 0,
    }  # fmt: skip
    stored = StoredForecast(
        folder,
        {
            "observation": observation, "countedMonths": {}, "jointProbabilities": [1.0], "scenarioSet": None,
            "diagnostics": {"passed": True, "source": "made up"}, "warnings": [],
        },
    )  # fmt: skip
    counted = np.zeros((0, CITIZENS), dtype=np.int32)
    learned = SimpleNamespace(citizens=(*NAMES, "OTHER"), counted=counted, splitter=simulator())
    write_composition(learned, stored.calendar, stored.whole_figures(), tuple(LEVELS.values()), folder)
    return Summand(series, stored)


def exact(total: StoredTotal, summands: list[Summand]) -> bool:
    """Whether everything adds up: over series, months and nationalities."""
    months = total.paths(DRAWS)[1]
    parts = [np.load(total.directory / f"series_{place}" / "paths.npy") for place in range(len(summands))]
    yearly = months.reshape(DRAWS, len(YEARS), 12).sum(axis=2, dtype=np.int64)
    told, figures = total.composition, total.whole_figures()
    assert told is not None
    split = np.concatenate(list(told.split(total.calendar.paths, 8_000)))
    tables = told.scenario_tables(figures, total.calendar)
    return all(
        (
            np.array_equal(months, np.sum(parts, axis=0)),
            all(np.array_equal(np.sort(own, axis=0), np.sort(s.stored.paths(DRAWS)[1], axis=0))
                for own, s in zip(parts, summands, strict=True)),
            np.array_equal(yearly, np.load(total.directory / "total_totals.npy")),
            np.array_equal(split.sum(axis=2), months[: len(split)]),
            np.allclose(told.mean.sum(axis=1), months.mean(axis=0), rtol=1e-9),
            np.array_equal([table.reshape(len(YEARS), -1).sum(axis=1) for table in tables], list(figures.values())),
        )
    )  # fmt: skip


def main() -> None:
    """Make, time, check."""
    correlation = [[1.0, 0.5, 0.2], [0.5, 1.0, 0.3], [0.2, 0.3, 1.0]]
    request = TotalRequest(
        "total_inflow", "NL", "TOTAL", "2024-01-01", "2024-01-01", "stated", stated_dependence(correlation, 3), 7
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        made = [summand(Path(folder) / series, series, seed) for seed, series in enumerate(SERIES)]
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
        out = Path(folder) / "total"
        out.mkdir()
        started, processor = time.perf_counter(), time.process_time()
        write_total(made, request, out)
        seconds, processor = time.perf_counter() - started, time.process_time() - processor
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
        total = open_stored(out)
        assert isinstance(total, StoredTotal)
        adds_up = exact(total, made)
    print(f"{len(SERIES)} series of {DRAWS:,} draws x {MONTHS} months x {CITIZENS} nationalities")
    print(f"seconds            {seconds:9.2f}   at most {SECONDS_LIMIT:g}")
    print(f"processor seconds  {processor:9.2f}")
    print(f"peak MB            {peak:9.2f}   at most {MEMORY_LIMIT_MB:g}, of which before {before:.0f}")
    print(f"every path, month, year and nationality adds up: {adds_up}")


if __name__ == "__main__":
    main()
