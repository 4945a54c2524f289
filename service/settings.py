"""What the service is told from outside, read once from the environment into one frozen record.

HOST, PORT                      where the web process listens (127.0.0.1:8000)
INSTROOM_DATA_DIR               database, draws and caches (./var)
INSTROOM_DATABASE_URL           SQLAlchemy URL; SQLite in the data directory when absent
INSTROOM_SCHEDULER              address of a Dask scheduler; a local cluster when absent
INSTROOM_TOKENS_FILE            hashed tokens with their roles; see `service.security`
INSTROOM_OIDC_ISSUER            OpenID Connect provider whose tokens are taken, if for INSTROOM_OIDC_AUDIENCE
INSTROOM_OIDC_ROLE_CLAIM        claim of the role (roles); INSTROOM_OIDC_NAME_CLAIM of the caller's name (sub)
INSTROOM_OIDC_KEYS_URL          the provider's key set, if not as it describes itself
INSTROOM_RATE_LIMIT             requests a caller may make (3000/minute), or none
INSTROOM_MAX_BODY               largest request body in bytes (20 MB)
INSTROOM_PUBLIC_URL             address under which clients reach the service, without /v1
INSTROOM_CONTACT                mail address of the team, for the API document and security.txt
Knows nothing of HTTP or the database; it only checks that the values make sense.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

API_VERSION = "1.0.0"
DEFAULT_MAX_BODY = 20_000_000
DEFAULT_RATE_LIMIT = "3000/minute"


_OIDC = (
    "INSTROOM_OIDC_ISSUER",
    "INSTROOM_OIDC_AUDIENCE",
    "INSTROOM_OIDC_ROLE_CLAIM",
    "INSTROOM_OIDC_NAME_CLAIM",
    "INSTROOM_OIDC_KEYS_URL",
)


class ConfigurationError(Exception):
    """The service cannot start as configured; the message is one sentence for the operator."""


@dataclass(frozen=True)
class OidcSettings:
    """Whose tokens are taken, for whom they must be, and which claims hold the role and the caller's name.

    `role_claim` may lie within others ("realm_access.roles"); `keys_url` is discovered from the issuer when absent.
    """

    issuer: str
    audience: str
    role_claim: str = "roles"
    name_claim: str = "sub"
    keys_url: str | None = None


@dataclass(frozen=True)
class Settings:
    data_dir: Path
    database_url: str
    host: str = "127.0.0.1"
    port: int = 8000
    scheduler: str | None = None
    tokens_file: Path | None = None
    oidc: OidcSettings | None = None
    rate_limit: str | None = DEFAULT_RATE_LIMIT
    max_body: int = DEFAULT_MAX_BODY
    public_url: str = "https://localhost"
    contact: str = "instroom@example.org"

    @property
    def guarded(self) -> bool:
        """Whether callers need a token."""
        return self.tokens_file is not None or self.oidc is not None

    @property
    def on_loopback(self) -> bool:
        return is_loopback(self.host)


def is_loopback(host: str) -> bool:
    """Whether a listener on `host` can only be reached from this machine."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def load_settings(environ: Mapping[str, str]) -> Settings:
    """Read the settings; raises ConfigurationError naming the variable that makes no sense."""
    data_dir = Path(environ.get("INSTROOM_DATA_DIR") or "var").expanduser().resolve()
    tokens = environ.get("INSTROOM_TOKENS_FILE")
    return Settings(
        data_dir=data_dir,
        database_url=environ.get("INSTROOM_DATABASE_URL") or f"sqlite:///{data_dir / 'instroom.sqlite'}",
        host=environ.get("HOST") or "127.0.0.1",
        port=_whole_number(environ, "PORT", 8000, 0, 65_535),
        scheduler=environ.get("INSTROOM_SCHEDULER") or None,
        tokens_file=Path(tokens).expanduser() if tokens else None,
        oidc=_oidc(environ),
        rate_limit=_rate_limit(environ.get("INSTROOM_RATE_LIMIT") or DEFAULT_RATE_LIMIT),
        max_body=_whole_number(environ, "INSTROOM_MAX_BODY", DEFAULT_MAX_BODY, 1_000, 1_000_000_000),
        public_url=_public_url(environ.get("INSTROOM_PUBLIC_URL") or "https://localhost"),
        contact=environ.get("INSTROOM_CONTACT") or "instroom@example.org",
    )


def _whole_number(environ: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    text = environ.get(name) or str(default)
    if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
        raise ConfigurationError(f"{name} must be a whole number from {low} to {high}, not {text!r}.")
    return int(text)


def _oidc(environ: Mapping[str, str]) -> OidcSettings | None:
    issuer, audience, role, name, keys = (environ.get(variable) or None for variable in _OIDC)
    if not any((issuer, audience, role, name, keys)):
        return None
    if issuer is None or audience is None:
        absent = _OIDC[0] if issuer is None else _OIDC[1]
        raise ConfigurationError(f"{absent} is needed beside the other variables of the provider.")
    for variable, address in ((_OIDC[0], issuer), (_OIDC[4], keys)):
        if address is not None:
            _check_secure(variable, address)
    return OidcSettings(issuer, audience, role or "roles", name or "sub", keys)


def _check_secure(name: str, address: str) -> None:
    """Keys that came over plain http could be anybody's, except from this machine."""
    parts = urlsplit(address)
    secure = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))
    if not secure or not parts.hostname:
        raise ConfigurationError(f"{name} must be an https address, not {address!r}.")


def _rate_limit(text: str) -> str | None:
    if text == "none":
        return None
    if not re.fullmatch(r"[1-9][0-9]{0,8}/(second|minute|hour)", text):
        raise ConfigurationError(
            f"INSTROOM_RATE_LIMIT must be like 3000/minute (or second, hour), or none, not {text!r}."
        )
    return text


def _public_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.query or parts.fragment:
        raise ConfigurationError(f"INSTROOM_PUBLIC_URL must be an absolute https address, not {text!r}.")
    return text.rstrip("/").removesuffix("/v1")
