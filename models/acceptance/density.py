"""Log density of decisions in many series at once, with its gradient, as one operation.

    density_s = sum over periods of log p(positive | total, earlier decisions of the series)        (`filter`)

The gradient comes from one pass back over the periods and is computed along with the value: a sampler wants both.
Cost: periods times series, nothing more. This module knows nothing of priors, calendars or samplers.
"""

from typing import Any

import numpy as np
from numba import types
from numpy.typing import NDArray
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from pytensor.link.numba.dispatch.basic import numba_njit, register_funcify_default_op_cache_key

from models.acceptance.apart import compiled_apart
from models.acceptance.compiling import CODE, compiled
from models.acceptance.filter import LANE_ROWS, POINT, ROOM, P, over_periods
from models.acceptance.way_back import BACK_ROWS, unlearn, unpredict
from models.backend import pt

Array = NDArray[np.float64]


class AcceptanceLogDensity(Op):  # type: ignore[misc]  # PyTensor has no types
    """`(scalars, step_variance, offset, counts, first, years) -> density (series,)` and its gradients.

    `scalars` (7,) in the order of `filter.SCALARS`; `step_variance` (series,) per year; `offset` (period, series) log
    odds of the host and of declared breaks; `counts` (3, period, series) positive, total and log odds elsewhere;
    `first` (series,) period of a series' first decisions; `years` a period's length. The further outputs are the
    derivatives of the summed density, shaped as the first three inputs.
    """

    __props__ = ()

    def make_node(self, *inputs: Any) -> Apply:
        """A node of these arrays; TypeError for anything else."""
        given = [pt.as_tensor_variable(value) for value in inputs]
        kinds = [(value.type.ndim, value.type.dtype) for value in given]
        floats = [(rank, "float64") for rank in (1, 1, 2, 3)]
        if kinds != [*floats, (1, "int64"), (0, "float64")]:
            raise TypeError(f"the density of decisions does not take {kinds}")
        return Apply(self, given, [pt.dvector(), pt.dvector(), pt.dvector(), pt.dmatrix()])

    def perform(self, node: Apply, inputs: list[Any], outputs: list[list[Array]]) -> None:
        """The same compiled passes, for compilation modes that call Python."""
        scalars, step, offset, counts, first, years = inputs
        found = density_and_gradient(scalars, step, offset, counts, first, float(years))
        for place, value in zip(outputs, found, strict=True):
            place[0] = value

    def infer_shape(self, fgraph: Any, node: Apply, shapes: list[Any]) -> list[Any]:
        """One density per series; derivatives as what they belong to."""
        return [shapes[1], shapes[0], shapes[1], shapes[2]]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        """Only the density can be differentiated, and only to the first three inputs."""
        return [[place < 3, False, False, False] for place in range(6)]

    def L_op(  # noqa: N802 (PyTensor's name)
        self, inputs: list[Any], outputs: list[Any], output_grads: list[Any]
    ) -> list[Any]:
        """Gradients of the summed density, by the chain rule: every series arrives with the same gradient."""
        from pytensor.gradient import DisconnectedType

        to_density = output_grads[0][0]
        constants = [DisconnectedType()() for _ in inputs[3:]]
        return [*(to_density * derivative for derivative in outputs[1:]), *constants]


def _passes(
    scalars: Array,
    step_variance: Array,
    offset: Array,
    counts: Array,
    first: NDArray[np.int64],
    years: float,
) -> tuple[Array, Array, Array, Array]:
    """The outputs of `AcceptanceLogDensity`, for its inputs."""
    periods, series = offset.shape
    to_scalars, to_step, to_offset = np.zeros(scalars.size), np.zeros(series), np.zeros((periods, series))
    points, later = np.empty((periods, ROOM, POINT, 2 * series)), np.zeros((2, series))
    lanes = np.zeros((max(LANE_ROWS, BACK_ROWS), 2 * series))
    after, kept, parts, density = over_periods(
        scalars, step_variance, offset, counts, first, years, points, lanes
    )
    for t in range(periods - 1, -1, -1):
        anchor, mean, here = counts[2, t], after[t + 1, 0], to_offset[t]
        unlearn(scalars, counts[:, t], kept[t], parts[t], points[t], mean, later, lanes, to_scalars, here)
        variance = parts[t, P]
        unpredict(
            scalars, step_variance, years, anchor, t > first, kept[t], variance, lanes, later, to_scalars, to_step,
        )  # fmt: skip
    return _by_series(density), to_scalars, to_step, to_offset


@compiled
def _by_series(density: Array) -> Array:
    """Sums over the periods; Numba's own brings in messages on axes, which take longer to compile than all sums."""
    summed = np.zeros(density.shape[1])
    for t in range(len(density)):
        for s in range(len(summed)):
            summed[s] += density[t, s]
    return summed


def _doubles(rank: int) -> types.Array:
    return types.Array(types.float64, rank, "C")


density_and_gradient, _by_address = compiled_apart(
    _passes,
    types.Tuple([_doubles(1), _doubles(1), _doubles(1), _doubles(2)])(
        _doubles(1), _doubles(1), _doubles(2), _doubles(3), types.Array(types.int64, 1, "C"), types.float64
    ),
    f"acceptance_density_{CODE}",
)


@register_funcify_default_op_cache_key(AcceptanceLogDensity)  # type: ignore[untyped-decorator]
def _compile(op: Op, node: Apply, **_: Any) -> Any:
    call = _by_address()

    @numba_njit  # type: ignore[untyped-decorator]
    def passes(
        scalars: Array, step: Array, offset: Array, counts: Array, first: Any, years: Any
    ) -> tuple[Array, Array, Array, Array]:
        found: tuple[Array, Array, Array, Array] = call(
            (
                np.ascontiguousarray(scalars),
                np.ascontiguousarray(step),
                np.ascontiguousarray(offset),
                np.ascontiguousarray(counts),
                np.ascontiguousarray(first),
                years.item(),
            )
        )
        return found

    return passes, CODE


acceptance_log_density = AcceptanceLogDensity()
