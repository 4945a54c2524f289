"""What every simulation-based calibration does with its ranks: collect them, and say which are not uniform."""

from collections.abc import Callable

import numpy as np
from scipy import stats

Ranks = dict[str, list[int]]


def gather(replicate: Callable[[int], dict[str, int] | None], replications: int, seed: int) -> Ranks:
    """Ranks by quantity over the replications; one that gives None is left out."""
    found: Ranks = {}
    for number in range(replications):
        for name, rank in (replicate(seed + 10 * number) or {}).items():
            found.setdefault(name, []).append(rank)
    return found


def not_uniform(ranks: Ranks, draws: int, bins: int, level: float = 0.01) -> dict[str, float]:
    """Quantities whose ranks among `draws` are not uniform, with p-values (chi-square); `level` is for all together."""
    refused = {}
    for name, values in ranks.items():
        counts = np.bincount(np.asarray(values) * bins // (draws + 1), minlength=bins)
        p_value = float(stats.chisquare(counts).pvalue)
        if p_value < level / len(ranks):
            refused[name] = p_value
    return refused
