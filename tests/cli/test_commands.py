"""Commands that take input: what they store, what they refuse, and that a refusal stores nothing."""

from __future__ import annotations

import json
import os
import sqlite3
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from service.cli.main import app
from service.sample.load import EXAMPLE
from tests.sources.cubes import asylum_cube
from tests.sources.eurostat_server import Answer, Seen, serving

HEADER = "series,source,geo,citizen,period,value,known_at\n"


def instroom(folder: Path, *arguments: str) -> Result:
    clean = {name: None for name in os.environ if name.startswith("INSTROOM_")}
    return CliRunner().invoke(app, list(arguments), env={**clean, "INSTROOM_DATA_DIR": str(folder)})


def delivery(folder: Path, months: int, *extra: str) -> Path:
    rows = [
        f"first_applications,kmi,NL,TOTAL,{2020 + m // 12}-{m % 12 + 1:02d},{1000 + m},2024-04-01"
        for m in range(months)
    ]
    file = folder / "delivery.csv"
    file.write_text(HEADER + "\n".join([*rows, *extra]) + "\n", "utf-8")
    return file


def stored_rows(folder: Path) -> int:
    connection = sqlite3.connect(folder / "instroom.sqlite")
    try:
        return int(connection.execute("SELECT count(*) FROM realisations").fetchone()[0])
    finally:
        connection.close()


def test_a_delivery_is_stored_once(tmp_path: Path) -> None:
    file = delivery(tmp_path, 40)
    first, again = (instroom(tmp_path, "import", str(file)) for _ in range(2))
    assert "Stored 40 new and 0 revised of 40 rows; 0 unchanged" in first.stdout
    assert "Stored 0 new and 0 revised of 40 rows; 40 unchanged" in again.stdout
    assert stored_rows(tmp_path) == 40


def test_a_dry_run_stores_nothing(tmp_path: Path) -> None:
    done = instroom(tmp_path, "import", str(delivery(tmp_path, 40)), "--dry-run")
    assert done.exit_code == 0
    assert "Would store 40 new" in done.stdout
    assert stored_rows(tmp_path) == 0


def test_one_bad_row_refuses_the_file_and_is_named(tmp_path: Path) -> None:
    bad = "first_applications,kmi,NL,TOTAL,2024-13,5,2024-04-01"
    done = instroom(tmp_path, "import", str(delivery(tmp_path, 40, bad)))
    assert done.exit_code == 1
    assert "refused whole" in done.stderr
    assert "42" in done.stderr
    assert not (tmp_path / "instroom.sqlite").exists()


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [("a.xlsx", "", "needs --mapping"), ("a.json", "{", "is not JSON"), ("a.json", "{}", "refused whole")],
)
def test_a_file_that_cannot_be_read_gets_a_sentence(
    tmp_path: Path, name: str, content: str, sentence: str
) -> None:
    (tmp_path / name).write_text(content, "utf-8")
    done = instroom(tmp_path, "import", str(tmp_path / name))
    assert done.exit_code in (1, 2)
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "Give either a SET, or --geo"),
        (["x", "--geo", "NL"], "Give either a SET, or --geo"),
        (["x", "--output", "figures.txt"], "must end in .csv or .json"),
        (["no-such-set"], "no scenario set with the id or name 'no-such-set'"),
        (["--geo", "NL"], "cutoff"),
        (["--geo", "NL", "--cutoff", "2024-04-30"], "12 months of realisations"),
        (["--geo", "NL", "--cutoff", "2999-01-01"], "in the future"),
        (
            ["--geo", "NL", "--cutoff", "2024-04-30", "--expert-weight", "0.5"],
            "must be 0 without a scenarioSet",
        ),
    ],
)
def test_a_forecast_that_cannot_be_made_is_refused_and_not_queued(
    tmp_path: Path, arguments: list[str], sentence: str
) -> None:
    assert instroom(tmp_path, "import", str(delivery(tmp_path, 12))).exit_code == 0
    done = instroom(tmp_path, "forecast", *arguments)
    assert done.exit_code in (1, 2)
    assert sentence in done.stderr
    connection = sqlite3.connect(tmp_path / "instroom.sqlite")
    assert connection.execute("SELECT count(*) FROM jobs").fetchone() == (0,)
    connection.close()


def test_a_set_in_a_file_is_refused_with_every_fault(tmp_path: Path) -> None:
    stated = json.loads(EXAMPLE.read_text("utf-8"))
    stated["scenarios"][0]["probability"] = 0.22
    stated["scenarios"][1]["family"] = "cauchy"
    (tmp_path / "set.json").write_text(json.dumps(stated), "utf-8")
    done = instroom(tmp_path, "forecast", str(tmp_path / "set.json"))
    assert done.exit_code == 1
    assert "0.97" in done.stderr
    assert "/scenarios/1/family" in done.stderr


def test_a_broken_ledger_ends_with_status_1(tmp_path: Path) -> None:
    assert "0 entries" in instroom(tmp_path, "ledger", "verify").stdout
    from service.cli.terminal import open_sessions
    from service.sample.load import load_sample
    from service.settings import load_settings
    from service.storage.base import writing

    settings = load_settings({"INSTROOM_DATA_DIR": str(tmp_path)})
    with open_sessions(settings) as sessions, writing(sessions) as session:
        load_sample(session, "test")
    assert "1 entries" in instroom(tmp_path, "ledger", "verify").stdout
    connection = sqlite3.connect(tmp_path / "instroom.sqlite")
    with connection:
        for (trigger,) in connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall():
            connection.execute(f"DROP TRIGGER {trigger}")
        connection.execute("UPDATE ledger_entries SET entry = replace(entry, '\"test\"', '\"tess\"')")
    connection.close()
    done = instroom(tmp_path, "ledger", "verify")
    assert done.exit_code == 1
    assert "altered" in done.stderr


def test_fetch_says_what_went_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.cli.deliver.EUROSTAT_API", "http://127.0.0.1:1")
    unknown = instroom(tmp_path, "fetch", "eurostat", "--series", "births")
    assert unknown.exit_code == 1
    assert "choose from" in unknown.stderr


def test_fetch_stores_months_and_finished_years_as_one_delivery(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    months = asylum_cube({("TOTAL", "NL"): (3200, 2900)}, ("2023-11", "2023-12"))
    years = asylum_cube({("SY", "NL"): (13520,), ("TR", "NL"): (2920,)}, ("2023",), frequency="A")

    def respond(seen: Seen, place: int) -> Answer:
        body = years if seen.path.endswith("migr_asyappctza") else months
        return Answer(body=body, headers={"Content-Type": "application/json"})

    with serving(respond) as server:
        monkeypatch.setattr("service.cli.deliver.EUROSTAT_API", server.url)
        looked = instroom(
            tmp_path, "fetch", "eurostat", "--since", "2023-01", "--no-nationalities", "--dry-run"
        )
        assert "Would store 2 new and 0 revised of 2 rows" in looked.stdout
        done = instroom(tmp_path, "fetch", "eurostat", "--since", "2023-01")
    assert "Stored 4 new and 0 revised of 4 rows" in done.stdout
    assert done.stdout.count("Source: Eurostat") == 1
    assert stored_rows(tmp_path) == 4


def test_room_is_freed_only_when_told_to(tmp_path: Path) -> None:
    stale = tmp_path / "fits" / ("a" * 64)
    stale.mkdir(parents=True)
    (stale / "draws.npz").write_bytes(b"0" * 2_000_000)
    os.utime(stale, (1_000_000_000, 1_000_000_000))
    looked = instroom(tmp_path, "prune")
    assert "fits, not used for 90 days: 1, 2 MB" in looked.stdout
    assert "nothing was deleted" in looked.stdout
    assert stale.is_dir()
    done = instroom(tmp_path, "prune", "--unused", "30", "--delete")
    assert "Deleted 1 directories, 2 MB." in done.stdout
    assert not stale.exists()
