"""A real service for a benchmark: `instroom serve` in a folder of its own, with its first forecast computed.

Yields the process and an HTTP client on loopback. Nothing is mocked: the numbers include the whole stack.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import httpx

LONGEST_FORECAST_SECONDS = 900.0


@contextmanager
def running_service(folder: Path) -> Iterator[tuple[subprocess.Popen[str], httpx.Client]]:
    """The service, ready to answer; stopped at the end as a user would stop it."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("INSTROOM_")}
    environment |= {
        "INSTROOM_DATA_DIR": str(folder / "data"),
        "HOST": "127.0.0.1",
        "PORT": "0",
        "COLUMNS": "200",
    }
    with (folder / "service.log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "service.cli.main", "serve"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        try:
            assert process.stdout is not None
            with httpx.Client(base_url=address(process.stdout), timeout=60) as client:
                yield process, client
        finally:
            process.terminate()
            process.wait(30)


def address(output: IO[str]) -> str:
    """The address that the service says it is ready at."""
    for line in output:
        if found := re.search(r"http://\S+", line):
            return found.group()
    raise RuntimeError("the service ended before it was ready; its log says why")


def first_forecast(client: httpx.Client) -> str:
    """The id of the first forecast, once it has succeeded."""
    items = client.get("/v1/forecasts").raise_for_status().json()["items"]
    return finished(client, items[-1]["id"])


def finished(client: httpx.Client, forecast: str) -> str:
    """The id again, once the forecast has succeeded; raises when it fails or takes too long."""
    until = time.monotonic() + LONGEST_FORECAST_SECONDS
    while time.monotonic() < until:
        found = client.get(f"/v1/forecasts/{forecast}").raise_for_status().json()
        if found["status"] == "succeeded":
            return forecast
        if found["status"] in ("failed", "cancelled"):
            raise RuntimeError(f"forecast {forecast} {found['status']}: {found['error']}")
        time.sleep(0.5)
    raise RuntimeError("no forecast within the time allowed")
