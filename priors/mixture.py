"""The expert density: a mixture of scenarios per year, with everything read from closed forms.

    f_y(x) = sum_k w_k f_{k,y}(x),   w_k = p_k (1 - u) for scenarios, u for "unforeseen",
             rescaled over the components that state year y
    f_{k,y}  the scenario's belief with the events that may occur on top of it (priors/totals.py)

Events come on top of scenarios only: what the unforeseen part states, it states with everything in it. Mean and
standard deviation follow from the components' (law of total variance); quantiles invert the
mixture's distribution function by Newton steps kept inside a shrinking bracket. The floor of what was already
counted holds in the cutoff's own year only. Must not know realisations, models or simulation.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from priors.events import Additions, EventGroup, additions_under, event_groups, groups_in
from priors.families import ImpossibleBelief, Marginal, marginal
from priors.faults import numerals_nl
from priors.inversion import invert
from priors.kernels import FloatArray
from priors.records import PoolTable
from priors.scenario import Fault, InvalidScenarioSet, Scenario, ScenarioSet, Unforeseen
from priors.tabulated import tabulated
from priors.totals import YearTotal, year_total

UNFORESEEN_KEY = "unforeseen"
_MOST_REMOVED = 0.99


@dataclass(frozen=True)
class Component:
    """A scenario as densities: `marginals[i]` is its belief about `years[i]`, years ascending.

    `additions` are the events that may occur on top of it.
    """

    key: str
    probability: float
    years: tuple[int, ...]
    marginals: tuple[Marginal, ...]
    additions: Additions = ()

    @cached_property
    def statement_hash(self) -> int:
        """Hash of all it states but its probability, kept: it is long, and asked for more than once."""
        return hash((self.key, self.years, self.marginals, self.additions))

    def total(self, year: int) -> Marginal | YearTotal:
        """Its belief about one year with the events on top; raises KeyError when it states none."""
        belief, groups = self.marginal(year), groups_in(self.additions, year)
        return year_total(belief, groups) if groups else belief

    def marginal(self, year: int) -> Marginal:
        """Its belief about one year; raises KeyError when it states none."""
        if year not in self.years:
            raise KeyError(f"{self.key} states no belief about {year}")
        return self.marginals[self.years.index(year)]


@dataclass(frozen=True)
class ExpertDensity:
    """Mixture over `components`, whose years are joined by a Gaussian copula (priors/copula.py).

    `events` are the groups from which the components' additions came.
    """

    components: tuple[Component, ...]
    year_correlation: float
    events: tuple[EventGroup, ...] = ()

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

    def parts(self, year: int) -> tuple[tuple[float, Marginal | YearTotal], ...]:
        """(weight, density) of the components that state `year`, weights summing to 1.

        Raises ValueError when none does.
        """
        stating = [part for part in self.components if year in part.years and part.probability > 0]
        if not stating:
            raise ValueError(
                f"no scenario states a belief about {year}; stated are {list(self.stated_years)}"
            )
        total = math.fsum(part.probability for part in stating)
        return tuple((part.probability / total, part.total(year)) for part in stating)

    def pdf(self, year: int, x: ArrayLike) -> FloatArray:
        """Density per person at totals `x`, any shape."""
        return self._mix(year, np.asarray(x, dtype=np.float64), "pdf")

    def cdf(self, year: int, x: ArrayLike) -> FloatArray:
        """Probability of at most `x` persons, any shape."""
        return self._mix(year, np.asarray(x, dtype=np.float64), "cdf")

    def sf(self, year: int, x: ArrayLike) -> FloatArray:
        """Probability of more than `x` persons, any shape; precise far in the tail."""
        return self._mix(year, np.asarray(x, dtype=np.float64), "sf")

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
        asked = np.where(settled, 0.5, levels)
        functions = (partial(self.cdf, year), partial(self.sf, year), partial(self.pdf, year))
        inner = invert(*functions, asked, *bracket)
        return np.asarray(np.where(settled, ends, inner), dtype=np.float64)

    def _mix(self, year: int, x: FloatArray, function: Literal["pdf", "cdf", "sf"]) -> FloatArray:
        total = np.zeros(x.shape)
        for weight, part in self.parts(year):
            total = total + weight * getattr(part, function)(x)
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
    groups = event_groups(scenario_set.events, faults)
    components = []
    for pointer, key, probability, belief in stated:
        floors = {year: floor if year == own_year else 0.0 for year in sorted(belief.years)}
        tables = scenario_set.pool.tables if scenario_set.pool else {}
        marginals = _marginals(belief, floors, pointer, faults, tables)
        additions = additions_under(groups, key) if key != UNFORESEEN_KEY else ()
        components.append(Component(key, probability, tuple(floors), marginals, additions))
    if not faults:
        faults += _emptied(components)
    if faults:
        raise InvalidScenarioSet(tuple(faults))
    return ExpertDensity(tuple(components), scenario_set.year_correlation, groups)


def _emptied(components: list[Component]) -> Iterator[Fault]:
    """Years in which events leave a scenario next to nothing above what was counted."""
    for index, part in enumerate(components):
        # What events do not touch in any year is never removed: as a rule all years are settled at once.
        untouched = math.prod(
            1.0 - math.fsum(event.probability for event in group) for group in part.additions
        )
        for year in part.years if untouched < 1 - _MOST_REMOVED else ():
            total = part.total(year)
            # What no event touches is never removed, so most sets need no convolution here.
            touched = isinstance(total, YearTotal) and total.without < 1 - _MOST_REMOVED
            if isinstance(total, YearTotal) and touched and total.removed > _MOST_REMOVED:
                detail = (
                    f"with its events only {1 - total.removed:.2%} of this belief lies above {total.floor:,.0f} "
                    "persons; make the events smaller or less probable"
                )
                dutch = (
                    f"Met de gebeurtenissen erbij ligt maar {numerals_nl(f'{1 - total.removed:.2%}')} van deze "
                    f"verdeling boven {numerals_nl(f'{total.floor:,.0f}')} personen; maak de gebeurtenissen kleiner of "
                    "minder waarschijnlijk."
                )
                yield Fault(f"/scenarios/{index}/years/{year}/expected", detail, dutch)


def _marginals(
    belief: Scenario | Unforeseen,
    floors: dict[int, float],
    pointer: str,
    faults: list[Fault],
    tables: Mapping[int, PoolTable],
) -> tuple[Marginal, ...]:
    built: list[Marginal] = []
    freedom = belief.degrees_of_freedom
    for year, floor in floors.items():
        stated, table = belief.years[year], tables.get(year)
        try:
            if table is not None:
                built.append(tabulated(table.x, table.cdf, floor))
                continue
            built.append(
                marginal(belief.family, stated.expected, stated.spread, belief.spread_meaning, freedom, floor)
            )
        except ImpossibleBelief as impossible:
            faults.append(
                Fault(f"{pointer}/years/{year}/{impossible.part}", impossible.detail, impossible.dutch)
            )
    return tuple(built)
