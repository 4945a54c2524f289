"""One forecast, from realisations and a scenario set to draws: the straight line through the rooms.

    realisations -> what was known at the cutoff and at as_of                    (forecast_checks)
    fit, simulate -> the model at the cutoff, and continued from later months    (model_draws)
    evidence     -> p_M(later months | totals)                                   (evidence_fit)
    weigh        -> experts' totals by the evidence, or both jointly by NUTS     (posterior, joint)
    complete     -> monthly paths that carry the totals                          (paths)
    divide       -> their persons over nationalities                             (forecast_composition)

Pure: the same request, realisations and library versions give the same numbers. Worker processes only.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import qmc
from threadpoolctl import threadpool_limits

from models.conflict import Conflict, conflict
from models.event_normals import event_slots, with_event_normals
from models.evidence import Evidence
from models.evidence_fit import corrected, fit_evidence
from models.forecast_checks import TargetData, target_data
from models.forecast_composition import Composition, CompositionFitter, fit_shares, learn_composition
from models.joint import JointDraws, sample_joint
from models.model_draws import (
    ModelDraws,
    ModelFit,
    PanelFitter,
    fit_all_countries,
    fit_model,
    simulate_model,
)
from models.month_by_month import MonthStep, month_by_month
from models.observation import Observation
from models.paths import alike_rows, whole_paths
from models.posterior import MODEL_KEY, NothingLeft, Posterior, resample, waiting_of, weigh
from models.request import MOST_JOINT_SUBSETS, ForecastRefused, ForecastRequest, Remark, joint_refusal
from models.weighting import WeighedComponent, under_way, weigh_component
from priors.events import most_together
from priors.mixture import Component, ExpertDensity, expert_density
from priors.scenario import InvalidScenarioSet

Array = NDArray[np.float64]
Report = Callable[[str, float], None]

DRAWS = 100_000
# The model's draws come from the counts themselves, so it is never ruled out, only outweighed.
_LEAST_LOG_EVIDENCE = -1e5


@dataclass(frozen=True)
class Forecast:
    """Everything a forecast is: stored.py writes it, the web process answers from it.

    `base` `(draw, column)` standard normals, those of events last; `paths` `(draw, future month)` whole persons,
    equally weighted.
    """

    request: ForecastRequest
    data: TargetData
    evidence: Evidence
    base: Array
    model: WeighedComponent
    density: ExpertDensity | None
    posterior: Posterior
    joint: JointDraws | None
    paths: NDArray[np.int32]
    composition: Composition
    conflict: Conflict
    diagnostics: dict[str, object]
    warnings: tuple[Remark, ...]
    timings: dict[str, float]
    by_month: tuple[MonthStep, ...] = ()


def run_forecast(
    request: ForecastRequest,
    realisations: pd.DataFrame,
    report: Report = lambda stage, fraction: None,
    fitter: PanelFitter = fit_all_countries,
    share_fitter: CompositionFitter = fit_shares,
) -> Forecast:
    """Compute a forecast.

    `realisations` are bitemporal rows, unfiltered: those of the target's series and citizen in every country, and where
    the target is everybody those of its nationalities. `report` receives a stage and the fraction done; what it raises
    ends the computation. `fitter` fits all countries, `share_fitter` the shares by nationality; or they find the fit.
    Raises ForecastRefused for requests the data cannot serve.
    """
    # Sums that several threads share come out in another order on another machine: one thread, one answer.
    with threadpool_limits(limits=1):
        return _computed(request, realisations, _Clock(report), fitter, share_fitter)


def _computed(
    request: ForecastRequest,
    realisations: pd.DataFrame,
    clock: "_Clock",
    fitter: PanelFitter,
    share_fitter: CompositionFitter,
) -> Forecast:
    clock.enter("reading", 0.0)
    data = target_data(realisations, request.target, request.cutoff, request.as_of, request.horizon_years)
    density = _density(request, data)
    clock.enter("sampling", 0.02)
    fit = fit_model(data, request.seed, lambda share: clock.at(0.02 + 0.48 * share), fitter)
    clock.enter("simulating", 0.5)
    model = simulate_model(data, fit, request.seed)
    clock.enter("evidence", 0.6)
    evidence = learn_evidence(data, model, request.seed)
    clock.enter("weighing", 0.75)
    base = base_normals(DRAWS, request.horizon_years, request.seed)
    base = with_event_normals(base, request.horizon_years, event_slots(density), request.seed)
    own = model_component(model, evidence, base)
    posterior, joint = _posterior(request, density, evidence, base, own, clock)
    clock.enter("paths", 0.85)
    totals, rows, origin, waiting = _equal_draws(
        posterior, joint, model.totals, evidence.observation, request.seed
    )
    paths = whole_paths(totals, rows, model.log_paths, evidence.observation, waiting)
    clash = conflict(density, evidence, base, model.log_at_cutoff) if density else Conflict(False, None)
    clock.enter("nationalities", 0.88)
    composition = learn_composition(
        request, realisations, data, (posterior.keys, origin), share_fitter,
        lambda share: clock.at(0.88 + 0.08 * share),
    )  # fmt: skip
    diagnostics = {
        "source": data.source, "sources": data.measured.shares, **_diagnostics(fit, posterior, joint),
        "composition": composition.diagnostics,
    }  # fmt: skip
    steps = month_by_month(density, posterior, evidence, model.log_at_cutoff, base, request.seed)
    clock.enter("finished", 0.98)
    return Forecast(
        request, data, evidence, base, own, density, posterior, joint, paths, composition, clash, diagnostics,
        data.warnings + composition.remarks + _quality_warnings(diagnostics), clock.timings,
        steps,
    )  # fmt: skip


def learn_evidence(data: TargetData, model: ModelDraws, seed: int) -> Evidence:
    """The evidence function from the model's draws at both moments."""
    fitted = fit_evidence(model.log_at_cutoff, data.observation, model.smoothing, seed)
    return corrected(fitted, model.totals_at_cutoff, model.totals)


def base_normals(draws: int, horizon_years: int, seed: int) -> Array:
    """Standard normals `(draw, year + 1)` from a scrambled Sobol sequence: quantiles settle ten times sooner."""
    sobol = qmc.Sobol(horizon_years + 1, scramble=True, rng=np.random.default_rng(seed))
    points = sobol.random_base2(int(np.ceil(np.log2(draws))))[:draws]
    # Column by column is how they are read, on every edit.
    return np.asfortranarray(ndtri(np.clip(points, 1e-12, 1 - 1e-12)))


def model_component(model: ModelDraws, evidence: Evidence, base: Array) -> WeighedComponent:
    """The model as one component: draws continued exactly, its evidence that of its own prior at the cutoff."""
    nobody = Component(MODEL_KEY, 1.0, (), ())
    log_evidence = max(weigh_component(nobody, 0.0, evidence, base).log_evidence, _LEAST_LOG_EVIDENCE)
    return WeighedComponent(MODEL_KEY, model.totals, np.full(len(model.totals), log_evidence), "continued")


def _density(request: ForecastRequest, data: TargetData) -> ExpertDensity | None:
    if request.scenario_set is None:
        return None
    try:
        density = expert_density(request.scenario_set, data.counted_when_stated)
    except InvalidScenarioSet as invalid:
        faults = "; ".join(f"{fault.field}: {fault.detail}" for fault in invalid.faults)
        dutch = "; ".join(f"{fault.field}: {fault.detail_nl}" for fault in invalid.faults)
        raise ForecastRefused("scenarioSet", faults, dutch) from invalid
    if request.method == "joint" and (subsets := _together(density)) > MOST_JOINT_SUBSETS:
        raise ForecastRefused("method", *joint_refusal(subsets))
    return density


def _together(density: ExpertDensity) -> int:
    return most_together(part.additions for part in density.components)


def _posterior(
    request: ForecastRequest,
    density: ExpertDensity | None,
    evidence: Evidence,
    base: Array,
    model: WeighedComponent,
    clock: "_Clock",
) -> tuple[Posterior, JointDraws | None]:
    """Weighed draws; the joint model on request, or where neither weights nor adapted draws can be trusted."""
    posterior = weigh(density, request.expert_weight, evidence, base, model)
    try:
        trusted = posterior.reliable
    except NothingLeft as nothing:
        raise ForecastRefused(
            "scenarioSet",
            f"{nothing}; widen the scenarios or add an unforeseen one",
            "Geen scenario laat enige kans aan wat al geteld is; maak de scenario's breder of voeg een onvoorzien "
            "scenario toe.",
        ) from nothing
    if density is None or request.expert_weight == 0 or evidence.observation.complete.all():
        return posterior, None
    if (request.method == "weighted" and trusted) or _together(density) > MOST_JOINT_SUBSETS:
        return posterior, None
    clock.enter("sampling jointly", 0.78)
    joint = sample_joint(
        density,
        request.expert_weight,
        evidence,
        posterior,
        request.seed,
        lambda share: clock.at(0.78 + 0.12 * share),
    )
    return posterior, joint


def _equal_draws(
    posterior: Posterior, joint: JointDraws | None, own_totals: Array, observation: Observation, seed: int
) -> tuple[Array, NDArray[np.int64], NDArray[np.int64], dict[str, Array]]:
    """Equally weighted totals, the model path each starts from, the component each was drawn from, and what waits.

    The model's own draws keep their own path, others start from one alike: alike without what has not begun.
    """
    if joint is not None:
        rows = np.random.default_rng(seed).integers(len(joint.totals), size=DRAWS)
        totals, waiting = joint.totals[rows], {start: own[rows] for start, own in joint.waiting.items()}
        starts = alike_rows(under_way(totals, waiting), own_totals, observation)
        return totals, starts, joint.component[rows], waiting
    totals, component, row = resample(posterior, DRAWS, seed)
    waiting = waiting_of(posterior, component, row)
    own = np.array([key == MODEL_KEY for key in posterior.keys])[component]
    starts = row.copy()
    starts[~own] = alike_rows(under_way(totals, waiting)[~own], own_totals, observation)
    return totals, starts, component, waiting


def _diagnostics(fit: ModelFit, posterior: Posterior, joint: JointDraws | None) -> dict[str, object]:
    sampler = fit.last.diagnostics
    weights = posterior.diagnostics
    trusted = posterior.reliable if joint is None else joint.diagnostics.passed
    return {
        "rhatMax": sampler.rhat_max,
        "essMin": min(sampler.ess_bulk_min, sampler.ess_tail_min),
        "divergences": sampler.divergences,
        "bfmiMin": sampler.bfmi_min,
        "sampler": sampler.sampler,
        "paretoK": weights.pareto_k,
        "essWeighted": weights.ess_weighted,
        "methodUsed": "joint" if joint is not None else ("adapted" if weights.adapted else "weighted"),
        "passed": bool(sampler.passed and trusted),
    }


def _quality_warnings(diagnostics: dict[str, object]) -> tuple[Remark, ...]:
    if diagnostics["passed"]:
        return ()
    detail = (
        "The computation missed its own quality marks (see diagnostics); this forecast must not be adopted."
    )
    return (Remark("missed_quality_marks", detail),)


class _Clock:
    """Reports progress and keeps the seconds spent in every stage."""

    def __init__(self, report: Report) -> None:
        self.timings: dict[str, float] = {}
        self._report, self._stage, self._since = report, "", time.perf_counter()

    def enter(self, stage: str, fraction: float) -> None:
        now = time.perf_counter()
        if self._stage:
            self.timings[self._stage] = round(now - self._since, 3)
        self._stage, self._since = stage, now
        self._report(stage, fraction)

    def at(self, fraction: float) -> None:
        self._report(self._stage, fraction)
