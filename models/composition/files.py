"""Sample paths by nationality as a Parquet file, written chunk by chunk.

One row per draw and month: `draw` (from 0), `month` (YYYY-MM), and persons per nationality in a column each, int32. A
wide table holds sixteen numbers in a row where a long one would repeat draw and month sixteen times. One row group
per chunk of draws, so that a reader too can go through it piece by piece. Must not know models or HTTP.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def write_split_paths(
    path: Path,
    chunks: Iterable[tuple[int, NDArray[np.int32]]],
    months: Sequence[str],
    citizens: Sequence[str],
) -> int:
    """Write chunks (first draw, counts (draw, month, citizen)) to `path`; returns the number of draws.

    Raises ValueError when a chunk has other months or nationalities than named.
    """
    from pyarrow import parquet

    schema, draws = _schema(citizens), 0
    with parquet.ParquetWriter(path, schema, compression="lz4", use_dictionary=["month"]) as writer:
        for first_draw, counts in chunks:
            if counts.shape[1:] != (len(months), len(citizens)):
                raise ValueError(f"a chunk is {counts.shape[1:]}, not {(len(months), len(citizens))}")
            writer.write_table(_table(schema, first_draw, counts, months), row_group_size=counts[..., 0].size)
            draws += len(counts)
    return draws


def _schema(citizens: Sequence[str]) -> Any:
    import pyarrow as pa

    month = pa.dictionary(pa.int16(), pa.string())
    people = [pa.field(name, pa.int32(), nullable=False) for name in citizens]
    return pa.schema([("draw", pa.int32()), ("month", month), *people])


def _table(schema: Any, first_draw: int, counts: NDArray[np.int32], months: Sequence[str]) -> Any:
    import pyarrow as pa

    draws, horizon, citizens = counts.shape
    draw = np.repeat(np.arange(first_draw, first_draw + draws, dtype=np.int32), horizon)
    codes = np.tile(np.arange(horizon, dtype=np.int16), draws)
    month = pa.DictionaryArray.from_arrays(codes, pa.array(list(months), pa.string()))
    columns = [np.ascontiguousarray(counts[:, :, k]).reshape(-1) for k in range(citizens)]
    return pa.Table.from_arrays([pa.array(draw), month, *map(pa.array, columns)], schema=schema)
