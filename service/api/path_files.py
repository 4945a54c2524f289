"""Sample paths as a stream of bytes: CSV, JSON, Parquet or Arrow, a few hundred draws at a time.

Tables are long: one row per draw and month, columns `draw` (from 0), `month` (YYYY-MM) and `value`
(persons). JSON has one list of months and one list of values per draw. The same draws give the same bytes.
Must not know HTTP.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa

DRAWS_PER_CHUNK = 500
MEDIA_TYPES = {
    "csv": "text/csv",
    "json": "application/json",
    "parquet": "application/vnd.apache.parquet",
    "arrow": "application/vnd.apache.arrow.stream",
}
Paths = NDArray[Any]


def path_stream(kind: str, paths: Paths, months: Sequence[str]) -> Iterator[bytes]:
    """The paths `(draw, month)` in a format of MEDIA_TYPES."""
    return _STREAMS[kind](paths, months)


def _json(paths: Paths, months: Sequence[str]) -> Iterator[bytes]:
    yield f'{{"months":{json.dumps(list(months), separators=(",", ":"))},"paths":['.encode()
    for start in range(0, len(paths), DRAWS_PER_CHUNK):
        rows = json.dumps(paths[start : start + DRAWS_PER_CHUNK].tolist(), separators=(",", ":"))
        yield (("," if start else "") + rows[1:-1]).encode()
    yield b"]}"


def _csv(paths: Paths, months: Sequence[str]) -> Iterator[bytes]:
    from pyarrow import csv

    for number, table in enumerate(_tables(paths, months)):
        sink = io.BytesIO()
        csv.write_csv(table, sink, csv.WriteOptions(include_header=number == 0, quoting_style="none"))
        yield sink.getvalue()


def _parquet(paths: Paths, months: Sequence[str]) -> Iterator[bytes]:
    from pyarrow import parquet

    return _written(paths, months, parquet.ParquetWriter)


def _arrow(paths: Paths, months: Sequence[str]) -> Iterator[bytes]:
    import pyarrow as pa

    return _written(paths, months, pa.ipc.new_stream)


def _written(
    paths: Paths, months: Sequence[str], open_writer: Callable[[_Sink, pa.Schema], Any]
) -> Iterator[bytes]:
    """What a writer of tables puts out, handed on after every table."""
    sink = _Sink()
    tables = _tables(paths, months)
    first = next(tables)
    with open_writer(sink, first.schema) as writer:
        writer.write_table(first)
        yield sink.take()
        for table in tables:
            writer.write_table(table)
            yield sink.take()
    yield sink.take()


class _Sink(io.RawIOBase):
    """A file that can only be written; what was written is taken away in pieces."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._parts.append(bytes(data))
        return len(self._parts[-1])

    def take(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)


def _tables(paths: Paths, months: Sequence[str]) -> Iterator[pa.Table]:
    import pyarrow as pa

    for start in range(0, len(paths), DRAWS_PER_CHUNK):
        part = paths[start : start + DRAWS_PER_CHUNK]
        draws = np.repeat(np.arange(start, start + len(part), dtype=np.int32), len(months))
        yield pa.table(
            {
                "draw": draws,
                "month": pa.array(list(months) * len(part), pa.string()),
                "value": np.ascontiguousarray(part).reshape(-1),
            }
        )


_STREAMS: dict[str, Callable[[Paths, Sequence[str]], Iterator[bytes]]] = {
    "csv": _csv,
    "json": _json,
    "parquet": _parquet,
    "arrow": _arrow,
}
