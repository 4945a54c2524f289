"""Sample paths by nationality as files: the same persons in every format, adding up in every row."""

import io
import json

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv, parquet

from models.composition.paths import NothingKnown, split_paths
from models.composition.stated import ShareBelief, StatedShares
from service.api.path_files import SamplePaths, path_stream

MONTHS = ["2024-01", "2024-02", "2024-03"]
NAMES = ["SY", "TR", "OTHER"]
TOTALS = np.random.default_rng(1).poisson(2_000, (9_000, 3)).astype(np.int32)
"""More draws than are split at once, so that files are made in pieces."""

SHARES = StatedShares(np.zeros(len(TOTALS), dtype=np.int16), (ShareBelief((0, 1), (0.5, 0.3), 50.0),))


def chunks() -> list[np.ndarray]:
    return [counts for _, counts in split_paths(NothingKnown(3, SHARES, seed=4), TOTALS)]


def made(kind: str) -> bytes:
    return b"".join(path_stream(kind, SamplePaths(MONTHS, NAMES, lambda: iter(chunks()))))


def table(kind: str) -> pa.Table:
    if kind == "parquet":
        return parquet.read_table(io.BytesIO(made(kind)))
    if kind == "arrow":
        return pa.ipc.open_stream(made(kind)).read_all()
    return csv.read_csv(io.BytesIO(made(kind)))


@pytest.mark.parametrize("kind", ["parquet", "arrow", "csv"])
def test_a_table_holds_every_count_and_every_row_adds_up(kind: str) -> None:
    found, persons = table(kind), np.concatenate(chunks()).reshape(-1, 3)
    assert found.column_names == ["draw", "month", "value", *NAMES]
    assert found["draw"].to_numpy().tolist() == np.repeat(np.arange(9_000), 3).tolist()
    assert found["month"].to_pylist()[:6] == MONTHS * 2
    assert np.array_equal(found["value"].to_numpy(), TOTALS.reshape(-1))
    assert np.array_equal(np.stack([found[name].to_numpy() for name in NAMES], axis=1), persons)


def test_json_has_the_totals_and_then_the_nationalities() -> None:
    found = json.loads(made("json"))
    assert (found["months"], found["citizens"]) == (MONTHS, NAMES)
    assert np.array_equal(np.array(found["paths"]), TOTALS)
    assert np.array_equal(np.array(found["byCitizen"]).sum(axis=2), TOTALS)


def test_a_parquet_file_can_be_read_piece_by_piece() -> None:
    assert parquet.ParquetFile(io.BytesIO(made("parquet"))).num_row_groups == len(chunks()) > 1
