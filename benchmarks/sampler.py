"""Effective draws per second: the innovations form against sampled levels, same series, one run.

    figure = smallest bulk effective sample size over the hyperparameters / seconds

with and without the time of compiling. The peer (`latent_levels.py`) is plain PyMC with the defaults of
`pm.sample`. Series: Dutch first-time applicants 2008-2016 (Eurostat) where `INSTROOM_TEST_DATA` or
`../shared/data` has them, a simulated series of the same length otherwise.
Run: python -m benchmarks.sampler
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from models.inflow import DEFAULT_PRIORS, build_inflow_model, harmonic_basis
from models.inflow_paths import InflowParameters, initial_state, simulate_log_counts
from models.sampling import SamplerDiagnostics, sample
from models.series import MonthlySeries, log_counts, month_numbers, monthly_series

FILE = "eurostat_first_time_applicants_monthly.csv"
START = np.datetime64("2008-01", "M")
MONTHS = 108
TARGET = 50


def the_series() -> MonthlySeries:
    """The real series where it is at hand, a simulated one otherwise; the label says which."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    path = Path(os.environ.get("INSTROOM_TEST_DATA", beside)) / FILE
    if not path.exists():
        return simulated()
    table = pd.read_csv(path, keep_default_na=False)
    chosen = (table["geo"] == "NL") & (table["series"] == "first_time_2008on") & (table["month"] <= "2016-12")
    renamed = table[chosen].rename(columns={"month": "period", "applicants": "value"})
    return monthly_series(renamed, "Netherlands, first-time applicants 2008-2016 (Eurostat)")


def simulated() -> MonthlySeries:
    """One path of the model at typical parameters."""
    one = np.ones(1)
    season = (harmonic_basis(np.arange(12)) @ np.array([0.05, 0.02, 0.0, -0.1, 0.03, 0.0]))[None]
    typical = InflowParameters(0.85 * one, 0.16 * one, 4 * one, 7 * one, season, 7 * one)
    y = simulate_log_counts(typical, initial_state(typical, START), START, MONTHS, 1, seed=1)[0]
    return MonthlySeries(START + np.arange(MONTHS), np.exp(y), "simulated series (no real data at hand)")


def ours(data: MonthlySeries) -> tuple[SamplerDiagnostics, SamplerDiagnostics]:
    """Diagnostics of a first fit, which compiles, and of a second, which reuses what was compiled."""
    model = build_inflow_model(data, DEFAULT_PRIORS)
    first, second = (
        sample(model, draws=1000, tune=600, chains=4, seed=seed, structure="benchmark").diagnostics
        for seed in (1, 2)
    )
    return first, second


def peer(data: MonthlySeries) -> dict[str, Any]:
    """What the plain PyMC model measured in its own process."""
    y = log_counts(data.counts[data.available])
    size = [np.exp(y[max(t - 12, 0) : t].mean()) if t else np.exp(y[0]) for t in range(len(y))]
    basis = harmonic_basis(month_numbers(data.months[data.available]))
    given = json.dumps({"log_count": y.tolist(), "basis": basis.tolist(), "size": size})
    command = [sys.executable, str(Path(__file__).with_name("latent_levels.py"))]
    defaults = {name: value for name, value in os.environ.items() if name != "PYTENSOR_FLAGS"}
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False, env=defaults)
    if done.returncode:
        raise RuntimeError(f"the plain PyMC model failed: {done.stderr[-2000:]}")
    measured: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return measured


def main() -> None:
    """Run both and print the comparison."""
    data = the_series()
    print(f"series: {data.label}, {int(data.available.sum())} months")
    cold, warm = ours(data)
    rate = cold.ess_bulk_min / cold.seconds_sample
    rate_all = cold.ess_bulk_min / (cold.seconds_sample + cold.seconds_compile)
    print(
        f"innovations form ({cold.sampler}): smallest ess {cold.ess_bulk_min:.0f}, compile "
        f"{cold.seconds_compile:.1f} s, sampling {cold.seconds_sample:.2f} s, divergences {cold.divergences}, "
        f"r-hat {cold.rhat_max:.4f}; refit without compiling {warm.seconds_sample:.2f} s"
    )
    plain = peer(data)
    plain_rate = plain["ess"] / plain["seconds_sample"]
    plain_all = plain["ess"] / (plain["seconds_sample"] + plain["seconds_compile"])
    print(
        f"sampled levels (pm.sample, {plain['compiler']}, {plain['chains']} x {plain['draws']}): smallest ess "
        f"{plain['ess']:.0f}, compile {plain['seconds_compile']:.1f} s, sampling "
        f"{plain['seconds_sample']:.1f} s, divergences {plain['divergences']}, r-hat {plain['rhat']:.3f}"
    )
    print(
        f"effective draws per second: {rate:,.0f} against {plain_rate:,.2f}, ratio {rate / plain_rate:,.0f}"
    )
    print(f"with compiling: {rate_all:,.1f} against {plain_all:,.2f}, ratio {rate_all / plain_all:,.0f}")
    healthy = cold.divergences == 0 and cold.rhat_max <= 1.01
    reached = healthy and rate >= TARGET * plain_rate
    print(f"target (ratio {TARGET}, no divergence, r-hat 1.01): {'reached' if reached else 'NOT reached'}")


if __name__ == "__main__":
    main()
