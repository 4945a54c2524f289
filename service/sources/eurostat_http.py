"""Fetches from Eurostat's dissemination API: conditional requests, bounded retries, whole bodies only.

- Cache: hishel (RFC 9111) in one SQLite file; every request asks to revalidate, so an unchanged dataset costs
  a 304 and no body.
- Retries: on 429, 500, 502, 503, 504, broken or cut-off transfers and 413 "treated asynchronously"; the wait
  is Retry-After when given, else exponential with jitter; attempts and waits are bounded by `Patience`.
- A body is checked for wholeness below the cache, so that half a file is never stored.
Must not know datasets or series.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx
from hishel import CacheOptions, SqliteStorage
from hishel.httpx import CacheTransport
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    wait_exponential,
    wait_random,
)

_PASSING = frozenset({429, 500, 502, 503, 504})


class EurostatError(Exception):
    """Eurostat could not serve the request; the text is a sentence for the person who asked."""


class ExtractionTooBig(EurostatError):
    """The extraction exceeds Eurostat's limit; ask for less."""


class _TryAgain(Exception):
    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


@dataclass(frozen=True)
class Patience:
    """How long to try: attempts in all; first and longest wait between them and time-out of a read, in s."""

    attempts: int = 5
    first_wait: float = 1.0
    longest_wait: float = 120.0
    timeout: float = 60.0


@dataclass(frozen=True)
class Fetched:
    """`unchanged`: the server confirmed the copy in the cache (304)."""

    body: bytes
    unchanged: bool


class EurostatClient:
    """One connection pool and one cache; use as a context manager. `cache=None` keeps nothing."""

    def __init__(self, base_url: str, cache: Path | None, patience: Patience | None = None) -> None:
        self.base_url = base_url.rstrip("/")
        self.patience = patience or Patience()
        transport: httpx.BaseTransport = _WholeBodies(httpx.HTTPTransport())
        if cache is not None:
            cache.parent.mkdir(parents=True, exist_ok=True)
            storage = SqliteStorage(database_path=cache)
            transport = CacheTransport(transport, storage=storage, rfc=CacheOptions(shared=False))
        timeout = httpx.Timeout(self.patience.timeout, connect=min(10.0, self.patience.timeout))
        self._client = httpx.Client(transport=transport, timeout=timeout, follow_redirects=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def get(self, path: str, parameters: list[tuple[str, str]]) -> Fetched:
        """The body at `path`; raises EurostatError, or ExtractionTooBig when less must be asked for."""
        patience = self.patience
        retrying = Retrying(
            stop=stop_after_attempt(patience.attempts),
            wait=_wait(patience),
            retry=retry_if_exception_type(_TryAgain),
            reraise=True,
        )
        try:
            return retrying(self._once, path, parameters)
        except _TryAgain as error:
            if "ASYNCHRONOUS" in str(error):
                raise ExtractionTooBig(f"Eurostat postpones the request: {error}") from error
            raise EurostatError(
                f"Eurostat gave no answer in {patience.attempts} attempts: {error}"
            ) from error

    def _once(self, path: str, parameters: list[tuple[str, str]]) -> Fetched:
        try:
            url = httpx.URL(f"{self.base_url}/{path}", params=httpx.QueryParams(tuple(parameters)))
            response = self._client.get(url, headers={"Cache-Control": "no-cache"})
        except httpx.TimeoutException as error:
            raise _TryAgain(f"no data within {self.patience.timeout:g} s") from error
        except httpx.TransportError as error:
            raise _TryAgain(f"the transfer broke off ({error})") from error
        if response.status_code in _PASSING:
            raise _TryAgain(f"status {response.status_code}", self._asked_wait(response))
        _refuse_errors(response)
        status = response.extensions.get("caching")
        return Fetched(response.content, isinstance(status, dict) and bool(status["from_cache"]))

    def _asked_wait(self, response: httpx.Response) -> float | None:
        wait = retry_after(response.headers.get("Retry-After"), datetime.now(UTC))
        if wait is not None and wait > self.patience.longest_wait:
            raise EurostatError(
                f"Eurostat asks to wait {wait:.0f} s (status {response.status_code}); try again later"
            )
        return wait


class _WholeBodies(httpx.BaseTransport):
    """Reads each body to its end and fails on one that is cut off, before any cache can store it."""

    def __init__(self, inner: httpx.BaseTransport) -> None:
        self._inner = inner

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = self._inner.handle_request(request)
        response.request = request
        body = response.read()
        if response.status_code == 200 and not whole(body, response.headers.get("Content-Type", "")):
            raise httpx.RemoteProtocolError("the body is cut off before its end", request=request)
        sent = {"content-encoding", "transfer-encoding", "content-length"}
        headers = [(name, value) for name, value in response.headers.multi_items() if name not in sent]
        return httpx.Response(response.status_code, headers=headers, content=body, request=request)

    def close(self) -> None:
        self._inner.close()


def whole(body: bytes, content_type: str) -> bool:
    """Whether a JSON body parses, or the last line of any other ends and has as many tabs as the first."""
    if "json" in content_type or body.lstrip()[:1] in (b"{", b"["):
        try:
            json.loads(body)
        except ValueError:
            return False
        return True
    lines = body.splitlines()
    return bool(lines) and body.endswith(b"\n") and lines[-1].count(b"\t") == lines[0].count(b"\t")


def retry_after(header: str | None, now: datetime) -> float | None:
    """Seconds to wait by a Retry-After header (seconds or an HTTP date); None when absent or unreadable."""
    if header is None:
        return None
    if header.strip().isdigit():
        return float(header)
    try:
        moment = parsedate_to_datetime(header)
    except ValueError:
        return None
    return max(0.0, (moment.astimezone(UTC) - now).total_seconds())


def _wait(patience: Patience) -> Callable[[RetryCallState], float]:
    growing = wait_exponential(multiplier=patience.first_wait, max=patience.longest_wait)
    spread = wait_random(0, patience.first_wait)

    def seconds(state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.wait if isinstance(error, _TryAgain) else None
        return growing(state) + spread(state) if asked is None else asked

    return seconds


def _refuse_errors(response: httpx.Response) -> None:
    """Raise for an error answer, and for an error told in a body with status 200."""
    label = _label(response.content)
    if response.status_code == 200 and label is None:
        return
    said = label or f"status {response.status_code}"
    if "ASYNCHRONOUS" in said:
        raise _TryAgain(said)
    if response.status_code == 413 or "EXTRACTION_TOO_BIG" in said:
        raise ExtractionTooBig(said)
    raise EurostatError(f"Eurostat refuses the request (status {response.status_code}): {said}")


def _label(body: bytes) -> str | None:
    """The explanation in an error or warning body, or None when the body is no such thing."""
    if not body.lstrip().startswith(b"{") or len(body) > 100_000:
        return None
    try:
        document = json.loads(body)
    except ValueError:
        return None
    told = document.get("error", document.get("warning"))
    first = told[0] if isinstance(told, list) and told else told
    return str(first.get("label", first)) if isinstance(first, dict) else None
