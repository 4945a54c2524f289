"""The posterior over yearly totals: components of the prior, each weighed, put together.

    pi(N)   = expert_weight sum_k p_k pi_k(N) + (1 - expert_weight) q_c(N)
    P(k | later months)  is proportional to  prior_k E_k[w],     w the evidence

The experts' density replaces the model's opinion at the cutoff; the model enters the prior only with the weight
1 - expert_weight, as the component "model". Its draws given the later months are not weighed but
continued exactly from them, so with expert_weight 0 the answer is the model refitted.
Web-safe: NumPy only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Generic, Protocol

import numpy as np
from numpy.typing import NDArray
from typing_extensions import TypeVar

from models.component_draws import prior_totals
from models.evidence import Evidence
from models.layers import ComponentCurves, Layer, component_curves
from models.weighting import WeighedComponent, weigh_component
from priors.mixture import Component, ExpertDensity

Array = NDArray[np.float64]

MODEL_KEY = "model"


class Judged(Protocol):
    """What a posterior needs to know of a component: its evidence and how far to trust it."""

    @property
    def key(self) -> str: ...
    @property
    def method(self) -> str: ...
    @property
    def log_evidence(self) -> float: ...
    @property
    def effective_draws(self) -> float: ...
    @property
    def pareto_k(self) -> float: ...
    @property
    def reliable(self) -> bool: ...


C = TypeVar("C", bound=Judged, default=WeighedComponent)
Weighed = tuple[WeighedComponent, ComponentCurves]


class NothingLeft(ValueError):
    """No component has any mass where the counts allow totals."""


@dataclass(frozen=True)
class WeightDiagnostics:
    """Worst Pareto k-hat (None: flat tails, nothing to worry), effective draws of the whole, and whether
    some component needed a proposal of its own."""

    pareto_k: float | None
    ess_weighted: float
    adapted: bool


@dataclass(frozen=True)
class Posterior(Generic[C]):
    """Weighed components, with or without their draws, and their prior probabilities `(component,)`, summing to 1."""

    years: tuple[int, ...]
    prior: Array
    components: tuple[C, ...]
    curves: tuple[ComponentCurves, ...]

    @property
    def keys(self) -> tuple[str, ...]:
        """The components' keys, `model` last where the model has weight."""
        return tuple(c.key for c in self.components)

    @cached_property
    def probabilities(self) -> Array:
        """Posterior probabilities `(component,)`. Raises NothingLeft when all are ruled out."""
        return posterior_probabilities(self.prior, [c.log_evidence for c in self.components])

    @cached_property
    def layer(self) -> Layer:
        """The posterior's answers."""
        return Layer(self.years, self.curves, self.probabilities)

    @property
    def reliable(self) -> bool:
        """Whether every component that matters (posterior probability over 1%) has good diagnostics."""
        return all(c.reliable for p, c in zip(self.probabilities, self.components, strict=True) if p > 0.01)

    @property
    def diagnostics(self) -> WeightDiagnostics:
        """Over the components with a posterior probability above 1%."""
        used = [(p, c) for p, c in zip(self.probabilities, self.components, strict=True) if p > 0.01]
        worst = max(c.pareto_k for _, c in used)
        variance = sum(p**2 / max(c.effective_draws, 1.0) for p, c in used)
        adapted = any(c.method == "adapted" for _, c in used)
        return WeightDiagnostics(worst if np.isfinite(worst) else None, float(1.0 / variance), adapted)


def weigh(
    density: ExpertDensity | None,
    expert_weight: float,
    evidence: Evidence,
    base: Array,
    model: WeighedComponent,
) -> Posterior:
    """The posterior for an expert density; `base` `(draw, column)` standard normals, shared out evenly.

    One column per target year, one to choose by, and those of events where there are any (models/event_normals.py).
    """
    parts = prior_parts(density, expert_weight)
    rows = len(base) // max(len(parts), 1)
    weighed = []
    for _, part in parts:
        component = weigh_component(part, density.year_correlation if density else 0.0, evidence, base[:rows])
        weighed.append((component, component_curves(component)))
    own = (model, component_curves(model))
    return assemble(evidence.observation.years, [p for p, _ in parts], weighed, expert_weight, own)


def prior_parts(density: ExpertDensity | None, expert_weight: float) -> list[tuple[float, Component]]:
    """Prior probability and component of every part the experts contribute."""
    if density is None or expert_weight == 0:
        return []
    total = sum(c.probability for c in density.components)
    return [(expert_weight * c.probability / total, c) for c in density.components]


def assemble(
    years: tuple[int, ...],
    prior: Sequence[float],
    weighed: Sequence[tuple[C, ComponentCurves]],
    expert_weight: float,
    model: tuple[C, ComponentCurves],
) -> Posterior[C]:
    """A posterior from components already weighed; the model joins them where it has weight."""
    parts, probabilities = list(weighed), list(prior)
    if expert_weight < 1 or not parts:
        parts.append(model)
        probabilities.append(1 - expert_weight if weighed else 1.0)
    components, curves = zip(*parts, strict=True)
    return Posterior(years, np.asarray(probabilities), tuple(components), tuple(curves))


def posterior_probabilities(prior: Array, log_evidence: Sequence[float]) -> Array:
    """Prior times evidence, normalised. Raises NothingLeft when every product is zero."""
    logs = np.asarray(log_evidence, dtype=float)
    allowed = (np.asarray(prior) > 0) & np.isfinite(logs)
    if not allowed.any():
        raise NothingLeft("no scenario leaves any chance to what has been counted")
    weights = np.zeros(len(logs))
    weights[allowed] = np.asarray(prior)[allowed] * np.exp(logs[allowed] - logs[allowed].max())
    return np.asarray(weights / weights.sum())


def experts_layer(density: ExpertDensity, evidence: Evidence, base: Array, rows: int | None = None) -> Layer:
    """The experts' density before the evidence, from the same draws; years they left open from the model.

    `rows` draws are made of every component, by default the base shared out evenly.
    """
    parts = prior_parts(density, 1.0)
    rows = rows or len(base) // len(parts)
    curves = []
    for _, part in parts:
        totals = prior_totals(part, density.year_correlation, evidence, base[:rows])
        curves.append(component_curves(WeighedComponent(part.key, totals, np.zeros(rows), "prior")))
    return Layer(evidence.observation.years, tuple(curves), np.array([p for p, _ in parts]))


def waiting_of(posterior: Posterior, origin: NDArray[np.int64], row: NDArray[np.int64]) -> dict[str, Array]:
    """What `resample` drew of events that have not begun `(draw, year)`, by the month they begin."""
    found: dict[str, Array] = {}
    for place, component in enumerate(posterior.components):
        own = np.flatnonzero(origin == place)
        for start, amounts in component.waiting.items():
            drawn = found.setdefault(start, np.zeros((len(origin), amounts.shape[1])))
            drawn[own] = amounts[row[own]]
    return found


def resample(
    posterior: Posterior, draws: int, seed: int
) -> tuple[Array, NDArray[np.int64], NDArray[np.int64]]:
    """Equally weighted totals `(draw, year)` with each draw's component and row, by systematic resampling.

    Draws stand in the order of their sum over the years: that spreads the choice evenly over the distribution, while
    in the order in which they were made its steps would beat with those of the Sobol sequence behind them.
    """
    weights, orders, starts = [], [], [0]
    for probability, component in zip(posterior.probabilities, posterior.components, strict=True):
        order = np.argsort(component.totals.sum(axis=1), kind="stable")
        own = np.zeros(len(order))
        if probability > 0:
            own = np.exp(component.log_weights - component.log_weights.max())[order]
            own *= probability / own.sum()
        weights.append(own)
        orders.append(order)
        starts.append(starts[-1] + len(order))
    cumulated = np.cumsum(np.concatenate(weights))
    rng = np.random.default_rng(seed)
    points = (np.arange(draws) + rng.uniform()) / draws * cumulated[-1]
    chosen = rng.permutation(np.minimum(np.searchsorted(cumulated, points, side="right"), len(cumulated) - 1))
    origin = np.searchsorted(starts, chosen, side="right") - 1
    row = np.concatenate(orders)[chosen]
    totals = np.concatenate([c.totals for c in posterior.components], dtype=np.float64)[
        np.asarray(starts)[origin] + row
    ]
    return totals, origin.astype(np.int64), row.astype(np.int64)
