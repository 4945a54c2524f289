"""Where real extracts are, when they are beside the checkout."""

from collections.abc import Callable
from pathlib import Path

import pytest

REAL = Path(__file__).resolve().parents[3] / "shared" / "data"


@pytest.fixture
def real() -> Callable[[str], Path]:
    """The path of a real file below ../shared/data; skips the test, saying why, where there is none."""

    def path(name: str) -> Path:
        if not (REAL / name).exists():
            pytest.skip(f"no real file ../shared/data/{name} beside this checkout")
        return REAL / name

    return path
