"""Loading the sample fills an empty database once, and changes nothing the second time."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.orm import Session, sessionmaker

from service.sample.load import load_sample
from service.storage.base import make_engine, migrate, session_factory, writing
from service.storage.realisations import current_vintage, list_deliveries, load_realisations
from service.storage.scenario_sets import list_sets


@pytest.fixture
def sessions(tmp_path: Path) -> Iterator[sessionmaker[Session]]:
    engine = make_engine(f"sqlite:///{tmp_path / 'sample.sqlite'}")
    migrate(engine)
    yield session_factory(engine)
    engine.dispose()


def test_the_sample_is_stored_once(sessions: sessionmaker[Session]) -> None:
    with writing(sessions) as session:
        first = load_sample(session, "tester")
        vintage = current_vintage(session)
    with writing(sessions) as session:
        second = load_sample(session, "tester")
        assert current_vintage(session) == vintage
        assert list_deliveries(session, 1, 10).total == 1
        assert list_sets(session, 1, 10).total == 1
    assert (first.id, first.version) == (second.id, second.version)
    assert first.record.edition == "2024-2"


def test_what_is_stored_keeps_its_label(sessions: sessionmaker[Session]) -> None:
    with writing(sessions) as session:
        load_sample(session, "tester")
        frame = load_realisations(session, "first_applications", "NL", "TOTAL")
        origin = list_deliveries(session, 1, 1).items[0].origin
    assert set(frame["source"]) == {"synthetic"}
    assert len(frame) == 178
    assert "not real" in origin
