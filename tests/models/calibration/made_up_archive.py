"""Archived forecasts for tests, one line each."""

from datetime import date
from typing import Any

from models.calibration import ArchivedForecast, archived_forecasts


def payload(edition: str, issued_on: str, year: int, stage: str = "adopted", **form: Any) -> dict[str, Any]:
    """One forecast as the HTTP contract writes it; `form` also overrides any other field."""
    return {
        "series": "first_applications",
        "geo": "NL",
        "citizen": "TOTAL",
        "edition": edition,
        "issuedOn": issued_on,
        "cutoff": issued_on,
        "targetYear": year,
        "stage": stage,
        "issuer": "mpp",
        **form,
    }


def archive(*payloads: dict[str, Any]) -> tuple[ArchivedForecast, ...]:
    return archived_forecasts(list(payloads))


def quantiles(minimum: float, median: float, medio: float, maximum: float) -> list[dict[str, float]]:
    """The four interval scenarios as stated quantiles."""
    values = (minimum, median, medio, maximum)
    return [{"level": p, "value": v} for p, v in zip((0.125, 0.5, 2 / 3, 0.875), values, strict=True)]


def scenario(
    key: str, probability: float, expected: float, spread: float, year: int, **more: Any
) -> dict[str, Any]:
    return {
        "key": key,
        "probability": probability,
        "years": {str(year): {"expected": expected, "spread": spread}},
        **more,
    }


def day(text: str) -> date:
    return date.fromisoformat(text)
