"""The processes that `instroom serve` starts: how one is begun, ends with its parent, and is stopped.

A child's standard input is a pipe that the parent holds open and never writes to. It closes when the parent
ends, however it ends, and the child then stops: nothing is left running after a killed parent.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

_PATIENCE_SECONDS = 15.0


def start_child(
    module: str,
    arguments: Sequence[str] = (),
    *,
    log: Path | None,
    keep: Sequence[int] = (),
    environment: Mapping[str, str] | None = None,
) -> Child:
    """Begin `python -m module arguments`; what it writes goes to `log`, or to our standard error without one.

    `keep` are file descriptors the child inherits. It gets a session of its own: an interrupt typed in the
    terminal reaches the parent alone, which then stops its children in order.
    """
    sink: IO[bytes] | None = None
    if log is not None:
        log.parent.mkdir(parents=True, exist_ok=True)
        sink = log.open("ab")
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.PIPE,
            stdout=sink or sys.stderr,
            stderr=sink or sys.stderr,
            pass_fds=tuple(keep),
            start_new_session=True,
            env={**os.environ, **(environment or {})},
        )
    finally:
        if sink is not None:
            sink.close()
    return process


Child = subprocess.Popen[bytes]


def stop_children(children: Sequence[Child]) -> None:
    """Ask every child to end, wait together for at most 15 seconds, then kill what is left."""
    for child in children:
        if child.poll() is None:
            child.terminate()
    until = time.monotonic() + _PATIENCE_SECONDS
    for child in children:
        try:
            child.wait(max(0.1, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            # Its session holds the processes that it started itself; none of them may outlive it.
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        if child.stdin is not None:
            child.stdin.close()


def end_with_parent() -> None:
    """In a child: end as on SIGTERM once standard input closes."""

    def watch() -> None:
        while os.read(0, 1):
            continue
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()
