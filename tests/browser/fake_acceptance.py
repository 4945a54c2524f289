"""The stand-in's acceptance rates: invented quarters of three nationalities, policy trials that are
counted, and declared breaks that are fitted by the second look."""

from __future__ import annotations

from typing import Any

import numpy as np
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

QUARTERS = [f"{year}-Q{quarter}" for year in range(2022, 2027) for quarter in (1, 2, 3, 4)]
OBSERVED = 12
CITIZENS = {"SY": (0.85, 600), "TR": (0.5, 200), "OTHER": (0.3, 300)}


def _row(mean: float, at: int) -> dict[str, float]:
    width = 0.03 if at < OBSERVED else 0.05 + 0.015 * (at - OBSERVED)
    ends = {"lower95": -1.7, "lower75": -1.0, "upper75": 1.0, "upper95": 1.7}
    return {"mean": mean, **{name: float(np.clip(mean + side * width, 0, 1)) for name, side in ends.items()}}


def rates(decisions: int | None, shift: float) -> dict[str, Any]:
    """The answer in the contract's shape; a trial of `shift` moves the quarters ahead."""
    rows, total = [], []
    for at, quarter in enumerate(QUARTERS):
        ahead = at >= OBSERVED
        wave = 0.05 * np.sin(at / 3) + (0.1 * shift if ahead else 0.0)
        for citizen, (rate, size) in CITIZENS.items():
            counts = {"decisions": None if ahead else size, "positive": None if ahead else int(size * rate)}
            rows.append(
                {"citizen": citizen, "quarter": quarter, "track": "", **_row(rate + wave, at), **counts}
            )
        number = (decisions if ahead else 1100) if decisions or not ahead else None
        positive = number and 0.6 * number
        total.append(
            {
                "quarter": quarter, **_row(0.6 + wave, at), "ahead": ahead,
                "varianceRate": 0.0009 + 0.0002 * at, "varianceMix": 0.0001 * max(0, at - OBSERVED + 1),
                "mixStays": 0.61 if ahead else None, "ratesStay": 0.59 if ahead else None,
                "decisions": number, "positive": positive, "negative": positive and number - positive,
                "positiveLower75": positive and 0.9 * positive, "positiveUpper75": positive and 1.1 * positive,
            }
        )  # fmt: skip
    said = "The decisions are synthetic: made for demonstration, they describe nothing that happened."
    remarks = [{"code": "synthetic_decisions", "detail": said, "parameters": {}}]
    return {
        "rates": rows, "total": total, "lags": [], "scenarios": [], "whatIfs": [], "source": "synthetic",
        "warnings": [said], "remarks": remarks, "diagnostics": {},
    }  # fmt: skip


def add_acceptance(app: FastAPI) -> None:
    """The addresses the acceptance page asks."""
    tried: list[dict[str, Any]] = []

    @app.get("/v1/forecasts/{identifier}/acceptance-rates")
    def read(identifier: str, request: Request) -> dict[str, Any]:
        asked = request.query_params
        shift = tried[int(asked["whatIf"]) - 1]["shift"] if "whatIf" in asked else 0.0
        shift -= 0.5 if "breaks" in asked else 0.0
        return rates(int(asked["decisions"]) if "decisions" in asked else None, shift)

    @app.post("/v1/forecasts/{identifier}/acceptance-what-ifs")
    async def make(identifier: str, request: Request) -> JSONResponse:
        tried.append(await request.json())
        effect = dict.fromkeys(QUARTERS[OBSERVED:], 0.1 * tried[-1]["shift"])
        kept = {"actor": "tester", "at": "2026-01-01T00:00:00Z", "effect": effect}
        return JSONResponse({"id": len(tried), **tried[-1], **kept}, 201)

    _add_breaks(app)


def _add_breaks(app: FastAPI) -> None:
    declared: list[dict[str, Any]] = []
    looks: dict[int, int] = {}

    @app.get("/v1/forecasts/{identifier}/acceptance-breaks")
    def read_breaks(identifier: str) -> dict[str, Any]:
        for item in declared:
            looks[item["id"]] += 1
            if looks[item["id"]] > 1 and item["citizen"] != "TR":
                found = {"mean": -1.25, "lower75": -1.6, "upper75": -0.9}
                item.update(status="succeeded", effect=found)
            elif looks[item["id"]] > 1:
                item.update(status="failed")
        return {"items": declared}

    @app.post("/v1/forecasts/{identifier}/acceptance-breaks")
    async def declare(identifier: str, request: Request) -> JSONResponse:
        number = len(declared) + 1
        kept = {
            "status": "queued",
            "actor": "tester",
            "at": "2026-01-01T00:00:00Z",
            "effect": None,
            "also": [],
        }
        declared.append({"id": number, **await request.json(), **kept})
        looks[number] = 0
        return JSONResponse(declared[-1], 202)
