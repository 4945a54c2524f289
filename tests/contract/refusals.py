"""What every refusal has, whatever it is about."""

from __future__ import annotations

from typing import Any


def faults_in(answer: Any) -> list[dict[str, Any]]:
    """The faults of a 400, each with its sentence in English and another in Dutch."""
    assert answer.status_code == 400, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    errors: list[dict[str, Any]] = answer.json()["errors"]
    for error in errors:
        assert error["detail"] and error["detailNl"] and error["detailNl"] != error["detail"], error
    return errors
