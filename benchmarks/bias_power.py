"""Whether a bias of the reported minimum detectable size is detected as often as the report says: 80%.

    rate(b) = share of archives and signs in which errors + b demonstrate a bias     (many archives, one fit each)
    mean over j of rate(b_j),   b_j = what archive j would have reported             (few archives, each simulated)

    python -m benchmarks.bias_power --keep FILE [--curves 300] [--reports 40]

A report stands for every archive of its shape, so that each reported size is held against all archives: that takes a
tenth of the simulations that planting each archive's own size in itself alone would take for the same certainty. Both
are printed. Archives already in FILE are not computed again: the command can be stopped and repeated.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.bias import PRIORS, YEARS, fitted
from benchmarks.bias_world import World, log_errors_and_outcomes, shape, with_errors
from models.calibration.bias_cells import Cells
from models.calibration.bias_posterior import demonstrated
from models.calibration.detectable import POWER, minimum_detectable

DRAWS, SIMULATIONS = 1000, 50
SIZES = np.linspace(0.0, 0.8, 81)
TOLERANCE = 0.05


def one_archive(world: World, empty: Cells, seed: int, with_report: bool) -> dict[str, Any]:
    """In how many of both directions each of SIZES would be demonstrated, as digits; and what would be reported."""
    errors, realised = log_errors_and_outcomes(world, seed)
    structure, draws = fitted(with_errors(empty, world, errors), realised, DRAWS, seed)
    signs = sum(demonstrated(draws, PRIORS.bias_sd, sign * SIZES).astype(int) for sign in (1, -1))
    out = {"years": world.years, "autocorrelation": world.autocorrelation, "seed": seed}
    out |= {"found": "".join(map(str, signs))}
    if with_report:
        out["reported"] = minimum_detectable(structure, draws, PRIORS.bias_sd, SIMULATIONS, seed).minimum
    return out


def archives(world: World, curves: int, reports: int, keep: Path) -> list[dict[str, Any]]:
    """Results of seeds 0 to `curves`, the first `reports` of them with what they would report; kept in a file."""
    held = {}
    if keep.exists():
        every = (json.loads(line) for line in keep.read_text("utf-8").splitlines())
        mine = [
            row
            for row in every
            if (row["years"], row["autocorrelation"]) == (world.years, world.autocorrelation)
        ]
        held = {row["seed"]: row for row in mine if row["seed"] >= reports or "reported" in row}
    empty = shape(world)
    for seed in range(curves):
        if seed not in held:
            held[seed] = one_archive(world, empty, seed, seed < reports)
            with keep.open("a", encoding="utf-8") as file:
                file.write(json.dumps(held[seed]) + "\n")
    return [held[seed] for seed in range(curves)]


def rates(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """`rate` (size,) of detection; reported sizes and how often each is found, in all archives and in its own."""
    found = np.array([[int(digit) / 2 for digit in row["found"]] for row in rows])
    reported = np.array([row["reported"] for row in rows if row.get("reported") is not None])
    own = [row for row in rows if row.get("reported") is not None]
    curve = found.mean(axis=0)
    at_all = np.interp(reported, SIZES, curve)
    of_archive = np.array([np.interp(reported, SIZES, one).mean() for one in found])
    at_own = [np.interp(row["reported"], SIZES, [int(d) / 2 for d in row["found"]]) for row in own]
    # The two ingredients vary independently but for the few archives they share.
    error = np.sqrt(at_all.var(ddof=1) / len(at_all) + of_archive.var(ddof=1) / len(of_archive))
    return {
        "rate": curve,
        "reported": reported,
        "in all": float(at_all.mean()),
        "error": float(error),
        "in its own": float(np.mean(at_own)),
        "own error": float(np.std(at_own, ddof=1) / np.sqrt(len(at_own))),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--keep", type=Path, required=True, help="where results are kept, one archive a line")
    parser.add_argument("--curves", type=int, default=300)
    parser.add_argument("--reports", type=int, default=40)
    parser.add_argument("--years", type=int, nargs="+", default=list(YEARS))
    parser.add_argument("--autocorrelations", type=float, nargs="+", default=[0.0, 0.3, 0.6])
    asked = parser.parse_args()
    print(
        "| years | autocorrelation | reported size, median | found when planted | in the reporting archive itself |"
    )
    print("|---|---|---|---|---|")
    missed = 0
    for rho in asked.autocorrelations:
        for years in asked.years:
            found = rates(archives(World(years, rho), asked.curves, asked.reports, asked.keep))
            missed += abs(found["in all"] - POWER) > TOLERANCE + 2 * found["error"]
            all_of_them = f"{found['in all']:.3f} ± {found['error']:.3f}"
            own = f"{found['in its own']:.3f} ± {found['own error']:.3f}"
            size = f"{np.median(found['reported']):.3f}"
            print(f"| {years} | {rho:g} | {size} | {all_of_them} | {own} |", flush=True)
    return missed


if __name__ == "__main__":
    sys.exit(main())
