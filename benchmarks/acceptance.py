"""Acceptance rates: what a fit costs, how its form compares with two plainer ones, and how well it forecasts.

    python -m benchmarks.acceptance [FILE] [--quarters FILE] [--skip-fit] [--skip-forms]

The fit has 20 nationalities, 60 quarters and 4 chains of 1,000 draws: cold in a process of its own that finds nothing
compiled, warm with other decisions and another seed in the same process; targets 60 and 20 s on two cores, no
divergences. Seconds are wall clock, processor seconds are of both cores and say the same beside other work. The forms
are told in `acceptance_forms`. FILE is UNHCR's yearly decisions by origin: next year's rates at thirteen origins in 31
countries against simple forecasts, by decisions in the last year. With --quarters FILE (Eurostat's decisions of whole
countries) the same one and four quarters ahead. Ratios are of mean CRPS to that of the last value, the log score is
less that of the last value (in nats, lower is better), the band is that of 75% by randomised PIT, in which an outcome
is all counts that the source records alike; targets have at least twenty decisions.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.acceptance_forms import compare_forms
from benchmarks.acceptance_world import made_up_decisions
from models.acceptance.backtest import LAST_VALUE, QUARTERLY, SIZE_CLASSES, run
from models.acceptance.data import consecutive
from models.acceptance.hosts import ROUNDED_BELOW, hosts, read_quarterly_totals, read_unhcr_decisions
from models.acceptance.model import fit_acceptance
from models.acceptance.plugin import typical_population

ORIGINS = [str(year) for year in range(2012, 2025)]
QUARTER_ORIGINS = consecutive("2010-Q4", "2016-Q3")
LEAST_AHEAD = 20
NATIONALITIES, QUARTERS = 20, 60
TARGETS = {"cold": 60.0, "warm": 20.0}


def fit_here() -> dict[str, Any]:
    """Seconds, quality and memory of a cold and a warm fit in this process."""
    measured: dict[str, Any] = {}
    sizes = np.geomspace(4, 400, NATIONALITIES)
    for seed, name in enumerate(TARGETS, start=1):
        data, _ = made_up_decisions(sizes, QUARTERS, seed)
        wall, cpu = time.perf_counter(), time.process_time()
        found = fit_acceptance(data, seed=seed).diagnostics
        measured[name] = {
            "seconds": time.perf_counter() - wall,
            "cpu": time.process_time() - cpu,
            "compiling": found.seconds_compile,
            "rhat": found.rhat_max,
            "bulk": found.ess_bulk_min,
            "tail": found.ess_tail_min,
            "divergences": found.divergences,
        }
    return measured | {"peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3}


def fit_cold_and_warm() -> None:
    """Print both fits, made where nothing was compiled before. Raises RuntimeError when they fail."""
    with tempfile.TemporaryDirectory() as empty:
        caches = {"PYTENSOR_FLAGS": f"base_compiledir={empty}", "NUMBA_CACHE_DIR": empty}
        command = [sys.executable, "-m", "benchmarks.acceptance", "--fit-here"]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env={**os.environ, **caches}
        )
    if done.returncode:
        raise RuntimeError(f"the fit failed: {done.stderr[-2000:]}")
    measured = json.loads(done.stdout.splitlines()[-1])
    print(f"{NATIONALITIES} nationalities x {QUARTERS} quarters, 4 chains of 1,000 draws")
    for name, most in TARGETS.items():
        one = measured[name]
        print(
            f"{name}: {one['seconds']:5.1f} s (target {most:.0f}), {one['cpu']:5.1f} processor s, compiling "
            f"{one['compiling']:.1f} s, r-hat {one['rhat']:.4f}, ESS {one['bulk']:.0f} bulk and {one['tail']:.0f} "
            f"tail, divergences {one['divergences']}"
        )
    print(f"peak memory {measured['peak']:.0f} MB")


def accuracy(path: Path) -> None:
    """Print a line per group of cases and method."""
    countries = dict(hosts(read_unhcr_decisions(path)))
    scores = run(countries, typical_population(), ORIGINS, rounded_below=ROUNDED_BELOW)
    scores = scores[scores["total"] >= LEAST_AHEAD]
    known = scores[scores["last_total"] >= LEAST_AHEAD]
    groups = {"all from 20": known, "20-50": known[known["last_total"] < 50]}
    groups["under 50"] = scores[scores["last_total"] < 50]
    for low, high in SIZE_CLASSES[2:]:
        groups[f"{low}-{high}"] = known[known["last_total"].between(low, high - 1)]
    groups["over 500"] = groups.pop(f"{SIZE_CLASSES[-1][0]}-{SIZE_CLASSES[-1][1]}")
    groups["under 20"] = scores[scores["last_total"] < LEAST_AHEAD]
    groups["Netherlands"] = known[known["host"] == "NLD"]
    for name, of_group in groups.items():
        _tell(name, of_group)


def quarters_ahead(path: Path) -> None:
    """Print a line per method for the rate of whole countries one and four quarters ahead."""
    countries = read_quarterly_totals(path)
    for ahead in (1, 4):
        scores = run(
            countries,
            typical_population(),
            QUARTER_ORIGINS[: 1 - ahead or None],
            ahead=ahead,
            baselines=QUARTERLY,
        )
        _tell(f"{ahead} quarters", scores[scores["last_total"] >= LEAST_AHEAD])


def _tell(name: str, of_group: pd.DataFrame) -> None:
    by_method = dict(list(of_group.groupby("method")))
    last = by_method[LAST_VALUE]
    for method, own in by_method.items():
        held = own["pit"].between(0.125, 0.875).mean()
        ratio = own["crps"].mean() / last["crps"].mean()
        better = own["log_score"].mean() - last["log_score"].mean()
        print(f"{name:12} {method:15} CRPS {ratio:.3f}  log {better:+.3f}  band {held:.2f}  cases {len(own)}")


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path, nargs="?", help="UNHCR's yearly decisions by origin")
    parser.add_argument("--quarters", type=Path, help="Eurostat's decisions of whole countries by quarter")
    parser.add_argument("--skip-fit", action="store_true")
    parser.add_argument("--skip-forms", action="store_true")
    parser.add_argument("--fit-here", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.fit_here:
        print(json.dumps(fit_here()))
        return
    if not asked.skip_fit:
        fit_cold_and_warm()
    if not asked.skip_forms:
        compare_forms()
    if asked.file:
        accuracy(asked.file)
    if asked.quarters:
        quarters_ahead(asked.quarters)


if __name__ == "__main__":
    main()
