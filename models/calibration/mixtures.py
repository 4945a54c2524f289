"""Many mixtures at once: distribution functions, densities and quantiles of thousands of scenario forecasts.

    F_i(x) = sum_k w_ik F_ik(x),   F_ik a belief of priors/families.py, cut at its floor and renormalised

Components lie in one flat list, owners ascending. Normal and lognormal beliefs, nearly all of an archive, are evaluated
as arrays; the other families one belief at a time. Quantiles invert F by Newton steps inside a shrinking bracket.
Axis order: case, then point. This module must not know outcomes or scores.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from models.calibration.records import ArchivedForecast
from priors.families import DEFAULT_DEGREES_OF_FREEDOM, Marginal, marginal
from priors.spread import standard_deviation

Array = NDArray[np.float64]
Places = NDArray[np.int64]

NORMAL, LOGNORMAL, OTHER = 0, 1, 2
_KINDS = {"normal": NORMAL, "lognormal": LOGNORMAL}
_STEPS = 200


@dataclass(frozen=True, eq=False)
class Mixtures:
    """Components (component,) of `cases` mixtures; `owner` ascending, `weight` sums to 1 per owner.

    `centre`, `spread`: mean and sd of a normal, of the logs of a lognormal; NaN for other families, whose beliefs are
    `others`, by place. `removed` is the mass below `floor`, `kept` the rest.
    """

    cases: int
    owner: Places
    weight: Array
    kind: Places
    centre: Array
    spread: Array
    floor: Array
    removed: Array
    kept: Array
    others: dict[int, Marginal]
    first: Places

    def cdf(self, x: Array) -> Array:
        """`(case, point)` probabilities of at most `x` (case, point) persons."""
        return self._mix(self._component_cdf(x[self.owner]))

    def pdf(self, x: Array) -> Array:
        """`(case, point)` densities per person."""
        return self._mix(self._component_pdf(x[self.owner]))

    def ppf(self, levels: Array) -> Array:
        """`(case, level)` quantiles at `levels` (level,) inside (0, 1), to 1e-12 relative."""
        each = self.component_ppf(np.broadcast_to(levels, (len(self.owner), len(levels))))
        low = np.minimum.reduceat(each, self.first)
        high = np.maximum.reduceat(each, self.first)
        return _invert(self, np.asarray(levels, dtype=float), low, high)

    def component_ppf(self, levels: Array) -> Array:
        """`(component, level)` quantiles of the single beliefs."""
        z = ndtri(self.removed[:, None] + levels * self.kept[:, None])
        line = self.centre[:, None] + self.spread[:, None] * z
        out = np.where(self.kind[:, None] == LOGNORMAL, np.exp(np.minimum(line, 700)), line)
        for place, belief in self.others.items():
            out[place] = belief.ppf(levels[place])
        return np.asarray(np.maximum(out, self.floor[:, None]))

    def _component_cdf(self, x: Array) -> Array:
        at = np.maximum(x, self.floor[:, None])
        whole = ndtr(self._score(at))
        out = np.clip((whole - self.removed[:, None]) / self.kept[:, None], 0.0, 1.0)
        for place, belief in self.others.items():
            out[place] = belief.cdf(x[place])
        return np.asarray(out)

    def _component_pdf(self, x: Array) -> Array:
        inside = x >= self.floor[:, None]
        z = self._score(np.where(inside, x, self.floor[:, None]))
        scale = self.spread[:, None] * np.where(self.kind[:, None] == LOGNORMAL, np.maximum(x, 1e-300), 1.0)
        out = np.where(inside, np.exp(-(z**2) / 2) / (np.sqrt(2 * np.pi) * scale * self.kept[:, None]), 0.0)
        for place, belief in self.others.items():
            out[place] = belief.pdf(x[place])
        return np.asarray(out)

    def _score(self, x: Array) -> Array:
        logarithmic = self.kind == LOGNORMAL
        line = x.copy()
        with np.errstate(divide="ignore"):
            line[logarithmic] = np.log(np.maximum(x[logarithmic], 0.0))
        return np.asarray((line - self.centre[:, None]) / self.spread[:, None])

    def _mix(self, values: Array) -> Array:
        return np.asarray(np.add.reduceat(self.weight[:, None] * values, self.first))

    def with_cases(self, chosen: Places) -> Mixtures:
        """The mixtures of `chosen` cases (ascending), renumbered."""
        renumber = np.full(self.cases, -1, dtype=np.int64)
        renumber[chosen] = np.arange(len(chosen))
        keep = np.flatnonzero(renumber[self.owner] >= 0)
        others = {new: self.others[old] for new, old in enumerate(keep.tolist()) if old in self.others}
        owner = renumber[self.owner[keep]]
        return Mixtures(
            cases=len(chosen),
            owner=owner,
            weight=self.weight[keep],
            kind=self.kind[keep],
            centre=self.centre[keep],
            spread=self.spread[keep],
            floor=self.floor[keep],
            removed=self.removed[keep],
            kept=self.kept[keep],
            others=others,
            first=_starts(owner),
        )


def mixtures(forecasts: Sequence[ArchivedForecast]) -> Mixtures:
    """The mixtures that forecasts by scenarios state. Raises ValueError when one has no scenarios."""
    rows: list[tuple[int, float, int, float, float, float]] = []
    others: dict[int, Marginal] = {}
    for owner, forecast in enumerate(forecasts):
        if forecast.scenarios is None:
            raise ValueError("only scenarios state a density")
        for scenario in forecast.scenarios:
            if scenario.probability == 0:
                continue
            belief = scenario.years[forecast.target_year]
            stated = (scenario.family, belief.expected, belief.spread, scenario.spread_meaning)
            freedom = scenario.degrees_of_freedom or DEFAULT_DEGREES_OF_FREEDOM
            kind = _KINDS.get(scenario.family, OTHER)
            if kind == OTHER:
                others[len(rows)] = marginal(*stated, freedom, forecast.counted_at_cutoff)
            sd = standard_deviation(*stated, freedom)
            rows.append((owner, scenario.probability, kind, belief.expected, sd, forecast.counted_at_cutoff))
    columns = np.array(rows, dtype=float).reshape(-1, 6).T
    return _assembled(len(forecasts), columns, others)


def _assembled(cases: int, columns: Array, others: dict[int, Marginal]) -> Mixtures:
    owner, kind = columns[0].astype(np.int64), columns[2].astype(np.int64)
    weight, mean, sd, floor = columns[1], columns[3], columns[4], columns[5]
    variance = np.log1p((sd / mean) ** 2)
    logarithmic, other = kind == LOGNORMAL, kind == OTHER
    centre = np.where(logarithmic, np.log(mean) - variance / 2, np.where(other, np.nan, mean))
    spread = np.where(logarithmic, np.sqrt(variance), np.where(other, np.nan, sd))
    with np.errstate(divide="ignore"):
        at_floor = (np.where(logarithmic, np.log(floor), floor) - centre) / spread
    removed, kept = ndtr(at_floor), ndtr(-at_floor)
    return Mixtures(cases, owner, weight, kind, centre, spread, floor, removed, kept, others, _starts(owner))


def _starts(owner: Places) -> Places:
    return np.flatnonzero(np.diff(owner, prepend=-1)).astype(np.int64)


def _invert(table: Mixtures, levels: Array, low: Array, high: Array) -> Array:
    """Newton steps that stay in the bracket and halve the last move, else halve the bracket."""
    x, last_move = (low + high) / 2, high - low
    for _ in range(_STEPS):
        excess = table.cdf(x) - levels
        low, high = np.where(excess < 0, x, low), np.where(excess < 0, high, x)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            step = x - excess / table.pdf(x)
        inside = (step > low) & (step < high) & (np.abs(step - x) <= last_move / 2)
        following = np.where(inside, step, (low + high) / 2)
        last_move, x = np.abs(following - x), following
        if np.all((last_move <= 1e-13 * np.abs(x)) | (high - low <= 1e-12 * np.abs(x))):
            break
    return x
