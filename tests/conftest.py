"""What tests share: the folder of real counts, and a client that speaks to ASGI without a socket."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis import settings

Asgi = Callable[..., Any]

# Time per example says how busy the machine is, not whether the property holds.
settings.register_profile("instroom", deadline=None)
settings.load_profile("instroom")


class Client:
    """A synchronous face on httpx' ASGI transport; a crash comes back as the 500 a caller sees."""

    def __init__(self, app: Asgi, portal: BlockingPortal, headers: dict[str, str] | None = None) -> None:
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False, client=("127.0.0.1", 50_000))
        self._client = httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers)
        self._portal = portal

    def request(self, method: str, url: str, **options: Any) -> httpx.Response:
        return self._portal.call(lambda: self._client.request(method, url, **options))

    def get(self, url: str, **options: Any) -> httpx.Response:
        return self.request("GET", url, **options)

    def post(self, url: str, **options: Any) -> httpx.Response:
        return self.request("POST", url, **options)

    def put(self, url: str, **options: Any) -> httpx.Response:
        return self.request("PUT", url, **options)

    def delete(self, url: str, **options: Any) -> httpx.Response:
        return self.request("DELETE", url, **options)

    def close(self) -> None:
        self._portal.call(self._client.aclose)


@pytest.fixture
def connect() -> Iterator[Callable[..., Client]]:
    """`connect(app, token=None)` gives a client; all are closed at the end of the test."""
    with ExitStack() as stack:
        portal = stack.enter_context(start_blocking_portal())

        def opened(app: Asgi, token: str | None = None) -> Client:
            client = Client(app, portal, {"Authorization": f"Bearer {token}"} if token else None)
            stack.callback(client.close)
            return client

        yield opened


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real published counts: `INSTROOM_TEST_DATA`, else `../shared/data` beside the repository."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("INSTROOM_TEST_DATA", beside))
    if not folder.is_dir():
        pytest.skip(
            f"real data are not here: {folder} does not exist (INSTROOM_TEST_DATA names another folder)"
        )
    return folder
