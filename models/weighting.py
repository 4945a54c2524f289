"""One component of the prior, drawn and weighed by the evidence.

    totals = T(base),  base ~ N(0, I);   weight = w(totals) [x the density of years fully counted since the cutoff]

A component is a scenario, with the events that may occur on top of it, or the unforeseen part. Years it states come
from its own copula, events on top (models/stated_draws.py); years it leaves open follow the model's conditional
density given the stated ones. Everything is a function of one
matrix of standard normals, so that a moved slider moves the draws instead of redrawing them, and so that one
fallback serves every component: where the weights are too uneven, the base normals are drawn from a proposal
fitted to prior x evidence (adaptive importance sampling, Bugallo et al. 2017) and weighed back to N(0, I).

Runs in the web process on every edit: NumPy and SciPy only.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial

import numpy as np
from numpy.typing import NDArray

from models.event_normals import columns_needed
from models.evidence import Evidence
from models.gaussian_mixture import GaussianMixture, log_sum_exp
from models.pareto import effective_sample_size, pareto_k
from models.stated_draws import stated_totals
from priors.copula import log_density
from priors.events import restricted_additions
from priors.mixture import Component

Array = NDArray[np.float64]

MIN_EFFECTIVE = 1_000.0
MAX_PARETO_K = 0.7
PRIOR_SHARE = 0.1  # of an adapted proposal: it bounds the weights by ten times the evidence
_ROUNDS = 10
_PILOT = 2_048

Proposal = tuple[Array, Array]  # mean and Cholesky root of a normal over the base normals


@dataclass(frozen=True)
class WeighedComponent:
    """Totals `(draw, year)` with unnormalised log weights `(draw,)`, and how they were obtained."""

    key: str
    totals: Array
    log_weights: Array
    method: str

    @cached_property
    def log_evidence(self) -> float:
        """`log E[w]`: how well the component foresaw what came. -inf when it ruled it out."""
        return float(log_sum_exp(self.log_weights)) - float(np.log(len(self.log_weights)))

    @cached_property
    def effective_draws(self) -> float:
        """Effective sample size of the weights."""
        return effective_sample_size(self.log_weights)

    @cached_property
    def pareto_k(self) -> float:
        """k-hat of the weights."""
        return pareto_k(self.log_weights)

    @property
    def reliable(self) -> bool:
        """Whether both diagnostics are good; a small set may not have the full effective sample to give."""
        return self.effective_draws >= min(MIN_EFFECTIVE, len(self.log_weights) / 10) and (
            self.pareto_k < MAX_PARETO_K
        )


@dataclass(frozen=True)
class Judgement:
    """What is left of a weighed component once its draws are let go: attributes as on WeighedComponent."""

    key: str
    method: str
    log_evidence: float
    effective_draws: float
    pareto_k: float
    reliable: bool


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
    component: Component, year_correlation: float, evidence: Evidence, base: Array
) -> WeighedComponent:
    """Draw a component with `base` `(draw, year + 1)` and weigh it, adapting the proposal where needed.

    Further columns hold the normals of events (models/event_normals.py); a component uses as many as it has events.
    The first few draws tell whether it is needed and find the proposal, so that as a rule all draws are made once.
    """
    base = base[:, : columns_needed(component, len(evidence.observation.years))]
    plain = partial(_weighed, component, year_correlation, evidence)
    pilot = plain(base[:_PILOT], None)
    enough = 1.5 * min(MIN_EFFECTIVE / len(base), 0.1) * len(pilot.log_weights)
    if pilot.effective_draws >= enough or not _can_be_reached(evidence, pilot):
        weighed = plain(base, None)
        if weighed.reliable or not _can_be_reached(evidence, weighed):
            return weighed
    _, proposal = _adapt(plain, evidence, base[:_PILOT], pilot, enough)
    adapted = plain(base, proposal)
    if adapted.reliable:
        return adapted
    return _adapt(plain, evidence, base, adapted, MIN_EFFECTIVE)[0]


def _weighed(
    component: Component, year_correlation: float, evidence: Evidence, base: Array, proposal: Proposal | None
) -> WeighedComponent:
    """Totals and weights with the base normals as they are, or moved by a proposal."""
    if proposal is None:
        totals, log_weights = _draw_and_weigh(component, year_correlation, evidence, base)
        return WeighedComponent(component.key, totals, log_weights, "weighted")
    moved = _adapted_columns(base, evidence)
    points = np.array(base)
    points[:, moved] = _mixed_points(base[:, moved], *proposal)
    totals, log_likelihood = _draw_and_weigh(component, year_correlation, evidence, points)
    log_weights = log_likelihood + _log_prior_over_proposal(points[:, moved], *proposal)
    return WeighedComponent(component.key, totals, log_weights, "adapted")


def _can_be_reached(evidence: Evidence, weighed: WeighedComponent) -> bool:
    """False when the component holds what came for impossible: no proposal can then find it any mass."""
    if np.isfinite(weighed.log_weights).any():
        return True
    # Draws that all fall short of today's count may have a tail above it; others were ruled out by a full year.
    return bool((shortfall(evidence, weighed.totals) > 0).all())


def shortfall(evidence: Evidence, totals: Array) -> Array:
    """`(draw,)`: by how much, in log persons, totals `(draw, year)` fall short of today's counts, 0 if they do not."""
    observation, worst = evidence.observation, np.zeros(len(totals))
    for j in np.flatnonzero(~observation.complete):
        counted = max(float(observation.counted[j]), 0.5)
        np.maximum(worst, np.log(counted) - np.log(np.maximum(totals[:, j], 1e-3)), out=worst)
    return worst


def prior_totals(component: Component, year_correlation: float, evidence: Evidence, base: Array) -> Array:
    """The component's totals `(draw, year)` before any evidence, years known at the cutoff at their count."""
    base = base[:, : columns_needed(component, len(evidence.observation.years))]
    totals, _ = _propose(component, year_correlation, evidence, base, completed={})
    return totals


def _draw_and_weigh(
    component: Component, year_correlation: float, evidence: Evidence, base: Array
) -> tuple[Array, Array]:
    observation = evidence.observation
    completed = {
        year: float(total)
        for year, total, done in zip(
            observation.years, observation.counted, observation.completed_since, strict=True
        )
        if done
    }
    totals, log_factor = _propose(component, year_correlation, evidence, base, completed)
    return totals, log_factor + evidence.log_evidence(totals)


def _propose(
    component: Component,
    year_correlation: float,
    evidence: Evidence,
    base: Array,
    completed: dict[int, float],
) -> tuple[Array, Array]:
    """Totals of all target years and the log density of the completed ones under the component."""
    observation = evidence.observation
    open_years = open_years_of(evidence)
    own = restricted(component, open_years)
    totals = np.tile(observation.counted, (len(base), 1))
    fixed = {y: n for y, n in completed.items() if y in own.years}
    free = [y for y in own.years if y not in fixed]
    drawn, log_factor = stated_totals(own, year_correlation, observation.years, fixed, base)
    if not np.isfinite(log_factor).any():
        return totals, log_factor
    totals[:, [observation.years.index(y) for y in free]] = drawn
    unstated = [y for y in open_years if y not in own.years]
    if unstated:
        totals, extra = _complete_years(totals, evidence, unstated, completed, base)
        log_factor += extra
    return totals, log_factor


def _complete_years(
    totals: Array, evidence: Evidence, unstated: list[int], completed: dict[int, float], base: Array
) -> tuple[Array, Array]:
    """Fill the years nobody stated from the model, given the stated and the completed ones."""
    observation = evidence.observation
    open_years = open_years_of(evidence)
    counted = dict(zip(observation.years, observation.counted, strict=True))
    for year in unstated:
        totals[:, observation.years.index(year)] = counted[year]
    logs = evidence.log_totals(totals)
    stated = [i for i, y in enumerate(open_years) if y not in unstated]
    given = [i for i, y in enumerate(open_years) if y in unstated and y in completed]
    known = sorted(stated + given)
    mixture = evidence.totals_mixture
    log_factor = _log_density_of_given(mixture, stated, given, logs)
    if given:
        log_factor = log_factor - logs[:, given].sum(axis=1)  # from logs to persons
    columns = [observation.years.index(y) for i, y in enumerate(open_years) if i not in known]
    drawn = mixture.complete(known, logs[:, known], base[:, [*columns, len(observation.years)]])
    totals[:, columns] = observation.counted_at_cutoff[columns] + np.exp(drawn)
    return totals, log_factor


def _log_density_of_given(
    mixture: GaussianMixture, stated: list[int], given: list[int], logs: Array
) -> Array:
    if not given:
        return np.zeros(len(logs))
    both = sorted(stated + given)
    joint = mixture.marginal(both).log_density(logs[:, both])
    return joint - mixture.marginal(stated).log_density(logs[:, stated]) if stated else joint


def restricted(component: Component, years: list[int]) -> Component:
    """The component's statements about the given years only."""
    kept = [(y, m) for y, m in zip(component.years, component.marginals, strict=True) if y in years]
    return Component(
        component.key,
        component.probability,
        tuple(y for y, _ in kept),
        tuple(m for _, m in kept),
        restricted_additions(component.additions, years),
    )


def open_years_of(evidence: Evidence) -> list[int]:
    """The target years whose total the cutoff did not know."""
    observation = evidence.observation
    return [y for y, is_open in zip(observation.years, observation.open_at_cutoff, strict=True) if is_open]


def log_prior(component: Component, year_correlation: float, evidence: Evidence, totals: Array) -> Array:
    """Log density `(draw,)` of the component at totals `(draw, year)`, per person of every open year.

    Stated years by the component's copula, the others by the model's conditional density given those. Raises
    ValueError for a component with events, whose joint density has no closed form.
    """
    if component.additions:
        raise ValueError("totals with events on top have no joint density in closed form")
    open_years = open_years_of(evidence)
    own = restricted(component, open_years)
    columns = [evidence.observation.years.index(y) for y in own.years]
    density = log_density(own, year_correlation, totals[:, columns]) if own.years else np.zeros(len(totals))
    logs = evidence.log_totals(totals)
    unstated = [i for i, y in enumerate(open_years) if y not in own.years]
    stated = [i for i, y in enumerate(open_years) if y in own.years]
    if unstated:
        density = density + _log_density_of_given(evidence.totals_mixture, stated, unstated, logs)
        density = density - logs[:, unstated].sum(axis=1)
    return np.asarray(density)


def _adapt(
    weigh: Callable[[Array, Proposal | None], WeighedComponent],
    evidence: Evidence,
    base: Array,
    start: WeighedComponent,
    enough: float,
) -> tuple[WeighedComponent, Proposal | None]:
    """Rounds of moving the base normals to where prior x evidence lies; the best of them, or the start.

    They end when `enough` draws count with a tail that is light enough, or near it when a round gains little.
    """
    proposal: Proposal | None = None
    own = base[:, _adapted_columns(base, evidence)]
    best, latest, points = (start, proposal), start, own
    for _ in range(_ROUNDS):
        proposal = _fitted_normal(points, latest, shortfall(evidence, latest.totals))
        points, latest = _mixed_points(own, *proposal), weigh(base, proposal)
        gained = latest.effective_draws > 1.1 * best[0].effective_draws
        if latest.effective_draws > best[0].effective_draws:
            best = latest, proposal
        found = best[0].effective_draws >= enough and best[0].pareto_k < MAX_PARETO_K
        if found or (best[0].effective_draws > 0.3 * enough and not gained):
            break
    return best


def _adapted_columns(base: Array, evidence: Evidence) -> NDArray[np.int64]:
    """The columns a proposal moves: all but what events add when they occur, which are many and matter little."""
    width = len(evidence.observation.years) + 1
    return np.concatenate([np.arange(width), np.arange(width, base.shape[1], width)])


def _fitted_normal(points: Array, weighed: WeighedComponent, short: Array) -> Proposal:
    """Mean and widened Cholesky root of the weighed points.

    Weights too uneven are tempered until enough points count; where hardly any has weight, the points least short
    of today's counts lead the way (the cross-entropy method). A covariance learned from few points is drawn
    towards the identity, for a proposal too narrow would look reliable while missing most of the mass.
    """
    enough = max(50.0, 0.01 * len(points))
    if np.isfinite(weighed.log_weights).sum() < enough:
        weights = np.zeros(len(points))
        weights[np.argsort(short, kind="stable")[: int(enough)]] = 1.0
    else:
        weights = _tempered(weighed.log_weights, enough)
    weights /= weights.sum()
    mean = weights @ points
    centred = points - mean
    covariance = (centred * weights[:, None]).T @ centred
    effective, dim = 1.0 / float(weights @ weights), points.shape[1]
    covariance = (effective * covariance + dim * np.eye(dim)) / (effective + dim)
    return mean, np.linalg.cholesky(1.3 * covariance)


def _tempered(log_weights: Array, enough: float) -> Array:
    temperature = 1.0
    while effective_sample_size(temperature * log_weights) < enough and temperature > 1e-6:
        temperature /= 1.5
    return np.asarray(np.exp(temperature * (log_weights - log_weights.max())))


def _mixed_points(base: Array, mean: Array, root: Array) -> Array:
    """A tenth of the points from N(0, I) itself, the rest from the proposal.

    Which tenth is decided by chance of its own: every tenth point of a Sobol sequence lies on one side of it.
    """
    moved = base @ root.T
    moved += mean
    keep = _kept_rows(len(base))
    moved[keep] = base[keep]
    return np.asarray(moved)


@lru_cache(maxsize=16)
def _kept_rows(rows: int) -> NDArray[np.int64]:
    return np.sort(np.random.default_rng(0).permutation(rows)[: round(PRIOR_SHARE * rows)])


def _log_prior_over_proposal(points: Array, mean: Array, root: Array) -> Array:
    """`log N(b; 0, I) - log(0.1 N(b; 0, I) + 0.9 N(b; mean, root root'))`."""
    standard = np.linalg.inv(root) @ (points - mean).T
    gain = -0.5 * (standard**2).sum(axis=0) - np.log(np.diag(root)).sum() + 0.5 * (points**2).sum(axis=1)
    return np.asarray(-np.logaddexp(np.log(PRIOR_SHARE), np.log(1 - PRIOR_SHARE) + gain))
