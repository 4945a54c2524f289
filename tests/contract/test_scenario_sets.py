"""Scenario sets over HTTP: versions, preconditions, and what they imply."""

from __future__ import annotations

import copy
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from scipy import optimize, stats

Set = dict[str, Any]


def edited(scenario_set: Set, **members: Any) -> Set:
    return {**copy.deepcopy(scenario_set), **members}


def history(first: int = 2019, last: str = "2024-06", monthly: int = 2000) -> list[dict[str, Any]]:
    """Monthly counts, each known at the end of its own month."""
    months = np.arange(f"{first}-01", np.datetime64(last, "M") + 1, dtype="datetime64[M]")
    row = {"series": "first_applications", "source": "eurostat", "geo": "NL", "citizen": "TOTAL"}
    ends = [(month + 1).astype("datetime64[D]") - 1 for month in months]
    return [
        {**row, "period": str(month), "value": monthly, "knownAt": str(end)}
        for month, end in zip(months, ends, strict=True)
    ]


class TestVersions:
    def test_a_set_comes_back_as_it_was_stated(self, client: Any, scenario_set: Set) -> None:
        created = client.post("/v1/scenario-sets", json=scenario_set)
        assert created.status_code == 201
        body = created.json()
        assert created.headers["location"] == f"/v1/scenario-sets/{body['id']}"
        assert (body["version"], body["status"], body["createdBy"]) == (1, "concept", "development")
        assert len(body["contentHash"]) == 64 and body["createdAt"].endswith("Z")
        assert isinstance(body["feedback"], list)
        read = client.get(created.headers["location"])
        assert read.headers["etag"] == created.headers["etag"]
        got = read.json()
        for name in ("name", "edition", "cutoff", "target", "yearCorrelation", "reason"):
            assert got[name] == scenario_set[name]
        assert [s["key"] for s in got["scenarios"]] == ["continuation", "new_war"]
        assert got["scenarios"][1]["years"]["2025"] == {"expected": 52000, "spread": 14000}
        assert "feedback" not in got

    def test_the_etag_is_strong_quoted_and_differs_per_version_and_set(
        self, client: Any, scenario_set: Set
    ) -> None:
        tags = [client.post("/v1/scenario-sets", json=scenario_set).headers["etag"] for _ in range(2)]
        location = client.post("/v1/scenario-sets", json=scenario_set).headers["location"]
        for _ in range(2):
            tags.append(client.get(location).headers["etag"])
            client.put(location, json=scenario_set, headers={"If-Match": tags[-1]})
        assert len(set(tags)) == 4
        assert all(tag[0] == tag[-1] == '"' and not tag.startswith("W/") for tag in tags)

    def test_a_change_makes_a_version_and_keeps_the_old_one(self, client: Any, scenario_set: Set) -> None:
        created = client.post("/v1/scenario-sets", json=scenario_set)
        location, tag = created.headers["location"], created.headers["etag"]
        changed = client.put(
            location, json=edited(scenario_set, name="B", reason="r"), headers={"If-Match": tag}
        )
        assert changed.status_code == 200 and changed.json()["version"] == 2
        assert client.get(location).json()["name"] == "B"
        assert client.get(f"{location}?version=1").json()["name"] == scenario_set["name"]
        assert client.get(f"{location}?version=1").headers["etag"] == tag
        assert client.get(f"{location}?version=3").status_code == 404
        versions = client.get(f"{location}/versions").json()
        assert [item["version"] for item in versions["items"]] == [2, 1] and versions["total"] == 2

    def test_what_was_read_can_be_put_back(self, client: Any, scenario_set: Set) -> None:
        created = client.post("/v1/scenario-sets", json=scenario_set)
        location = created.headers["location"]
        response = client.put(location, json=created.json(), headers={"If-Match": created.headers["etag"]})
        assert response.status_code == 200 and response.json()["contentHash"] == created.json()["contentHash"]

    @pytest.mark.parametrize(
        ("if_match", "status", "dutch"),
        [
            (None, 428, "Stuur If-Match mee"),
            ('"stale"', 412, "is er een andere opgeslagen"),
            ("W/{etag}", 412, "is er een andere opgeslagen"),
            ("nonsense", 400, "bevat geen ETag"),
        ],
    )
    def test_a_change_without_the_right_etag_stores_nothing(
        self,
        client: Any,
        scenario_set: Set,
        stored: Callable[[], Any],
        if_match: str | None,
        status: int,
        dutch: str,
    ) -> None:
        created = client.post("/v1/scenario-sets", json=scenario_set)
        before, tag = stored(), created.headers["etag"]
        headers = {} if if_match is None else {"If-Match": if_match.format(etag=tag)}
        response = client.put(created.headers["location"], json=scenario_set, headers=headers)
        assert response.status_code == status
        assert response.headers["content-type"] == "application/problem+json"
        assert dutch in response.json()["detailNl"]
        assert stored() == before

    def test_one_of_several_tags_or_a_star_will_do(self, client: Any, scenario_set: Set) -> None:
        created = client.post("/v1/scenario-sets", json=scenario_set)
        location, tag = created.headers["location"], created.headers["etag"]
        several = {"If-Match": f'"other", {tag}'}
        assert client.put(location, json=scenario_set, headers=several).status_code == 200
        assert client.put(location, json=scenario_set, headers={"If-Match": "*"}).status_code == 200

    def test_a_reader_who_has_the_version_gets_no_body(self, client: Any, scenario_set: Set) -> None:
        created = client.post("/v1/scenario-sets", json=scenario_set)
        location, tag = created.headers["location"], created.headers["etag"]
        for held in (tag, f"W/{tag}", f'"x", {tag}', "*"):
            response = client.get(location, headers={"If-None-Match": held})
            assert response.status_code == 304 and response.content == b"" and response.headers["etag"] == tag
        assert client.get(location, headers={"If-None-Match": '"x"'}).status_code == 200

    def test_of_two_simultaneous_changes_one_is_refused(self, client: Any, scenario_set: Set) -> None:
        created = client.post("/v1/scenario-sets", json=scenario_set)
        location, headers = created.headers["location"], {"If-Match": created.headers["etag"]}
        with ThreadPoolExecutor(4) as pool:
            tried = [pool.submit(client.put, location, json=scenario_set, headers=headers) for _ in range(4)]
            assert sorted(t.result().status_code for t in tried) == [200, 412, 412, 412]
        assert client.get("/v1/ledger-verification").json()["entries"] == 2

    def test_an_unknown_set_is_not_found(self, client: Any, scenario_set: Set) -> None:
        for path in ("", "/versions", "/density", "/exceedance?year=2025&above=1"):
            assert client.get(f"/v1/scenario-sets/unknown{path}").status_code == 404
        response = client.put("/v1/scenario-sets/unknown", json=scenario_set, headers={"If-Match": '"x"'})
        assert response.status_code == 404

    def test_lists_come_in_pages_with_links(self, client: Any, scenario_set: Set) -> None:
        for number in range(5):
            client.post("/v1/scenario-sets", json=edited(scenario_set, name=f"set {number}"))
        response = client.get("/v1/scenario-sets?page=2&pageSize=2")
        body = response.json()
        assert (body["page"], body["pageSize"], body["total"]) == (2, 2, 5)
        assert [item["name"] for item in body["items"]] == ["set 2", "set 1"]
        links = dict(reversed(part.split("; rel=")) for part in response.headers["link"].split(", "))
        assert set(links) == {'"first"', '"prev"', '"next"', '"last"'}
        following = client.get(links['"next"'].strip("<>")).json()
        assert [item["name"] for item in following["items"]] == ["set 0"]
        assert client.get("/v1/scenario-sets?page=9&pageSize=2").json()["items"] == []


class TestDensity:
    def test_a_preview_is_what_the_stored_set_gives_and_stores_nothing(
        self, client: Any, scenario_set: Set, stored: Callable[[], Any]
    ) -> None:
        before = stored()
        preview = client.post("/v1/scenario-set-previews", json=scenario_set)
        assert preview.status_code == 200 and stored() == before
        location = client.post("/v1/scenario-sets", json=scenario_set).headers["location"]
        assert client.get(f"{location}/density").json() == preview.json()

    def test_a_preview_needs_no_reason(self, client: Any, scenario_set: Set) -> None:
        del scenario_set["reason"]
        assert client.post("/v1/scenario-set-previews", json=scenario_set).status_code == 200
        response = client.post("/v1/scenario-sets", json=scenario_set)
        assert response.status_code == 400 and response.json()["errors"][0]["field"] == "/reason"

    def test_quantiles_and_exceedance_are_those_of_the_mixture(self, client: Any, scenario_set: Set) -> None:
        """2025 by SciPy: 0.6 lognormal with mean 35,000 and sd 8,000, 0.4 normal cut at zero."""
        log_sd = np.sqrt(np.log1p((8000 / 35000) ** 2))
        lognormal = stats.lognorm(log_sd, scale=35000 / np.sqrt(1 + (8000 / 35000) ** 2))
        sd = 14000 / stats.norm.ppf(0.9)
        normal = stats.truncnorm(-52000 / sd, np.inf, 52000, sd)

        def cdf(x: float) -> float:
            return float(0.6 * lognormal.cdf(x) + 0.4 * normal.cdf(x))

        location = client.post("/v1/scenario-sets", json=scenario_set).headers["location"]
        density = client.get(f"{location}/density?year=2025").json()
        assert [year["year"] for year in density["years"]] == [2025]
        found = density["years"][0]
        levels = {"minimum": 0.125, "median": 0.5, "medio": 2 / 3, "maximum": 0.875}
        for name, level in levels.items():
            exact = optimize.brentq(lambda x, level=level: cdf(x) - level, 1e3, 2e5, xtol=1e-9)
            assert found["intervalScenarios"][name] == pytest.approx(exact, rel=1e-6)
        exceeded = client.get(f"{location}/exceedance?year=2025&above=42000").json()
        assert exceeded == {
            "year": 2025,
            "above": 42000,
            "probability": pytest.approx(1 - cdf(42000), rel=1e-6),
        }
        curve = found["density"]
        assert len(curve["x"]) == len(curve["pdf"]) == len(curve["cdf"])
        assert np.allclose(curve["cdf"], [cdf(x) for x in curve["x"]], atol=1e-9)
        assert [(c["key"], c["probability"]) for c in found["components"]][:2] == [
            ("continuation", 0.6),
            ("new_war", 0.4),
        ]

    def test_years_and_thresholds_that_make_no_sense_are_named(self, client: Any, scenario_set: Set) -> None:
        location = client.post("/v1/scenario-sets", json=scenario_set).headers["location"]
        cases = {
            "/density?year=2031": "year",
            "/density?year=soon": "year",
            "/exceedance?year=2025": "above",
            "/exceedance?above=1": "year",
            "/exceedance?year=2025&above=inf": "above",
            "/exceedance?year=2025&above=many": "above",
            "?version=0": "version",
        }
        for query, field in cases.items():
            response = client.get(f"{location}{query}")
            assert response.status_code == 400, query
            assert [error["field"] for error in response.json()["errors"]] == [field]

    def test_what_was_counted_by_the_cutoff_is_the_floor_of_its_year(
        self, client: Any, scenario_set: Set
    ) -> None:
        before = client.post("/v1/scenario-set-previews", json=scenario_set).json()["years"]
        assert client.post("/v1/realisations", json=history(monthly=5000)).status_code == 201
        after = client.post("/v1/scenario-set-previews", json=scenario_set).json()["years"]
        assert after[0]["density"]["x"][0] >= 30000 > before[0]["density"]["x"][0]
        assert after[1] == before[1]
        assert after[0]["components"][0]["removed"] > 0.1

    def test_a_belief_below_what_was_counted_is_a_warning_until_nothing_is_left(
        self, client: Any, scenario_set: Set, stored: Callable[[], Any]
    ) -> None:
        assert client.post("/v1/realisations", json=history(monthly=6000)).status_code == 201
        response = client.post("/v1/scenario-sets", json=scenario_set)
        assert response.status_code == 201
        severities = {
            (item["year"], item["severity"]) for item in response.json()["feedback"] if "year" in item
        }
        assert (2024, "warning") in severities
        impossible = edited(scenario_set)
        impossible["scenarios"][0]["years"]["2024"] = {"expected": 3000, "spread": 10}
        before = stored()
        for path in ("/v1/scenario-sets", "/v1/scenario-set-previews"):
            response = client.post(path, json=impossible)
            assert response.status_code == 400
            assert any(e["field"].startswith("/scenarios/0/years/2024") for e in response.json()["errors"])
        assert stored() == before
