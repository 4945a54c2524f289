"""What answers are made with: kept values, rounding, JSON and streams of paths."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.api.finished import etag_of, to_json
from service.api.forecast_views import rounded
from service.api.path_files import DRAWS_PER_CHUNK, path_stream, whole_paths
from service.api.recent import Recent


def test_what_was_used_longest_ago_goes_first() -> None:
    kept: Recent[str] = Recent(2)
    kept.put("a", "A")
    kept.put("b", "B")
    assert kept.get("a") == "A"
    kept.put("c", "C")
    assert (kept.get("a"), kept.get("b"), kept.get("c")) == ("A", None, "C")


def test_sizes_are_added_up_and_replaced() -> None:
    kept: Recent[str] = Recent(10)
    kept.put("a", "A", 6)
    kept.put("a", "AA", 4)
    kept.put("b", "B", 6)
    assert (kept.get("a"), kept.get("b")) == ("AA", "B")
    kept.put("c", "too large", 11)
    assert [kept.get(key) for key in "abc"] == [None, None, None]


@given(st.floats(0, 1e7), st.sampled_from([1, 100, 1000]))
def test_rounding_is_to_the_nearest_multiple(value: float, to: int) -> None:
    found = rounded(value, to)
    assert found % to == 0
    assert abs(found - value) <= to / 2
    assert rounded(float(found), to) == found


def test_halves_go_up() -> None:
    assert [rounded(value, 100) for value in (149.9, 150.0, 250.0, 250.1)] == [100, 200, 300, 300]


def test_arrays_become_lists_and_what_is_not_finite_becomes_null() -> None:
    said = to_json({"a": np.array([1.5, math.nan]), "b": [np.float64(2.0), math.inf], "c": {1: None}})
    assert json.loads(said) == {"a": [1.5, None], "b": [2.0, None], "c": {"1": None}}
    assert to_json({"a": np.arange(2), "b": np.float64(0.1)}) == b'{"a":[0,1],"b":0.1}'


def test_an_etag_is_of_the_bytes() -> None:
    assert etag_of(b"a") == etag_of(b"a") != etag_of(b"b")


@pytest.mark.parametrize("kind", ["csv", "json", "parquet", "arrow"])
def test_paths_leave_in_pieces_and_the_same_every_time(kind: str) -> None:
    paths = np.random.default_rng(1).integers(0, 9_999, (3 * DRAWS_PER_CHUNK + 1, 24))
    months = [f"{2024 + n // 12}-{n % 12 + 1:02d}" for n in range(24)]
    pieces = list(path_stream(kind, whole_paths(months, paths)))
    assert len(pieces) >= 4
    assert max(map(len, pieces)) < 0.6 * sum(map(len, pieces))
    assert b"".join(pieces) == b"".join(path_stream(kind, whole_paths(months, paths)))
