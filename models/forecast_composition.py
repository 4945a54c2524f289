"""The nationalities of a forecast's paths: learned from the rows known at `as_of`, or stated by scenarios.

    every path's months to come  -> whole persons by nationality             (composition.paths)
    months counted               -> as published by nationality, scaled to the counted total

Where no rows tell nationalities apart everybody is of the one nationality OTHER, but for the shares that scenarios
state; a forecast of one nationality has that one. A path follows the shares of the scenario that it was drawn from.
Fitting needs a worker process; what comes out is web-safe and is stored (`stored_composition`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.composition.data import OTHER, TOTAL, CompositionData
from models.composition.model import CompositionFit, fit_composition
from models.composition.paths import NothingKnown, ShareSimulator, ShareState, Splitter, filter_shares
from models.composition.source import counted_by_nationality, known_composition
from models.composition.stated import StatedShares, beliefs_of
from models.forecast_checks import TargetData
from models.observation import Observation
from models.request import ForecastRequest, Remark
from models.sampling import Progress
from models.series import Array, Months
from models.whole_persons import Counts, split_whole

CompositionFitter = Callable[[CompositionData, int, Progress], CompositionFit]
"""Fits shares with a seed, or finds the fit that was made of them before."""


@dataclass(frozen=True)
class Composition:
    """`citizens`, the last of them OTHER unless it is the only one; `counted` (counted month, citizen) persons.

    `splitter` divides the months to come; None where there is one nationality. `diagnostics` of the fit, if there was
    one, and `remarks` for the reader.
    """

    citizens: tuple[str, ...]
    counted: Counts
    splitter: Splitter | None
    diagnostics: Mapping[str, Any] | None
    remarks: tuple[Remark, ...]


def fit_shares(data: CompositionData, seed: int, progress: Progress) -> CompositionFit:
    """The plain `CompositionFitter`: fits every time."""
    return fit_composition(data, seed=seed, progress=progress)


def learn_composition(
    request: ForecastRequest,
    realisations: pd.DataFrame,
    data: TargetData,
    origin: tuple[tuple[str, ...], NDArray[np.int64]],
    fitter: CompositionFitter,
    progress: Progress,
) -> Composition:
    """The composition. `origin` has the components' keys and, per path, which of them it is of."""
    target, months = request.target, _counted_months(data)
    counts = (
        np.rint(data.in_force.since(months[0]).counts).astype(np.int64) if len(months) else np.empty(0, int)
    )
    if target.citizen != TOTAL:
        return Composition((target.citizen,), _whole(counts[:, None]), None, None, ())
    stated = _stated(request)
    also = tuple(dict.fromkeys(name for shares, _ in stated.values() for name in shares if name != OTHER))
    known = known_composition(realisations, target.series, target.geo, request.as_of, also=also)
    citizens = known.citizens if known is not None else (*also, OTHER)
    remarks = () if known is not None else (_nothing_known(bool(also)),)
    if len(citizens) == 1:
        return Composition(citizens, _whole(counts[:, None]), None, None, remarks)
    shares = _shares_of_paths(stated, origin, citizens)
    if known is None:
        nobody = np.concatenate([np.zeros((len(counts), len(also))), counts[:, None]], axis=1)
        return Composition(
            citizens, _whole(nobody), NothingKnown(len(citizens), shares, request.seed), None, remarks
        )
    fit = fitter(known, request.seed, progress)
    state = _at_start(filter_shares(fit.parameters, known), data.observation)
    simulator = ShareSimulator(fit.parameters, state, _first_month(data), request.seed, shares)
    weights = counted_by_nationality(realisations, target.series, target.geo, request.as_of, citizens, months)
    counted = (
        split_whole(counts, _filled(weights, state)) if len(months) else _whole(np.empty((0, len(citizens))))
    )
    return Composition(citizens, counted, simulator, _verdict(fit, citizens), (*remarks, *_missed(fit)))


def _stated(request: ForecastRequest) -> dict[str, tuple[dict[str, float], float]]:
    """Shares and concentration by scenario key, of the scenarios that state them."""
    chosen = request.scenario_set
    scenarios = () if chosen is None or request.expert_weight == 0 else chosen.scenarios
    return {
        one.key: (dict(one.composition.shares), one.composition.concentration)
        for one in scenarios
        if one.composition is not None
    }


def _shares_of_paths(
    stated: dict[str, tuple[dict[str, float], float]],
    origin: tuple[tuple[str, ...], NDArray[np.int64]],
    citizens: tuple[str, ...],
) -> StatedShares:
    keys, component = origin
    beliefs, numbers = beliefs_of([stated.get(key) for key in keys], citizens)
    return StatedShares(numbers[component], beliefs)


def _at_start(state: ShareState, observation: Observation) -> ShareState:
    """The state for a simulation that starts before the last row: a total may lag behind its nationalities."""
    first = observation.first_later_month + len(observation.later_counts)
    late = ~np.isnat(state.last_months) & (state.last_months >= first)
    return replace(state, last_months=np.where(late, first - 1, state.last_months))


def _first_month(data: TargetData) -> np.datetime64:
    first: np.datetime64 = data.observation.first_later_month + len(data.observation.later_counts)
    return first


def _counted_months(data: TargetData) -> Months:
    """Months of the target years that are counted."""
    start = np.datetime64(f"{data.observation.years[0]}-01", "M")
    return data.in_force.since(start).months


def _filled(weights: Array, state: ShareState) -> Array:
    """Weights by month; months whose nationalities are not known yet have those of the month before, or of now."""
    now = np.exp(state.level - state.level.max(axis=1, keepdims=True))
    last = (now / now.sum(axis=1, keepdims=True)).mean(axis=0)
    out = weights.copy()
    for row in range(len(out)):
        if np.isnan(out[row]).any() or not out[row].sum() > 0:
            out[row] = last
        last = out[row]
    return out


def _whole(counts: NDArray[Any]) -> Counts:
    return np.asarray(counts).astype(np.int32)


def _verdict(fit: CompositionFit, citizens: tuple[str, ...]) -> dict[str, Any]:
    verdict = fit.diagnostics
    return {
        "citizens": len(citizens),
        "rhatMax": verdict.rhat_max,
        "essMin": min(verdict.ess_bulk_min, verdict.ess_tail_min),
        "divergences": verdict.divergences,
        "passed": verdict.passed,
    }


def _missed(fit: CompositionFit) -> tuple[Remark, ...]:
    if fit.diagnostics.passed:
        return ()
    detail = "The fit of shares by nationality missed its quality marks; totals are not touched by it."
    return (Remark("composition_missed_quality_marks", detail),)


def _nothing_known(stated: bool) -> Remark:
    detail = (
        "No figures by nationality are known for this series: "
        + ("nationalities appear only as far as scenarios state them, " if stated else "")
        + "all others are under OTHER."
    )
    return Remark("no_nationalities_known", detail)
