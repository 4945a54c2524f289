"""The one place where PyMC and its numerical backend come in.

    from models.backend import pm, pt

PyTensor looks for a C++ compiler when it is first imported and complains when there is none. Everything here
is compiled by Numba, so the search is switched off (`cxx=`): the same code then runs on machines with and
without a compiler, and says nothing. ArviZ announces its next major version at import; that one notice is
silenced here at its source, so that every other warning stays visible. Where compiled code assigns to a part of an
array, Numba also compiles the making of a message that names both shapes, a sixth of all compiling of a model; it has a
message without them, for processors without strings, which is taken here.
Nothing that the web process imports may import this module.
"""

import os
import warnings

_flags = os.environ.get("PYTENSOR_FLAGS", "")
os.environ["PYTENSOR_FLAGS"] = f"{_flags},cxx=".lstrip(",")

with warnings.catch_warnings():
    warnings.filterwarnings(
        "ignore", message=r"\s*ArviZ is undergoing a major refactor", category=FutureWarning
    )
    import arviz as az
    import pymc as pm
    import pytensor.tensor as pt
    from numba.core.registry import cpu_target
    from numba.np import arrayobj
    from pytensor.gradient import disconnected_grad


def _shorten_message_on_shapes() -> None:
    context = cpu_target.typing_context
    context.refresh()
    for template in context.resolve_value_type(arrayobj.raise_with_shape_context).templates:
        template._overload_func = staticmethod(arrayobj.ol_raise_with_shape_context_generic)


_shorten_message_on_shapes()

__all__ = ["az", "disconnected_grad", "pm", "pt"]
