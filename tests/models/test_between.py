"""The difference between two stored forecasts: it adds up, and each cause is found where only that one is at work."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.between import NOISE, difference_between
from models.stored import StoredForecast, open_forecast
from models.storing import write_forecast
from models.what_if import LEVELS
from tests.models.made_up import Moment, at_cutoff, forecast, in_autumn, scenarios

CALM, HIGHER = {"low": 42_000.0, "high": 60_000.0}, {"low": 42_000.0, "high": 70_000.0}
SHARES, OTHER_SHARES = {"low": 0.6, "high": 0.4}, {"low": 0.3, "high": 0.7}


def stored(
    folder: Path, here: Moment, shares: dict[str, float], levels: dict[str, float], weight: float = 0.8
) -> StoredForecast:
    folder.mkdir()
    write_forecast(forecast(here, scenarios(shares, levels), weight), folder)
    return open_forecast(folder)


def quantiles(one: StoredForecast) -> np.ndarray:
    return one.layer("posterior").quantiles(LEVELS)


def test_data_and_edits_add_up_to_the_difference(tmp_path: Path) -> None:
    old = stored(tmp_path / "old", at_cutoff(), SHARES, CALM)
    new = stored(tmp_path / "new", in_autumn(), OTHER_SHARES, HIGHER, 0.9)
    found = difference_between(old, new, "data")
    assert set(found.effects) == {"scenario:high", "probabilities", "expertWeight", "data"}
    np.testing.assert_allclose(found.difference, quantiles(new) - quantiles(old), atol=1e-9)
    np.testing.assert_allclose(sum(found.effects.values()), found.difference, atol=1e-6)
    size = np.abs(found.difference).max()
    assert np.abs(found.effects["data"]).max() > 0.1 * size
    assert np.abs(found.effects["scenario:high"]).max() > 0.02 * size


def test_only_other_data_are_the_whole_difference(tmp_path: Path) -> None:
    old = stored(tmp_path / "old", at_cutoff(), SHARES, CALM)
    new = stored(tmp_path / "new", in_autumn(), SHARES, CALM)
    found = difference_between(old, new, "data")
    assert list(found.effects) == ["data"]
    np.testing.assert_array_equal(found.effects["data"], quantiles(new) - quantiles(old))


def test_under_the_same_data_the_edits_are_those_of_a_what_if(tmp_path: Path) -> None:
    old = stored(tmp_path / "old", in_autumn(), SHARES, CALM)
    new = stored(tmp_path / "new", in_autumn(), OTHER_SHARES, HIGHER)
    found = difference_between(old, new, None)
    asked = old.what_if(new.scenario_set, new.belief.expert_weight).effects
    size = np.abs(found.difference).max()
    for name, effect in asked.items():
        np.testing.assert_allclose(found.effects[name], effect, atol=0.02 * size)
    assert np.abs(found.effects.get(NOISE, np.zeros(1))).max() < 0.02 * size


def test_the_way_back_is_the_opposite(tmp_path: Path) -> None:
    old = stored(tmp_path / "old", at_cutoff(), SHARES, CALM)
    new = stored(tmp_path / "new", in_autumn(), SHARES, HIGHER)
    there, back = difference_between(old, new, "data"), difference_between(new, old, "data")
    for name, effect in there.effects.items():
        np.testing.assert_allclose(effect, -back.effects[name], atol=1e-6)


def test_forecasts_without_a_common_year_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = (stored(tmp_path / name, in_autumn(), SHARES, CALM) for name in ("old", "new"))
    monkeypatch.setattr(StoredForecast, "years", property(lambda self: (2018,) if self is old else (2030,)))
    with pytest.raises(ValueError, match="no year in common"):
        difference_between(old, new, None)
