"""One text, hence one hash, for one content: canonical JSON and its SHA-256.

    keys sorted, no white space, ASCII, integral numbers without a fraction, no NaN or infinity

so that neither key order, nor 34000 against 34000.0, nor a round trip through a database changes a hash. The
reason for a version is not part of a scenario set's content. Must not know what the hashes are used for.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from priors.records import ScenarioSet


def canonical_record(record: object) -> Any:
    """Plain JSON content of a record: camelCase for our records, a scenario set without its reason."""
    if isinstance(record, ScenarioSet):
        # A set that is no pool keeps the hash it had before there were pools.
        if record.pool is None:
            return record.model_dump(mode="json", by_alias=True, exclude={"reason", "pool"})
        plain = record.model_dump(mode="json", by_alias=True, exclude={"reason"})
        # Likewise a pool without weights by performance, from before raw weights were kept.
        plain["pool"]["members"] = [
            {name: value for name, value in member.items() if name != "rawWeight" or value is not None}
            for member in plain["pool"]["members"]
        ]
        return plain
    if isinstance(record, BaseModel):
        return record.model_dump(mode="json", by_alias=True)
    return record


def canonical_json(record: object) -> bytes:
    """The canonical text; raises ValueError for NaN or infinity and TypeError for what JSON cannot hold."""
    plain = _plain(canonical_record(record))
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")


def content_hash(record: object) -> str:
    """SHA-256 of the canonical JSON, in hexadecimal."""
    return hashlib.sha256(canonical_json(record)).hexdigest()


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and math.isfinite(value) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return value
