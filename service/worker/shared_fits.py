"""One fit of all countries for every forecast that stands on it: found on disk by what it was made of, or made.

    <data_dir>/fits/<name>      name = hash of panel, priors, seed and model version (models.panel.storing)

A second country, another scenario set or a later `as_of` of the same cutoff costs no second fit. Only the newest few
are kept: a fit that is gone is made again, with the same draws. Must not know the database or jobs.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from service.storage.draws import write_whole

if TYPE_CHECKING:
    from models.panel.fit import PanelFit
    from models.panel.series import PanelSeries
    from models.sampling import Progress

KEPT = 40
"""Fits on disk, ten megabytes each for thirty countries."""


@dataclass(frozen=True)
class SharedFits:
    """A `models.model_draws.PanelFitter` over a folder."""

    folder: Path

    def __call__(self, panel: PanelSeries, seed: int, progress: Progress) -> PanelFit:
        """The fit, with the draws that making it would give."""
        from models.model_draws import fit_all_countries
        from models.panel.storing import fit_name, read_fit, write_fit

        directory = self.folder / fit_name(panel, seed)
        try:
            found = read_fit(directory)
            os.utime(directory)
        except FileNotFoundError:
            fitted = fit_all_countries(panel, seed, progress)
            write_whole(directory, lambda partial: write_fit(fitted, partial))
            self._forget_oldest()
            return fitted
        progress(1.0)
        return found

    def _forget_oldest(self) -> None:
        """Keep the fits that were used last."""
        kept = [path for path in self.folder.iterdir() if not path.name.startswith(".")]
        kept.sort(key=lambda path: path.stat().st_mtime)
        for path in kept[: max(len(kept) - KEPT, 0)]:
            shutil.rmtree(path, ignore_errors=True)
