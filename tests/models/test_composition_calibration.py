"""Simulation-based calibration of the composition model (Talts et al. 2018).

Hyperparameters come from the priors, counts from the hyperparameters by the equations of the filter written out once
more here, and the model is fitted to them. The rank of the truth among posterior draws must be uniform, for every
hyperparameter and for a nationality's share of the next twelve months. The same test must reject steps simulated
1.6 times too wide.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from models.composition.data import CompositionData, composition_data
from models.composition.model import DEFAULT_PRIORS, build_composition_model, share_parameters
from models.composition.paths import ShareSimulator, filter_shares
from models.sampling import sample
from tests.models.rank_uniformity import Ranks, gather, not_uniform

Array = NDArray[np.float64]
START = np.datetime64("2012-01", "M")
MONTHS, SIZE, DRAWS, BINS = 48, 50_000, 63, 8
NAMES = ("A", "B", "C", "OTHER")
SCALARS = ("typical_step", "spread", "month", "overdispersion", "pull", "nu")
LEAST_PERSONS = 5


@dataclass(frozen=True)
class Truth:
    """One draw of every hyperparameter."""

    scalars: dict[str, float]
    offset: Array

    def steps(self, factor: float) -> Array:
        return factor * self.scalars["typical_step"] * np.exp(self.scalars["spread"] * self.offset)


def drawn_from_priors(rng: np.random.Generator) -> Truth:
    records = {name: getattr(DEFAULT_PRIORS, name).parameters for name in SCALARS}
    behind = {name: rng.normal(record["mu"], record["sigma"]) for name, record in records.items()}
    scalars = {name: float(np.exp(value)) for name, value in behind.items()}
    scalars["pull"] = float(1 / (1 + np.exp(-behind["pull"])))
    return Truth(scalars, rng.standard_normal(len(NAMES)))


def counts_from(truth: Truth, factor: float, rng: np.random.Generator) -> Array:
    """`(month, citizen)`: 48 months and twelve more, the anchor being equal shares."""
    s, k = truth.scalars, len(NAMES)
    level, variance, running = np.full(k, -np.log(k)), np.ones(k), np.full(k, 1 / k)
    counts = np.empty((MONTHS + 12, k))
    for t in range(MONTHS + 12):
        if t:
            level = level + s["pull"] * (-np.log(k) - level)
        variance = variance + truth.steps(factor) ** 2
        size = SIZE * running + 0.5
        v = variance + s["month"] ** 2 + s["overdispersion"] / size + 1 / 12 / size**2
        error = np.sqrt(v * s["nu"] / rng.chisquare(s["nu"])) * rng.standard_normal(k)
        share = np.exp(level + error)
        counts[t] = np.rint(SIZE * share / share.sum())
        seen = np.log(counts[t] + 0.5) - np.log(np.exp(level))
        gain = variance / v
        level = level + gain * (seen - (seen / v).sum() / (1 / v).sum())
        variance = variance * (1 - gain)
        running = np.maximum(0.85 * running + 0.15 * counts[t] / counts[t].sum(), 1e-4)
        running /= running.sum()
    return counts


def splits_of(counts: Array) -> CompositionData:
    rows = [
        (name, str(START + m), value)
        for m, by_name in enumerate(counts)
        for name, value in zip(NAMES, by_name, strict=True)
    ]
    frame = pd.DataFrame(rows, columns=["citizen", "period", "value"])
    equal = pd.DataFrame([{"period": "2011"} | dict.fromkeys(NAMES, 1 / len(NAMES))])
    return composition_data(frame, NAMES[:-1], anchor=equal)


def one_replication(seed: int, factor: float) -> dict[str, int] | None:
    """Ranks of the truth among `DRAWS` posterior draws; None when a nationality all but disappears."""
    rng = np.random.default_rng(seed)
    truth = drawn_from_priors(rng)
    counts = counts_from(truth, factor, rng)
    if counts[:MONTHS].min() < LEAST_PERSONS:
        return None
    data = splits_of(counts[:MONTHS])
    sampled = sample(
        build_composition_model(data),
        draws=252,
        tune=250,
        chains=2,
        seed=seed,
        structure="calibration of shares",
    )
    thin = {name: values[:, ::8][:, :32] for name, values in sampled.posterior.items()}
    posterior = {name: thin[name].reshape(-1)[:DRAWS] for name in SCALARS}
    fitted = share_parameters({name: values.reshape(-1, *values.shape[2:]) for name, values in thin.items()})
    simulator = ShareSimulator(fitted, filter_shares(fitted, data), START + MONTHS, seed)
    ahead = simulator.chunk(0, np.full((DRAWS, 12), SIZE))[..., 0].sum(axis=1)
    ranks = {name: int((posterior[name] < truth.scalars[name]).sum()) for name in SCALARS}
    return ranks | {"next year": int((ahead < counts[MONTHS:, 0].sum()).sum())}


def ranks_of(replications: int, factor: float, seed: int) -> Ranks:
    return gather(lambda own_seed: one_replication(own_seed, factor), replications, seed)


@pytest.mark.slow
def test_ranks_are_uniform_for_every_hyperparameter_and_the_next_year() -> None:
    ranks = ranks_of(110, factor=1.0, seed=200_000)
    assert set(ranks) == {*SCALARS, "next year"}
    assert min(len(values) for values in ranks.values()) >= 80
    assert not_uniform(ranks, DRAWS, BINS) == {}


@pytest.mark.slow
def test_steps_simulated_too_wide_are_found_out() -> None:
    assert "typical_step" in not_uniform(ranks_of(60, factor=1.6, seed=700_000), DRAWS, BINS)
