"""The contract's own example of a scenario set, as an expert would send it: the start of many tests."""

from typing import Any

PAYLOAD: dict[str, Any] = {
    "name": "Eerste asielinstroom 2024-2",
    "edition": "2024-2",
    "cutoff": "2024-06-30",
    "target": {"series": "first_applications", "geo": "NL", "citizen": "TOTAL"},
    "yearCorrelation": 0.8,
    "scenarios": [
        {
            "key": "continuation",
            "label": "Voortzetting",
            "probability": 0.6,
            "family": "lognormal",
            "spreadMeaning": "sd",
            "narrative": "why",
            "sources": ["EUAA"],
            "years": {
                "2024": {"expected": 34000, "spread": 5000},
                "2025": {"expected": 35000, "spread": 8000},
            },
        },
        {
            "key": "new_war",
            "label": "Nieuwe oorlog",
            "probability": 0.4,
            "family": "normal",
            "spreadMeaning": "half_width_80",
            "years": {
                "2024": {"expected": 45000, "spread": 9000},
                "2025": {"expected": 52000, "spread": 14000},
            },
        },
    ],
    "events": [],
    "unforeseen": {
        "probability": 0.05,
        "years": {
            "2024": {"expected": 35000, "spread": 20000},
            "2025": {"expected": 38000, "spread": 25000},
        },
    },
    "reason": "first version",
}
