"""The expert density: a mixture of scenarios per year, with everything read from closed forms.

    f_y(x) = sum_k w_k f_{k,y}(x),   w_k = p_k (1 - u) for scenarios, u for "unforeseen",
             rescaled over the components that state year y

Mean and standard deviation follow from the components' (law of total variance); quantiles invert the
mixture's distribution function by Newton steps kept inside a shrinking bracket. The floor of what was already
counted holds in the cutoff's own year only. Must not know realisations, models or simulation.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from priors.families import ImpossibleBelief, Marginal, marginal
from priors.kernels import FloatArray
from priors.scenario import Fault, InvalidScenarioSet, Scenario, ScenarioSet, Unforeseen

UNFORESEEN_KEY = "unforeseen"
_QUANTILE_STEPS = 200


@dataclass(frozen=True)
class Component:
    """A scenario as densities: `marginals[i]` is its belief about `years[i]`, years ascending."""

    key: str
    probability: float
    years: tuple[int, ...]
    marginals: tuple[Marginal, ...]

    def marginal(self, year: int) -> Marginal:
        """Its belief about one year; raises KeyError when it states none."""
        if year not in self.years:
            raise KeyError(f"{self.key} states no belief about {year}")
        return self.marginals[self.years.index(year)]


@dataclass(frozen=True)
class ExpertDensity:
    """Mixture over `components`, whose years are joined by a Gaussian copula (priors/copula.py)."""

    components: tuple[Component, ...]
    year_correlation: float

    @cached_property
    def stated_years(self) -> tuple[int, ...]:
        """Every year some component with a positive probability states, ascending."""
        stated = {year for part in self.components if part.probability > 0 for year in part.years}
        return tuple(sorted(stated))

    @cached_property
    def years(self) -> tuple[int, ...]:
        """The years every component with a positive probability states, ascending."""
        positive = [set(part.years) for part in self.components if part.probability > 0]
        return tuple(sorted(set.intersection(*positive))) if positive else ()

    def parts(self, year: int) -> tuple[tuple[float, Marginal], ...]:
        """(weight, belief) of the components that state `year`, weights summing to 1.

        Raises ValueError when none does.
        """
        stating = [part for part in self.components if year in part.years and part.probability > 0]
        if not stating:
            raise ValueError(
                f"no scenario states a belief about {year}; stated are {list(self.stated_years)}"
            )
        total = math.fsum(part.probability for part in stating)
        return tuple((part.probability / total, part.marginal(year)) for part in stating)

    def pdf(self, year: int, x: ArrayLike) -> FloatArray:
        """Density per person at totals `x`, any shape."""
        return self._mix(year, np.asarray(x, dtype=np.float64), Marginal.pdf)

    def cdf(self, year: int, x: ArrayLike) -> FloatArray:
        """Probability of at most `x` persons, any shape."""
        return self._mix(year, np.asarray(x, dtype=np.float64), Marginal.cdf)

    def sf(self, year: int, x: ArrayLike) -> FloatArray:
        """Probability of more than `x` persons, any shape; precise far in the tail."""
        return self._mix(year, np.asarray(x, dtype=np.float64), Marginal.sf)

    def exceedance(self, year: int, above: float) -> float:
        """Probability that the year's total is more than `above` persons."""
        return float(self.sf(year, above))

    def mean(self, year: int) -> float:
        """Mean of the year's total (persons)."""
        return math.fsum(weight * part.mean() for weight, part in self.parts(year))

    def sd(self, year: int) -> float:
        """Standard deviation of the year's total (persons): within plus between scenarios."""
        centre, parts = self.mean(year), self.parts(year)
        return math.sqrt(math.fsum(w * (part.sd() ** 2 + (part.mean() - centre) ** 2) for w, part in parts))

    def ppf(self, year: int, level: ArrayLike) -> FloatArray:
        """Quantiles of the year's total (persons) at `level` in [0, 1], any shape, to 1e-10 relative."""
        levels = np.asarray(level, dtype=np.float64)
        if not np.all((levels >= 0.0) & (levels <= 1.0)):
            raise ValueError("a quantile level lies between 0 and 1")
        parts = self.parts(year)
        each = np.stack([part.ppf(levels) for _, part in parts])
        low, high = each.min(axis=0), each.max(axis=0)
        settled = (levels == 0.0) | (levels == 1.0) | (len(parts) == 1)
        ends = np.where(levels == 1.0, high, low)
        # Settled levels (0, 1, a single scenario) need no search; a bracket of no width ends theirs at once.
        bracket = np.where(settled, 0.0, low), np.where(settled, 0.0, high)
        inner = self._invert(year, np.where(settled, 0.5, levels), *bracket)
        return np.asarray(np.where(settled, ends, inner), dtype=np.float64)

    def _invert(self, year: int, levels: FloatArray, low: FloatArray, high: FloatArray) -> FloatArray:
        x, last_move = 0.5 * (low + high), high - low
        for _ in range(_QUANTILE_STEPS):
            excess = np.where(levels < 0.5, self.cdf(year, x) - levels, (1.0 - levels) - self.sf(year, x))
            low, high = np.where(excess < 0, x, low), np.where(excess < 0, high, x)
            with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                step = x - excess / self.pdf(year, x)
            # A Newton step stays in the bracket and at least halves the last move; else halve the bracket.
            inside = (step > low) & (step < high) & (np.abs(step - x) <= 0.5 * last_move)
            following = np.where(inside, step, 0.5 * (low + high))
            done = (
                (np.abs(following - x) <= 1e-13 * np.abs(x))
                | (high - low <= 1e-12 * np.abs(x))
                | (excess == 0)
            )
            last_move, x = np.abs(following - x), np.where(excess == 0, x, following)
            if np.all(done):
                break
        return np.asarray(x, dtype=np.float64)

    def _mix(
        self, year: int, x: FloatArray, function: Callable[[Marginal, FloatArray], FloatArray]
    ) -> FloatArray:
        total = np.zeros(x.shape)
        for weight, part in self.parts(year):
            total = total + weight * function(part, x)
        return np.asarray(total, dtype=np.float64)


def expert_density(scenario_set: ScenarioSet, counted_at_cutoff: float = 0.0) -> ExpertDensity:
    """The density a scenario set states; `counted_at_cutoff` persons are the floor of the cutoff's own year.

    An unforeseen component with a positive probability u is listed last and scales the others by 1 - u.
    Raises InvalidScenarioSet, naming every year at fault, when a belief has no mass above its floor.
    """
    unforeseen = scenario_set.unforeseen
    u = unforeseen.probability if unforeseen is not None else 0.0
    stated: list[tuple[str, str, float, Scenario | Unforeseen]] = [
        (f"/scenarios/{index}", scenario.key, (1.0 - u) * scenario.probability, scenario)
        for index, scenario in enumerate(scenario_set.scenarios)
    ]
    if unforeseen is not None and u > 0.0:
        stated.append(("/unforeseen", UNFORESEEN_KEY, u, unforeseen))
    own_year, floor = scenario_set.cutoff.year, float(counted_at_cutoff)
    faults: list[Fault] = []
    components = []
    for pointer, key, probability, belief in stated:
        floors = {year: floor if year == own_year else 0.0 for year in sorted(belief.years)}
        marginals = _marginals(belief, floors, pointer, faults)
        components.append(Component(key, probability, tuple(floors), marginals))
    if faults:
        raise InvalidScenarioSet(tuple(faults))
    return ExpertDensity(tuple(components), scenario_set.year_correlation)


def _marginals(
    belief: Scenario | Unforeseen, floors: dict[int, float], pointer: str, faults: list[Fault]
) -> tuple[Marginal, ...]:
    built = []
    freedom = belief.degrees_of_freedom
    for year, floor in floors.items():
        stated = belief.years[year]
        try:
            built.append(
                marginal(belief.family, stated.expected, stated.spread, belief.spread_meaning, freedom, floor)
            )
        except ImpossibleBelief as impossible:
            faults.append(Fault(f"{pointer}/years/{year}/{impossible.part}", impossible.detail))
    return tuple(built)
