"""One-step log density of many series at once, with its gradient, as one operation.

    e_t      = y_t - season[month_t] - level_{t-1},          level_t = level_{t-1} + k_t e_t
    w_t      = 1 + (g_t - 1) alpha^2 + f_t,                  k_t = alpha (1 + (g_t - 1) alpha) / w_t
    v_t      = (sigma^2 + overdispersion / m_t) w_t
    density  = sum over t of  -log(v_t) / 2 - (nu + 1) / 2 log(1 + e_t^2 / (nu v_t))

per country, summed over its stretches (`panel.figures` says what y, g, f and m are). With f = 0 and one stretch it
is `inflow_paths.one_step_log_density` without the constant of the Student-t density, which depends on nu alone.
The gradient comes from one pass back over the months, as in `smoothing`, and is computed along with the value: a
sampler wants both. Cost: countries times months. Compiled by Numba; no scan, no latent levels.
This module knows nothing of priors, calendars or samplers.
"""

import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from pytensor.link.numba.dispatch.basic import numba_njit, register_funcify_default_op_cache_key

from models.backend import pt
from models.inflow_paths import LEAST_SIZE, WINDOW

Array = NDArray[np.float64]
Stretches = NDArray[np.int64]
_LOG_LEAST_SIZE = float(np.log(LEAST_SIZE))
_WINDOW = float(WINDOW)
_CODE = zlib.crc32(Path(__file__).read_bytes())
"""Part of the key of compiled code on disk, so that no other version of these functions is taken from there."""


class PanelLogDensity(Op):  # type: ignore[misc]  # PyTensor has no types
    """`(parameters, season, start, figures, stretches) -> density (geo,)` and its gradients.

    `parameters` (geo, 4): alpha, sigma, overdispersion, nu; `season` (geo, 12); `start` (stretch,) level before a
    stretch; `figures` and `stretches` as `panel.figures.PanelFigures` holds them. The further outputs are the
    derivatives of a country's density, shaped as the first three inputs.
    """

    __props__ = ()

    def make_node(self, *inputs: Any) -> Apply:
        """A node of four float64 arrays and the stretches' int64 array; TypeError for anything else."""
        given = [pt.as_tensor_variable(value) for value in inputs]
        kinds = [(value.type.ndim, value.type.dtype) for value in given]
        if kinds != [(2, "float64"), (2, "float64"), (1, "float64"), (2, "float64"), (2, "int64")]:
            raise TypeError(f"the panel's density does not take {kinds}")
        return Apply(self, given, [pt.dvector(), pt.dmatrix(), pt.dmatrix(), pt.dvector()])

    def perform(self, node: Apply, inputs: list[Any], outputs: list[list[Array]]) -> None:
        """The same compiled passes, for compilation modes that call Python."""
        for place, value in zip(outputs, _density_and_gradient(*inputs), strict=True):
            place[0] = value

    def infer_shape(self, fgraph: Any, node: Apply, shapes: list[Any]) -> list[Any]:
        """One density per row of parameters; derivatives as what they belong to."""
        return [(shapes[0][0],), shapes[0], shapes[1], shapes[2]]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        """Only the density can be differentiated, and only to the first three inputs."""
        return [[place < 3, False, False, False] for place in range(5)]

    def L_op(  # noqa: N802 (PyTensor's name)
        self, inputs: list[Any], outputs: list[Any], output_grads: list[Any]
    ) -> list[Any]:
        """Gradients by the chain rule, from the derivatives that are there already."""
        from pytensor.gradient import DisconnectedType

        to_density = output_grads[0]
        to_stretch = to_density[inputs[4][:, 0]]
        return [
            to_density[:, None] * outputs[1],
            to_density[:, None] * outputs[2],
            to_stretch * outputs[3],
            DisconnectedType()(),
            DisconnectedType()(),
        ]


@numba_njit  # type: ignore[untyped-decorator]
def _forward(
    parameters: Array,
    season: Array,
    start: float,
    figures: Array,
    to_parameters: Array,
    to_start: Array,
    out: Array,
) -> float:
    """Density of a stretch; `out` keeps (e, derivative to e, gain) per figure for the way back.

    Adds to `to_parameters` and `to_start` what does not pass through the errors.
    """
    alpha, sigma, overdispersion, nu = parameters
    level, density, half = start, 0.0, (nu + 1) / 2
    to_alpha, to_sigma, to_overdispersion, to_nu = 0.0, 0.0, 0.0, 0.0
    for t in range(figures.shape[0]):
        y, month, unseen, extra, unfilled, recent_total, inverse_size = figures[t]
        to_size = 0.0
        if unfilled > 0:
            log_size = (recent_total + unfilled * start) / _WINDOW
            inverse_size = np.exp(-max(log_size, _LOG_LEAST_SIZE))
            to_size = -inverse_size * unfilled / _WINDOW if log_size > _LOG_LEAST_SIZE else 0.0
        widening = 1 + unseen * alpha * alpha + extra
        noise = sigma * sigma + overdispersion * inverse_size
        variance = noise * widening
        gain = alpha * (1 + unseen * alpha) / widening
        error = y - season[int(month)] - level
        ratio = error * error / (nu * variance)
        tail = np.log1p(ratio)
        density -= 0.5 * np.log(variance) + half * tail
        weight = half * ratio / (1 + ratio)
        to_noise = (weight - 0.5) / noise
        to_alpha += to_noise * noise / widening * 2 * unseen * alpha
        to_sigma += to_noise * 2 * sigma
        to_overdispersion += to_noise * inverse_size
        to_nu += weight / nu - 0.5 * tail
        to_start[0] += to_noise * overdispersion * to_size
        out[t, 0] = error
        out[t, 1] = -2 * half * error / (nu * variance * (1 + ratio))
        out[t, 2] = gain
        level += gain * error
    to_parameters += np.array((to_alpha, to_sigma, to_overdispersion, to_nu))
    return density


@numba_njit  # type: ignore[untyped-decorator]
def _backward(alpha: float, figures: Array, kept: Array, to_parameters: Array, to_season: Array) -> float:
    """Derivative to the level before the stretch; adds those to alpha and season that pass through the errors."""
    to_level, to_alpha = 0.0, 0.0
    for t in range(figures.shape[0] - 1, -1, -1):
        unseen, gain = figures[t, 2], kept[t, 2]
        widening = 1 + unseen * alpha * alpha + figures[t, 3]
        to_alpha += to_level * kept[t, 0] * (1 + 2 * unseen * alpha * (1 - gain)) / widening
        to_error = kept[t, 1] + gain * to_level
        to_season[int(figures[t, 1])] -= to_error
        to_level -= to_error
    to_parameters[0] += to_alpha
    return to_level


@numba_njit(final_function=True)  # type: ignore[untyped-decorator]  # also called from Python
def _density_and_gradient(
    parameters: Array, season: Array, start: Array, figures: Array, stretches: Stretches
) -> tuple[Array, Array, Array, Array]:
    density = np.zeros(parameters.shape[0])
    to_parameters = np.zeros_like(parameters)
    to_season = np.zeros_like(season)
    to_start = np.zeros_like(start)
    scratch = np.empty((figures.shape[0], 3))
    for s in range(stretches.shape[0]):
        i, first, end = stretches[s]
        density[i] += _forward(
            parameters[i],
            season[i],
            start[s],
            figures[first:end],
            to_parameters[i],
            to_start[s : s + 1],
            scratch,
        )
        to_start[s] += _backward(
            parameters[i, 0], figures[first:end], scratch, to_parameters[i], to_season[i]
        )
    return density, to_parameters, to_season, to_start


@register_funcify_default_op_cache_key(PanelLogDensity)  # type: ignore[untyped-decorator]
def _compile(op: Op, node: Apply, **_: Any) -> Any:
    return _density_and_gradient, _CODE


panel_log_density = PanelLogDensity()
