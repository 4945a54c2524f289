"""A forecast on disk, and the questions it answers.

    <directory>/forecast.json      request, calendar, diagnostics, probabilities
    <directory>/*.npy              draws, weights, evidence and paths: opened memory-mapped, read as asked

The web process opens such a directory and answers everything from it: layers, monthly quantiles, paths, what-ifs.
It neither fits nor samples, so nothing here may import PyMC, scikit-learn or Numba. Written by models/storing.py.
"""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from models.edits import Belief
from models.event_normals import event_slots, with_event_normals
from models.evidence import Correction, Evidence, Smoothing
from models.experts_layer import ExpertsLayer
from models.gaussian_mixture import GaussianMixture
from models.layers import Density, Layer, component_curves
from models.left_out import experts_left_out, left_out_effects
from models.observation import Observation
from models.posterior import C, Posterior, Weighed, assemble, experts_layer, prior_parts
from models.request import Remark, remarks_from
from models.stored_composition import Calendar, StoredComposition, read_composition
from models.weigher import Weigher
from models.weighting import WeighedComponent
from models.what_if import LEVELS as WHAT_IF_LEVELS
from models.what_if import edited
from priors.mixture import ExpertDensity, expert_density
from priors.scenario import ScenarioSet, parse_scenario_set
from priors.summary import LEVELS

Array = NDArray[np.float64]

LAYERS = ("posterior", "experts", "model")
_PARTS_OF_A_NEW_SET = 5  # among which the draws are shared out when the forecast itself had no scenarios


class LayerMissing(LookupError):
    """A forecast without a scenario set has no experts' layer."""


class AnsweringLayer(Protocol):
    """What a layer answers: see models.layers.Layer."""

    @property
    def years(self) -> tuple[int, ...]: ...
    def quantiles(self, levels: Sequence[float]) -> Array: ...
    def mean(self) -> Array: ...
    def sd(self) -> Array: ...
    def exceedance(self, year: int, above: float) -> tuple[float, float]: ...
    def density(self, year: int, points: int = 201) -> Density: ...


@dataclass(frozen=True)
class ObservedYear:
    """Persons counted of a target year, and in how many months."""

    to_date: float
    months: int


@dataclass(frozen=True)
class ScenarioProbabilities:
    """Prior and posterior probability per component key; `surprise` None while nothing came after the cutoff."""

    keys: tuple[str, ...]
    prior: tuple[float, ...]
    posterior: tuple[float, ...]
    conflict_flag: bool
    surprise: float | None


@dataclass(frozen=True)
class Monthly:
    """Months 'YYYY-MM' of the target years; `observed` NaN where still to come; `quantiles` `(level, month)`."""

    months: tuple[str, ...]
    mean: Array
    quantiles: Array
    observed: Array


@dataclass(frozen=True)
class WhatIf:
    """The forecast as an edit would leave it. `effects`: change to `(level, year)` in persons; `left_out`: as there."""

    layer: Layer
    probabilities: ScenarioProbabilities
    effects: dict[str, Array]
    left_out: dict[tuple[str, str], Array]
    pareto_k: float | None
    ess_weighted: float
    method_used: str
    seconds: float


def open_forecast(directory: Path) -> "StoredForecast":
    """Open a directory written by `write_forecast`; arrays are mapped, not read. Raises FileNotFoundError."""
    document = json.loads((directory / "forecast.json").read_text(encoding="utf-8"))
    return StoredForecast(directory, document)


@dataclass(frozen=True)
class StoredForecast:
    """A forecast read back. Properties are made when first asked for and then kept."""

    directory: Path
    document: dict[str, Any]

    @cached_property
    def observation(self) -> Observation:
        """The calendar of what was counted."""
        d = self.document["observation"]
        return Observation(
            years=tuple(d["years"]),
            counted_at_cutoff=np.array(d["countedAtCutoff"]),
            counted=np.array(d["counted"]),
            months_counted=np.array(d["monthsCounted"], dtype=np.int64),
            first_later_month=np.datetime64(d["firstLaterMonth"], "M"),
            later_counts=np.array(d["laterCounts"], dtype=float),
            unused_months=d["unusedMonths"],
        )

    @property
    def years(self) -> tuple[int, ...]:
        """The target years."""
        return self.observation.years

    @property
    def observed(self) -> dict[int, ObservedYear]:
        """What is counted of every target year."""
        o = self.observation
        return {
            year: ObservedYear(float(count), int(months))
            for year, count, months in zip(o.years, o.counted, o.months_counted, strict=True)
        }

    @property
    def warnings(self) -> tuple[Remark, ...]:
        """What a reader of the numbers must see."""
        return remarks_from(self.document["warnings"])

    @property
    def data_quality(self) -> list[dict[str, Any]]:
        """Findings about the figures at `as_of`, the most severe first (`measurement.findings`)."""
        return list(self.document.get("dataQuality", []))

    @property
    def diagnostics(self) -> dict[str, Any]:
        """Sampler and weight diagnostics."""
        return dict(self.document["diagnostics"])

    @property
    def timings(self) -> dict[str, float]:
        """Seconds per stage."""
        return dict(self.document["timings"])

    @cached_property
    def scenario_set(self) -> ScenarioSet | None:
        """The experts' set, None for the model alone."""
        stated = self.document["scenarioSet"]
        return parse_scenario_set(stated) if stated else None

    def density(self, scenario_set: ScenarioSet) -> ExpertDensity:
        """A set's density over the floor the experts knew. Raises InvalidScenarioSet."""
        return expert_density(scenario_set, self.document["countedWhenStated"])

    @cached_property
    def belief(self) -> Belief:
        """What the experts held, and their weight."""
        density = self.density(self.scenario_set) if self.scenario_set else None
        return Belief(density, self.document["expertWeight"])

    @cached_property
    def _weigher(self) -> Weigher:
        base = self._array("base")
        rows = len(base) // (len(self._experts) or _PARTS_OF_A_NEW_SET)
        weigher = Weigher(self._evidence, base, self._model, rows, self.document["seed"])
        for component, (weighed, _) in zip(self.belief.parts.values(), self._experts, strict=True):
            assert self.belief.density is not None
            weigher.keep(component, self.belief.density.year_correlation, weighed)
        return weigher

    @cached_property
    def posterior(self) -> Posterior:
        """The weighed components (what-ifs start here also when the forecast itself was sampled jointly)."""
        prior = [p for p, _ in prior_parts(self.belief.density, self.belief.expert_weight)]
        model = (self._model, component_curves(self._model))
        weight = self.belief.expert_weight if prior else 0.0
        return assemble(self.years, prior, self._experts, weight, model)

    @cached_property
    def _before(self) -> Array:
        """The quantiles `(level, year)` from which what-ifs start."""
        return self.posterior.layer.quantiles(WHAT_IF_LEVELS)

    def layer(self, name: str) -> AnsweringLayer:
        """`posterior`, `experts` or `model`. Raises LayerMissing, KeyError for another name."""
        layers: dict[str, Callable[[], AnsweringLayer]] = {
            "posterior": self._posterior_layer,
            "experts": self._experts_layer,
            "model": self._model_layer,
        }
        return layers[name]()

    def _posterior_layer(self) -> Layer:
        return self._joint_layer if self.document["jointProbabilities"] else self.posterior.layer

    @cached_property
    def _joint_layer(self) -> Layer:
        totals = self._array("joint_totals")
        drawn = WeighedComponent("joint", totals, np.zeros(len(totals)), "joint")
        return Layer(self.years, (component_curves(drawn),), np.ones(1))

    def _experts_layer(self) -> ExpertsLayer:
        if self.scenario_set is None:
            raise LayerMissing("this forecast has no scenario set, so it has no experts' layer")
        return self._drawn_experts

    @cached_property
    def _drawn_experts(self) -> ExpertsLayer:
        assert self.scenario_set is not None
        density = self.density(self.scenario_set)
        open_years = {
            y for y, is_open in zip(self.years, self.observation.open_at_cutoff, strict=True) if is_open
        }
        stated = tuple(year for year in density.years if year in open_years)
        base = self._array("base")
        rows = len(base) // len(density.components)
        base = with_event_normals(base[:rows], len(self.years), event_slots(density), self.document["seed"])
        return ExpertsLayer(experts_layer(density, self._evidence, base, rows), density, stated)

    def _model_layer(self) -> Layer:
        return self._own_model_layer

    @cached_property
    def _own_model_layer(self) -> Layer:
        return Layer(self.years, (component_curves(self._model),), np.ones(1))

    def scenario_probabilities(self) -> ScenarioProbabilities:
        """Before and after the later months."""
        joint = self.document["jointProbabilities"]
        posterior = tuple(joint) if joint else tuple(self.posterior.probabilities.tolist())
        clash = self.document["conflict"]
        return ScenarioProbabilities(
            self.posterior.keys,
            tuple(self.posterior.prior.tolist()),
            posterior,
            clash["flag"],
            clash["surprise"],
        )

    @property
    def month_steps(self) -> list[dict[str, Any]]:
        """Probabilities after each later month; none in forecasts made before they were kept."""
        return list(self.document.get("byMonth", ()))

    def left_out(self) -> dict[tuple[str, str], Array]:
        """What the posterior's quantiles `(level, year)` lose without each scenario and, of a pool, each expert."""
        return self._left_out(self.scenario_set, self.belief, self.posterior)

    def _left_out(
        self, chosen: ScenarioSet | None, belief: Belief, posterior: Posterior[C]
    ) -> dict[tuple[str, str], Array]:
        pool = chosen.pool if chosen else None
        linear = pool is not None and pool.method == "linear_pool"
        effects = left_out_effects(posterior, linear)
        if pool is not None and not linear:
            effects |= experts_left_out(belief, pool, posterior, self._weigher)
        return effects

    def monthly(self, levels: Sequence[float]) -> Monthly:
        """Mean and quantiles of every month of the target years; counted months are their count."""
        counted = self._counted
        paths = self._array("paths")[:, self._target_months]
        quantiles = (
            np.quantile(paths, np.asarray(levels), axis=0) if paths.size else np.empty((len(levels), 0))
        )
        known = np.fromiter(counted.values(), dtype=float)
        return Monthly(
            months=self._months,
            mean=np.concatenate([known, paths.mean(axis=0) if paths.size else np.empty(0)]),
            quantiles=np.concatenate([np.tile(known, (len(levels), 1)), quantiles], axis=1),
            observed=np.concatenate([known, np.full(paths.shape[1], np.nan)]),
        )

    def paths(self, draws: int) -> tuple[tuple[str, ...], NDArray[np.int32]]:
        """Months 'YYYY-MM' and the first `draws` paths `(draw, month)` in whole persons, counted months included."""
        future = self._array("paths")[:draws, self._target_months]
        known = np.rint(np.fromiter(self._counted.values(), dtype=float)).astype(np.int32)
        return self._months, np.concatenate([np.tile(known, (len(future), 1)), future], axis=1)

    @cached_property
    def composition(self) -> StoredComposition | None:
        """The paths by nationality; None where none are told apart."""
        return read_composition(self.directory)

    @property
    def calendar(self) -> Calendar:
        """What is counted of the target years and every path of what is to come."""
        future = self.observation.future_months[self._target_months]
        counted = np.array(list(self._counted), dtype="datetime64[M]")
        paths: NDArray[np.int32] = np.load(self.directory / "paths.npy", mmap_mode="r")
        return Calendar(self.years, counted, future, paths[:, self._target_months])

    def whole_figures(self) -> dict[str, list[int]]:
        """Whole persons of the four scenarios, per year."""
        by_level = self.layer("posterior").quantiles(tuple(LEVELS.values()))
        whole = np.floor(by_level + 0.5).astype(np.int64)
        return {name: by_year.tolist() for name, by_year in zip(LEVELS, whole, strict=True)}

    @property
    def draws(self) -> int:
        """How many paths are stored."""
        return int(self._array("paths").shape[0])

    def what_if(self, scenario_set: ScenarioSet | None, expert_weight: float) -> WhatIf:
        """The forecast with another scenario set or weight. Raises InvalidScenarioSet, NothingLeft."""
        started = time.perf_counter()
        belief = Belief(self.density(scenario_set) if scenario_set else None, expert_weight)
        effects, posterior = edited(self.belief, belief, self._weigher, self._before)
        clash = self.document["conflict"]
        probabilities = ScenarioProbabilities(
            posterior.keys, tuple(posterior.prior.tolist()), tuple(posterior.probabilities.tolist()),
            clash["flag"], clash["surprise"],
        )  # fmt: skip
        checks = posterior.diagnostics
        return WhatIf(
            posterior.layer, probabilities, effects, self._left_out(scenario_set, belief, posterior),
            checks.pareto_k, checks.ess_weighted, "adapted" if checks.adapted else "weighted",
            time.perf_counter() - started,
        )  # fmt: skip

    @property
    def _counted(self) -> dict[str, float]:
        return dict(self.document["countedMonths"])

    @cached_property
    def _months(self) -> tuple[str, ...]:
        future = self.observation.future_months[self._target_months]
        return (*self._counted, *(str(m) for m in future))

    @cached_property
    def _target_months(self) -> NDArray[np.bool_]:
        """Which simulated months belong to target years: a late start may simulate some of the year before."""
        return np.asarray(self.observation.future_months >= np.datetime64(f"{self.years[0]}-01", "M"))

    @cached_property
    def _evidence(self) -> Evidence:
        mixture = GaussianMixture(
            *(np.array(self._array(f"evidence_{n}")) for n in ("weights", "means", "covariances"))
        )
        correction = None
        if (self.directory / "evidence_knots.npy").exists():
            correction = Correction(*(np.array(self._array(f"evidence_{n}")) for n in ("knots", "heights")))
        smoothing = Smoothing(self.document["alpha"], self._array("evidence_season"))
        return Evidence(self.observation, smoothing, mixture, correction)

    @cached_property
    def _model(self) -> WeighedComponent:
        totals = self._array("model_totals")
        return WeighedComponent(
            "model", totals, np.full(len(totals), self.document["modelLogEvidence"]), "continued"
        )

    @cached_property
    def _experts(self) -> list[Weighed]:
        kept = []
        for i, part in enumerate(self.document["components"]):
            totals, log_weights = (self._array(f"component_{i}_{n}") for n in ("totals", "log_weights"))
            weighed = WeighedComponent(part["key"], totals, log_weights, part["method"])
            kept.append((weighed, component_curves(weighed)))
        return kept

    def _array(self, name: str) -> Array:
        array: Array = np.load(self.directory / f"{name}.npy", mmap_mode="r")
        return array
