"""The report: self-contained, the same bytes every time, text shown as text, and every number traceable."""

from __future__ import annotations

import json
import math
import re
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree

import pytest

from models.calibration.archive import archived_forecasts
from models.calibration.evaluation import evaluate
from models.calibration.records import EvaluationRequest, Realised
from service.report import wording
from service.report.content import report_document
from service.report.document import Document, Picture, Sentences, Table
from service.report.html import report_html
from service.report.notes import bias_refusal, notes_in_words
from service.report.pdf import report_pdf
from service.report.summary import five_sentences
from service.report.wording import words_of
from tests.contract.evaluation_inputs import ARCHIVE, OUTCOMES

ADDRESS = "https://instroom.example.org/v1"
HASH = "ab" * 32
NASTY = '<script>alert("1")</script> #import "x" $x$ *b* _i_ @r \\ & \'q\''


@cache
def answer(forecasts: int = len(ARCHIVE), issuer: str = "MPP") -> Any:
    """The answer of the interface about so many forecasts, as text so that nobody can change it."""
    request = EvaluationRequest()
    stated = archived_forecasts([{**one, "issuer": issuer} for one in ARCHIVE[:forecasts]])
    outcomes = {int(year): float(value) for year, value in OUTCOMES.items()}
    found = evaluate(stated, Realised(outcomes, incomplete=(2024,)), request)
    came = {"realisations": {"values": {str(year): value for year, value in outcomes.items()}}}
    whole = {
        **found.model_dump(mode="json", by_alias=True),
        "request": {**request.model_dump(mode="json", by_alias=True), **came},
        "provenance": {
            "resultHash": HASH,
            "dataVintage": "cd" * 32,
            "modelVersion": "1",
            "packages": {"numpy": "2"},
        },
        "realised": {str(year): value for year, value in outcomes.items()},
        "incomplete": [2024],
    }
    return json.dumps(whole)


def document(language: str = "en", **which: Any) -> Document:
    return report_document(json.loads(answer(**which)), {}, ADDRESS, language)


class Page(HTMLParser):
    """Elements with their attributes, and the text that a reader sees."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.said = ""
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.said += data


@pytest.mark.parametrize("language", wording.LANGUAGES)
def test_the_page_asks_for_nothing_and_runs_nothing(language: str) -> None:
    page = Page(report_html(document(language)))
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"script", "link", "img", "iframe", "object", "embed", "form", "base"}
    for tag, attributes in page.elements:
        assert not any(name.startswith("on") or name in ("src", "srcset") for name in attributes), tag
        assert "href" not in attributes or tag == "a", tag
    assert "url(" not in report_html(document(language)).decode() and "@import" not in page.said
    assert ("html", {"lang": language}) in page.elements


@pytest.mark.parametrize("language", wording.LANGUAGES)
def test_the_same_evaluation_gives_the_same_bytes(language: str) -> None:
    assert report_html(document(language)) == report_html(document(language))
    first = report_pdf(document(language))
    assert first.startswith(b"%PDF-") and first == report_pdf(document(language))
    assert b"/StructTreeRoot" in first and b"/Lang" in first


def test_text_is_shown_as_text_in_both() -> None:
    nasty = document(issuer=NASTY)
    page = report_html(nasty)
    assert b"<script" not in page and NASTY in Page(page).said
    assert report_pdf(nasty).startswith(b"%PDF-")


@pytest.mark.parametrize("language", wording.LANGUAGES)
def test_every_number_leads_to_the_query_that_made_it(language: str) -> None:
    found = json.loads(answer())
    links = [a["href"] or "" for tag, a in Page(report_html(document(language))).elements if tag == "a"]
    asked = [link for link in links if not link.startswith("#")]
    assert len(asked) > 60 and all(link.startswith(f"{ADDRESS}/") for link in asked)
    pointers = {urlsplit(link).fragment for link in asked if f"/evaluations/{HASH}" in link}
    assert len(pointers) > 40
    for pointer in pointers:
        place: Any = found
        for step in unquote(pointer).strip("/").split("/"):
            place = place[int(step)] if isinstance(place, list) else place[step]
    archived = [link for link in asked if "/archived-forecasts?" in link]
    assert len(archived) == 2 * len(found["errors"])
    assert f"{ADDRESS}/archived-forecasts?edition=2017&stage=adopted&issuer=MPP&from=2017&to=2017" in archived


def test_the_figures_are_those_of_the_answer() -> None:
    found, shown = json.loads(answer()), Page(report_html(document("nl"))).said
    words = words_of("nl")
    bias, held = found["bias"], found["coverage"]
    for text in (
        words.signed_share(math.expm1(bias["mean"])), words.lean_interval(bias["lower95"], bias["upper95"]),
        words.number(bias["bayesFactor"]), words.name("verdict", bias["verdict"]),
        f"{held['inside']} / {held['n']}", words.share(found["scores"]["mape"], 1), "24.700",
    ):  # fmt: skip
        assert text in shown, text


@pytest.mark.parametrize("language", wording.LANGUAGES)
def test_the_summary_is_five_sentences_and_the_pictures_are_all_there(language: str) -> None:
    blocks = document(language).blocks
    summary = next(block for block in blocks if isinstance(block, Sentences))
    assert len(summary.items) == 5
    assert all(item.endswith(".") and not item[0].islower() for item in summary.items)
    pictures = {block.name: block for block in blocks if isinstance(block, Picture)}
    found = json.loads(answer())
    parts = {"bias": "bias", "pitHistogram": "pit", "reliability": "reliability", "sequential": "sequential"}
    assert {name for part, name in parts.items() if found[part]} | {"coverage"} <= set(pictures)
    for picture in pictures.values():
        drawn = ElementTree.fromstring(picture.svg)
        numbers = re.findall(r' (?:x|y|x1|x2|y1|y2|cx|cy)="([^"]+)"', picture.svg)
        assert drawn.tag.endswith("svg") and len(numbers) > 4
        assert all(-40 <= float(number) <= 700 for number in numbers), picture.name
        assert picture.alternative and picture.caption


@pytest.mark.parametrize(
    ("language", "observed", "verdict", "step"),
    [
        (
            "nl",
            "kwamen de prognoses 23,4% te hoog uit",
            "tussen 5,8% te laag en 13,9% te hoog",
            "16,2% lager",
        ),
        (
            "en",
            "the forecasts came out 23.4% too high",
            "between 5.8% too low and 13.9% too high",
            "16.2% lower",
        ),
    ],
)
def test_the_summary_tells_what_was_seen_from_the_lean_and_names_the_step(
    language: str, observed: str, verdict: str, step: str
) -> None:
    found = json.loads(answer())
    found["scores"]["meanLogError"] = math.log(1.234)
    moved = {"before": "combined", "after": "adopted", "mean": math.log(0.838)}
    found["bias"] |= {"lower95": math.log(0.942), "upper95": math.log(1.139), "stageSteps": [moved]}
    found["bias"]["enteredAt"] = "combined -> adopted"
    sentences = five_sentences(found, language)
    assert observed in sentences[1] and verdict in sentences[1] and step in sentences[4]


def test_the_coverage_is_held_against_what_overlaps_allow() -> None:
    found = json.loads(answer())
    found["coverage"] |= {"inside": 5, "n": 9, "share": 5 / 9, "expectedLower95": 0.3, "expectedUpper95": 1.0}
    assert (
        "5 of 9 (56%)" in five_sentences(found, "en")[3]
        and "between 30% and 100%" in five_sentences(found, "en")[3]
    )
    found["coverage"] |= {"expectedLower95": None, "lower95": 0.2, "upper95": 0.9}
    assert "between 20% and 90%" in five_sentences(found, "en")[3]


def test_one_of_a_kind_is_in_the_singular() -> None:
    assert "1 prognose over 1 prognosejaar, uit 1 editie," in five_sentences(json.loads(answer(1)), "nl")[0]


def test_the_forest_stands_where_its_numbers_say() -> None:
    found, blocks = json.loads(answer()), document().blocks
    bias = next(block for block in blocks if isinstance(block, Picture) and block.name == "bias")
    dots = [float(x) for x in re.findall(r'cx="([^"]+)"', bias.svg)]
    means = [math.expm1(one["mean"]) for one in (found["bias"], *found["bias"]["byStage"])]
    slope = (dots[1] - dots[2]) / (means[1] - means[2])
    assert slope > 0 and dots[0] - dots[1] == pytest.approx(slope * (means[0] - means[1]), abs=0.2)


def test_one_forecast_has_scores_and_the_reason_why_there_is_no_bias() -> None:
    one = document(forecasts=1)
    shown = Page(report_html(one)).said
    assert json.loads(answer(1))["bias"] is None
    assert "only one forecast has an error on the log scale, and at least 2 are needed" in shown
    assert any(isinstance(block, Table) and "scores" in block.caption for block in one.blocks)
    assert report_pdf(one).startswith(b"%PDF-")


@pytest.mark.parametrize("language", wording.LANGUAGES)
def test_notes_say_how_many_and_about_which_years(language: str) -> None:
    found = json.loads(answer(1)) | {"incomplete": [2024], "notes": RARE["notes"][:1]}
    found["leftOut"] = [
        {"reason": "no_realisation", "count": 4, "targetYears": [2028, 2025, 2024, 2026, 2022]}
    ]
    refused, left, incomplete, zero = notes_in_words(found, words_of(language))
    assert refused == words_of(language).say("bias.refused", reason=bias_refusal(found, words_of(language)))
    assert ": 4 " in left and "2022, 2024–2026, 2028" in left
    assert "2024" in incomplete and ": 3." in zero


def drawn_text(picture: Picture) -> list[str]:
    return [one.text or "" for one in ElementTree.fromstring(picture.svg).iter() if one.tag.endswith("text")]


def pieces(found: Document) -> set[str]:
    """Every text of a report that stands by itself, in pictures too."""
    said = {found.title, found.subtitle, found.contents}
    for block in found.blocks:
        if isinstance(block, Sentences):
            said |= set(block.items)
        elif isinstance(block, Table):
            said |= {block.caption, *block.columns, *(cell.text for row in block.rows for cell in row)}
        elif isinstance(block, Picture):
            said |= {block.caption, *drawn_text(block)}
        else:
            said.add(block.text)
    return {one for one in said if re.search("[a-z]{2}", one) and one[0] not in "[{"}


def templates(language: str) -> dict[str, str]:
    """Texts by key as patterns; a place is filled with anything."""
    return {
        key: re.sub(r"\\{(\w+)\\}", ".*", re.escape(text)) for key, text in words_of(language).texts.items()
    }


RARE = {
    "biasRefused": {"code": "too_few_forecasts", "forecasts": 0, "needed": 2},
    "notes": [
        {"code": code, "count": 3} for code in ("zero_outcomes", "no_median", "impossible_outcomes")
    ] + [{"code": code, "count": 9} for code in ("issuers_together", "editions_by_quarter")],
    "leftOut": [
        {"reason": reason, "count": 1, "editions": ["2017"], "targetYears": [2017], "detail": "in English"}
        for reason in ("superseded", "issued_after_target_year", "no_realisation")
    ],
    "ledgerDrift": [
        {"group": group, "n": 4, "editions": 2, "meanMove": 0.1, "moveLower95": None, "moveUpper95": None,
         "meanHelp": 0.0, "helpLower95": -0.1, "helpUpper95": 0.1}
        for group in ("all", "early", "late")
    ],
}  # fmt: skip


@pytest.mark.parametrize(("language", "other"), [("nl", "en"), ("en", "nl")])
@pytest.mark.parametrize("refused", [False, True])
def test_every_text_is_in_the_language_asked_for(language: str, other: str, refused: bool) -> None:
    """Each text is one of the language's own list, or data; none is one of the other's list alone."""
    found = json.loads(answer()) | RARE
    if refused:
        found["bias"] = None
    asked, made = found["request"], found["provenance"]
    inner = {f"{name}.{each}" for name, value in asked.items() if isinstance(value, dict) for each in value}
    data = {*asked, *inner, *made, *made["packages"], HASH, "cd" * 32, "MPP", "first_applications", "false"}
    own, theirs = templates(language), templates(other)
    for said in pieces(report_document(found, {}, ADDRESS, language)):
        in_own = [key for key, text in own.items() if re.fullmatch(text, said)]
        in_theirs = [key for key, text in theirs.items() if own[key] != text and re.fullmatch(text, said)]
        assert in_own or not in_theirs, (said, in_theirs)
        # A step names two stages, a peer the score it is held against.
        parts = [] if in_own else re.split(r" → | \(", said.removesuffix(")"))
        assert all(part in data or re.escape(part) in own.values() for part in parts), said


def test_both_languages_say_the_same_things() -> None:
    folder = Path(wording.__file__).parent
    dutch, english = (json.loads((folder / f"texts_{code}.json").read_text("utf-8")) for code in ("nl", "en"))
    assert list(dutch) == list(english)
    for key, text in dutch.items():
        assert set(re.findall(r"{(\w+)}", text)) == set(re.findall(r"{(\w+)}", english[key])), key


def test_numbers_are_written_as_each_language_does() -> None:
    dutch, english = words_of("nl"), words_of("en")
    assert (dutch.persons(12345.6), english.persons(12345.6)) == ("12.346", "12,346")
    assert (dutch.signed_share(-0.0512), english.signed_share(0.0512)) == ("−5,1%", "+5.1%")
    assert (english.lean(math.log(1.5)), dutch.lean(math.log(0.8))) == ("+50.0%", "−20,0%")
    assert english.lean_interval(None, 0.1) == "–"
    assert (dutch.number(-0.0571, 3), dutch.persons(-0.2), english.persons(-1200)) == (
        "−0,057",
        "0",
        "−1,200",
    )
    assert (dutch.p_value(0.0001), english.p_value(0.25)) == ("< 0,001", "0.250")
    assert (english.too_high(math.log(0.9)), dutch.moved(math.log(1.1))) == ("10.0% too low", "10,0% hoger")
    assert dutch.number(None) == english.share(None) == "–"
