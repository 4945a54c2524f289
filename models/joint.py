"""The reference answer: mixture prior and evidence in one PyMC model, sampled with NUTS.

    y_j = log(N_j - counted_j) for every year still open
    log p(y) = log sum_k prior_k pi_k(N(y)) + sum_j y_j + log w(N(y))

pi_k is a scenario's copula density, with the model's conditional density for years it leaves open; w is the
evidence that also weighs the draws. What this checks, and replaces where it fails, is the importance sampling:
it needs no weights, so nothing can be wrong with them. Marginals enter as tables on an even grid in y (their log
density and their normal score, both piecewise linear), which serves every family alike. Worker processes only.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.backend import pm, pt
from models.evidence import Evidence
from models.gaussian_mixture import GaussianMixture
from models.posterior import MODEL_KEY, Posterior, prior_parts
from models.sampling import SamplerDiagnostics, sample
from models.weighting import log_prior, open_years_of, restricted
from priors.copula import conditional_normals, log_density_of
from priors.mixture import Component, ExpertDensity
from priors.score_table import normal_score

Array = NDArray[np.float64]

_NODES = 4_001
_BEYOND = 40.0  # log density lost per unit of y outside the table: a wall with a slope NUTS can feel


@dataclass(frozen=True)
class JointDraws:
    """Equally weighted totals `(draw, year)` and posterior component probabilities in the posterior's order."""

    totals: Array
    probabilities: Array
    diagnostics: SamplerDiagnostics


def sample_joint(
    density: ExpertDensity,
    expert_weight: float,
    evidence: Evidence,
    start: Posterior,
    seed: int,
    report: Callable[[float], None] | None = None,
) -> JointDraws:
    """Sample the joint model; `start` gives the place and scale from which the chains set out."""
    free = np.flatnonzero(~evidence.observation.complete)
    model = build_joint_model(density, expert_weight, evidence, start)
    drawn = sample(model, draws=1500, tune=1000, chains=4, seed=seed, progress=report)
    standard = drawn.posterior["standard"].reshape(-1, len(free))
    centre, scale = _frame(start, evidence)
    totals = np.tile(evidence.observation.counted, (len(standard), 1))
    totals[:, free] += np.exp(centre + scale * standard)
    return JointDraws(totals, _responsibilities(density, expert_weight, evidence, totals), drawn.diagnostics)


def build_joint_model(
    density: ExpertDensity, expert_weight: float, evidence: Evidence, start: Posterior
) -> Any:
    """The PyMC model; its one free variable is y, standardised."""
    centre, scale = _frame(start, evidence)
    parts = [(p, c, density.year_correlation) for p, c in prior_parts(density, expert_weight)]
    if expert_weight < 1:
        parts.append((1 - expert_weight, Component(MODEL_KEY, 1.0, (), ()), 0.0))
    with pm.Model() as model:
        standard = pm.Flat("standard", shape=len(centre), initval=np.zeros(len(centre)))
        y = centre + scale * standard
        x = _coordinates(y, evidence)
        logs = [np.log(p) + _log_component(c, rho, y, x, evidence) for p, c, rho in parts if p > 0]
        pm.Potential("prior", pt.logsumexp(pt.stack(logs)))
        pm.Potential("evidence", _log_evidence(y, x, evidence))
    return model


def _frame(start: Posterior, evidence: Evidence) -> tuple[Array, Array]:
    """Centre and scale of y in the weighed answer: good enough to start from, however poor its weights."""
    free = np.flatnonzero(~evidence.observation.complete)
    low, middle, high = start.layer.quantiles((0.1, 0.5, 0.9))[:, free] - evidence.observation.counted[free]
    spread = (np.log(np.maximum(high, 2.0)) - np.log(np.maximum(low, 1.0))) / 2.56
    return np.log(np.maximum(middle, 1.0)), np.maximum(spread, 0.02)


def _coordinates(y: Any, evidence: Evidence) -> Any:
    """Log totals as the evidence counts them: what the cutoff did not know, one per year open then."""
    observation = evidence.observation
    since = observation.counted - observation.counted_at_cutoff
    position = np.cumsum(~observation.complete) - 1
    columns = []
    for j in np.flatnonzero(observation.open_at_cutoff):
        if observation.complete[j]:
            columns.append(pt.as_tensor(np.log(max(since[j], 0.5))))
        else:
            columns.append(pt.log(pt.exp(y[position[j]]) + since[j]))
    return pt.stack(columns)


def _log_component(component: Component, rho: float, y: Any, x: Any, evidence: Evidence) -> Any:
    """Log density of one component at y, the Jacobian of y included."""
    observation = evidence.observation
    open_years = open_years_of(evidence)
    own = restricted(component, open_years)
    stated = [i for i, year in enumerate(open_years) if year in own.years]
    unstated = [i for i, year in enumerate(open_years) if year not in own.years]
    free_years = [
        year for year, done in zip(observation.years, observation.complete, strict=True) if not done
    ]
    log_p = _log_stated(own, rho, y, free_years, evidence)
    if unstated:
        mixture = evidence.totals_mixture
        log_p = (
            log_p
            + _log_mixture(mixture, x)
            - (_log_mixture(mixture.marginal(stated), x[stated]) if stated else 0)
        )
        log_p = log_p - x[unstated].sum()
        log_p = log_p + sum(
            y[free_years.index(open_years[i])] for i in unstated if open_years[i] in free_years
        )
    return log_p


def _log_stated(own: Component, rho: float, y: Any, free_years: list[int], evidence: Evidence) -> Any:
    """Copula density of the stated years: marginals and scores from tables, completed years as they came."""
    counted = dict(zip(evidence.observation.years, evidence.observation.counted, strict=True))
    fixed = {year: float(counted[year]) for year in own.years if year not in free_years}
    log_p: Any = log_density_of(own, rho, fixed) if fixed else 0.0
    free = [year for year in own.years if year in free_years]
    if not free:
        return log_p
    scores = []
    for year in free:
        grid, log_marginal, score = _table(own.marginal(year), counted[year])
        at = y[free_years.index(year)]
        log_p = log_p + _interpolate(grid, log_marginal, at)
        scores.append(_interpolate(grid, score, at))
    z = pt.stack(scores)
    mean, root = _conditional_scores(own, rho, fixed, len(free))
    whitened = pt.dot(np.linalg.inv(root), z - mean)
    return log_p - 0.5 * (whitened**2).sum() - np.log(np.diag(root)).sum() + 0.5 * (z**2).sum()


def _conditional_scores(
    own: Component, rho: float, fixed: dict[int, float], size: int
) -> tuple[Array, Array]:
    """Mean `(year,)` and Cholesky root of the free years' normal scores given the completed ones."""
    mean = conditional_normals(own, rho, fixed, np.zeros((1, size)))[0]
    return mean, (conditional_normals(own, rho, fixed, np.eye(size)) - mean).T


def _table(marginal: Any, counted: float) -> tuple[Array, Array, Array]:
    """Grid in y = log(N - counted) with the log density of y and the normal score on it."""
    low, high = (float(marginal.ppf(level)) for level in (1e-9, 1 - 1e-9))
    grid = np.linspace(np.log(max(low - counted, 1.0)), np.log(max(high - counted, 10.0)), _NODES)
    totals = counted + np.exp(grid)
    with np.errstate(divide="ignore"):
        log_density = np.log(marginal.pdf(totals)) + grid
    inside = np.isfinite(log_density)
    return grid[inside], log_density[inside], np.clip(normal_score(marginal, totals[inside]), -8.0, 8.0)


def _interpolate(grid: Array, values: Array, at: Any) -> Any:
    """Piecewise linear on an even grid; outside it the value falls steeply, so that no chain stays there."""
    step = (grid[-1] - grid[0]) / (len(grid) - 1)
    position = pt.clip((at - grid[0]) / step, 0.0, len(grid) - 1.000001)
    cell = pt.cast(pt.floor(position), "int64")
    table = pt.as_tensor(values)
    share = position - cell
    outside = pt.maximum(grid[0] - at, 0.0) + pt.maximum(at - grid[-1], 0.0)
    return table[cell] * (1 - share) + table[cell + 1] * share - _BEYOND * outside


def _log_mixture(mixture: GaussianMixture, point: Any) -> Any:
    rows, cols = np.triu_indices(mixture.dim)
    centred = point - mixture.centre
    monomials = pt.concatenate([pt.ones(1), centred, centred[rows] * centred[cols]])
    return pt.logsumexp(pt.dot(monomials, mixture.coefficients))


def _log_evidence(y: Any, x: Any, evidence: Evidence) -> Any:
    """The evidence of evidence.py, term for term, as an expression in y."""
    observation = evidence.observation
    if not evidence.summaries:
        return pt.as_tensor(0.0)
    values, log_jacobian = [], 0.0
    if "u" in evidence.summaries:
        year = observation.partial_year or 0
        since = observation.later_in_partial_year
        to_come = y[int(np.cumsum(~observation.complete)[year]) - 1]
        values.append(np.log(since) - to_come)
        log_jacobian = pt.log(since + pt.exp(to_come)) - np.log(since) - to_come
    if "v" in evidence.summaries:
        values.append(pt.as_tensor(evidence.level_summary))
    joint = _log_mixture(evidence.mixture, pt.concatenate([pt.stack(values), x]))
    corrected = joint - _log_mixture(evidence.totals_mixture, x) + log_jacobian
    if evidence.correction is not None:
        for j in range(len(evidence.correction.knots)):
            corrected = corrected + _bent_line(
                evidence.correction.knots[j], evidence.correction.heights[j], x[j]
            )
    return corrected


def _bent_line(knots: Array, heights: Array, at: Any) -> Any:
    """Piecewise linear through uneven knots, flat outside."""
    slopes = np.diff(heights) / np.diff(knots)
    ramps = pt.clip(at, knots[:-1], knots[1:]) - knots[:-1]
    return heights[0] + (ramps * slopes).sum()


def _responsibilities(
    density: ExpertDensity, expert_weight: float, evidence: Evidence, totals: Array
) -> Array:
    """Posterior probability of every component: its mean share of the prior density over the draws."""
    parts = [(p, c, density.year_correlation) for p, c in prior_parts(density, expert_weight)]
    if expert_weight < 1:
        parts.append((1 - expert_weight, Component(MODEL_KEY, 1.0, (), ()), 0.0))
    with np.errstate(divide="ignore"):
        logs = np.stack([np.log(p) + log_prior(c, rho, evidence, totals) for p, c, rho in parts], axis=1)
    shares = np.exp(logs - logs.max(axis=1, keepdims=True))
    return np.asarray((shares / shares.sum(axis=1, keepdims=True)).mean(axis=0))
