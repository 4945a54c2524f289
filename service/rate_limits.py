"""How often a caller may ask: so many requests in a fixed window, counted by caller, and by address for the unknown.

Counted is what goes to the interface, except the health checks. A token that is not known counts for the address it
comes from, so that trying many tokens is limited as well. Every counted answer says what is left; over the limit it is
429 with the seconds to wait. Counts are in memory: one web process, one count.
Sources: RFC 6585, 4 (429); RFC 9110, 10.2.3 (Retry-After); draft-ietf-httpapi-ratelimit-headers-10.
Must not know any resource or how callers are known.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.problems import plain_problem

_COUNTED, _FREE = "/v1/", "/v1/health/"


class RateLimit:
    """ASGI layer; `limit` such as "3000/minute", `known` gives the name of the caller of a request, or None."""

    def __init__(self, inner: ASGIApp, *, limit: str, known: Callable[[Scope], str | None]) -> None:
        self._inner, self._known, self._limit = inner, known, parse(limit)
        self._counts = FixedWindowRateLimiter(MemoryStorage())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if scope["type"] != "http" or not path.startswith(_COUNTED) or path.startswith(_FREE):
            await self._inner(scope, receive, send)
            return
        key = self._key(scope)
        within = self._counts.hit(self._limit, *key)
        ends, left = self._counts.get_window_stats(self._limit, *key)
        seconds = max(1, math.ceil(ends - time.time()))
        told = {
            "RateLimit-Policy": f'"requests";q={self._limit.amount};w={self._limit.get_expiry()}',
            "RateLimit": f'"requests";r={left};t={seconds}',
        }
        if within:
            await self._inner(scope, receive, _telling(send, told))
            return
        detail = f"At most {self._limit}; ask again in {seconds} s."
        dutch = f"Er komen te veel verzoeken achter elkaar; probeer het over {seconds} s opnieuw."
        refused = plain_problem(429, detail, {**told, "Retry-After": str(seconds)}, dutch=dutch)
        await refused.response()(scope, receive, send)

    def _key(self, scope: Scope) -> tuple[str, str]:
        name = self._known(scope)
        if name is not None:
            return "caller", name
        return "address", (scope.get("client") or ("unknown", 0))[0]


def _telling(send: Send, told: dict[str, str]) -> Send:
    """Adds headers to the answer."""
    added = [(name.lower().encode(), value.encode()) for name, value in told.items()]

    async def telling(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", []), *added]}
        await send(message)

    return telling
