"""From what is sampled to what the filter takes, as one operation, and its derivatives as another.

    step_s = typical_step exp(size_slope log(size_s / 55) + spread normal_s)
    offset_s,t = level + shock sqrt(years) (moved_1 + ... + moved_t) + sum over effects of effect cell_s,t

Written out as loops: each of PyTensor's operations on arrays takes longer to compile than all that stands here.
This module knows nothing of priors, calendars or samplers; only worker processes import it.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from pytensor.link.numba.dispatch.basic import register_funcify_default_op_cache_key

from models.acceptance.compiling import CODE, compiled
from models.acceptance.filter import SCALARS, START, TURBULENT
from models.backend import pt

Array = NDArray[np.float64]

POPULATION: Final = (
    "typical_step",
    "size_slope",
    "spread",
    "pull",
    "elsewhere_weight",
    "start",
    "turbulent_share",
    "turbulent_factor",
    "batch",
    "correlation",
    "shock",
)
"""Order of the population's parameters; those of `filter.SCALARS` stand together, start and factor as their roots."""
_TYPICAL, _SLOPE, _SPREAD, _FIRST_SCALAR = range(4)
_SHOCK: Final = _FIRST_SCALAR + len(SCALARS)
_MOVED: Final = _SHOCK + 1

_GIVEN, _ARGUMENTS = (1, 1, 3, 2, 0), (1, 1, 2)
"""Numbers of axes of what is given, and of what the filter takes."""


class FilterArguments(Op):  # type: ignore[misc]  # PyTensor has no types
    """`(sampled, log_sizes, cells, known, years) -> (scalars, step_variance, offset)`.

    `sampled` holds, after each other, the population in the order of `POPULATION`, a shock for each period but the
    first and the level, all series' normals, and the effects; `log_sizes` (series,) as `model.log_sizes`; `cells`
    (effect, period, series) where and how far an effect holds; `known` (period, series) log odds that are not sampled;
    `years` a period's length. The outputs are those inputs of `density.AcceptanceLogDensity`.
    """

    __props__ = ()

    def make_node(self, *inputs: Any) -> Apply:
        """A node of these arrays; TypeError for anything else."""
        return Apply(self, _doubles(inputs, _GIVEN), [pt.dvector(), pt.dvector(), pt.dmatrix()])

    def perform(self, node: Apply, inputs: list[Any], outputs: list[list[Array]]) -> None:
        """The same loops, for compilation modes that call Python."""
        for place, value in zip(outputs, _forward(*inputs), strict=True):
            place[0] = value

    def infer_shape(self, fgraph: Any, node: Apply, shapes: list[Any]) -> list[Any]:
        """As many scalars as the filter has, and a series' step and path."""
        return [(pt.constant(len(SCALARS)),), shapes[1], shapes[3]]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        """Only what is sampled can be differentiated to."""
        return [[place == 0] * len(_ARGUMENTS) for place in range(len(_GIVEN))]

    def L_op(  # noqa: N802 (PyTensor's name)
        self, inputs: list[Any], outputs: list[Any], output_grads: list[Any]
    ) -> list[Any]:
        """Gradients by the other operation; an output nothing depends on counts for nought."""
        from pytensor.gradient import DisconnectedType

        arriving = [
            pt.zeros_like(output) if isinstance(grad.type, DisconnectedType) else grad
            for output, grad in zip(outputs, output_grads, strict=True)
        ]
        to_sampled = _way_back(inputs[0], inputs[1], inputs[2], inputs[4], outputs[1], *arriving)
        return [to_sampled, *(DisconnectedType()() for _ in inputs[1:])]


class _WayBack(Op):  # type: ignore[misc]
    """`(sampled, log_sizes, cells, years, step_variance, derivatives to the outputs) -> those to `sampled`."""

    __props__ = ()

    def make_node(self, *inputs: Any) -> Apply:
        return Apply(self, _doubles(inputs, (1, 1, 3, 0, 1, *_ARGUMENTS)), [pt.dvector()])

    def perform(self, node: Apply, inputs: list[Any], outputs: list[list[Array]]) -> None:
        outputs[0][0] = _back(*inputs)

    def infer_shape(self, fgraph: Any, node: Apply, shapes: list[Any]) -> list[Any]:
        return shapes[:1]


def _doubles(inputs: tuple[Any, ...], ranks: tuple[int, ...]) -> list[Any]:
    given = [pt.as_tensor_variable(value) for value in inputs]
    kinds = [(value.type.ndim, value.type.dtype) for value in given]
    if kinds != [(rank, "float64") for rank in ranks]:
        raise TypeError(f"the arguments of the filter are not made of {kinds}")
    return given


def _forward(
    sampled: Array, log_sizes: Array, cells: Array, known: Array, years: Array
) -> tuple[Array, Array, Array]:
    """The outputs of `FilterArguments`, for its inputs."""
    periods, series = known.shape
    normals, effects = _MOVED + periods, _MOVED + periods + series
    scalars, step_variance, offset = np.empty(_SHOCK - _FIRST_SCALAR), np.empty(series), np.empty(known.shape)
    for i in range(len(scalars)):
        scalars[i] = sampled[_FIRST_SCALAR + i]
    scalars[START] **= 2
    scalars[TURBULENT] **= 2
    for s in range(series):
        log_step = sampled[_SLOPE] * log_sizes[s] + sampled[_SPREAD] * sampled[normals + s]
        step_variance[s] = (sampled[_TYPICAL] * np.exp(log_step)) ** 2
    a_period, path = sampled[_SHOCK] * np.sqrt(years.item()), sampled[normals - 1]
    for t in range(periods):
        path += a_period * sampled[_MOVED + t - 1] if t else 0.0
        for s in range(series):
            offset[t, s] = path + known[t, s]
            for i in range(len(cells)):
                offset[t, s] += sampled[effects + i] * cells[i, t, s]
    return scalars, step_variance, offset


def _back(
    sampled: Array,
    log_sizes: Array,
    cells: Array,
    years: Array,
    step_variance: Array,
    to_scalars: Array,
    to_step: Array,
    to_offset: Array,
) -> Array:
    """From derivatives to the filter's arguments to those to what is sampled."""
    periods, series = to_offset.shape
    normals, effects = _MOVED + periods, _MOVED + periods + series
    to = np.zeros(len(sampled))
    for i in range(len(to_scalars)):
        to[_FIRST_SCALAR + i] = to_scalars[i]
    for i in (START, TURBULENT):
        to[_FIRST_SCALAR + i] *= 2 * sampled[_FIRST_SCALAR + i]
    for s in range(series):
        to_log = 2 * step_variance[s] * to_step[s]
        to[_TYPICAL] += to_log / sampled[_TYPICAL]
        to[_SLOPE] += to_log * log_sizes[s]
        to[_SPREAD] += to_log * sampled[normals + s]
        to[normals + s] = to_log * sampled[_SPREAD]
    root, later = np.sqrt(years.item()), 0.0
    for t in range(periods - 1, -1, -1):
        for s in range(series):
            later += to_offset[t, s]
            for i in range(len(cells)):
                to[effects + i] += to_offset[t, s] * cells[i, t, s]
        if t:
            to[_MOVED + t - 1] = sampled[_SHOCK] * root * later
            to[_SHOCK] += root * sampled[_MOVED + t - 1] * later
    to[normals - 1] = later
    return to


@register_funcify_default_op_cache_key(FilterArguments)  # type: ignore[untyped-decorator]
def _compile_forward(op: Op, node: Apply, **_: Any) -> Any:
    return compiled(_forward), CODE


@register_funcify_default_op_cache_key(_WayBack)  # type: ignore[untyped-decorator]
def _compile_back(op: Op, node: Apply, **_: Any) -> Any:
    return compiled(_back), CODE


filter_arguments = FilterArguments()
_way_back = _WayBack()
