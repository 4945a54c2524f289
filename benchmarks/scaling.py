"""What the hierarchical fit costs, and how it grows: 10, 30 and 90 simulated countries by 5, 10 and 20 years.

    python -m benchmarks.scaling [--picture docs/img/scaling.png] [--minutes 20]

Every case runs in its own process, which compiles and fits (cold) and fits again with another seed (warm), in 4 chains
on two cores. Seconds are wall clock; processor seconds, over both cores, say the same when something else runs beside
it. Peak memory is the process's largest resident set. The case that has targets is 30 countries by 15 years, with 600
tuning and 1,000 kept draws a chain in both fits. The others tell how cost grows: their first fit is cut short after
compiling, their second keeps 300 draws. Beside it stands the time of one gradient of the density: that grows with the
figures, while the number of gradients in a draw grows with the number of hyperparameters. Once `--minutes` are over,
the larger cases that are left are not begun.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numba.core.errors import NumbaPerformanceWarning

from models.inflow import HARMONICS, harmonic_basis
from models.inflow_paths import InflowParameters, initial_state, simulate_log_counts
from models.panel.model import build_panel_model, fit_panel
from models.panel.series import PanelSeries

START = np.datetime64("2000-01", "M")
COUNTRIES, YEARS = (10, 30, 90), (5, 10, 20)
WITH_TARGETS = (30, 15)
FULL, GROWTH = (1000, 1000), (10, 300)
"""Draws a chain in the cold and the warm fit."""
TARGETS = {"cold seconds": 120.0, "warm seconds": 45.0, "peak MB": 2500.0}
COLOURS = {10: "#9ecae1", 30: "#4292c6", 90: "#08306b"}


def simulated_panel(countries: int, years: int, seed: int = 1) -> PanelSeries:
    """Countries of 50 to 5,000 persons a month, with the gains and scales that European ones have."""
    rng = np.random.default_rng(seed)
    log_sizes = np.log(np.geomspace(50, 5000, countries))
    odds = 1.0 + 0.45 * (log_sizes - np.log(500)) + 0.5 * rng.standard_normal(countries)
    one = np.ones(countries)
    season = [0.03, -0.04, 0.0, -0.1, 0.01, 0.02] + 0.03 * rng.standard_normal((countries, 2 * HARMONICS))
    truth = InflowParameters(
        alpha=1 / (1 + np.exp(-odds)),
        sigma=0.18 * np.exp(0.22 * rng.standard_normal(countries)),
        nu=4 * one,
        overdispersion=4 * one,
        season=season @ harmonic_basis(np.arange(12)).T,
        initial_level=log_sizes,
    )
    months = 12 * years
    y = simulate_log_counts(truth, initial_state(truth, START), START, months, countries, seed)
    geos = tuple(f"G{place:02d}" for place in range(countries))
    return PanelSeries(START + np.arange(months), np.exp(y.T), geos)


def one_case(countries: int, years: int, draws: tuple[int, int]) -> dict[str, Any]:
    """Seconds, quality and memory of a cold and a warm fit in this process."""
    data = simulated_panel(countries, years)
    measured: dict[str, Any] = {"countries": countries, "years": years}
    for name, seed, kept in zip(("cold", "warm"), (1, 2), draws, strict=True):
        wall, cpu = time.perf_counter(), time.process_time()
        verdict = fit_panel(data, seed=seed, draws=kept, tune=min(600, 2 * kept)).diagnostics
        measured[f"{name} seconds"] = time.perf_counter() - wall
        measured[f"{name} cpu seconds"] = time.process_time() - cpu
    return measured | {
        "seconds a gradient": gradient_seconds(data),
        "ess bulk": verdict.ess_bulk_min,
        "ess tail": verdict.ess_tail_min,
        "r-hat": verdict.rhat_max,
        "divergences": verdict.divergences,
        "peak MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
    }


def gradient_seconds(data: PanelSeries, evaluations: int = 300) -> float:
    """Of the log density of all figures, where chains begin; the median, so that what runs beside it counts less."""
    model = build_panel_model(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NumbaPerformanceWarning)
        gradient = model.compile_dlogp(mode="NUMBA")
        point, taken = model.initial_point(), []
        for _ in range(evaluations):
            began = time.perf_counter()
            gradient(point)
            taken.append(time.perf_counter() - began)
    return float(np.median(taken))


def in_own_process(countries: int, years: int, draws: tuple[int, int]) -> dict[str, Any]:
    """`one_case` where nothing was compiled or allocated before. Raises RuntimeError when it fails."""
    asked = [str(number) for number in (countries, years, *draws)]
    command = [sys.executable, "-m", "benchmarks.scaling", "--case", *asked]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{countries} countries by {years} years failed: {done.stderr[-2000:]}")
    measured: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return measured


def growth(cases: list[dict[str, Any]], key: str) -> tuple[float, float]:
    """Exponents of countries and of months in a cost of the warm fit, by least squares on logs: 1 is linear growth."""
    columns = [[1.0, np.log(case["countries"]), np.log(case["years"])] for case in cases]
    fitted = np.linalg.lstsq(np.array(columns), np.log([case[key] for case in cases]), rcond=None)[0]
    return float(fitted[1]), float(fitted[2])


def picture(cases: list[dict[str, Any]], path: Path) -> None:
    """Processor seconds of a warm fit and peak memory against country months."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    for axis, key, label in zip(
        axes,
        ("warm cpu seconds", "peak MB"),
        ("processor seconds, 4 chains", "peak memory (MB)"),
        strict=True,
    ):
        for countries, colour in COLOURS.items():
            of_these = sorted(
                (c for c in cases if c["countries"] == countries), key=lambda case: case["years"]
            )
            size = [12 * countries * case["years"] for case in of_these]
            axis.plot(
                size, [case[key] for case in of_these], "o-", color=colour, label=f"{countries} countries"
            )
        axis.set(xlabel="countries × months", ylabel=label, xlim=(0, None), ylim=(0, None))
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(alpha=0.25)
    axes[0].legend(frameon=False)
    figure.savefig(path, dpi=130)


def line(case: dict[str, Any]) -> str:
    """One case as a row of the printed table."""
    return (
        f"{case['countries']:>4} x {case['years']:>2} years: cold {case['cold seconds']:6.1f} s "
        f"({case['cold cpu seconds']:6.1f} cpu), warm {case['warm seconds']:6.1f} s "
        f"({case['warm cpu seconds']:6.1f} cpu), gradient {1e3 * case['seconds a gradient']:.2f} ms, "
        f"ess {case['ess bulk']:.0f}/{case['ess tail']:.0f}, "
        f"r-hat {case['r-hat']:.4f}, divergences {case['divergences']}, peak {case['peak MB']:.0f} MB"
    )


def main() -> None:
    """Measure all cases, print them, say whether the targets are met, and draw the picture."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--case", type=int, nargs=4, metavar=("COUNTRIES", "YEARS", "COLD", "WARM"), help="one case, as JSON"
    )
    parser.add_argument("--picture", type=Path, default=Path("docs/img/scaling.png"))
    parser.add_argument(
        "--minutes", type=float, default=20.0, help="begin no further case after so many minutes"
    )
    asked, begun = parser.parse_args(), time.perf_counter()
    if asked.case:
        countries, years, *draws = asked.case
        print(json.dumps(one_case(countries, years, (draws[0], draws[1]))))
        return
    target = in_own_process(*WITH_TARGETS, FULL)
    print(line(target), flush=True)
    met = all(target[key] <= most for key, most in TARGETS.items())
    healthy = target["r-hat"] <= 1.01 and min(target["ess bulk"], target["ess tail"]) >= 400
    print(
        f"targets: {'reached' if met and healthy and not target['divergences'] else 'NOT reached'}",
        flush=True,
    )
    cases = []
    # Smallest first: what is left out when the time is over are the largest.
    for countries, years in sorted(
        ((c, y) for c in COUNTRIES for y in YEARS), key=lambda size: size[0] * size[1]
    ):
        if len(cases) > 1 and time.perf_counter() - begun > 60 * asked.minutes:
            print(
                f"{countries:>4} x {years:>2} years: not begun, {asked.minutes:g} minutes are over",
                flush=True,
            )
            continue
        cases.append(in_own_process(countries, years, GROWTH))
        print(line(cases[-1]), flush=True)
    for key in ("warm cpu seconds", "seconds a gradient"):
        countries, months = growth(cases, key)
        print(f"growth: {key} ~ countries ^ {countries:.2f} x months ^ {months:.2f}")
    picture(cases, asked.picture)


if __name__ == "__main__":
    main()
