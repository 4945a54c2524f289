"""The total of finished forecasts of one country, computed and written: paths paired, summed, divided by nationality.

    components -> months counted by all of them          what the total has counted
               -> heights of their paths, paired         (pairing)
               -> summed path by path                    whole persons in every month, nothing rounded anew
               -> means and quantiles by nationality     (stored_composition, over the sum)

A month is counted once every series has counted it; until then those that have add what they counted. Worker
processes, but nothing here needs a sampler. Must not know where directories stand nor who asked.
"""

import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.composition.data import OTHER
from models.observation import years_of
from models.request import Remark
from models.series import Array
from models.stored import StoredForecast
from models.stored_composition import write_tables
from models.totals.dependence import Dependence
from models.totals.pairing import Rows, heights, paired_rows, yearly_correlation
from models.totals.stored import StoredTotal, open_stored, summed_splitter
from priors.summary import LEVELS

Paths = NDArray[np.int32]
_MOST = {"rhatMax", "divergences", "paretoK"}
_LEAST = {"essMin", "bfmiMin", "essWeighted"}


@dataclass(frozen=True)
class Summand:
    """A finished forecast and the series it is of."""

    series: str
    stored: StoredForecast


@dataclass(frozen=True)
class TotalRequest:
    """Whose total it is, and how its series depend on each other: `kind` says where `dependence` comes from."""

    series: str
    geo: str
    citizen: str
    cutoff: str
    as_of: str
    kind: str
    dependence: Dependence
    seed: int


@dataclass(frozen=True)
class _Months:
    """Every month of the target years and each series' paths `(draw, month)`; all have counted the first `counted`."""

    years: tuple[int, ...]
    months: NDArray[np.datetime64]
    counted: int
    paths: list[Paths]

    def by_year(self, monthly: NDArray[Any]) -> NDArray[np.int64]:
        """`(row, year)` sums of `(row, month)`."""
        of = years_of(self.months)
        return np.stack([monthly[:, of == year].sum(axis=1, dtype=np.int64) for year in self.years], axis=1)


def write_total(summands: Sequence[Summand], request: TotalRequest, directory: Path) -> None:
    """Compute a total and write all its files into an existing empty directory.

    Raises ValueError for forecasts whose target years differ.
    """
    began = time.perf_counter()
    laid = _laid_out(summands)
    rows = paired_rows(
        [_heights(laid, own) for own in laid.paths], request.dependence.correlation, request.seed
    )
    total = np.zeros(laid.paths[0].shape, dtype=np.int32)
    paired = []
    for place, (summand, own, order) in enumerate(zip(summands, laid.paths, rows, strict=True)):
        moved = own[order]
        total += moved
        paired.append(laid.by_year(moved).astype(float))
        _keep_series(directory / f"series_{place}", summand.stored, moved, order)
    np.save(directory / "paths.npy", total[:, laid.counted :])
    np.save(directory / "total_totals.npy", laid.by_year(total).astype(float))
    citizens = _citizens(summands)
    document = _document(summands, request, laid, total[0], yearly_correlation(paired))
    document["total"]["citizens"] = list(citizens)
    _write(document, directory)
    if citizens:
        _divide(directory, summands, laid, citizens)
    document["timings"] = {"summing": round(time.perf_counter() - began, 3)}
    _write(document, directory)


def _write(document: dict[str, Any], directory: Path) -> None:
    (directory / "forecast.json").write_text(json.dumps(document, indent=1), encoding="utf-8")


def _laid_out(summands: Sequence[Summand]) -> _Months:
    draws = min(summand.stored.draws for summand in summands)
    read = [summand.stored.paths(draws) for summand in summands]
    years = summands[0].stored.years
    if any(months != read[0][0] for months, _ in read) or any(s.stored.years != years for s in summands):
        raise ValueError("the forecasts differ in their target years")
    counted = min(len(summand.stored.document["countedMonths"]) for summand in summands)
    months = np.array(read[0][0], dtype="datetime64[M]")
    return _Months(years, months, counted, [paths.astype(np.int32, copy=False) for _, paths in read])


def _heights(laid: _Months, paths: Paths) -> Array:
    """Of what is still open; months counted by this series are the same in every draw and say nothing."""
    return heights(laid.by_year(paths).astype(float))


def _keep_series(folder: Path, stored: StoredForecast, moved: Paths, order: Rows) -> None:
    """A series' paths as summed, and what divides them, with the scenario of each path moved along."""
    folder.mkdir()
    np.save(folder / "paths.npy", moved)
    if stored.composition is None:
        return
    for file in stored.directory.glob("composition*"):
        shutil.copyfile(file, folder / file.name)
    belief_of = np.load(stored.directory / "composition_belief_of.npy")
    np.save(folder / "composition_belief_of.npy", belief_of[order])


def _citizens(summands: Sequence[Summand]) -> tuple[str, ...]:
    """Nationalities that any series tells apart, in order of appearance, OTHER last; none where no series does."""
    named = [s.stored.composition.citizens for s in summands if s.stored.composition is not None]
    each = dict.fromkeys(citizen for citizens in named for citizen in citizens if citizen != OTHER)
    return (*each, OTHER) if named else ()


def _divide(directory: Path, summands: Sequence[Summand], laid: _Months, citizens: tuple[str, ...]) -> None:
    """Counted months and tables by nationality."""
    counted = np.zeros((laid.counted, len(citizens)), dtype=np.int32)
    for place, summand in enumerate(summands):
        composition = summand.stored.composition
        if composition is None:
            counted[:, -1] += laid.paths[place][0, : laid.counted]
        else:
            counted[:, [citizens.index(c) for c in composition.citizens]] += composition.counted[
                : laid.counted
            ]
    np.save(directory / "composition_counted.npy", counted)
    stored = open_stored(directory)
    assert isinstance(stored, StoredTotal)
    splitter = summed_splitter(directory, citizens, laid.counted)
    write_tables(
        splitter, counted, stored.calendar, stored.whole_figures(), tuple(LEVELS.values()), directory
    )


def _document(
    summands: Sequence[Summand],
    request: TotalRequest,
    laid: _Months,
    first_path: Paths,
    by_year: Array,
) -> dict[str, Any]:
    known = first_path[: laid.counted].astype(float)
    return {
        "target": {"series": request.series, "geo": request.geo, "citizen": request.citizen},
        "scenarioSet": None,
        "cutoff": request.cutoff,
        "asOf": request.as_of,
        "expertWeight": 0.0,
        "seed": request.seed,
        "source": None,
        "observation": _observation(summands, laid, known),
        "countedMonths": {str(m): c for m, c in zip(laid.months, known.tolist(), strict=False)},
        "components": [],
        "jointProbabilities": None,
        "diagnostics": _diagnostics(summands),
        "warnings": [asdict(remark) for remark in (*_remarks(summands), *_unmeasured(summands, request))],
        "dataQuality": [],
        "timings": {},
        "total": _about(summands, request, laid.years, by_year),
    }


def _observation(summands: Sequence[Summand], laid: _Months, known: Array) -> dict[str, Any]:
    """The calendar of what all have counted; months since the cutoff are those that any lacked then."""
    start = np.datetime64(f"{laid.years[0]}-01", "M")
    first = max(min(s.stored.observation.first_later_month for s in summands), start)
    first = min(first, start + laid.counted)
    of = years_of(laid.months[: laid.counted])
    before = laid.months[: laid.counted] < first
    return {
        "years": list(laid.years),
        "countedAtCutoff": [float(known[(of == year) & before].sum()) for year in laid.years],
        "counted": [float(known[of == year].sum()) for year in laid.years],
        "monthsCounted": [int((of == year).sum()) for year in laid.years],
        "firstLaterMonth": str(first),
        "laterCounts": known[~before].tolist(),
        "unusedMonths": max(s.stored.observation.unused_months for s in summands),
    }


def _about(
    summands: Sequence[Summand], request: TotalRequest, years: tuple[int, ...], by_year: Array
) -> dict[str, Any]:
    used = request.dependence
    told = {"measured": used.measured, "observations": used.observations}
    return {
        "series": [summand.series for summand in summands],
        "sources": [summand.stored.diagnostics.get("source") for summand in summands],
        "means": [summand.stored.layer("posterior").mean().tolist() for summand in summands],
        "dependence": request.kind,
        "correlation": used.correlation.tolist(),
        **{name: None if array is None else array.tolist() for name, array in told.items()},
        "byYear": {
            str(year): None if np.isnan(found).any() else found.tolist()
            for year, found in zip(years, by_year, strict=True)
        },
    }


def _diagnostics(summands: Sequence[Summand]) -> dict[str, Any]:
    """The worst of the components'; passed where all passed."""
    each = [summand.stored.diagnostics for summand in summands]
    sources = {one.get("source") for one in each}
    found: dict[str, Any] = {"source": sources.pop() if len(sources) == 1 else None, "sources": None}
    for names, worst in ((_MOST, max), (_LEAST, min)):
        for name in sorted(names):
            known = [one[name] for one in each if one.get(name) is not None]
            found[name] = worst(known) if known else None
    return {**found, "methodUsed": "total", "passed": all(bool(one["passed"]) for one in each)}


def _remarks(summands: Sequence[Summand]) -> list[Remark]:
    """The components' remarks, each with the series it is about."""
    return [
        Remark(one.code, f"{summand.series}: {one.detail}", {**one.parameters, "component": summand.series})
        for summand in summands
        for one in summand.stored.warnings
    ]


def _unmeasured(summands: Sequence[Summand], request: TotalRequest) -> list[Remark]:
    """Pairs of series whose histories hardly overlap, so that they are summed as if independent."""
    worth = request.dependence.observations
    if worth is None:
        return []
    pairs = [
        (one.series, other.series)
        for i, one in enumerate(summands)
        for j, other in enumerate(summands)
        if i < j and worth[i, j] <= 1
    ]
    detail = "The histories of {} and {} overlap too little to estimate how they depend on each other: independent."
    return [Remark("dependence_unmeasured", detail.format(*pair), {"list": list(pair)}) for pair in pairs]
