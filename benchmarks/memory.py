"""Resident memory: the web process after its start, reads and what-ifs, the worker's peak during a forecast.

    python -m benchmarks.memory

Sizes are resident set sizes in MB (10^6 bytes); the worker's is the sum over it and the processes it started,
looked at ten times a second, so shared pages count more than once: an upper bound.
"""

from __future__ import annotations

import tempfile
import threading
from pathlib import Path
from typing import Any

import httpx
import psutil

from benchmarks.running_service import first_forecast, running_service

READS = 50
WEB_LIMIT_MB, WORKER_LIMIT_MB = 300.0, 2_500.0


def megabytes(process: psutil.Process, *, tree: bool = False) -> float:
    """Resident MB of a process, or of it and all that it started."""
    total = 0
    for one in [process, *(process.children(recursive=True) if tree else [])]:
        try:
            total += one.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total / 1e6


def child(parent: psutil.Process, module: str) -> psutil.Process:
    """The child of the service that runs a module."""
    return next(one for one in parent.children() if module in one.cmdline())


class Peak(threading.Thread):
    """Watches a process and what it starts until told to stop; `megabytes` is the highest sum seen."""

    def __init__(self, process: psutil.Process) -> None:
        super().__init__(daemon=True)
        self.megabytes, self._process, self._stop_watching = 0.0, process, threading.Event()

    def run(self) -> None:
        while not self._stop_watching.wait(0.1):
            self.megabytes = max(self.megabytes, megabytes(self._process, tree=True))

    def stop(self) -> None:
        self._stop_watching.set()
        self.join()


def read_everything(client: httpx.Client, forecast: str) -> None:
    """Fifty reads over what a page and a program ask for."""
    parts = (
        "interval-scenarios",
        "scenario-probabilities",
        "monthly",
        "density?year=2025",
        "paths?draws=1000",
    )
    for number in range(READS):
        client.get(f"/v1/forecasts/{forecast}/{parts[number % len(parts)]}").raise_for_status()


def ask_what_ifs(client: httpx.Client, forecast: str, web: psutil.Process) -> float:
    """Resident MB of the web process after fifty different edits of the experts' weight and one scenario."""
    scenarios = stated_scenarios(client, forecast)
    for number in range(READS):
        for belief in scenarios[0]["years"].values():
            belief["expected"] *= 1.001
        body = {"scenarios": scenarios, "expertWeight": 1 - number / 200}
        client.post(f"/v1/forecasts/{forecast}/what-ifs", json=body).raise_for_status()
    return megabytes(web)


def stated_scenarios(client: httpx.Client, forecast: str) -> list[dict[str, Any]]:
    """The scenarios that a forecast was made with."""
    request = client.get(f"/v1/forecasts/{forecast}").raise_for_status().json()["request"]
    found = client.get(f"/v1/scenario-sets/{request['scenarioSet']}").raise_for_status().json()
    return list(found["scenarios"])


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, running_service(Path(folder)) as (process, client):
        service = psutil.Process(process.pid)
        web = child(service, "service.cli.web")
        started = megabytes(web)
        peak = Peak(child(service, "service.cli.worker"))
        peak.start()
        forecast = first_forecast(client)
        peak.stop()
        read_everything(client, forecast)
        rows = [
            ("web process after its start", started, WEB_LIMIT_MB),
            (f"web process after {READS} reads", megabytes(web), WEB_LIMIT_MB),
            (f"web process after {READS} what-ifs", ask_what_ifs(client, forecast, web), WEB_LIMIT_MB),
            ("worker, peak during a forecast", peak.megabytes, WORKER_LIMIT_MB),
        ]
    print("| what | resident MB | limit |\n|---|---|---|")
    for what, size, limit in rows:
        print(f"| {what} | {size:.0f} | {limit:.0f}{'' if size <= limit else ' EXCEEDED'} |")


if __name__ == "__main__":
    main()
