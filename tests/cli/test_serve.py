"""`instroom serve` as a user meets it: ready, refused with a sentence, stopped with nothing left behind."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from service.cli.children import start_child, stop_children

INSTROOM = [sys.executable, "-m", "service.cli.main"]


def environment(data_dir: Path, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("INSTROOM_")}
    return {**kept, "INSTROOM_DATA_DIR": str(data_dir), "HOST": "127.0.0.1", "PORT": "0", **more}


def refused(data_dir: Path, **more: str) -> str:
    """What `instroom serve` says when it will not start; fails when it does, or shows a traceback."""
    done = subprocess.run(
        [*INSTROOM, "serve"],
        check=False,
        env=environment(data_dir, **more),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("instroom: ")
    return done.stderr


def test_an_occupied_port_gives_a_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = refused(tmp_path, PORT=str(port))
    assert f"Port {port} on 127.0.0.1 is in use" in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::"])
def test_an_address_for_others_without_tokens_is_refused(tmp_path: Path, host: str) -> None:
    assert "INSTROOM_TOKENS_FILE" in refused(tmp_path, HOST=host)
    assert list(tmp_path.iterdir()) == []


def test_a_port_that_is_no_number_is_refused(tmp_path: Path) -> None:
    assert "PORT must be a whole number" in refused(tmp_path, PORT="eighty")


def test_a_tokens_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    said = refused(tmp_path, INSTROOM_TOKENS_FILE=str(tmp_path / "none.json"))
    assert "cannot be read" in said


@contextmanager
def watched_child(log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that starts a child, says its number, and waits."""
    program = (
        "import time; from pathlib import Path; from service.cli.children import start_child\n"
        f"print(start_child('tests.cli.sleeper', log=Path({str(log)!r})).pid, flush=True); time.sleep(60)"
    )
    root = str(Path(__file__).parents[2])
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, cwd=root)
    try:
        yield parent
    finally:
        parent.kill()
        parent.wait()
        if parent.stdout is not None:
            parent.stdout.close()


def runs(pid: int) -> bool:
    """Whether the process is there and not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def until(condition: bool, pid: int, seconds: float = 20.0) -> bool:
    end = time.monotonic() + seconds
    while runs(pid) != condition and time.monotonic() < end:
        time.sleep(0.05)
    return runs(pid) == condition


def test_a_child_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    log = tmp_path / "child.log"
    with watched_child(log) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        wait_for(log, "watching")
        parent.kill()
        parent.wait()
        assert until(False, child)


def wait_for(log: Path, word: str, seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while word not in log.read_text() and time.monotonic() < end:
        time.sleep(0.05)
    assert word in log.read_text()


def test_a_child_that_will_not_end_is_killed_with_what_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.cli.children._PATIENCE_SECONDS", 0.3)
    monkeypatch.chdir(Path(__file__).parents[2])
    log = tmp_path / "child.log"
    child = start_child("tests.cli.sleeper", ["stubborn"], log=log)
    wait_for(log, "watching")
    grandchild = int(re.findall(r"started (\d+)", log.read_text())[0])
    stop_children([child])
    assert child.returncode == -signal.SIGKILL
    assert until(False, grandchild)


def test_a_child_that_ends_by_itself_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parents[2])
    child = start_child("tests.cli.sleeper", ["brief"], log=tmp_path / "child.log")
    assert child.wait(20) == 0
    stop_children([child])
    assert child.returncode == 0
