"""How fast a what-if answers: 100,000 draws x 5 years, a real server process, HTTP on loopback.

    python -m benchmarks.what_if [folder of a running or earlier service]

For every kind of edit 200 requests, each with numbers never asked before, so that nothing is answered from memory.
Measured in the server (`diagnostics.seconds`) and at the client. Beside it the plain formulation, in this process:
draw the totals of every component, with the events that occur on top, by SciPy's quantile functions, weigh all of
them, sort; before and after the edit, as the attribution of the change needs both. It tells no changes apart. Its
quantiles must agree with the server's. Then the usual set with events (5 scenarios, 2 events) and the largest (20
scenarios, 10 events), edited one by one and several at once.
"""

from __future__ import annotations

import copy
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from scipy import stats

from benchmarks.running_service import finished, first_forecast, running_service
from models.stored import StoredForecast, open_forecast
from priors.events import Addition
from priors.scenario import ScenarioSet, parse_scenario_set

REQUESTS, PLAIN_RUNS, DRAWS = 200, 5, 100_000
LIMIT_MS = 50.0
LEVELS = (0.125, 0.5, 2 / 3, 0.875)
NAMES = ("minimum", "median", "medio", "maximum")
AGREEMENT = 0.03
FAMILIES = ("lognormal", "normal", "gamma", "student_t", "triangular", "pert")

USUAL, LARGEST, LARGEST_LIMIT_MS = (5, 2), (20, 10), 150.0

Edit = Callable[[list[dict[str, Any]], np.random.Generator], dict[str, Any]]
EventEdit = Callable[[dict[str, Any], np.random.Generator], dict[str, Any]]


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


def move_scenario(stated: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """Another belief for one scenario, events as they are."""
    _nudge(stated["scenarios"][0], rng)
    return {"scenarios": stated["scenarios"]}


def move_event(stated: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """Another probability and amount for one event: every scenario's totals change."""
    stated["events"][0]["probability"] = float(rng.uniform(0.1, 0.4))
    _nudge(stated["events"][0], rng)
    return {"events": stated["events"]}


def move_several(stated: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """Every scenario, every event and the experts' weight at once."""
    for part in (*stated["scenarios"], *stated["events"]):
        _nudge(part, rng)
    weight = float(rng.uniform(0.7, 0.95))
    return {"scenarios": stated["scenarios"], "events": stated["events"], "expertWeight": weight}


EVENT_KINDS: dict[str, EventEdit] = {
    "one scenario's belief": move_scenario,
    "one event": move_event,
    "all scenarios, all events and the weight": move_several,
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


def of_scenarios(edit: EventEdit, stated: dict[str, Any]) -> Edit:
    """An edit that knows the events too, as one of scenarios."""

    def through(_scenarios: list[dict[str, Any]], rng: np.random.Generator) -> dict[str, Any]:
        return edit(copy.deepcopy(stated), rng)

    return through


def with_events(stated: dict[str, Any], scenarios: int, events: int) -> dict[str, Any]:
    """The set with so many scenarios and events of the size of a tenth of a scenario."""
    made = copy.deepcopy(stated)
    first = made["scenarios"][0]
    made["scenarios"] = [
        {**copy.deepcopy(first), "key": f"s{n}", "probability": 1 / scenarios} for n in range(scenarios)
    ]
    for number, scenario in enumerate(made["scenarios"]):
        for belief in scenario["years"].values():
            belief["expected"] *= 0.8 + 0.4 * number / scenarios
    amount = {year: {"expected": 3_000.0, "spread": 1_000.0} for year in first["years"]}
    made["events"] = [
        {"key": f"e{n}", "probability": 0.2, "years": copy.deepcopy(amount), "excludes": []}
        for n in range(events)
    ]
    for event in made["events"][::3]:
        for change in event["years"].values():
            change["expected"] = -2_000.0
    return made


def plain(
    stored: StoredForecast, scenario_set: ScenarioSet, seed: int, expert_weight: float = 1.0
) -> np.ndarray:
    """Quantiles (level, year) by drawing and weighing everything anew, with nothing tabulated or kept."""
    density, evidence = stored.density(scenario_set), stored._evidence
    rng, totals, weights = np.random.default_rng(seed), [], []
    rows = DRAWS // len(density.components)
    for component in density.components:
        gaps = np.abs(np.subtract.outer(component.years, component.years))
        z = rng.multivariate_normal(np.zeros(len(gaps)), density.year_correlation**gaps, rows)
        levels = stats.norm.cdf(z)
        drawn = np.stack([m.ppf(u) for m, u in zip(component.marginals, levels.T, strict=True)], axis=1)
        for group in component.additions:
            drawn += plain_additions(group, component.years, density.year_correlation**gaps, rows, rng)
        # What events take below the floor is put onto it; the server spreads it by rank, which moves less than 3%.
        np.maximum(drawn, [m.floor + 0.5 for m in component.marginals], out=drawn)
        totals.append(drawn)
        weights.append(expert_weight * component.probability * np.exp(evidence.log_evidence(drawn)))
    own = stored._model
    totals.append(own.totals)
    weights.append((1 - expert_weight) * np.exp(own.log_weights) * rows / len(own.totals))
    return _weighted_quantiles(np.concatenate(totals), np.concatenate(weights))


def plain_additions(
    group: tuple[Addition, ...],
    years: tuple[int, ...],
    correlation: np.ndarray,
    rows: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """What events that exclude one another add `(draw, year)`."""
    added = np.zeros((rows, len(years)))
    which = rng.choice(len(group) + 1, rows, p=[*(own := [e.probability for e in group]), 1 - sum(own)])
    for place, event in enumerate(group):
        occurs = np.flatnonzero(which == place)
        levels = stats.norm.cdf(rng.multivariate_normal(np.zeros(len(years)), correlation, len(occurs)))
        for year, amount in zip(event.years, event.amounts, strict=True):
            column = years.index(year)
            added[occurs, column] = amount.ppf(levels[:, column])
    return added


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
    stored = _opened(folder, parse_scenario_set(stated))
    rng, taken = np.random.default_rng(1), []
    for run in range(PLAIN_RUNS):
        body = edit(copy.deepcopy(stated["scenarios"]), rng)
        weight, changed = (
            body.get("expertWeight", 1.0),
            {k: v for k, v in body.items() if k != "expertWeight"},
        )
        before, after = parse_scenario_set(stated), parse_scenario_set({**stated, **changed})
        begun = time.perf_counter()
        plain(stored, before, run)
        ours = plain(stored, after, run, weight)
        taken.append(1e3 * (time.perf_counter() - begun))
        answer = client.post(f"/v1/forecasts/{forecast}/what-ifs", json=body).raise_for_status().json()
        theirs = [[year[name] for year in answer["intervalScenarios"]] for name in NAMES]
        worst = float(np.max(np.abs(ours / np.array(theirs) - 1)))
        if worst > AGREEMENT:
            raise RuntimeError(f"the plain formulation differs from the server by {worst:.1%}")
    return float(np.median(taken))


def _opened(folder: Path, wanted: ScenarioSet) -> StoredForecast:
    """The draws of a forecast of a set; of the same one made twice, either."""
    opened = map(open_forecast, (folder / "data" / "draws").glob("[0-9a-f]*"))
    return next(
        stored
        for stored in opened
        if stored.scenario_set
        and (stored.scenario_set.scenarios, stored.scenario_set.events) == (wanted.scenarios, wanted.events)
    )


def five_year_set(client: httpx.Client) -> dict[str, Any]:
    """The bundled example with every year stated."""
    example = client.get("/v1/scenario-sets").raise_for_status().json()["items"][0]
    names = ScenarioSet.model_json_schema()["properties"]
    stated = {name: example[name] for name in example if name in names and example[name] is not None}
    stated |= {"name": "benchmark", "reason": "benchmark"}
    for scenario in stated["scenarios"]:
        last = scenario["years"]["2025"]
        for ahead, year in enumerate(("2026", "2027", "2028"), start=1):
            wider = last["spread"] * (1 + 0.2 * ahead)
            scenario["years"][year] = {"expected": last["expected"], "spread": wider}
    return stated


def forecast_of(client: httpx.Client, stated: dict[str, Any]) -> str:
    """The id of a finished forecast of a set."""
    created = client.post("/v1/scenario-sets", json=stated).raise_for_status().json()
    order = {"scenarioSet": created["id"], "asOf": "2024-10-31"}
    made = client.post("/v1/forecasts", json=order).raise_for_status().json()
    return finished(client, made["id"])


def run(folder: Path) -> None:
    with running_service(folder) as (_, client):
        first_forecast(client)
        stated = five_year_set(client)
        print(f"{REQUESTS} requests a row, {DRAWS:,} draws x 5 years; milliseconds\n")
        print(
            "| set | edit | server p50 | server p95 | limit | client p50 | client p95 | plain p50 | ratio |"
        )
        print("|---|---|---|---|---|---|---|---|---|")
        measure(client, folder, ("without events", stated), KINDS, LIMIT_MS)
        for (scenarios, events), limit in ((USUAL, LIMIT_MS), (LARGEST, LARGEST_LIMIT_MS)):
            made = with_events(stated, scenarios, events)
            kinds = {kind: of_scenarios(edit, made) for kind, edit in EVENT_KINDS.items()}
            measure(client, folder, (f"{scenarios} scenarios, {events} events", made), kinds, limit)


def measure(
    client: httpx.Client,
    folder: Path,
    named: tuple[str, dict[str, Any]],
    kinds: Mapping[str, Edit],
    limit: float,
) -> None:
    """A table's rows for one set: what-ifs of every kind beside the plain formulation of the same."""
    name, stated = named
    forecast = forecast_of(client, stated)
    for seed, (kind, edit) in enumerate(kinds.items()):
        taken = asked(client, forecast, stated["scenarios"], edit, seed)
        (s50, c50), (s95, c95) = np.percentile(taken, [50, 95], axis=0)
        whole = plain_milliseconds(client, forecast, folder, stated, edit)
        over = " EXCEEDED" if s95 > limit else ""
        numbers = f"{s50:.1f} | {s95:.1f}{over} | {limit:.0f} | {c50:.1f} | {c95:.1f} | {whole:.0f} | {whole / s50:.0f}"
        print(f"| {name} | {kind} | {numbers} |", flush=True)


def main() -> None:
    if len(sys.argv) > 1:
        run(Path(sys.argv[1]))
        return
    with tempfile.TemporaryDirectory() as folder:
        run(Path(folder))


if __name__ == "__main__":
    main()
