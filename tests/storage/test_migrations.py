"""The migrations and the tables the code believes in are one and the same, on both databases."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Engine, inspect, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker

import service.storage
from service.storage.base import (
    MIGRATIONS,
    Base,
    make_engine,
    migrate,
    newest_revision,
    reading,
    stored_revision,
    writing,
)

APPEND_ONLY = [
    "realisations",
    "deliveries",
    "confirmations",
    "scenario_set_versions",
    "ledger_entries",
    "audit_entries",
    "archived_forecasts",
]


def import_every_table() -> None:
    for module in pkgutil.iter_modules(service.storage.__path__):
        if not module.ispkg:
            importlib.import_module(f"service.storage.{module.name}")


def test_the_migrated_schema_is_what_the_tables_say(engine: Engine) -> None:
    import_every_table()
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, Base.metadata)
    # An index may live in a migration alone; a table, column or constraint may not.
    assert [difference for difference in differences if difference[0] != "remove_index"] == []


def test_migrating_twice_changes_nothing(engine: Engine, sessions: sessionmaker[Session]) -> None:
    before = sorted(inspect(engine).get_table_names())
    migrate(engine)
    assert sorted(inspect(engine).get_table_names()) == before
    with reading(sessions) as session:
        assert stored_revision(session) == newest_revision()


def test_processes_that_start_together_take_turns(database_url: str) -> None:
    def start() -> None:
        engine = make_engine(database_url)
        migrate(engine)
        engine.dispose()

    with ThreadPoolExecutor(3) as pool:
        for started in [pool.submit(start) for _ in range(3)]:
            started.result(timeout=60)


@pytest.mark.parametrize("table", APPEND_ONLY)
@pytest.mark.parametrize("verb", ["UPDATE", "DELETE"])
def test_the_database_refuses_to_change_history(
    sessions: sessionmaker[Session], table: str, verb: str
) -> None:
    rows = {
        "deliveries": "('d', 1, '2024-01-01', 'a', 'o', 0, 0, 0, 0, 'v')",
        "realisations": "(1, 's', 's', 'NL', 'TOTAL', '', '2024-01', 1, '', '2024-02-01', 'd')",
        "confirmations": "(1, 'd', '2024-01-01', '1-1')",
        "scenario_set_versions": "('s', 1, '{}', 'h', 'a', '2024-01-01')",
        "ledger_entries": "(1, '2024-01-01', 's', '{}', 'h')",
        "archived_forecasts": "('i', 1, 'k', 1, NULL, 's', 'NL', 'TOTAL', 'e', 'i', NULL, 'adopted', 2024, "
        "'2024-01-01', '2024-01-01', 'point', '{}', 'o', 'a', '2024-01-01')",
        "audit_entries": "(1, '2024-01-01', 'a', 'admin', 'x', 's')",
    }
    with writing(sessions) as session:
        session.execute(text(f"INSERT INTO deliveries VALUES {rows['deliveries']}"))
        session.execute(text("INSERT INTO scenario_sets VALUES ('s', 1, 1, 'concept')"))
        if table != "deliveries":
            session.execute(text(f"INSERT INTO {table} VALUES {rows[table]}"))
    columns = {"realisations": "flag", "confirmations": "ranges", "scenario_set_versions": "record"}
    column = {**columns, "ledger_entries": "entry", "archived_forecasts": "content"}.get(table, "actor")
    statement = f"UPDATE {table} SET {column} = 'x'" if verb == "UPDATE" else f"DELETE FROM {table}"
    with pytest.raises(DBAPIError, match="append-only"), writing(sessions) as session:
        session.execute(text(statement))


def revised(engine: Engine, direction: Callable[[Config, str], None], revision: str) -> None:
    """As `migrate`, to any revision."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.connect().execution_options(instroom_writes=True) as connection, connection.begin():
        config.attributes["connection"] = connection
        direction(config, revision)


def add_adopted(session: Session, number: int, rates_ready: str | None) -> None:
    """A forecast adopted in February 2024, and its acceptance rates if they were ever ready."""
    of = {
        "id": str(number),
        "job": f"j{number}",
        "number": number,
        "ready": rates_ready,
        "rates": f"r{number}",
    }
    job = "INSERT INTO jobs VALUES ({id}, {n}, 'k', :id, NULL, 'succeeded', 1, '', NULL, 1, NULL, NULL, NULL, {at})"
    done = "'2024-01-01', '2024-01-01', '2024-01-01'"
    session.execute(text(job.format(id=":job", n=":number", at=done)), of)
    session.execute(
        text("INSERT INTO forecasts VALUES (:id, :number, :job, 'd', '{}', NULL, NULL, NULL, 'v', 1, 'm', '[]', "
             "'adopted', 'a', '2024-01-01')"), of,
    )  # fmt: skip
    session.execute(
        text("INSERT INTO adoptions VALUES (:id, :number, :id, '2024-02-01', '', '[]', 'a', '2024-02-01')"),
        of,
    )
    if rates_ready:
        at = "'2024-01-01', '2024-01-01', :ready"
        session.execute(text(job.format(id=":rates", n="100 + :number", at=at)), of)
        session.execute(
            text("INSERT INTO acceptance_runs VALUES (:id, :rates, 'rates', '{}', '2024-01-01')"), of
        )


def test_editions_adopted_before_keep_the_rates_that_were_ready_then(
    engine: Engine, sessions: sessionmaker[Session]
) -> None:
    revised(engine, command.downgrade, "0010")
    with writing(sessions) as session:
        for number, ready in enumerate(["2024-01-31", "2024-03-01", None], start=1):
            add_adopted(session, number, ready)
    revised(engine, command.upgrade, "head")
    with reading(sessions) as session:
        found = session.execute(text("SELECT forecast_id, result_hash FROM adopted_rates")).all()
    assert [tuple(row) for row in found] == [("1", "rates")]
