"""The reference answer: mixture prior and evidence in one PyMC model, sampled with NUTS.

    y_j = log(N_j - counted_j) for every year still open
    p(y) = sum_k prior_k pi_k(N(y)) exp(sum_j y_j) w(N(y)) + (1 - expert_weight) E[w] m(y)

pi_k is a scenario under a set of its events, w the evidence that also weighs the draws (models/joint_density.py); what
events add is sampled beside y, whether they occur is summed over (models/joint_worlds.py). The model itself was
continued exactly from the later months: m is a mixture of normals fitted to those draws of y, E[w] its evidence. Six
normals at the cutoff times w would bend its eighths by a twentieth. What this checks, and replaces where it fails, is
the importance sampling: it needs no weights, so nothing can be wrong with them. A total with events has a density on a
grid for every year alone (priors/totals.py), but the dependence of its years follows no copula: hence the amounts as
variables of their own. Worker processes only.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.component_draws import log_prior
from models.evidence import Evidence
from models.evidence_fit import fit_gaussian_mixture
from models.joint_density import Continued, Frame, build_joint_model
from models.joint_worlds import Worlds, waiting_by_start, worlds_of
from models.posterior import MODEL_KEY, Posterior
from models.sampling import SamplerDiagnostics, sample
from priors.mixture import ExpertDensity

Array = NDArray[np.float64]

_FITTED_DRAWS = 20_000
_LEAST_TO_COME = 0.5  # persons
_COMPONENT_STREAM = 11  # keeps these random numbers apart from others of the same seed
_FIT_SEED = 0  # where the fit of a mixture begins: of the method, not of a forecast


@dataclass(frozen=True)
class JointDraws:
    """Equally weighted totals `(draw, year)` and posterior component probabilities in the posterior's order.

    `component` `(draw,)` is the one a draw is of, drawn by what each contributes to the density there: a scenario's
    shares by nationality go with it. `waiting` is the part `(draw, year)` of the totals that events add which have not
    begun, by the month they begin.
    """

    totals: Array
    probabilities: Array
    diagnostics: SamplerDiagnostics
    component: NDArray[np.int64]
    waiting: Mapping[str, Array] = field(default_factory=dict)


def sample_joint(
    density: ExpertDensity,
    expert_weight: float,
    evidence: Evidence,
    start: Posterior,
    seed: int,
    report: Callable[[float], None] | None = None,
) -> JointDraws:
    """Sample the joint model; `start` gives the place and scale from which the chains set out."""
    worlds, frame = worlds_of(density, expert_weight, evidence), frame_of(start, evidence)
    continued = continued_model(start, evidence)
    model = build_joint_model(worlds, frame, continued)
    drawn = sample(model, draws=3000, tune=1000, chains=4, seed=seed, progress=report)
    flat = drawn.flat
    y = frame.centre + frame.scale * flat["standard"]
    amounts = worlds.amounts(flat["normals"]) if worlds.cells else np.empty((len(y), 0))
    shares = part_shares(worlds, y, amounts, continued)
    part = _drawn(shares, seed)
    own = [] if continued is None else [(len(start.keys) - 1, 0)]
    place, world = np.array([(one.place, one.world) for one in worlds.parts] + own, dtype=np.int64).T
    world = world[part]
    probabilities = np.bincount(place, weights=shares.mean(axis=0), minlength=len(start.keys)).astype(float)
    waiting = waiting_by_start(worlds, amounts, world)
    return JointDraws(
        _totals_in(worlds, y, amounts, world), probabilities, drawn.diagnostics, place[part], waiting
    )


def _drawn(shares: Array, seed: int) -> NDArray[np.int64]:
    """`(draw,)`: a part for every draw, by its shares `(draw, part)`."""
    points = np.random.default_rng([seed, _COMPONENT_STREAM]).uniform(size=(len(shares), 1))
    return np.asarray((np.cumsum(shares[:, :-1], axis=1) <= points).sum(axis=1), dtype=np.int64)


def _flow(worlds: Worlds, y: Array) -> Array:
    """Totals `(draw, year)` without what stands apart."""
    o = worlds.evidence.observation
    flow = np.tile(o.counted, (len(y), 1))
    flow[:, ~o.complete] += np.exp(y)
    return flow


def _totals_in(worlds: Worlds, y: Array, amounts: Array, world: NDArray[np.int64]) -> Array:
    """Totals `(draw, year)` of draws in these worlds `(draw,)`."""
    totals = _flow(worlds, y)
    for place in range(len(worlds.worlds)):
        rows = np.flatnonzero(world == place)
        totals[rows] += worlds.added(amounts[rows], place, worlds.apart)
    return totals


def part_shares(worlds: Worlds, y: Array, amounts: Array, continued: Continued | None) -> Array:
    """`(draw, part)`: the share of every part in the density at each draw, the model's last where it has one."""
    logs = log_parts(worlds, y, amounts)
    if continued is not None:
        logs = np.column_stack([logs, continued.log_share + continued.density.log_density(y)])
    shares = np.exp(logs - logs.max(axis=1, keepdims=True))
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


def log_parts(worlds: Worlds, y: Array, amounts: Array) -> Array:
    """Log densities `(draw, part)` of the experts' parts times the evidence, at y `(draw, free year)` and amounts."""
    flow, logs = _flow(worlds, y), np.empty((len(y), len(worlds.parts)))
    by_world = {}
    for place in {part.world for part in worlds.parts}:
        totals = flow + worlds.added(amounts, place, worlds.apart)
        under_way = totals - worlds.added(amounts, place, worlds.waiting)
        by_world[place] = (
            totals,
            worlds.added(amounts, place),
            worlds.evidence.log_evidence(totals, under_way),
        )
    for column, part in enumerate(worlds.parts):
        totals, added, log_evidence = by_world[part.world]
        logs[:, column] = part.log_prior + log_evidence
        logs[:, column] += log_prior(part.own, worlds.rho, worlds.evidence, totals, added)
    logs += y.sum(axis=1)[:, None]
    return logs


def continued_model(start: Posterior, evidence: Evidence) -> Continued | None:
    """The model's part of a weighed answer; None where it has no weight."""
    own = start.components[-1]
    if own.key != MODEL_KEY:
        return None
    free = np.flatnonzero(~evidence.observation.complete)
    to_come = own.totals[:_FITTED_DRAWS, free] - evidence.observation.counted[free]
    y = np.log(np.maximum(to_come, _LEAST_TO_COME))
    return Continued(float(np.log(start.prior[-1])) + own.log_evidence, fit_gaussian_mixture(y, _FIT_SEED))


def frame_of(start: Posterior, evidence: Evidence) -> Frame:
    """Centre and scale of y in the weighed answer: good enough to start from, however poor its weights."""
    free = np.flatnonzero(~evidence.observation.complete)
    low, middle, high = start.layer.quantiles((0.1, 0.5, 0.9))[:, free] - evidence.observation.counted[free]
    spread = (np.log(np.maximum(high, 2.0)) - np.log(np.maximum(low, 1.0))) / 2.56
    return Frame(np.log(np.maximum(middle, 1.0)), np.maximum(spread, 0.02))
