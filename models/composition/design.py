"""What the data alone say about a split: pseudo observations, sizes, steps and weights, before any hyperparameter.

    y        log(persons + pseudo)                  pseudo a half where figures are exact, one where they are rounded
    step     months of drift between the means of two periods: var(mean_new - mean_old) = q step for a random walk
             = (s' - 1)(2s' - 1) / 6s' + months between + (s + 1)(2s + 1) / 6s       s', s lengths of old and new
    share    running mean of a nationality's share over about seven months, from earlier rows only
    weight   a nationality's running share within its group
    size     persons a group is expected to hold: the row's persons times the group's running share

Everything looks back only, so the density that weighs data is the one of a forecast. Web-safe.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.composition.data import ABSENT, CompositionData
from models.series import Array, Months

START_SD = 1.0
"""Log sd of a first share about the anchor: nationalities' shares in one country lie within a factor e of Europe's
in two cases of three (Eurostat first-time applicants by citizenship 2008-2022, hosts above 1,000 a year)."""

START_SD_ALONE = 3.0
"""Without an anchor a nationality may start anywhere from a thousandth to all."""

_FORGET = 0.85  # of a running share each month: a mean of 1 / (1 - .85), nearly seven months
_LEAST_SHARE = 1e-4

GROUP, Y, INVERSE_SIZE, FLOOR, STEP, ELAPSED, WEIGHT, ANCHOR, SPAN = range(9)
"""Channels of `Design.cells`; the first four after GROUP are by group, the rest by nationality."""


@dataclass(frozen=True)
class Design:
    """`cells` (row, citizen, 9) by channel; `start` (citizen,) first log shares; `start_variance` (citizen,);
    `last_months`, `last_spans` (citizen,) of the last row with each nationality, NaT and 0 where there is none."""

    cells: Array
    start: Array
    start_variance: Array
    last_months: Months
    last_spans: NDArray[np.int64]


def pseudo_count(rounding: float) -> float:
    """Persons added before taking logarithms: a published zero of rounded figures may stand for two."""
    return 0.5 if rounding <= 1 else 1.0


def step_months(old_span: NDArray[np.int64], between: NDArray[np.int64], new_span: int) -> Array:
    """Drift between two periods' means in months of a random walk; `between` months lie apart, negative = inside."""
    old = np.maximum(old_span, 1)
    before = (old - 1) * (2 * old - 1) / (6 * old)
    after = (new_span + 1) * (2 * new_span + 1) / (6 * new_span)
    inside = (new_span - 1) * (2 * new_span - 1) / (6 * new_span)
    return np.asarray(np.where(between < 0, np.maximum(inside, 1.0), before + between + after))


def composition_design(data: CompositionData) -> Design:
    """The arrays the density and the filter run over."""
    rows, citizens = data.group.shape
    start = data.anchor[0] if rows else data.anchor_now
    known = np.isfinite(start)
    running = _started(start)
    cells = np.zeros((rows, citizens, 9))
    last = np.full(citizens, np.datetime64("NaT"), dtype="datetime64[M]")
    spans = np.zeros(citizens, dtype=np.int64)
    for t in range(rows):
        groups = int(data.group[t].max()) + 1
        present = data.group[t] != ABSENT
        cells[t, :, GROUP], cells[t, :, SPAN] = data.group[t], data.spans[t]
        _observation(cells[t], data.counts[t, :groups], data.group[t], running, data.rounding)
        _elapsed(cells[t], data, t, last, spans)
        running = _remembered(running, data.counts[t, :groups], data.group[t], int(data.spans[t]))
        last[present], spans[present] = data.last_months[t], data.spans[t]
    variance = np.where(known, START_SD**2, START_SD_ALONE**2)
    return Design(cells, np.log(_started(start)), variance, last, spans)


def _started(anchor: Array) -> Array:
    """First shares: the anchor's where known, an equal part where not."""
    share = np.exp(np.where(np.isfinite(anchor), anchor, -np.log(len(anchor))))
    return np.asarray(np.maximum(share / share.sum(), _LEAST_SHARE))


def _observation(
    cell: Array, counts: Array, group: NDArray[np.int64], running: Array, rounding: float
) -> None:
    """Fill the channels of a row that depend on its counts and the running shares before it."""
    pseudo, present = pseudo_count(rounding), group != ABSENT
    by_group = np.bincount(group[present], running[present], len(counts))
    size = counts.sum() * by_group / by_group.sum()
    cell[: len(counts), Y] = np.log(counts + pseudo)
    cell[: len(counts), INVERSE_SIZE] = 1 / (size + pseudo)
    cell[: len(counts), FLOOR] = rounding**2 / 12 / (size + pseudo) ** 2
    cell[present, WEIGHT] = running[present] / by_group[group[present]]


def _elapsed(cell: Array, data: CompositionData, t: int, last: Months, spans: NDArray[np.int64]) -> None:
    """Fill in how far each nationality may have moved since it was last seen."""
    seen = ~np.isnat(last)
    first = data.last_months[t] - data.spans[t] + 1
    between = np.where(seen, (first - last).astype(np.int64) - 1, 0)
    drift = np.where(seen, step_months(spans, between, int(data.spans[t])), 1.0)
    cell[:, STEP] = drift
    pulled = np.where(np.isfinite(data.anchor[t]) & seen, np.maximum(between + data.spans[t], 0), 0)
    cell[:, ELAPSED] = pulled
    cell[:, ANCHOR] = np.where(np.isfinite(data.anchor[t]), data.anchor[t], 0.0)


def _remembered(running: Array, counts: Array, group: NDArray[np.int64], span: int) -> Array:
    """Running shares after a row: its groups' shares divided within as before."""
    present = group != ABSENT
    by_group = np.bincount(group[present], running[present], len(counts))
    seen = running.copy()
    share = counts / counts.sum() * by_group.sum()
    seen[present] = running[present] * (share / by_group)[group[present]]
    kept = _FORGET**span
    out = np.maximum(kept * running + (1 - kept) * seen, _LEAST_SHARE)
    return np.asarray(out / out.sum())
