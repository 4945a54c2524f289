"""ARCHITECTURE.md agrees with the tree: every folder is in its table, no import goes beyond it."""

from pathlib import Path

from tests.architecture import reading

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "ARCHITECTURE.md"
TABLE = "| folder | imports |\n|---|---|\n| `priors` | nothing |\n| `models` | `priors` |\n"


def planted(root: Path) -> Path:
    for name, text in {"priors/scenario.py": "", "models/paths.py": "import priors.scenario\n"}.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return root


def test_the_document_and_the_tree_agree() -> None:
    assert reading.against_the_document(ROOT, DOCUMENT.read_text(encoding="utf-8")) == []


def test_the_document_names_no_path_that_is_gone() -> None:
    assert reading.dangling_paths(ROOT, DOCUMENT.read_text(encoding="utf-8")) == []


def test_the_document_names_every_top_level_folder() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    tops = {path.relative_to(ROOT).parts[0] for path in reading.tracked_files(ROOT) if path.parent != ROOT}
    assert [top for top in sorted(tops) if f"`{top}/" not in text and f"`{top}`" not in text] == []


def test_agreement_is_recognised(tmp_path: Path) -> None:
    assert reading.against_the_document(planted(tmp_path), TABLE) == []


def test_a_folder_left_out_is_found(tmp_path: Path) -> None:
    root = planted(tmp_path)
    (root / "service").mkdir()
    (root / "service" / "app.py").write_text("", encoding="utf-8")
    assert reading.against_the_document(root, TABLE) == ["service is not in the table"]


def test_a_folder_that_is_gone_is_found(tmp_path: Path) -> None:
    table = TABLE + "| `service/web` | `models` |\n"
    faults = reading.against_the_document(planted(tmp_path), table)
    assert faults == ["service/web is in the table but not in the tree"]


def test_an_import_beyond_the_table_is_found(tmp_path: Path) -> None:
    table = TABLE.replace("| `models` | `priors` |", "| `models` | nothing |")
    faults = reading.against_the_document(planted(tmp_path), table)
    assert faults == ["models imports priors, the table does not say so"]


def test_a_dangling_path_is_found(tmp_path: Path) -> None:
    assert reading.dangling_paths(planted(tmp_path), "see `priors/scenario.py` and `models/gone.py`") == [
        "models/gone.py"
    ]
