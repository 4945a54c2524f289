"""`instroom doctor` and `instroom migrate`: can the service run here, and if not, why.

Every check gives a name, what was found, and a reason when it stands in the way. Reads package versions from
their metadata: importing PyMC to learn its number would take longer than all other checks together.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import socket
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import NamedTuple
from urllib.parse import urlsplit

import typer
from rich.table import Table
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from service.cli.terminal import open_sessions, out, say
from service.settings import Settings
from service.storage.base import (
    make_engine,
    newest_revision,
    reading,
    session_factory,
    stored_revision,
)

_PACKAGES = ("numpy", "scipy", "pandas", "pymc", "nutpie", "numba", "fastapi", "sqlalchemy", "distributed")
_SMALLEST_DISK_BYTES = 2_000_000_000
_CONNECT_SECONDS = 3.0


class Check(NamedTuple):
    """One line of the report; `obstacle` says why the service cannot run, None when nothing is in the way."""

    name: str
    found: str
    obstacle: str | None = None


def doctor(settings: Settings, *, as_json: bool) -> None:
    """Print every check; exit status 1 when one of them stands in the way."""
    checks = [
        check
        for find in (_python, _packages, _sampler, _database, _disk, _address, _scheduler)
        for check in find(settings)
    ]
    obstacles = [f"{check.name}: {check.obstacle}" for check in checks if check.obstacle]
    if as_json:
        report = {"ready": not obstacles, "checks": [check._asdict() for check in checks]}
        out.print_json(json.dumps(report))
    else:
        _show(checks, obstacles)
    if obstacles:
        raise typer.Exit(1)


def _show(checks: list[Check], obstacles: list[str]) -> None:
    table = Table(show_header=False, box=None, pad_edge=False)
    for check in checks:
        table.add_row("[red]no[/red]" if check.obstacle else "[green]ok[/green]", check.name, check.found)
    out.print(table)
    for obstacle in obstacles:
        say(f"Not ready: {obstacle}")
    if not obstacles:
        say("Ready.")


def _python(settings: Settings) -> Iterator[Check]:
    yield Check("python", f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    yield Check("instroom", version("instroom"))


def _packages(settings: Settings) -> Iterator[Check]:
    found, missing = [], []
    for name in _PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    obstacle = (
        f"not installed: {', '.join(missing)}; run `make serve` or install the lock" if missing else None
    )
    yield Check("packages", ", ".join(found), obstacle)


def _sampler(settings: Settings) -> Iterator[Check]:
    usable = [name for name in ("nutpie", "pymc") if find_spec(name) is not None]
    obstacle = None if usable else "neither nutpie nor pymc is installed"
    fallback = ", fallback pymc" if usable == ["nutpie", "pymc"] else ""
    yield Check("sampler", f"{usable[0]}{fallback}" if usable else "none", obstacle)


def _database(settings: Settings) -> Iterator[Check]:
    shown = make_url(settings.database_url).render_as_string(hide_password=True)
    name = make_url(settings.database_url).database
    if settings.database_url.startswith("sqlite") and name and not os.path.exists(name):  # noqa: PTH110
        yield Check("database", shown, "does not exist yet; run `instroom migrate` or `instroom serve`")
        return
    engine = make_engine(settings.database_url)
    try:
        with reading(session_factory(engine)) as session:
            stored, newest = stored_revision(session), newest_revision()
        behind = (
            None if stored == newest else f"schema is at {stored}, not at {newest}; run `instroom migrate`"
        )
        yield Check("database", f"{shown} at revision {stored}", behind)
    except SQLAlchemyError as error:
        reason = str(error.__cause__ or error).splitlines()[0]
        yield Check("database", shown, f"does not answer or was never migrated ({reason})")
    finally:
        engine.dispose()


def _disk(settings: Settings) -> Iterator[Check]:
    folder = next(p for p in (settings.data_dir, *settings.data_dir.parents) if p.exists())
    free = shutil.disk_usage(folder).free
    found = f"{settings.data_dir}, {free / 1e9:.1f} GB free"
    if not os.access(folder, os.W_OK | os.X_OK):
        yield Check("data directory", found, f"{folder} is not writable")
    elif free < _SMALLEST_DISK_BYTES:
        yield Check("data directory", found, "less than 2 GB free")
    else:
        yield Check("data directory", found)


def _address(settings: Settings) -> Iterator[Check]:
    where = f"{settings.host}:{settings.port}"
    if settings.guarded:
        from service.security import load_authority

        sources = [str(settings.tokens_file)] if settings.tokens_file else []
        sources += [settings.oidc.issuer] if settings.oidc else []
        yield _tried(
            "access", f"{where}, tokens from {' and '.join(sources)}", lambda: load_authority(settings)
        )
    elif settings.on_loopback:
        yield Check("access", f"{where}, development mode: every caller is admin")
    else:
        yield Check(
            "access",
            where,
            "others can reach this address and neither INSTROOM_TOKENS_FILE nor INSTROOM_OIDC_ISSUER is set",
        )


def _scheduler(settings: Settings) -> Iterator[Check]:
    if settings.scheduler is None:
        yield Check("scheduler", "local cluster")
        return
    parts = urlsplit(settings.scheduler)

    def connect() -> None:
        socket.create_connection((parts.hostname or "", parts.port or 8786), _CONNECT_SECONDS).close()

    yield _tried("scheduler", settings.scheduler, connect)


def _tried(name: str, found: str, attempt: Callable[[], object]) -> Check:
    """A check that holds when the attempt raises nothing; else its message is the obstacle."""
    try:
        attempt()
    except Exception as error:
        return Check(name, found, str(error))
    return Check(name, found)


def migrated(settings: Settings) -> None:
    """Migrate and say where the schema is now."""
    with open_sessions(settings):
        say(f"The database is at revision {newest_revision()}.")
