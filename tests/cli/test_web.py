"""The web process before it answers."""

import json
import subprocess
import sys

_SCRIPT = """
import gc, json
from service.cli.web import spare_collector
spare_collector()
gc.collect()
print(json.dumps({"frozen": gc.get_freeze_count(), "left": len(gc.get_objects()), "first": gc.get_threshold()[0]}))
"""


def test_the_collector_passes_over_what_is_loaded() -> None:
    done = subprocess.run([sys.executable, "-c", _SCRIPT], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert found["frozen"] > 100_000
    assert found["left"] < 0.01 * found["frozen"]
    assert found["first"] > 700
