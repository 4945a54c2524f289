"""Sample paths as a stream of bytes: CSV, JSON, Parquet or Arrow, a few hundred or thousand draws at a time.

Tables have one row per draw and month: `draw` (from 0), `month` (YYYY-MM), `value` (persons) and, where nationalities
are told apart, a column for each, adding up to `value`. JSON has one list of months and one list of values per draw,
and the nationalities beside them. The same draws give the same bytes. Must not know HTTP.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa

    from models.stored import StoredForecast

DRAWS_PER_CHUNK = 500
MEDIA_TYPES = {
    "csv": "text/csv",
    "json": "application/json",
    "parquet": "application/vnd.apache.parquet",
    "arrow": "application/vnd.apache.arrow.stream",
}
Paths = NDArray[Any]


@dataclass(frozen=True)
class SamplePaths:
    """`months`, `citizens` (none where they are not told apart), and chunks of paths, which start anew with every call.

    A chunk is `(draw, month)` persons or, by nationality, `(draw, month, citizen)`.
    """

    months: Sequence[str]
    citizens: Sequence[str]
    chunks: Callable[[], Iterator[Paths]]


def sample_paths(stored: StoredForecast, draws: int) -> SamplePaths:
    """The first `draws` paths of a stored forecast."""
    months, whole = stored.paths(draws)
    if stored.composition is None:
        return whole_paths(months, whole)
    split = partial(stored.composition.split, stored.calendar.paths, len(whole))
    return SamplePaths(months, stored.composition.citizens, split)


def whole_paths(months: Sequence[str], paths: Paths) -> SamplePaths:
    """Paths `(draw, month)` that tell no nationalities apart."""
    starts = range(0, len(paths), DRAWS_PER_CHUNK)
    return SamplePaths(months, (), lambda: (paths[start : start + DRAWS_PER_CHUNK] for start in starts))


def path_stream(kind: str, paths: SamplePaths) -> Iterator[bytes]:
    """The paths in a format of MEDIA_TYPES."""
    return _STREAMS[kind](paths)


def _json(paths: SamplePaths) -> Iterator[bytes]:
    """The paths, then the same by nationality: made twice rather than kept."""
    yield _opening(paths).encode()
    for number, chunk in enumerate(paths.chunks()):
        totals = chunk.sum(axis=2) if paths.citizens else chunk
        yield (("," if number else "") + _rows(totals)).encode()
    if paths.citizens:
        yield b'],"byCitizen":['
        for number, chunk in enumerate(paths.chunks()):
            yield (("," if number else "") + _rows(chunk)).encode()
    yield b"]}"


def _opening(paths: SamplePaths) -> str:
    named = f'"citizens":{_compact(paths.citizens)},' if paths.citizens else ""
    return f'{{"months":{_compact(paths.months)},{named}"paths":['


def _compact(names: Sequence[str]) -> str:
    return json.dumps(list(names), separators=(",", ":"))


def _rows(chunk: Paths) -> str:
    return json.dumps(chunk.tolist(), separators=(",", ":"))[1:-1]


def _csv(paths: SamplePaths) -> Iterator[bytes]:
    from pyarrow import csv

    for number, table in enumerate(_tables(paths)):
        sink = io.BytesIO()
        csv.write_csv(table, sink, csv.WriteOptions(include_header=number == 0, quoting_style="none"))
        yield sink.getvalue()


def _parquet(paths: SamplePaths) -> Iterator[bytes]:
    from pyarrow import parquet

    return _written(paths, parquet.ParquetWriter)


def _arrow(paths: SamplePaths) -> Iterator[bytes]:
    import pyarrow as pa

    return _written(paths, pa.ipc.new_stream)


def _written(paths: SamplePaths, open_writer: Callable[[_Sink, pa.Schema], Any]) -> Iterator[bytes]:
    """What a writer of tables puts out, handed on after every table."""
    sink = _Sink()
    tables = _tables(paths)
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


def _tables(paths: SamplePaths) -> Iterator[pa.Table]:
    import pyarrow as pa

    start, months = 0, list(paths.months)
    for chunk in paths.chunks():
        draws = np.arange(start, start + len(chunk), dtype=np.int32)
        codes = np.tile(np.arange(len(months), dtype=np.int16), len(chunk))
        month = pa.DictionaryArray.from_arrays(codes, pa.array(months, pa.string()))
        columns = {"draw": np.repeat(draws, len(months)), "month": month.dictionary_decode()}
        totals = chunk.sum(axis=2, dtype=chunk.dtype) if paths.citizens else chunk
        columns["value"] = np.ascontiguousarray(totals).reshape(-1)
        for place, citizen in enumerate(paths.citizens):
            columns[citizen] = np.ascontiguousarray(chunk[:, :, place]).reshape(-1)
        yield pa.table(columns)
        start += len(chunk)


_STREAMS: dict[str, Callable[[SamplePaths], Iterator[bytes]]] = {
    "csv": _csv,
    "json": _json,
    "parquet": _parquet,
    "arrow": _arrow,
}
