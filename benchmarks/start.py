"""How long a second start takes: from typing `make serve` to the address, everything computed before.

    python -m benchmarks.start

The first start (sample and forecast) is not part of the time. Five starts, each stopped before the next.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from pathlib import Path
from statistics import median

from benchmarks.running_service import address, first_forecast, running_service

STARTS = 5
LIMIT_SECONDS = 3.0
ROOT = Path(__file__).parents[1]


def seconds_to_address(folder: Path) -> float:
    """Seconds until `make serve` says where it is ready."""
    environment = {**os.environ, "INSTROOM_DATA_DIR": str(folder / "data"), "HOST": "127.0.0.1", "PORT": "0"}
    begun = time.perf_counter()
    with subprocess.Popen(
        ["make", "--silent", "serve"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        address(process.stdout)
        taken = time.perf_counter() - begun
        process.terminate()
        process.stdout.read()
    return taken


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with running_service(folder) as (_, client):
            first_forecast(client)
        taken = [seconds_to_address(folder) for _ in range(STARTS)]
    over = "" if median(taken) <= LIMIT_SECONDS else " EXCEEDED"
    print("| what | best s | median s | limit s |\n|---|---|---|---|")
    print(
        f"| second start, `make serve` to address | {min(taken):.1f} | {median(taken):.1f} | {LIMIT_SECONDS}{over} |"
    )


if __name__ == "__main__":
    main()
