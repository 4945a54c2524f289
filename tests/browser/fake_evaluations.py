"""What the stand-in answers about evaluations: an archive, and one evaluation with invented figures."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse, StreamingResponse

if TYPE_CHECKING:
    from tests.browser.fake_service import FakeService

CONTENTS = [
    {"series": "first_applications", "geo": "NL", "citizen": "TOTAL", "issuer": issuer, "stage": stage,
     "firstYear": 2015, "lastYear": 2024, "forecasts": 20, "editions": 10}
    for issuer, stage in (("MPP", "adopted"), ("MPP", "experts"), ("Elsewhere", "adopted"))
]  # fmt: skip
_GROUP = {
    "lower95": -0.12,
    "upper95": 0.16,
    "probabilityPositive": 0.7,
    "n": 10,
    "verdict": "not_demonstrated",
}
FOUND: dict[str, Any] = {
    "nForecasts": 20,
    "nTargetYears": 10,
    "leftOut": [
        {"reason": "no_realisation", "count": 2, "editions": ["2024"], "targetYears": [2024], "detail": "why"}
    ],
    "summary": {
        "nl": ["20 prognoses zijn vergeleken.", "Het oordeel.", "De grens.", "De dekking.", "De stap."],
        "en": ["20 forecasts were compared.", "The verdict.", "The limit.", "Coverage.", "The step."],
    },
    "notesInWords": {"nl": ["Weggelaten: 2 over 2024."], "en": ["Left out: 2 about 2024."]},
    "scores": {"mape": 0.17, "skill": {"lastYear": 0.2}},
    "coverage": {"intervalProbability": 0.75, "inside": 14, "n": 20, "lower95": 0.46, "upper95": 0.88},
    "bias": {
        "mean": 0.03, "lower95": -0.1, "upper95": 0.15, "probabilityInRope": 0.4, "rope": 0.05,
        "minimumDetectable": 0.21, "bayesFactor": 0.4, "verdict": "not_demonstrated",
        "enteredAt": "combined -> adopted",
        "byStage": [{"group": "experts", "mean": -0.01, **_GROUP}, {"group": "adopted", "mean": 0.05, **_GROUP}],
        "byHorizon": [{"group": "0", "mean": 0.02, **_GROUP}],
    },
    "sequential": {"eValue": 1.4},
    "errors": [
        {"edition": "<b>2015</b>", "targetYear": 2015, "stage": "adopted", "issuer": "MPP", "expert": None,
         "median": 20_000.0, "realised": 43_000.0, "logError": -0.765}
    ],
}  # fmt: skip


REFUSED = JSONResponse(
    {
        "type": "about:blank",
        "title": "Invalid input",
        "status": 400,
        "detail": "/realisations/source: no realisations from nobody",
        "errors": [{"field": "/realisations/source", "detail": "no realisations from nobody"}],
    },
    400,
    media_type="application/problem+json",
)


def evaluation(identifier: str, **changes: Any) -> dict[str, Any]:
    """An evaluation as GET /v1/evaluations/{id} gives it."""
    state = {"id": identifier, "status": "succeeded", "progress": 1.0, "stage": "done", "error": None}
    request = {"filter": {"issuer": "MPP", "stage": None, "targetYears": None}}
    return {**state, "createdAt": "2025-04-02T09:00:00Z", "request": request, **FOUND, **changes}


def add_evaluations(app: FastAPI, fake: FakeService) -> None:
    @app.get("/v1/archive-contents")
    def contents() -> dict[str, Any]:
        return {"items": CONTENTS, "page": 1, "pageSize": 1000, "total": len(CONTENTS)}

    @app.get("/v1/evaluations")
    def evaluations() -> dict[str, Any]:
        return {"items": fake.evaluations, "page": 1, "pageSize": 1000, "total": len(fake.evaluations)}

    @app.post("/v1/evaluations", status_code=202)
    async def order(request: Request) -> Any:
        body = await request.json()
        fake.ordered.append(body)
        if body["realisations"].get("source") == "nobody":
            return REFUSED
        fake.evaluations.insert(0, evaluation("ev-2", status="running", progress=0.4, stage="bias"))
        return fake.evaluations[0]

    _add_one(app, fake)


def _add_one(app: FastAPI, fake: FakeService) -> None:
    def found(identifier: str) -> dict[str, Any]:
        for one in fake.evaluations:
            if one["id"] == identifier:
                return one
        raise HTTPException(404, "There is no such evaluation.")

    @app.get("/v1/evaluations/{identifier}")
    def one(identifier: str) -> dict[str, Any]:
        return found(identifier)

    @app.delete("/v1/evaluations/{identifier}")
    def cancel(identifier: str) -> dict[str, Any]:
        found(identifier)["status"] = "cancelled"
        return found(identifier)

    @app.get("/v1/evaluations/{identifier}/events")
    def events(identifier: str) -> StreamingResponse:
        state = {key: found(identifier)[key] for key in ("id", "status", "progress", "stage", "error")}
        told = f"event: progress\ndata: {json.dumps(state)}\n\n"
        return StreamingResponse(iter([told]), media_type="text/event-stream")
