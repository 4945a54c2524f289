"""Shares by nationality that a scenario states, on the paths for which that scenario is responsible.

    p ~ Dirichlet(concentration (s_1, ..., s_n, 1 - sum of s))      once per path, for all months to come
    share of a stated nationality = p_i;   the others divide what is left as the model divides it in that month

A concentration of 50 lets a share of 40% vary by 7 points. Web-safe: NumPy only.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.series import Array

Single = NDArray[np.float32]
_STREAM = 7  # keeps these random numbers apart from those of the simulated shares


@dataclass(frozen=True)
class ShareBelief:
    """`columns` positions of the stated nationalities, their `shares`, and the Dirichlet's `concentration`."""

    columns: tuple[int, ...]
    shares: tuple[float, ...]
    concentration: float

    def draw(self, size: int, rng: np.random.Generator) -> Array:
        """`(stated nationality, draw)` shares; what less than all of them state is left for the others."""
        rest = max(1.0 - sum(self.shares), 0.0)
        # Gamma variables divided by their sum; a share stated as zero stays zero.
        alpha = self.concentration * np.array([*self.shares, rest])[:, None]
        gammas = rng.standard_gamma(alpha, (len(alpha), size))
        return np.asarray(gammas[:-1] / np.maximum(gammas.sum(axis=0), np.finfo(float).tiny))


@dataclass(frozen=True)
class StatedShares:
    """`belief_of` (draw,) the number of a path's belief among `beliefs`, -1 where the model decides alone."""

    belief_of: NDArray[np.int16]
    beliefs: tuple[ShareBelief, ...]

    def chunk(self, first_draw: int, draws: int, citizens: int, seed: int) -> Single | None:
        """`(citizen, draw)` stated shares of a chunk, NaN where nothing is stated; None where nothing is at all."""
        here = self.belief_of[first_draw : first_draw + draws]
        if not (here >= 0).any():
            return None
        rng = np.random.default_rng([seed, first_draw, _STREAM])
        out = np.full((citizens, draws), np.nan, dtype=np.float32)
        for number, belief in enumerate(self.beliefs):
            # Drawn for every path, so that a path's shares do not depend on what others are.
            drawn = belief.draw(draws, rng)
            rows = np.flatnonzero(here == number)
            out[np.ix_(np.array(belief.columns), rows)] = drawn[:, rows]
        return out


def with_stated(shares: Single, stated: Single | None) -> Single:
    """Shares `(citizen, draw)` of a month with the stated ones in their place; columns still sum to one.

    Where the nationalities that are not stated have no share in the model, the last one takes what is left.
    """
    if stated is None:
        return shares
    said = np.isfinite(stated)
    free = np.where(said, np.float32(0), shares)
    left = 1 - np.where(said, stated, np.float32(0)).sum(axis=0)
    mass = free.sum(axis=0)
    free *= np.maximum(left, 0) / np.where(mass > 0, mass, 1)
    free[-1] += np.where(mass > 0, 0, np.maximum(left, 0))
    return np.asarray(np.where(said, stated, free), dtype=np.float32)


def beliefs_of(
    compositions: Sequence[tuple[dict[str, float], float] | None], citizens: Sequence[str]
) -> tuple[tuple[ShareBelief, ...], NDArray[np.int16]]:
    """Beliefs, and the number of each component's belief (-1 = none), from (shares, concentration) by component."""
    place = {citizen: column for column, citizen in enumerate(citizens)}
    beliefs: list[ShareBelief] = []
    numbers = []
    for stated in compositions:
        if stated is None:
            numbers.append(-1)
            continue
        shares, concentration = stated
        numbers.append(len(beliefs))
        beliefs.append(ShareBelief(tuple(place[c] for c in shares), tuple(shares.values()), concentration))
    return tuple(beliefs), np.array(numbers, dtype=np.int16)
