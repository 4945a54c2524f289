"""Several experts' sets as one: a linear pool (their mixture) or a logarithmic pool (their product).

    linear        f(N) = sum_m w_m f_m(N),            exact and joint: a mixture of mixtures is a mixture
    logarithmic   f_y(x) proportional to prod_m f_{m,y}(x)^{w_m},  year by year, joined by the copula

A pool is itself a scenario set, so whatever takes a set takes a pool. In a linear one each member's scenarios keep
their shape under a key of their own (`m1.key`) with probability w_m p_k, its events occur under its own scenarios only,
and its unforeseen part is one of them. A logarithmic one has a single scenario whose years are tabulated.
Weights: equal, stated, or by past scores, shrunk towards equal:

    w_m = (1 - s) / n + s r_m,   r_m proportional to 1 / mean score of m,   s = k / (k + 8),  k the fewest scored

(with few past editions such weights overfit: Genest and Zidek 1986; Clemen 1989). Must not know where sets are stored.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from priors.faults import Fault, InvalidScenarioSet
from priors.mixture import ExpertDensity, expert_density
from priors.records import Pool, PoolMember, ScenarioSet
from priors.scenario import parse_scenario_set

POOL_KEY = "logarithmic_pool"
_PRIOR_EDITIONS = 8.0
_GRID, _GRID_WITHOUT = 2_001, 501  # of a pool, and of each pool that leaves a member out
_TAIL = 1e-9
_ZOOMS = 4  # from the members' whole range to where the product is
_VISIBLE = 30.0  # in logs under the top


@dataclass(frozen=True)
class PerformanceWeights:
    """Weights by past scores before (`raw`) and after shrinking (`shrunk`), in the order of the members."""

    raw: tuple[float, ...]
    shrunk: tuple[float, ...]
    share: float


def equal_weights(count: int) -> tuple[float, ...]:
    """The same for every member."""
    return (1.0 / count,) * count


def performance_weights(scores: Sequence[Sequence[float]]) -> PerformanceWeights:
    """Weights from each member's past scores (smaller is better, above 0); raises ValueError without a record."""
    if not scores or any(not len(own) for own in scores):
        raise ValueError("every member needs at least one past score")
    if any(not (math.isfinite(score) and score > 0) for own in scores for score in own):
        raise ValueError("scores are finite and above 0")
    better = [1.0 / (math.fsum(own) / len(own)) for own in scores]
    raw = [one / math.fsum(better) for one in better]
    fewest = min(len(own) for own in scores)
    share = fewest / (fewest + _PRIOR_EDITIONS)
    shrunk = [(1.0 - share) / len(raw) + share * one for one in raw]
    return PerformanceWeights(tuple(raw), tuple(shrunk), share)


def pool_sets(
    method: Literal["linear_pool", "logarithmic_pool"],
    kind: Literal["equal", "stated", "performance"],
    members: Sequence[tuple[PoolMember, ScenarioSet]],
    named: Mapping[str, Any],
    counted_at_cutoff: float = 0.0,
) -> ScenarioSet:
    """The pool as a scenario set; `named` holds its name, edition, cutoff and reason, `yearCorrelation` where stated.

    Without one the years are joined by the members' mean, by their weights.

    Raises InvalidScenarioSet for sets about different targets or cutoffs, and for years that only some state.
    """
    faults = [*_differences([record for _, record in members], named)]
    if faults:
        raise InvalidScenarioSet(tuple(faults))
    first = members[0][1]
    rho = math.fsum(member.weight * record.year_correlation for member, record in members)
    origin = Pool(method=method, weights=kind, members=tuple(member for member, _ in members))
    shared = {
        "yearCorrelation": round(rho, 12),
        **named,
        "target": first.target.model_dump(by_alias=True),
        "pool": origin.model_dump(mode="json", by_alias=True),
    }
    made = _linear(members) if method == "linear_pool" else _logarithmic(members, counted_at_cutoff)
    pool = {**shared["pool"], **made.pop("pool", {})}
    if "yearCorrelation" in named:
        without = pool.get("without", ())
        pool["without"] = [{**one, "yearCorrelation": named["yearCorrelation"]} for one in without]
    return parse_scenario_set({**shared, **made, "pool": pool})


def _differences(records: Sequence[ScenarioSet], named: Mapping[str, Any]) -> list[Fault]:
    first, faults = records[0], []
    for place, record in enumerate(records):
        where = f"/members/{place}"
        if record.target != first.target:
            dutch = f"Set {place + 1} gaat over een andere reeks dan de eerste."
            faults.append(Fault(where, "is about another target than the first member", dutch))
        if record.cutoff.isoformat() != named["cutoff"]:
            dutch = f"Set {place + 1} heeft peildatum {record.cutoff}, de samenvoeging {named['cutoff']}."
            detail = f"has the cutoff {record.cutoff}, the pool {named['cutoff']}"
            faults.append(Fault(where, detail, dutch))
        if record.pool is not None:
            dutch = f"Set {place + 1} is zelf een samenvoeging; voeg de sets ervan samen."
            faults.append(Fault(where, "is a pool itself; pool its members", dutch))
        years = {year for scenario in record.scenarios for year in scenario.years}
        silent = sorted({y for s in first.scenarios for y in s.years} ^ years)
        if silent:
            said = ", ".join(map(str, silent))
            detail = f"states other years than the first member: {said} only in one of them"
            dutch = (
                f"Set {place + 1} noemt andere jaren dan de eerste set: {said} staat maar in één van beide. Vul die "
                "jaren eerst in beide in, of laat ze in beide weg."
            )
            faults.append(Fault(where, detail, dutch))
    return faults


def _linear(members: Sequence[tuple[PoolMember, ScenarioSet]]) -> dict[str, Any]:
    scenarios: list[dict[str, Any]] = []
    events: list[dict[str, Any]] = []
    own: list[list[str]] = []
    for place, (member, record) in enumerate(members, start=1):
        plain = record.model_dump(mode="json", by_alias=True)
        u = record.unforeseen.probability if record.unforeseen else 0.0
        added = [_renamed(s, place, member.weight * (1 - u) * s["probability"]) for s in plain["scenarios"]]
        scenarios += added
        own.append([scenario["key"] for scenario in added])
        if u > 0:
            rest = {**plain["unforeseen"], "key": "unforeseen", "label": "unforeseen"}
            scenarios.append(_renamed(rest, place, member.weight * u))
    keys = [scenario["key"] for scenario in scenarios]
    for place, (_, record) in enumerate(members, start=1):
        for event in record.model_dump(mode="json", by_alias=True)["events"]:
            events.append(_own_event(event, place, own[place - 1], keys))
    scenarios[-1]["probability"] = 1.0 - math.fsum(s["probability"] for s in scenarios[:-1])
    return {"scenarios": scenarios, "events": events}


def _renamed(scenario: Mapping[str, Any], place: int, probability: float) -> dict[str, Any]:
    label = f"{scenario.get('label') or scenario['key']} ({place})"[:200]
    return {**scenario, "key": _key(place, scenario["key"]), "label": label, "probability": probability}


def _key(place: int, key: str) -> str:
    return f"m{place}.{key}"[:64]


def _own_event(
    event: Mapping[str, Any], place: int, own: Sequence[str], keys: Sequence[str]
) -> dict[str, Any]:
    """The event as it may occur under its own member's scenarios, and under no other's."""
    stated = {_key(place, key): p for key, p in event["probabilityByScenario"].items()}
    by_scenario = {key: stated.get(key, event["probability"] if key in own else 0.0) for key in keys}
    excludes = [_key(place, key) for key in event["excludes"]]
    return {
        **event,
        "key": _key(place, event["key"]),
        "excludes": excludes,
        "probabilityByScenario": by_scenario,
    }


def _logarithmic(
    members: Sequence[tuple[PoolMember, ScenarioSet]], counted_at_cutoff: float
) -> dict[str, Any]:
    densities = [(member.weight, expert_density(record, counted_at_cutoff)) for member, record in members]
    years, tables = {}, {}
    for year in densities[0][1].years:
        x, cdf = logarithmic_table(densities, year)
        middle, masses = (x[1:] + x[:-1]) / 2, np.diff(cdf)
        mean = float(masses @ middle)
        width = np.diff(x)
        sd = math.sqrt(float(masses @ ((middle - mean) ** 2 + width**2 / 12)))
        years[str(year)] = {"expected": mean, "spread": sd}
        tables[str(year)] = {"x": x.tolist(), "cdf": cdf.tolist()}
    scenario = {"key": POOL_KEY, "label": "Logarithmic pool", "probability": 1.0, "years": years}
    without = [_without(densities, place) for place in range(len(densities))]
    return {"scenarios": [scenario], "pool": {"tables": tables, "without": without}}


def _without(densities: Sequence[tuple[float, ExpertDensity]], place: int) -> dict[str, Any]:
    """The pool of all members but one."""
    left = [one for other, one in enumerate(densities) if other != place]
    whole = math.fsum(weight for weight, _ in left)
    if whole <= 0:
        return {"yearCorrelation": 0.0}
    scaled = [(weight / whole, density) for weight, density in left]
    rho = math.fsum(weight * density.year_correlation for weight, density in scaled)
    drawn = {year: logarithmic_table(scaled, year, _GRID_WITHOUT) for year in densities[0][1].years}
    tables = {str(year): {"x": x.tolist(), "cdf": cdf.tolist()} for year, (x, cdf) in drawn.items()}
    return {"yearCorrelation": min(round(rho, 12), 0.99), "tables": tables}


def logarithmic_table(
    densities: Sequence[tuple[float, ExpertDensity]], year: int, nodes: int = _GRID
) -> tuple[np.ndarray, np.ndarray]:
    """Totals `(nodes,)` in persons and the pool's distribution function there, from 0 to 1.

    Raises InvalidScenarioSet where the members have nothing in common: one rules out what another says.
    """
    given = [(w, d) for w, d in densities if w > 0]
    low = min(float(d.ppf(year, _TAIL)) for _, d in given)
    high = max(float(d.ppf(year, 1 - _TAIL)) for _, d in given)
    for _ in range(_ZOOMS):
        x = np.linspace(low, high, nodes)
        with np.errstate(divide="ignore"):
            logs = sum((w * np.log(d.pdf(year, x)) for w, d in given), np.zeros(len(x)))
        if not np.isfinite(logs).any():
            detail = f"their densities of {year} have nothing in common; use a linear pool"
            dutch = f"De verdelingen van {year} hebben niets gemeen; voeg lineair samen."
            raise InvalidScenarioSet((Fault("/members", detail, dutch),))
        inside = np.flatnonzero(logs > logs.max() - _VISIBLE)
        low, high = float(x[max(inside[0] - 1, 0)]), float(x[min(inside[-1] + 1, len(x) - 1)])
    density = np.exp(logs - logs.max())
    mass = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2)])
    return x, mass / mass[-1]
