"""Chromium driven by Playwright, and a server in a thread; skipped, saying why, where Chromium is absent."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.browser.desk import Desk, desk
from tests.browser.fake_service import FakeService, make_app
from tests.browser.serving import serving

CHROMIUM = Path(os.environ.get("INSTROOM_CHROMIUM", "/usr/bin/chromium"))
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WIDE, NARROW = 1280, 320


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser per module: while Playwright is open no other test in this process can run an event loop."""
    if not CHROMIUM.is_file():
        pytest.skip(f"no Chromium at {CHROMIUM}; set INSTROOM_CHROMIUM to its path")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def fake() -> FakeService:
    return FakeService()


@pytest.fixture
def origin(fake: FakeService) -> Iterator[str]:
    with serving(make_app(fake)) as address:
        yield address


@pytest.fixture
def at_desk(tmp_path: Path, contexts: list[BrowserContext]) -> Iterator[Desk]:
    """The expert's page on the real application, with one stored set and a finished forecast of it."""
    with desk(tmp_path) as opened:
        yield opened
        # Before the server stops: a request on its way would be left without an answer.
        close_all(contexts)


@pytest.fixture
def contexts() -> Iterator[list[BrowserContext]]:
    """The browser profiles that a test has opened; closed at its end."""
    opened: list[BrowserContext] = []
    yield opened
    close_all(opened)


def close_all(contexts: list[BrowserContext]) -> None:
    while contexts:
        contexts.pop().close()


@dataclass
class Visit:
    """One opened page with everything it asked for and complained about."""

    page: Page
    origin: str
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def foreign_requests(self) -> list[str]:
        own = urlsplit(self.origin).netloc
        return [url for url in self.requests if urlsplit(url).netloc != own]

    def ready(self) -> "Visit":
        """Waits until the charts of a forecast are on the page."""
        self.page.locator("#density svg, #density p").first.wait_for()
        self.page.locator("#exceedance-result strong").wait_for()
        return self

    def computed(self) -> "Visit":
        """Waits until the expert's page shows what its set gives."""
        self.page.locator("#year-density svg, #year-density p").first.wait_for()
        self.page.locator("#layer-experts").wait_for()
        return self

    def own_complaints(self) -> list[str]:
        """What the page did wrong; a refused request is logged by the browser itself."""
        return [said for said in self.complaints if "Failed to load resource" not in said]

    def text(self, selector: str) -> str:
        return self.page.locator(selector).inner_text()


Opener = Callable[..., Visit]


def _listen(visit: Visit) -> None:
    visit.page.on("request", lambda request: visit.requests.append(request.url))
    visit.page.on("pageerror", lambda error: visit.complaints.append(str(error)))
    wrong = ("error", "warning")
    visit.page.on("console", lambda said: visit.complaints.append(said.text) if said.type in wrong else None)


@pytest.fixture
def open_page(chromium: Browser, origin: str, contexts: list[BrowserContext]) -> Opener:
    """`open_page(width=1280, path="/", at=origin)` opens the page in a fresh browser profile."""

    def opened(width: int = WIDE, path: str = "/", at: str = origin, **options: Any) -> Visit:
        context = chromium.new_context(viewport={"width": width, "height": 900}, locale="en-GB", **options)
        contexts.append(context)
        # Long, because a test says what must happen and not how fast a busy machine does it.
        context.set_default_timeout(60_000)
        visit = Visit(context.new_page(), at)
        _listen(visit)
        visit.page.goto(at + path)
        return visit

    return opened
