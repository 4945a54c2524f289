"""Quantiles of the many mixtures that an attribution steps through, all made of the same few draws.

    mixture of a step  proportional to  weight sum_k share_k E_k[w; N in cell] + (1 - weight) w_model (model's curve)

Every draw's cell on one coarse logarithmic grid (cells of 0.4%) is found once, and nothing is sorted. Steps first count
weights into runs of cells, by one product of matrices; single cells are looked at only in the runs in which some step
has a quantile. Within a cell the curve is linear, which steps share, so that it hardly enters a difference. Web-safe:
NumPy and SciPy only.
"""

from collections.abc import Sequence

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
_RUN_BITS = 5
_RUN = 1 << _RUN_BITS  # cells that are counted together first


class StepMixtures:
    """Mixtures of `drawn` states and of the model, whose curve and log evidence are given."""

    def __init__(self, drawn: Drawn, model: ComponentCurves, model_log_evidence: float) -> None:
        self._place = {state: place for place, state in enumerate(drawn.states)}
        totals, logs = np.ascontiguousarray(drawn.totals.swapaxes(0, 1)), drawn.log_weights
        top = max(float(logs.max(initial=-np.inf)), model_log_evidence)
        weights = np.exp(logs - top) if np.isfinite(top) else np.zeros(logs.shape)
        weights /= logs.shape[1]
        self._first, size, cells = _cells(totals, model)
        cells = cells.reshape(len(totals), -1)
        self._run, self._cell = cells >> _RUN_BITS, cells & (_RUN - 1)
        self._weights = np.tile(weights, totals.shape[1])
        of_model = np.exp(model_log_evidence - top) * _model_masses(model, self._first, size)
        self._model = of_model.reshape(-1, _RUN)
        self._runs = self._counted(len(self._model))
        self._settled = _settled(totals, model)

    def quantiles(self, steps: Sequence[Step], levels: Sequence[float]) -> Array:
        """Quantiles `(step, level, year)` in persons of states by their shares of the experts' prior and their weight.

        Raises NothingLeft when in some step no state in use has any weight.
        """
        shares, of_model = self._shares(steps)
        runs = shares @ self._runs + of_model[:, None] * self._model.sum(axis=1)
        runs = runs.reshape(len(steps), len(self._settled), -1)
        np.cumsum(runs, axis=2, out=runs)
        total = runs[:, :, -1:]
        if not (total > 0).all():
            raise NothingLeft("no scenario leaves any chance to what has been counted")
        found = self._inverted(shares, of_model, runs, total * np.asarray(levels, dtype=float))
        return np.asarray(np.where(np.isfinite(self._settled), self._settled, found.swapaxes(1, 2)))

    def _shares(self, steps: Sequence[Step]) -> tuple[csr_array, Array]:
        """Every step's shares `(step, state)`, most of them 0, and the model's `(step,)`."""
        places, chances, ends, of_model = [], [], [0], []
        for shares, weight in steps:
            used = [(weight * share, self._place[state]) for share, state in shares if share > 0]
            of_model.append(1 - weight if used else 1.0)
            places += [place for chance, place in used if chance > 0]
            chances += [chance for chance, _ in used if chance > 0]
            ends.append(len(places))
        of_steps = csr_array((chances, places, ends), shape=(len(steps), len(self._place)))
        return of_steps, np.array(of_model)

    def _counted(self, runs: int) -> Array:
        """Weights of the states in their runs of cells `(state, year x run)`."""
        states = len(self._run)
        places = self._run + runs * np.arange(states, dtype=np.int32)[:, None]
        found = np.bincount(places.ravel(), weights=self._weights.ravel(), minlength=states * runs)
        return np.asarray(found.reshape(states, runs), dtype=np.float64)

    def _inverted(self, shares: csr_array, of_model: Array, runs: Array, wanted: Array) -> Array:
        """Where cumulated `runs` `(step, year, run)` reach `wanted` `(step, year, level)`; linear within a cell."""
        run = _reached(runs[:, :, None], wanted)
        before = _behind(runs, run, 0.0)
        cells = self._in_cells(shares, of_model, run + runs.shape[2] * np.arange(runs.shape[1])[:, None])
        np.cumsum(cells, axis=3, out=cells)
        cells += before[..., None]
        cell = _reached(cells, wanted)
        above = np.take_along_axis(cells, cell[..., None], axis=3)[..., 0]
        below = _behind(cells, cell[..., None], before[..., None])[..., 0]
        share = ((wanted - below) / np.where(above > below, above - below, 1.0)).clip(0.0, 1.0)
        at = np.maximum(_RUN * run + cell, 1) + self._first
        low, high = (EDGES[np.minimum(_FINE_CELLS * edge, len(EDGES) - 1)] for edge in (at - 1, at))
        return np.asarray(low + share * (high - low))

    def _in_cells(self, shares: csr_array, of_model: Array, run: NDArray[np.int64]) -> Array:
        """The steps' weight `(step, year, level, cell)` in the cells of the runs numbered `(step, year, level)`."""
        asked, place = np.unique(run, return_inverse=True)
        column = np.full(len(self._model), -1, dtype=np.int32)
        column[asked] = np.arange(len(asked))
        columns = column.take(self._run)
        seen = np.flatnonzero(columns >= 0)
        states, size = len(columns), len(asked) * _RUN
        columns += len(asked) * np.arange(states, dtype=np.int32)[:, None]
        cells = _RUN * columns.take(seen) + self._cell.take(seen)
        counted = np.bincount(cells, weights=self._weights.take(seen), minlength=states * size)
        mixed = (shares @ counted.reshape(states, size)).reshape(len(run), len(asked), _RUN)
        mixed += of_model[:, None, None] * self._model[asked]
        return np.asarray(mixed[np.arange(len(run))[:, None, None], place.reshape(run.shape)])


def _reached(cumulated: Array, wanted: Array) -> NDArray[np.int64]:
    """Place of the first of `cumulated` `(..., place)` that is not under what is `wanted` `(...)`, else of the last."""
    under = np.count_nonzero(cumulated < wanted[..., None], axis=-1)
    return np.asarray(np.minimum(under, cumulated.shape[-1] - 1))


def _behind(cumulated: Array, place: NDArray[np.int64], first: Array | float) -> Array:
    """What is cumulated `(..., place)` before places, along the last axis; `first` before the first of them."""
    earlier = np.take_along_axis(cumulated, np.maximum(place - 1, 0), axis=-1)
    return np.asarray(np.where(place > 0, earlier, first))


def _cells(totals: Array, model: ComponentCurves) -> tuple[int, int, NDArray[np.int32]]:
    """The first edge's number, how many edges there are, and the cells of totals `(state, year, draw)`.

    A year's cells, whole runs of them, follow those of the year before.
    """
    cells = -(-cells_of(totals).astype(np.int32) // _FINE_CELLS)
    first = max(min(int(cells.min()), model.first // _FINE_CELLS) - 1, 0)
    size = max(int(cells.max()), -(-model.end // _FINE_CELLS)) + 1 - first
    size = -(-size // _RUN) * _RUN
    cells += size * np.arange(totals.shape[1], dtype=np.int32)[:, None] - first
    return first, size, cells


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
