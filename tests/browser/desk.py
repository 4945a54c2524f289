"""The expert's desk for browser tests: the real application on a database of its own, with forecasts of a stand-in.

Scenario sets, versions, previews, drafts, files and the ledger are real; forecasts, which take a sampler, are not:
their what-ifs give what the scenarios themselves say, by the project's own densities.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI, Request
from sqlalchemy.orm import Session, sessionmaker

from priors.leave_one_out import leave_one_out
from priors.mixture import expert_density
from priors.scenario import InvalidScenarioSet, parse_scenario_set
from priors.summary import year_summary
from service.app import create_app
from service.problems import Problem, invalid_input
from service.settings import Settings
from tests.browser.fake_service import FakeService, forecast, make_app
from tests.browser.serving import serving

STAND_IN = ("/v1/forecasts", "/v1/realisations")
STATED: dict[str, Any] = {
    "name": "Eerste asielinstroom 2024-2",
    "edition": "2024-2",
    "cutoff": "2024-06-30",
    "target": {"series": "first_applications", "geo": "NL", "citizen": "TOTAL"},
    "scenarios": [
        {
            "key": "continuation",
            "label": "Voortzetting",
            "probability": 0.6,
            "narrative": "De instroom blijft op het huidige peil.",
            "sources": ["EUAA"],
            "years": {
                "2024": {"expected": 34_000, "spread": 5_000},
                "2025": {"expected": 35_000, "spread": 8_000},
            },
        },
        {
            "key": "new_war",
            "label": "Nieuwe oorlog",
            "probability": 0.4,
            "years": {
                "2024": {"expected": 45_000, "spread": 9_000},
                "2025": {"expected": 52_000, "spread": 14_000},
            },
        },
    ],
    "reason": "eerste versie",
}


AFTER_COUNTS = 0.5  # of what a part does to the set itself, in the made-up forecast


@dataclass
class Desk:
    """Where it listens, one stored set, and what a second expert needs to save beside the page."""

    address: str
    set_id: str
    fake: FakeService
    sessions: sessionmaker[Session]

    def read(self, path: str, **query: Any) -> Any:
        answer = httpx.get(f"{self.address}/v1{path}", params=query, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def stored(self) -> dict[str, Any]:
        return dict(self.read(f"/scenario-sets/{self.set_id}"))

    def preview(self, body: dict[str, Any]) -> Any:
        return self.send("/scenario-set-previews", body, status=200)

    def read_as(self, who: str, path: str) -> Any:
        headers = {"Authorization": f"Bearer {who}"}
        return httpx.get(f"{self.address}/v1{path}", headers=headers, timeout=30).raise_for_status().json()

    def send(self, path: str, body: Any, status: int = 201, who: str = "") -> Any:
        """What the service answers to a body, sent by the caller of that token."""
        headers = {"Authorization": f"Bearer {who}"} if who else {}
        answer = httpx.post(f"{self.address}/v1{path}", json=body, headers=headers, timeout=30)
        assert answer.status_code == status, answer.text
        return answer.json()

    def draft(self) -> httpx.Response:
        """What the service answers when asked for the draft of the stored set."""
        return httpx.get(f"{self.address}/v1/scenario-set-drafts/{self.set_id}", timeout=30)

    def throw_draft_away(self) -> None:
        """As another window of the same expert does."""
        found = self.draft()
        headers = {"If-Match": found.headers["etag"]}
        httpx.delete(str(found.request.url), headers=headers, timeout=30).raise_for_status()

    def save_beside(self, reason: str, **first_scenario: Any) -> None:
        """Another expert changes the first scenario and saves."""
        found = httpx.get(f"{self.address}/v1/scenario-sets/{self.set_id}")
        body = {**found.json(), "reason": reason}
        body["scenarios"][0] |= first_scenario
        saved = httpx.put(
            f"{self.address}/v1/scenario-sets/{self.set_id}",
            json=body,
            headers={"If-Match": found.headers["etag"]},
        )
        assert saved.status_code == 200, saved.text


@contextmanager
def desk(folder: Path, tokens: dict[str, str] | None = None) -> Iterator[Desk]:
    """The desk on a free port; tokens: secret to role, each the caller's own name too."""
    callers = _tokens_file(folder, tokens) if tokens else None
    settings = Settings(folder, f"sqlite:///{folder / 'desk.sqlite'}", tokens_file=callers)
    fake = FakeService()
    real, canned = create_app(settings), make_app(fake)
    _add_what_ifs(canned)

    async def both(scope: Any, receive: Any, send: Any) -> None:
        chosen = canned if scope["type"] == "http" and scope["path"].startswith(STAND_IN) else real
        await chosen(scope, receive, send)

    with serving(both) as address:
        headers = {"Authorization": f"Bearer {next(iter(tokens))}"} if tokens else {}
        # The first request brings the densities in, which takes seconds on a busy machine.
        made = httpx.post(f"{address}/v1/scenario-sets", json=STATED, headers=headers, timeout=60)
        assert made.status_code == 201, made.text
        set_id = made.json()["id"]
        asked = {**forecast("fc-1")["request"], "scenarioSet": set_id, "scenarioSetVersion": 1}
        fake.forecasts[:] = [forecast("fc-1", request=asked)]
        yield Desk(address, set_id, fake, real.state.sessions)
    real.state.sessions.kw["bind"].dispose()


def _tokens_file(folder: Path, tokens: dict[str, str]) -> Path:
    entries = [
        {"name": secret, "role": role, "sha256": hashlib.sha256(secret.encode()).hexdigest()}
        for secret, role in tokens.items()
    ]
    path = folder / "callers.json"
    path.write_text(json.dumps(entries), encoding="utf-8")
    return path


def _add_what_ifs(app: FastAPI) -> None:
    app.add_exception_handler(Problem, lambda _, problem: problem.response())  # type: ignore[attr-defined]

    @app.post("/v1/forecasts/{identifier}/what-ifs")
    async def what_if(identifier: str, request: Request) -> dict[str, Any]:
        patch = await request.json()
        weight = patch.pop("expertWeight", 1.0)
        try:
            record = parse_scenario_set({**copy.deepcopy(STATED), **patch})
        except InvalidScenarioSet as invalid:
            raise invalid_input(invalid.faults) from None
        return _said(record, weight)


def _said(record: Any, weight: float) -> dict[str, Any]:
    density = expert_density(record)
    summaries = [year_summary(density, year) for year in density.stated_years]
    rows = [
        {
            "year": s.year,
            "mean": s.mean,
            "sd": s.sd,
            "observedToDate": 0,
            "monthsObserved": 0,
            **s.interval_scenarios,
        }
        for s in summaries
    ]
    left_out = [
        {
            "kind": one.kind,
            "key": one.key,
            "year": year,
            **{name: v * AFTER_COUNTS for name, v in by_name.items()},
        }
        for one in leave_one_out(density)
        for year, by_name in one.effect.items()
    ]
    effects = [{"change": "expertWeight", **dict.fromkeys(("minimum", "median", "medio", "maximum"), 10.0)}]
    return {
        "intervalScenarios": rows,
        "density": [
            {"year": s.year, "x": s.x.tolist(), "pdf": s.pdf.tolist(), "cdf": s.cdf.tolist()}
            for s in summaries
        ],
        "scenarioProbabilities": [
            {"key": s.key, "prior": s.probability, "posterior": s.probability} for s in record.scenarios
        ],
        "attribution": [{**row, "year": s.year} for row in effects for s in summaries] if weight < 1 else [],
        "leaveOneOut": left_out,
        "diagnostics": {"paretoK": 0.1, "essWeighted": 9_000.0, "methodUsed": "weighted", "seconds": 0.02},
    }
