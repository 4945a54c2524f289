"""Who may do what: development mode on this machine only, tokens with roles everywhere else."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from service.app import create_app
from service.security import Role, is_own_host
from service.settings import ConfigurationError, Settings, load_settings

ROLES = [role.value for role in Role]
WRITERS = {"expert", "admin"}
CONCEPT_READERS = {"expert", "evaluator", "admin"}


def token_of(role: str) -> str:
    return f"token-of-the-{role}"


def entry(role: str) -> dict[str, str]:
    return {"name": f"a {role}", "role": role, "sha256": hashlib.sha256(token_of(role).encode()).hexdigest()}


@pytest.fixture
def guarded(settings: Settings, tmp_path: Path) -> Settings:
    file = tmp_path / "tokens.json"
    file.write_text(json.dumps([entry(role) for role in ROLES]))
    return dataclasses.replace(settings, tokens_file=file, host="0.0.0.0")


@pytest.fixture
def as_role(guarded: Settings, connect: Callable[..., Any]) -> Callable[[str | None], Any]:
    app = create_app(guarded)
    return lambda role: connect(app, token_of(role) if role else None)


def test_development_mode_says_so_in_the_log_and_in_every_answer(
    settings: Settings, connect: Callable[..., Any], capsys: Any
) -> None:
    client = connect(create_app(settings))
    logged = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert any("development mode" in line["event"] and line["level"] == "warning" for line in logged)
    for path in ("/v1/health/live", "/v1/nothing", "/nothing"):
        assert client.get(path).headers["x-instroom-mode"] == "development"


def test_with_tokens_there_is_no_development_mode(as_role: Callable[..., Any]) -> None:
    response = as_role(None).get("/v1/health/live", headers={"Host": "instroom.example.org"})
    assert response.status_code == 200 and "x-instroom-mode" not in response.headers


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "instroom.example.org"])
def test_a_listener_that_others_reach_does_not_start_without_tokens(settings: Settings, host: str) -> None:
    with pytest.raises(ConfigurationError, match="INSTROOM_TOKENS_FILE") as refused:
        create_app(dataclasses.replace(settings, host=host))
    assert str(refused.value).count(".") >= 1 and "\n" not in str(refused.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_on_this_machine_it_does(settings: Settings, host: str) -> None:
    assert create_app(dataclasses.replace(settings, host=host)).state.authority.development


@pytest.mark.parametrize(
    "content",
    [
        "not json",
        "[]",
        "{}",
        '[{"name": "a"}]',
        json.dumps([{**entry("admin"), "role": "root"}]),
        json.dumps([{**entry("admin"), "sha256": "secret"}]),
        json.dumps([{**entry("admin"), "name": " "}]),
        json.dumps([entry("admin"), {**entry("expert"), "sha256": entry("admin")["sha256"]}]),
    ],
)
def test_a_tokens_file_with_a_fault_stops_the_start(guarded: Settings, content: str) -> None:
    assert guarded.tokens_file is not None
    guarded.tokens_file.write_text(content)
    with pytest.raises(ConfigurationError, match="INSTROOM_TOKENS_FILE"):
        create_app(guarded)


def test_a_missing_tokens_file_stops_the_start(guarded: Settings, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        create_app(dataclasses.replace(guarded, tokens_file=tmp_path / "nothing.json"))


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", "Bearer wrong", "Basic dG9rZW4=", "token-of-the-admin"]
)
def test_who_is_not_known_gets_401_with_a_challenge(as_role: Callable[..., Any], header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    response = as_role(None).get("/v1/scenario-sets", headers=headers)
    assert response.status_code == 401
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["www-authenticate"].startswith("Bearer")
    unknown = header == "Bearer wrong"
    said = "Deze toegangscode is hier niet bekend." if unknown else "Hiervoor moet u aangemeld zijn"
    assert response.json()["detailNl"].startswith(said)


@pytest.mark.parametrize(
    "path", ["/v1/health/live", "/v1/health/ready", "/v1/openapi.json", "/.well-known/security.txt"]
)
def test_what_is_public_needs_no_token(as_role: Callable[..., Any], path: str) -> None:
    assert as_role(None).get(path).status_code == 200


@pytest.mark.parametrize("role", ROLES)
def test_each_role_may_do_what_it_is_for_and_no_more(
    as_role: Callable[..., Any], scenario_set: dict[str, Any], role: str
) -> None:
    client, admin = as_role(role), as_role("admin")
    location = admin.post("/v1/scenario-sets", json=scenario_set).headers["location"]
    # An expert reads others' sets only after stating one.
    assert (client.post("/v1/scenario-sets", json=scenario_set).status_code == 201) is (role in WRITERS)
    csv = "series,source,geo,citizen,period,value\nfirst_applications,kmi,NL,TOTAL,2024-01,5\n"
    allowed = {
        ("POST", "/v1/realisations"): {"admin"},
        ("GET", "/v1/realisations"): set(ROLES),
        ("GET", "/v1/metrics"): set(ROLES),
        ("GET", "/v1/deliveries"): CONCEPT_READERS,
        ("GET", "/v1/scenario-sets"): CONCEPT_READERS,
        ("GET", location): CONCEPT_READERS,
        ("GET", f"{location}/density"): CONCEPT_READERS,
        ("GET", f"{location}/versions"): CONCEPT_READERS,
        ("GET", f"{location}/exceedance?year=2025&above=1"): CONCEPT_READERS,
        ("GET", "/v1/ledger-entries"): CONCEPT_READERS,
        ("GET", "/v1/ledger-verification"): CONCEPT_READERS,
        ("POST", "/v1/scenario-set-previews"): CONCEPT_READERS,
        ("POST", "/v1/scenario-sets"): WRITERS,
        ("PUT", location): WRITERS,
        ("GET", f"{location}/export?format=csv"): CONCEPT_READERS,
    }
    for (method, path), roles in allowed.items():
        body: dict[str, Any] = {"json": scenario_set, "headers": {"If-Match": "*"}} if method != "GET" else {}
        if path == "/v1/realisations" and method == "POST":
            body = {"content": csv, "headers": {"Content-Type": "text/csv"}}
        response = client.request(method, path, **body)
        if role in roles:
            assert response.status_code in (200, 201), (method, path, response.text)
        else:
            assert response.status_code == 403, (method, path)
            assert response.json()["status"] == 403 and role in response.json()["detail"]


def test_the_ledger_and_the_audit_log_name_the_token_and_no_log_shows_it(
    as_role: Callable[..., Any], scenario_set: dict[str, Any], capsys: Any
) -> None:
    client = as_role("expert")
    assert client.post("/v1/scenario-sets", json=scenario_set).json()["createdBy"] == "a expert"
    assert client.get("/v1/ledger-entries").json()["items"][0]["actor"] == "a expert"
    logged = capsys.readouterr().err
    assert "a expert" in logged and token_of("expert") not in logged


def test_own_hosts() -> None:
    own = ("localhost", "localhost:8000", "127.0.0.1:80", "[::1]:8000", "[::1]", "app.localhost", "web")
    foreign = ("example.org", "example.org:8000", "10.0.0.1", "[2001:db8::1]:80", "127.0.0.1.example.org")
    assert all(map(is_own_host, own)) and not any(map(is_own_host, foreign))


class TestSettings:
    def test_defaults_are_for_this_machine(self) -> None:
        settings = load_settings({})
        assert (settings.host, settings.port, settings.max_body) == ("127.0.0.1", 8000, 20_000_000)
        assert settings.database_url == f"sqlite:///{settings.data_dir / 'instroom.sqlite'}"
        assert settings.on_loopback and settings.tokens_file is None and settings.scheduler is None

    def test_every_variable_is_honoured(self, tmp_path: Path) -> None:
        settings = load_settings(
            {
                "HOST": "0.0.0.0",
                "PORT": "9000",
                "INSTROOM_DATA_DIR": str(tmp_path),
                "INSTROOM_DATABASE_URL": "postgresql://db/instroom",
                "INSTROOM_SCHEDULER": "tcp://scheduler:8786",
                "INSTROOM_TOKENS_FILE": "/tokens.json",
                "INSTROOM_MAX_BODY": "5000",
                "INSTROOM_PUBLIC_URL": "https://instroom.example.org/v1/",
                "INSTROOM_CONTACT": "team@example.org",
            }
        )
        assert settings == Settings(
            data_dir=tmp_path,
            database_url="postgresql://db/instroom",
            host="0.0.0.0",
            port=9000,
            scheduler="tcp://scheduler:8786",
            tokens_file=Path("/tokens.json"),
            max_body=5000,
            public_url="https://instroom.example.org",
            contact="team@example.org",
        )

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("PORT", "http"),
            ("PORT", "70000"),
            ("PORT", "-1"),
            ("INSTROOM_MAX_BODY", "20MB"),
            ("INSTROOM_MAX_BODY", "1"),
            ("INSTROOM_PUBLIC_URL", "instroom.example.org"),
            ("INSTROOM_PUBLIC_URL", "ftp://instroom.example.org"),
        ],
    )
    def test_a_value_without_meaning_is_named(self, name: str, value: str) -> None:
        with pytest.raises(ConfigurationError, match=name):
            load_settings({name: value})


@pytest.mark.parametrize("role", ROLES)
def test_a_caller_learns_the_own_name_and_role(as_role: Callable[..., Any], role: str) -> None:
    told = as_role(role).get("/v1/callers/me").json()
    assert told == {"name": f"a {role}", "role": role, "development": False}


def test_in_development_everyone_is_the_administrator(client: Any) -> None:
    assert client.get("/v1/callers/me").json() == {
        "name": "development",
        "role": "admin",
        "development": True,
    }
