"""What the service is told from outside, read once from the environment into one frozen record.

HOST, PORT                      where the web process listens (127.0.0.1:8000)
INSTROOM_DATA_DIR               database, draws and caches (./var)
INSTROOM_DATABASE_URL           SQLAlchemy URL; SQLite in the data directory when absent
INSTROOM_SCHEDULER              address of a Dask scheduler; a local cluster when absent
INSTROOM_TOKENS_FILE            hashed tokens with their roles; see `service.security`
INSTROOM_MAX_BODY               largest request body in bytes (20 MB)
INSTROOM_PUBLIC_URL             address under which clients reach the service, without /v1
INSTROOM_CONTACT                mail address of the team, for the API document and security.txt
Knows nothing of HTTP or the database; it only checks that the values make sense.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

API_VERSION = "1.0.0"
DEFAULT_MAX_BODY = 20_000_000


class ConfigurationError(Exception):
    """The service cannot start as configured; the message is one sentence for the operator."""


@dataclass(frozen=True)
class Settings:
    data_dir: Path
    database_url: str
    host: str = "127.0.0.1"
    port: int = 8000
    scheduler: str | None = None
    tokens_file: Path | None = None
    max_body: int = DEFAULT_MAX_BODY
    public_url: str = "https://localhost"
    contact: str = "instroom@example.org"

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
        max_body=_whole_number(environ, "INSTROOM_MAX_BODY", DEFAULT_MAX_BODY, 1_000, 1_000_000_000),
        public_url=_public_url(environ.get("INSTROOM_PUBLIC_URL") or "https://localhost"),
        contact=environ.get("INSTROOM_CONTACT") or "instroom@example.org",
    )


def _whole_number(environ: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    text = environ.get(name) or str(default)
    if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
        raise ConfigurationError(f"{name} must be a whole number from {low} to {high}, not {text!r}.")
    return int(text)


def _public_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.query or parts.fragment:
        raise ConfigurationError(f"INSTROOM_PUBLIC_URL must be an absolute https address, not {text!r}.")
    return text.rstrip("/").removesuffix("/v1")
