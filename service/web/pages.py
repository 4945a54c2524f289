"""Serves the pages of `site.PAGES` and their files under ``/static/<digest>/``.

The digest is a hash over every static file, so an address never changes meaning: files may be cached for
ever, and relative imports between script modules stay within one version without a build step. A page
itself is small, carries an ETag and is always revalidated.

Pages are rendered once, at start, with the Dutch texts; switching language happens in the browser.
This module must not know what a forecast is: a page asks the HTTP interface for everything it shows.
"""

from __future__ import annotations

import gzip
import hashlib
import html
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from service.web.site import PAGES, PageSpec

WEB = Path(__file__).parent
MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".md": "text/plain; charset=utf-8",
    "": "text/plain; charset=utf-8",
}
# Scripts, styles, images and requests from our own origin only; trusted types make every assignment of text
# as markup an error, so figures and names from the service cannot become elements.
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    )
)
PAGE_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
# d3's parts in the order in which each needs the ones before it.
DRAWING = (
    "d3-array",
    "d3-path",
    "d3-shape",
    "d3-color",
    "d3-interpolate",
    "d3-format",
    "d3-time",
    "d3-time-format",
    "d3-scale",
)
CURRENT = ' aria-current="page"'
FOR_EVER = "public, max-age=31536000, immutable"
REVALIDATE = "no-cache"


@dataclass(frozen=True)
class Asset:
    """One file as it is sent: its bytes, the same bytes compressed, and the header values that go with it."""

    body: bytes
    packed: bytes
    media_type: str
    etag: str
    cache: str


def make_asset(body: bytes, media_type: str, cache: str) -> Asset:
    """An asset with its strong ETag (quoted hash of the content)."""
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    return Asset(body, gzip.compress(body, compresslevel=9, mtime=0), media_type, etag, cache)


def load_assets(folder: Path) -> dict[str, Asset]:
    """Every file under ``folder`` by its path relative to it, in a stable order."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    return {
        path.relative_to(folder).as_posix(): make_asset(
            path.read_bytes(), MEDIA_TYPES.get(path.suffix, MEDIA_TYPES[""]), FOR_EVER
        )
        for path in files
    }


def tree_digest(assets: Mapping[str, Asset]) -> str:
    """One hash over the names and contents of all files."""
    names = "\n".join(f"{name} {asset.etag}" for name, asset in sorted(assets.items()))
    return hashlib.sha256(names.encode()).hexdigest()[:16]


def render_page(page: PageSpec, texts: Mapping[str, str], digest: str) -> bytes:
    """The page inside the shell, with the addresses of its files and its default texts filled in.

    ``{{static}}`` becomes the versioned folder; an element that carries ``data-i18n="key"`` and has no
    content gets the text of that key. Raises KeyError for a key that the texts do not have.
    """
    parts = {
        "head": "\n".join(_own_files(page)),
        "words": " ".join(page.words),
        "navigation": _links("navigation", page),
        "footer": _links("footer", page),
        "content": (WEB / "content" / f"{page.name}.html").read_text(encoding="utf-8"),
    }
    whole = (WEB / "shell.html").read_text(encoding="utf-8")
    for name, part in parts.items():
        whole = whole.replace(f"{{{{{name}}}}}", part)
    whole = whole.replace("{{static}}", f"/static/{digest}")
    return re.sub(
        r'(data-i18n="([^"]+)"[^>]*>)(?=</)',
        lambda found: found.group(1) + html.escape(texts[found.group(2)], quote=False),
        whole,
    ).encode()


def _own_files(page: PageSpec) -> list[str]:
    """Styles and scripts beside the shell's, in the order in which they must load; print comes last."""
    styles = [*(["charts"] if page.charts else []), *page.styles]
    scripts = DRAWING if page.charts else ()
    return [
        *(f'<link rel="stylesheet" href="{{{{static}}}}/css/{name}.css">' for name in styles),
        '<link rel="stylesheet" href="{{static}}/css/print.css" media="print">',
        *(f'<script defer src="{{{{static}}}}/vendor/{name}/{name}.min.js"></script>' for name in scripts),
        f'<script type="module" src="{{{{static}}}}/js/{page.name}.js"></script>',
    ]


def _links(place: str, here: PageSpec) -> str:
    """List items with the links that stand in `place`; the page itself is marked as the current one."""
    return "\n".join(
        f'      <li><a class="utrecht-link utrecht-link--html-a" href="{page.address}"'
        f"{CURRENT if page == here else ''}"
        f' data-i18n="nav.{page.name}"></a></li>'
        for page in PAGES
        if page.place == place
    )


def page_texts(page: PageSpec, language: str, assets: Mapping[str, Asset]) -> dict[str, str]:
    """Every text the page may use in a language; a page's own words come last."""
    texts: dict[str, str] = {}
    for name in page.words:
        texts |= json.loads(assets[f"i18n/{language}/{name}.json"].body)
    return texts


def respond(request: Request, asset: Asset) -> Response:
    """304 when the reader has this version, otherwise the bytes, compressed where that is accepted."""
    headers = {**PAGE_HEADERS, "ETag": asset.etag, "Cache-Control": asset.cache, "Vary": "Accept-Encoding"}
    known = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
    if asset.etag in known:
        return Response(status_code=304, headers=headers)
    if accepts_gzip(request.headers.get("accept-encoding", "")) and len(asset.packed) < len(asset.body):
        headers["Content-Encoding"] = "gzip"
        return Response(asset.packed, headers=headers, media_type=asset.media_type)
    return Response(asset.body, headers=headers, media_type=asset.media_type)


def accepts_gzip(accept_encoding: str) -> bool:
    """Whether gzip is offered and not refused with ``q=0``."""
    for offer in accept_encoding.lower().split(","):
        coding, _, weight = offer.strip().partition(";")
        if coding.strip() == "gzip":
            return not re.fullmatch(r"\s*q=0(\.0*)?\s*", weight)
    return False


def page_routes() -> APIRouter:
    """Routes of the pages and their files, for the outer application; everything is read once, here."""
    assets = load_assets(WEB / "static")
    digest = tree_digest(assets)
    router = APIRouter(include_in_schema=False)
    for page in PAGES:
        body = render_page(page, page_texts(page, "nl", assets), digest)
        _serve(router, page, make_asset(body, "text/html; charset=utf-8", REVALIDATE))

    @router.get("/static/{version}/{path:path}")
    def serve_file(request: Request, version: str, path: str) -> Response:
        asset = assets.get(path)
        if asset is None or version != digest:
            # A page of an earlier version asks for files that are gone: it must not get others by that name.
            return Response("Not found\n", 404, PAGE_HEADERS, "text/plain; charset=utf-8")
        return respond(request, asset)

    return router


def _serve(router: APIRouter, page: PageSpec, rendered: Asset) -> None:
    @router.get(page.address, name=f"page {page.name}")
    def serve_page(request: Request) -> Response:
        return respond(request, rendered)
