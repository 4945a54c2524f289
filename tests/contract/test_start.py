"""The web process starts quickly, stays small, and never loads what only workers may load."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
KEPT_OUT = {"pymc", "pytensor", "nutpie", "arviz", "numba", "sklearn", "dask", "distributed"}
MOST_MEGABYTES = 300
MOST_SECONDS = 3.0

START = """
import json, os, sys, time
started = time.process_time()
from service.app import create_app
from service.settings import load_settings
app = create_app(load_settings(os.environ))
app.api.openapi()
seconds = time.process_time() - started
resident = next(int(l.split()[1]) for l in open("/proc/self/status") if l.startswith("VmRSS")) / 1024
print(json.dumps({"seconds": seconds, "resident": resident, "modules": sorted({n.split(".")[0] for n in sys.modules})}))
"""


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("start")
    environment = {**os.environ, "INSTROOM_DATA_DIR": str(folder), "PYTHONPATH": str(ROOT)}
    environment.pop("INSTROOM_DATABASE_URL", None)
    result: dict[str, Any] = {}
    for _ in range(2):  # The first start also makes the database; a second one is what the target is about.
        done = subprocess.run([sys.executable, "-c", START], env=environment, capture_output=True, check=True)
        result = json.loads(done.stdout)
    return result


def test_the_web_process_holds_no_sampler_and_no_scheduler(started: dict[str, Any]) -> None:
    assert not KEPT_OUT & set(started["modules"])


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="resident memory is read from /proc")
def test_the_web_process_is_small(started: dict[str, Any]) -> None:
    assert started["resident"] <= MOST_MEGABYTES


def test_the_second_start_is_quick(started: dict[str, Any]) -> None:
    assert started["seconds"] <= MOST_SECONDS * 2, "processor time; twice the target, because tests share it"
