"""What each scenario, and each expert of a pool, does to the density: the density with it less the one without.

    effect of k on a quantile = quantile of the whole - quantile with k left out and the others scaled up

Distribution functions are taken once on a common grid and mixed anew, so that many scenarios cost little more than
one. A logarithmic pool, whose one scenario is all members together, comes with its tables for every member left out.
Must not know counts or forecasts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from priors.kernels import FloatArray
from priors.mixture import Component, ExpertDensity
from priors.records import Pool
from priors.summary import LEVELS
from priors.tabulated import tabulated

_POINTS = 4_001


@dataclass(frozen=True)
class LeftOut:
    """`effect` of one part on each year's interval scenarios, in persons, where it states the year with others."""

    kind: str
    key: str
    effect: dict[int, dict[str, float]]


def experts_of(keys: Iterable[str]) -> dict[str, list[str]]:
    """Keys of a linear pool's scenarios by the member they came from (`m1`, `m2`, ...)."""
    found: dict[str, list[str]] = {}
    for key in keys:
        found.setdefault(key.split(".", 1)[0], []).append(key)
    return found


def leave_one_out(density: ExpertDensity, pool: Pool | None = None) -> tuple[LeftOut, ...]:
    """The effect of leaving out every scenario in turn and, of a pool, every expert."""
    if pool is not None and pool.method == "logarithmic_pool":
        return tuple(_without_expert(density, key, part) for key, part in pool_without(density, pool).items())
    keys = [part.key for part in density.components if part.probability > 0]
    groups: dict[tuple[str, str], list[str]] = {("scenario", key): [key] for key in keys}
    if pool is not None:
        groups |= {("expert", member): own for member, own in experts_of(keys).items()}
    curves = {year: _Curves(density, year) for year in density.stated_years}
    return tuple(
        LeftOut(kind, key, {y: e for y, c in curves.items() if (e := c.effect(own)) is not None})
        for (kind, key), own in groups.items()
        if len(own) < len(keys)
    )


def pool_without(density: ExpertDensity, pool: Pool) -> dict[str, tuple[Component, float]]:
    """What stands for a logarithmic pool without each expert (`m1`, `m2`, ...), and the correlation of its years.

    The floor and the events are the pool's. An expert without whom nobody has any weight is left out here.
    """
    whole, found = density.components[0], {}
    for place, other in enumerate(pool.without, start=1):
        if set(other.tables) >= set(whole.years):
            marginals = tuple(
                tabulated(other.tables[year].x, other.tables[year].cdf, own.floor)
                for year, own in zip(whole.years, whole.marginals, strict=True)
            )
            found[f"m{place}"] = replace(whole, marginals=marginals), other.year_correlation
    return found


def _without_expert(density: ExpertDensity, key: str, without: tuple[Component, float]) -> LeftOut:
    levels, (component, _) = list(LEVELS.values()), without
    effect = {}
    for year in component.years:
        lost = density.ppf(year, levels) - component.total(year).ppf(levels)
        effect[year] = dict(zip(LEVELS, lost.tolist(), strict=True))
    return LeftOut("expert", key, effect)


class _Curves:
    """One year's components on a common grid."""

    def __init__(self, density: ExpertDensity, year: int) -> None:
        stating = [p for p in density.components if year in p.years and p.probability > 0]
        totals = {part.key: part.total(year) for part in stating}
        low = min(float(total.ppf(1e-6)) for total in totals.values())
        high = max(float(total.ppf(1 - 1e-6)) for total in totals.values())
        middle = density.ppf(year, np.linspace(0.001, 0.999, _POINTS // 2))
        self._x = np.unique(np.concatenate([middle, np.linspace(low, high, _POINTS // 2 + 1)]))
        self._cdf: Mapping[str, FloatArray] = {key: total.cdf(self._x) for key, total in totals.items()}
        self._weights = {part.key: part.probability for part in stating}
        self._whole = self._quantiles(list(totals))

    def effect(self, left_out: list[str]) -> dict[str, float] | None:
        """None where these do not state the year or nobody else does."""
        others = [key for key in self._cdf if key not in left_out]
        if not others or len(others) == len(self._cdf):
            return None
        without = self._quantiles(others)
        return {name: float(a - b) for name, a, b in zip(LEVELS, self._whole, without, strict=True)}

    def _quantiles(self, keys: list[str]) -> FloatArray:
        mixed = sum((self._weights[key] * self._cdf[key] for key in keys), np.zeros(len(self._x)))
        mixed = np.maximum.accumulate(mixed / sum(self._weights[key] for key in keys))
        return np.asarray(np.interp(list(LEVELS.values()), mixed, self._x), dtype=np.float64)
