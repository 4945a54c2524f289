"""Acceptance rates of a finished forecast, put in place without a sampler, for tests of what comes after them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from models.acceptance.forecast import RateDraws
from models.acceptance.lags import LAGS, LagDraws
from models.acceptance.stored import write_acceptance
from service.app import InstroomApp
from service.storage import jobs
from service.storage.acceptance import acceptance_directory, order_acceptance
from service.storage.base import writing

QUARTERS = tuple(f"{year}-Q{quarter}" for year in (2017, 2018, 2019, 2020) for quarter in (1, 2, 3, 4))
OBSERVED, CITIZENS = 7, ("SY", "TR")
RESULT = "ab" * 32


def add_rates(app: InstroomApp, forecast_id: str) -> None:
    """Rates of two nationalities, computed by a job that has succeeded."""
    directory = acceptance_directory(app.state.settings.data_dir, RESULT)
    directory.mkdir(parents=True)
    _write(directory)
    with writing(app.state.sessions) as session:
        order_acceptance(session, forecast_id, RESULT, {})
        claim = jobs.claim(session, "w", ("acceptance",))
        assert claim is not None and jobs.succeed(session, claim)


def _write(directory: Path) -> None:
    rng = np.random.default_rng(1)
    rates = rng.beta(*np.array([[80.0, 40.0], [20.0, 60.0]]), size=(300, len(QUARTERS), 2))
    total = np.tile([400.0, 100.0], (OBSERVED, 1))
    write_acceptance(
        RateDraws(QUARTERS, CITIZENS, ("", ""), OBSERVED, rates.astype(np.float32), np.full((300, 2), 0.1)),
        (np.rint(0.7 * total), total),
        np.tile([500.0, 120.0], (OBSERVED, 1)),
        LagDraws(np.full((300, 2, LAGS), 0.2), np.array([True, True])),
        {"source": "eurostat", "warnings": ["made up"], "diagnostics": {"passed": True}},
        directory,
    )
