"""Drafts over HTTP: the writer's own, never overwritten unseen; and others' sets, hidden until one has one's own."""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from service.app import create_app
from service.settings import Settings

DRAFT = "/v1/scenario-set-drafts/mine"
NAMES = {"ann": "expert", "ben": "expert", "eve": "evaluator", "adm": "admin", "con": "consumer"}


@pytest.fixture
def as_name(settings: Settings, tmp_path: Path, connect: Callable[..., Any]) -> Callable[[str], Any]:
    tokens = [
        {"name": name, "role": role, "sha256": hashlib.sha256(name.encode()).hexdigest()}
        for name, role in NAMES.items()
    ]
    (tmp_path / "tokens.json").write_text(json.dumps(tokens))
    app = create_app(dataclasses.replace(settings, tokens_file=tmp_path / "tokens.json"))
    return lambda name: connect(app, name)


class TestDrafts:
    def test_a_draft_comes_back_as_it_went_in(self, client: Any) -> None:
        content = {"scenarios": [{"key": "half", "years": {}}], "note": "<b>é</b>"}
        saved = client.put(DRAFT, json=content)
        assert saved.status_code == 201 and saved.json() == content
        read = client.get(DRAFT)
        assert read.json() == content and read.headers["etag"] == saved.headers["etag"]
        unchanged = client.get(DRAFT, headers={"If-None-Match": read.headers["etag"]})
        assert unchanged.status_code == 304

    def test_saving_over_a_draft_needs_its_etag(self, client: Any) -> None:
        first = client.put(DRAFT, json={"n": 1}).headers["etag"]
        assert client.put(DRAFT, json={"n": 2}).status_code == 428
        second = client.put(DRAFT, json={"n": 1}, headers={"If-Match": first})
        assert second.status_code == 200 and second.headers["etag"] != first
        refused = client.put(DRAFT, json={"n": 3}, headers={"If-Match": first})
        assert refused.status_code == 412 and refused.headers["etag"] == second.headers["etag"]
        assert client.get(DRAFT).json() == {"n": 1}

    def test_a_draft_is_thrown_away_by_its_etag(self, client: Any) -> None:
        tag = client.put(DRAFT, json={}).headers["etag"]
        assert client.delete(DRAFT).status_code == 428
        assert client.delete(DRAFT, headers={"If-Match": '"x"'}).status_code == 412
        assert client.delete(DRAFT, headers={"If-Match": tag}).status_code == 204
        assert client.get(DRAFT).status_code == 404
        assert client.delete(DRAFT, headers={"If-Match": tag}).status_code == 404
        assert client.put(DRAFT, json={}, headers={"If-Match": tag}).status_code == 412

    def test_of_simultaneous_savings_one_wins(self, client: Any) -> None:
        headers = {"If-Match": client.put(DRAFT, json={}).headers["etag"]}
        with ThreadPoolExecutor(4) as pool:
            tried = [pool.submit(client.put, DRAFT, json={"n": n}, headers=headers) for n in range(4)]
            assert sorted(one.result().status_code for one in tried) == [200, 412, 412, 412]

    @pytest.mark.parametrize("body", [b"[]", b"1", b"{", b'{"a": NaN}', b'{"a": "\\u0000"}', b"{" * 5_000])
    def test_what_is_no_object_is_refused(self, client: Any, body: bytes) -> None:
        answer = client.put(DRAFT, content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == 400 and answer.json()["errors"]
        assert client.get(DRAFT).status_code == 404

    def test_a_draft_is_seen_by_its_owner_alone(self, as_name: Callable[[str], Any]) -> None:
        tag = as_name("ann").put(DRAFT, json={"by": "ann"}).headers["etag"]
        for other in ("ben", "adm"):
            assert as_name(other).get(DRAFT).status_code == 404
            assert as_name(other).delete(DRAFT, headers={"If-Match": tag}).status_code == 404
        assert as_name("ben").put(DRAFT, json={"by": "ben"}).status_code == 201
        assert as_name("ann").get(DRAFT).json() == {"by": "ann"}
        for reader in ("eve", "con"):
            assert as_name(reader).get(DRAFT).status_code == 403


class TestNoAnchoring:
    def test_others_sets_open_once_one_has_ones_own(
        self, as_name: Callable[[str], Any], scenario_set: dict[str, Any]
    ) -> None:
        location = as_name("ann").post("/v1/scenario-sets", json=scenario_set).headers["location"]
        ben = as_name("ben")
        parts = ["", "/versions", "/density", "/exceedance?year=2025&above=1", "/export?format=csv"]
        assert ben.get("/v1/scenario-sets").json()["total"] == 0
        assert {ben.get(location + part).status_code for part in parts} == {403}
        assert ben.put(location, json=scenario_set, headers={"If-Match": "*"}).status_code == 403
        assert ben.get(f"/v1/ledger-entries?scenarioSet={location.rsplit('/', 1)[1]}").status_code == 403
        assert ben.get("/v1/ledger-entries").json()["items"] == []
        for reader in ("eve", "adm", "ann"):
            assert as_name(reader).get("/v1/scenario-sets").json()["total"] == 1
            assert {as_name(reader).get(location + part).status_code for part in parts} == {200}
        ben.post("/v1/scenario-sets", json={**copy.deepcopy(scenario_set), "name": "ben's"})
        assert ben.get("/v1/scenario-sets").json()["total"] == 2
        assert {ben.get(location + part).status_code for part in parts} == {200}
        assert len(ben.get("/v1/ledger-entries").json()["items"]) == 2

    @pytest.mark.parametrize("other", [{"edition": "2024-1"}, {"target": "DE"}])
    def test_a_set_about_something_else_opens_nothing(
        self, as_name: Callable[[str], Any], scenario_set: dict[str, Any], other: dict[str, Any]
    ) -> None:
        location = as_name("ann").post("/v1/scenario-sets", json=scenario_set).headers["location"]
        mine = copy.deepcopy(scenario_set)
        mine |= other if "edition" in other else {"target": {**mine["target"], "geo": "DE"}}
        assert as_name("ben").post("/v1/scenario-sets", json=mine).status_code == 201
        assert as_name("ben").get(location).status_code == 403
