"""How functions of this package are compiled by Numba, and the key under which that is kept on disk.

This module knows nothing of what is computed; only worker processes import it.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from pytensor.link.numba.cache import CACHED_SRC_FUNCTIONS
from pytensor.link.numba.dispatch.basic import numba_njit

import models.backend  # noqa: F401  (it keeps PyTensor from looking for a C++ compiler)
from models.code_key import code_key

CODE = code_key(__file__, "arguments", "density", "filter", "way_back", "lanes", "beta", "apart", "peak")
"""Part of the key of compiled code on disk, so that no other version of these functions is taken from there."""

_Function = TypeVar("_Function", bound=Callable[..., Any])
compiled: Callable[[_Function], _Function] = numba_njit(error_model="numpy")
"""For functions that only compiled code calls."""
written_out: Callable[[_Function], _Function] = numba_njit(error_model="numpy", inline="always")
"""For those that stand between: compiled only as part of what calls them, not by themselves and then again there."""


def called_from_python(function: _Function) -> _Function:
    """For those that Python calls as well."""
    CACHED_SRC_FUNCTIONS[function] = f"{function.__module__}.{function.__qualname__}_{CODE}"
    kept: _Function = numba_njit(function, final_function=True, error_model="numpy", cache=True)
    return kept
