"""Components weighed on demand and kept, so that an edit costs what it changes.

    posterior of parts = mixture of weighed components, prior shares times evidence      (models/posterior.py)

Only components never asked before are drawn and weighed; what is kept of the others are their curves. Web-safe, and
nothing is stored.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np
from numpy.typing import NDArray

from models.edited_events import OwnDraws, own_draws
from models.event_normals import with_event_normals
from models.evidence import Evidence
from models.layers import ComponentCurves, component_curves
from models.posterior import Posterior, assemble
from models.proposals import Proposal
from models.weighting import (
    Judgement,
    WeighedComponent,
    Weighing,
    judgement,
    serves,
    single,
    weigh_component,
)
from priors.events import SharedAmounts, slots_of
from priors.mixture import Component

Array = NDArray[np.float64]
Kept = tuple[Judgement, ComponentCurves]
Part = tuple[float, Component, float]  # share of the experts' prior, component, correlation of its years

_KEPT_BYTES = 30_000_000
_EVEN = 0.5  # share of the draws that count where few are enough
_FOR_A_START = 2_048  # draws from which a proposal to start from is found
_LEAST_FOR_THREADS = 15_000  # draws of a component


class Weigher:
    """Weighs components with `rows` draws each and keeps the latest.

    The number of draws and where a proposal starts from never depend on what was asked before: equal questions get
    equal answers. Safe to share between threads; two that ask for the same component at once may both weigh it.
    `seed` is the forecast's.
    """

    def __init__(
        self, evidence: Evidence, base: Array, model: WeighedComponent, rows: int, seed: int = 0
    ) -> None:
        self.rows, self.evidence = rows, evidence
        self._years, self._seed = len(evidence.observation.years), seed
        self._base = single(np.array(base[:rows, : self._years + 1]))
        self.model: Kept = (judgement(model), component_curves(model))
        self._own: dict[str, tuple[Component, float]] = {}
        self._starts: dict[str, Proposal | None] = {}
        self._uneven: set[str] = set()
        self._drawn: dict[str, OwnDraws | None] = {}
        self._starts_of_few: dict[str, Proposal | None] = {}
        self._kept: OrderedDict[object, Kept] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def keep(self, component: Component, year_correlation: float, weighed: WeighedComponent) -> None:
        """Take a component of the forecast itself, which is weighed already."""
        self._own[component.key] = component, year_correlation
        if weighed.proposal is not None or weighed.method == "weighted":
            self._starts[component.key] = weighed.proposal
        if weighed.proposal is None and weighed.effective_draws < _EVEN * len(weighed.totals):
            self._uneven.add(component.key)
        done = (judgement(weighed), component_curves(weighed))
        self._store(_Identity(component, year_correlation), done)

    def posterior(self, parts: list[Part], expert_weight: float) -> Posterior[Judgement]:
        """The posterior of components with their share of the experts' prior and their years' correlation."""
        self.prepare(parts)
        names = [_Identity(component, rho) for _, component, rho in parts]
        total = sum(share for share, _, _ in parts)
        done = [
            self._weighed(name, component, rho)
            for name, (_, component, rho) in zip(names, parts, strict=True)
        ]
        prior = [expert_weight * share / total for share, _, _ in parts]
        weight = expert_weight if parts else 0.0
        return assemble(self.evidence.observation.years, prior, done, weight, self.model)

    def prepare(self, parts: Iterable[Part]) -> None:
        """Weigh what is not kept: one component after another, or on threads where arrays are large.

        Arithmetic on arrays leaves the interpreter free, but to hand that over takes as long as some 20,000 numbers:
        with smaller arrays threads wait for one another more than they work.
        """
        named = {_Identity(component, rho): (component, rho) for _, component, rho in parts}
        missing = {name: part for name, part in named.items() if self._found(name) is None}
        if not missing:
            return
        base = self.normals(max(slots_of(component.additions) for component, _ in missing.values()))
        years, of_events = self.evidence.observation.years, base[:, self._years + 1 :]
        amounts = {rho: SharedAmounts(of_events, years, rho) for _, rho in missing.values()}
        # Those for which a proposal may have to be found take longest, so that they go first.
        names = sorted(missing, key=lambda name: self._starts.get(missing[name][0].key) is not None)

        def weighed(name: _Identity) -> Kept:
            component, rho = missing[name]
            return self._weigh(component, rho, base, amounts[rho])

        together = len(missing) > 1 and self.rows >= _LEAST_FOR_THREADS
        for name, done in zip(names, (_pool().map if together else map)(weighed, names), strict=True):
            self._store(name, done)

    def _weigh(
        self, component: Component, rho: float, base: Array, amounts: SharedAmounts | None = None
    ) -> Kept:
        own, tried = self.start(component.key), False
        if amounts is not None and (drawn := self._own_draws(component, rho)) is not None:
            found = drawn.with_events(component, amounts)
            if found is not None and serves(found[0]):
                return judgement(found[0]), component_curves(*found)
            tried = found is not None
        resort = self.start_for_few(component.key) if own is None else None
        start = None if tried else own
        weighed = weigh_component(component, rho, self.evidence, base, start, amounts, resort)
        return judgement(weighed), component_curves(weighed)

    def _own_draws(self, component: Component, rho: float) -> OwnDraws | None:
        """Draws of the forecast's own component of the same key, where this one differs from it in events only."""
        own, own_rho = self._own.get(component.key, (component, rho))
        if own.additions == component.additions or own_rho != rho:
            return None
        if (own.years, own.marginals) != (component.years, component.marginals):
            return None
        if own.key not in self._drawn:
            slots, start = slots_of(own.additions), self.start(own.key)
            base = self.normals(slots)[:, : (self._years + 1) * (1 + slots)]
            self._drawn[own.key] = own_draws(Weighing(own, rho, self.evidence), base, start)
        return self._drawn[own.key]

    def _weighed(self, name: _Identity, component: Component, rho: float) -> Kept:
        """From what is kept, or anew where so much was asked that it is gone again."""
        if (found := self._found(name)) is not None:
            return found
        return self._weigh(component, rho, self.normals(slots_of(component.additions)))

    def start(self, key: str) -> Proposal | None:
        """A proposal that serves the forecast's own component of this key; None where none is needed."""
        if key not in self._starts:
            self._starts[key] = self._served(*self._own[key]) if key in self._own else None
        return self._starts[key]

    def _served(self, component: Component, rho: float) -> Proposal | None:
        base = self.normals(slots_of(component.additions))
        found = weigh_component(component, rho, self.evidence, base[:_FOR_A_START]).proposal
        # Few draws may do without what all of them needed, for a heavy tail shows late.
        return found or weigh_component(component, rho, self.evidence, base).proposal

    def start_for_few(self, key: str) -> Proposal | None:
        """As `start`, also where many draws do without one and few would be left with next to none that count."""
        found = self.start(key)
        if found is not None or key not in self._uneven:
            return found
        if key not in self._starts_of_few:
            component, rho = self._own[key]
            few = self.normals(slots_of(component.additions))[:_FOR_A_START]
            weigh = Weighing(component, rho, self.evidence)
            self._starts_of_few[key] = weigh.adapted(few, *weigh(few, None), _EVEN * len(few)).proposal
        return self._starts_of_few[key]

    def normals(self, slots: int) -> Array:
        """The normals of years and of at least so many events; made once per number of events."""
        with self._lock:
            if self._base.shape[1] < (self._years + 1) * (1 + slots):
                first = self._base[:, : self._years + 1]
                self._base = with_event_normals(first, self._years, slots, self._seed)
            return self._base

    def _found(self, name: object) -> Kept | None:
        with self._lock:
            if name in self._kept:
                self._kept.move_to_end(name)
            return self._kept.get(name)

    def _store(self, name: object, done: Kept) -> None:
        with self._lock:
            if name in self._kept:
                return
            self._kept[name] = done
            self._bytes += done[1].cumulated.nbytes
            while self._bytes > _KEPT_BYTES:
                self._bytes -= self._kept.popitem(last=False)[1][1].cumulated.nbytes


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(2, thread_name_prefix="weighing")


class _Identity:
    """What a component's weighed draws depend on: all but its probability."""

    __slots__ = ("_hash", "_parts")

    def __init__(self, component: Component, year_correlation: float) -> None:
        self._parts = (
            component.key,
            year_correlation,
            component.years,
            component.marginals,
            component.additions,
        )
        self._hash = hash((component.statement_hash, year_correlation))

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Identity) and (self is other or self._parts == other._parts)
