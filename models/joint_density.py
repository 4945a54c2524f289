"""The log density of the joint model, as a graph for NUTS.

    y_j = log(F_j - counted_j) for every year still open,   N_j = F_j + what events apart add
    p(y, a) = p(a) sum_k,e prior_k p(e | k) pi_k(N - events e) |dB/dN| exp(sum_j y_j) w(N) + the model's part

pi_k is a scenario's copula density, with the model's conditional density for years it leaves open, e a set of events
that occur together (models/joint_worlds.py), a what each event adds when it occurs. Sums are over k and e together.
B is the belief that with its events and the floor came to N (models/stated_draws.py). Marginals, amounts and the floor
enter as tables on even grids, piecewise linear, which serves every family alike. Worker processes only.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import block_diag

from models.backend import disconnected_grad, pm, pt
from models.evidence import Correction, Evidence
from models.gaussian_mixture import GaussianMixture
from models.joint_worlds import Worlds
from models.stated_draws import before_cutting, cut_matters
from priors.copula import correlation_matrix
from priors.families import Marginal
from priors.mixture import Component
from priors.score_table import normal_score
from priors.totals import YearTotal

Array = NDArray[np.float64]

_NODES = 4_001
_LAST_SCORE = 8.0
_BEYOND = (
    40.0  # log density lost per unit outside a table, or per twentieth of what is usual: a wall NUTS can feel
)
_TWENTIETH = 0.05
_DEEPEST = 200.0  # log density under a table's top that stands for none at all
_LEAST_ROOM = 1e-3  # of the median's distance from the floor: below it a table has no nodes
_LEAST_TO_COME, _LEAST_FLOW = 0.5, 1e-9  # persons, as in evidence.py


class Table(NamedTuple):
    """Values `(column, node)` on an even grid from `first` to `last`."""

    first: float
    last: float
    values: Array


@dataclass(frozen=True)
class Continued:
    """The model's part: log of its prior probability times its evidence, and the density of y continued."""

    log_share: float
    density: GaussianMixture


@dataclass(frozen=True)
class Frame:
    """Centre and scale `(free year,)` of y, good enough to start from."""

    centre: Array
    scale: Array


def build_joint_model(worlds: Worlds, frame: Frame, continued: Continued | None) -> Any:
    """The PyMC model: free are y, standardised, and the normals of what events add."""
    with pm.Model() as model:
        standard = pm.Flat("standard", shape=len(frame.centre), initval=np.zeros(len(frame.centre)))
        y = frame.centre + frame.scale * standard
        logs = []
        if worlds.parts:
            logs.append(_log_weighed(worlds, y, _amounts(worlds), np.exp(frame.centre)))
        if continued is not None:
            logs.append(_log_continued(continued, y))
        pm.Potential("posterior", _log_sum_exp(pt.concatenate(logs)))
    return model


def _amounts(worlds: Worlds) -> Any:
    """What every event adds `(cell,)` in persons, from normals with the correlation of its years; a free variable."""
    if not worlds.cells:
        return None
    normals = pm.Normal("normals", 0.0, 1.0, shape=len(worlds.cells), initval=np.zeros(len(worlds.cells)))
    root, first = np.zeros((len(worlds.cells),) * 2), 0
    tables = []
    grid = np.linspace(-_LAST_SCORE, _LAST_SCORE, _NODES)
    for event in worlds.events:
        own = slice(first, first + len(event.years))
        root[own, own] = np.linalg.cholesky(correlation_matrix(event.years, worlds.rho))
        tables += [Table(grid[0], grid[-1], amount.at_scores(grid)[None]) for amount in event.amounts]
        first = own.stop
    return _interpolate(tables, np.arange(len(tables)), pt.dot(root, normals))[0]


class _Totals(NamedTuple):
    """Totals `(row, open year)`: persons, logs of what the cutoff did not know, the same without what waits, and walls.

    A row is a part where there are events, or the one that serves every part. `to_come` `(row,)` is the log of what is
    left of the unfinished year without what waits, `added` what all events of the row add.
    """

    persons: Any
    since_cutoff: Any
    flow_since_cutoff: Any
    to_come: Any
    added: Any
    wall: Any


def _log_weighed(worlds: Worlds, y: Any, amounts: Any, usual: Array) -> Any:
    """Log densities `(part,)` of the experts' parts times the evidence."""
    totals = _totals(worlds, y, amounts, usual)
    conditionals, log_evidence = _log_conditionals(worlds, totals)
    return (
        _log_stated(worlds, totals)
        + conditionals
        + log_evidence
        + totals.wall
        + pt.dot(np.ones(len(usual)), y)
    )


def _totals(worlds: Worlds, y: Any, amounts: Any, usual: Array) -> _Totals:
    o = worlds.evidence.observation
    is_open = o.open_at_cutoff
    free, done = ~o.complete[is_open], o.complete[is_open]
    counted, known = o.counted[is_open], o.counted_at_cutoff[is_open]
    apart = _summed(worlds, amounts, worlds.apart)
    to_come = pt.dot(np.eye(len(counted))[:, free], pt.exp(y)) + apart
    flow = to_come - _summed(worlds, amounts, worlds.waiting) if worlds.waiting.any() else to_come
    since = np.where(done, np.maximum(counted - known, _LEAST_TO_COME), counted - known)
    flow_since = pt.log(pt.maximum(since + flow, _LEAST_TO_COME))
    all_since = pt.log(pt.maximum(since + to_come, _LEAST_TO_COME)) if flow is not to_come else flow_since
    steep = np.where(free, _BEYOND, 0.0)
    steep[free] /= np.maximum(_TWENTIETH * usual, 1.0)
    short = pt.maximum(1.0 - pt.minimum(to_come, flow), 0.0)
    return _Totals(
        persons=counted + to_come,
        since_cutoff=all_since,
        flow_since_cutoff=flow_since,
        to_come=pt.log(pt.maximum(pt.dot(flow, _partial_year(worlds.evidence)), _LEAST_FLOW)),
        added=_summed(worlds, amounts, np.ones(len(worlds.cells), dtype=bool)),
        wall=-pt.dot(short, steep) if worlds.apart.any() else 0.0,
    )


def _summed(worlds: Worlds, amounts: Any, which: NDArray[np.bool_]) -> Any:
    """Sums of some cells' amounts `(row, open year)`."""
    adds = worlds.adds[[part.world for part in worlds.parts]] * which
    if not adds.any():
        return np.zeros((len(adds) if worlds.cells else 1, len(worlds.years)))
    return pt.dot(adds.reshape(-1, adds.shape[2]), amounts).reshape(adds.shape[:2])


def _partial_year(evidence: Evidence) -> Array:
    """One for the unfinished year among the open ones; for the first where none is, and then nothing is read there."""
    o = evidence.observation
    place = int(o.open_at_cutoff[: o.partial_year or 0].sum())
    return np.asarray(np.eye(int(o.open_at_cutoff.sum()))[place])


def _log_stated(worlds: Worlds, totals: _Totals) -> Any:
    """Log prior and copula density `(part,)` of the stated years, a full year as it came."""
    entries = [_entry(part.own, year, worlds) for part in worlds.parts for year in worlds.years]
    persons, log_slope = _before_cutting(entries, _by_entry(worlds, totals.persons))
    beliefs = persons - totals.added.flatten() if worlds.cells else persons
    floor, least, wall = (
        np.array([getattr(e, name) for e in entries]) for name in ("floor", "least", "wall")
    )
    above = beliefs - floor
    tables, which = _distinct([entry.table for entry in entries])
    log_marginal, z = _interpolate(tables, which, pt.log(pt.maximum(above, least)), _BEYOND)
    whitening = [_whitening(part.own, worlds) for part in worlds.parts]
    whitened = pt.dot(block_diag(*whitening), z)
    inside = log_marginal + log_slope - wall * pt.maximum(least - above, 0.0) + 0.5 * (z**2 - whitened**2)
    constant = [
        part.log_prior + np.log(np.diag(w)).sum() for part, w in zip(worlds.parts, whitening, strict=True)
    ]
    members = np.repeat(np.eye(len(worlds.parts)), len(worlds.years), axis=1)
    return np.array(constant) + pt.dot(members, inside)


def _by_entry(worlds: Worlds, of_rows: Any) -> Any:
    """Values `(row, open year)` as `(part x open year,)`."""
    if worlds.cells:
        return of_rows.flatten()
    return pt.dot(np.tile(np.eye(len(worlds.years)), (len(worlds.parts), 1)), of_rows.flatten())


def _whitening(own: Component, worlds: Worlds) -> Array:
    """`(open year, open year)`: makes independent the scores of the years stated, and leaves the others as they are."""
    stated = [worlds.years.index(year) for year in own.years]
    found = np.eye(len(worlds.years))
    root = np.linalg.cholesky(correlation_matrix(own.years, worlds.rho))
    found[np.ix_(stated, stated)] = np.linalg.inv(root)
    return found


class _Entry(NamedTuple):
    """A part's statement about a year: its table over log(belief - floor), where that begins, and the wall before it.

    A year that it does not state has a table of zeros. `cut` turns log(total - floor) into the sum before cutting.
    """

    floor: float
    least: float
    wall: float
    table: Table
    cut: Table | None


_NOTHING = Table(0.0, 100.0, np.zeros((2, _NODES)))  # of a year that is not stated, at any total
_UNCUT = Table(0.0, 1.0, np.zeros((2, _NODES)))


def _entry(own: Component, year: int, worlds: Worlds) -> _Entry:
    if year not in own.years:
        return _Entry(0.0, 1.0, 0.0, _NOTHING, None)
    belief = own.marginal(year)
    room = float(belief.ppf(0.5)) - belief.floor
    least = max(float(belief.ppf(1e-9)) - belief.floor, _LEAST_ROOM * room)
    last = max(float(belief.isf(1e-9)) - belief.floor, 1.1 * least)
    table = _belief_table(belief, np.log(least), np.log(last))
    return _Entry(belief.floor, least, _BEYOND / (_TWENTIETH * room), table, _cut_table(own, year))


@lru_cache(maxsize=512)
def _belief_table(belief: Marginal, first: float, last: float) -> Table:
    """Log density per person and normal score of a belief, over log(belief - floor)."""
    totals = belief.floor + np.exp(np.linspace(first, last, _NODES))
    with np.errstate(divide="ignore"):
        log_density = np.log(belief.pdf(totals))
    scores = np.clip(normal_score(belief, totals), -_LAST_SCORE, _LAST_SCORE)
    return Table(first, last, np.stack([_no_deeper(log_density), scores]))


def _no_deeper(log_density: Array) -> Array:
    return np.asarray(np.maximum(log_density, log_density.max() - _DEEPEST))


def _cut_table(own: Component, year: int) -> Table | None:
    """By how much cutting at the floor raised a sum, and the log of its slope, over log(total - floor)."""
    total = own.total(year)
    if not isinstance(total, YearTotal) or not cut_matters(total):
        return None
    return _cut_table_of(total)


@lru_cache(maxsize=128)
def _cut_table_of(total: YearTotal) -> Table:
    grid = np.linspace(0.0, np.log(max(float(total.cut_map[1][-1]) - total.floor, 10.0)), _NODES)
    persons = total.floor + np.exp(grid)
    before, log_slope = before_cutting(total, persons)
    return Table(grid[0], grid[-1], np.stack([before - persons, np.clip(log_slope, -_DEEPEST, _DEEPEST)]))


def _before_cutting(entries: list[_Entry], persons: Any) -> tuple[Any, Any]:
    """The sums that cutting turned into `persons` `(entry,)`, and log slopes."""
    cut = [entry.cut for entry in entries]
    if not any(cut):
        return persons, 0.0
    tables, which = _distinct([table or _UNCUT for table in cut])
    floor = np.array([entry.floor for entry in entries])
    raised, log_slope = _interpolate(tables, which, pt.log(pt.maximum(persons - floor, 1.0)))
    return persons + raised, log_slope


def _log_conditionals(worlds: Worlds, totals: _Totals) -> tuple[Any, Any]:
    """Log densities `(part,)` per person of the years each part leaves to the model, and the log evidence `(row,)`.

    Both are differences of mixtures over some of the coordinates (summaries, log totals), evaluated together: the one
    at the totals, the other at these without what waits.
    """
    evidence = worlds.evidence
    first, dim = len(evidence.summaries), evidence.mixture.dim
    left = np.array([[year not in part.own.years for year in worlds.years] for part in worlds.parts])
    wanted = [np.arange(dim), np.arange(first, dim)]
    share = np.zeros((len(worlds.parts), 2))
    share[left.any(axis=1), 1] = 1.0
    for group in np.unique(left[left.any(axis=1) & ~left.all(axis=1)], axis=0):
        wanted.append(first + np.flatnonzero(~group))
        share = np.column_stack([share, -(left == group).all(axis=1).astype(float)])
    x, to_come = totals.flow_since_cutoff, totals.to_come
    rows = x.type.shape[0]
    if worlds.waiting.any():
        x, to_come = pt.concatenate([totals.since_cutoff, x]), pt.concatenate([to_come, to_come])
    logs = _log_mixtures(evidence.mixture, wanted, _points(evidence, x, to_come))
    if left.any():
        conditionals = pt.dot(share * logs[:rows], np.ones(len(wanted)))
        conditionals = conditionals - pt.dot(left * totals.since_cutoff, np.ones(len(worlds.years)))
    else:
        conditionals = np.zeros(len(left))
    log_ratio = pt.dot(logs[-rows:], np.array([1.0, -1.0, *[0.0] * (len(wanted) - 2)]))
    return conditionals, _log_evidence(log_ratio, totals, evidence)


def _points(evidence: Evidence, x: Any, to_come: Any) -> Any:
    """The mixture's coordinates `(point, coordinate)`: what came, and log totals `x` `(point, open year)`.

    u falls by as much as the log of what is to come of its year rises, v is what came.
    """
    first, dim = len(evidence.summaries), evidence.mixture.dim
    points = pt.dot(x, np.eye(dim)[first:])
    constant = np.zeros(dim)
    if "u" in evidence.summaries:
        constant[0] = np.log(evidence.observation.later_in_partial_year)
        points = points - to_come[:, None] * np.eye(dim)[0]
    if "v" in evidence.summaries:
        constant[first - 1] = evidence.level_summary
    return points + constant


def _log_mixtures(mixture: GaussianMixture, marginals: list[NDArray[np.intp]], points: Any) -> Any:
    """Log densities `(point, marginal)` of the mixture's marginals over the given coordinates."""
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
    whitened = pt.dot(points, np.concatenate(whitening).T) - np.concatenate(shift)
    sums = (np.repeat(np.arange(len(sizes)), sizes)[:, None] == np.arange(len(sizes))).astype(float)
    logs = np.array(constant) - 0.5 * pt.dot(whitened**2, sums)
    return _log_sum_exp(logs.reshape((points.type.shape[0], len(marginals), len(mixture.weights))))


def _log_continued(continued: Continued, y: Any) -> Any:
    """Log density `(1,)` of the model's part."""
    everything = [np.arange(continued.density.dim)]
    return continued.log_share + _log_mixtures(continued.density, everything, y[None, :])[0]


def _log_sum_exp(values: Any) -> Any:
    """Over the last axis. PyTensor's own guards against sums of nothing, which doubles the nodes to compile."""
    top = pt.max(values, axis=-1, keepdims=True)
    inner = pt.dot(pt.exp(values - disconnected_grad(top)), np.ones(values.type.shape[-1]))
    return disconnected_grad(top.squeeze(axis=-1)) + pt.log(inner)


def _distinct(tables: list[Table]) -> tuple[list[Table], NDArray[np.int64]]:
    """Every table once, and which of them each entry has."""
    places = {id(table): table for table in tables}
    order = {name: place for place, name in enumerate(places)}
    return list(places.values()), np.array([order[id(table)] for table in tables])


def _interpolate(tables: list[Table], which: NDArray[np.int64], at: Any, beyond: float = 0.0) -> list[Any]:
    """Every column's values `(entry,)`, piecewise linear on even grids; `which` table serves an entry.

    The first column falls by `beyond` per unit above its grid, so that no chain stays there.
    """
    first, last = (np.array([table[end] for table in tables])[which] for end in (0, 1))
    position = pt.clip((at - first) * ((_NODES - 1) / (last - first)), 0.0, _NODES - 1.000001)
    cell = pt.floor(position)
    lines = np.concatenate([np.concatenate([t.values[:, :-1], np.diff(t.values, axis=1)]).T for t in tables])
    place = pt.cast(cell, "int64") + (_NODES - 1) * which
    line, share = pt.as_tensor(lines)[place], position - disconnected_grad(cell)
    columns = lines.shape[1] // 2
    found = [line[:, column] + share * line[:, columns + column] for column in range(columns)]
    if beyond:
        found[0] = found[0] - beyond * pt.maximum(at - last, 0.0)
    return found


def _log_evidence(log_ratio: Any, totals: _Totals, evidence: Evidence) -> Any:
    """The evidence `(row,)` of evidence.py, term for term; `log_ratio` is its mixture over that of log totals."""
    if not evidence.summaries:
        return pt.zeros_like(log_ratio)
    total = log_ratio
    if "u" in evidence.summaries:
        since = evidence.observation.later_in_partial_year
        total = total + pt.log(since + pt.exp(totals.to_come)) - np.log(since) - totals.to_come
    if evidence.correction:
        total = total + _log_correction(evidence.correction, totals.flow_since_cutoff)
    return total


def _log_correction(correction: Correction, x: Any) -> Any:
    """Piecewise linear through uneven knots, flat outside, summed over the years: `(row,)`."""
    years, pieces = correction.knots.shape[0], correction.knots.shape[1] - 1
    slopes = (np.diff(correction.heights, axis=1) / np.diff(correction.knots, axis=1)).ravel()
    lower, upper = correction.knots[:, :-1].ravel(), correction.knots[:, 1:].ravel()
    repeated = pt.dot(x, np.repeat(np.eye(years), pieces, axis=0).T)
    return correction.heights[:, 0].sum() + pt.dot(pt.clip(repeated, lower, upper) - lower, slopes)
