"""A linear first-order recurrence as one differentiable operation.

    e_t = c_t e_{t-1} + d_t,    e_{-1} = 0

The errors of exponential smoothing are of this form in the data, so a likelihood needs no scan and no latent
levels: one pass forward, and for the gradient the same pass backward,

    g_t = de_t + c_{t+1} g_{t+1},    gradient to d_t: g_t,    to c_t: g_t e_{t-1}

(the adjoint of a linear filter is that filter run in reverse): linear in the number of months.
This module knows nothing of series, priors or samplers.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from pytensor.link.numba.dispatch.basic import numba_njit, register_funcify_default_op_cache_key

from models.backend import pt

Array = NDArray[np.float64]


class LinearRecurrence(Op):  # type: ignore[misc]  # PyTensor has no types
    """`(c, d) -> e`, vectors of equal length; `c[0]` has no effect."""

    __props__ = ()
    gufunc_signature = "(t),(t)->(t)"

    def make_node(self, c: Any, d: Any) -> Apply:
        """Node of two float64 vectors and one of the same kind."""
        c, d = pt.as_tensor_variable(c), pt.as_tensor_variable(d)
        if c.type.ndim != 1 or d.type.ndim != 1:
            raise TypeError("a linear recurrence takes two vectors")
        return Apply(self, [c, d], [pt.vector(dtype="float64")])

    def perform(self, node: Apply, inputs: list[Array], outputs: list[list[Array]]) -> None:
        """The recurrence in plain Python, for compilation modes without Numba."""
        outputs[0][0] = _recur(*inputs)

    def infer_shape(self, fgraph: Any, node: Apply, shapes: list[Any]) -> list[Any]:
        """As long as `d`."""
        return [shapes[1]]

    def L_op(  # noqa: N802 (PyTensor's name)
        self, inputs: list[Any], outputs: list[Any], output_grads: list[Any]
    ) -> list[Any]:
        """Gradients to `c` and `d`: the recurrence run backward."""
        (c, _), (e,) = inputs, outputs
        backward = linear_recurrence(_delayed(c[::-1]), output_grads[0][::-1])[::-1]
        return [backward * _delayed(e), backward]


def _delayed(x: Any) -> Any:
    """`x` one place later, zero first; empty stays empty."""
    return pt.concatenate([pt.zeros(1), x])[: x.shape[0]]


def _recur(c: Array, d: Array) -> Array:
    e = np.empty_like(d)
    last = 0.0
    for t in range(d.shape[0]):
        last = c[t] * last + d[t]
        e[t] = last
    return e


@register_funcify_default_op_cache_key(LinearRecurrence)  # type: ignore[untyped-decorator]
def _compile_linear_recurrence(op: Op, node: Apply, **_: Any) -> Any:
    return numba_njit(_recur)


linear_recurrence = LinearRecurrence()
