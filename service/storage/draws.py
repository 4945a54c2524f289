"""The computed forecasts on disk: one directory per content hash under `<data_dir>/draws`.

A directory is written under a temporary name and renamed when it is whole: whoever sees the final name sees
everything, and a crash halfway leaves nothing visible. A name is a hash of everything that determines the
content, so a directory never changes, may be kept open, and a second writer of the same may simply stop.
Opened directories are memory-mapped and kept, the latest used first. Must not know the database or HTTP.
"""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from models.stored import StoredForecast

KEPT_OPEN = 6
PROVENANCE = "provenance.json"
PARTIAL = ".partial-"
_FOLDERS = ("draws", "evaluations", "fits", "acceptance")
_STALE_SECONDS = 24 * 3600.0
_HASH = re.compile(r"[0-9a-f]{64}")


def is_content_hash(name: str) -> bool:
    """Whether a name is a hexadecimal SHA-256, hence safe as the name of a directory."""
    return _HASH.fullmatch(name) is not None


def draws_directory(data_dir: Path, draws_hash: str) -> Path:
    """Where a forecast's draws are, or will be; raises ValueError for what is not a hexadecimal SHA-256."""
    if not is_content_hash(draws_hash):
        raise ValueError(f"not a content hash: {draws_hash!r}")
    return data_dir / "draws" / draws_hash


def fits_directory(data_dir: Path) -> Path:
    """Where fits that several forecasts share are kept."""
    return data_dir / "fits"


def write_whole(directory: Path, write: Callable[[Path], None]) -> None:
    """Fill `directory` by `write(temporary directory)`; afterwards it is there whole, or not at all.

    When another writer was first, its directory stays and ours is dropped.
    """
    directory.parent.mkdir(parents=True, exist_ok=True)
    with _temporary(directory.parent) as partial:
        write(partial)
        for path in (*partial.rglob("*"), partial):
            _to_disk(path)
        try:
            partial.rename(directory)
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                raise
        _to_disk(directory.parent)


@contextmanager
def _temporary(parent: Path) -> Iterator[Path]:
    partial = parent / f"{PARTIAL}{uuid.uuid4().hex}"
    partial.mkdir()
    try:
        yield partial
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _to_disk(path: Path) -> None:
    """Wait until the file system has `path`: a rename must not outlive what it names."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove_partial(data_dir: Path, older_than: float = _STALE_SECONDS) -> int:
    """Delete what killed writers left behind; returns how many directories. Younger ones may be in use."""
    left = [
        path
        for folder in _FOLDERS
        for path in (data_dir / folder).glob(f"{PARTIAL}*")
        if time.time() - path.stat().st_mtime > older_than
    ]
    for path in left:
        shutil.rmtree(path, ignore_errors=True)
    return len(left)


@lru_cache(maxsize=KEPT_OPEN)
def open_draws(directory: Path) -> StoredForecast:
    """The forecast or total in a directory, memory-mapped; raises FileNotFoundError when it is not there."""
    from models.totals.stored import open_stored

    return open_stored(directory)


@lru_cache(maxsize=KEPT_OPEN)
def read_provenance(directory: Path) -> dict[str, Any]:
    """What the computing process noted about its own code."""
    noted: dict[str, Any] = json.loads((directory / PROVENANCE).read_text("utf-8"))
    return noted
