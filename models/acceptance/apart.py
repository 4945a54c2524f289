"""A function compiled once and by itself, which other compiled code calls by its address.

Numba compiles all that a function calls anew into whatever calls it: a large function several calls deep, as PyTensor
and nutpie wrap one, would be compiled half a dozen times. Called by a name that is resolved when code is loaded, it is
compiled once; it is kept on disk, as the code that calls it is. This module knows nothing of what is computed.
"""

from collections.abc import Callable
from typing import Any

import llvmlite.binding as llvm  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from pytensor.link.numba.cache import CACHED_SRC_FUNCTIONS
from pytensor.link.numba.dispatch.basic import numba_njit

import models.backend  # noqa: F401  (it keeps PyTensor from looking for a C++ compiler)


def compiled_apart(function: Callable[..., Any], signature: Any, key: str) -> tuple[Any, Callable[[], Any]]:
    """The function for Python, and what gives the one that compiled code calls, with exactly this signature.

    The latter compiles it, or finds it on disk under `key`, which must change with the code.
    """
    CACHED_SRC_FUNCTIONS[function] = key
    for_python = numba_njit(function, final_function=True, error_model="numpy", cache=True)

    @intrinsic  # type: ignore[untyped-decorator]
    def call(typing: Any, given: Any) -> Any:
        """The function itself, its body elsewhere; its arguments come as a tuple."""

        def emit(context: Any, builder: Any, _: Any, values: Any) -> Any:
            convention = context.call_conv
            kind = convention.get_function_type(signature.return_type, signature.args)
            target = cgutils.get_or_insert_function(builder.module, kind, key)
            status, found = convention.call_function(
                builder,
                target,
                signature.return_type,
                signature.args,
                cgutils.unpack_tuple(builder, values[0]),
            )
            with cgutils.if_unlikely(builder, status.is_error):
                convention.return_status_propagate(builder, status)
            return found

        return signature.return_type(types.Tuple(signature.args)), emit

    def settled() -> Any:
        for_python.compile(signature.args)
        made = for_python.overloads[signature.args]
        llvm.add_symbol(key, made.library.get_pointer_to_function(made.fndesc.llvm_func_name))
        return call

    return for_python, settled
