"""Form of the tree: short modules and functions, a docstring on top, nothing that binds it to one machine."""

import re
from pathlib import Path

import pytest

from tests.architecture import reading

ROOT = Path(__file__).parents[2]
CODE = (*reading.ROOMS, "benchmarks", "tests", "docs")
# Written in halves so that this file does not hold them.
HOSTS = ["pypi" + ".org", "pythonhosted" + ".org", "npmjs" + ".org", "conda." + "anaconda.org"]
PLACES = [
    "file:" + "///",
    "--index" + "-url",
    "extra-index" + "-url",
    "--find" + "-links",
    "/opt" + "/",
    "/work" + "/",
]


def test_modules_and_functions_are_short() -> None:
    assert reading.too_long(ROOT, CODE) == []


def test_a_long_module_and_a_long_function_are_found(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    body = "def long():\n" + "    x = 1\n" * reading.LONGEST_FUNCTION
    (tmp_path / "models" / "a.py").write_text(body + "y = 2\n" * reading.LONGEST_MODULE, encoding="utf-8")
    assert reading.too_long(tmp_path, ("models",)) == [
        "models/a.py: 446 lines",
        "models/a.py:1 long: 46 lines",
    ]


def test_modules_of_just_the_allowed_length_pass(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    body = "def long():\n" + "    x = 1\n" * (reading.LONGEST_FUNCTION - 1)
    rest = "y = 2\n" * (reading.LONGEST_MODULE - reading.LONGEST_FUNCTION)
    (tmp_path / "models" / "a.py").write_text(body + rest, encoding="utf-8")
    assert reading.too_long(tmp_path, ("models",)) == []


def test_every_module_says_what_it_is_for() -> None:
    assert reading.without_docstring(ROOT) == []


def test_a_module_without_docstring_is_found(tmp_path: Path) -> None:
    (tmp_path / "priors").mkdir()
    (tmp_path / "priors" / "a.py").write_text("x = 1\n", encoding="utf-8")
    (tmp_path / "priors" / "b.py").write_text('"""Says it."""\n', encoding="utf-8")
    assert reading.without_docstring(tmp_path) == ["priors/a.py"]


def test_tracked_files_name_no_package_host_and_no_machine() -> None:
    others = [path for path in reading.tracked_files(ROOT) if path != Path(__file__)]
    assert reading.with_words(ROOT, others, [*HOSTS, *PLACES]) == []


@pytest.mark.parametrize("word", [*HOSTS, *PLACES])
def test_a_host_or_a_machine_path_is_found(tmp_path: Path, word: str) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text(f"numpy==2.4.0 {word.upper()}x --hash=sha256:00\n", encoding="utf-8")
    assert reading.with_words(tmp_path, [lock], [*HOSTS, *PLACES]) == [f"requirements.lock: {word.upper()}"]


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_a_lock_pins_and_hashes_every_package(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    blocks = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert [b.split()[0] for b in blocks if "==" not in b or "--hash=sha256:" not in b] == []
    assert any(b.startswith("setuptools==") for b in blocks), "the editable install is built with it"


def test_both_locks_agree() -> None:
    def pins(name: str) -> set[str]:
        return set(
            re.findall(r"^[a-z0-9][^ ]*==[^ ]+", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE)
        )

    assert pins("requirements.lock") <= pins("requirements-dev.lock")


def test_nothing_large_is_tracked() -> None:
    large = [str(p.relative_to(ROOT)) for p in reading.tracked_files(ROOT) if p.stat().st_size > 1_500_000]
    assert large == []


SECRETS = re.compile(r"(?:.*/)?(?:\.env|tokens\.json|.*\.pem|.*\.sqlite3?|.*\.db)")


def test_no_secret_shaped_file_is_tracked() -> None:
    names = [str(path.relative_to(ROOT)) for path in reading.tracked_files(ROOT)]
    assert [name for name in names if SECRETS.fullmatch(name)] == []


def test_a_copy_without_git_is_read_too(tmp_path: Path) -> None:
    for name in (
        "models/a.py",
        ".ci/run",
        "var/instroom.sqlite",
        ".venv/lib/b.py",
        "models/__pycache__/a.pyc",
        ".env",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("", encoding="utf-8")
    names = {str(path.relative_to(tmp_path)) for path in reading.tracked_files(tmp_path)}
    assert names == {"models/a.py", ".ci/run", ".env"}
    assert [name for name in names if SECRETS.fullmatch(name)] == [".env"]
