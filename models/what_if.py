"""What an edit of scenarios does to a forecast, at once and change by change.

    effect of a change = its Shapley value in  v(S) = posterior quantiles when the changes S are made

Only what changed is drawn and weighed anew; the rest is read from what is kept. A change is one scenario's belief, one
event or group of events that exclude one another, the probabilities (with scenarios added or removed), the unforeseen
part, the years' correlation, or the experts' weight. With up to four changes the Shapley value is exact; with more,
the mean of the two opposite orders of making them. Both add up to the whole difference. Where steps between the
two ends are many they are taken with fewer draws, and what that leaves of the difference is shared out over the
changes by size: the ends themselves always have all draws. Web-safe, and nothing is stored.
"""

import itertools
import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from models.event_normals import with_event_normals
from models.evidence import Evidence
from models.layers import ComponentCurves, component_curves
from models.posterior import Posterior, assemble
from models.weighting import Judgement, WeighedComponent, judgement, weigh_component
from priors.events import EventBelief, EventGroup, additions_under, slots_of
from priors.mixture import UNFORESEEN_KEY, Component, ExpertDensity

Array = NDArray[np.float64]

Value = Callable[[frozenset[str]], Array]

LEVELS = (0.125, 0.5, 2 / 3, 0.875)
_EXACT_UP_TO = 4
_KEPT_BYTES = 30_000_000
_STEP_DRAWS = 60_000  # over all steps of an attribution together
_LEAST_ROWS = 256

Kept = tuple[Judgement, ComponentCurves]
Part = tuple[float, Component, float]  # share of the experts' prior, component, correlation of its years


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
    between threads; two that ask for the same component at once may both weigh it. `seed` is the forecast's.
    """

    def __init__(
        self, evidence: Evidence, base: Array, model: WeighedComponent, rows: int, seed: int = 0
    ) -> None:
        self.rows = rows
        self._evidence, self._years, self._seed = evidence, len(evidence.observation.years), seed
        self._base = np.array(base[:rows, : self._years + 1])
        self._model = (judgement(model), component_curves(model))
        self._kept: OrderedDict[object, Kept] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def keep(self, component: Component, year_correlation: float, weighed: WeighedComponent) -> None:
        """Take a component that is weighed already."""
        done = (judgement(weighed), component_curves(weighed))
        self._store((_identity(component, year_correlation), self.rows), done)

    def posterior(
        self, parts: list[Part], expert_weight: float, rows: int | None = None
    ) -> Posterior[Judgement]:
        """The posterior of components with their share of the experts' prior and their years' correlation."""
        total = sum(share for share, _, _ in parts)
        done = self._all_weighed(parts, rows or self.rows)
        prior = [expert_weight * share / total for share, _, _ in parts]
        years = self._evidence.observation.years
        weight = expert_weight if parts else 0.0
        return assemble(years, prior, done, weight, self._model)

    def _all_weighed(self, parts: Sequence[Part], rows: int) -> list[Kept]:
        identities = [(_identity(component, rho), rows) for _, component, rho in parts]
        found = {identity: self._found(identity) for identity in identities}
        known = {identity: done for identity, done in found.items() if done is not None}
        missing = {i: part for i, part in zip(identities, parts, strict=True) if i not in known}
        base = self._base_for(part for _, part, _ in missing.values())

        def weigh(part: Part) -> Kept:
            weighed = weigh_component(part[1], part[2], self._evidence, base[:rows])
            return judgement(weighed), component_curves(weighed)

        for identity, weighed in zip(missing, _together(weigh, list(missing.values())), strict=True):
            self._store(identity, weighed)
            known[identity] = weighed
        return [known[identity] for identity in identities]

    def _base_for(self, components: Iterable[Component]) -> Array:
        """The normals with as many columns as the components are drawn from; made once per number of events."""
        slots = max((slots_of(component.additions) for component in components), default=0)
        with self._lock:
            if self._base.shape[1] < (self._years + 1) * (1 + slots):
                first = self._base[:, : self._years + 1]
                self._base = with_event_normals(first, self._years, slots, self._seed)
            return self._base

    def _found(self, identity: object) -> Kept | None:
        with self._lock:
            if identity in self._kept:
                self._kept.move_to_end(identity)
            return self._kept.get(identity)

    def _store(self, identity: object, done: Kept) -> None:
        with self._lock:
            if identity in self._kept:
                return
            self._kept[identity] = done
            self._bytes += done[1].cumulated.nbytes
            while self._bytes > _KEPT_BYTES:
                self._bytes -= self._kept.popitem(last=False)[1][1].cumulated.nbytes


def _together(weigh: Callable[[Part], Kept], parts: list[Part]) -> list[Kept]:
    """Several components on two threads: the arithmetic on arrays leaves the interpreter free."""
    if len(parts) < 2:
        return [weigh(part) for part in parts]
    return list(_pool().map(weigh, parts))


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(2, thread_name_prefix="weighing")


def _identity(component: Component, year_correlation: float) -> object:
    """What a component's weighed draws depend on: all but its probability."""
    return component.key, component.years, component.marginals, component.additions, year_correlation


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
    names += event_changes(old.density.events, new.density.events)
    if old.density.year_correlation != new.density.year_correlation:
        names.append("yearCorrelation")
    if old.expert_weight != new.expert_weight:
        names.append("expertWeight")
    return tuple(names)


def event_changes(before: Sequence[EventGroup], after: Sequence[EventGroup]) -> list[str]:
    """`event:key` or, of events that exclude one another, `events:key+key`; `events` when other ones do than before."""
    old, new = _grouped(before), _grouped(after)
    overlapping = [(one, other) for one in old for other in new if one != other and one & other]
    if overlapping:
        return ["events"]
    keys = [*old, *(group for group in new if group not in old)]
    return [_group_name(old.get(k) or new[k]) for k in keys if _stated(old.get(k)) != _stated(new.get(k))]


def events_after(
    before: Sequence[EventGroup], after: Sequence[EventGroup], made: frozenset[str]
) -> list[EventGroup]:
    """The groups when only the changes `made` are made, each event drawn from the same normals before and after."""
    slots = {event.key: event.slot for group in before for event in group}
    for event in (event for group in after for event in group):
        slots.setdefault(event.key, len(slots))
    if "events" in made:
        chosen = list(after)
    else:
        old, new = _grouped(before), _grouped(after)
        kept = [new.get(k) if _group_name(group) in made else group for k, group in old.items()]
        added = [group for k, group in new.items() if k not in old and _group_name(group) in made]
        chosen = [group for group in (*kept, *added) if group is not None]
    return [tuple(replace(event, slot=slots[event.key]) for event in group) for group in chosen]


def _grouped(groups: Iterable[EventGroup]) -> dict[frozenset[str], EventGroup]:
    return {frozenset(event.key for event in group): group for group in groups}


def _group_name(group: EventGroup) -> str:
    keys = [event.key for event in group]
    return f"event:{keys[0]}" if len(keys) == 1 else f"events:{'+'.join(sorted(keys))}"


def _stated(group: EventGroup | None) -> list[EventBelief] | None:
    """What a group says, whatever its place in the list."""
    return None if group is None else sorted((replace(e, slot=0) for e in group), key=lambda e: e.key)


def posterior_after(
    old: Belief, new: Belief, made: frozenset[str], weigher: Weigher, rows: int | None = None
) -> Posterior[Judgement]:
    """The posterior when only the changes `made` are made, by default from all draws."""
    if old.density is None or new.density is None:
        belief = new if made else old
        return weigher.posterior(_own_parts(belief), belief.expert_weight, rows)
    before, after = _by_key(old.density), _by_key(new.density)
    shares = _scenario_shares(after if "probabilities" in made else before)
    rho = (new if "yearCorrelation" in made else old).density
    weight = (new if "expertWeight" in made else old).expert_weight
    unforeseen = (after if "unforeseen" in made else before).get(UNFORESEEN_KEY)
    u = unforeseen.probability if unforeseen else 0.0
    assert rho is not None
    groups = events_after(old.density.events, new.density.events, made)
    parts: list[Part] = []
    for key, share in shares.items():
        chosen = after if key in after and (f"scenario:{key}" in made or key not in before) else before
        component = replace(chosen[key], additions=additions_under(groups, key))
        parts.append(((1 - u) * share, component, rho.year_correlation))
    if unforeseen and u > 0:
        parts.append((u, unforeseen, rho.year_correlation))
    return weigher.posterior(parts if weight > 0 else [], weight, rows)


def attribution(old: Belief, new: Belief, weigher: Weigher) -> dict[str, Array]:
    """Effect of every change on the interval scenarios: name to `(level, year)` in persons."""
    names = changes_between(old, new)
    values: dict[frozenset[str], Array] = {}
    ends = (frozenset[str](), frozenset(names))
    rows = _step_rows(names, old, new, weigher)

    def value(made: frozenset[str]) -> Array:
        if made not in values:
            values[made] = posterior_after(old, new, made, weigher, rows).layer.quantiles(LEVELS)
        return values[made]

    if len(names) > _EXACT_UP_TO:
        effects = _two_orders(names, value)
    else:
        effects = {name: _shapley(name, names, value) for name in names}
    if rows is None:
        return effects
    before, after = (posterior_after(old, new, end, weigher).layer.quantiles(LEVELS) for end in ends)
    return _filled_up(effects, after - before)


def _step_rows(names: Sequence[str], old: Belief, new: Belief, weigher: Weigher) -> int | None:
    """Draws per component for the steps between the two ends; None for all of them, when few are weighed anew."""
    events = sum(name.startswith("event") for name in names)
    if events == 0 or len(names) == 1:
        return None
    components = max(len(old.parts), len(new.parts))
    orders = 2 * events if len(names) > _EXACT_UP_TO else 2 ** len(names)
    return min(max(_STEP_DRAWS // (orders * components), _LEAST_ROWS), weigher.rows)


def _filled_up(effects: dict[str, Array], difference: Array) -> dict[str, Array]:
    """The effects with what they lack of the difference, shared out by their sizes."""
    lacking = difference - np.sum(list(effects.values()), axis=0)
    sizes = np.sum([np.abs(effect) for effect in effects.values()], axis=0)
    even = 1.0 / len(effects)
    return {
        name: effect
        + lacking * np.divide(np.abs(effect), sizes, out=np.full_like(sizes, even), where=sizes > 0)
        for name, effect in effects.items()
    }


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


def _own_parts(belief: Belief) -> list[Part]:
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
