"""One-step log density of many series at once, with its gradient, as one operation.

    e_t      = y_t - season[month_t] - level_{t-1},          level_t = level_{t-1} + k_t u_t e_t
    w_t      = 1 + g_t alpha^2 + f_t,                        k_t = alpha (1 + g_t alpha) / w_t
    v_t      = (sigma^2 (m_t / usual)^(2 c) + overdispersion / m_t) w_t
    x_t      = e_t^2 / (nu v_t),                             u_t = 1 - r + r (1 + 1 / nu) / (1 + x_t)
    density  = sum over t of  -log(v_t) / 2 - (nu + 1) / 2 log(1 + x_t)

per country, summed over its stretches (`panel.figures` says what y, g, f and m are). It is
`inflow_paths.one_step_log_density` without the constant of the Student-t density, which depends on nu alone, and
without expected growth. The gradient comes from one pass back over the months, as in `smoothing`, and is computed
along with the value: a sampler wants both. Cost: countries times months. Compiled by Numba; no scan, no latent levels.
This module knows nothing of priors, calendars or samplers.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from pytensor.link.numba.dispatch.basic import numba_njit, register_funcify_default_op_cache_key

from models.backend import pt
from models.code_key import code_key
from models.inflow_paths import LEAST_SIZE, WINDOW

Array = NDArray[np.float64]
Stretches = NDArray[np.int64]
_LOG_LEAST_SIZE = float(np.log(LEAST_SIZE))
_WINDOW = float(WINDOW)
_CODE = code_key(__file__, "../inflow_paths")
"""Part of the key of compiled code on disk, so that no other version of these functions is taken from there."""


class PanelLogDensity(Op):  # type: ignore[misc]  # PyTensor has no types
    """`(parameters, season, start, figures, stretches) -> density (geo,)` and its gradients.

    `parameters` (geo, 7): alpha, sigma, overdispersion, nu, robustness r, size power c, log of the usual size;
    `season` (geo, 12); `start` (stretch,) level before a stretch; `figures` and `stretches` as
    `panel.figures.PanelFigures` holds them. The further outputs are the derivatives of a country's density, shaped as
    the first three inputs.
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
def _forward(parameters: Array, season: Array, start: float, figures: Array, kept: Array) -> float:
    """Density of a stretch; `kept` holds (e, log m, both parts of v / w, x) per figure for the way back."""
    alpha, sigma, overdispersion, nu, robustness, power, usual = parameters
    level, density = start, 0.0
    for t in range(figures.shape[0]):
        y, month, unseen, extra, unfilled, recent_total, inverse_size = figures[t]
        log_size = max((recent_total + unfilled * start) / _WINDOW, _LOG_LEAST_SIZE)
        of_counts = overdispersion * (np.exp(-log_size) if unfilled > 0 else inverse_size)
        of_sigma = sigma * sigma * np.exp(2 * power * (log_size - usual))
        widening = 1 + unseen * alpha * alpha + extra
        variance = (of_sigma + of_counts) * widening
        error = y - season[int(month)] - level
        ratio = error * error / (nu * variance)
        density -= 0.5 * np.log(variance) + (nu + 1) / 2 * np.log1p(ratio)
        score = (nu + 1) / nu / (1 + ratio)
        level += alpha * (1 + unseen * alpha) / widening * error * (1 + robustness * (score - 1))
        kept[t, 0], kept[t, 1], kept[t, 2] = error, log_size, of_sigma
        kept[t, 3], kept[t, 4] = of_counts, ratio
    return density


@numba_njit  # type: ignore[untyped-decorator]
def _backward(
    parameters: Array, figures: Array, kept: Array, to_parameters: Array, to_season: Array
) -> float:
    """Derivative to the level before the stretch; adds those to parameters and season.

    `to_level` is what all later figures owe to the level after a figure. The figure's own density and the level it
    leaves behind both depend on its error, its variance and the parameters themselves.
    """
    alpha, sigma, overdispersion, nu, robustness, power, usual = parameters
    to_level, to_start = 0.0, 0.0
    for t in range(figures.shape[0] - 1, -1, -1):
        unseen, unfilled = figures[t, 2], figures[t, 4]
        error, log_size, of_sigma, of_counts, ratio = kept[t]
        widening = 1 + unseen * alpha * alpha + figures[t, 3]
        gain = alpha * (1 + unseen * alpha) / widening
        score, share = (nu + 1) / nu / (1 + ratio), ratio / (1 + ratio)
        learned, steered = 1 + robustness * (score - 1), to_level * gain * error
        to_log_noise = (nu + 1) / 2 * share - 0.5 + steered * robustness * score * share
        to_error = to_level * gain * (learned - 2 * robustness * score * share)
        noise = of_sigma + of_counts
        to_error -= (nu + 1) * error / (nu * noise * widening * (1 + ratio))
        to_noise = to_log_noise / noise
        to_parameters[0] += to_level * learned * error * (1 + 2 * unseen * alpha * (1 - gain)) / widening
        to_parameters[0] += to_log_noise * 2 * unseen * alpha / widening
        to_parameters[1] += to_noise * 2 * of_sigma / sigma
        to_parameters[2] += to_noise * of_counts / overdispersion
        to_parameters[3] += ((nu + 1) * share / nu - np.log1p(ratio)) / 2
        to_parameters[3] += steered * robustness * (score * ratio - 1 / nu) / nu / (1 + ratio)
        to_parameters[4] += steered * (score - 1)
        to_parameters[5] += to_noise * 2 * of_sigma * (log_size - usual)
        to_parameters[6] -= to_noise * 2 * of_sigma * power
        if unfilled > 0 and log_size > _LOG_LEAST_SIZE:
            to_start += to_noise * (2 * power * of_sigma - of_counts) * unfilled / _WINDOW
        to_season[int(figures[t, 1])] -= to_error
        to_level -= to_error
    return to_start + to_level


@numba_njit(final_function=True)  # type: ignore[untyped-decorator]  # also called from Python
def _density_and_gradient(
    parameters: Array, season: Array, start: Array, figures: Array, stretches: Stretches
) -> tuple[Array, Array, Array, Array]:
    density = np.zeros(parameters.shape[0])
    to_parameters = np.zeros_like(parameters)
    to_season = np.zeros_like(season)
    to_start = np.zeros_like(start)
    kept = np.empty((figures.shape[0], 5))
    for s in range(stretches.shape[0]):
        i, first, end = stretches[s]
        rows = figures[first:end]
        density[i] += _forward(parameters[i], season[i], start[s], rows, kept)
        to_start[s] = _backward(parameters[i], rows, kept, to_parameters[i], to_season[i])
    return density, to_parameters, to_season, to_start


@register_funcify_default_op_cache_key(PanelLogDensity)  # type: ignore[untyped-decorator]
def _compile(op: Op, node: Apply, **_: Any) -> Any:
    return _density_and_gradient, _CODE


panel_log_density = PanelLogDensity()
