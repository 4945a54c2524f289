"""Invented counts and a scenario set for tests of forecasts: nothing here happened."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy.orm import Session, sessionmaker

from service.storage.base import writing
from service.storage.realisations import store_delivery

CUTOFF, AS_OF = "2024-06-30", "2024-10-31"
TARGET = {"series": "first_applications", "geo": "NL", "citizen": "TOTAL"}


def counts(first: str = "2015-01", last: str = "2024-12", geo: str = "NL") -> pd.DataFrame:
    """Monthly counts around 2,500, each known on the 20th of the following month."""
    months = pd.period_range(first, last, freq="M")
    generator = np.random.default_rng(20240630)
    level = np.log(2_500) + np.cumsum(generator.standard_t(5, len(months)) * 0.04)
    season = 0.12 * np.sin(2 * np.pi * (months.month.to_numpy() - 5) / 12)
    return pd.DataFrame(
        {
            "series": "first_applications",
            "source": "kmi",
            "geo": geo,
            "citizen": "TOTAL",
            "track": "",
            "period": months.astype(str),
            "value": np.rint(np.exp(level + season)).astype(int),
            "flag": "",
            "known_at": [date(m.year + m.month // 12, m.month % 12 + 1, 20) for m in months],
        }
    )


def deliver(sessions: sessionmaker[Session], frame: pd.DataFrame) -> None:
    with writing(sessions) as session:
        store_delivery(session, frame, "test", "tester")


def scenario_set(**changes: Any) -> dict[str, Any]:
    """Two exclusive scenarios for 2024 to 2027; 2028 is left to the model."""
    steady = {str(year): {"expected": 30_000 + 500 * n, "spread": 4_000 + 900 * n} for n, year in YEARS}
    rising = {str(year): {"expected": 38_000 + 1_500 * n, "spread": 6_000 + 900 * n} for n, year in YEARS}
    return {
        "name": "Test",
        "edition": "2024-2",
        "cutoff": CUTOFF,
        "target": TARGET,
        "scenarios": [
            {"key": "steady", "label": "Voortzetting", "probability": 0.7, "years": steady},
            {"key": "rising", "label": "Stijging", "probability": 0.3, "years": rising},
        ],
        "reason": "first version",
        **changes,
    }


YEARS = tuple(enumerate(range(2024, 2028)))
