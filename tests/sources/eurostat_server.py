"""A local HTTP server that answers as Eurostat does, well and badly, by a script of answers per test."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Answer:
    """`promise` is a Content-Length other than the body's; `delay` (s) comes before the first byte."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    promise: int | None = None


@dataclass
class Seen:
    """What arrived: path, query parameters and headers (lower-case names)."""

    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]

    def values(self, name: str) -> list[str]:
        return [value for key, value in self.query if key == name]


@dataclass
class EurostatServer:
    url: str
    seen: list[Seen]


@contextmanager
def serving(respond: Callable[[Seen, int], Answer]) -> Iterator[EurostatServer]:
    """Serve `respond(request, how many came before)` on a free port of the loopback for the block."""
    seen: list[Seen] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Seen(parts.path, parse_qsl(parts.query), headers)
            answer = respond(request, len(seen))
            seen.append(request)
            time.sleep(answer.delay)
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            length = len(answer.body) if answer.promise is None else answer.promise
            if answer.status != 304:
                self.send_header("Content-Length", str(length))
            self.end_headers()
            try:
                self.wfile.write(answer.body)
            except OSError:  # the client hung up first: what a test of a slow answer wants
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: the test reports what it saw."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield EurostatServer(f"http://127.0.0.1:{server.server_address[1]}", seen)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
