"""A directory of draws is there whole or not at all, whatever happens while it is written."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from service.storage.draws import draws_directory, remove_partial, write_whole

HASH = "0123456789abcdef" * 4
CRASH = """
import os, sys
from pathlib import Path
from service.storage.draws import write_whole
def write(partial):
    (partial / "totals.npy").write_bytes(b"half of it")
    print("writing", flush=True)
    os.kill(os.getpid(), 9)
write_whole(Path(sys.argv[1]), write)
"""


def visible(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.parent.iterdir() if not path.name.startswith("."))


def fill(text: str) -> Callable[[Path], None]:
    def write(partial: Path) -> None:
        (partial / "forecast.json").write_text(text, encoding="utf-8")

    return write


def test_what_was_written_is_there_under_its_name(tmp_path: Path) -> None:
    directory = draws_directory(tmp_path, HASH)
    write_whole(directory, fill("all"))
    assert (directory / "forecast.json").read_text(encoding="utf-8") == "all"
    assert [path.name for path in directory.parent.iterdir()] == [HASH]


def test_an_error_halfway_leaves_nothing(tmp_path: Path) -> None:
    directory = draws_directory(tmp_path, HASH)

    def write(partial: Path) -> None:
        (partial / "totals.npy").write_bytes(b"half")
        assert not directory.exists()
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_whole(directory, write)
    assert list(directory.parent.iterdir()) == []


def test_a_killed_writer_leaves_nothing_visible(tmp_path: Path) -> None:
    directory = draws_directory(tmp_path, HASH)
    killed = subprocess.run(
        [sys.executable, "-c", CRASH, str(directory)], capture_output=True, text=True, check=False
    )
    assert (killed.returncode, killed.stdout.strip()) == (-9, "writing")
    assert visible(directory) == []
    left = list(directory.parent.iterdir())
    assert len(left) == 1
    assert remove_partial(tmp_path) == 0, "a young one may still be in use"
    old = time.time() - 2 * 24 * 3600
    os.utime(left[0], (old, old))
    assert remove_partial(tmp_path) == 1
    assert list(directory.parent.iterdir()) == []
    write_whole(directory, fill("second"))
    assert visible(directory) == [HASH]


def test_of_two_writers_the_first_stays(tmp_path: Path) -> None:
    directory = draws_directory(tmp_path, HASH)

    def slow(partial: Path) -> None:
        (partial / "forecast.json").write_text("second", encoding="utf-8")
        write_whole(directory, fill("first"))

    write_whole(directory, slow)
    assert (directory / "forecast.json").read_text(encoding="utf-8") == "first"
    assert [path.name for path in directory.parent.iterdir()] == [HASH]


@pytest.mark.parametrize("name", ["", "..", "../../etc", HASH[:-1], HASH.upper(), HASH + "0", f"{HASH}/x"])
def test_only_a_hash_names_a_directory(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="content hash"):
        draws_directory(tmp_path, name)
