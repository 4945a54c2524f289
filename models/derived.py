"""A model's derived quantities of all kept draws at once, by NumPy.

    sample -> draws of what is sampled (chain, draw, ...) -> draws of what is a function of it

A sampler that works them out as it goes needs them compiled, each operation by itself, for a few thousand draws that
NumPy does in a blink. Differs from compiled results by rounding. This module knows nothing of what the variables mean.
"""

from typing import Any

import numpy as np
import pytensor
from numpy.typing import NDArray
from pytensor.graph.replace import vectorize_graph

from models.backend import pt

Array = NDArray[np.float64]


def derived(model: Any, sampled: dict[str, Array]) -> dict[str, Array]:
    """Deterministic variables by name (chain, draw, ...), in the model's order, from draws of all free ones."""
    values = [model.rvs_to_values[variable] for variable in model.free_RVs]
    wanted = [variable for variable in model.unobserved_value_vars if variable not in values]
    if not wanted:
        return {}
    many = {value: pt.tensor(value.name, shape=(None, None, *value.type.shape)) for value in values}
    # Nothing of it is compiled: operations on thousands of draws cost more than the calls between them.
    work_out = pytensor.function(
        list(many.values()), vectorize_graph(wanted, many), mode="FAST_COMPILE", on_unused_input="ignore"
    )
    found = work_out(*(sampled[value.name] for value in values))
    return {variable.name: np.asarray(draws) for variable, draws in zip(wanted, found, strict=True)}
