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
MOST_TIMES = 4.0  # as long as importing the libraries alone: twice that, and room for noise

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


LIBRARIES = """
import time
started = time.process_time()
import fastapi, numpy, pandas, scipy.stats, sqlalchemy
print(time.process_time() - started)
"""


def said(script: str, environment: dict[str, str]) -> Any:
    """What a script prints, run by an interpreter of its own."""
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, check=True)
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("start")
    found = {**os.environ, "INSTROOM_DATA_DIR": str(folder), "PYTHONPATH": str(ROOT)}
    found.pop("INSTROOM_DATABASE_URL", None)
    return found


@pytest.fixture(scope="module")
def started(environment: dict[str, str]) -> dict[str, Any]:
    said(
        START, environment
    )  # The first start also makes the database; a second one is what the target is about.
    second: dict[str, Any] = said(START, environment)
    return second


def test_the_web_process_holds_no_sampler_and_no_scheduler(started: dict[str, Any]) -> None:
    assert not KEPT_OUT & set(started["modules"])


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="resident memory is read from /proc")
def test_the_web_process_is_small(started: dict[str, Any]) -> None:
    assert started["resident"] <= MOST_MEGABYTES


def test_the_second_start_takes_little_more_than_its_libraries(
    started: dict[str, Any], environment: dict[str, str]
) -> None:
    """Processor time beside processor time, so that it says the same on a machine half as fast."""
    ours = min(started["seconds"], said(START, environment)["seconds"])
    libraries = min(said(LIBRARIES, environment) for _ in range(2))
    assert ours <= MOST_TIMES * libraries
