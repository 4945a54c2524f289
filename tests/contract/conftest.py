"""An application with an empty database of its own for every test, in development mode, and a set to state."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from service.app import InstroomApp, create_app
from service.settings import Settings

COUNTED = (
    "realisations",
    "deliveries",
    "scenario_sets",
    "scenario_set_versions",
    "ledger_entries",
    "audit_entries",
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, database_url=f"sqlite:///{tmp_path / 'test.sqlite'}")


@pytest.fixture
def app(settings: Settings) -> Iterator[InstroomApp]:
    built = create_app(settings)
    yield built
    built.state.sessions.kw["bind"].dispose()


@pytest.fixture
def client(app: InstroomApp, connect: Callable[..., Any]) -> Any:
    return connect(app)


@pytest.fixture
def stored(app: InstroomApp) -> Callable[[], dict[str, int]]:
    """`stored()` counts the rows of every table a request could fill."""

    def count() -> dict[str, int]:
        with app.state.sessions() as session:
            return {table: session.scalar(text(f"SELECT count(*) FROM {table}")) for table in COUNTED}

    return count


@pytest.fixture
def scenario_set() -> dict[str, Any]:
    """The contract's own example, without events."""
    return {
        "name": "Eerste asielinstroom 2024-2",
        "edition": "2024-2",
        "cutoff": "2024-06-30",
        "target": {"series": "first_applications", "geo": "NL", "citizen": "TOTAL"},
        "yearCorrelation": 0.8,
        "scenarios": [
            {
                "key": "continuation",
                "label": "Voortzetting",
                "probability": 0.6,
                "family": "lognormal",
                "spreadMeaning": "sd",
                "narrative": "why",
                "sources": ["EUAA"],
                "years": {
                    "2024": {"expected": 34000, "spread": 5000},
                    "2025": {"expected": 35000, "spread": 8000},
                },
            },
            {
                "key": "new_war",
                "label": "Nieuwe oorlog",
                "probability": 0.4,
                "family": "normal",
                "spreadMeaning": "half_width_80",
                "years": {
                    "2024": {"expected": 45000, "spread": 9000},
                    "2025": {"expected": 52000, "spread": 14000},
                },
            },
        ],
        "unforeseen": {
            "probability": 0.0,
            "years": {
                "2024": {"expected": 35000, "spread": 20000},
                "2025": {"expected": 38000, "spread": 25000},
            },
        },
        "reason": "first version",
    }
