"""Random beliefs with events for tests of their density, and that density by other means than the service's."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import special, stats

from priors.amounts import Amount, amount
from priors.families import Marginal, marginal
from priors.totals import Group

Array = NDArray[np.float64]
FAMILIES = ("normal", "lognormal", "gamma", "student_t", "triangular", "pert")
NODES = {0: 1, 1: 4_001, 2: 401, 3: 71}


@st.composite
def beliefs(draw: st.DrawFn) -> Marginal:
    """A belief, sometimes cut at what was counted."""
    mean = draw(st.floats(15_000, 60_000))
    cv = draw(st.floats(0.06, 0.5))
    floor = draw(st.sampled_from([0.0, 0.0, 0.7]))
    return marginal(draw(st.sampled_from(FAMILIES)), mean, cv * mean, floor=floor * mean)


@st.composite
def amounts(draw: st.DrawFn) -> Amount:
    """An amount of either sign."""
    size = draw(st.floats(1_000, 8_000)) * draw(st.sampled_from([-1, 1]))
    return amount(draw(st.sampled_from(FAMILIES)), size, draw(st.floats(400, 4_000)))


@st.composite
def groups(draw: st.DrawFn) -> tuple[Group, ...]:
    """Up to three events, two of which may exclude each other."""
    made = [(draw(st.floats(0.02, 0.45)), draw(amounts())) for _ in range(draw(st.integers(1, 3)))]
    if len(made) == 3 and draw(st.booleans()):
        return (tuple(made[:2]), (made[2],))
    return tuple((one,) for one in made)


def subsets(parts: tuple[Group, ...]) -> list[tuple[float, list[Amount]]]:
    """Every set of events that can occur together, with its probability."""
    choices = [[(1 - sum(p for p, _ in group), None), *group] for group in parts]
    return [
        (float(np.prod([p for p, _ in chosen])), [x for _, x in chosen if x is not None])
        for chosen in itertools.product(*choices)
    ]


def integrated_cdf(base: Marginal, parts: tuple[Group, ...], x: Array) -> Array:
    """Uncut distribution at `x` by enumerating subsets and integrating the belief's CDF over events' quantiles."""
    total = np.zeros(len(x))
    for probability, events in subsets(parts):
        z = np.linspace(-7, 7, NODES[len(events)])
        weight = stats.norm.pdf(z) / stats.norm.pdf(z).sum()
        shift, joint = np.zeros(1), np.ones(1)
        for event in events:
            shift = np.add.outer(shift, event.ppf(special.ndtr(z))).ravel()
            joint = np.multiply.outer(joint, weight).ravel()
        total += probability * np.array([joint @ base.cdf(one - shift) for one in x])
    return total


def simulated(base: Marginal, parts: tuple[Group, ...], draws: int, seed: int) -> Array:
    """Sums of belief and events, those above the floor: what cutting and renormalising means."""
    rng = np.random.default_rng(seed)
    sums = base.ppf(rng.uniform(size=draws))
    for group in parts:
        chosen, low = rng.uniform(size=draws), 0.0
        for probability, event in group:
            rows = np.flatnonzero((chosen >= low) & (chosen < low + probability))
            sums[rows] += event.ppf(rng.uniform(size=len(rows)))
            low += probability
    return sums[sums > base.floor]
