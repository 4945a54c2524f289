"""What lies under the page: vendored files as recorded, equal texts in both languages, headers, caching."""

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from service.web.pages import CONTENT_SECURITY_POLICY, WEB, render_page
from service.web.site import PAGES, PageSpec
from tests.browser.fake_service import FakeService, make_app

VENDORED = [WEB / "static" / "vendor", Path(__file__).parent / "vendor"]
SCRIPTS = sorted((WEB / "static" / "js").rglob("*.js"))
WORDS = WEB / "static" / "i18n"
EVERY_PAGE = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
KEY = r"[a-z][a-zA-Z0-9]*(?:\.[a-zA-Z0-9_]+)+"


def words(page: PageSpec, language: str = "nl") -> dict[str, str]:
    found: dict[str, str] = {}
    for name in page.words:
        found |= json.loads((WORDS / language / f"{name}.json").read_text("utf-8"))
    return found


def scripts_of(page: PageSpec) -> list[Path]:
    """The page's first module and everything it imports, directly or not."""
    waiting, found = [WEB / "static" / "js" / f"{page.name}.js"], []
    while waiting:
        path = waiting.pop().resolve()
        if path not in found:
            found.append(path)
            waiting += [
                path.parent / name for name in re.findall(r'from "(\.[^"]+)"', path.read_text("utf-8"))
            ]
    return found


def source_of(page: PageSpec) -> str:
    own = [WEB / "shell.html", WEB / "content" / f"{page.name}.html", *scripts_of(page)]
    return "\n".join(path.read_text("utf-8") for path in own)


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
    files = [sorted(path.name for path in (WORDS / code).iterdir()) for code in ("nl", "en")]
    assert files[0] == files[1]
    for name in files[0]:
        dutch, english = (json.loads((WORDS / code / name).read_text("utf-8")) for code in ("nl", "en"))
        assert dutch.keys() == english.keys(), name
        for key, text in dutch.items():
            assert text.strip() and english[key].strip()
            places = [set(re.findall(r"\{(\w+)\}", one)) for one in (text, english[key])]
            assert places[0] == places[1], key


@EVERY_PAGE
def test_every_text_that_a_page_uses_is_among_its_words(page: PageSpec) -> None:
    source = source_of(page)
    named = set(re.findall(rf'(?:\bt\(|data-i18n(?:-label)?=|Key: )"({KEY})"', source))
    assert named
    assert sorted(named - words(page).keys()) == []


def test_every_text_is_used_by_some_page() -> None:
    source = "\n".join(source_of(page) for page in PAGES)
    named = set(re.findall(rf'"({KEY})"', source)) | {f"nav.{page.name}" for page in PAGES}
    families = set(re.findall(r"`(\w+(?:\.\w+)*)\.\$\{", source)) | set(
        re.findall(r'named\("([\w.]+)"', source)
    )
    every = {key for page in PAGES for key in words(page)}
    unused = [k for k in every - named if not any(k.startswith(f"{family}.") for family in families)]
    assert sorted(unused) == []


@pytest.mark.parametrize(
    "path", [WEB / "shell.html", *sorted((WEB / "content").iterdir())], ids=lambda path: path.stem
)
def test_no_page_has_an_inline_script_style_or_handler(path: Path) -> None:
    page = path.read_text("utf-8")
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
    assert words(PAGES[0])["page.heading"] in answer.text


def test_an_unchanged_page_is_not_sent_again(client: Any) -> None:
    first = client.get("/")
    assert first.headers["cache-control"] == "no-cache"
    again = client.get("/", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    changed = client.get("/", headers={"If-None-Match": '"other"'})
    assert changed.status_code == 200


def test_files_may_be_kept_for_ever_because_their_address_holds_their_content(client: Any) -> None:
    base = static_path(client.get("/").text)
    answer = client.get(f"{base}/js/forecast.js")
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert client.get(f"{base}/js/absent.js").status_code == 404
    assert client.get("/static/0000000000000000/js/forecast.js").status_code == 404
    assert client.get(f"{base}/../pages.py").status_code == 404
    assert client.get(f"{base}/%2e%2e/pages.py").status_code == 404


def test_files_are_sent_compressed_only_to_who_accepts_it(client: Any) -> None:
    base = static_path(client.get("/").text)
    packed = client.get(f"{base}/js/forecast.js", headers={"Accept-Encoding": "gzip"})
    plain = client.get(f"{base}/js/forecast.js", headers={"Accept-Encoding": "gzip;q=0, identity"})
    assert packed.headers["content-encoding"] == "gzip" and "content-encoding" not in plain.headers
    assert packed.content == plain.content == (WEB / "static/js/forecast.js").read_bytes()


@EVERY_PAGE
def test_a_page_with_all_its_files_stays_light(client: Any, page: PageSpec) -> None:
    answer = client.get(page.address)
    files = set(re.findall(r'(?:src|href)="(/static/[^"]+)"', answer.text))
    base = static_path(answer.text)
    files |= {f"{base}/js/{path.relative_to(WEB / 'static' / 'js').as_posix()}" for path in scripts_of(page)}
    files |= {f"{base}/i18n/nl/{name}.json" for name in page.words}
    answers = [client.get(path, headers={"Accept-Encoding": "gzip"}) for path in files]
    assert {answer.status_code for answer in answers} == {200}
    assert sum(int(answer.headers["content-length"]) for answer in answers) < 160_000


def test_a_text_that_does_not_exist_stops_the_start() -> None:
    with pytest.raises(KeyError, match=r"shell\.skip"):
        render_page(PAGES[0], {"page.title": "title"}, "0")


@EVERY_PAGE
def test_every_page_is_reached_from_every_other_and_says_which_it_is(client: Any, page: PageSpec) -> None:
    text = client.get(page.address).text
    links = dict(re.findall(r'<a class="[^"]*" href="([^"]+)"[^>]*data-i18n="nav\.[^"]+">([^<]+)<', text))
    assert links == {other.address: words(other)[f"nav.{other.name}"] for other in PAGES}
    current = re.findall(r'href="([^"]+)" aria-current="page"', text)
    assert current == [page.address]
