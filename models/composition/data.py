"""Counts by nationality as a sequence of splits: months and years together, nothing counted twice.

A row is one period (a month, a quarter or a year) in which a number of persons is split over groups. A group is one
nationality, or several that the period does not tell apart (the rest of a total). The probability of all counts is
then a product over rows, because a multinomial splits into stages:

    p(months by 7 and rest, year by 15) = p(months by 7 and rest) x p(the year's rest by the other 8 | rest)

So a year whose months are known says only what they leave open: how their rest divides, or, where the months have no
total, how the year divides between their named nationalities together and everyone else.
This module knows nothing of priors, PyMC or files.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.series import Array, Months, month_of

OTHER = "OTHER"
TOTAL = "TOTAL"
ABSENT = -1


@dataclass(frozen=True)
class CompositionData:
    """Rows in order of their last month.

    `citizens` (citizen,) the last of them OTHER; `last_months` (row,); `spans` (row,) months in the period; `group`
    (row, citizen) number of the group a nationality is counted in, -1 where the row says nothing of it; `counts`
    (row, group) persons, NaN beyond the row's groups; `rounding` what figures are rounded to; `anchor` (row, citizen)
    log shares elsewhere as known when the row's period began, NaN where unknown; `anchor_now` (citizen,) the same
    after the last row. Raises ValueError for shapes that do not match.
    """

    citizens: tuple[str, ...]
    last_months: Months
    spans: NDArray[np.int64]
    group: NDArray[np.int64]
    counts: Array
    rounding: float
    anchor: Array
    anchor_now: Array

    def __post_init__(self) -> None:
        shape = (len(self.last_months), len(self.citizens))
        if not self.group.shape == self.counts.shape == self.anchor.shape == shape:
            raise ValueError(f"rows and citizens are {shape}; groups, counts and anchor must be the same")
        if self.citizens[-1:] != (OTHER,) or len(set(self.citizens)) != len(self.citizens):
            raise ValueError(f"citizens must differ and end with {OTHER}: {self.citizens}")
        if np.any(np.diff(self.last_months.astype(np.int64)) < 0):
            raise ValueError("rows must be in the order of their last month")

    def __len__(self) -> int:
        return len(self.last_months)

    def until(self, last_month: np.datetime64) -> "CompositionData":
        """The rows whose period ended by a month. The anchor then is that of the first row left out."""
        kept = self.last_months <= last_month
        now = self.anchor_now if kept.all() else self.anchor[~kept][0]
        names = ("last_months", "spans", "group", "counts", "anchor")
        return replace(self, anchor_now=now, **{name: getattr(self, name)[kept] for name in names})


@dataclass(frozen=True)
class _Row:
    """A period before it is laid out: persons by named nationality, and of the rest together (None = unknown)."""

    first: np.datetime64
    span: int
    named: dict[str, float]
    rest: float | None
    merged: frozenset[str] = frozenset()
    gone: frozenset[str] = frozenset()

    @property
    def months(self) -> list[np.datetime64]:
        return [self.first + i for i in range(self.span)]


def composition_data(
    frame: pd.DataFrame,
    citizens: Sequence[str],
    *,
    rounding: float = 1.0,
    anchor: pd.DataFrame | None = None,
) -> CompositionData:
    """Rows from the columns `citizen`, `period` (month, 'YYYY-Qn' or 'YYYY') and `value` (persons or NaN).

    `citizens` without OTHER, which is added; nationalities of the frame that are not among them are part of OTHER.
    `TOTAL` gives a period's rest. `anchor` has a row per period ('YYYY') with shares by nationality in columns: it is
    known once that year is over. Raises ValueError for any other period, and for the same
    figure twice.
    """
    names = (*citizens, OTHER)
    rows = [row for row in (_row(p, part, names) for p, part in frame.groupby("period")) if row]
    laid = [_layout(row, names) for row in _without_double_counts(rows)]
    told = sorted((one for one in laid if one is not None), key=lambda one: (one[0], one[1]))
    last_months = np.array([one[0] for one in told], dtype="datetime64[M]")
    spans = np.array([one[1] for one in told], dtype=np.int64)
    shape = (len(told), len(names))
    begun = np.array([one[0] - one[1] + 1 for one in told], dtype="datetime64[M]")
    now = np.array([one[0] + 1 for one in told[-1:]], dtype="datetime64[M]")
    return CompositionData(
        citizens=names,
        last_months=last_months,
        spans=spans,
        group=np.array([one[2] for one in told], dtype=np.int64).reshape(shape),
        counts=np.array([one[3] for one in told], dtype=float).reshape(shape),
        rounding=rounding,
        anchor=_anchor_at(begun, anchor, names),
        anchor_now=_anchor_at(now, anchor, names)[0] if told else np.full(len(names), np.nan),
    )


def _row(period: object, part: pd.DataFrame, names: tuple[str, ...]) -> _Row | None:
    first, span = _calendar(str(period))
    if part["citizen"].duplicated().any():
        raise ValueError(f"a figure of {period} occurs more than once")
    values = pd.to_numeric(part["value"]).to_numpy(dtype=float, na_value=np.nan)
    given = {str(c): v for c, v in zip(part["citizen"], values.tolist(), strict=True) if np.isfinite(v)}
    named = {name: given[name] for name in names[:-1] if name in given}
    if TOTAL in given:
        return _Row(first, span, named, max(given[TOTAL] - sum(named.values()), 0.0))
    if OTHER in given:
        return _Row(first, span, named, given[OTHER])
    return _Row(first, span, named, None) if named else None


def _calendar(period: str) -> tuple[np.datetime64, int]:
    try:
        if len(period) == 4:
            return np.datetime64(f"{period}-01", "M"), 12
        if len(period) == 7 and period[4:6] == "-Q" and period[6] in "1234":
            return np.datetime64(f"{period[:4]}-01", "M") + 3 * (int(period[6]) - 1), 3
        return month_of(period), 1
    except ValueError as error:
        raise ValueError(
            f"period {period!r} is neither a month YYYY-MM, a quarter YYYY-Qn nor a year YYYY"
        ) from error


def _without_double_counts(rows: list[_Row]) -> list[_Row]:
    """Months stay; a longer period keeps what its months leave open, or replaces finer rows when some are missing.

    A year told by four quarters says nothing that they do not.
    """
    by_month = {row.first: row for row in rows if row.span == 1}
    quarters = {row.first: row for row in rows if row.span == 3}
    longer = []
    for year in (row for row in rows if row.span == 12):
        parts = [quarters[month] for month in year.months if month in quarters]
        if len(parts) == 4:
            continue
        for row in parts:
            del quarters[row.first]
        longer.append(year)
    return [*_beside_months([*quarters.values(), *longer], by_month), *by_month.values()]


def _beside_months(longer: list[_Row], by_month: dict[np.datetime64, _Row]) -> list[_Row]:
    """Quarters and years beside their months, which are changed in place where they name different nationalities."""
    kept = []
    for row in longer:
        inside = [by_month[month] for month in row.months if month in by_month]
        if len(inside) < row.span:
            kept.append(row)
            for month in inside:
                del by_month[month.first]
        else:
            named = frozenset.intersection(*(frozenset(month.named) for month in inside))
            rests = all(month.rest is not None for month in inside)
            by_month |= {month.first: _only(month, named, rests) for month in inside}
            told = _with_named(row, {name: sum(month.named[name] for month in inside) for name in named})
            kept.append(replace(told, gone=named) if rests else replace(told, merged=named))
    return kept


def _with_named(year: _Row, known: dict[str, float]) -> _Row:
    """The year naming also what its months name: those persons leave its rest."""
    besides = sum(value for name, value in known.items() if name not in year.named)
    rest = None if year.rest is None else max(year.rest - besides, 0.0)
    return replace(year, named=known | year.named, rest=rest)


def _only(row: _Row, names: frozenset[str], rest: bool) -> _Row:
    """The row naming only `names`: what it named besides joins the rest."""
    besides = sum(value for name, value in row.named.items() if name not in names)
    kept = {name: value for name, value in row.named.items() if name in names}
    return replace(row, named=kept, rest=row.rest + besides if rest and row.rest is not None else None)


def _layout(row: _Row, names: tuple[str, ...]) -> tuple[np.datetime64, int, list[int], list[float]] | None:
    """Last month, span, group per citizen, persons per group; None for a row with fewer than two groups."""
    counts: list[float] = []
    group = [ABSENT] * len(names)
    if row.merged:
        counts.append(sum(row.named[name] for name in row.merged))
    for place, name in enumerate(names):
        if name in row.merged:
            group[place] = 0
        elif name in row.named and name not in row.gone:
            group[place] = len(counts)
            counts.append(row.named[name])
    if row.rest is not None:
        left = [p for p, name in enumerate(names) if group[p] == ABSENT and name not in row.gone]
        for place in left:
            group[place] = len(counts)
        counts.append(row.rest)
    if len(counts) < 2 or sum(counts) <= 0:
        return None
    padded = counts + [np.nan] * (len(names) - len(counts))
    return row.first + row.span - 1, row.span, group, padded


def _anchor_at(months: Months, anchor: pd.DataFrame | None, names: tuple[str, ...]) -> Array:
    """`(month, citizen)`: log shares of the last year that was over at each month."""
    out = np.full((len(months), len(names)), np.nan)
    if anchor is None or not len(months):
        return out
    years = np.array([int(str(period)) for period in anchor["period"]])
    shares = anchor.reindex(columns=list(names)).to_numpy(dtype=float)
    order = np.argsort(years)
    year_of = months.astype("datetime64[Y]").astype(np.int64) + 1970
    place = np.searchsorted(years[order], year_of) - 1
    known = place >= 0
    with np.errstate(divide="ignore"):
        logs = np.log(shares[order])
    out[known] = np.where(np.isfinite(logs), logs, np.nan)[place[known]]
    return out
