"""Who is calling and what they may do: bearer tokens with roles, or the marked development mode.

The tokens file is a JSON list of {"name", "role", "sha256"}: the SHA-256 of a long random token, never the token.
Beside it or instead of it an OpenID Connect provider may vouch for callers (`service.oidc`). Without either the service
serves only its own machine and treats every caller as `admin`; a listener that others can reach then refuses to start.
Because a web page can make a browser call its own machine under a name of its choosing, development mode also refuses
a Host that could belong to someone else.
Must not know any resource; a route states its roles with `require(...)`.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Protocol

import structlog
from fastapi import Depends, Request
from fastapi.security import HTTPBearer

from service.problems import Problem
from service.settings import ConfigurationError, Settings

_SHA256_HEX = 64
_HOLD_SECONDS, _MOST_HELD = 300.0, 10_000
_CHALLENGE = 'Bearer realm="instroom"'


class Role(StrEnum):
    CONSUMER = "consumer"
    EXPERT = "expert"
    EVALUATOR = "evaluator"
    ADMIN = "admin"


@dataclass(frozen=True)
class Caller:
    name: str
    role: Role


class Provider(Protocol):
    """Who vouches for tokens that are in no file."""

    def caller(self, token: str) -> tuple[Caller, float]:
        """Who a token is of, and until when (seconds since 1970); raises Problem 401, 403 or 503."""


@dataclass(frozen=True)
class Authority:
    """Knows every token by its hash; `development` means: no tokens, this machine only, everyone is admin.

    A token that `provider` vouched for is `held` for some minutes, so that it is not checked at every request.
    """

    development: bool
    callers: Mapping[str, Caller] = field(default_factory=dict)
    provider: Provider | None = None
    held: dict[str, tuple[Caller, float]] = field(default_factory=dict)

    def identify(self, authorization: str | None) -> Caller:
        """The caller behind an Authorization header; raises Problem 401, and 403 or 503 of a provider."""
        if self.development:
            return Caller("development", Role.ADMIN)
        token = _token(authorization)
        if token is None:
            dutch = "Hiervoor moet u aangemeld zijn: geef een toegangscode."
            raise unauthorised("A bearer token is needed.", dutch, error="")
        caller = self.known(authorization)
        if caller is not None:
            return caller
        if self.provider is None:
            raise unauthorised("This bearer token is not known.", "Deze toegangscode is hier niet bekend.")
        caller, until = self.provider.caller(token)
        if any(caller.name == one.name for one in self.callers.values()):
            detail = f"{caller.name} is the name of a token of this service."
            raise unauthorised(detail, f"{caller.name} is al de naam bij een toegangscode van deze dienst.")
        self._hold(token, caller, until)
        return caller

    def known(self, authorization: str | None) -> Caller | None:
        """The caller, where that is known without asking a provider."""
        token = _token(authorization)
        if token is None:
            return None
        digest = _digest(token)
        caller, until = self.held.get(digest, (None, 0.0))
        return self.callers.get(digest) or (caller if time.time() < until else None)

    def _hold(self, token: str, caller: Caller, until: float) -> None:
        while len(self.held) >= _MOST_HELD:
            self.held.pop(next(iter(self.held)), None)
        self.held[_digest(token)] = caller, min(until, time.time() + _HOLD_SECONDS)


def _token(authorization: str | None) -> str | None:
    scheme, _, token = (authorization or "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def unauthorised(detail: str, dutch: str, error: str = "invalid_token") -> Problem:
    """401 with the challenge of RFC 6750, 3."""
    challenge = f'{_CHALLENGE}, error="{error}"' if error else _CHALLENGE
    return Problem(401, "Unauthorized", detail, dutch=dutch, headers={"WWW-Authenticate": challenge})


def load_authority(settings: Settings) -> Authority:
    """Read the tokens; raises ConfigurationError when the service may not start like this."""
    log = structlog.get_logger("instroom.security")
    if settings.guarded:
        callers = _read_tokens(settings.tokens_file) if settings.tokens_file else {}
        issuer = settings.oidc.issuer if settings.oidc else None
        log.info("access is guarded", tokens=len(callers), issuer=issuer)
        return Authority(development=False, callers=callers, provider=_provider(settings))
    if not settings.on_loopback:
        raise ConfigurationError(
            f"HOST is {settings.host}, which others can reach, and no tokens are configured: set "
            "INSTROOM_TOKENS_FILE or INSTROOM_OIDC_ISSUER, or HOST=127.0.0.1 for development on this machine only."
        )
    log.warning("development mode: every caller is admin", host=settings.host)
    return Authority(development=True)


def _provider(settings: Settings) -> Provider | None:
    if settings.oidc is None:
        return None
    from service.oidc import OidcProvider

    return OidcProvider(settings.oidc)


def _read_tokens(path: Path) -> dict[str, Caller]:
    try:
        entries = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"INSTROOM_TOKENS_FILE {path} cannot be read as JSON: {error}.") from error
    if not isinstance(entries, list) or not entries:
        raise ConfigurationError(f"INSTROOM_TOKENS_FILE {path} must hold a list with at least one token.")
    callers = dict(_read_token(path, number, entry) for number, entry in enumerate(entries, 1))
    if len(callers) != len(entries):
        raise ConfigurationError(f"INSTROOM_TOKENS_FILE {path} lists one token twice.")
    return callers


def _read_token(path: Path, number: int, entry: Any) -> tuple[str, Caller]:
    where = f"Entry {number} of INSTROOM_TOKENS_FILE {path}"
    if not isinstance(entry, dict) or set(entry) != {"name", "role", "sha256"}:
        raise ConfigurationError(f"{where} must have exactly name, role and sha256.")
    name, role, digest = (str(entry[key]) for key in ("name", "role", "sha256"))
    if role not in set(Role):
        raise ConfigurationError(f"{where} has the unknown role {role!r}; known are {', '.join(Role)}.")
    if len(digest) != _SHA256_HEX or set(digest.lower()) - set("0123456789abcdef") or not name.strip():
        raise ConfigurationError(f"{where} needs a name and the token's SHA-256 in 64 hexadecimal digits.")
    return digest.lower(), Caller(name, Role(role))


def is_own_host(host: str) -> bool:
    """Whether a Host header names this machine: loopback, or a name without a dot, which nobody can own."""
    name = host.rsplit(":", 1)[0] if not host.endswith("]") and ":" in host else host
    name = name.strip("[]").lower()
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name.endswith(".localhost") or "." not in name


_bearer = HTTPBearer(auto_error=False, description="A token issued by the administrator.")


def identified(request: Request, _documented: Annotated[object, Depends(_bearer)] = None) -> Caller:
    """Any known caller, whatever the role."""
    authority: Authority = request.app.state.authority
    caller = authority.identify(request.headers.get("authorization"))
    # For the request's log line, which is written in another context than this one.
    request.scope["instroom.actor"] = caller.name
    return caller


AnyCaller = Annotated[Caller, Depends(identified)]


def require(*roles: Role) -> Callable[[Caller], Caller]:
    """A dependency that lets these roles and `admin` through; the others get Problem 403."""
    allowed = {Role.ADMIN, *roles}

    def permitted(caller: AnyCaller) -> Caller:
        if caller.role not in allowed:
            names = ", ".join(sorted(allowed))
            detail = f"The role {caller.role} may not do this; it is for {names}."
            dutch = f"De rol {caller.role} mag dit niet; het is voor {names}."
            raise Problem(403, "Forbidden", detail, dutch=dutch)
        return caller

    return permitted


AdminCaller = Annotated[Caller, Depends(require())]
ExpertCaller = Annotated[Caller, Depends(require(Role.EXPERT))]
ReaderOfConcepts = Annotated[Caller, Depends(require(Role.EXPERT, Role.EVALUATOR))]
EvaluatorCaller = Annotated[Caller, Depends(require(Role.EVALUATOR))]
