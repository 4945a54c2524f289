"""What the tree says about itself: imports, closures, lengths, words, read without running it.

Every function takes a root folder, so that the same code reads the project and a small planted tree
in which a rule is broken on purpose.
"""

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

ROOMS = ("priors", "models", "service")
MAY_IMPORT = {
    "priors": {"priors"},
    "models": {"priors", "models"},
    "service": {"priors", "models", "service"},
}
PRIORS_OUTSIDE = {"numpy", "scipy", "pydantic"}
KEPT_FROM_WEB = {"pymc", "pytensor", "nutpie", "arviz", "numba", "sklearn", "dask", "distributed"}
PRODUCTS = {"var", "build", "dist", "results", "__pycache__", ".coverage"}
LONGEST_MODULE = 400
LONGEST_FUNCTION = 45


class Import(NamedTuple):
    """One import statement: where it stands and the full dotted name it asks for."""

    path: Path
    line: int
    name: str


def modules(root: Path, folders: Iterable[str] = ROOMS) -> Iterator[Path]:
    """Python files under the folders, caches left out, in a fixed order."""
    for folder in folders:
        yield from (p for p in sorted((root / folder).rglob("*.py")) if "__pycache__" not in p.parts)


def imports(root: Path, path: Path) -> list[Import]:
    """Every import in a file, those inside functions too; only TYPE_CHECKING blocks do not count."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    package = path.relative_to(root).parent.parts
    found: list[Import] = []
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            waiting.extend(node.orelse)
            continue
        waiting.extend(ast.iter_child_nodes(node))
        found.extend(Import(path, node.lineno, name) for name in _names(node, package))
    return found


def _names(node: ast.AST, package: tuple[str, ...]) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    above = package[: len(package) - node.level + 1] if node.level else ()
    base = ".".join([*above, *([node.module] if node.module else [])])
    return [f"{base}.{alias.name}" for alias in node.names]


def against_the_direction(root: Path) -> list[str]:
    """Imports from a room into one that stands above it."""
    return [
        f"{found.path.relative_to(root)}:{found.line} imports {found.name}"
        for path in modules(root)
        for found in imports(root, path)
        if (top := found.name.split(".")[0]) in ROOMS
        and top not in MAY_IMPORT[path.relative_to(root).parts[0]]
    ]


def foreign_to_priors(root: Path) -> list[str]:
    """Imports in priors of anything but the standard library and the three packages it may use."""
    allowed = PRIORS_OUTSIDE | set(sys.stdlib_module_names) | {"priors"}
    return [
        f"{found.path.relative_to(root)}:{found.line} imports {found.name}"
        for path in modules(root, ("priors",))
        for found in imports(root, path)
        if found.name.split(".")[0] not in (allowed | set(ROOMS))
    ]


def _file_of(root: Path, name: str) -> Path | None:
    """The file that a dotted name loads: the module itself, or the module it is an attribute of."""
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        base = root.joinpath(*parts[:end])
        for candidate in (base.with_suffix(".py"), base / "__init__.py"):
            if candidate.is_file():
                return candidate
    return None


def _loaded_by(root: Path, name: str) -> set[Path]:
    """Files that importing a dotted name runs: the module and every package above it."""
    target = _file_of(root, name)
    if target is None:
        return set()
    above = [root.joinpath(*name.split(".")[:end]) / "__init__.py" for end in range(1, name.count(".") + 1)]
    return {target, *(init for init in above if init.is_file())}


def import_closure(root: Path, start: str) -> dict[Path, Path | None]:
    """Project files reachable by imports from a module, each with the file that led to it."""
    reached: dict[Path, Path | None] = dict.fromkeys(_loaded_by(root, start))
    waiting = list(reached)
    while waiting:
        path = waiting.pop()
        for found in imports(root, path):
            if found.name.split(".")[0] not in ROOMS:
                continue
            for target in _loaded_by(root, found.name) - reached.keys():
                reached[target] = path
                waiting.append(target)
    return reached


def heavy_for_the_web(root: Path, start: str = "service.app") -> list[str]:
    """Imports, anywhere in the web process's closure, of what only workers may load."""
    reached = import_closure(root, start)
    return [
        f"{path.relative_to(root)}:{found.line} imports {found.name} (reached from {_origin(root, came)})"
        for path, came in reached.items()
        for found in imports(root, path)
        if found.name.split(".")[0] in KEPT_FROM_WEB
    ]


def _origin(root: Path, came: Path | None) -> str:
    return str(came.relative_to(root)) if came else "the start"


_LOOK_AT_MODULES = """
import asyncio, json, os, sys
from service.settings import load_settings
from service.app import create_app

async def ask(app):
    sent = []
    async def send(message):
        sent.append(message)
    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}
    scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET",
             "scheme": "http", "path": "/v1/openapi.json", "raw_path": b"/v1/openapi.json", "root_path": "",
             "query_string": b"", "headers": [(b"host", b"localhost")], "client": ("127.0.0.1", 1),
             "server": ("127.0.0.1", 80)}
    await app(scope, receive, send)
    return sent[0]["status"]

status = asyncio.run(ask(create_app(load_settings(os.environ))))
print(json.dumps({"status": status, "modules": sorted({name.split(".")[0] for name in sys.modules})}))
"""


def loaded_by_the_web(root: Path, data_dir: Path) -> tuple[int, set[str]]:
    """Starts the web application in a fresh process, asks it once, and returns (status, loaded packages)."""
    environment = {**os.environ, "PYTHONPATH": str(root), "INSTROOM_DATA_DIR": str(data_dir)}
    environment.pop("INSTROOM_DATABASE_URL", None)
    done = subprocess.run(
        [sys.executable, "-c", _LOOK_AT_MODULES],
        check=False,
        env=environment,
        cwd=root,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise AssertionError(f"the web application does not start:\n{done.stderr}")
    answer = json.loads(done.stdout.strip().splitlines()[-1])
    return int(answer["status"]), set(answer["modules"])


def too_long(root: Path, folders: Iterable[str]) -> list[str]:
    """Modules over 400 lines and functions over 45."""
    found = []
    for path in modules(root, folders):
        text = path.read_text(encoding="utf-8")
        if (lines := text.count("\n")) > LONGEST_MODULE:
            found.append(f"{path.relative_to(root)}: {lines} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > LONGEST_FUNCTION:
                    found.append(f"{path.relative_to(root)}:{node.lineno} {node.name}: {length} lines")
    return found


def without_docstring(root: Path) -> list[str]:
    """Modules of the three rooms that do not say on top what they are for."""
    return [
        str(path.relative_to(root))
        for path in modules(root)
        if (text := path.read_text(encoding="utf-8")).strip() and not ast.get_docstring(ast.parse(text))
    ]


def folders(root: Path) -> list[str]:
    """Folders with Python code, relative to the root: rooms, their parts, tests and benchmarks."""
    return sorted({str(p.parent.relative_to(root)) for p in modules(root, (*ROOMS, "benchmarks"))})


def folder_imports(root: Path) -> dict[str, set[str]]:
    """For every code folder the project folders that its modules import, itself left out."""
    seen: dict[str, set[str]] = {name: set() for name in folders(root)}
    for path in modules(root, (*ROOMS, "benchmarks")):
        here = str(path.parent.relative_to(root))
        for found in imports(root, path):
            target = _file_of(root, found.name) if found.name.split(".")[0] in ROOMS else None
            if target is not None and str(target.parent.relative_to(root)) != here:
                seen[here].add(str(target.parent.relative_to(root)))
    return seen


def declared_imports(document: str) -> dict[str, set[str]]:
    """The table of ARCHITECTURE.md: first cell a folder in backticks, second the folders it may import."""
    rows = re.findall(r"^\|\s*`([\w/]+)/?`\s*\|([^|]*)\|", document, flags=re.MULTILINE)
    return {folder: set(re.findall(r"`([\w/]+)`", cell)) for folder, cell in rows}


def against_the_document(root: Path, document: str) -> list[str]:
    """Folders that the document leaves out or invents, and imports that its table does not allow."""
    declared, real = declared_imports(document), folder_imports(root)
    faults = [f"{folder} is not in the table" for folder in real if folder not in declared]
    faults += [f"{folder} is in the table but not in the tree" for folder in declared if folder not in real]
    for folder, targets in real.items():
        beyond = targets - declared.get(folder, set()) if folder in declared else set()
        faults += [f"{folder} imports {target}, the table does not say so" for target in sorted(beyond)]
    return faults


def dangling_paths(root: Path, document: str) -> list[str]:
    """Paths in backticks that the document names and the tree does not have."""
    named = re.findall(r"`((?:priors|models|service|tests|benchmarks|docs|\.ci)/[\w./]*)`", document)
    return sorted({path for path in named if not (root / path).exists()})


def tracked_files(root: Path) -> list[Path]:
    """Files that git tracks and that exist; in a copy without git, every file that is no product of a run."""
    asked = ["git", "ls-files", "-z"]
    listed = subprocess.run(asked, cwd=root, capture_output=True, text=True, check=False)
    if listed.returncode == 0:
        return [root / name for name in listed.stdout.split("\0") if name and (root / name).is_file()]
    return [
        path
        for path in sorted(root.rglob("*"))
        if path.is_file() and _written_by_hand(path.relative_to(root))
    ]


def _written_by_hand(path: Path) -> bool:
    hidden = any(part.startswith(".") and part != ".ci" for part in path.parts[:-1])
    product = any(part in PRODUCTS or part.endswith(".egg-info") for part in path.parts)
    return not hidden and not product


def with_words(root: Path, paths: Iterable[Path], words: Iterable[str]) -> list[str]:
    """Text files that hold one of the words, whatever the case."""
    pattern = re.compile("|".join(re.escape(word) for word in words), flags=re.IGNORECASE)
    found = []
    for path in paths:
        raw = path.read_bytes()
        match = None if b"\0" in raw[:8000] else pattern.search(raw.decode("utf-8", errors="replace"))
        if match:
            found.append(f"{path.relative_to(root)}: {match.group()}")
    return found
