"""Code kept compiled on disk is not taken for newer code: its key covers every module that is compiled in."""

import ast
from pathlib import Path

import pytest

from models.code_key import code_key

ROOT = Path(__file__).parents[2]
MODELS = ROOT / "models"
NOT_COMPILED_IN = {"models.backend", "models.code_key", "models.acceptance.compiling"}


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def taken_from_elsewhere(path: Path) -> set[str]:
    froms = [node for node in ast.walk(tree_of(path)) if isinstance(node, ast.ImportFrom)]
    return {alias.name for node in froms for alias in node.names}


def compiling() -> list[Path]:
    """Modules that take from elsewhere what has Numba compile a function."""
    decorators = {"numba_njit", "compiled", "called_from_python", "written_out"}
    return sorted(path for path in MODELS.rglob("*.py") if decorators & taken_from_elsewhere(path))


def keyed(path: Path) -> set[Path]:
    """What the key of the code compiled in this module is made of: its own, or its package's in `compiling`."""
    for own in (path, path.with_name("compiling.py")):
        for node in ast.walk(tree_of(own)) if own.is_file() else ():
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "code_key":
                others = [ast.literal_eval(argument) for argument in node.args[1:]]
                return {own.resolve(), *((own.parent / f"{name}.py").resolve() for name in others)}
    return set()


def imported(path: Path) -> set[Path]:
    """Modules of `models` from which this one takes names, but for those that only say how things are compiled."""
    froms = [node for node in ast.walk(tree_of(path)) if isinstance(node, ast.ImportFrom) and node.module]
    names = {str(node.module) for node in froms if str(node.module).startswith("models.")} - NOT_COMPILED_IN
    return {(ROOT / f"{name.replace('.', '/')}.py").resolve() for name in names}


def test_modules_with_compiled_functions_are_found() -> None:
    names = {path.relative_to(MODELS).with_suffix("").as_posix() for path in compiling()}
    assert {
        "panel/density",
        "composition/splits",
        "smoothing",
        "acceptance/filter",
        "acceptance/lanes",
    } <= names


@pytest.mark.parametrize("path", compiling(), ids=lambda path: path.relative_to(MODELS).as_posix())
def test_the_key_covers_what_is_compiled_in(path: Path) -> None:
    assert path.resolve() in keyed(path)
    assert imported(path) <= keyed(path)


def test_a_key_changes_with_each_of_its_files(tmp_path: Path) -> None:
    here, there = tmp_path / "here.py", tmp_path / "there.py"
    here.write_text("a = 1\n")
    there.write_text("b = 1\n")
    first = code_key(str(here), "there")
    assert code_key(str(here), "there") == first
    there.write_text("b = 2\n")
    assert code_key(str(here), "there") != first
    there.write_text("b = 1\n")
    here.write_text("a = 2\n")
    assert code_key(str(here), "there") != first
