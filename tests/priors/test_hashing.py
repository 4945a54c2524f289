"""Equal content, equal hash; other content, another hash."""

from __future__ import annotations

import hashlib
import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from priors.hashing import canonical_json, canonical_record, content_hash
from priors.scenario import ScenarioSet, parse_scenario_set

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def test_the_hash_is_sha256_of_the_canonical_text() -> None:
    text = b'{"a":[1,2.5,null],"b":"\\u00e9"}'
    assert canonical_json({"b": "é", "a": (1.0, 2.5, None)}) == text
    assert content_hash({"b": "é", "a": [1, 2.5, None]}) == hashlib.sha256(text).hexdigest()


@given(JSON)
def test_key_order_and_a_round_trip_through_json_do_not_matter(value: Any) -> None:
    def reversed_keys(part: Any) -> Any:
        if isinstance(part, dict):
            return {key: reversed_keys(part[key]) for key in reversed(part)}
        return [reversed_keys(item) for item in part] if isinstance(part, list) else part

    assert content_hash(reversed_keys(value)) == content_hash(value)
    assert content_hash(json.loads(json.dumps(value))) == content_hash(value)


def test_the_reason_is_not_content_and_everything_else_is(payload: dict[str, Any]) -> None:
    original = content_hash(parse_scenario_set(payload))
    assert content_hash(parse_scenario_set({**payload, "reason": "another"})) == original
    assert content_hash(parse_scenario_set(dict(reversed(payload.items())))) == original
    for field, value in {
        "name": "other",
        "edition": "2025-1",
        "yearCorrelation": 0.7,
        "unforeseen": None,
    }.items():
        assert content_hash(parse_scenario_set({**payload, field: value})) != original
    payload["scenarios"][0]["years"]["2024"]["spread"] += 1e-9
    assert content_hash(parse_scenario_set(payload)) != original


def test_the_canonical_record_has_the_hash_of_the_set(scenario_set: ScenarioSet) -> None:
    plain = canonical_record(scenario_set)
    assert "reason" not in plain
    assert content_hash(json.loads(json.dumps(plain))) == content_hash(scenario_set)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_json_cannot_say_has_no_hash(value: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        content_hash({"a": value})
