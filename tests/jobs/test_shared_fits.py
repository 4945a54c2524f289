"""A fit is made once for all that stand on it, and read back with the very same draws."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models import model_draws
from models.panel.fit import PanelFit
from models.panel.model import fit_panel
from models.panel.series import PanelSeries
from models.panel.storing import fit_name
from service.worker import shared_fits
from service.worker.shared_fits import SharedFits
from tests.models.made_up_panel import typical_panel


@pytest.fixture(scope="module")
def panel() -> PanelSeries:
    return typical_panel(2, 40, 5)[0]


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Seeds of the fits that were made, by a short run of the real sampler."""
    seeds: list[int] = []

    def short(panel: PanelSeries, seed: int, progress: Any) -> PanelFit:
        seeds.append(seed)
        return fit_panel(panel, seed=seed, draws=50, tune=100, chains=2, progress=progress)

    monkeypatch.setattr(model_draws, "fit_all_countries", short)
    return seeds


def same(one: PanelFit, other: PanelFit) -> bool:
    assert (one.geos, one.seed) == (other.geos, other.seed)
    np.testing.assert_array_equal(one.last_stretches, other.last_stretches)
    assert one.outlook == other.outlook
    pairs = [(getattr(one.parameters_for("G00"), name), getattr(other.parameters_for("G00"), name)) for name in
             ("alpha", "sigma", "nu", "overdispersion", "season", "initial_level")]  # fmt: skip
    pairs.append((one.parameters_for("ZZ", 80.0).sigma, other.parameters_for("ZZ", 80.0).sigma))
    return all(np.array_equal(a, b) for a, b in pairs)


def test_made_once_and_found_again(tmp_path: Path, panel: PanelSeries, made: list[int]) -> None:
    told: list[float] = []
    first = SharedFits(tmp_path / "fits").all_countries(panel, 3, told.append)
    again = SharedFits(tmp_path / "fits").all_countries(panel, 3, told.append)
    assert made == [3]
    assert same(first, again)
    assert again.diagnostics == first.diagnostics
    assert told[-1] == 1.0
    assert SharedFits(tmp_path / "fits").all_countries(panel, 4, told.append).seed == 4
    assert made == [3, 4]


def test_the_fits_used_last_are_kept(
    tmp_path: Path, panel: PanelSeries, made: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_fits, "KEPT", 2)
    fits = SharedFits(tmp_path / "fits")
    for seed in (1, 2, 1, 3):
        fits.all_countries(panel, seed, lambda share: None)
    assert made == [1, 2, 3]
    assert {path.name for path in fits.folder.iterdir()} == {fit_name(panel, 1), fit_name(panel, 3)}


def test_what_stops_the_sampler_leaves_nothing(tmp_path: Path, panel: PanelSeries, made: list[int]) -> None:
    def stop(share: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        SharedFits(tmp_path / "fits").all_countries(panel, 3, stop)
    assert list(tmp_path.rglob("*.npz")) == []
