"""What lies under the page: vendored files as recorded, equal texts in both languages, headers, caching."""

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from service.web.pages import CONTENT_SECURITY_POLICY, WEB, render_page
from tests.browser.fake_service import FakeService, make_app

VENDORED = [WEB / "static" / "vendor", Path(__file__).parent / "vendor"]
SCRIPTS = sorted((WEB / "static" / "js").rglob("*.js"))
TEXTS = {
    code: json.loads((WEB / "static" / "i18n" / f"{code}.json").read_text("utf-8")) for code in ("nl", "en")
}


@pytest.fixture
def client(connect: Callable[..., Any]) -> Any:
    return connect(make_app(FakeService()))


@pytest.mark.parametrize("folder", VENDORED, ids=lambda folder: folder.parent.name)
def test_vendored_files_are_exactly_the_recorded_ones_with_their_licences(folder: Path) -> None:
    packages = json.loads((folder / "vendor.json").read_text("utf-8"))["packages"]
    recorded = {name: entry["sha256"] for package in packages for name, entry in package["files"].items()}
    present = {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "vendor.json"
    }
    assert present == recorded
    for package in packages:
        assert re.fullmatch(r"\d+\.\d+\.\d+", package["version"])
        assert package["licence"] in {"EUPL-1.2", "ISC", "MIT", "MPL-2.0"}
        assert any("licen" in name.lower() for name in package["files"])


def test_both_languages_have_the_same_texts_with_the_same_places_to_fill_in() -> None:
    assert TEXTS["nl"].keys() == TEXTS["en"].keys()
    for key, dutch in TEXTS["nl"].items():
        assert dutch.strip() and TEXTS["en"][key].strip()
        places = [set(re.findall(r"\{(\w+)\}", text)) for text in (dutch, TEXTS["en"][key])]
        assert places[0] == places[1], key


def test_every_text_is_used_and_every_used_text_exists() -> None:
    sources = "\n".join(path.read_text("utf-8") for path in [WEB / "index.html", *SCRIPTS])
    named = set(re.findall(r'(?:\bt\(|data-i18n(?:-label)?=|_key: |")"?([a-zA-Z0-9]+\.[\w.]+)"', sources))
    missing = {key for key in named if key.split(".")[0] in {k.split(".")[0] for k in TEXTS["nl"]}} - TEXTS[
        "nl"
    ].keys()
    assert {key for key in missing if not key.endswith((".js", ".token", ".language"))} == set()
    families = (
        set(re.findall(r"`(\w+)\.\$\{", sources)) | set(re.findall(r'named\("(\w+)"', sources)) | {"stage"}
    )
    unused = [key for key in TEXTS["nl"] if key not in named and key.split(".")[0] not in families]
    assert unused == []


def test_the_page_has_no_inline_script_style_or_handler() -> None:
    page = (WEB / "index.html").read_text("utf-8")
    assert re.findall(r"<script(?![^>]*\bsrc=)", page) == []
    assert "<style" not in page
    assert re.findall(r"\s(?:style|on\w+)=", page) == []
    assert re.findall(r"""(?:src|href)=["'](?:https?:)?//""", page) == []


def test_scripts_never_turn_text_into_markup_or_name_another_host() -> None:
    for path in SCRIPTS:
        code = path.read_text("utf-8")
        for forbidden in (
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "new Function",
        ):
            assert forbidden not in code, f"{forbidden} in {path.name}"
        hosts = set(re.findall(r"https?://[^\"'`\s]+", code))
        assert hosts <= {"http://www.w3.org/2000/svg"}


def static_path(page: str) -> str:
    found = re.search(r'href="(/static/[0-9a-f]{16})/css/page.css"', page)
    assert found
    return found.group(1)


def test_the_page_is_dutch_and_carries_the_policy(client: Any) -> None:
    answer = client.get("/")
    assert answer.status_code == 200
    assert answer.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert "unsafe" not in CONTENT_SECURITY_POLICY and "http" not in CONTENT_SECURITY_POLICY
    assert '<html lang="nl">' in answer.text
    assert TEXTS["nl"]["page.heading"] in answer.text


def test_an_unchanged_page_is_not_sent_again(client: Any) -> None:
    first = client.get("/")
    assert first.headers["cache-control"] == "no-cache"
    again = client.get("/", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    changed = client.get("/", headers={"If-None-Match": '"other"'})
    assert changed.status_code == 200


def test_files_may_be_kept_for_ever_because_their_address_holds_their_content(client: Any) -> None:
    base = static_path(client.get("/").text)
    answer = client.get(f"{base}/js/main.js")
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert client.get(f"{base}/js/absent.js").status_code == 404
    assert client.get("/static/0000000000000000/js/main.js").status_code == 404
    assert client.get(f"{base}/../pages.py").status_code == 404
    assert client.get(f"{base}/%2e%2e/pages.py").status_code == 404


def test_files_are_sent_compressed_only_to_who_accepts_it(client: Any) -> None:
    base = static_path(client.get("/").text)
    packed = client.get(f"{base}/js/main.js", headers={"Accept-Encoding": "gzip"})
    plain = client.get(f"{base}/js/main.js", headers={"Accept-Encoding": "gzip;q=0, identity"})
    assert packed.headers["content-encoding"] == "gzip" and "content-encoding" not in plain.headers
    assert packed.content == plain.content == (WEB / "static/js/main.js").read_bytes()


def test_the_page_with_all_its_files_stays_light(client: Any) -> None:
    page = client.get("/")
    files = re.findall(r'(?:src|href)="(/static/[^"]+)"', page.text)
    base = static_path(page.text)
    modules = [f"{base}/js/{path.relative_to(WEB / 'static' / 'js').as_posix()}" for path in SCRIPTS]
    packed = {"Accept-Encoding": "gzip"}
    answers = [client.get(path, headers=packed) for path in {*files, *modules, f"{base}/i18n/nl.json"}]
    assert sum(int(answer.headers["content-length"]) for answer in answers) < 120_000


def test_a_text_that_does_not_exist_stops_the_start() -> None:
    with pytest.raises(KeyError, match="missing"):
        render_page('<p data-i18n="missing"></p>', TEXTS["nl"], "0")
