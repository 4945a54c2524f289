"""One component of the prior, drawn and weighed by the evidence.

    totals = T(base),  base ~ N(0, I);   weight = w(totals) [x the density of years fully counted since the cutoff]

The totals are a function of standard normals (models/component_draws.py), so that one fallback serves every
component: where the weights are too uneven, the normals are drawn from a proposal fitted to prior x evidence and
weighed back to N(0, I) (models/proposals.py). A proposal that served a belief serves the same belief moved a little,
and saves finding it again.

All of it is in single precision, for forecasts as for what-ifs: half the time, and 1e-7 of a total. Weights are
summed in double precision. Runs in the web process on every edit: NumPy and SciPy only.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from models.component_draws import completed_totals, drawn_totals, open_years_of
from models.event_normals import columns_needed
from models.evidence import Evidence
from models.pareto import pareto_k
from models.proposals import Points, Proposal, fitted_proposal, plain_points, proposed_points
from models.stated_draws import FurtherDraws
from priors.events import Additions, AmountsInRows, SharedAmounts, restricted_additions, waiting_amounts
from priors.mixture import Component

Array = NDArray[np.float64]

MIN_EFFECTIVE = 1_000.0
MAX_PARETO_K = 0.7
_ROUNDS = 10
_PILOT = 2_048
_WIDER = (1.25, 1.5, 1.8)


@dataclass(frozen=True)
class WeighedComponent:
    """Totals `(draw, year)` with unnormalised log weights `(draw,)`, and how and from which proposal they came.

    `waiting` is the part `(draw, year)` of the totals that events add which have not begun, by the month they begin.
    """

    key: str
    totals: Array
    log_weights: Array
    method: str
    proposal: Proposal | None = None
    waiting: Mapping[str, Array] = field(default_factory=dict)

    @cached_property
    def weights(self) -> Array:
        """Weights `(draw,)` relative to the largest; all 0 where the component ruled out what came."""
        top = float(self.log_weights.max())
        return np.exp(self.log_weights - top) if np.isfinite(top) else np.zeros(len(self.log_weights))

    @cached_property
    def log_evidence(self) -> float:
        """`log E[w]`: how well the component foresaw what came. -inf when it ruled it out."""
        mean = float(self.weights.mean())
        return float(self.log_weights.max()) + math.log(mean) if mean > 0 else -math.inf

    @cached_property
    def effective_draws(self) -> float:
        """Effective sample size of the weights."""
        total = float(self.weights.sum())
        return total**2 / float(self.weights @ self.weights) if total > 0 else 0.0

    @cached_property
    def pareto_k(self) -> float:
        """k-hat of the weights."""
        return pareto_k(self.log_weights)

    @property
    def reliable(self) -> bool:
        """Whether both diagnostics are good; a small set may not have the full effective sample to give.

        That the largest weight is small is no excuse for k-hat: weights truly bounded so low have a k-hat below
        0.7, and of a heavy tail it says that its largest draws have not come yet. Where k-hat was .87 and .95 and no
        weight over ten times the mean, chances were off by 2 to 6 times what the effective draws promise.
        """
        enough = self.effective_draws >= min(MIN_EFFECTIVE, len(self.log_weights) / 10)
        return enough and self.pareto_k < MAX_PARETO_K


@dataclass(frozen=True)
class Judgement:
    """What is left of a weighed component once its draws are let go: attributes as on WeighedComponent."""

    key: str
    method: str
    log_evidence: float
    effective_draws: float
    pareto_k: float
    reliable: bool


def single(normals: Array) -> Array:
    """Normals in single precision, in which components are drawn and weighed: 1e-7 of a total, in half the time."""
    return normals.astype(np.float32, order="F", copy=False)


def judgement(weighed: WeighedComponent) -> Judgement:
    """The component without its draws, which take twenty times the room."""
    return Judgement(
        weighed.key,
        weighed.method,
        weighed.log_evidence,
        weighed.effective_draws,
        weighed.pareto_k,
        weighed.reliable,
    )


def weigh_component(
    component: Component,
    year_correlation: float,
    evidence: Evidence,
    base: Array,
    start: Proposal | None = None,
    amounts: SharedAmounts | None = None,
    resort: Proposal | None = None,
) -> WeighedComponent:
    """Draw a component with `base` `(draw, year + 1)` and weigh it, adapting the proposal where needed.

    Further columns hold the normals of events (models/event_normals.py); a component uses as many as it has events.
    The first few draws tell whether a proposal is needed and find it, so that as a rule all draws are made once.
    `start` is what served a belief like this, if any did, and `resort` what is tried before another is looked for where
    draws do not do without; `amounts` are what events add in all draws of this base.
    """
    base = single(base[:, : columns_needed(component, len(evidence.observation.years))])
    weigh = Weighing(component, year_correlation, evidence, amounts)
    few, enough = base[:_PILOT], _enough(len(base))
    if start is not None and (served := weigh(base, start)[0]).reliable:
        return served
    pilot, points = weigh(few, None)
    if pilot.effective_draws >= enough * len(few) or not _can_be_reached(evidence, pilot):
        weighed = _joined(pilot, weigh(base[_PILOT:], None, _PILOT)[0]) if len(base) > _PILOT else pilot
        if weighed.reliable or not _can_be_reached(evidence, weighed):
            return weighed
    if resort is not None and (served := weigh(base, resort)[0]).reliable:
        return served
    adapted = weigh.adapted(few, pilot, points, enough * len(few))
    if len(few) == len(base) and adapted.reliable:
        return adapted
    adapted, points = weigh(base, adapted.proposal)
    adapted = weigh.widened(base, adapted)
    if adapted.reliable:
        return adapted
    return weigh.widened(base, weigh.adapted(base, adapted, points, MIN_EFFECTIVE))


def serves(weighed: WeighedComponent) -> bool:
    """Whether draws from a proposal known before, or from none, do without another one."""
    draws = len(weighed.log_weights)
    plain_and_few = weighed.proposal is None and weighed.effective_draws < _enough(draws) * draws
    return weighed.reliable and not plain_and_few


def _enough(draws: int) -> float:
    """The share of so many draws that must count where they come from no proposal."""
    return 1.5 * min(MIN_EFFECTIVE / draws, 0.1)


def _joined(first: WeighedComponent, second: WeighedComponent) -> WeighedComponent:
    """Draws made in two parts, as one."""
    shape = len(first.totals) + len(second.totals), first.totals.shape[1]
    totals = np.empty(shape, first.totals.dtype, order="F")
    totals[: len(first.totals)], totals[len(first.totals) :] = first.totals, second.totals
    logs = np.concatenate([first.log_weights, second.log_weights])
    waiting = {start: np.concatenate([own, second.waiting[start]]) for start, own in first.waiting.items()}
    return WeighedComponent(first.key, totals, logs, first.method, waiting=waiting)


@dataclass(frozen=True)
class Weighing:
    """A component as a function of normals and of what they are drawn from."""

    component: Component
    year_correlation: float
    evidence: Evidence
    amounts: SharedAmounts | None = None

    @cached_property
    def additions(self) -> Additions:
        """The events that may occur in years the cutoff left open."""
        return restricted_additions(self.component.additions, open_years_of(self.evidence))

    def __call__(
        self, base: Array, proposal: Proposal | None, first: int = 0
    ) -> tuple[WeighedComponent, Points]:
        """Totals and weights with the base normals as they are, or moved by a proposal; and the points themselves.

        `base` are the rows from number `first` on of those that the shared amounts are of.
        """
        base = single(base)
        years, rho = self.evidence.observation.years, self.year_correlation
        shared = AmountsInRows(self.amounts, slice(first, first + len(base))) if self.amounts else None
        if proposal is None:
            points = plain_points(base, years, self.additions, rho, shared)
        else:
            points = proposed_points(base, years, self.additions, rho, proposal, shared)
        waiting = waiting_amounts(
            self.additions, years, rho, base[:, len(years) + 1 :], points.occurring,
            self.evidence.observation.first_open,
        )  # fmt: skip
        totals, log_weights = self.judged(points, waiting)
        return self.weighed(totals, log_weights + points.log_ratio, proposal, waiting), points

    def judged(
        self, points: Points, waiting: Mapping[str, Array], further: FurtherDraws | None = None
    ) -> tuple[Array, Array]:
        """Totals `(draw, year)` at points, and how probable `(draw,)` they make what came.

        `further` as in models/stated_draws.py.
        """
        totals, log_factor = drawn_totals(
            self.component, self.year_correlation, self.evidence, points.normals, points.added,
            completed_totals(self.evidence), further,
        )  # fmt: skip
        return totals, log_factor + self.evidence.log_evidence(totals, under_way(totals, waiting))

    def weighed(
        self, totals: Array, log_weights: Array, proposal: Proposal | None, waiting: Mapping[str, Array]
    ) -> WeighedComponent:
        """The component with these draws."""
        method = "weighted" if proposal is None else "adapted"
        return WeighedComponent(self.component.key, totals, log_weights, method, proposal, waiting)

    def adapted(
        self, base: Array, start: WeighedComponent, points: Points, enough: float
    ) -> WeighedComponent:
        """Rounds of moving the base normals to where prior x evidence lies; the best of them, or the start.

        They end when `enough` draws count with a tail that is light enough, or near it when a round gains little.
        """
        best = latest = start
        for _ in range(_ROUNDS):
            short = shortfall(self.evidence, latest)
            proposal = fitted_proposal(points, self.additions, latest.log_weights, short)
            latest, points = self(base, proposal)
            gained = latest.effective_draws > 1.1 * best.effective_draws
            if latest.effective_draws > best.effective_draws:
                best = latest
            if best.effective_draws > 0.3 * enough and not gained:
                break
        return best

    def widened(self, base: Array, start: WeighedComponent) -> WeighedComponent:
        """Where enough draws count but few of them carry a heavy tail: the first wider proposal without one.

        The evidence need not fall as fast as a normal density where years are far apart; a proposal that reaches
        further has less of its draws in the middle, so it is tried only then. The start where none helps.
        """
        if start.reliable or start.proposal is None or start.effective_draws < 0.3 * MIN_EFFECTIVE:
            return start
        for times in _WIDER:
            wider, _ = self(base, replace(start.proposal, root=times * start.proposal.root))
            if wider.reliable:
                return wider
        return start


def _can_be_reached(evidence: Evidence, weighed: WeighedComponent) -> bool:
    """False when the component holds what came for impossible: no proposal can then find it any mass."""
    if np.isfinite(weighed.log_weights).any():
        return True
    # Draws that all fall short of today's count may have a tail above it; others were ruled out by a full year.
    return bool((shortfall(evidence, weighed) > 0).all())


def under_way(totals: Array, waiting: Mapping[str, Array]) -> Array:
    """Totals `(draw, year)` without what events add that have not begun; themselves where nothing waits."""
    for amounts in waiting.values():
        totals = totals - amounts
    return totals


def shortfall(evidence: Evidence, weighed: WeighedComponent) -> Array:
    """`(draw,)`: by how much, in log persons, draws fall short of today's counts, 0 if they do not."""
    observation, worst = evidence.observation, np.zeros(len(weighed.totals))
    totals = under_way(weighed.totals, weighed.waiting)
    for j in np.flatnonzero(~observation.complete):
        counted = max(float(observation.counted[j]), 0.5)
        np.maximum(worst, np.log(counted) - np.log(np.maximum(totals[:, j], 1e-3)), out=worst)
    return worst
