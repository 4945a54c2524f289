"""Every benchmark can be started: it imports, and what is run as a command has a main to run."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "benchmarks"


def named_commands() -> set[str]:
    """Benchmarks that a document or a module tells to run."""
    files = [ROOT / "README.md", ROOT / "Makefile", *FOLDER.glob("*.md"), *FOLDER.glob("*.py")]
    return {n for f in files for n in re.findall(r"-m benchmarks\.(\w+)", f.read_text(encoding="utf-8"))}


def broken(folder: Path, modules: list[str]) -> list[str]:
    """Modules of `benchmarks` in a folder that do not import, and commands without a main."""
    script = """
import importlib, sys
for name in sys.argv[1:]:
    try:
        module = importlib.import_module(f"benchmarks.{name}")
    except ImportError as error:
        print(f"{name}: {error}")
    else:
        if "__main__" in open(module.__file__, encoding="utf-8").read() and not callable(getattr(module, "main", None)):
            print(f"{name}: no main")
"""
    done = subprocess.run(
        [sys.executable, "-c", script, *modules], capture_output=True, text=True, check=True, cwd=folder
    )
    return done.stdout.splitlines()


def test_every_benchmark_imports_and_has_a_main() -> None:
    modules = sorted(path.stem for path in FOLDER.glob("*.py"))
    assert broken(ROOT, modules) == []
    commands = {m for m in modules if "def main()" in (FOLDER / f"{m}.py").read_text(encoding="utf-8")}
    assert named_commands() <= commands


def test_a_benchmark_that_asks_for_what_is_gone_is_found(tmp_path: Path) -> None:
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "one.py").write_text("from json import no_such_thing\n", encoding="utf-8")
    (tmp_path / "benchmarks" / "two.py").write_text(
        "main = 1\nif __name__ == '__main__':\n    main()\n", encoding="utf-8"
    )
    found = broken(tmp_path, ["one", "two"])
    assert [line.split(":")[0] for line in found] == ["one", "two"]
