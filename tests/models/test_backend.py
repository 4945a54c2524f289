"""What the backend changes in Numba: a message that costs a sixth of all compiling of a model, and nothing else."""

import subprocess
import sys

import numpy as np
import pytest
from numba import njit

from models.backend import pm
from models.series import Array

SHORT = "cannot assign slice from input of different size"
PLAIN_NUMBA = """
import numpy as np
from numba import njit

@njit
def assigned(to, values):
    to[1:] = values
    return to

assert assigned(np.zeros(4), np.arange(3.0)).tolist() == [0, 0, 1, 2]
try:
    assigned(np.zeros(4), np.ones(2))
except ValueError as error:
    print(error)
"""


@njit  # type: ignore[untyped-decorator]
def assigned(to: Array, values: Array) -> Array:
    to[1:] = values
    return to


def test_the_short_message_is_compiled_and_assigns_the_same() -> None:
    """A Numba that keeps its message elsewhere would compile its own again, without a word: this is where it shows."""
    assert pm.__name__ == "pymc"
    assert assigned(np.zeros(4), np.arange(3.0)).tolist() == [0, 0, 1, 2]
    with pytest.raises(ValueError, match=f"^{SHORT}$"):
        assigned(np.zeros(4), np.ones(2))


def test_numba_by_itself_still_has_a_longer_one() -> None:
    """Once it has not, there is nothing to spare and the change can go."""
    said = subprocess.run([sys.executable, "-c", PLAIN_NUMBA], capture_output=True, text=True, check=True)
    assert "(2,)" in said.stdout and SHORT not in said.stdout
