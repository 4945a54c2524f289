"""Bearer tokens of a provider: keys from a server on this machine, tokens made here, right ones and every wrong one."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import jwt
import pytest
from anyio.from_thread import start_blocking_portal
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from service.app import create_app
from service.settings import ConfigurationError, OidcSettings, Settings, load_settings
from tests.conftest import Client
from tests.contract.every_role import settings_of

AUDIENCE = "instroom"
KEYS = {name: rsa.generate_private_key(public_exponent=65537, key_size=2048) for name in ("one", "two", "no")}
CURVE = ec.generate_private_key(ec.SECP256R1())


def public(name: str) -> dict[str, Any]:
    return {**RSAAlgorithm.to_jwk(KEYS[name].public_key(), as_dict=True), "kid": name, "use": "sig"}


@dataclass
class Provider:
    """A provider of identities on this machine; `asked` are the paths it was asked for."""

    issuer: str = ""
    keys: list[dict[str, Any]] = field(default_factory=lambda: [public("one")])
    description: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def answer(self, path: str) -> Any:
        if path == "/.well-known/openid-configuration":
            return {"issuer": self.issuer, "jwks_uri": f"{self.issuer}/keys", **self.description}
        return {"keys": self.keys} if path == "/keys" else None


@contextmanager
def answering() -> Iterator[Provider]:
    """A provider that answers."""
    made = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.asked.append(self.path)
            found = made.answer(self.path)
            body = json.dumps(found).encode()
            self.send_response(200 if found is not None else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Nothing on the terminal."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        made.issuer = f"http://127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield made
        server.shutdown()
        thread.join()


@pytest.fixture
def provider() -> Iterator[Provider]:
    with answering() as made:
        yield made


@dataclass(frozen=True)
class Service:
    """A service that trusts a provider, and that provider."""

    provider: Provider
    client: Client

    def ask(self, token: str, path: str = "/v1/callers/me") -> Any:
        return self.client.get(path, headers={"Authorization": f"Bearer {token}"})


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One service for all questions that change neither it nor its provider."""
    folder = tmp_path_factory.mktemp("oidc")
    with answering() as provider, start_blocking_portal() as portal:
        settings = Settings(folder, f"sqlite:///{folder / 'test.sqlite'}", host="0.0.0.0")
        app = create_app(replace(settings, oidc=OidcSettings(provider.issuer, AUDIENCE)))
        client = Client(app, portal)
        yield Service(provider, client)
        client.close()
    app.state.sessions.kw["bind"].dispose()


def claims(provider: Provider, **changes: Any) -> dict[str, Any]:
    made = {
        "iss": provider.issuer,
        "aud": AUDIENCE,
        "sub": "9f1c",
        "exp": int(time.time()) + 600,
        "roles": ["evaluator"],
        **changes,
    }
    return {name: value for name, value in made.items() if value is not None}


def signed(provider: Provider, key: str = "one", kid: str | None = None, **changes: Any) -> str:
    return jwt.encode(claims(provider, **changes), KEYS[key], "RS256", headers={"kid": kid or key})


@pytest.fixture
def ask(settings: Settings, provider: Provider, connect: Callable[..., Any]) -> Callable[..., Any]:
    """`ask(token, path)` of one service that trusts the provider."""
    oidc = OidcSettings(issuer=provider.issuer, audience=AUDIENCE)
    app = create_app(replace(settings, oidc=oidc, host="0.0.0.0"))
    client = connect(app)

    def asking(token: str, path: str = "/v1/callers/me") -> Any:
        return client.get(path, headers={"Authorization": f"Bearer {token}"})

    return asking


def test_a_token_of_the_provider_is_its_caller_with_the_role_of_its_claim(standing: Service) -> None:
    ask, provider = standing.ask, standing.provider
    answer = ask(signed(provider))
    assert answer.status_code == 200, answer.text
    assert (answer.json()["name"], answer.json()["role"]) == ("9f1c", "evaluator")
    assert "x-instroom-mode" not in answer.headers
    assert ask(signed(provider), "/v1/realisations").status_code == 200
    assert ask(signed(provider, roles=["consumer"]), "/v1/deliveries").status_code == 403


def test_keys_are_asked_for_once(ask: Callable[..., Any], provider: Provider) -> None:
    assert provider.asked == []
    for number in range(4):
        assert ask(signed(provider, sub=f"caller {number}")).status_code == 200
    assert provider.asked == ["/.well-known/openid-configuration", "/keys"]


@pytest.mark.parametrize(
    ("roles", "role"),
    [("admin", "admin"), (["consumer", "expert"], "expert"), (["elsewhere", "consumer"], "consumer")],
)
def test_of_several_roles_the_first_in_order_counts(standing: Service, roles: Any, role: str) -> None:
    assert standing.ask(signed(standing.provider, roles=roles)).json()["role"] == role


@pytest.mark.parametrize("roles", [None, [], ["root"], {"admin": True}, 1, [["admin"]]])
def test_without_a_role_nothing_may_be_done(standing: Service, roles: Any) -> None:
    answer = standing.ask(signed(standing.provider, roles=roles))
    assert answer.status_code == 403 and "none of the roles" in answer.json()["detail"]


def _altered(token: str) -> str:
    """The token with the role of an administrator written into it."""
    head, body, signature = token.split(".")
    stated = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    stated["roles"] = ["admin"]
    body = base64.urlsafe_b64encode(json.dumps(stated).encode()).rstrip(b"=").decode()
    return f"{head}.{body}.{signature}"


WRONG: dict[str, tuple[Callable[[Provider], str], str]] = {
    "issuer": (lambda p: signed(p, iss="https://elsewhere.example.org"), "another issuer"),
    "audience": (lambda p: signed(p, aud="another service"), "another audience"),
    "expired": (lambda p: signed(p, exp=int(time.time()) - 3600), "expired"),
    "not yet": (lambda p: signed(p, nbf=int(time.time()) + 3600), "not valid yet"),
    "no expiry": (lambda p: signed(p, exp=None), "lacks exp"),
    "no audience": (lambda p: signed(p, aud=None), "lacks exp, iss or aud"),
    "no issuer": (lambda p: signed(p, iss=None), "lacks exp, iss or aud"),
    "nobody": (lambda p: signed(p, sub=None), "names nobody"),
    "none": (lambda p: jwt.encode(claims(p), None, "none", headers={"kid": "one"}), "not taken"),
    "shared secret": (
        lambda p: jwt.encode(
            claims(p), "a secret of thirty-two bytes or more", "HS256", headers={"kid": "one"}
        ),
        "not taken",
    ),
    "another key": (lambda p: signed(p, key="no", kid="one"), "signature does not hold"),
    "unknown key": (lambda p: signed(p, key="no"), "key is not the provider's"),
    "no key named": (lambda p: jwt.encode(claims(p), KEYS["one"], "RS256"), "key is not the provider's"),
    "another kind of key": (
        lambda p: jwt.encode(claims(p), CURVE, "ES256", headers={"kid": "one"}),
        "not taken",
    ),
    "altered": (lambda p: _altered(signed(p)), "signature does not hold"),
    "no token": (lambda p: "not.a.token", "cannot be read"),
    "text": (lambda p: "secret", "cannot be read"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_token_that_does_not_hold_is_refused(standing: Service, name: str, capsys: Any) -> None:
    make, reason = WRONG[name]
    token = make(standing.provider)
    answer = standing.ask(token)
    assert answer.status_code == 401, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]
    assert reason in answer.json()["detail"]
    assert token not in answer.text and token not in capsys.readouterr().err


def test_an_elliptic_key_of_the_provider_is_taken(ask: Callable[..., Any], provider: Provider) -> None:
    provider.keys = [{**ECAlgorithm.to_jwk(CURVE.public_key(), as_dict=True), "kid": "curve"}]
    assert ask(jwt.encode(claims(provider), CURVE, "ES256", headers={"kid": "curve"})).status_code == 200


def test_a_token_that_was_checked_is_not_taken_after_it_expired(
    ask: Callable[..., Any], provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = signed(provider)
    assert ask(token).status_code == 200
    later = time.time() + 3600
    monkeypatch.setattr("service.security.time.time", lambda: later)
    monkeypatch.setattr("jwt.api_jwt.datetime", _Later)
    assert ask(token).status_code == 401


class _Later:
    """The clock of PyJWT an hour on."""

    @staticmethod
    def now(tz: Any = None) -> Any:
        from datetime import datetime, timedelta

        return datetime.now(tz) + timedelta(hours=1)


def test_a_provider_that_does_not_answer_says_nothing_about_the_token(
    settings: Settings, connect: Callable[..., Any], provider: Provider
) -> None:
    oidc = OidcSettings(issuer="http://127.0.0.1:9", audience=AUDIENCE)
    client = connect(create_app(replace(settings, oidc=oidc)), signed(provider))
    answer = client.get("/v1/callers/me")
    assert answer.status_code == 503 and "does not answer" in answer.json()["detail"]
    assert client.get("/v1/health/live").status_code == 200


def test_a_description_of_another_issuer_is_not_believed(ask: Callable[..., Any], provider: Provider) -> None:
    provider.description = {"issuer": "https://elsewhere.example.org"}
    assert ask(signed(provider)).status_code == 503
    provider.description = {}
    assert ask(signed(provider)).status_code == 200


def test_a_role_may_lie_within_other_claims_and_keys_elsewhere(
    settings: Settings, connect: Callable[..., Any], provider: Provider
) -> None:
    oidc = OidcSettings(
        provider.issuer, AUDIENCE, "realm_access.roles", "preferred_username", f"{provider.issuer}/keys"
    )
    client = connect(
        create_app(replace(settings, oidc=oidc)),
        signed(provider, roles=None, realm_access={"roles": ["expert"]}, preferred_username="j"),
    )
    assert client.get("/v1/callers/me").json() | {"development": False} == {
        "name": "j", "role": "expert", "development": False
    }  # fmt: skip
    assert provider.asked == ["/keys"]


def test_tokens_of_the_file_are_taken_beside_it_and_nobody_takes_their_name(
    tmp_path: Path, connect: Callable[..., Any], provider: Provider
) -> None:
    both = replace(settings_of(tmp_path), oidc=OidcSettings(provider.issuer, AUDIENCE))
    app = create_app(both)
    assert connect(app, "expert").get("/v1/callers/me").json()["role"] == "expert"
    assert connect(app, signed(provider)).get("/v1/callers/me").status_code == 200
    answer = connect(app, signed(provider, sub="expert")).get("/v1/callers/me")
    assert answer.status_code == 401 and "name of a token" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("INSTROOM_OIDC_AUDIENCE", ""),
        ("INSTROOM_OIDC_ISSUER", ""),
        ("INSTROOM_OIDC_ISSUER", "http://id.example.org"),
        ("INSTROOM_OIDC_ISSUER", "id.example.org"),
        ("INSTROOM_OIDC_KEYS_URL", "ftp://id.example.org/keys"),
    ],
)
def test_settings_without_meaning_are_named(name: str, value: str) -> None:
    whole = {"INSTROOM_OIDC_ISSUER": "https://id.example.org", "INSTROOM_OIDC_AUDIENCE": AUDIENCE}
    assert load_settings(whole).oidc == OidcSettings("https://id.example.org", AUDIENCE)
    with pytest.raises(ConfigurationError, match=name):
        load_settings({**whole, name: value})
