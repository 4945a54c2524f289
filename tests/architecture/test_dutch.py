"""Every refusal says its sentence in Dutch too, in the words that the pages use: found by reading the code."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.problem_words import sentence_nl

ROOT = Path(__file__).parents[2]
WORDS = ROOT / "service" / "web" / "static" / "i18n"
ROOMS = ("priors", "models", "service")
# What makes one fault or one refusal, and how many arguments it has when its Dutch is there.
MAKERS = {
    "Fault": 3, "fault": 3, "FieldError": 3, "RowError": 4, "IntakeFault": 4, "Refused": 4,
    "not_found": 2, "unauthorised": 2, "ForecastRefused": 3,
    "ImpossibleBelief": 3, "Misstated": 2, "NoCorrelation": 2, "NoOverlap": 2,
}  # fmt: skip
PROBLEMS = ("Problem", "plain_problem")
# Of these the sentence of the status says nothing of the case: each has one of its own.
OWN_SENTENCE = (401, 403, 404, 409, 412, 428)
PAGES_SAY = {"raming": "prognose", "inwilligingspercentage": "acceptatiecijfer", "instroomraming": "prognose"}


def calls(text: str) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            yield name, node


def faults_of(text: str) -> list[str]:
    """What is wrong in a module, a line each."""
    found = []
    for name, call in calls(text):
        given = len(call.args) + len(call.keywords)
        spread = any(isinstance(argument, ast.Starred) for argument in call.args)
        if name in MAKERS and given and given < MAKERS[name] and not spread:
            found.append(f"{call.lineno}: {name} without Dutch")
        if name == "invalid_input":
            tuples = [
                one for argument in call.args for one in ast.walk(argument) if isinstance(one, ast.Tuple)
            ]
            found += [f"{call.lineno}: a fault without Dutch" for one in tuples if len(one.elts) == 2]
        if name in PROBLEMS and call.args and isinstance(call.args[0], ast.Constant):
            own = next((word.value for word in call.keywords if word.arg == "dutch"), None)
            if own is None and call.args[0].value in OWN_SENTENCE:
                found.append(
                    f"{call.lineno}: {name} {call.args[0].value} without a sentence of its own in Dutch"
                )
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            for word, instead in PAGES_SAY.items():
                if re.search(rf"\b{word}(?:en|s)?\b", node.value, re.IGNORECASE):
                    found.append(f"{node.lineno}: {word}, where the pages say {instead}")
    return found


def modules() -> list[Path]:
    return sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))


def test_every_refusal_has_its_dutch_sentence() -> None:
    found = {str(path.relative_to(ROOT)): faults_of(path.read_text("utf-8")) for path in modules()}
    assert {name: faults for name, faults in found.items() if faults} == {}


def remark_codes() -> set[str]:
    """Codes of remarks that are made anywhere, those of sentences written before there were codes left out."""
    made = (call for path in modules() for name, call in calls(path.read_text("utf-8")) if name == "Remark")
    first = {call.args[0].value for call in made if call.args and isinstance(call.args[0], ast.Constant)}
    return {str(code) for code in first} - {"stated"}


@pytest.mark.parametrize("language", ["nl", "en"])
def test_every_remark_has_its_sentence_on_the_page_that_shows_it(language: str) -> None:
    words = {
        name: json.loads((WORDS / language / f"{name}.json").read_text("utf-8"))
        for name in ("forecast", "acceptance")
    }
    # The page says of itself what synthetic figures mean, first of all.
    codes = remark_codes() - {"synthetic_data"}
    of_rates = {"synthetic_decisions", "missing_quarters", "rates_missed_quality_marks", "assumed_lags"}
    assert of_rates < codes
    assert {code for code in of_rates if f"remark.{code}" not in words["acceptance"]} == set()
    assert {code for code in codes - of_rates if f"remark.{code}" not in words["forecast"]} == set()
    assert "label.synthetic.meaning" in words["forecast"]


def test_every_status_that_refuses_has_a_dutch_sentence() -> None:
    """Statuses raised anywhere in the service, and those that its framework raises by itself."""
    raised = {
        call.args[0].value
        for path in modules()
        for name, call in calls(path.read_text("utf-8"))
        if name in PROBLEMS and call.args and isinstance(call.args[0], ast.Constant)
    }
    assert {400, 401, 403, 404, 409, 412, 413, 415, 429, 503} <= raised
    general = {sentence_nl(status) for status in (499, 599)}
    assert {
        status for status in {*raised, 400, 404, 405, 500} if sentence_nl(int(str(status))) in general
    } == set()


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("Fault('/a', 'is wrong')", "Fault without Dutch"),
        ("raise invalid_input([('/a', 'is wrong')])", "a fault without Dutch"),
        ("raise Problem(409, 'No', 'not now')", "of its own"),
        ("raise not_found('forecast 1')", "not_found without Dutch"),
        ("raise unauthorised('no token')", "unauthorised without Dutch"),
        ("said = 'Deze raming is er niet.'", "the pages say prognose"),
    ],
)
def test_what_is_wrong_is_found(text: str, word: str) -> None:
    assert [word in one for one in faults_of(text)] == [True]


@pytest.mark.parametrize(
    "text",
    [
        "Fault('/a', 'is wrong', 'is mis')",
        "Fault('/a', *said)",
        "raise Problem(409, 'No', 'not now', dutch='nu niet')",
        "raise Problem(415, 'Unsupported media type', 'nothing')",
        "raise invalid_input([('/a', 'is wrong', 'is mis')])",
    ],
)
def test_what_is_right_is_let_through(text: str) -> None:
    assert faults_of(text) == []
