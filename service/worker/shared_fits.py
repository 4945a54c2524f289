"""One fit for every forecast that stands on it: found on disk by what it was made of, or made.

    <data_dir>/fits/<name>      name = hash of data, priors, seed and model version (models.panel.storing,
                                models.composition.storing)

A second country, another scenario set or a later `as_of` of the same cutoff costs no second fit. Only those used last
are kept: a fit that is gone is made again, with the same draws. Must not know the database or jobs.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from service.storage.draws import write_whole

if TYPE_CHECKING:
    from models.composition.data import CompositionData
    from models.composition.model import CompositionFit
    from models.panel.fit import PanelFit
    from models.panel.series import PanelSeries
    from models.sampling import Progress

Fit = TypeVar("Fit")

KEPT = 40
"""Fits on disk, ten megabytes each for thirty countries."""


@dataclass(frozen=True)
class SharedFits:
    """A `PanelFitter` and a `CompositionFitter` over a folder."""

    folder: Path

    def all_countries(self, panel: PanelSeries, seed: int, progress: Progress) -> PanelFit:
        """The fit of a panel, with the draws that making it would give."""
        from models.model_draws import fit_all_countries
        from models.panel.storing import fit_name, read_fit, write_fit

        directory = self.folder / fit_name(panel, seed)
        return self._found_or_made(
            directory, read_fit, lambda: fit_all_countries(panel, seed, progress), write_fit, progress
        )

    def shares(self, data: CompositionData, seed: int, progress: Progress) -> CompositionFit:
        """The fit of shares by nationality, likewise."""
        from models.composition.storing import fit_name, read_fit, write_fit
        from models.forecast_composition import fit_shares

        directory = self.folder / fit_name(data, seed)
        return self._found_or_made(
            directory, read_fit, lambda: fit_shares(data, seed, progress), write_fit, progress
        )

    def _found_or_made(
        self,
        directory: Path,
        read: Callable[[Path], Fit],
        make: Callable[[], Fit],
        write: Callable[[Fit, Path], None],
        progress: Progress,
    ) -> Fit:
        try:
            found = read(directory)
            os.utime(directory)
        except FileNotFoundError:
            made = make()
            write_whole(directory, lambda partial: write(made, partial))
            self._forget_oldest()
            return made
        progress(1.0)
        return found

    def _forget_oldest(self) -> None:
        """Keep the fits that were used last."""
        kept = [path for path in self.folder.iterdir() if not path.name.startswith(".")]
        kept.sort(key=lambda path: path.stat().st_mtime)
        for path in kept[: max(len(kept) - KEPT, 0)]:
            shutil.rmtree(path, ignore_errors=True)
