"""The peer of `benchmarks/sampler.py`: the same kind of model with its levels sampled, in plain PyMC.

    level_t = level_{t-1} + u_t,   u_t ~ Student-t(nu, sigma);   y_t ~ Normal(level_t + season, noise_t)

A process of its own that never imports this project, so that PyTensor and `pm.sample` keep their defaults, a C++
compiler included where there is one; without one the peer gets Numba rather than PyTensor's slow Python mode.
Reads {"log_count", "basis", "size"} as JSON from standard input, prints what it measured as JSON.
"""

import json
import sys
import time
import warnings
from typing import Any

import numpy as np

with warnings.catch_warnings():
    warnings.simplefilter("ignore", FutureWarning)
    import arviz as az
    import pymc as pm
    import pytensor

HYPERPARAMETERS = ["sigma", "nu", "noise", "overdispersion", "season"]


def build(log_count: list[float], basis: list[list[float]], size: list[float]) -> Any:
    """Latent-level model with the priors of the structural model where they share a parameter."""
    y, seasonal, persons = np.array(log_count), np.array(basis), np.array(size)
    with pm.Model() as model:
        sigma = pm.LogNormal("sigma", np.log(0.19), 0.25)
        nu = pm.LogNormal("nu", np.log(4.0), 0.35)
        noise = pm.LogNormal("noise", np.log(0.055), 0.5)
        overdispersion = pm.LogNormal("overdispersion", np.log(7.7), 0.5)
        season = pm.Normal("season", 0, 0.07, shape=seasonal.shape[1])
        level = pm.RandomWalk(
            "level",
            innovation_dist=pm.StudentT.dist(nu=nu, mu=0, sigma=sigma),
            init_dist=pm.Normal.dist(6, 2),
            steps=len(y) - 1,
        )
        scale = pm.math.sqrt(noise**2 + overdispersion / persons)
        pm.Normal("y", level + seasonal @ season, scale, observed=y)
    return model


def main() -> None:
    """Sample once with the defaults of `pm.sample` and print the figures."""
    model = build(**json.load(sys.stdin))
    mode = {} if pytensor.config.cxx else {"compile_kwargs": {"mode": "NUMBA"}}
    started = time.perf_counter()
    trace = pm.sample(model=model, random_seed=1, progressbar=False, **mode)
    seconds = time.perf_counter() - started
    sampling = float(trace.posterior.attrs["sampling_time"])
    draws = trace.posterior[HYPERPARAMETERS]
    measured = {
        "compiler": "C++" if pytensor.config.cxx else "Numba",
        "chains": trace.posterior.sizes["chain"],
        "draws": trace.posterior.sizes["draw"],
        "ess": float(min(value.min() for value in az.ess(draws).values())),
        "rhat": float(max(value.max() for value in az.rhat(draws).values())),
        "divergences": int(trace.sample_stats["diverging"].sum()),
        "seconds_sample": sampling,
        "seconds_compile": seconds - sampling,
    }
    print(json.dumps(measured))


if __name__ == "__main__":
    main()
