"""`instroom serve`: one web process and one worker, kept running until a signal, and a first forecast.

    bind the port → start the web process → (empty database: load the sample) → start the worker
    → say the address → (no forecast yet: queue the first one and show its progress)

The port is bound here and handed down, so that an occupied one costs a sentence and nothing else.
This process never imports PyMC: the second start waits for the web process alone.
"""

from __future__ import annotations

import errno
import http.client
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from service.cli.children import Child, start_child, stop_children
from service.cli.terminal import err, out, refuse
from service.settings import Settings

_LONGEST_START_SECONDS = 120.0
_FIRST_RESTART_SECONDS = 1.0
_LONGEST_RESTART_SECONDS = 60.0
# The web process answers many small questions at once: threads inside one matrix product only get in each other's
# way, and an allocator arena per thread keeps memory that nobody uses.
_LEAN = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}


def serve(settings: Settings) -> None:
    """Runs until SIGINT or SIGTERM; refuses with a sentence when it cannot start."""
    if not settings.on_loopback and not settings.guarded:
        refuse(
            f"HOST is {settings.host}, which others can reach, and no tokens are configured. "
            "Set INSTROOM_TOKENS_FILE or INSTROOM_OIDC_ISSUER, or HOST=127.0.0.1 for this machine only."
        )
    listener = _bound(settings.host, settings.port)
    port = int(listener.getsockname()[1])
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    children: list[Child] = []
    try:
        _run(settings, listener, port, children)
    except KeyboardInterrupt:
        out.print("Stopping.")
    finally:
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        stop_children(children)


def _run(settings: Settings, listener: socket.socket, port: int, children: list[Child]) -> NoReturn:
    from service.cli.first_run import follow_first_forecast, prepare

    web_log, worker_log = _log(settings, "web"), _log(settings, "worker")
    descriptor = listener.fileno()
    web = start_child("service.cli.web", [str(descriptor)], log=web_log, keep=[descriptor], environment=_LEAN)
    children.append(web)
    listener.close()
    _wait_until_ready(web, settings.host, port, web_log)
    first = prepare(settings)
    address = f"http://{f'[{settings.host}]' if ':' in settings.host else settings.host}:{port}"
    out.print(
        f"Instroom is ready at [bold]{address}[/bold]  (stop with Ctrl-C)", highlight=False, soft_wrap=True
    )
    if web_log is not None:
        out.print(f"Logs are in {web_log.parent}", highlight=False, soft_wrap=True)
    start_worker: Callable[[], Child] = lambda: start_child("service.cli.worker", log=worker_log)  # noqa: E731
    worker = start_worker()
    children.append(worker)
    if first is not None:
        follow_first_forecast(settings, first, alive=lambda: web.poll() is None and worker.poll() is None)
    _keep(web, start_worker, children)


def _keep(web: Child, start_worker: Callable[[], Child], children: list[Child]) -> NoReturn:
    """Wait for ever; a worker that ended is started again, ever more slowly while it keeps ending at once."""
    pause, since = _FIRST_RESTART_SECONDS, time.monotonic()
    while True:
        time.sleep(0.2)
        if web.poll() is not None:
            refuse("The web process ended; its log says why.", code=1)
        if children[-1].poll() is None:
            continue
        if time.monotonic() - since > _LONGEST_RESTART_SECONDS:
            pause = _FIRST_RESTART_SECONDS
        err.print(f"The worker ended with status {children[-1].returncode}; started again in {pause:.0f} s.")
        time.sleep(pause)
        pause, since = min(2 * pause, _LONGEST_RESTART_SECONDS), time.monotonic()
        children[-1] = start_worker()


def _bound(host: str, port: int) -> socket.socket:
    """A listening socket on host and port; ends the command with a sentence when there is none to be had."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
        return socket.create_server((host, port), family=family, backlog=2048)
    except socket.gaierror:
        refuse(f"HOST {host!r} is not an address or a name that this machine knows.")
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            refuse(f"Port {port} on {host} is in use. Stop what listens there, or choose another with PORT=…")
        if error.errno == errno.EADDRNOTAVAIL:
            refuse(f"HOST {host} is not an address of this machine.")
        if error.errno == errno.EACCES:
            refuse(f"Port {port} may not be opened by this user; choose one above 1023 with PORT=…")
        raise


def _wait_until_ready(web: Child, host: str, port: int, log: Path | None) -> None:
    """Return once the web process says that it is ready; end with a sentence when it ends or takes too long.

    A request made before the process listens waits in the socket's queue, so there is nothing to poll for.
    """
    until, last = time.monotonic() + _LONGEST_START_SECONDS, "it did not answer"
    while time.monotonic() < until:
        if web.poll() is not None:
            why = log.read_text("utf-8").strip().splitlines()[-1:] if log is not None else []
            refuse(" ".join(["The web process could not start.", *why]), code=web.returncode or 1)
        connection = http.client.HTTPConnection(_ANY_ADDRESS.get(host, host), port, timeout=1.0)
        try:
            connection.request("GET", "/v1/health/ready")
            answer = connection.getresponse()
            if answer.status == 200:
                return
            last = answer.read(2000).decode("utf-8", "replace")
            time.sleep(0.1)
        except (OSError, http.client.HTTPException):
            time.sleep(0.02)
        finally:
            connection.close()
    refuse(f"The web process was not ready within {_LONGEST_START_SECONDS:.0f} s: {last}", code=1)


def _log(settings: Settings, name: str) -> Path | None:
    """A file when a person is looking at the terminal; standard error when a supervisor collects it."""
    return settings.data_dir / "logs" / f"{name}.log" if sys.stderr.isatty() else None


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt
