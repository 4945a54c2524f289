"""The filter of shares as one differentiable operation: rows of splits in, their errors and precisions out.

Per row, for the nationalities in it (q their step variances, rho = pull x months, at most 1):

    level += rho (anchor - level),   P += q step
    e_g    = y_g - log sum of exp(level) over the group
    v_g    = sum of weight^2 P + month / span + count / size + floor
    e     -= sum(e / v) / sum(1 / v)                         what all groups share says nothing of shares
    level += gain e_g,   gain = weight P / v_g,   P -= gain weight P
    quadratic = sum e^2 / v,    half_log_precision = (sum of log 1/v - log of sum 1/v) / 2

The levels are those of exponential smoothing with a Kalman gain per nationality; the gains depend on hyperparameters
and earlier sizes only, so the density is exact for the model so defined. Both passes are linear in rows and compiled
by Numba. This module knows nothing of priors, calendars or samplers; only worker processes import it.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from pytensor.link.numba.dispatch.basic import numba_njit, register_funcify_default_op_cache_key

from models.backend import pt
from models.code_key import code_key
from models.composition.design import (
    ANCHOR,
    ELAPSED,
    FLOOR,
    GROUP,
    INVERSE_SIZE,
    SPAN,
    STEP,
    WEIGHT,
    Y,
)

Array = NDArray[np.float64]
_CODE = code_key(__file__, "design")
_Pass = TypeVar("_Pass", bound=Callable[..., Any])
_compiled: Callable[[_Pass], _Pass] = numba_njit(final_function=True, error_model="numpy")


class SplitErrors(Op):  # type: ignore[misc]  # PyTensor has no types
    """`(step_variance (k,), noise (3,), cells (t, k, 9), start (2, k)) -> quadratic (t,), half_log_precision (t,)`.

    `noise` is month variance, count noise in multiples of Poisson, and pull per month; `start` is level and variance.
    Gradients go to the first two.
    """

    __props__ = ()

    def make_node(self, step_variance: Any, noise: Any, cells: Any, start: Any) -> Apply:
        """A node; TypeError for arguments of another rank or type."""
        inputs = [pt.as_tensor_variable(value) for value in (step_variance, noise, cells, start)]
        ranks = [value.type.ndim for value in inputs]
        if ranks != [1, 1, 3, 2] or any(value.type.dtype != "float64" for value in inputs):
            raise TypeError("the split filter takes float64 arrays of ranks 1, 1, 3 and 2")
        return Apply(self, inputs, [pt.dvector(), pt.dvector()])

    def perform(self, node: Apply, inputs: list[Array], outputs: list[list[Array]]) -> None:
        """The same pass in plain Python, for compilation modes without Numba."""
        outputs[0][0], outputs[1][0] = _errors(*inputs)

    def infer_shape(self, fgraph: Any, node: Apply, shapes: list[Any]) -> list[Any]:
        """One of each per row."""
        return [(shapes[2][0],), (shapes[2][0],)]

    def L_op(  # noqa: N802 (PyTensor's name)
        self, inputs: list[Any], outputs: list[Any], output_grads: list[Any]
    ) -> list[Any]:
        """Gradients to step variances and noise; data are constants."""
        to_step, to_noise = _split_gradient(*inputs, *output_grads)
        return [to_step, to_noise, pt.zeros_like(inputs[2]), pt.zeros_like(inputs[3])]


class _SplitGradient(Op):  # type: ignore[misc]  # PyTensor has no types
    """The inputs of `SplitErrors` and the two gradients that arrive -> gradients to step variance and noise."""

    __props__ = ()

    def make_node(self, *inputs: Any) -> Apply:
        """A node of the forward pass's arguments and two vectors."""
        given = [pt.as_tensor_variable(value) for value in inputs]
        return Apply(self, given, [given[0].type(), given[1].type()])

    def perform(self, node: Apply, inputs: list[Array], outputs: list[list[Array]]) -> None:
        """The backward pass in plain Python."""
        outputs[0][0], outputs[1][0] = _gradient(*inputs)

    def infer_shape(self, fgraph: Any, node: Apply, shapes: list[Any]) -> list[Any]:
        """As long as what each gradient belongs to."""
        return [shapes[0], shapes[1]]


def _errors(step_variance: Array, noise: Array, cells: Array, start: Array) -> tuple[Array, Array]:
    rows, citizens = cells.shape[0], cells.shape[1]
    quadratic, half_log_precision = np.zeros(rows), np.zeros(rows)
    kept = np.zeros((7, citizens))
    level, variance = start[0].copy(), start[1].copy()
    for t in range(rows):
        _forward_row(step_variance, noise, cells[t], level, variance, kept)
        quadratic[t], half_log_precision[t] = _scores(kept)
    return quadratic, half_log_precision


# Rows of `kept`: what the backward pass needs of a row.
_BEFORE, _LEVEL, _VARIANCE, _ERROR, _V, _IN_GROUP, _USED = range(7)


@_compiled
def _predict_row(
    step_variance: Array, noise: Array, cell: Array, level: Array, variance: Array, kept: Array
) -> None:
    """Drift of levels and variances, then error and variance of each group, still with what groups share."""
    kept[:] = 0.0
    for k in range(cell.shape[0]):
        g = int(cell[k, GROUP])
        if g >= 0:
            kept[_BEFORE, k] = level[k]
            level[k] += min(noise[2] * cell[k, ELAPSED], 1.0) * (cell[k, ANCHOR] - level[k])
            variance[k] += step_variance[k] * cell[k, STEP]
            kept[_LEVEL, k], kept[_VARIANCE, k] = level[k], variance[k]
            kept[_ERROR, g] += np.exp(level[k])
            kept[_V, g] += cell[k, WEIGHT] ** 2 * variance[k]
            kept[_USED, g] = 1.0
    for k in range(cell.shape[0]):
        g = int(cell[k, GROUP])
        if g >= 0:
            kept[_IN_GROUP, k] = np.exp(level[k]) / kept[_ERROR, g]
    for g in range(cell.shape[0]):
        if kept[_USED, g] > 0:
            kept[_ERROR, g] = cell[g, Y] - np.log(kept[_ERROR, g])
            kept[_V, g] += noise[0] / cell[g, SPAN] + noise[1] * cell[g, INVERSE_SIZE] + cell[g, FLOOR]


@_compiled
def _forward_row(
    step_variance: Array, noise: Array, cell: Array, level: Array, variance: Array, kept: Array
) -> None:
    """One row: levels and variances are moved in place; `kept` receives what was used."""
    _predict_row(step_variance, noise, cell, level, variance, kept)
    precision, shared = 0.0, 0.0
    for g in range(cell.shape[0]):
        if kept[_USED, g] > 0:
            precision += 1 / kept[_V, g]
            shared += kept[_ERROR, g] / kept[_V, g]
    for g in range(cell.shape[0]):
        if kept[_USED, g] > 0:
            kept[_ERROR, g] -= shared / precision
    for k in range(cell.shape[0]):
        g = int(cell[k, GROUP])
        if g >= 0:
            gain = cell[k, WEIGHT] * variance[k] / kept[_V, g]
            level[k] += gain * kept[_ERROR, g]
            variance[k] -= gain * cell[k, WEIGHT] * variance[k]


@_compiled
def _scores(kept: Array) -> tuple[float, float]:
    quadratic, log_precision, precision = 0.0, 0.0, 0.0
    for g in range(kept.shape[1]):
        if kept[_USED, g] > 0:
            quadratic += kept[_ERROR, g] ** 2 / kept[_V, g]
            log_precision -= np.log(kept[_V, g])
            precision += 1 / kept[_V, g]
    return quadratic, (log_precision - np.log(precision)) / 2


def _gradient(
    step_variance: Array, noise: Array, cells: Array, start: Array, to_quadratic: Array, to_half: Array
) -> tuple[Array, Array]:
    rows, citizens = cells.shape[0], cells.shape[1]
    kept = np.zeros((rows, 7, citizens))
    level, variance = start[0].copy(), start[1].copy()
    for t in range(rows):
        _forward_row(step_variance, noise, cells[t], level, variance, kept[t])
    to_step, to_noise = np.zeros(citizens), np.zeros(3)
    to_level, to_variance = np.zeros(citizens), np.zeros(citizens)
    to_error, to_v = np.zeros(citizens), np.zeros(citizens)
    for t in range(rows - 1, -1, -1):
        to_error[:], to_v[:] = 0.0, 0.0
        _back_update(cells[t], kept[t], to_level, to_variance, to_error, to_v)
        _back_scores(kept[t], to_quadratic[t], to_half[t], to_error, to_v)
        _back_predict(noise, cells[t], kept[t], to_level, to_variance, to_error, to_v, to_step, to_noise)
    return to_step, to_noise


@_compiled
def _back_update(
    cell: Array, kept: Array, to_level: Array, to_variance: Array, to_error: Array, to_v: Array
) -> None:
    """Through level += gain e and P -= gain weight P."""
    for k in range(cell.shape[0]):
        g = int(cell[k, GROUP])
        if g >= 0:
            weight, p, v = cell[k, WEIGHT], kept[_VARIANCE, k], kept[_V, g]
            gain, to_gain = weight * p / v, to_level[k] * kept[_ERROR, g]
            to_error[g] += to_level[k] * gain
            to_v[g] += to_variance[k] * gain**2 - to_gain * gain / v
            to_variance[k] = to_variance[k] * (1 - 2 * gain * weight) + to_gain * weight / v


@_compiled
def _back_scores(kept: Array, to_quadratic: float, to_half: float, to_error: Array, to_v: Array) -> None:
    """Through the two scores of a row and the removal of what its groups share."""
    precision, passed = 0.0, 0.0
    for g in range(kept.shape[1]):
        if kept[_USED, g] > 0:
            precision += 1 / kept[_V, g]
            to_error[g] += 2 * to_quadratic * kept[_ERROR, g] / kept[_V, g]
            passed -= to_error[g]
    for g in range(kept.shape[1]):
        if kept[_USED, g] > 0:
            e, v = kept[_ERROR, g], kept[_V, g]
            to_w = to_quadratic * e**2 + to_half * 0.5 * (v - 1 / precision) + passed * e / precision
            to_v[g] -= to_w / v**2
            to_error[g] += passed / (v * precision)


@_compiled
def _back_predict(
    noise: Array,
    cell: Array,
    kept: Array,
    to_level: Array,
    to_variance: Array,
    to_error: Array,
    to_v: Array,
    to_step: Array,
    to_noise: Array,
) -> None:
    """Through errors, their variances, the drift and the pull."""
    for g in range(cell.shape[0]):
        if kept[_USED, g] > 0:
            to_noise[0] += to_v[g] / cell[g, SPAN]
            to_noise[1] += to_v[g] * cell[g, INVERSE_SIZE]
    for k in range(cell.shape[0]):
        g = int(cell[k, GROUP])
        if g >= 0:
            to_level[k] -= to_error[g] * kept[_IN_GROUP, k]
            to_variance[k] += to_v[g] * cell[k, WEIGHT] ** 2
            to_step[k] += to_variance[k] * cell[k, STEP]
            pulled = noise[2] * cell[k, ELAPSED]
            if pulled < 1:
                to_noise[2] += to_level[k] * (cell[k, ANCHOR] - kept[_BEFORE, k]) * cell[k, ELAPSED]
                to_level[k] *= 1 - pulled
            else:
                to_level[k] = 0.0


@register_funcify_default_op_cache_key(SplitErrors)  # type: ignore[untyped-decorator]
def _compile_errors(op: Op, node: Apply, **_: Any) -> Any:
    return numba_njit(_errors), _CODE


@register_funcify_default_op_cache_key(_SplitGradient)  # type: ignore[untyped-decorator]
def _compile_gradient(op: Op, node: Apply, **_: Any) -> Any:
    return numba_njit(_gradient), _CODE


split_errors = SplitErrors()
_split_gradient = _SplitGradient()
