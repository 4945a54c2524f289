"""Every way to state a scenario set wrongly: a 4xx that names the field, and nothing stored."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

Set = dict[str, Any]
JSON_TYPE = {"Content-Type": "application/json"}


def spread(value: Any) -> Callable[[Set], None]:
    return lambda s: s["scenarios"][0]["years"]["2025"].update(spread=value)


def event(key: str, probability: float = 0.2, **members: Any) -> dict[str, Any]:
    years = {"2025": {"expected": -6000, "spread": 2000}}
    return {"key": key, "probability": probability, "years": years, **members}


BAD: dict[str, tuple[Callable[[Set], Any], str, str]] = {
    "probabilities sum to 0.97": (lambda s: s["scenarios"][0].update(probability=0.57), "/scenarios", "0.97"),
    "negative spread": (spread(-1), "/scenarios/0/years/2025/spread", ""),
    "zero spread": (spread(0), "/scenarios/0/years/2025/spread", ""),
    "NaN spread": (spread(float("nan")), "/scenarios/0/years/2025/spread", "finite"),
    "infinite spread": (spread(float("inf")), "/scenarios/0/years/2025/spread", "finite"),
    "enormous spread": (spread(1e308), "/scenarios/0/years/2025/spread", ""),
    "spread in words": (spread("wide"), "/scenarios/0/years/2025/spread", "number"),
    "spread as text": (spread("5000"), "/scenarios/0/years/2025/spread", "number"),
    "no scenarios": (lambda s: s.update(scenarios=[]), "/scenarios", ""),
    "scenarios absent": (lambda s: s.pop("scenarios"), "/scenarios", "required"),
    "a key twice": (
        lambda s: s["scenarios"][1].update(key="continuation"),
        "/scenarios/1/key",
        "continuation",
    ),
    "a year before the cutoff": (
        lambda s: s["scenarios"][0]["years"].update({"2023": {"expected": 1000, "spread": 100}}),
        "/scenarios/0/years/2023",
        "2023",
    ),
    "an unknown family": (
        lambda s: s["scenarios"][0].update(family="cauchy"),
        "/scenarios/0/family",
        "normal",
    ),
    "an unknown spread": (
        lambda s: s["scenarios"][0].update(spreadMeaning="variance"),
        "/scenarios/0/spreadMeaning",
        "sd",
    ),
    "an unknown member": (lambda s: s["scenarios"][0].update(colour="red"), "/scenarios/0/colour", ""),
    "an unknown series": (lambda s: s["target"].update(series="tourists"), "/target/series", ""),
    "no reason": (lambda s: s.pop("reason"), "/reason", "required"),
    "a blank reason": (lambda s: s.update(reason="  "), "/reason", ""),
    "a cutoff in the future": (
        lambda s: s.update(
            cutoff="2099-06-30",
            scenarios=[
                {"key": "a", "probability": 1, "years": {"2099": {"expected": 30000, "spread": 5000}}},
            ],
            unforeseen=None,
        ),
        "/cutoff",
        "future",
    ),
    "a cutoff that is no date": (lambda s: s.update(cutoff="2024-06-31"), "/cutoff", ""),
    "an event that excludes itself": (
        lambda s: s.update(events=[event("b", excludes=["b"])]),
        "/events/0/excludes/0",
        "itself",
    ),
    "an event under a scenario that is not there": (
        lambda s: s.update(events=[event("b", probabilityByScenario={"peace": 0.5})]),
        "/events/0/probabilityByScenario/peace",
        "no scenario",
    ),
    "a probability per scenario over one": (
        lambda s: s.update(events=[event("b", probabilityByScenario={"new_war": 1.5})]),
        "/events/0/probabilityByScenario/new_war",
        "at most 1",
    ),
    "events that exclude one another too often": (
        lambda s: s.update(events=[event("b", 0.7), event("c", 0.6, excludes=["b"])]),
        "/events/1/probability",
        "1.3",
    ),
    "two to the eleventh subsets": (
        lambda s: s.update(events=[event(f"e{n}") for n in range(11)]),
        "/events",
        "1,024",
    ),
    "an event that takes nearly everyone away": (
        lambda s: s.update(
            events=[{**event("b", 1.0), "years": {"2025": {"expected": -900000, "spread": 1000}}}]
        ),
        "/scenarios/0/years/2025/expected",
        "smaller or less probable",
    ),
    "a correlation over one": (lambda s: s.update(yearCorrelation=1.2), "/yearCorrelation", ""),
    "text no database can keep": (lambda s: s.update(name="a\x00b"), "/name", ""),
}


@pytest.mark.parametrize("case", BAD)
def test_a_set_stated_wrongly_is_refused_by_name_and_nothing_is_stored(
    client: Any, scenario_set: Set, stored: Callable[[], Any], case: str
) -> None:
    spoil, field, said = BAD[case]
    created = client.post("/v1/scenario-sets", json=scenario_set)
    before = stored()
    spoil(scenario_set)
    body = json.dumps(scenario_set)
    put = {**JSON_TYPE, "If-Match": created.headers["etag"]}
    answers = [
        client.post("/v1/scenario-sets", content=body, headers=JSON_TYPE),
        client.put(created.headers["location"], content=body, headers=put),
    ]
    for answer in answers:
        assert answer.status_code == 400, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        errors = answer.json()["errors"]
        named = [error for error in errors if error["field"].startswith(field)]
        assert named and said in " ".join(error["detail"] for error in named), errors
        assert all(error["detailNl"] not in ("", error["detail"]) for error in errors), errors
    assert stored() == before


def test_all_faults_are_given_at_once(client: Any, scenario_set: Set) -> None:
    for case in ("probabilities sum to 0.97", "NaN spread", "no reason"):
        BAD[case][0](scenario_set)
    response = client.post("/v1/scenario-sets", content=json.dumps(scenario_set), headers=JSON_TYPE)
    fields = {error["field"] for error in response.json()["errors"]}
    assert {"/scenarios", "/scenarios/0/years/2025/spread", "/reason"} <= fields


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"\xff\xfe",
        b"null",
        b"[]",
        b'"text"',
        b"[" * 200_000,
        b'{"a": 1' + b"0" * 5000 + b"}",
        b'{"name": "a", "name": "b"}',
        b'{"name": "\\ud800"}',
    ],
    ids=["empty", "words", "bytes", "null", "list", "text", "nested", "digits", "repeated", "surrogate"],
)
def test_what_is_not_a_set_at_all_is_refused(client: Any, stored: Callable[[], Any], body: bytes) -> None:
    before = stored()
    for path in ("/v1/scenario-sets", "/v1/scenario-set-previews"):
        response = client.post(path, content=body, headers=JSON_TYPE)
        assert response.status_code in (400, 415), response.text
        assert response.headers["content-type"] == "application/problem+json"
    assert stored() == before
