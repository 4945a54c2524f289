"""What an edit of scenarios does to a forecast, at once and change by change.

    effect of a change = its Shapley value in  v(S) = posterior quantiles when the changes S are made

Only what changed is drawn and weighed anew; the rest is read from what is kept. A change is one scenario's belief, the
probabilities (with scenarios added or removed), the unforeseen part, the years' correlation, or the experts' weight.
With up to four changes the Shapley value is exact; with more, the mean of the two opposite orders of making
them. Both add up to the whole difference. Web-safe, and nothing is stored.
"""

import itertools
import math
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.evidence import Evidence
from models.layers import ComponentCurves, component_curves
from models.posterior import Posterior, assemble
from models.weighting import Judgement, WeighedComponent, judgement, weigh_component
from priors.mixture import UNFORESEEN_KEY, Component, ExpertDensity

Array = NDArray[np.float64]

Value = Callable[[frozenset[str]], Array]

LEVELS = (0.125, 0.5, 2 / 3, 0.875)
_EXACT_UP_TO = 4
_KEPT = 32  # a scenario's curves take about 0.8 megabytes

Kept = tuple[Judgement, ComponentCurves]


@dataclass(frozen=True)
class Belief:
    """What the experts hold: their density (None for the model alone) and the weight it gets."""

    density: ExpertDensity | None
    expert_weight: float

    @property
    def parts(self) -> dict[str, Component]:
        """Components by key; none when they have no weight."""
        if self.density is None or self.expert_weight == 0:
            return {}
        return {c.key: c for c in self.density.components}


class Weigher:
    """Weighs components with `rows` draws each and keeps the latest, so that an edit costs what it changes.

    The number of draws never depends on what was asked before: equal questions get equal answers. Safe to share
    between threads; two that ask for the same component at once may both weigh it.
    """

    def __init__(self, evidence: Evidence, base: Array, model: WeighedComponent, rows: int) -> None:
        self._evidence, self._base = evidence, base[:rows]
        self._model = (judgement(model), component_curves(model))
        self._kept: OrderedDict[object, Kept] = OrderedDict()
        self._lock = threading.Lock()

    def keep(self, component: Component, year_correlation: float, weighed: WeighedComponent) -> None:
        """Take a component that is weighed already."""
        self._store(_identity(component, year_correlation), (judgement(weighed), component_curves(weighed)))

    def posterior(
        self, parts: list[tuple[float, Component, float]], expert_weight: float
    ) -> Posterior[Judgement]:
        """The posterior of components with their share of the experts' prior and their years' correlation."""
        total = sum(share for share, _, _ in parts)
        done = [self._weighed(component, rho) for _, component, rho in parts]
        prior = [expert_weight * share / total for share, _, _ in parts]
        years = self._evidence.observation.years
        weight = expert_weight if parts else 0.0
        return assemble(years, prior, done, weight, self._model)

    def _weighed(self, component: Component, rho: float) -> Kept:
        identity = _identity(component, rho)
        with self._lock:
            if identity in self._kept:
                self._kept.move_to_end(identity)
                return self._kept[identity]
        weighed = weigh_component(component, rho, self._evidence, self._base)
        done = (judgement(weighed), component_curves(weighed))
        self._store(identity, done)
        return done

    def _store(self, identity: object, done: Kept) -> None:
        with self._lock:
            self._kept[identity] = done
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)


def _identity(component: Component, year_correlation: float) -> object:
    """What a component's weighed draws depend on: all but its probability."""
    return component.key, component.years, component.marginals, year_correlation


def changes_between(old: Belief, new: Belief) -> tuple[str, ...]:
    """Names of the changes that lead from one to the other."""
    if old.density is None or new.density is None:
        return () if old.density is new.density else ("scenarioSet",)
    before, after = (_by_key(b.density) for b in (old, new))
    names = [
        f"scenario:{key}"
        for key in before
        if key in after and key != UNFORESEEN_KEY and not _same_belief(before[key], after[key])
    ]
    if _scenario_shares(before) != _scenario_shares(after):
        names.append("probabilities")
    if before.get(UNFORESEEN_KEY) != after.get(UNFORESEEN_KEY):
        names.append("unforeseen")
    if old.density.year_correlation != new.density.year_correlation:
        names.append("yearCorrelation")
    if old.expert_weight != new.expert_weight:
        names.append("expertWeight")
    return tuple(names)


def posterior_after(old: Belief, new: Belief, made: frozenset[str], weigher: Weigher) -> Posterior[Judgement]:
    """The posterior when only the changes `made` are made."""
    if old.density is None or new.density is None:
        belief = new if made else old
        return weigher.posterior(_own_parts(belief), belief.expert_weight)
    before, after = _by_key(old.density), _by_key(new.density)
    shares = _scenario_shares(after if "probabilities" in made else before)
    rho = (new if "yearCorrelation" in made else old).density
    weight = (new if "expertWeight" in made else old).expert_weight
    unforeseen = (after if "unforeseen" in made else before).get(UNFORESEEN_KEY)
    u = unforeseen.probability if unforeseen else 0.0
    assert rho is not None
    parts = []
    for key, share in shares.items():
        chosen = after if key in after and (f"scenario:{key}" in made or key not in before) else before
        parts.append(((1 - u) * share, chosen[key], rho.year_correlation))
    if unforeseen and u > 0:
        parts.append((u, unforeseen, rho.year_correlation))
    return weigher.posterior(parts if weight > 0 else [], weight)


def attribution(old: Belief, new: Belief, weigher: Weigher) -> dict[str, Array]:
    """Effect of every change on the interval scenarios: name to `(level, year)` in persons."""
    names = changes_between(old, new)
    values: dict[frozenset[str], Array] = {}

    def value(made: frozenset[str]) -> Array:
        if made not in values:
            values[made] = posterior_after(old, new, made, weigher).layer.quantiles(LEVELS)
        return values[made]

    if len(names) > _EXACT_UP_TO:
        return _two_orders(names, value)
    return {name: _shapley(name, names, value) for name in names}


def _shapley(name: str, names: tuple[str, ...], value: Value) -> Array:
    others = [n for n in names if n != name]
    effect = np.zeros_like(value(frozenset()))
    for size in range(len(others) + 1):
        share = math.factorial(size) * math.factorial(len(others) - size) / math.factorial(len(names))
        for subset in itertools.combinations(others, size):
            made = frozenset(subset)
            effect += share * (value(made | {name}) - value(made))
    return effect


def _two_orders(names: tuple[str, ...], value: Value) -> dict[str, Array]:
    effects = {name: np.zeros_like(value(frozenset())) for name in names}
    for order in (names, names[::-1]):
        made: frozenset[str] = frozenset()
        for name in order:
            effects[name] += (value(made | {name}) - value(made)) / 2
            made = made | {name}
    return effects


def _own_parts(belief: Belief) -> list[tuple[float, Component, float]]:
    rho = belief.density.year_correlation if belief.density else 0.0
    return [(c.probability, c, rho) for c in belief.parts.values()]


def _by_key(density: ExpertDensity | None) -> dict[str, Component]:
    return {c.key: c for c in density.components} if density else {}


def _scenario_shares(parts: dict[str, Component]) -> dict[str, float]:
    """Scenario probabilities among the scenarios alone, rounded past what `1 - u` leaves of them."""
    scenarios = {key: c.probability for key, c in parts.items() if key != UNFORESEEN_KEY}
    total = math.fsum(scenarios.values())
    return {key: round(p / total, 12) for key, p in scenarios.items()}


def _same_belief(one: Component, other: Component) -> bool:
    return (one.years, one.marginals) == (other.years, other.marginals)
