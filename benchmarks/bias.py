"""What tests of bias do on archives of a world without one, and how the fast draws agree with NUTS.

    python -m benchmarks.bias [--archives 1000] [--nuts 20] [--picture docs/img/bias.png]

Size: unbiased archives of 6, 10 and 15 target years, editions independent and autocorrelated (.6), each tested by a
t-test on all errors, one on target-year means, one on current-year February editions, the model of models/calibration,
and the e-process at any time. NUTS: the fast draws beside the PyMC model. Power: benchmarks/bias_power.py.
"""

import argparse
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from benchmarks.bias_world import (
    FIRST_YEAR,
    World,
    archive,
    issues,
    log_errors_and_outcomes,
    shape,
    with_errors,
)
from models.calibration.bias_cells import Cells, structure_of
from models.calibration.bias_posterior import bias_posterior
from models.calibration.forms import QuantileForm
from models.calibration.gaussian_draws import GaussianDraws, Structure, draw_scales
from models.calibration.records import BiasPriors
from models.calibration.sequential import LEANS, class_processes, factors
from models.calibration.shock_prior import informed_shock_prior

YEARS, AUTOCORRELATIONS = (6, 10, 15), (0.0, 0.6)
TESTS = (
    "t-test, all errors",
    "t-test, target-year means",
    "t-test, February, current year",
    "this model",
    "e >= 20",
)
LIMIT = {0.0: 0.05, 0.6: 0.08}
PRIORS = BiasPriors()
DRAWS, TUNE = 500, 100


def fitted(found: Cells, realised: Any, draws: int, seed: int) -> tuple[Structure, GaussianDraws]:
    """The bias model on one archive, as an evaluation fits it."""
    values = dict(enumerate(realised.tolist(), FIRST_YEAR))
    shock = informed_shock_prior(values, PRIORS.shock, PRIORS.realised_weight)
    structure = structure_of(found, PRIORS, shock)
    return structure, draw_scales(structure, found.error, draws, TUNE, seed)


def rejected(world: World, seeds: range) -> Any:
    """`(archive, test)` whether each test finds a bias."""
    empty, made = shape(world), issues(world)
    target = np.array([one[2] for one in made])
    current = np.array([one[1].year == one[2] and one[1].month == 2 for one in made])
    forecasts = archive(world, np.zeros(len(made)), np.ones(world.years))
    years = sorted(set(target.tolist()))
    out = []
    for seed in seeds:
        errors, realised = log_errors_and_outcomes(world, seed)
        means = [errors[target == year].mean() for year in years]
        samples = (errors, means, errors[current])
        naive = [float(stats.ttest_1samp(sample, 0).pvalue) < 0.05 for sample in samples]
        _, draws = fitted(with_errors(empty, world, errors), realised, DRAWS, seed)
        bias = bias_posterior(draws, PRIORS.bias_sd).verdict(0.05) == "bias_demonstrated"
        pit = QuantileForm(np.array([0.5]), np.exp(errors)[:, None]).pit(np.ones(len(errors)))
        process = class_processes(forecasts, factors(*pit, LEANS), years).average()
        out.append([*naive, bias, bool(process.max() >= 20)])
    return np.array(out)


def agreement(archives: int) -> list[dict[str, float]]:
    """Posterior mean and sd of the bias by the fast draws and by NUTS, of archives of six years."""
    from models.calibration.bias_nuts import sample_bias

    world, rows = World(6), []
    empty = shape(world)
    for seed in range(archives):
        errors, _ = log_errors_and_outcomes(replace(world, bias=0.02 * seed), seed)
        found = with_errors(empty, world, errors)
        structure = structure_of(found, PRIORS, PRIORS.shock)
        fast = bias_posterior(draw_scales(structure, found.error, 4000, 500, seed), PRIORS.bias_sd)
        nuts = sample_bias(structure, found.error, PRIORS, seed=seed).posterior["bias"]
        away = (fast.mean - float(nuts.mean())) / float(nuts.std())
        chance = abs(fast.probability_positive - float((nuts > 0).mean()))
        rows.append({"mean apart, sds": away, "sd ratio": fast.sd / float(nuts.std()), "P apart": chance})
    return rows


def in_parallel(task: Any, world: World, archives: int, jobs: int) -> Any:
    """The task over seeds 0 to `archives`, in processes of one thread."""
    size = -(-archives // (4 * jobs))
    parts = [range(start, min(start + size, archives)) for start in range(0, archives, size)]
    with ProcessPoolExecutor(jobs) as pool:
        return np.concatenate(list(pool.map(task, [world] * len(parts), parts)))


def size_table(archives: int, every: list[int], jobs: int) -> dict[tuple[int, float], Any]:
    """Share of unbiased archives in which each test finds a bias, by years and autocorrelation; printed."""
    print(f"| years | autocorrelation | {' | '.join(TESTS)} | limit |\n|{'---|' * (len(TESTS) + 3)}")
    found = {}
    for rho in AUTOCORRELATIONS:
        for years in every:
            shares = in_parallel(rejected, World(years, rho), archives, jobs).mean(axis=0)
            found[years, rho] = shares
            cells = " | ".join(f"{share:.3f}" for share in shares)
            print(f"| {years} | {rho} | {cells} | {LIMIT[rho]} |", flush=True)
    return found


def draw_picture(found: dict[tuple[int, float], Any], path: Path) -> None:
    """Bars of false alarms by test, years and autocorrelation."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    every = sorted({years for years, _ in found})
    figure, axes = pyplot.subplots(
        1, len(AUTOCORRELATIONS), figsize=(11, 4), sharey=True, layout="constrained"
    )
    colours = ("#9ecae1", "#6baed6", "#3182bd", "#d95f02", "#7570b3")
    for axis, rho in zip(axes, AUTOCORRELATIONS, strict=True):
        for place, (name, colour) in enumerate(zip(TESTS, colours, strict=True)):
            heights = [found[years, rho][place] for years in every]
            axis.bar(np.arange(len(every)) + 0.16 * (place - 2), heights, 0.15, label=name, color=colour)
        axis.axhline(LIMIT[rho], color="black", linewidth=0.8, linestyle="--")
        axis.set_xticks(range(len(every)), [f"{years} years" for years in every])
        axis.set_title(f"editions' deviations: autocorrelation {rho:g}")
    axes[0].set_ylabel("share of unbiased archives called biased")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=5, frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--archives", type=int, default=1000)
    parser.add_argument("--nuts", type=int, default=20)
    parser.add_argument("--years", type=int, nargs="+", default=list(YEARS))
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--picture", type=Path, default=None)
    asked = parser.parse_args()
    started, failed = time.perf_counter(), False
    if asked.archives:
        found = size_table(asked.archives, asked.years, asked.jobs)
        failed = any(shares[3] > LIMIT[rho] or shares[4] > 0.05 for (_, rho), shares in found.items())
        if asked.picture:
            draw_picture(found, asked.picture)
    if asked.nuts:
        rows = agreement(asked.nuts)
        print(f"\nagreement with NUTS on {len(rows)} archives, largest:")
        for name in rows[0]:
            centre = 1 if name == "sd ratio" else 0
            print(f"  {name}: {max((row[name] for row in rows), key=lambda x: abs(x - centre)):.3f}")
    print(f"\n{time.perf_counter() - started:.0f} s")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
