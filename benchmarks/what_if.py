"""How fast a what-if answers: 100,000 draws x 5 years, a real server process, HTTP on loopback.

    python -m benchmarks.what_if [folder of a running or earlier service]

For every kind of edit 200 requests, each with numbers never asked before, so that nothing is answered from memory.
Measured in the server (`diagnostics.seconds`) and at the client. Beside it the plain formulation, in this process:
draw 100,000 totals of every component by SciPy's quantile functions and weigh all of them, at each edit.
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

from benchmarks.running_service import first_forecast, running_service
from models.stored import StoredForecast, open_forecast
from priors.scenario import ScenarioSet, parse_scenario_set

REQUESTS, PLAIN_RUNS, DRAWS = 200, 5, 100_000
LIMIT_MS = 50.0
LEVELS = (0.125, 0.5, 2 / 3, 0.875)
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
    """Every scenario, every probability and the experts' weight at once."""
    for scenario in scenarios:
        _nudge(scenario, rng)
    return {**probabilities(scenarios, rng), "expertWeight": float(rng.uniform(0.5, 1.0))}


def _nudge(scenario: dict[str, Any], rng: np.random.Generator) -> None:
    for belief in scenario["years"].values():
        belief["expected"] *= float(rng.uniform(0.9, 1.1))
        belief["spread"] *= float(rng.uniform(0.9, 1.1))


KINDS: dict[str, Edit] = {
    "one scenario's belief": one_scenario,
    "the probabilities": probabilities,
    "every scenario and the experts' weight": everything,
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
        missing = len(stored.years) - drawn.shape[1]
        drawn = np.concatenate([drawn, np.repeat(drawn[:, -1:], missing, axis=1)], axis=1)
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


def plain_milliseconds(folder: Path, stated: dict[str, Any]) -> float:
    """Median time of the plain formulation for an edit of one scenario."""
    stored = open_forecast(next((folder / "data" / "draws").glob("[0-9a-f]*")))
    rng, taken = np.random.default_rng(1), []
    for run in range(PLAIN_RUNS):
        edited = {**stated, **one_scenario(copy.deepcopy(stated["scenarios"]), rng)}
        record = parse_scenario_set(edited)
        begun = time.perf_counter()
        plain(stored, record, run)
        taken.append(1e3 * (time.perf_counter() - begun))
    return float(np.median(taken))


def stated_set(client: httpx.Client, forecast: str) -> dict[str, Any]:
    """The scenario set of a forecast, as it was posted."""
    request = client.get(f"/v1/forecasts/{forecast}").raise_for_status().json()["request"]
    found = client.get(f"/v1/scenario-sets/{request['scenarioSet']}").raise_for_status().json()
    return {name: found[name] for name in found if name in ScenarioSet.model_json_schema()["properties"]}


def run(folder: Path) -> None:
    with running_service(folder) as (_, client):
        forecast = first_forecast(client)
        stated = stated_set(client, forecast)
        print(f"{REQUESTS} requests a row, {DRAWS:,} draws x 5 years\n")
        print(
            "| edit | server p50 ms | server p95 ms | client p50 ms | client p95 ms |\n|---|---|---|---|---|"
        )
        first: np.ndarray | None = None
        for seed, (kind, edit) in enumerate(KINDS.items()):
            taken = asked(client, forecast, stated["scenarios"], edit, seed)
            first = taken if first is None else first
            (s50, c50), (s95, c95) = np.percentile(taken, [50, 95], axis=0)
            over = " EXCEEDED" if s95 > LIMIT_MS else ""
            print(f"| {kind} | {s50:.1f} | {s95:.1f}{over} | {c50:.1f} | {c95:.1f} |")
        whole = plain_milliseconds(folder, stated)
    assert first is not None
    ratio = whole / float(np.median(first[:, 0]))
    print(
        f"\nPlain formulation, one scenario's belief: {whole:.0f} ms, {ratio:.0f} times the server's median."
    )


def main() -> None:
    if len(sys.argv) > 1:
        run(Path(sys.argv[1]))
        return
    with tempfile.TemporaryDirectory() as folder:
        run(Path(folder))


if __name__ == "__main__":
    main()
