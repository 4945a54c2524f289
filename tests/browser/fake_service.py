"""A small stand-in for the HTTP interface, for browser tests: canned figures in the interface's own shapes.

The figures are made here from lognormal mixtures with a fixed seed, so that they look like a forecast;
nothing of the real computation is used. A test may change `FakeService.forecasts`: that is what is served.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from scipy import stats

from service.web.pages import page_routes
from tests.browser.fake_acceptance import add_acceptance
from tests.browser.fake_evaluations import add_evaluations

LEVELS = (0.025, 0.125, 0.25, 0.5, 0.75, 0.875, 0.975)
SCENARIO_LEVELS = {"minimum": 0.125, "median": 0.5, "medio": 2 / 3, "maximum": 0.875}
YEARS = (2024, 2025, 2026, 2027, 2028)
LAST_COUNTED = "2025-03"
CENTRES = {
    "posterior": {2025: 38_200, 2026: 40_400, 2027: 41_700, 2028: 42_300},
    "experts": {2024: 35_000, 2025: 41_000, 2026: 42_000, 2027: 43_000, 2028: 43_500},
    "model": {2025: 36_200, 2026: 36_800, 2027: 37_000, 2028: 37_200},
}
SPREADS = {"posterior": (0.09, 0.11), "experts": (0.16, 0.12), "model": (0.17, 0.14)}
SET: dict[str, Any] = {
    "id": "set-1",
    "version": 2,
    "status": "concept",
    "name": "Eerste asielinstroom 2024-2",
    "edition": "2024-2",
    "cutoff": "2024-06-30",
    "target": {"series": "first_applications", "geo": "NL", "citizen": "TOTAL"},
    "contentHash": "9f2c" * 16,
    "scenarios": [
        {"key": "continuation", "label": "Voortzetting van de huidige instroom", "probability": 0.6},
        {"key": "new_war", "label": "Nieuwe oorlog aan de rand van Europa", "probability": 0.25},
        {"key": "closing", "label": "Strengere grenzen", "probability": 0.15},
    ],
}


def counted() -> dict[str, int]:
    """Invented monthly counts from 2019 up to the last counted month."""
    generator = np.random.default_rng(11)
    months = np.arange("2019-01", "2025-04", dtype="datetime64[M]")
    level = 2_400 + np.cumsum(generator.normal(8, 70, months.size))
    season = 1 + 0.18 * np.sin(2 * np.pi * (months.astype(int) % 12 - 5) / 12)
    values = np.maximum(400, level * season + generator.normal(0, 90, months.size))
    return {str(month): int(value) for month, value in zip(months, values, strict=True)}


COUNTED = counted()


def year_mixture(layer: str, year: int) -> list[tuple[float, Any]]:
    base, growth = SPREADS[layer]
    spread = base + growth * (year - YEARS[0]) / 4
    centre = CENTRES[layer][year]
    return [
        (0.7, stats.lognorm(spread, scale=0.94 * centre)),
        (0.3, stats.lognorm(spread, scale=1.22 * centre)),
    ]


def density(layer: str, year: int) -> dict[str, Any]:
    mixture = year_mixture(layer, year)
    x = np.linspace(0.3 * CENTRES[layer][year], 2.6 * CENTRES[layer][year], 201)
    pdf = sum(weight * part.pdf(x) for weight, part in mixture)
    cdf = sum(weight * part.cdf(x) for weight, part in mixture)
    return {"year": year, "layer": layer, "x": x.tolist(), "pdf": pdf.tolist(), "cdf": cdf.tolist()}


def year_row(year: int, rounding: int, layer: str = "posterior") -> dict[str, Any]:
    months = [value for month, value in COUNTED.items() if month.startswith(str(year))]
    row: dict[str, Any] = {"year": year, "observedToDate": sum(months), "monthsObserved": len(months)}
    if len(months) == 12:
        return {**row, "mean": sum(months), "sd": 0.0, **dict.fromkeys(SCENARIO_LEVELS, sum(months))}
    curve = density(layer, year)
    values = {name: np.interp(level, curve["cdf"], curve["x"]) for name, level in SCENARIO_LEVELS.items()}
    rounded = {name: round(value / rounding) * rounding for name, value in values.items()}
    return {**row, "mean": 1.02 * values["median"], "sd": 0.3 * values["median"], **rounded}


def month_rows() -> list[dict[str, Any]]:
    months = [str(month) for month in np.arange("2024-01", "2029-01", dtype="datetime64[M]")]
    ahead = months.index(LAST_COUNTED)
    rows = []
    for index, month in enumerate(months):
        seen = COUNTED.get(month)
        centre = 3_300 * (1 + 0.14 * np.sin(2 * np.pi * (index % 12 - 5) / 12))
        spread = 0.1 + 0.045 * np.sqrt(max(0, index - ahead))
        quantiles = {
            str(level): float(seen or centre * np.exp(spread * stats.norm.ppf(level))) for level in LEVELS
        }
        rows.append(
            {"month": month, "observed": seen, "mean": float(seen or 1.03 * centre), "quantiles": quantiles}
        )
    return rows


BETWEEN = {"reference": "eurostat", "other": "kmi", "months": 6, "first": "2024-07", "last": "2024-12"}


def finding(code: str, severity: str, **parameters: Any) -> dict[str, Any]:
    """A finding about the figures as the service words it."""
    return {"code": code, "severity": severity, "detail": f"A sentence on {code}.", "parameters": parameters}


FINDINGS = [
    finding("sources_contradict", "serious", part=-0.5, largest=-0.52, **BETWEEN),
    finding(
        "months_provisional",
        "info",
        source="kmi",
        months=2,
        learned=True,
        revised=31,
        correction=0.021,
        noise=0.034,
    ),
    finding("months_provisional", "info", source="eurostat", months=1, learned=False),
    finding("not_yet_translated", "warning"),
]


def forecast(identifier: str, **changes: Any) -> dict[str, Any]:
    """A forecast resource as GET /v1/forecasts/{id} gives it."""
    made = {
        "id": identifier,
        "status": "succeeded",
        "progress": 1.0,
        "stage": "done",
        "error": None,
        "createdAt": "2025-04-02T09:00:00Z",
        "request": {
            "scenarioSet": "set-1",
            "scenarioSetVersion": 2,
            "target": SET["target"],
            "cutoff": "2024-06-30",
            "asOf": "2025-04-01",
            "expertWeight": 1.0,
            "horizonYears": 5,
            "method": "weighted",
            "seed": 20240630,
        },
        "editionStatus": "concept",
        "warnings": ["The cutoff lies 9 months before the last realisation."],
        "dataQuality": FINDINGS,
        "provenance": {
            "scenarioSetHash": "9f2c" * 16,
            "dataVintage": "b17e" * 16,
            "modelVersion": "inflow-1",
            "gitRevision": "3edb946",
            "packages": {"pymc": "5.28.0", "numpy": "2.4.0"},
            "seed": 20240630,
            "source": "synthetic",
            "sources": {"eurostat": 0.58, "kmi": 0.42},
        },
        "diagnostics": {
            "rhatMax": 1.004,
            "essMin": 1820.0,
            "divergences": 0,
            "paretoK": 0.21,
            "essWeighted": 48211.0,
            "methodUsed": "weighted",
            "passed": True,
        },
        "timings": {"sampling": 31.2, "evidence": 6.0, "paths": 4.0, "total": 41.2},
    }
    return {**made, **changes}


@dataclass
class FakeService:
    """What the stand-in holds, for tests to change; `asked` lists the addresses that were used."""

    forecasts: list[dict[str, Any]] = field(default_factory=lambda: [forecast("fc-1")])
    development: bool = True
    paths: bool = True
    contact: str = "instroom@example.org"
    asked: list[str] = field(default_factory=list)
    evaluations: list[dict[str, Any]] = field(default_factory=list)
    ordered: list[dict[str, Any]] = field(default_factory=list)

    def find(self, identifier: str) -> dict[str, Any]:
        for one in self.forecasts:
            if one["id"] == identifier:
                return one
        raise HTTPException(404, "There is no such forecast.")

    def ready(self, identifier: str) -> dict[str, Any]:
        one = self.find(identifier)
        if one["status"] != "succeeded":
            raise HTTPException(409, "The forecast is not ready.")
        return one


def items(rows: list[Any]) -> dict[str, Any]:
    return {"items": rows, "page": 1, "pageSize": 1000, "total": len(rows)}


async def problem(_: Request, refused: HTTPException) -> JSONResponse:
    body = {
        "type": "about:blank",
        "title": "Refused",
        "status": refused.status_code,
        "detail": refused.detail,
    }
    return JSONResponse(body, refused.status_code, media_type="application/problem+json")


def make_app(fake: FakeService) -> FastAPI:
    """The page on top of the stand-in."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.include_router(page_routes())
    app.add_exception_handler(HTTPException, problem)  # type: ignore[arg-type]

    @app.middleware("http")
    async def mark(request: Request, follow: Any) -> Any:
        fake.asked.append(request.url.path)
        response = await follow(request)
        if fake.development:
            response.headers["X-Instroom-Mode"] = "development"
        return response

    for add in (add_evaluations, add_lists, add_state, add_curves, add_files, add_chances):
        add(app, fake)
    add_acceptance(app)
    return app


def add_lists(app: FastAPI, fake: FakeService) -> None:
    @app.get("/v1/openapi.json")
    def described() -> dict[str, Any]:
        return {"info": {"contact": {"email": fake.contact}}}

    @app.get("/v1/forecasts")
    def forecasts() -> dict[str, Any]:
        return items(fake.forecasts)

    @app.get("/v1/scenario-sets")
    def sets() -> dict[str, Any]:
        return items([SET])

    @app.get("/v1/scenario-sets/{identifier}")
    def one_set(identifier: str) -> dict[str, Any]:
        return SET

    @app.get("/v1/realisations")
    def realisations(request: Request) -> dict[str, Any]:
        since = request.query_params.get("from", "")
        base = {**SET["target"], "source": "synthetic", "track": None, "flag": None}
        return items([{**base, "period": m, "value": v} for m, v in COUNTED.items() if m >= since])


def add_state(app: FastAPI, fake: FakeService) -> None:
    @app.get("/v1/forecasts/{identifier}")
    def one(identifier: str) -> dict[str, Any]:
        return fake.find(identifier)

    @app.get("/v1/forecasts/{identifier}/events")
    def events(identifier: str) -> StreamingResponse:
        fake.find(identifier)

        async def stream() -> AsyncIterator[str]:
            said = ""
            while True:
                state = fake.find(identifier)
                news = json.dumps({key: state[key] for key in ("id", "status", "progress", "stage", "error")})
                if news != said:
                    yield f"event: progress\ndata: {news}\n\n"
                said = news
                if state["status"] not in ("queued", "running"):
                    return
                await asyncio.sleep(0.05)

        return StreamingResponse(stream(), media_type="text/event-stream")


def add_curves(app: FastAPI, fake: FakeService) -> None:
    @app.get("/v1/forecasts/{identifier}/interval-scenarios")
    def intervals(identifier: str, rounding: int | None = None, layer: str = "posterior") -> dict[str, Any]:
        fake.ready(identifier)
        rows = [year_row(year, rounding or 1, layer) for year in YEARS]
        return {"years": rows, "intervalProbability": 0.75, "rounding": rounding}

    @app.get("/v1/forecasts/{identifier}/monthly")
    def monthly(identifier: str) -> dict[str, Any]:
        fake.ready(identifier)
        return {"levels": LEVELS, "rows": month_rows()}

    @app.get("/v1/forecasts/{identifier}/density")
    def one_density(identifier: str, year: int, layer: str = "posterior") -> dict[str, Any]:
        fake.ready(identifier)
        if year not in CENTRES[layer]:
            raise HTTPException(404, "This layer does not cover that year.")
        return density(layer, year)


def path_rows() -> list[dict[str, Any]]:
    """Scenarios by month and nationality in persons: each month a twelfth of the year, a third Syrian."""
    rows = []
    for year in YEARS:
        figures = year_row(year, 12)
        for scenario in SCENARIO_LEVELS:
            month = int(figures[scenario]) // 12
            for number in range(1, 13):
                base = {"scenario": scenario, "month": f"{year}-{number:02}"}
                rows.append({**base, "citizen": "OTHER", "value": month - month // 3 - month // 5})
                rows.append({**base, "citizen": "TR", "value": month // 5})
                rows.append({**base, "citizen": "SY", "value": month // 3})
    return rows


def add_files(app: FastAPI, fake: FakeService) -> None:
    @app.get("/v1/forecasts/{identifier}/scenario-paths")
    def paths(identifier: str) -> dict[str, Any]:
        fake.ready(identifier)
        if not fake.paths:
            raise HTTPException(409, "Draws of this forecast were removed.")
        return {"rows": path_rows()}

    @app.get("/v1/forecasts/{identifier}/export")
    def export(identifier: str, format: str) -> Response:
        fake.ready(identifier)
        return Response(f"made up, as {format}", media_type="application/octet-stream")


def month_steps(after: dict[str, float]) -> list[dict[str, Any]]:
    """From prior to posterior in two months, the first of which moves nearly everything."""
    before = {s["key"]: s["probability"] for s in SET["scenarios"]}
    steps = [(None, 0.0), ("2024-07", 0.9), ("2024-08", 1.0)]
    return [
        {
            "month": month,
            "scenarios": [
                {"key": key, "probability": (1 - share) * before[key] + share * after[key]} for key in before
            ],
        }
        for month, share in steps
    ]


def left_out() -> list[dict[str, Any]]:
    moved = {"continuation": -1_200.0, "new_war": 2_345.0, "closing": -640.0}
    return [
        {"kind": "scenario", "key": key, "year": year, **dict.fromkeys(SCENARIO_LEVELS, change)}
        for key, change in moved.items()
        for year in YEARS
    ]


def add_chances(app: FastAPI, fake: FakeService) -> None:
    @app.get("/v1/forecasts/{identifier}/exceedance")
    def exceedance(identifier: str, year: int, above: float) -> dict[str, Any]:
        fake.ready(identifier)
        if year not in CENTRES["posterior"]:
            probability = float(year_row(year, 1)["observedToDate"] > above)
            return {"year": year, "above": above, "probability": probability, "monteCarloError": 0.0}
        probability = float(sum(weight * part.sf(above) for weight, part in year_mixture("posterior", year)))
        error = float(np.sqrt(probability * (1 - probability) / 48_211))
        return {"year": year, "above": above, "probability": probability, "monteCarloError": error}

    @app.get("/v1/forecasts/{identifier}/scenario-probabilities")
    def probabilities(identifier: str) -> dict[str, Any]:
        fake.ready(identifier)
        after = {"continuation": 0.712, "new_war": 0.1062, "closing": 0.1818}
        rows = [
            {"key": s["key"], "prior": s["probability"], "posterior": after[s["key"]]}
            for s in SET["scenarios"]
        ]
        return {
            "scenarios": rows,
            "conflict": {
                "flag": False,
                "surprise": 0.31,
                "detail": "As expected.",
                "detailNl": "Zoals verwacht.",
            },
            "byMonth": month_steps(after),
            "leaveOneOut": left_out(),
        }
