"""The composition of a stored forecast: written beside its draws, and the questions it answers.

    composition.json, composition_*.npy   nationalities, hyperparameters, state: paths are divided again as asked
    split_mean.npy, split_quantiles.npy   months by nationality      (month, citizen), (level, month, citizen)
    scenario_paths.npy                    the four scenarios         (scenario, month, citizen), whole persons

The tables need every path, which takes seconds: the worker makes them once, in one pass over chunks of paths. Paths
themselves are not stored by nationality: the same seed gives the same persons, at a hundredth of the room. Web-safe.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from models.composition.paths import (
    NothingKnown,
    ShareParameters,
    ShareSimulator,
    ShareState,
    Splitter,
    split_paths,
)
from models.composition.stated import ShareBelief, StatedShares
from models.observation import years_of
from models.scenario_paths import NearPaths
from models.series import Months
from models.whole_persons import Counts

Array = NDArray[np.float64]

QUANTILE_DRAWS = 20_000
"""Paths of which quantiles by nationality are taken: 0.3% of a rank, and 70 MB at sixteen nationalities."""

_FILE = "composition.json"
_PARAMETERS = tuple(field.name for field in fields(ShareParameters))
_STATE = tuple(field.name for field in fields(ShareState) if field.name != "last_months")


class Learned(Protocol):
    """What `forecast_composition` learned, as far as it is stored."""

    @property
    def citizens(self) -> tuple[str, ...]: ...
    @property
    def counted(self) -> Counts: ...
    @property
    def splitter(self) -> Splitter | None: ...


@dataclass(frozen=True)
class Calendar:
    """`counted_months` and `future_months` of the target years, and `paths` (draw, future month) whole persons."""

    years: tuple[int, ...]
    counted_months: Months
    future_months: Months
    paths: NDArray[np.int32]

    def by_year(self, monthly: NDArray[Any]) -> NDArray[np.int64]:
        """`(row, year)` sums of `(row, month)` over counted and future months."""
        of_year = years_of(np.concatenate([self.counted_months, self.future_months]))
        return np.stack([monthly[:, of_year == year].sum(axis=1) for year in self.years], axis=1)

    def near(self, figures: Mapping[str, Sequence[int]], counted: Counts) -> NearPaths:
        """To take the paths near every figure from chunks of all of them."""
        return NearPaths(figures, self.years, self.counted_months, counted, self.future_months, self.paths)


@dataclass(frozen=True)
class StoredComposition:
    """Reads what `write_composition` wrote; arrays are mapped as asked."""

    directory: Path
    citizens: tuple[str, ...]
    counted: Counts

    def split(self, paths: NDArray[np.int32], draws: int) -> Iterator[Counts]:
        """`(draw, month, citizen)` of the first `draws` paths, a few thousand at a time, counted months first."""
        for first, counts in split_paths(self._splitter, paths, draws=draws):
            part = counts[: draws - first]
            known = np.broadcast_to(self.counted, (len(part), *self.counted.shape))
            yield np.concatenate([known, part], axis=1)

    def divided(self, first_draw: int, paths: NDArray[np.int32]) -> Counts:
        """`(draw, month to come, citizen)` of one chunk of paths, whose first draw is numbered `first_draw`."""
        return self._splitter.chunk(first_draw, paths)

    @property
    def mean(self) -> Array:
        """`(month, citizen)`: means that add up to those of the months."""
        return self._array("split_mean")

    @property
    def quantiles(self) -> Array:
        """`(level, month, citizen)` at the levels of the four scenarios."""
        return self._array("split_quantiles")

    def scenario_tables(
        self, figures: Mapping[str, Sequence[int]], calendar: Calendar
    ) -> list[NDArray[np.int32]]:
        """`(month, citizen)` per scenario: from the table; from all paths for figures that were adopted instead."""
        made: NDArray[np.int32] = np.load(self.directory / "scenario_paths.npy", mmap_mode="r")
        by_year = calendar.by_year(made.sum(axis=2))
        if by_year.tolist() == [list(by_year) for by_year in figures.values()]:
            return list(made)
        near = calendar.near(figures, self.counted)
        for first, counts in split_paths(self._splitter, calendar.paths):
            near.add(first, counts)
        return [path.counts for path in near.paths()]

    @cached_property
    def _splitter(self) -> Splitter:
        about = json.loads((self.directory / _FILE).read_text(encoding="utf-8"))
        beliefs = tuple(
            ShareBelief(tuple(b["columns"]), tuple(b["shares"]), b["concentration"]) for b in about["beliefs"]
        )
        stated = StatedShares(np.load(self.directory / "composition_belief_of.npy"), beliefs)
        if not about["fitted"]:
            return NothingKnown(len(self.citizens), stated, about["seed"])
        parameters = ShareParameters(*(self._array(f"composition_{name}") for name in _PARAMETERS))
        last = np.array(about["lastMonths"], dtype="datetime64[M]")
        held: dict[str, Any] = {name: np.load(self.directory / f"composition_{name}.npy") for name in _STATE}
        first = np.datetime64(about["firstMonth"], "M")
        return ShareSimulator(parameters, ShareState(last_months=last, **held), first, about["seed"], stated)

    def _array(self, name: str) -> Array:
        array: Array = np.load(self.directory / f"{name}.npy", mmap_mode="r")
        return array


def read_composition(directory: Path) -> StoredComposition | None:
    """The composition in a directory; None where its forecast tells no nationalities apart."""
    if not (directory / _FILE).exists():
        return None
    about = json.loads((directory / _FILE).read_text(encoding="utf-8"))
    counted = np.load(directory / "composition_counted.npy")
    return StoredComposition(directory, tuple(about["citizens"]), counted)


def write_composition(
    learned: Learned,
    calendar: Calendar,
    figures: Mapping[str, Sequence[int]],
    levels: Sequence[float],
    directory: Path,
) -> None:
    """Write files and tables, where there is more than one nationality. `figures` by scenario and year."""
    splitter = learned.splitter
    if splitter is None:
        return
    assert isinstance(splitter, ShareSimulator | NothingKnown)
    stated = splitter.stated or StatedShares(np.full(len(calendar.paths), -1, dtype=np.int16), ())
    if not len(stated.belief_of):
        stated = StatedShares(np.full(len(calendar.paths), -1, dtype=np.int16), ())
    about: dict[str, Any] = {
        "citizens": list(learned.citizens),
        "seed": splitter.seed,
        "fitted": isinstance(splitter, ShareSimulator),
        "beliefs": [asdict(belief) for belief in stated.beliefs],
    }
    np.save(directory / "composition_counted.npy", learned.counted)
    np.save(directory / "composition_belief_of.npy", stated.belief_of)
    if isinstance(splitter, ShareSimulator):
        about |= {
            "firstMonth": str(splitter.first_month),
            "lastMonths": [str(m) for m in splitter.state.last_months],
        }
        held = {name: getattr(splitter.parameters, name) for name in _PARAMETERS}
        held |= {name: getattr(splitter.state, name) for name in _STATE}
        for name, array in held.items():
            np.save(directory / f"composition_{name}.npy", array)
    (directory / _FILE).write_text(json.dumps(about, indent=1), encoding="utf-8")
    write_tables(splitter, learned.counted, calendar, figures, levels, directory)


def write_tables(
    splitter: Splitter,
    counted: Counts,
    calendar: Calendar,
    figures: Mapping[str, Sequence[int]],
    levels: Sequence[float],
    directory: Path,
) -> None:
    """Means, quantiles and scenario paths by nationality, in one pass over the chunks of all paths."""
    near = calendar.near(figures, counted)
    shape = (calendar.paths.shape[1], counted.shape[1])
    total, kept = np.zeros(shape, dtype=np.int64), []
    for first, counts in split_paths(splitter, calendar.paths):
        total += counts.sum(axis=0, dtype=np.int64)
        near.add(first, counts)
        if first < QUANTILE_DRAWS:
            kept.append(counts[: QUANTILE_DRAWS - first])
    mean = np.concatenate([counted.astype(float), total / len(calendar.paths)])
    known = np.broadcast_to(counted.astype(float), (len(levels), *counted.shape))
    above = np.quantile(np.concatenate(kept), levels, axis=0) if shape[0] else np.empty((len(levels), *shape))
    np.save(directory / "split_mean.npy", mean)
    np.save(directory / "split_quantiles.npy", np.concatenate([known, above], axis=1))
    np.save(directory / "scenario_paths.npy", np.stack([path.counts for path in near.paths()]))
