"""Quantiles of the many mixtures that an attribution steps through, all made of the same few draws.

    mixture of a step  proportional to  weight sum_k share_k E_k[w; N in cell] + (1 - weight) w_model (model's curve)

Every draw's cell on one coarse logarithmic grid (cells of 0.4%) is found once; all steps count weights into cells by
one product of sparse matrices, and sort nothing. Within a cell the curve is linear, which steps share, so that it
hardly enters a difference. Web-safe: NumPy and SciPy.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from models.edits import State
from models.few_draws import Drawn
from models.layers import EDGES, ComponentCurves, cells_of
from models.posterior import NothingLeft

Array = NDArray[np.float64]
Step = tuple[Sequence[tuple[float, State]], float]  # shares of the experts' prior and states, experts' weight

_FINE_CELLS = 8  # of the grid of a layer in one of this


class StepMixtures:
    """Mixtures of `drawn` states and of the model, whose curve and log evidence are given."""

    def __init__(
        self, drawn: Mapping[State, Drawn], model: ComponentCurves, model_log_evidence: float
    ) -> None:
        self._place = {state: place for place, state in enumerate(drawn)}
        totals = np.stack([own.totals for own in drawn.values()])
        logs = np.stack([own.log_weights for own in drawn.values()])
        top = max(float(logs.max(initial=-np.inf)), model_log_evidence)
        weights = np.exp(logs - top) if np.isfinite(top) else np.zeros(logs.shape)
        weights /= logs.shape[1]
        self._first, size, cells = _cells(totals, model)
        self._masses = _masses(weights, cells, size)
        self._model = np.exp(model_log_evidence - top) * _model_masses(model, self._first, size)
        self._settled = _settled(totals, model)

    def quantiles(self, steps: Sequence[Step], levels: Sequence[float]) -> Array:
        """Quantiles `(step, level, year)` in persons of states by their shares of the experts' prior and their weight.

        Raises NothingLeft when in some step no state in use has any weight.
        """
        curves = self._mixed(steps)
        np.cumsum(curves, axis=2, out=curves)
        total = curves[:, :, -1:]
        if not (total > 0).all():
            raise NothingLeft("no scenario leaves any chance to what has been counted")
        found = [self._inverted(curves, level * total) for level in levels]
        return np.asarray(np.where(np.isfinite(self._settled), self._settled, np.stack(found, axis=1)))

    def _mixed(self, steps: Sequence[Step]) -> Array:
        """The steps' weight `(step, year, edge)` in the cells below each edge."""
        places, chances, ends, of_model = [], [], [0], []
        for shares, weight in steps:
            used = [(weight * share, self._place[state]) for share, state in shares if share > 0]
            of_model.append(1 - weight if used else 1.0)
            places += [place for chance, place in used if chance > 0]
            chances += [chance for chance, _ in used if chance > 0]
            ends.append(len(places))
        of_steps = csr_array((chances, places, ends), shape=(len(steps), len(self._place)))
        mixed = (of_steps @ self._masses).toarray().reshape(len(steps), *self._model.shape)
        mixed += np.array(of_model)[:, None, None] * self._model
        return np.asarray(mixed)

    def _inverted(self, curves: Array, wanted: Array) -> Array:
        """Where curves `(step, year, edge)` reach `wanted` `(step, year, 1)`, linear within a cell: `(step, year)`."""
        at = np.argmax(curves >= wanted, axis=2)[..., None].clip(1, curves.shape[2] - 1)
        below, above = (np.take_along_axis(curves, place, axis=2) for place in (at - 1, at))
        share = ((wanted - below) / np.where(above > below, above - below, 1.0)).clip(0.0, 1.0)
        low, high = (
            EDGES[np.minimum(_FINE_CELLS * (self._first + place), len(EDGES) - 1)] for place in (at - 1, at)
        )
        return np.asarray(low + share * (high - low))[..., 0]


def _cells(totals: Array, model: ComponentCurves) -> tuple[int, int, NDArray[np.int64]]:
    """The first edge's number, how many edges there are, and the cells of totals `(state, year, draw)`.

    A year's cells follow those of the year before.
    """
    cells = -(-cells_of(totals) // _FINE_CELLS)
    first = max(min(int(cells.min()), model.first // _FINE_CELLS) - 1, 0)
    size = max(int(cells.max()), -(-model.end // _FINE_CELLS)) + 1 - first
    cells += size * np.arange(totals.shape[1])[:, None] - first
    return first, size, cells


def _masses(weights: Array, cells: NDArray[np.int64], size: int) -> csr_array:
    """Weights `(state, draw)` in their cells of all years `(state, year x edge)`, most of which are empty."""
    states, years, draws = cells.shape
    each = np.broadcast_to(weights[:, None], cells.shape)
    begins = np.arange(states + 1) * years * draws
    return csr_array((each.ravel(), cells.ravel(), begins), shape=(states, years * size))


def _model_masses(model: ComponentCurves, first: int, size: int) -> Array:
    """The model's weight `(year, edge)` in the cells of the coarse grid."""
    fine = _FINE_CELLS * (first + np.arange(size)) - model.first
    held = model.cumulated[:, np.clip(fine, 0, model.cumulated.shape[1] - 1)].astype(np.float64)
    return np.diff(np.where(fine < 0, 0.0, held), axis=1, prepend=0.0)


def _settled(totals: Array, model: ComponentCurves) -> Array:
    """The total `(year,)` of years that are the same in every draw, NaN for the others."""
    lowest = np.minimum(totals.min(axis=(0, 2)), model.lowest)
    highest = np.maximum(totals.max(axis=(0, 2)), model.highest)
    return np.asarray(np.where(lowest == highest, lowest, np.nan))
