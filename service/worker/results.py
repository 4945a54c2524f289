"""What every computation of a worker has in common: how it ends, and that its files appear whole or not at all.

A computation fills an empty directory; beside its files comes a note of the code that made them. A refusal comes
back as a problem document, not as an exception that another process would have to understand. Must not know what
is computed, the database or the job table.
"""

from __future__ import annotations

import json
import os
import subprocess
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from service.storage.draws import PROVENANCE, write_whole
from service.worker.progress import Report, Stopped

PACKAGES = ("numpy", "scipy", "pandas", "pymc", "pytensor", "nutpie", "numba", "instroom")


@dataclass(frozen=True)
class Outcome:
    """How it ended: without a problem, or with one for the reader and particulars for the log."""

    problem: dict[str, Any] | None = None
    particulars: str = ""


Work = Callable[[Report], Outcome]


class Refused(Exception):
    """The computation cannot serve its request: `field` (a JSON pointer) says what to change, `dutch` it in Dutch."""

    def __init__(self, title: str, field: str, detail: str, dutch: str) -> None:
        super().__init__(f"{field}: {detail}")
        self.title, self.field, self.detail, self.dutch = title, field, detail, dutch


def put_in_place(directory: Path, fill: Callable[[Path], None]) -> Outcome:
    """Let `fill` write to a temporary directory and give it its name; nothing is computed that exists."""
    if directory.is_dir():
        return Outcome()

    def write(partial: Path) -> None:
        fill(partial)
        (partial / PROVENANCE).write_text(json.dumps(running_code(), indent=1), "utf-8")

    try:
        write_whole(directory, write)
    except Stopped:
        return Outcome(
            problem(409, "Stopped", "The computation was stopped.", "De berekening is afgebroken.")
        )
    except Refused as refused:
        return Outcome(_refusal(refused))
    except Exception:  # whatever it is, the job must end with it
        detail = "The computation went wrong; the worker's log has the particulars."
        dutch = "De berekening ging mis; het logboek van de rekenmachine zegt hoe."
        return Outcome(problem(500, "Computation failed", detail, dutch), traceback.format_exc())
    return Outcome()


def _refusal(refused: Refused) -> dict[str, Any]:
    body = problem(400, refused.title, str(refused), refused.dutch)
    error = {"field": refused.field, "detail": refused.detail, "detailNl": refused.dutch}
    return {**body, "errors": [error]}


def problem(status: int, title: str, detail: str, dutch: str) -> dict[str, Any]:
    """A problem (RFC 9457) as a job keeps it, in English and in Dutch."""
    return {"type": "about:blank", "title": title, "status": status, "detail": detail, "detailNl": dutch}


def running_code() -> dict[str, Any]:
    """The code that computes: its revision and the versions of what its numbers rest on."""
    return {"gitRevision": _git_revision(), "packages": {name: _version(name) for name in PACKAGES}}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _git_revision() -> str | None:
    """INSTROOM_GIT_REVISION where a build set it, else what git says of this checkout, else None."""
    if told := os.environ.get("INSTROOM_GIT_REVISION"):
        return told
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        return None
    asked = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        done = subprocess.run(asked, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None
