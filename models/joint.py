"""The reference answer: mixture prior and evidence in one PyMC model, sampled with NUTS.

    y_j = log(N_j - counted_j) for every year still open
    p(y) = sum_k prior_k pi_k(N(y)) exp(sum_j y_j) w(N(y)) + (1 - expert_weight) E[w] m(y)

pi_k is a scenario's copula density, with the model's conditional density for years it leaves open; w is the
evidence that also weighs the draws. The model itself was continued exactly from the later months: m is a mixture of
normals fitted to those draws of y, E[w] its evidence. Six normals at the cutoff times w would bend its eighths by a
twentieth. What this checks, and replaces where it fails, is the importance sampling:
it needs no weights, so nothing can be wrong with them. Marginals enter as tables on an even grid in y (their log
density and their normal score, both piecewise linear), which serves every family alike. Worker processes only.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import block_diag

from models.backend import disconnected_grad, pm, pt
from models.component_draws import log_prior, open_years_of, restricted
from models.evidence import Correction, Evidence
from models.evidence_fit import fit_gaussian_mixture
from models.gaussian_mixture import GaussianMixture
from models.posterior import MODEL_KEY, Posterior, prior_parts
from models.sampling import SamplerDiagnostics, sample
from priors.copula import conditional_normals, log_density_of
from priors.families import Marginal
from priors.mixture import Component, ExpertDensity
from priors.score_table import normal_score

Array = NDArray[np.float64]

Table = tuple[Array, Array, Array]

_NODES = 4_001
_FITTED_DRAWS = 20_000
_LEAST_TO_COME = 0.5  # persons
_COMPONENT_STREAM = 11  # keeps these random numbers apart from others of the same seed
_FIT_SEED = 0  # where the fit of a mixture begins: of the method, not of a forecast
_BEYOND = 40.0  # log density lost per unit of y outside the table: a wall with a slope NUTS can feel
_DEEPEST = 200.0  # log density under a table's top that stands for none at all


class _Part(NamedTuple):
    """A part of the prior, its statements about open years only, and the correlation of its years."""

    log_prior: float
    own: Component
    rho: float


@dataclass(frozen=True)
class JointDraws:
    """Equally weighted totals `(draw, year)` and posterior component probabilities in the posterior's order.

    `component` `(draw,)` is the one a draw is of, drawn by what each contributes to the density there: a scenario's
    shares by nationality go with it.
    """

    totals: Array
    probabilities: Array
    diagnostics: SamplerDiagnostics
    component: NDArray[np.int64]


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
    drawn = sample(model, draws=3000, tune=1000, chains=4, seed=seed, progress=report)
    standard = drawn.posterior["standard"].reshape(-1, len(free))
    centre, scale = _frame(start, evidence)
    totals = np.tile(evidence.observation.counted, (len(standard), 1))
    totals[:, free] += np.exp(centre + scale * standard)
    shares = _responsibilities(density, expert_weight, evidence, totals, continued_model(start, evidence))
    return JointDraws(totals, shares.mean(axis=0), drawn.diagnostics, _drawn_components(shares, seed))


def _drawn_components(shares: Array, seed: int) -> NDArray[np.int64]:
    """`(draw,)`: a component for every draw, by its shares `(draw, component)`."""
    points = np.random.default_rng([seed, _COMPONENT_STREAM]).uniform(size=(len(shares), 1))
    return np.asarray((np.cumsum(shares[:, :-1], axis=1) <= points).sum(axis=1), dtype=np.int64)


def build_joint_model(
    density: ExpertDensity, expert_weight: float, evidence: Evidence, start: Posterior
) -> Any:
    """The PyMC model; its one free variable is y, standardised."""
    centre, scale = _frame(start, evidence)
    parts = [
        _Part(float(np.log(p)), restricted(c, open_years_of(evidence)), density.year_correlation)
        for p, c in prior_parts(density, expert_weight)
        if p > 0 and _leaves_room(c, evidence)
    ]
    continued = continued_model(start, evidence)
    with pm.Model() as model:
        standard = pm.Flat("standard", shape=len(centre), initval=np.zeros(len(centre)))
        y = centre + scale * standard
        logs = [_log_weighed(parts, y, evidence)] if parts else []
        if continued is not None:
            logs.append(_log_continued(continued, y))
        pm.Potential("posterior", _log_sum_exp(pt.concatenate(logs)))
    return model


@dataclass(frozen=True)
class Continued:
    """The model's part: log of its prior probability times its evidence, and the density of y continued."""

    log_share: float
    density: GaussianMixture


def continued_model(start: Posterior, evidence: Evidence) -> Continued | None:
    """The model's part of a weighed answer; None where it has no weight."""
    own = start.components[-1]
    if own.key != MODEL_KEY:
        return None
    free = np.flatnonzero(~evidence.observation.complete)
    to_come = own.totals[:_FITTED_DRAWS, free] - evidence.observation.counted[free]
    y = np.log(np.maximum(to_come, _LEAST_TO_COME))
    return Continued(float(np.log(start.prior[-1])) + own.log_evidence, fit_gaussian_mixture(y, _FIT_SEED))


def _log_weighed(parts: list[_Part], y: Any, evidence: Evidence) -> Any:
    """Log densities `(part,)` of the experts' parts times the evidence."""
    x = _coordinates(y, evidence)
    conditionals, log_evidence = _log_conditionals(parts, y, x, evidence)
    return _log_stated(parts, y, evidence) + conditionals + log_evidence


def _log_continued(continued: Continued, y: Any) -> Any:
    """Log density `(1,)` of the model's part."""
    size = continued.density.dim
    point = np.zeros((size, 1)), np.eye(size), np.zeros(size)
    at_nothing = pt.zeros(1)
    return continued.log_share + _log_mixtures(continued.density, [np.arange(size)], point, at_nothing, y)


def _leaves_room(component: Component, evidence: Evidence) -> bool:
    """Whether the component holds what has been counted for possible."""
    counted = dict(zip(evidence.observation.years, evidence.observation.counted, strict=True))
    complete = dict(zip(evidence.observation.years, evidence.observation.complete, strict=True))
    own = restricted(component, open_years_of(evidence))
    return all(
        bool((m.pdf(counted[y]) if complete[y] else m.sf(counted[y])) > 0)
        for y, m in zip(own.years, own.marginals, strict=True)
    )


def _frame(start: Posterior, evidence: Evidence) -> tuple[Array, Array]:
    """Centre and scale of y in the weighed answer: good enough to start from, however poor its weights."""
    free = np.flatnonzero(~evidence.observation.complete)
    low, middle, high = start.layer.quantiles((0.1, 0.5, 0.9))[:, free] - evidence.observation.counted[free]
    spread = (np.log(np.maximum(high, 2.0)) - np.log(np.maximum(low, 1.0))) / 2.56
    return np.log(np.maximum(middle, 1.0)), np.maximum(spread, 0.02)


def _coordinates(y: Any, evidence: Evidence) -> Any:
    """Log totals as the evidence counts them: what the cutoff did not know, one per year open then."""
    o = evidence.observation
    since = (o.counted - o.counted_at_cutoff)[o.open_at_cutoff]
    known = o.complete[o.open_at_cutoff]
    to_come = np.eye(len(o.years))[o.open_at_cutoff][:, ~o.complete]
    return pt.log(pt.dot(to_come, pt.exp(y)) + np.where(known, np.maximum(since, 0.5), since))


def _log_stated(parts: list[_Part], y: Any, evidence: Evidence) -> Any:
    """Copula densities `(part,)` of the stated years: marginals and scores from tables, full years as they came."""
    free_years = _free_years(evidence)
    counted = dict(zip(evidence.observation.years, evidence.observation.counted, strict=True))
    rows, whitening, means, members = [], [], [], []
    constant = np.array([part.log_prior for part in parts])
    for k, part in enumerate(parts):
        fixed = {year: float(counted[year]) for year in part.own.years if year not in free_years}
        constant[k] += log_density_of(part.own, part.rho, fixed) if fixed else 0.0
        free = [year for year in part.own.years if year in free_years]
        if not free:
            continue
        mean, root = _conditional_scores(part.own, part.rho, fixed, len(free))
        constant[k] -= np.log(np.diag(root)).sum()
        rows += [(free_years.index(year), _table(part.own.marginal(year), counted[year])) for year in free]
        whitening.append(np.linalg.inv(root))
        means.append(mean)
        members += [k] * len(free)
    if not rows:
        return pt.as_tensor(constant)
    at = pt.dot(np.eye(len(free_years))[[column for column, _ in rows]], y)
    log_marginal, z = _interpolate([table for _, table in rows], at)
    whitened = pt.dot(block_diag(*whitening), z - np.concatenate(means))
    membership = (np.arange(len(parts))[:, None] == np.array(members)).astype(float)
    return constant + pt.dot(membership, log_marginal + 0.5 * (z**2 - whitened**2))


def _free_years(evidence: Evidence) -> list[int]:
    o = evidence.observation
    return [year for year, done in zip(o.years, o.complete, strict=True) if not done]


def _log_conditionals(parts: list[_Part], y: Any, x: Any, evidence: Evidence) -> tuple[Any, Any]:
    """Log densities `(part,)` of the years each part leaves to the model, and the log evidence.

    Both are differences of mixtures over some of the coordinates (summaries, log totals), evaluated together.
    """
    open_years, first = open_years_of(evidence), len(evidence.summaries)
    left = np.array([[year not in part.own.years for year in open_years] for part in parts])
    wanted = [np.arange(evidence.mixture.dim), np.arange(first, evidence.mixture.dim)]
    share = np.zeros((len(parts), 2))
    share[left.any(axis=1), 1] = 1.0
    for group in np.unique(left[left.any(axis=1) & ~left.all(axis=1)], axis=0):
        wanted.append(first + np.flatnonzero(~group))
        share = np.column_stack([share, -(left == group).all(axis=1).astype(float)])
    logs = _log_mixtures(evidence.mixture, wanted, _point(evidence), x, y)
    jacobian = [[float(year not in part.own.years) for year in _free_years(evidence)] for part in parts]
    conditionals = pt.dot(share, logs) - pt.dot(left.astype(float), x) + pt.dot(np.array(jacobian), y)
    return conditionals, _log_evidence(logs[0] - logs[1], y, x, evidence)


def _point(evidence: Evidence) -> tuple[Array, Array, Array]:
    """The mixture's point as a linear map of x and y: matrices `(coordinate, open year)`, `(., free year)`, constant.

    u falls by as much as y of its year rises, v is what came, and the log totals are x.
    """
    first, dim = len(evidence.summaries), evidence.mixture.dim
    of_x, of_y, constant = np.eye(dim)[:, first:], np.zeros((dim, len(_free_years(evidence)))), np.zeros(dim)
    if "u" in evidence.summaries:
        of_y[0, _partial_column(evidence)] = -1.0
        constant[0] = np.log(evidence.observation.later_in_partial_year)
    if "v" in evidence.summaries:
        constant[first - 1] = evidence.level_summary
    return of_x, of_y, constant


def _partial_column(evidence: Evidence) -> int:
    o = evidence.observation
    return _free_years(evidence).index(o.years[o.partial_year or 0])


def _log_mixtures(
    mixture: GaussianMixture,
    marginals: list[NDArray[np.intp]],
    point: tuple[Array, Array, Array],
    x: Any,
    y: Any,
) -> Any:
    """Log densities `(marginal,)` of the mixture's marginals over the given coordinates."""
    whitening, shift, sizes, constant = [], [], [], []
    for columns in marginals:
        for weight, mean, covariance in zip(mixture.weights, mixture.means, mixture.covariances, strict=True):
            root = np.linalg.inv(np.linalg.cholesky(covariance[np.ix_(columns, columns)]))
            whitening.append(root @ np.eye(mixture.dim)[columns])
            shift.append(root @ mean[columns])
            sizes.append(len(columns))
            constant.append(
                np.log(weight) + np.log(np.diag(root)).sum() - 0.5 * len(columns) * np.log(2 * np.pi)
            )
    rows, (of_x, of_y, at_zero) = np.concatenate(whitening), point
    whitened = pt.dot(rows @ of_x, x) + pt.dot(rows @ of_y, y) + (rows @ at_zero - np.concatenate(shift))
    owner = np.repeat(np.arange(len(sizes)), sizes)
    sums = (np.arange(len(sizes))[:, None] == owner).astype(float)
    logs = np.array(constant) - 0.5 * pt.dot(sums, whitened**2)
    return _log_sum_exp(logs.reshape((len(marginals), len(mixture.weights))))


def _log_sum_exp(values: Any) -> Any:
    """Over the last axis. PyTensor's own guards against sums of nothing, which doubles the nodes to compile."""
    top = pt.max(values, axis=-1, keepdims=True)
    inner = pt.dot(pt.exp(values - disconnected_grad(top)), np.ones(values.type.shape[-1]))
    return disconnected_grad(top.squeeze(axis=-1)) + pt.log(inner)


def _conditional_scores(
    own: Component, rho: float, fixed: dict[int, float], size: int
) -> tuple[Array, Array]:
    """Mean `(year,)` and Cholesky root of the free years' normal scores given the completed ones."""
    mean = conditional_normals(own, rho, fixed, np.zeros((1, size)))[0]
    return mean, (conditional_normals(own, rho, fixed, np.eye(size)) - mean).T


def _table(marginal: Marginal, counted: float) -> Table:
    """Grid in y = log(N - counted) with the log density of y and the normal score on it."""
    room = float(marginal.sf(counted))
    low, high = float(marginal.ppf(1e-9)), float(marginal.isf(1e-9 * room))
    grid = np.linspace(np.log(max(low - counted, 1.0)), np.log(max(high - counted, 10.0)), _NODES)
    totals = counted + np.exp(grid)
    with np.errstate(divide="ignore"):
        log_density = np.log(marginal.pdf(totals)) + grid
    return grid, np.maximum(log_density, log_density.max() - _DEEPEST), _score(marginal, totals)


def _score(marginal: Marginal, totals: Array) -> Array:
    return np.asarray(np.clip(normal_score(marginal, totals), -8.0, 8.0))


def _interpolate(tables: list[Table], at: Any) -> tuple[Any, Any]:
    """Log densities and scores `(row,)`, piecewise linear on even grids.

    Outside its grid the density falls steeply, so that no chain stays there.
    """
    first, last = (np.array([grid[end] for grid, _, _ in tables]) for end in (0, -1))
    position = pt.clip((at - first) * ((_NODES - 1) / (last - first)), 0.0, _NODES - 1.000001)
    cell = pt.floor(position)
    lines = np.concatenate([np.column_stack([d[:-1], np.diff(d), z[:-1], np.diff(z)]) for _, d, z in tables])
    place = pt.cast(cell, "int64") + (_NODES - 1) * np.arange(len(tables))
    line, share = pt.as_tensor(lines)[place], position - disconnected_grad(cell)
    outside = pt.maximum(first - at, 0.0) + pt.maximum(at - last, 0.0)
    return line[:, 0] + share * line[:, 1] - _BEYOND * outside, line[:, 2] + share * line[:, 3]


def _log_evidence(log_ratio: Any, y: Any, x: Any, evidence: Evidence) -> Any:
    """The evidence of evidence.py, term for term; `log_ratio` is its mixture over the one of log totals."""
    if not evidence.summaries:
        return pt.as_tensor(0.0)
    total = log_ratio
    if "u" in evidence.summaries:
        since = evidence.observation.later_in_partial_year
        to_come = pt.dot(np.eye(len(_free_years(evidence)))[_partial_column(evidence)], y)
        total = total + pt.log(since + pt.exp(to_come)) - np.log(since) - to_come
    return total + _log_correction(evidence.correction, x) if evidence.correction else total


def _log_correction(correction: Correction, x: Any) -> Any:
    """Piecewise linear through uneven knots, flat outside, summed over the years."""
    years, pieces = correction.knots.shape[0], correction.knots.shape[1] - 1
    slopes = (np.diff(correction.heights, axis=1) / np.diff(correction.knots, axis=1)).ravel()
    lower, upper = correction.knots[:, :-1].ravel(), correction.knots[:, 1:].ravel()
    repeated = pt.dot(np.repeat(np.eye(years), pieces, axis=0), x)
    return correction.heights[:, 0].sum() + pt.dot(pt.clip(repeated, lower, upper) - lower, slopes)


def _responsibilities(
    density: ExpertDensity,
    expert_weight: float,
    evidence: Evidence,
    totals: Array,
    continued: Continued | None,
) -> Array:
    """`(draw, component)` in the posterior's order: the share of every component in the density at each draw."""
    rho, log_evidence = density.year_correlation, evidence.log_evidence(totals)
    with np.errstate(divide="ignore"):
        columns = [
            np.log(p) + log_prior(c, rho, evidence, totals) + log_evidence
            for p, c in prior_parts(density, expert_weight)
        ]
    if continued is not None:
        free = np.flatnonzero(~evidence.observation.complete)
        y = np.log(totals[:, free] - evidence.observation.counted[free])
        columns.append(continued.log_share + continued.density.log_density(y) - y.sum(axis=1))
    logs = np.stack(columns, axis=1)
    shares = np.exp(logs - logs.max(axis=1, keepdims=True))
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))
