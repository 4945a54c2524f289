"""A total on disk, and the questions it answers: those of a forecast, as far as a sum has an answer.

    forecast.json         as of a forecast, with `total`: its series, their correlation, where it came from
    total_totals.npy      (draw, year) persons
    paths.npy             (draw, month still to come) whole persons
    series_<i>/           the paths (draw, month) of a series in the order in which they were summed, and its shares

The sum of a month by nationality is that of its series, each divided by what it learned; nothing of the series'
own directories is needed, so a total outlives them. It has a posterior layer alone: experts and model speak of the
series. Web-safe.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.composition.data import OTHER
from models.composition.paths import Splitter
from models.layers import Layer, component_curves
from models.stored import LayerMissing, StoredForecast, open_forecast
from models.stored_composition import StoredComposition, read_composition
from models.weighting import WeighedComponent
from models.whole_persons import Counts

Paths = NDArray[np.int32]


def open_stored(directory: Path) -> StoredForecast:
    """The forecast or the total in a directory; raises FileNotFoundError."""
    found = open_forecast(directory)
    return StoredTotal(found.directory, found.document) if "total" in found.document else found


@dataclass(frozen=True)
class StoredTotal(StoredForecast):
    """A total read back."""

    @property
    def about(self) -> Mapping[str, Any]:
        """`series` as summed, `correlation` used, and how it was found."""
        told: Mapping[str, Any] = self.document["total"]
        return told

    def layer(self, name: str) -> Layer:
        """`posterior`. Raises LayerMissing for `experts` and `model`, KeyError for another name."""
        if name in ("experts", "model"):
            raise LayerMissing("a total has a posterior alone; ask its components for this layer")
        return {"posterior": self._summed_layer}[name]

    @cached_property
    def _summed_layer(self) -> Layer:
        totals = self._array("total_totals")
        drawn = WeighedComponent("total", totals, np.zeros(len(totals)), "summed")
        return Layer(self.years, (component_curves(drawn),), np.ones(1))

    @cached_property
    def composition(self) -> StoredComposition | None:
        """The sum by nationality; None where no series tells any apart."""
        if not (self.directory / "split_mean.npy").exists():
            return None
        counted = np.load(self.directory / "composition_counted.npy")
        return TotalComposition(self.directory, tuple(self.about["citizens"]), counted)


@dataclass(frozen=True)
class TotalComposition(StoredComposition):
    """As the composition of a forecast, divided series by series."""

    @cached_property
    def _splitter(self) -> Splitter:
        return summed_splitter(self.directory, self.citizens, len(self.counted))


def summed_splitter(directory: Path, citizens: tuple[str, ...], counted: int) -> "SummedSplitter":
    """What divides the sum in a directory: `counted` months of it are counted, the others are to come."""
    parts = []
    for place in range(len(json.loads((directory / "forecast.json").read_text("utf-8"))["total"]["series"])):
        own = directory / f"series_{place}"
        paths: Paths = np.load(own / "paths.npy", mmap_mode="r")
        parts.append(_Part(paths[:, counted:], read_composition(own), counted, citizens))
    return SummedSplitter(tuple(parts), len(citizens))


@dataclass(frozen=True)
class SummedSplitter:
    """Divides chunks of the sum by dividing the paths it was made of."""

    parts: tuple["_Part", ...]
    citizens: int

    def chunk(self, first_draw: int, totals: NDArray[Any]) -> Counts:
        """`(draw, month, citizen)`; adds up to `totals` because the paths do."""
        # A nationality's persons lie together, as in each part's own split: added so, they are read once.
        out = np.zeros((self.citizens, *totals.shape), dtype=np.int32)
        for part in self.parts:
            part.add(first_draw, out)
        return out.transpose(1, 2, 0)


@dataclass(frozen=True)
class _Part:
    """A series: its `paths` (draw, month still to come of the total) and its nationalities, if it tells any apart."""

    paths: Paths
    composition: StoredComposition | None
    counted: int
    citizens: tuple[str, ...]

    def add(self, first_draw: int, out: Counts) -> None:
        """Add the persons of a chunk of draws to `out` (citizen of the total, draw, month)."""
        paths = np.asarray(self.paths[first_draw : first_draw + out.shape[1]])
        if self.composition is None:
            out[self.citizens.index(OTHER)] += paths
            return
        # Months that this series has counted and another has not.
        known = self.composition.counted[self.counted :]
        split = self.composition.divided(first_draw, paths[:, len(known) :])
        for column, citizen in enumerate(self.composition.citizens):
            own = out[self.citizens.index(citizen)]
            own[:, : len(known)] += known[:, column]
            own[:, len(known) :] += split[:, :, column]
