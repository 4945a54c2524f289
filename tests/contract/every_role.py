"""Services with a token for every role, named as the role, and a client for each."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from anyio.from_thread import start_blocking_portal

from service.app import InstroomApp, create_app
from service.security import Role
from service.settings import Settings
from tests.conftest import Client


def settings_of(folder: Path) -> Settings:
    """A service whose database, draws and tokens are in `folder`."""
    digest = {role: hashlib.sha256(role.encode()).hexdigest() for role in Role}
    tokens = folder / "tokens.json"
    tokens.write_text(json.dumps([{"name": r, "role": r, "sha256": d} for r, d in digest.items()]))
    url = f"sqlite:///{folder / 'test.sqlite'}"
    return Settings(data_dir=folder, database_url=url, tokens_file=tokens, host="0.0.0.0")


@contextmanager
def service_with_roles(folder: Path) -> Iterator[tuple[InstroomApp, dict[str, Client]]]:
    """An application and its clients by role; closed at the end."""
    app = create_app(settings_of(folder))
    with start_blocking_portal() as portal:
        clients = {r.value: Client(app, portal, {"Authorization": f"Bearer {r.value}"}) for r in Role}
        yield app, clients
        for client in clients.values():
            client.close()
    app.state.sessions.kw["bind"].dispose()
