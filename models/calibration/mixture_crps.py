"""CRPS of many mixtures: closed forms where there are any, a fine quadrature elsewhere.

    CRPS(F, y) = integral of (F(x) - 1{x >= y})^2 dx

Closed: normals that lose less than 1e-9 at their floor, lognormals without a floor (models/scores.py). Otherwise eight
Gauss-Legendre nodes in every panel between the quantiles of all components and the outcome, where F is smooth: relative
error below 1e-8 but for families with corners. This module must not know what the mixtures stand for.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from models.calibration.mixtures import LOGNORMAL, NORMAL, Mixtures
from models.scores import crps_of_lognormals, crps_of_normals

Array = NDArray[np.float64]
Places = NDArray[np.int64]

NEGLIGIBLE_MASS = 1e-9
_PANEL_LEVELS = ndtr(np.array([-7.5, -5, -3.5, -2.5, -1.75, -1, -0.4, 0.4, 1, 1.75, 2.5, 3.5, 5, 7.5]))
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(8)
_POINTS_AT_ONCE = 2_000_000


def crps_of_mixtures(table: Mixtures, outcomes: Array) -> Array:
    """`(case,)` CRPS (persons) of each mixture at its outcome (case,)."""
    out = np.empty(table.cases)
    normal = (table.kind == NORMAL) & (table.removed < NEGLIGIBLE_MASS)
    lognormal = (table.kind == LOGNORMAL) & (table.removed == 0)
    closed_normal = np.logical_and.reduceat(normal, table.first)
    closed_lognormal = np.logical_and.reduceat(lognormal, table.first) & (outcomes > 0)
    for chosen, closed in ((closed_normal, crps_of_normals), (closed_lognormal, crps_of_lognormals)):
        places = np.flatnonzero(chosen)
        if len(places):
            out[places] = closed(*_padded(table.with_cases(places)), outcomes[places])
    rest = np.flatnonzero(~closed_normal & ~closed_lognormal)
    if len(rest):
        out[rest] = crps_by_quadrature(table.with_cases(rest), outcomes[rest])
    return out


def crps_by_quadrature(table: Mixtures, outcomes: Array) -> Array:
    """`(case,)` CRPS of each mixture by quadrature, whatever its families."""
    out = np.empty(table.cases)
    counts = np.bincount(table.owner, minlength=table.cases)
    for count in np.unique(counts):
        alike = np.flatnonzero(counts == count)
        size = max(1, int(_POINTS_AT_ONCE // (count**2 * len(_PANEL_LEVELS) * len(_NODES))))
        for start in range(0, len(alike), size):
            places = alike[start : start + size]
            out[places] = _quadrature(table.with_cases(places), outcomes[places])
    return out


def _quadrature(table: Mixtures, outcomes: Array) -> Array:
    """Of mixtures with equally many components."""
    levels = np.broadcast_to(_PANEL_LEVELS, (len(table.owner), len(_PANEL_LEVELS)))
    knots = table.component_ppf(levels).reshape(table.cases, -1)
    edges = np.sort(np.column_stack([knots, outcomes]), axis=1)
    half = np.diff(edges, axis=1) / 2
    x = (edges[:, :-1] + half)[:, :, None] + half[:, :, None] * _NODES
    below = table.cdf(x.reshape(table.cases, -1)).reshape(x.shape)
    gap = below - (x >= outcomes[:, None, None])
    return np.asarray(np.sum(gap**2 @ _WEIGHTS * half, axis=1))


def _padded(table: Mixtures) -> tuple[Array, Array, Array]:
    """Weights, centres and spreads (component, case), filled up with components of weight zero."""
    place = np.arange(len(table.owner)) - table.first[table.owner]
    shape = (int(place.max()) + 1, table.cases)
    weights, centres, spreads = np.zeros(shape), np.zeros(shape), np.ones(shape)
    for array, values in ((weights, table.weight), (centres, table.centre), (spreads, table.spread)):
        array[place, table.owner] = values
    return weights, centres, spreads
