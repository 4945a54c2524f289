"""An application with an empty database of its own for every test, in development mode."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from service.app import InstroomApp, create_app
from service.settings import Settings


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
