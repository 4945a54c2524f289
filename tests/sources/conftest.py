"""Single real files, when the folder of real counts is beside the checkout."""

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def real(request: pytest.FixtureRequest) -> Callable[[str], Path]:
    """`real(name)` gives the path of a real file; skips the test, saying why, where there is none."""

    def path(name: str) -> Path:
        folder = Path(request.getfixturevalue("shared_data"))
        if not (folder / name).exists():
            pytest.skip(f"the folder of real counts has no {name}")
        return folder / name

    return path
