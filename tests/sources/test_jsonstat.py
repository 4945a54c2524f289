"""JSON-stat 2.0 as Eurostat serves it: sparse objects, flags, confidentiality, empty dimensions."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.sources.jsonstat import JsonStatError, parse_jsonstat, plain_flag


def document(**members: object) -> bytes:
    base = {
        "version": "2.0", "class": "dataset", "id": ["geo", "time"], "size": [2, 3],
        "dimension": {
            "geo": {"category": {"index": {"NL": 1, "DE": 0}}},
            "time": {"category": {"index": ["2024-01", "2024-02", "2024-03"]}},
        },
        "value": {"0": 10, "4": 25},
        "status": {"0": "p", "2": ":c", "4": "bd", "5": "|C"},
    }  # fmt: skip
    return json.dumps(base | members).encode()


def test_cells_stand_in_row_major_order_whatever_the_order_of_the_index() -> None:
    cells = parse_jsonstat(document()).cells
    assert cells["geo"].tolist() == ["DE", "DE", "DE", "NL", "NL", "NL"]
    assert cells["time"].tolist() == ["2024-01", "2024-02", "2024-03"] * 2
    np.testing.assert_array_equal(cells["value"], [10, np.nan, np.nan, np.nan, 25, np.nan])
    assert cells["flag"].tolist() == ["p", "", "c", "", "bd", "|C"]


def test_value_as_a_list_says_the_same_as_the_sparse_object() -> None:
    listed = parse_jsonstat(document(value=[10, None, None, None, 25, None])).cells
    np.testing.assert_array_equal(listed["value"], parse_jsonstat(document()).cells["value"])


def test_one_status_for_all_cells_and_none() -> None:
    assert set(parse_jsonstat(document(status="e")).cells["flag"]) == {"e"}
    without = json.loads(document())
    del without["status"]
    assert set(parse_jsonstat(json.dumps(without).encode()).cells["flag"]) == {""}


def test_a_dimension_of_one_category_may_have_no_index() -> None:
    cube = parse_jsonstat(
        document(
            size=[1, 3],
            value=[1, 2, 3],
            status={},
            dimension={
                "geo": {"category": {"label": {"NL": "Netherlands"}}},
                "time": {"category": {"index": {"a": 0, "b": 1, "c": 2}}},
            },
        )
    )
    assert cube.codes["geo"] == ("NL",)


def test_an_unknown_code_gives_an_empty_cube_not_an_error() -> None:
    empty = {"geo": {"category": {"index": {}}}, "time": {"category": {"index": ["a", "b", "c"]}}}
    cube = parse_jsonstat(document(size=[0, 3], value={}, status={}, dimension=empty))
    assert len(cube.cells) == 0
    assert cube.codes["geo"] == ()


@pytest.mark.parametrize(
    "data",
    [
        b"", b"{", b"[]", b"\xff", b'{"class": "dataset"}', document(version="1.0"), document(size=[2, 2]),
        document(value={"6": 1}), document(value={"x": 1}), document(value=[1, 2]),
        document(value={"0": "ten"}),
        document()[:-30],
        document(dimension={"geo": {"category": {"index": {"NL": 0, "DE": 2}}},
                            "time": {"category": {"index": ["a", "b", "c"]}}}),
    ],
)  # fmt: skip
def test_what_is_no_dataset_is_an_error(data: bytes) -> None:
    with pytest.raises(JsonStatError):
        parse_jsonstat(data)


@settings(deadline=None)  # other work may share the processor
@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.data())
def test_every_cell_keeps_its_coordinates(sizes: list[int], data: st.DataObject) -> None:
    names = [f"d{place}" for place in range(len(sizes))]
    count = int(np.prod(sizes))
    present = data.draw(st.sets(st.integers(0, count - 1)))
    dimension = {
        name: {"category": {"index": {f"{name}c{place}": place for place in range(size)}}}
        for name, size in zip(names, sizes, strict=True)
    }
    cells = parse_jsonstat(
        document(id=names, size=sizes, dimension=dimension, value={str(n): n for n in present}, status={})
    ).cells
    assert set(cells["value"].dropna().astype(int)) == present
    for row in cells.dropna().itertuples():
        number = 0
        for name, size in zip(names, sizes, strict=True):
            number = number * size + int(getattr(row, name).removeprefix(f"{name}c"))
        assert number == row.value


def test_plain_flags() -> None:
    assert [plain_flag(text) for text in (":", ":c", "bd", "p|C", "|C", "b e")] == [
        "",
        "c",
        "bd",
        "p|C",
        "|C",
        "be",
    ]


def test_a_genuine_response_with_a_sparse_value_object(real: Callable[[str], Path]) -> None:
    cube = parse_jsonstat(real("raw_samples/jsonstat_une_rt_m_last3.json").read_bytes())
    assert cube.codes["time"] == ("2026-06", "2026-07", "2026-08")
    np.testing.assert_array_equal(cube.cells["value"], [4.0, 4.0, np.nan])
    assert cube.updated == "2026-09-22T11:00:00+0200"


def test_a_genuine_response_that_is_all_confidential(real: Callable[[str], Path]) -> None:
    cells = parse_jsonstat(real("raw_samples/jsonstat_sts_inpr_m_confidential.json").read_bytes()).cells
    assert len(cells) == 6
    assert cells["value"].isna().all()
    assert set(cells["flag"]) == {"|C"}
