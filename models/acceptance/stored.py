"""Acceptance rates on disk, and the arrays the web process answers from.

    acceptance.json   periods, series, counts known, applications known, source, diagnostics, warnings
    rates.npy         (draw, period, series), single precision      noise.npy   (draw, 2)
    lags.npy          (draw, citizen, lag)

Written by a worker, opened memory-mapped; nothing here may import PyMC or Numba.
"""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from models.acceptance.lags import LagDraws
from models.request import Remark, remarks_from
from models.series import Array

if TYPE_CHECKING:
    from models.acceptance.forecast import RateDraws

DOCUMENT = "acceptance.json"


@dataclass(frozen=True)
class StoredAcceptance:
    """A run read back."""

    directory: Path
    document: dict[str, Any]

    @property
    def periods(self) -> tuple[str, ...]:
        """Quarters with those ahead last."""
        return tuple(self.document["periods"])

    @property
    def observed(self) -> int:
        """How many quarters are not ahead."""
        return int(self.document["observed"])

    @property
    def citizens(self) -> tuple[str, ...]:
        """Nationality of each series."""
        return tuple(self.document["citizens"])

    @property
    def tracks(self) -> tuple[str, ...]:
        """Track of each series, '' where the data carry none."""
        return tuple(self.document["tracks"])

    @property
    def warnings(self) -> tuple[Remark, ...]:
        """What a reader of the rates must be told."""
        return remarks_from(self.document["warnings"])

    @cached_property
    def positive(self) -> Array:
        """`(observed period, series)` positive decisions."""
        return np.array(self.document["positive"], dtype=float)

    @cached_property
    def total(self) -> Array:
        """`(observed period, series)` decisions."""
        return np.array(self.document["total"], dtype=float)

    @cached_property
    def applications(self) -> Array:
        """`(observed period, nationality)` first applications, NaN where unknown."""
        return np.array(self.document["applications"], dtype=float)

    @property
    def nationalities(self) -> tuple[str, ...]:
        """Each nationality once, as in `applications` and `lags`."""
        return tuple(sorted(set(self.citizens)))

    @cached_property
    def rates(self) -> NDArray[np.float32]:
        """`(draw, period, series)`, NaN before a series begins."""
        return np.asarray(np.load(self.directory / "rates.npy", mmap_mode="r"))

    @cached_property
    def noise(self) -> Array:
        """`(draw, 2)` batch and correlation."""
        return np.asarray(np.load(self.directory / "noise.npy", mmap_mode="r"))

    @cached_property
    def lags(self) -> LagDraws:
        """By nationality."""
        return LagDraws(
            np.asarray(np.load(self.directory / "lags.npy", mmap_mode="r")),
            np.array(self.document["lagsLearned"], dtype=bool),
        )


def open_acceptance(directory: Path) -> StoredAcceptance:
    """A directory written by `write_acceptance`; raises FileNotFoundError."""
    return StoredAcceptance(directory, json.loads((directory / DOCUMENT).read_text(encoding="utf-8")))


def write_acceptance(
    drawn: "RateDraws",
    counts: tuple[Array, Array],
    applications: Array,
    lags: LagDraws,
    about: dict[str, Any],
    directory: Path,
) -> None:
    """Write a run into an existing empty directory; `counts` are positive and total (period, series), `about` what
    else the document says: source, warnings, diagnostics, model version."""
    np.save(directory / "rates.npy", drawn.rates)
    np.save(directory / "noise.npy", drawn.noise)
    np.save(directory / "lags.npy", lags.lags)
    document = {
        "periods": drawn.periods,
        "observed": drawn.observed,
        "citizens": drawn.citizens,
        "tracks": drawn.tracks,
        "positive": counts[0].tolist(),
        "total": counts[1].tolist(),
        "applications": [[None if np.isnan(x) else x for x in row] for row in applications.tolist()],
        "lagsLearned": lags.learned.tolist(),
        **about,
    }
    (directory / DOCUMENT).write_text(json.dumps(document, indent=1), encoding="utf-8")
