"""How fast a what-if answers: 100,000 draws x 5 years, a real server process, HTTP on loopback.

    python -m benchmarks.what_if [folder of a running or earlier service]

For every kind of edit 200 requests, each with numbers never asked before, so that nothing is answered from memory.
Measured in the server (`diagnostics.seconds`) and at the client. Beside it the plain formulation, in this process:
draw the totals of every component by SciPy's quantile functions, weigh all of them, sort; before and after the
edit, as the attribution of the change needs both. Its quantiles must agree with the server's.
"""

from __future__ import annotations

import copy
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from scipy import stats

from benchmarks.running_service import finished, first_forecast, running_service
from models.stored import StoredForecast, open_forecast
from priors.scenario import ScenarioSet, parse_scenario_set

REQUESTS, PLAIN_RUNS, DRAWS = 200, 5, 100_000
LIMIT_MS = 50.0
LEVELS = (0.125, 0.5, 2 / 3, 0.875)
NAMES = ("minimum", "median", "medio", "maximum")
AGREEMENT = 0.03
FAMILIES = ("lognormal", "normal", "gamma", "student_t", "triangular", "pert")

Edit = Callable[[list[dict[str, Any]], np.random.Generator], dict[str, Any]]


def one_scenario(scenarios: list[dict[str, Any]], rng: np.random.Generator) -> dict[str, Any]:
    """Another expected inflow and spread for the first scenario, every year."""
    _nudge(scenarios[0], rng)
    return {"scenarios": scenarios}


def one_family(family: str) -> Edit:
    """The same with another family."""

    def edit(scenarios: list[dict[str, Any]], rng: np.random.Generator) -> dict[str, Any]:
        scenarios[0]["family"] = family
        return one_scenario(scenarios, rng)

    return edit


def probabilities(scenarios: list[dict[str, Any]], rng: np.random.Generator) -> dict[str, Any]:
    """Other probabilities, the same beliefs."""
    for scenario, share in zip(scenarios, rng.dirichlet(np.full(len(scenarios), 5.0)), strict=True):
        scenario["probability"] = float(share)
    return {"scenarios": scenarios}


def everything(scenarios: list[dict[str, Any]], rng: np.random.Generator) -> dict[str, Any]:
    """Every scenario and every probability at once."""
    for scenario in scenarios:
        _nudge(scenario, rng)
    return probabilities(scenarios, rng)


def _nudge(scenario: dict[str, Any], rng: np.random.Generator) -> None:
    for belief in scenario["years"].values():
        belief["expected"] *= float(rng.uniform(0.9, 1.1))
        belief["spread"] *= float(rng.uniform(0.9, 1.1))


KINDS: dict[str, Edit] = {
    "one scenario's belief": one_scenario,
    "the probabilities": probabilities,
    "every scenario and all probabilities": everything,
    **{f"one scenario, {family}": one_family(family) for family in FAMILIES},
}


def asked(
    client: httpx.Client, forecast: str, stated: list[dict[str, Any]], edit: Edit, seed: int
) -> np.ndarray:
    """Milliseconds (request, [server, client]) of one kind of edit."""
    rng, taken = np.random.default_rng(seed), []
    for _ in range(REQUESTS):
        body = edit(copy.deepcopy(stated), rng)
        begun = time.perf_counter()
        answer = client.post(f"/v1/forecasts/{forecast}/what-ifs", json=body)
        client_seconds = time.perf_counter() - begun
        server_seconds = answer.raise_for_status().json()["diagnostics"]["seconds"]
        taken.append((1e3 * server_seconds, 1e3 * client_seconds))
    return np.array(taken)


def plain(stored: StoredForecast, scenario_set: ScenarioSet, seed: int) -> np.ndarray:
    """Quantiles (level, year) by drawing and weighing everything anew, with nothing tabulated or kept."""
    density, evidence = stored.density(scenario_set), stored._evidence
    rng, totals, weights = np.random.default_rng(seed), [], []
    rows = DRAWS // len(density.components)
    for component in density.components:
        gaps = np.abs(np.subtract.outer(component.years, component.years))
        z = rng.multivariate_normal(np.zeros(len(gaps)), density.year_correlation**gaps, rows)
        levels = stats.norm.cdf(z)
        drawn = np.stack([m.ppf(u) for m, u in zip(component.marginals, levels.T, strict=True)], axis=1)
        totals.append(drawn)
        weights.append(component.probability * np.exp(evidence.log_evidence(drawn)))
    return _weighted_quantiles(np.concatenate(totals), np.concatenate(weights))


def _weighted_quantiles(totals: np.ndarray, weights: np.ndarray) -> np.ndarray:
    out = []
    for year in totals.T:
        order = np.argsort(year)
        cumulated = np.cumsum(weights[order])
        out.append(np.interp(np.array(LEVELS) * cumulated[-1], cumulated, year[order]))
    return np.array(out).T


def plain_milliseconds(
    client: httpx.Client, forecast: str, folder: Path, stated: dict[str, Any], edit: Edit
) -> float:
    """Median time of the plain formulation for a kind of edit; raises when the server answers otherwise."""
    stored = _opened(client, forecast, folder)
    rng, taken = np.random.default_rng(1), []
    for run in range(PLAIN_RUNS):
        body = edit(copy.deepcopy(stated["scenarios"]), rng)
        before, after = parse_scenario_set(stated), parse_scenario_set({**stated, **body})
        begun = time.perf_counter()
        plain(stored, before, run)
        ours = plain(stored, after, run)
        taken.append(1e3 * (time.perf_counter() - begun))
        answer = client.post(f"/v1/forecasts/{forecast}/what-ifs", json=body).raise_for_status().json()
        theirs = [[year[name] for year in answer["intervalScenarios"]] for name in NAMES]
        worst = float(np.max(np.abs(ours / np.array(theirs) - 1)))
        if worst > AGREEMENT:
            raise RuntimeError(f"the plain formulation differs from the server by {worst:.1%}")
    return float(np.median(taken))


def _opened(client: httpx.Client, forecast: str, folder: Path) -> StoredForecast:
    """The draws of a forecast; the only other one on disk has another seed."""
    seed = client.get(f"/v1/forecasts/{forecast}").raise_for_status().json()["request"]["seed"]
    opened = map(open_forecast, (folder / "data" / "draws").glob("[0-9a-f]*"))
    return next(stored for stored in opened if stored.document["seed"] == seed)


def five_year_forecast(client: httpx.Client) -> tuple[str, dict[str, Any]]:
    """A forecast of the bundled example with every year stated, and its scenario set."""
    example = client.get("/v1/scenario-sets").raise_for_status().json()["items"][0]
    names = ScenarioSet.model_json_schema()["properties"]
    stated = {name: example[name] for name in example if name in names and example[name] is not None}
    stated |= {"name": "benchmark", "reason": "benchmark"}
    for scenario in stated["scenarios"]:
        last = scenario["years"]["2025"]
        for ahead, year in enumerate(("2026", "2027", "2028"), start=1):
            wider = last["spread"] * (1 + 0.2 * ahead)
            scenario["years"][year] = {"expected": last["expected"], "spread": wider}
    created = client.post("/v1/scenario-sets", json=stated).raise_for_status().json()
    order = {"scenarioSet": created["id"], "asOf": "2024-10-31"}
    made = client.post("/v1/forecasts", json=order).raise_for_status().json()
    finished(client, made["id"])
    return made["id"], stated


def run(folder: Path) -> None:
    with running_service(folder) as (_, client):
        first_forecast(client)
        forecast, stated = five_year_forecast(client)
        print(f"{REQUESTS} requests a row, {DRAWS:,} draws x 5 years; milliseconds\n")
        print("| edit | server p50 | server p95 | client p50 | client p95 | plain p50 | ratio |")
        print("|---|---|---|---|---|---|---|")
        for seed, (kind, edit) in enumerate(KINDS.items()):
            taken = asked(client, forecast, stated["scenarios"], edit, seed)
            (s50, c50), (s95, c95) = np.percentile(taken, [50, 95], axis=0)
            whole = plain_milliseconds(client, forecast, folder, stated, edit)
            over = " EXCEEDED" if s95 > LIMIT_MS else ""
            numbers = f"{s50:.1f} | {s95:.1f}{over} | {c50:.1f} | {c95:.1f} | {whole:.0f} | {whole / s50:.0f}"
            print(f"| {kind} | {numbers} |", flush=True)


def main() -> None:
    if len(sys.argv) > 1:
        run(Path(sys.argv[1]))
        return
    with tempfile.TemporaryDirectory() as folder:
        run(Path(folder))


if __name__ == "__main__":
    main()
