"""Monthly paths that carry given yearly totals.

    y* = y + Cov(y, X) Cov(X)^-1 (X* - X)          (Matheron's rule, on logs)

y is a simulated path of log monthly counts to come, X its own log yearly sums, X* the wanted ones. Sums of exponentials
are not linear in y, so the rule is applied three times, each with the sums of the corrected path, and what is left
(well under a tenth of a percent) is removed by scaling each year. The result is a draw of the model's path given
the totals: levels rise smoothly to where they must be instead of jumping at the cutoff. Counted months stand
before the path and are not touched. Source: Doucet (2010), A note on efficient conditional simulation of Gaussian
distributions.

Which path a total starts from matters, because one regression cannot serve quiet and turbulent draws alike: totals
that rank high among the wanted ones start from paths whose own totals rank high (`alike_rows`), each path once.
An event that begins only in a month to come is no part of that flow. The path completes what the totals are without
it; its amount then falls in the months from its beginning on, in proportion to theirs.
Knows totals and paths, not where the totals come from.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.observation import Observation, years_of
from models.series import Months

Array = NDArray[np.float64]

_PASSES = 3
_BLOCK = 10_000
_GAIN_DRAWS = 50_000
_LEAST_FLOW = 0.02  # of what a path would have: events leave at least this share of every month
_CLIP = 6.0  # robust standard deviations: no tail of the model may rule a regression on all of it


@dataclass(frozen=True)
class PathRule:
    """The regression `gain` `(month, open year)` and which months `(open year, month)` make up which year."""

    gain: Array
    members: NDArray[np.bool_]
    columns: tuple[int, ...]
    counted: Array


def path_rule(log_paths: Array, observation: Observation) -> PathRule:
    """Learn the rule from the model's draws `(draw, future month)` over `observation.future_months`."""
    of_year = years_of(observation.future_months)
    columns = tuple(j for j, year in enumerate(observation.years) if (of_year == year).any())
    members = np.stack([of_year == observation.years[j] for j in columns])
    sample = log_paths[:_GAIN_DRAWS]
    sums = _clip(_log_sums(np.exp(sample), members))
    centred = sums - sums.mean(axis=0)
    months = _clip(sample)
    cross = (months - months.mean(axis=0)).T @ centred
    gain = np.linalg.solve(centred.T @ centred, cross.T).T
    return PathRule(gain, members, columns, observation.counted[list(columns)])


def complete_paths(totals: Array, log_paths: Array, rule: PathRule) -> Array:
    """Monthly counts `(draw, future month)` whose sums, with the months counted, are `totals` `(draw, year)`.

    Months of years before the target years, when the cutoff came before their end, move along with the years they
    lead to. Raises ValueError when a total leaves nothing, or less, for the months still to come.
    """
    wanted = totals[:, list(rule.columns)] - rule.counted
    if not (wanted > 0).all():
        raise ValueError("a total is not above what is already counted")
    log_wanted = np.log(wanted)
    moved = log_paths.copy()
    for _ in range(_PASSES):
        moved += (log_wanted - _log_sums(np.exp(moved), rule.members)) @ rule.gain.T
    counts = np.exp(moved)
    for member, column in zip(rule.members, wanted.T, strict=True):
        counts[:, member] *= (column / counts[:, member].sum(axis=1))[:, None]
    return counts


def alike_rows(totals: Array, own: Array, observation: Observation) -> NDArray[np.int64]:
    """`(draw,)`: for wanted `totals` `(draw, year)` the rows of the model's `own` totals that lie alike, each once.

    Both are cut into equally many parts by the first year still open, each part by the next, and so on; parts at the
    same place are matched in order. Of `own` as many rows take part as there are draws. Raises ValueError when
    there are fewer.
    """
    if len(own) < len(totals):
        raise ValueError(f"{len(totals)} draws cannot start from {len(own)} paths, each once")
    years = np.flatnonzero(~observation.complete)
    rows = np.empty(len(totals), dtype=np.int64)
    rows[_in_parts(totals[:, years])] = _in_parts(own[: len(totals), years])
    return rows


def _in_parts(values: Array) -> NDArray[np.int64]:
    """Rows of `(draw, year)` ordered by the first column, within parts of that by the second, and so on."""
    order = np.arange(len(values))
    parts, columns = [order], values.shape[1]
    for column in range(columns):
        parts = [part[np.argsort(values[part, column], kind="stable")] for part in parts]
        if column < columns - 1:
            share = int(np.ceil(len(parts[0]) ** (1 / (columns - column)))) if len(parts[0]) else 1
            parts = [piece for part in parts for piece in np.array_split(part, share)]
    return np.concatenate(parts)


def with_waiting(
    totals: Array, log_paths: Array, rule: PathRule, months: Months, waiting: Mapping[str, Array]
) -> Array:
    """As `complete_paths`, with the part `waiting` `(draw, year)` of the totals in `months` from its beginning on.

    Whoever is subtracted cannot be more than the months from then on have: what is beyond them, if ever, comes out of
    the whole year, as the totals stand.
    """
    if not waiting:
        return complete_paths(totals, log_paths, rule)
    still = totals[:, list(rule.columns)] - rule.counted
    flow = totals - sum(waiting.values(), np.zeros(1))
    flow[:, list(rule.columns)] = np.maximum(flow[:, list(rule.columns)], rule.counted + _LEAST_FLOW * still)
    counts = complete_paths(flow, log_paths, rule)
    added = np.zeros_like(counts)
    for start, amounts in waiting.items():
        begun = months >= np.datetime64(start, "M")
        for member, column in zip(rule.members, rule.columns, strict=True):
            inside = member & begun
            if inside.any():
                added[:, inside] += (
                    counts[:, inside] * (amounts[:, column] / counts[:, inside].sum(axis=1))[:, None]
                )
    counts = np.maximum(counts + added, _LEAST_FLOW * counts)
    for member, column in zip(rule.members, still.T, strict=True):
        counts[:, member] *= (column / counts[:, member].sum(axis=1))[:, None]
    return counts


def whole_paths(
    totals: Array,
    rows: NDArray[np.int64],
    log_paths: Array,
    observation: Observation,
    waiting: Mapping[str, Array] | None = None,
) -> NDArray[np.int32]:
    """Completed paths `(draw, future month)` in whole persons, each year's sum being the rounded total.

    `rows` `(draw,)` says which model path each draw starts from, `waiting` `(draw, year)` which part of the totals
    begins only in a month to come. Rounding the running sum and taking differences moves no month by more than one
    person and no year by more than a half.
    """
    paths = np.empty((len(totals), log_paths.shape[1]), dtype=np.int32)
    if not paths.size:
        return paths
    of_year, rule = years_of(observation.future_months), path_rule(log_paths, observation)
    for start in range(0, len(totals), _BLOCK):
        block = slice(start, start + _BLOCK)
        late = {month: amounts[block] for month, amounts in (waiting or {}).items()}
        counts = with_waiting(totals[block], log_paths[rows[block]], rule, observation.future_months, late)
        for year in np.unique(of_year):
            inside = of_year == year
            running = np.rint(np.cumsum(counts[:, inside], axis=1))
            paths[block, inside] = np.diff(running, axis=1, prepend=0.0)
    return paths


def _log_sums(counts: Array, members: NDArray[np.bool_]) -> Array:
    return np.asarray(np.log(counts @ members.T.astype(float)))


def _clip(values: Array) -> Array:
    middle = np.median(values, axis=0)
    spread = np.median(np.abs(values - middle), axis=0) * 1.4826
    return np.asarray(np.clip(values, middle - _CLIP * spread, middle + _CLIP * spread))
