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

from benchmarks.bias import PRIORS, TUNE, YEARS, fitted
from benchmarks.bias_world import World, log_errors_and_outcomes, shape, with_errors
from models.calibration.bias_cells import Cells, structure_of
from models.calibration.bias_posterior import demonstrated
from models.calibration.detectable import POWER, minimum_detectable, simulate_errors
from models.calibration.gaussian_draws import RHO_GRID, draw_scales

DRAWS, SIMULATIONS, REPLICATES = 1000, 50, 8
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


def asked_of_the_priors(draws: int, keep: Path) -> tuple[Any, Any]:
    """Shares that find what was reported, and the reported sizes, over worlds drawn from the priors; kept as well."""
    held = {row["seed"]: row for row in _kept(keep, World(10), "prior")}
    for seed in set(range(draws)) - set(held):
        held[seed] = _keep(keep, under_the_priors(World(10), seed))
    found = [row for seed, row in held.items() if seed < draws and row["reported"] is not None]
    return np.array([row["share"] for row in found]), np.array([row["reported"] for row in found])


def _kept(keep: Path, world: World, autocorrelation: float | str) -> list[dict[str, Any]]:
    if not keep.exists():
        return []
    every = [json.loads(line) for line in keep.read_text("utf-8").splitlines()]
    asked = world.years, autocorrelation
    return [row for row in every if (row["years"], row["autocorrelation"]) == asked]


def _keep(keep: Path, row: dict[str, Any]) -> dict[str, Any]:
    with keep.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")
    return row


def archives(world: World, curves: int, reports: int, keep: Path) -> list[dict[str, Any]]:
    """Results of seeds 0 to `curves`, the first `reports` of them with what they would report; kept in a file."""
    rows = _kept(keep, world, world.autocorrelation)
    held = {row["seed"]: row for row in rows if row["seed"] >= reports or "reported" in row}
    empty = shape(world)
    for seed in range(curves):
        if seed not in held:
            held[seed] = _keep(keep, one_archive(world, empty, seed, seed < reports))
    return [held[seed] for seed in range(curves)]


def under_the_priors(world: World, seed: int) -> dict[str, Any]:
    """Scales and autocorrelation from the priors: what one archive reports, and how often others of them find that."""
    structure, rng = structure_of(shape(world), PRIORS, PRIORS.shock), np.random.default_rng(seed)
    scales = np.exp(structure.scale_mu + structure.scale_sd * rng.standard_normal(len(structure.scale_mu)))
    mass = np.exp(structure.rho_log_prior - structure.rho_log_prior.max())
    rho = float(rng.choice(RHO_GRID, p=mass / mass.sum()))
    drawn = [simulate_errors(structure, scales, rho, rng) for _ in range(1 + REPLICATES)]
    first, *others = [draw_scales(structure, errors, DRAWS, TUNE, seed + k) for k, errors in enumerate(drawn)]
    least = minimum_detectable(structure, first, PRIORS.bias_sd, SIMULATIONS, seed).minimum
    out = {"years": world.years, "autocorrelation": "prior", "seed": seed, "reported": least}
    if least is None:
        return out
    both = [demonstrated(one, PRIORS.bias_sd, np.array([least, -least])).mean() for one in others]
    return {**out, "share": float(np.mean(both))}


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
    parser.add_argument("--priors", type=int, default=100, help="draws of a world from the priors, ten years")
    parser.add_argument("--years", type=int, nargs="+", default=list(YEARS))
    parser.add_argument("--autocorrelations", type=float, nargs="+", default=[0.0, 0.3, 0.6])
    asked = parser.parse_args()
    print(
        "| years | autocorrelation | reported size, median | found when planted | in the reporting archive itself |"
    )
    print("|---|---|---|---|---|")
    if asked.priors:
        shares, sizes = asked_of_the_priors(asked.priors, asked.keep)
        error = shares.std(ddof=1) / np.sqrt(len(shares))
        print(
            f"| 10 | as the priors | {np.median(sizes):.3f} | {shares.mean():.3f} ± {error:.3f} | |",
            flush=True,
        )
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
