"""The service as a user runs it, for browser tests: `instroom serve` in a folder of its own, nothing mocked."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

LONGEST_START, LONGEST_FORECAST = 120, 600_000  # seconds, milliseconds


def announced_address(process: "subprocess.Popen[bytes]", log: Path) -> str:
    """The address that `instroom serve` prints once it is ready; fails with its words when it ends instead."""
    deadline = time.monotonic() + LONGEST_START
    while process.poll() is None and time.monotonic() < deadline:
        if found := re.search(r"ready at (http://\S+)", log.read_text("utf-8")):
            return found.group(1)
        time.sleep(0.2)
    return pytest.fail("instroom serve did not start: " + log.read_text("utf-8")[-1_000:])


@contextmanager
def live_service(folder: Path, **settings: str) -> Iterator[str]:
    """Its address, once it is ready; stopped at the end as a user would stop it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("INSTROOM_")}
    own = {"INSTROOM_DATA_DIR": str(folder / "var"), "HOST": "127.0.0.1", "PORT": "0"}
    command = [str(Path(sys.executable).with_name("instroom")), "serve"]
    log = folder / "serve.log"
    with log.open("wb") as written:
        process = subprocess.Popen(
            command, env={**kept, **own, **settings}, stdout=written, stderr=subprocess.STDOUT
        )
    try:
        yield announced_address(process, log)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)
