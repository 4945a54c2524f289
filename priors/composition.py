"""A scenario's own composition by nationality: shares it states with a firmness, the rest as the model has them.

    (stated shares, rest) ~ Dirichlet(concentration (s_1, ..., s_m, 1 - sum s)),    rest divided as in the model's draw

so that the mean of a stated share is what was stated and its variance s (1 - s) / (concentration + 1). A nationality
the model does not know counts under its last, remaining column. Arrays are `(draw, citizen)`. Must not know paths,
files or where the model's shares come from: `stated_compositions` says which component states what, and whoever has
the shares of a component's paths calls `with_stated_shares` on them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from priors.kernels import FloatArray
from priors.records import Composition, ScenarioSet

_LEAST = 1e-9


def stated_compositions(scenario_set: ScenarioSet) -> dict[str, Composition]:
    """The compositions that scenarios state, by the key of the component on whose paths they hold."""
    return {s.key: s.composition for s in scenario_set.scenarios if s.composition is not None}


def with_stated_shares(
    composition: Composition, citizens: Sequence[str], shares: FloatArray, seed: int
) -> FloatArray:
    """Shares (draw, citizen) summing to 1 per draw: the stated ones drawn, the others as in `shares` (draw, citizen).

    Raises ValueError for shares of another width than `citizens`, whose last entry is the remaining ones.
    """
    if shares.ndim != 2 or shares.shape[1] != len(citizens):
        raise ValueError(f"shares have shape {shares.shape}, a column per each of {len(citizens)} is needed")
    stated = _by_column(composition, citizens)
    columns = sorted(stated)
    wanted = np.array([stated[column] for column in columns])
    rest = max(1.0 - float(wanted.sum()), 0.0)
    alpha = composition.concentration * np.maximum(np.append(wanted, rest), _LEAST)
    drawn = np.random.default_rng(seed).dirichlet(alpha, len(shares))
    others = shares.copy()
    others[:, columns] = 0.0
    left = others.sum(axis=1, keepdims=True)
    even = np.ones(len(citizens))
    even[columns] = 0.0
    # Where the model leaves nothing to the others, they share alike; where all are stated there is no rest.
    spread = np.where(left > 0, others / np.where(left > 0, left, 1.0), even / max(even.sum(), 1.0))
    made = spread * drawn[:, -1:]
    made[:, columns] = drawn[:, :-1]
    return np.asarray(made / made.sum(axis=1, keepdims=True), dtype=np.float64)


def _by_column(composition: Composition, citizens: Sequence[str]) -> dict[int, float]:
    found: dict[int, float] = {}
    for citizen, share in composition.shares.items():
        column = citizens.index(citizen) if citizen in citizens else len(citizens) - 1
        found[column] = found.get(column, 0.0) + share
    return found
