"""The API design rules at run time: headers, methods, media types, sizes and the shape of every error."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from service.app import InstroomApp
from service.middleware import quality
from service.settings import API_VERSION, Settings

PROBLEM = "application/problem+json"
CSV_TYPE = {"Content-Type": "text/csv"}
EVERYWHERE = {
    "api-version": API_VERSION,
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "strict-transport-security": "max-age=31536000; includeSubDomains",
    "x-instroom-mode": "development",
}


def document(app: InstroomApp) -> dict[str, Any]:
    return app.api.openapi()


def concrete(path: str) -> str:
    return "/v1" + re.sub(r"\{[^}]+\}", "no-such-thing", path)


def assert_problem(response: Any, status: int) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == PROBLEM
    body: dict[str, Any] = response.json()
    assert {"type", "title", "status", "detail"} <= set(body)
    assert body["status"] == status and body["title"] and body["detail"]
    assert body["detailNl"] and body["detailNl"] != body["detail"]
    assert all(error["detailNl"] for error in body.get("errors", ()))
    return body


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/health/live", 200),
        ("HEAD", "/v1/health/live", 200),
        ("GET", "/v1/openapi.json", 200),
        ("GET", "/v1/metrics", 200),
        ("GET", "/.well-known/security.txt", 200),
        ("GET", "/v1/nothing", 404),
        ("GET", "/nothing", 404),
        ("DELETE", "/v1/health/live", 405),
        ("GET", "/v1/realisations?pageSize=none", 400),
    ],
)
def test_every_answer_carries_the_headers(client: Any, method: str, path: str, status: int) -> None:
    response = client.request(method, path)
    assert response.status_code == status
    for name, value in EVERYWHERE.items():
        assert response.headers[name] == value, name
    assert "frame-ancestors 'none'" in response.headers["content-security-policy"]
    assert response.headers["access-control-allow-origin"]
    assert response.headers["x-request-id"]


def test_the_document_may_be_read_from_everywhere_and_the_rest_may_not(client: Any) -> None:
    assert client.get("/v1/openapi.json").headers["access-control-allow-origin"] == "*"
    assert client.get("/v1/realisations").headers["access-control-allow-origin"] != "*"


def test_a_crash_is_a_problem_without_internals(
    app: InstroomApp, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_args: object) -> None:
        raise RuntimeError("the password is swordfish")

    monkeypatch.setattr("service.api.realisations.load_realisations", crash)
    response = client.get("/v1/realisations")
    assert_problem(response, 500)
    assert "swordfish" not in response.text and "Traceback" not in response.text
    assert response.headers["api-version"] == API_VERSION


def test_every_route_answers_errors_as_problems(app: InstroomApp, client: Any) -> None:
    """Each path: a method and a query key it lacks, a type not offered, and a thing that is not there."""
    for path, item in document(app)["paths"].items():
        assert_problem(client.request("PATCH", concrete(path)), 405)
        if "get" in item:
            body = assert_problem(client.get(f"{concrete(path)}?noSuchKey=1"), 400)
            assert [error["field"] for error in body["errors"]] == ["noSuchKey"]
            assert_problem(client.get(concrete(path), headers={"Accept": "application/xml"}), 406)
        if "get" in item and "{" in path:
            response = client.get(concrete(path))
            assert 400 <= response.status_code < 500, (path, response.text)
            assert_problem(response, response.status_code)


def test_every_route_with_a_body_refuses_other_media_types_and_garbage(app: InstroomApp, client: Any) -> None:
    tried = 0
    for path, item in document(app)["paths"].items():
        for method in ("post", "put"):
            if "requestBody" not in item.get(method, {}):
                continue
            tried += 1
            headers = {"Content-Type": "application/xml", "If-Match": '"x"'}
            assert_problem(
                client.request(method.upper(), concrete(path), content="<x/>", headers=headers), 415
            )
            headers["Content-Type"] = "application/json"
            response = client.request(method.upper(), concrete(path), content="{not json", headers=headers)
            assert 400 <= response.status_code < 500, (path, method, response.text)
            assert_problem(response, response.status_code)
    assert tried >= 1


def test_every_operation_is_documented_as_the_rules_ask(app: InstroomApp) -> None:
    spec = document(app)
    assert spec["openapi"].startswith("3.1")
    assert all(server["url"].startswith("https://") for server in spec["servers"])
    assert all(server["url"].endswith("/v1") for server in spec["servers"])
    assert {"name", "url", "email"} <= set(spec["info"]["contact"])
    seen: set[str] = set()
    for path, item in spec["paths"].items():
        assert re.fullmatch(r"(/([a-z0-9]+(-[a-z0-9]+)*|\{[a-z][A-Za-z0-9]*\}))+", path), path
        for operation in item.values():
            assert operation["operationId"] not in seen
            seen.add(operation["operationId"])
            assert PROBLEM in operation["responses"]["400"]["content"], path
            for answer in operation["responses"].values():
                assert "API-Version" in answer["headers"]
            for parameter in operation.get("parameters", ()):
                if parameter["in"] == "query":
                    assert re.fullmatch(r"[a-z]+([A-Z][a-z0-9]*)*", parameter["name"]), parameter["name"]
    for name in spec["components"]["schemas"]:
        assert re.fullmatch(r"[A-Z][A-Za-z0-9]*", name), name
    assert all(
        code != "422" for item in spec["paths"].values() for o in item.values() for code in o["responses"]
    )


@pytest.mark.parametrize("path", ["/v1/health/live/", "/v1/realisations/", "/v1/", "/v1/deliveries/x/"])
def test_a_trailing_slash_is_not_found_and_never_a_redirect(client: Any, path: str) -> None:
    assert_problem(client.get(path), 404)


def test_head_has_the_headers_of_get_and_no_body(client: Any) -> None:
    full, head = client.get("/v1/health/live"), client.request("HEAD", "/v1/health/live")
    assert head.status_code == 200 and head.content == b""
    assert head.headers["content-length"] == full.headers["content-length"] == str(len(full.content))


@pytest.mark.parametrize(
    ("path", "allow"),
    [
        ("/v1/realisations", "GET, HEAD, POST"),
        ("/v1/deliveries", "GET, HEAD"),
        ("/v1/health/ready", "GET, HEAD"),
    ],
)
def test_allow_names_every_method(client: Any, path: str, allow: str) -> None:
    for method in ("PATCH", "DELETE", "OPTIONS"):
        response = client.request(method, path)
        assert_problem(response, 405)
        assert response.headers["allow"] == allow


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("*/*", 200),
        ("application/*;q=0.2", 200),
        ("text/html, application/json;q=0.1", 200),
        ("application/json;q=0, text/html", 406),
        ("text/html", 406),
        ("image/*", 406),
    ],
)
def test_accept_is_honoured(client: Any, accept: str, status: int) -> None:
    assert client.get("/v1/deliveries", headers={"Accept": accept}).status_code == status


def test_the_most_specific_range_decides_the_quality() -> None:
    accept = "text/*;q=0.3, text/csv;q=0.7, */*;q=0.1"
    assert [quality(accept, kind) for kind in ("text/csv", "text/plain", "image/png")] == [0.7, 0.3, 0.1]
    assert quality("", "text/csv") == 1.0
    assert quality("text/csv;q=nonsense", "text/csv") == 0.0


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/json; charset=utf-16"])
def test_a_body_of_another_type_is_refused(client: Any, content_type: str) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    assert_problem(client.post("/v1/realisations", content=b"[]", headers=headers), 415)


class TestBodySize:
    @pytest.fixture
    def settings(self, tmp_path: Any) -> Settings:
        url = f"sqlite:///{tmp_path / 'test.sqlite'}"
        return Settings(data_dir=tmp_path, database_url=url, max_body=100_000)

    def test_a_declared_body_over_the_limit_is_refused(self, client: Any) -> None:
        body = assert_problem(client.post("/v1/realisations", content=b"x" * 100_001, headers=CSV_TYPE), 413)
        assert "100000" in body["detail"]

    def test_a_chunked_body_over_the_limit_is_refused_without_being_kept(self, client: Any) -> None:
        async def chunks() -> Any:
            for _ in range(30):
                yield b"x" * 10_000

        assert_problem(client.post("/v1/realisations", content=chunks(), headers=CSV_TYPE), 413)

    def test_a_chunked_body_within_the_limit_arrives_whole(self, client: Any) -> None:
        async def chunks() -> Any:
            yield b'[{"series": "first_applications", "source": "eurostat", "geo": "NL", '
            yield b'"citizen": "TOTAL", "period": "2020-01", "value": 7}]'

        response = client.post(
            "/v1/realisations", content=chunks(), headers={"Content-Type": "application/json"}
        )
        assert response.status_code == 201, response.text
        assert response.json()["new"] == 1

    def test_memory_stays_small_while_a_large_body_is_dropped(self, app: InstroomApp) -> None:
        """The layer is given a body of 50 MB in parts and may hold none of it."""
        import asyncio
        import tracemalloc

        sent: list[dict[str, Any]] = []
        part, left = b"x" * 65_536, 50_000_000 // 65_536

        async def receive() -> dict[str, Any]:
            nonlocal left
            left -= 1
            return {"type": "http.request", "body": part, "more_body": left > 0}

        async def send(message: Any) -> None:
            sent.append(message)

        headers = [
            (b"host", b"localhost"),
            (b"content-type", b"text/csv"),
            (b"transfer-encoding", b"chunked"),
        ]
        scope = {"type": "http", "method": "POST", "path": "/v1/realisations", "headers": headers}
        app.api.openapi()
        tracemalloc.start()
        asyncio.run(app({**scope, "query_string": b"", "root_path": ""}, receive, send))  # type: ignore[arg-type]
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert sent[0]["status"] == 413
        assert peak < 3_000_000


def test_a_page_elsewhere_cannot_reach_development_mode_under_its_own_name(client: Any) -> None:
    for host in ("attacker.example", "attacker.example:8000", "10.0.0.1", "localhost.attacker.example"):
        assert_problem(client.get("/v1/realisations", headers={"Host": host}), 421)
    for host in ("localhost:8000", "127.0.0.1", "[::1]:8000", "instroom.localhost", "web"):
        assert client.get("/v1/health/live", headers={"Host": host}).status_code == 200, host


def test_readiness_says_what_is_wrong(app: InstroomApp, client: Any) -> None:
    from sqlalchemy import text

    assert client.get("/v1/health/ready").json()["status"] == "ready"
    with app.state.sessions.begin() as session:
        session.execute(text("UPDATE alembic_version SET version_num = 'older'"))
    body = assert_problem(client.get("/v1/health/ready"), 503)
    assert body["checks"]["dataDirectory"] == "ok" and "older" in body["checks"]["database"]


def test_metrics_count_requests_by_route_and_not_by_address(client: Any) -> None:
    for name in ("a", "b"):
        client.get(f"/v1/deliveries/{name}")
    text = client.get("/v1/metrics").text
    assert (
        'instroom_requests_total{method="GET",route="/v1/deliveries/{deliveryId}",status="404"} 2.0' in text
    )
    assert "deliveries/a" not in text


def test_security_txt_has_what_the_standard_requires(client: Any) -> None:
    from datetime import UTC, datetime, timedelta

    response = client.get("/.well-known/security.txt")
    assert response.headers["content-type"].startswith("text/plain")
    fields = dict(line.split(": ", 1) for line in response.text.splitlines())
    assert fields["Contact"].startswith("mailto:")
    expires = datetime.fromisoformat(fields["Expires"])
    assert datetime.now(UTC) < expires < datetime.now(UTC) + timedelta(days=365)


def test_a_request_is_logged_as_one_json_line_without_its_query(client: Any, capsys: Any) -> None:
    client.get("/v1/deliveries?page=7")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    logged = next(line for line in lines if line["event"] == "request")
    assert logged["path"] == "/v1/deliveries" and logged["status"] == 200 and logged["method"] == "GET"
    assert "page=7" not in json.dumps(lines)
