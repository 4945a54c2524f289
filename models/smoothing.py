"""One-step errors of exponential smoothing as one differentiable operation.

    e_t = x_t - level_{t-1},    level_t = level_{t-1} + gain_t e_t,    level_0 = start

Backward, with l_t the gradient to level_t (zero at the end) and de_t the gradient that arrives at e_t:

    h_t = de_t + gain_t l_t,    to gain_t: l_t e_t,    to x_t: h_t,    l_{t-1} = l_t - h_t,    to start: l_0

Both passes are linear in the number of months and compiled by Numba: no scan, no latent levels, and half of the
nodes to compile that the same takes in array operations.
This module knows nothing of series, priors or samplers.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from pytensor.link.numba.dispatch.basic import numba_njit, register_funcify_default_op_cache_key

from models.backend import pt
from models.code_key import code_key

Array = NDArray[np.float64]
_CODE = code_key(__file__)


class SmoothingErrors(Op):  # type: ignore[misc]  # PyTensor has no types
    """`(gain (t,), x (t,), start (1,)) -> e (t,)`, float64."""

    __props__ = ()

    def make_node(self, gain: Any, x: Any, start: Any) -> Apply:
        """A node of three vectors; TypeError for anything else."""
        inputs = [pt.as_tensor_variable(value) for value in (gain, x, start)]
        if any(value.type.ndim != 1 or value.type.dtype != "float64" for value in inputs):
            raise TypeError("exponential smoothing takes three float64 vectors")
        return Apply(self, inputs, [inputs[1].type()])

    def perform(self, node: Apply, inputs: list[Array], outputs: list[list[Array]]) -> None:
        """The same pass in plain Python, for compilation modes without Numba."""
        outputs[0][0] = _forward(*inputs)

    def infer_shape(self, fgraph: Any, node: Apply, shapes: list[Any]) -> list[Any]:
        """As long as `x`."""
        return [shapes[1]]

    def L_op(  # noqa: N802 (PyTensor's name)
        self, inputs: list[Any], outputs: list[Any], output_grads: list[Any]
    ) -> list[Any]:
        """Gradients to the three inputs."""
        return list(_smoothing_gradient(inputs[0], outputs[0], output_grads[0], inputs[2]))


class _SmoothingGradient(Op):  # type: ignore[misc]  # PyTensor has no types
    """`(gain, e, de, start) -> gradients to gain, x and start`; `start` lends its type only."""

    __props__ = ()

    def make_node(self, gain: Any, e: Any, de: Any, start: Any) -> Apply:
        """A node of the forward pass's vectors."""
        inputs = [pt.as_tensor_variable(value) for value in (gain, e, de, start)]
        return Apply(self, inputs, [inputs[0].type(), inputs[1].type(), inputs[3].type()])

    def perform(self, node: Apply, inputs: list[Array], outputs: list[list[Array]]) -> None:
        """The backward pass in plain Python."""
        for place, value in zip(outputs, _backward(*inputs), strict=True):
            place[0] = value

    def infer_shape(self, fgraph: Any, node: Apply, shapes: list[Any]) -> list[Any]:
        """As long as what each gradient belongs to."""
        return [shapes[0], shapes[1], shapes[3]]


def _forward(gain: Array, x: Array, start: Array) -> Array:
    e = np.empty_like(x)
    level = start[0]
    for t in range(x.shape[0]):
        e[t] = x[t] - level
        level += gain[t] * e[t]
    return e


def _backward(gain: Array, e: Array, de: Array, start: Array) -> tuple[Array, Array, Array]:
    to_gain, to_x, to_start = np.empty_like(gain), np.empty_like(e), np.empty_like(start)
    to_level = 0.0
    for t in range(e.shape[0] - 1, -1, -1):
        to_gain[t] = to_level * e[t]
        to_x[t] = de[t] + gain[t] * to_level
        to_level -= to_x[t]
    to_start[0] = to_level
    return to_gain, to_x, to_start


@register_funcify_default_op_cache_key(SmoothingErrors)  # type: ignore[untyped-decorator]
def _compile_forward(op: Op, node: Apply, **_: Any) -> Any:
    return numba_njit(_forward), _CODE


@register_funcify_default_op_cache_key(_SmoothingGradient)  # type: ignore[untyped-decorator]
def _compile_backward(op: Op, node: Apply, **_: Any) -> Any:
    return numba_njit(_backward), _CODE


smoothing_errors = SmoothingErrors()
_smoothing_gradient = _SmoothingGradient()
