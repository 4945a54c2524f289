"""What is published beside the code is valid and true: publiccode.yml, the licence, the commands in the README."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from tests.architecture.reading import tracked_files

ROOT = Path(__file__).parents[2]
REQUIRED = ("publiccodeYmlVersion", "name", "url", "platforms", "developmentStatus", "softwareType")


def publication_faults(record: dict[str, Any]) -> list[str]:
    """What keeps a publiccode.yml (standard 0.5) out of a register."""
    faults = [f"{name} is missing" for name in REQUIRED if not record.get(name)]
    if record.get("developmentStatus") not in {"concept", "development", "beta", "stable", "obsolete"}:
        faults.append("developmentStatus is unknown")
    for language, told in record.get("description", {}).items():
        if not 0 < len(told.get("shortDescription", "")) <= 150:
            faults.append(f"shortDescription ({language}) must have 1 to 150 characters")
        if not 150 <= len(told.get("longDescription", "x" * 150)) <= 10_000:
            faults.append(f"longDescription ({language}) must have 150 to 10,000 characters")
    if record.get("legal", {}).get("license") != "EUPL-1.2":
        faults.append("legal.license must be EUPL-1.2")
    kept = record.get("maintenance", {})
    if kept.get("type") not in {"internal", "contract", "community", "none"}:
        faults.append("maintenance.type is unknown")
    if kept.get("type") in {"internal", "community"} and not all(
        c.get("name") for c in kept.get("contacts", [{}])
    ):
        faults.append("maintenance.contacts need a name")
    places = record.get("localisation", {})
    if not isinstance(places.get("localisationReady"), bool) or not places.get("availableLanguages"):
        faults.append("localisation is incomplete")
    return faults


@pytest.fixture
def record() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "publiccode.yml").read_text("utf-8"))
    return loaded


def test_publiccode_is_valid(record: dict[str, Any]) -> None:
    assert publication_faults(record) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("name",), ""),
        (("developmentStatus",), "finished"),
        (("description", "nl", "shortDescription"), "x" * 151),
        (("description", "en", "longDescription"), "too short"),
        (("legal", "license"), "MIT"),
        (("maintenance", "contacts"), [{}]),
        (("localisation", "localisationReady"), "yes"),
    ],
)
def test_an_invalid_publiccode_is_found(record: dict[str, Any], path: tuple[str, ...], value: object) -> None:
    *way, last = path
    place = record
    for name in way:
        place = place[name]
    place[last] = value
    assert len(publication_faults(record)) == 1


def test_the_licence_is_the_whole_eupl() -> None:
    text = (ROOT / "LICENSE").read_text("utf-8")
    assert text.startswith("EUROPEAN UNION PUBLIC LICENCE v. 1.2")
    headings = re.findall(r"^(\d+)\. \S", text, flags=re.MULTILINE)
    assert headings == [str(number) for number in range(1, 16)]
    assert "Compatible Licences" in text


def test_commands_in_the_documents_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), flags=re.MULTILINE))
    from service.cli.main import app

    commands = set(get_command(app).commands)  # type: ignore[attr-defined]
    for name in ("README.md", "CONTRIBUTING.md", "ARCHITECTURE.md", "benchmarks/README.md"):
        text = (ROOT / name).read_text("utf-8")
        assert set(re.findall(r"\bmake ([a-z]+)\b(?=[`\s]*(?:#|`|,|$|with))", text, re.MULTILINE)) <= targets
        assert set(re.findall(r"(?:bin/|    |`)instroom ([a-z]+)", text)) <= commands


def test_settings_in_the_readme_are_those_that_are_read() -> None:
    read = set(
        re.findall(r'"((?:INSTROOM_\w+|HOST|PORT))"', (ROOT / "service/settings.py").read_text("utf-8"))
    )
    table = (ROOT / "README.md").read_text("utf-8").split("## Configuration")[1].split("##")[0]
    assert set(re.findall(r"`(INSTROOM_\w+|HOST|PORT)`", table)) == read


def left_out_of_the_package(root: Path, patterns: dict[str, list[str]], files: list[Path]) -> list[str]:
    """Data files inside the packages that an installation would not have."""
    packed = {path for room, globs in patterns.items() for glob in globs for path in (root / room).glob(glob)}
    inside = [path for path in files if path.relative_to(root).parts[0] in patterns and path.suffix != ".py"]
    return [str(path.relative_to(root)) for path in inside if path not in packed]


def test_an_installation_has_every_data_file() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]
    assert left_out_of_the_package(ROOT, settings["package-data"], tracked_files(ROOT)) == []


def test_a_data_file_left_out_is_found(tmp_path: Path) -> None:
    for name in ("service/web/static/a.css", "service/sources/mappings/b.toml", "service/app.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("", "utf-8")
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    patterns = {"service": ["web/**/*"]}
    assert left_out_of_the_package(tmp_path, patterns, files) == ["service/sources/mappings/b.toml"]
