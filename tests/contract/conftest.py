"""An application with an empty database of its own for every test, in development mode, and a set to state."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from service.app import InstroomApp, create_app
from service.settings import Settings
from tests.example_set import PAYLOAD

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
    """The contract's own example, complete without what nobody foresees."""
    example = copy.deepcopy(PAYLOAD)
    del example["events"]
    example["unforeseen"]["probability"] = 0.0
    return example
