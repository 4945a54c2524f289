"""From an empty folder to a forecast, and the start after that: real processes, real sockets, the real model."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
INSTROOM = [sys.executable, "-m", "service.cli.main"]
WORKER_LIBRARIES = ("pymc", "pytensor", "nutpie", "numba", "sklearn", "llvmlite")


def environment(folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("INSTROOM_")}
    return {
        **kept,
        "INSTROOM_DATA_DIR": str(folder / "data"),
        "HOST": "127.0.0.1",
        "PORT": "0",
        "COLUMNS": "200",
    }


@contextmanager
def served(folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`instroom serve` and its address; whatever happens it is gone afterwards."""
    with (folder / "service.log").open("a") as log:
        process = subprocess.Popen(
            [*INSTROOM, "serve"], env=environment(folder), stdout=subprocess.PIPE, stderr=log, text=True
        )
    assert process.stdout is not None
    try:
        said = ""
        while "http://" not in said:
            said = process.stdout.readline()
            assert said, (folder / "service.log").read_text()
        found = re.search(r"http://\S+", said)
        assert found is not None
        yield process, found.group()
    finally:
        process.terminate()
        process.communicate(timeout=60)


def descendants(pid: int) -> list[int]:
    """Processes that a process started, and those that they started."""
    children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return children + [one for child in children for one in descendants(child)]


def alive(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"


@pytest.fixture(scope="module")
def first_start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the service was started once, until its first forecast was there."""
    folder = tmp_path_factory.mktemp("service")
    with served(folder) as (process, address):
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line.strip())
            if "first forecast is ready" in line or "failed" in line:
                break
        assert lines[-1] == "The first forecast is ready.", (folder / "service.log").read_text()[-3000:]
        shown = [int(found) for line in lines for found in re.findall(r"\((\d+)%\)", line)]
        assert len(shown) > 5, "progress is visible"
        assert shown == sorted(shown)
        started = descendants(process.pid)
        _look_at_the_first_forecast(address)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
        assert process.returncode == 0
    assert [pid for pid in started if alive(pid)] == []
    return folder


def _look_at_the_first_forecast(address: str) -> None:
    items = httpx.get(f"{address}/v1/forecasts").raise_for_status().json()["items"]
    assert [item["status"] for item in items] == ["succeeded"]
    assert items[0]["request"]["cutoff"] == "2024-06-30"
    assert any("synthetic" in warning for warning in items[0]["warnings"])
    answer = (
        httpx.get(f"{address}/v1/forecasts/{items[0]['id']}/interval-scenarios").raise_for_status().json()
    )
    assert [row["year"] for row in answer["years"]] == [2024, 2025, 2026, 2027, 2028]
    assert all(row["minimum"] < row["median"] < row["medio"] < row["maximum"] for row in answer["years"])
    assert answer["years"][0]["monthsObserved"] > 6, "months after the cutoff are weighed"
    assert httpx.get(address).raise_for_status().headers["content-type"].startswith("text/html")


def test_a_second_start_computes_nothing_and_loads_no_worker_library(first_start: Path) -> None:
    with served(first_start) as (process, address):
        assert httpx.get(f"{address}/v1/health/ready").json()["status"] == "ready"
        items = httpx.get(f"{address}/v1/forecasts").json()["items"]
        assert len(items) == 1
        _read_all(f"{address}/v1/forecasts/{items[0]['id']}")
        for pid in (process.pid, _web(process.pid)):
            mapped = Path(f"/proc/{pid}/maps").read_text()
            assert [name for name in WORKER_LIBRARIES if f"/{name}" in mapped] == []
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        assert process.returncode == 0


def _read_all(forecast: str) -> None:
    """One of everything that the web process computes from stored draws."""
    for part in (
        "density?year=2025",
        "scenario-probabilities",
        "monthly",
        "paths?draws=10",
        "exceedance?year=2025&above=1",
    ):
        httpx.get(f"{forecast}/{part}").raise_for_status()
    answer = httpx.post(f"{forecast}/what-ifs", json={"expertWeight": 0.5}).raise_for_status().json()
    assert answer["intervalScenarios"][1]["year"] == 2025


def _web(pid: int) -> int:
    return next(p for p in descendants(pid) if b"service.cli.web" in Path(f"/proc/{p}/cmdline").read_bytes())


def test_a_killed_service_leaves_nothing_running(first_start: Path) -> None:
    with served(first_start) as (process, _):
        until = time.monotonic() + 60
        while len(started := descendants(process.pid)) < 4 and time.monotonic() < until:
            time.sleep(0.2)
        process.kill()
        process.communicate(timeout=60)
    until = time.monotonic() + 30
    while any(map(alive, started)) and time.monotonic() < until:
        time.sleep(0.2)
    assert [pid for pid in started if alive(pid)] == []


def test_an_equal_forecast_is_printed_and_written_at_once(first_start: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.csv"
    name = "MPP 2024-2, eerste asielaanvragen (voorbeeld)"
    command = [*INSTROOM, "forecast", name, "--as-of", "2024-10-31", "--output", str(output)]
    begun = time.monotonic()
    done = subprocess.run(command, check=True, env=environment(first_start), capture_output=True, text=True)
    assert time.monotonic() - begun < 60
    assert "2028" in done.stdout
    assert "synthetic" in done.stdout
    rows = list(csv.DictReader(output.read_text().splitlines()))
    assert [row["scenario"] for row in rows[:4]] == ["minimum", "median", "medio", "maximum"]
    assert len(rows) == 20
    subprocess.run(
        [*command[:-1], str(tmp_path / "out.json")],
        check=True,
        env=environment(first_start),
        capture_output=True,
    )
    same = json.loads((tmp_path / "out.json").read_text())
    assert [row["value"] for row in same] == [float(row["value"]) for row in rows]


def test_scenarios_and_the_ledger_are_read_from_a_terminal(first_start: Path) -> None:
    def said(*arguments: str) -> str:
        done = subprocess.run(
            [*INSTROOM, *arguments], check=True, env=environment(first_start), capture_output=True, text=True
        )
        return done.stdout

    printed = said("scenarios", "MPP 2024-2, eerste asielaanvragen (voorbeeld)")
    year_2025 = next(line for line in printed.splitlines() if line.strip().startswith("2025"))
    minimum, _, medio, maximum = (float(cell.replace(",", "")) for cell in year_2025.split()[1:5])
    # The published figures of the edition, which the example was made to reproduce within 1%.
    assert (minimum, medio, maximum) == pytest.approx((21_000, 42_000, 54_000), rel=0.01)
    assert "The ledger holds: 1 entries" in said("ledger", "verify")
