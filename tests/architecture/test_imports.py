"""Rooms import one way (priors ← models ← service), and the web process stays free of what workers need."""

from pathlib import Path

import pytest

from tests.architecture import reading

ROOT = Path(__file__).parents[2]


def plant(root: Path, files: dict[str, str]) -> Path:
    """Writes a small tree; every folder on the way becomes a package."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        for folder in path.relative_to(root).parents:
            if str(folder) != "." and not (root / folder / "__init__.py").exists():
                (root / folder / "__init__.py").write_text("", encoding="utf-8")
    return root


def test_rooms_import_one_way() -> None:
    assert reading.against_the_direction(ROOT) == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("priors/mixture.py", "import models.forecast\n"),
        ("priors/mixture.py", "from service import app\n"),
        ("models/forecast.py", "def late():\n    from service.storage import base\n"),
    ],
)
def test_an_import_against_the_direction_is_found(tmp_path: Path, path: str, text: str) -> None:
    faults = reading.against_the_direction(plant(tmp_path, {path: text}))
    assert len(faults) == 1
    assert path in faults[0]


def test_the_allowed_direction_is_not_a_fault(tmp_path: Path) -> None:
    files = {"service/app.py": "import models.paths, priors.scenario\n", "models/paths.py": "import priors\n"}
    assert reading.against_the_direction(plant(tmp_path, files)) == []


def test_priors_use_numpy_scipy_pydantic_and_nothing_else() -> None:
    assert reading.foreign_to_priors(ROOT) == []


def test_a_foreign_package_in_priors_is_found(tmp_path: Path) -> None:
    planted = plant(tmp_path, {"priors/scenario.py": "import json\nimport numpy\nimport pandas as pd\n"})
    assert reading.foreign_to_priors(planted) == ["priors/scenario.py:3 imports pandas"]


def test_the_web_process_cannot_reach_worker_packages() -> None:
    reached = reading.import_closure(ROOT, "service.app")
    assert ROOT / "service" / "app.py" in reached
    assert reading.heavy_for_the_web(ROOT) == []


def test_a_worker_package_three_imports_away_is_found(tmp_path: Path) -> None:
    files = {
        "service/app.py": "from service.api import forecasts\n",
        "service/api/forecasts.py": "def run():\n    from models.joint import sample\n",
        "models/joint.py": "import pymc as pm\n",
    }
    faults = reading.heavy_for_the_web(plant(tmp_path, files))
    assert faults == ["models/joint.py:1 imports pymc (reached from service/api/forecasts.py)"]


def test_a_package_init_counts_as_reached(tmp_path: Path) -> None:
    files = {
        "service/app.py": "from models.stored import open_forecast\n",
        "models/__init__.py": "import arviz\n",
        "models/stored.py": "",
    }
    assert reading.heavy_for_the_web(plant(tmp_path, files)) == [
        "models/__init__.py:1 imports arviz (reached from service/app.py)"
    ]


def test_imports_for_type_checking_only_do_not_count(tmp_path: Path) -> None:
    text = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import pymc\nelse:\n    import dask\n"
    faults = reading.heavy_for_the_web(plant(tmp_path, {"service/app.py": text}))
    assert faults == ["service/app.py:5 imports dask (reached from the start)"]


def test_a_running_web_process_has_loaded_no_worker_package(tmp_path: Path) -> None:
    status, loaded = reading.loaded_by_the_web(ROOT, tmp_path)
    assert status == 200
    assert loaded & reading.KEPT_FROM_WEB == set()
    assert {"service", "fastapi", "sqlalchemy"} <= loaded


def test_a_package_loaded_while_running_is_seen(tmp_path: Path) -> None:
    app = (
        "import importlib\n"
        "def create_app(settings):\n"
        "    async def app(scope, receive, send):\n"
        "        importlib.import_module('sk' + 'learn')\n"
        "        await send({'type': 'http.response.start', 'status': 200, 'headers': []})\n"
        "    return app\n"
    )
    files = {
        "service/app.py": app,
        "service/settings.py": "def load_settings(environ):\n    return environ\n",
    }
    planted = plant(tmp_path, files)
    assert reading.heavy_for_the_web(planted) == []
    status, loaded = reading.loaded_by_the_web(planted, tmp_path)
    assert status == 200
    assert loaded & reading.KEPT_FROM_WEB == {"sklearn"}
