"""Reads a JSON-stat 2.0 dataset as Eurostat serves it into one row per cell.

Cell n of the cube is at position n in row-major order over `size`; `value` and `status` are lists or sparse
objects keyed by n (https://json-stat.org/full). Own reader because pyjstat, the kept Python parser, drops
`status` (flags, confidentiality) and brings its own HTTP client; the arithmetic is one `unravel_index`.
Must not know which dataset it reads, nor how it was fetched.
"""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd


class JsonStatError(ValueError):
    """The document is not a JSON-stat 2.0 dataset that can be read; the text says where."""


class Cube(NamedTuple):
    """`cells`: one text column of codes per dimension, then `value` (float, NaN = none) and `flag`.

    `codes` holds the codes present per dimension, which tells which requested ones are unknown.
    """

    cells: pd.DataFrame
    codes: dict[str, tuple[str, ...]]
    updated: str | None


def parse_jsonstat(data: bytes) -> Cube:
    """The cube in `data`, every cell a row in row-major order; raises JsonStatError."""
    document = _document(data)
    names = [str(name) for name in document["id"]]
    codes = {name: _codes(document["dimension"][name], name) for name in names}
    shape = tuple(int(size) for size in document["size"])
    if shape != tuple(len(codes[name]) for name in names):
        raise JsonStatError(f"sizes {list(shape)} differ from the categories of {', '.join(names)}")
    count = int(np.prod(shape, dtype=np.int64))
    places = np.unravel_index(np.arange(count), shape) if count else [np.empty(0, np.int64)] * len(shape)
    columns = {name: np.array(codes[name], dtype=object)[at] for name, at in zip(names, places, strict=True)}
    cells = pd.DataFrame(columns, dtype=object)
    cells["value"] = np.array([_number(v) for v in _spread(document.get("value"), count)], dtype=np.float64)
    cells["flag"] = [plain_flag(str(s)) if s else "" for s in _spread(document.get("status"), count)]
    return Cube(cells, codes, document.get("updated"))


def plain_flag(status: str) -> str:
    """A status without its missing-value colon: ':c' -> 'c', 'bd' -> 'bd', 'p|C' -> 'p|C'."""
    return status.replace(":", "").replace(" ", "")


def _document(data: bytes) -> dict[str, Any]:
    try:
        document = json.loads(data)
    except (ValueError, UnicodeDecodeError) as error:
        raise JsonStatError("not JSON, or cut off before its end") from error
    if not isinstance(document, dict) or document.get("class") != "dataset":
        raise JsonStatError("not a JSON-stat dataset (member class)")
    missing = [name for name in ("id", "size", "dimension") if name not in document]
    if missing or str(document.get("version", "")) != "2.0":
        raise JsonStatError(f"not JSON-stat 2.0; missing: {', '.join(missing) or 'version'}")
    return document


def _codes(dimension: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """Codes of a dimension in the order of their index; the index may be a list, an object or absent."""
    category = dimension.get("category", {})
    index = category.get("index", list(category.get("label", {})))
    if isinstance(index, list):
        return tuple(str(code) for code in index)
    ordered = sorted(index.items(), key=lambda item: int(item[1]))
    if [place for _, place in ordered] != list(range(len(ordered))):
        raise JsonStatError(f"the index of dimension {name} has holes")
    return tuple(str(code) for code, _ in ordered)


def _spread(member: object, count: int) -> list[Any]:
    """A list of `count` items from a list, a sparse object, or one item for all cells."""
    if isinstance(member, Mapping):
        spread: list[Any] = [None] * count
        for key, item in member.items():
            if not str(key).isdigit() or int(key) >= count:
                raise JsonStatError(f"cell {key} lies outside the cube of {count} cells")
            spread[int(key)] = item
        return spread
    if isinstance(member, list):
        if len(member) != count:
            raise JsonStatError(f"{len(member)} cells where the sizes make {count}")
        return member
    return [member] * count


def _number(item: object) -> float:
    if item is None:
        return float("nan")
    if isinstance(item, bool) or not isinstance(item, int | float):
        raise JsonStatError("a value is neither a number nor null")
    return float(item)
