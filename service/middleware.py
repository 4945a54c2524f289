"""What every request passes through before a route and every response after it, as plain ASGI layers.

    Envelope   headers on every answer (also 404, 405, 500), HEAD, request log and metrics
    Gate       405 with the full Allow, 406, 415, unknown query keys, a foreign Host in development mode
    BodyLimit  413 for a body over the limit, declared or chunked, without keeping it in memory

They wrap the whole application because Starlette's middleware sits inside the layer that answers a crash.
Sources: NL API Design Rules 2.2 (version-header, http-methods, security-headers); RFC 9110, 12 and 15.
Must not know any resource: what a path takes and gives comes from `service.openapi.RouteTable`.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable
from urllib.parse import parse_qsl

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.openapi import Operation, RouteTable
from service.problems import Problem, invalid_input, plain_problem
from service.security import is_own_host
from service.settings import API_VERSION

API_ROOT = "/v1"
# A client still sending reads no answer: a refused body is read and dropped, up to this many limits.
_DRAIN_TIMES = 4

_EVERYWHERE = {
    "api-version": API_VERSION,
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "strict-transport-security": "max-age=31536000; includeSubDomains",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
_API_POLICY = "default-src 'none'; frame-ancestors 'none'"
_PAGE_POLICY = (
    "default-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)

Observe = Callable[[str, str, int, float], None]


def header(scope: Scope, name: bytes) -> str:
    """A request header's value, repeated ones joined by commas, '' when absent."""
    return ",".join(v.decode("latin-1") for k, v in scope["headers"] if k.lower() == name)


class Envelope:
    """Outermost: headers of every response, HEAD as GET without a body, one log line, one measurement."""

    def __init__(self, inner: ASGIApp, *, origin: str, development: bool, observe: Observe) -> None:
        self._inner, self._observe = inner, observe
        self._headers = {**_EVERYWHERE, "access-control-allow-origin": origin}
        if development:
            self._headers["x-instroom-mode"] = "development"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        request_id, started, status = uuid.uuid4().hex, time.perf_counter(), 500
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request=request_id)
        method, head = scope["method"], scope["method"] == "HEAD"
        inner_scope = {**scope, "method": "GET"} if head else scope
        outgoing = _without_body(send) if head else send

        async def completed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = self._complete(scope, message.get("headers", []), request_id)
                message = {**message, "headers": headers}
            await outgoing(message)

        try:
            await self._inner(inner_scope, receive, completed)
        finally:
            self._report(inner_scope, method, status, time.perf_counter() - started)

    def _complete(
        self, scope: Scope, present: Iterable[tuple[bytes, bytes]], request_id: str
    ) -> list[tuple[bytes, bytes]]:
        present = list(present)
        have = {name.lower() for name, _ in present}
        within_api = scope["path"].startswith(f"{API_ROOT}/")
        policy = _API_POLICY if within_api else _PAGE_POLICY
        added = {
            **self._headers,
            "content-security-policy": policy,
            "x-request-id": request_id,
        }
        if scope["path"] == f"{API_ROOT}/openapi.json":
            added["access-control-allow-origin"] = "*"
        extra = [(k.encode(), v.encode()) for k, v in added.items() if k.encode() not in have]
        return [*present, *extra]

    def _report(self, scope: Scope, method: str, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "unmatched")
        prefix = API_ROOT if scope["path"].startswith(f"{API_ROOT}/") and route != "unmatched" else ""
        self._observe(method, f"{prefix}{route}", status, seconds)
        actor = {"actor": scope["instroom.actor"]} if "instroom.actor" in scope else {}
        log = structlog.get_logger("instroom.http")
        log.info(
            "request", method=method, path=scope["path"], status=status, ms=round(seconds * 1000, 2), **actor
        )


def _without_body(send: Send) -> Send:
    ended = False

    async def sending(message: Message) -> None:
        nonlocal ended
        if message["type"] != "http.response.body":
            await send(message)
        elif not ended:
            # One empty, final part at once: a stream's later parts must not keep a HEAD request open.
            ended = True
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    return sending


class Gate:
    """Refuses what the document does not offer, before any route runs."""

    def __init__(self, inner: ASGIApp, *, table: Callable[[], RouteTable], development: bool) -> None:
        self._inner, self._table, self._development = inner, table, development

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refused = self._refusal(scope) if scope["type"] == "http" else None
        if refused is None:
            await self._inner(scope, receive, send)
        else:
            await refused.response()(scope, receive, send)

    def _refusal(self, scope: Scope) -> Problem | None:
        if self._development and not is_own_host(header(scope, b"host")):
            detail = "In development mode only this machine's own names are served."
            return plain_problem(421, detail, dutch="In ontwikkelmodus antwoordt alleen deze machine zelf.")
        if not scope["path"].startswith(f"{API_ROOT}/"):
            return None
        path = scope["path"].removeprefix(API_ROOT)
        operations = self._table().operations(path)
        if not operations:
            return None
        operation = operations.get(scope["method"])
        if operation is None:
            allow = {"Allow": self._table().allow(path)}
            dutch = f"Dit adres kent {scope['method']} niet, wel {self._table().allow(path)}."
            return plain_problem(
                405, f"{scope['method']} is not offered at this address.", allow, dutch=dutch
            )
        return _refused_query(scope, operation) or _refused_media(scope, operation)


def _refused_query(scope: Scope, operation: Operation) -> Problem | None:
    """A key nobody reads is refused: a mistyped `asOf` must not quietly give today's figures."""
    given = parse_qsl(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)
    unknown = sorted({name for name, _ in given} - operation.query_keys)
    known = ", ".join(sorted(operation.query_keys)) or "none"
    return (
        invalid_input(
            [
                (name, f"unknown query key; known here: {known}", f"is hier niet bekend; wel bekend: {known}")
                for name in unknown
            ]
        )
        if unknown
        else None
    )


def _refused_media(scope: Scope, operation: Operation) -> Problem | None:
    length = header(scope, b"content-length")
    has_body = length not in ("", "0") or bool(header(scope, b"transfer-encoding"))
    if has_body and operation.consumes and not _consumed(header(scope, b"content-type"), operation.consumes):
        kinds = ", ".join(sorted(operation.consumes))
        dutch = f"Het Content-Type moet een van deze zijn: {kinds}; tekst in UTF-8."
        return plain_problem(415, f"The Content-Type must be one of: {kinds}; text in UTF-8.", dutch=dutch)
    if not accepts(header(scope, b"accept"), operation.offers):
        offered = ", ".join(sorted(operation.offers))
        return plain_problem(406, f"Offered here: {offered}.", dutch=f"Hier is er alleen: {offered}.")
    return None


def _consumed(content_type: str, kinds: frozenset[str]) -> bool:
    kind, *parameters = (part.strip().lower() for part in content_type.split(";"))
    charsets = [p.removeprefix("charset=").strip('"') for p in parameters if p.startswith("charset=")]
    return kind in kinds and all(charset in ("utf-8", "us-ascii") for charset in charsets)


def accepts(accept: str, offers: Iterable[str]) -> bool:
    """Whether an Accept header lets at least one of the offered media types through."""
    return any(quality(accept, offer) > 0 for offer in offers)


def quality(accept: str, kind: str) -> float:
    """The q-value an Accept header gives to one media type: that of the most specific range covering it."""
    if not accept.strip():
        return 1.0
    family = kind.split("/", maxsplit=1)[0]
    best = (-1, 0.0)
    for part in accept.split(","):
        wanted, *parameters = (p.strip().lower() for p in part.split(";"))
        order = ("*/*", f"{family}/*", kind)
        if wanted in order:
            best = max(best, (order.index(wanted), _q_value(parameters)))
    return best[1]


def _q_value(parameters: list[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return float(parameter[2:])
            except ValueError:
                return 0.0
    return 1.0


class BodyLimit:
    """Lets bodies up to `limit` bytes through; a chunked body is first collected, up to the limit."""

    def __init__(self, inner: ASGIApp, *, limit: int) -> None:
        self._inner, self._limit = inner, limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        declared = header(scope, b"content-length")
        if declared.isdigit() and int(declared) > self._limit:
            # A client that asked "100-continue" is told before it sends anything.
            if "100-continue" not in header(scope, b"expect").lower():
                await _drain(receive, _DRAIN_TIMES * self._limit)
            await self._refuse(scope, receive, send)
            return
        if not declared and header(scope, b"transfer-encoding"):
            body = await _collect(receive, self._limit)
            if body is None:
                await self._refuse(scope, receive, send)
                return
            receive = _replay(body, receive)
        await self._inner(scope, receive, send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        dutch = f"De inhoud is groter dan {self._limit} bytes."
        refused = plain_problem(413, f"The body is over {self._limit} bytes.", dutch=dutch)
        await refused.response()(scope, receive, send)


async def _collect(receive: Receive, limit: int) -> bytes | None:
    """The whole body, or None when it is over the limit; what follows is then read and dropped."""
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        more = message["type"] == "http.request" and message.get("more_body", False)
        if size > limit:
            if more:
                await _drain(receive, _DRAIN_TIMES * limit)
            return None
    return b"".join(parts)


async def _drain(receive: Receive, at_most: int) -> None:
    size, more = 0, True
    while more and size <= at_most:
        message = await receive()
        size += len(message.get("body", b""))
        more = message["type"] == "http.request" and message.get("more_body", False)


def _replay(body: bytes, receive: Receive) -> Receive:
    given = False

    async def replaying() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replaying
