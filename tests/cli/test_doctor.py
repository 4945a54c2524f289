"""`instroom doctor` names every obstacle, and `--help` answers before anything heavy could load."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from service.cli.main import app

HEAVY = {
    "pymc",
    "pytensor",
    "nutpie",
    "arviz",
    "numba",
    "sklearn",
    "dask",
    "distributed",
    "pandas",
    "sqlalchemy",
}


def report(**environment: str) -> tuple[int, dict[str, Any]]:
    """Exit status and the checks by name."""
    clean = {name: None for name in os.environ if name.startswith("INSTROOM_")}
    given = {**clean, "HOST": "127.0.0.1", "PORT": "8000", **environment}
    result = CliRunner().invoke(app, ["doctor", "--json"], env=given)
    answer = json.loads(result.stdout)
    assert answer["ready"] == (result.exit_code == 0)
    return result.exit_code, {check["name"]: check for check in answer["checks"]}


def test_a_fresh_machine_is_told_to_migrate_and_is_ready_afterwards(tmp_path: Path) -> None:
    where = {"INSTROOM_DATA_DIR": str(tmp_path)}
    status, checks = report(**where)
    assert status == 1
    assert "instroom migrate" in checks["database"]["obstacle"]
    migrated = CliRunner().invoke(app, ["migrate"], env=where)
    assert migrated.exit_code == 0, migrated.output
    status, checks = report(**where)
    assert status == 0
    assert [check for check in checks.values() if check["obstacle"]] == []
    assert "pymc 5" in checks["packages"]["found"]
    assert checks["sampler"]["found"] == "nutpie, fallback pymc"


def test_a_database_that_does_not_answer_is_named_without_its_password(tmp_path: Path) -> None:
    url = "postgresql://worker:geheim@127.0.0.1:1/none"
    status, checks = report(INSTROOM_DATA_DIR=str(tmp_path), INSTROOM_DATABASE_URL=url)
    assert status == 1
    assert "geheim" not in json.dumps(checks)
    assert checks["database"]["obstacle"]


def test_an_old_schema_is_named(tmp_path: Path) -> None:
    import sqlite3

    with sqlite3.connect(tmp_path / "instroom.sqlite") as connection:
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
        connection.execute("INSERT INTO alembic_version VALUES ('0000')")
    connection.close()
    status, checks = report(INSTROOM_DATA_DIR=str(tmp_path))
    assert status == 1
    assert "schema is at 0000" in checks["database"]["obstacle"]


@pytest.mark.parametrize(
    ("name", "value", "check", "word"),
    [
        ("HOST", "0.0.0.0", "access", "INSTROOM_TOKENS_FILE"),
        ("INSTROOM_TOKENS_FILE", "/nowhere/tokens.json", "access", "cannot be read"),
        ("INSTROOM_SCHEDULER", "tcp://127.0.0.1:1", "scheduler", "refused"),
    ],
)
def test_each_obstacle_is_named(tmp_path: Path, name: str, value: str, check: str, word: str) -> None:
    status, checks = report(INSTROOM_DATA_DIR=str(tmp_path), **{name: value})
    assert status == 1
    assert word in checks[check]["obstacle"]


def test_help_loads_nothing_heavy() -> None:
    program = (
        "import sys\nfrom typer.testing import CliRunner\nfrom service.cli.main import app\n"
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0\n"
        "print(' '.join({name.split('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert set(done.stdout.split()) & HEAVY == set()
    assert "typer" in done.stdout.split()
