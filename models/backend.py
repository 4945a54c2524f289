"""The one place where PyMC and its numerical backend come in.

    from models.backend import pm, pt

PyTensor looks for a C++ compiler when it is first imported and complains when there is none. Everything here
is compiled by Numba, so the search is switched off (`cxx=`): the same code then runs on machines with and
without a compiler, and says nothing. ArviZ announces its next major version at import; that one notice is
silenced here at its source, so that every other warning stays visible.
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
    from pytensor.gradient import disconnected_grad

__all__ = ["az", "disconnected_grad", "pm", "pt"]
