"""From forecasts with log errors to the cells and the design of the bias model.

A cell is one issuer's edition (and, where stages are told apart, its stage) about one target year; experts and stages
within it are averaged, since they share everything that the model is about. The columns of the design:

    pooled     contrasts that sum to zero over stages, issuers and horizons
    shocks     minus the exposure of models/calibration/exposure.py, averaged as the errors are
    bias       1: with contrasts that sum to zero, the mean over stages, issuers and horizons

Beside it every cell has its edition's deviation, autocorrelated in time within the issuer, and where stages are told
apart a deviation of its stage in that edition. This module must not know posteriors.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.calibration.exposure import exposure
from models.calibration.gaussian_draws import RHO_GRID, Structure
from models.calibration.issuers import issued
from models.calibration.records import ArchivedForecast, BiasPriors, ScalePrior

Array = NDArray[np.float64]
Places = NDArray[np.int64]

_LEAST_GAP = 0.05


@dataclass(frozen=True, eq=False)
class Cells:
    """Arrays over cells; `edition` numbers (issuer, edition) in time within the issuer, `gap` (edition,) half-years.

    `loading` (cell, shock), `length` and `half_year` (shock,). Names of codes: `stages`, `issuers`, `horizons`,
    `editions`. `together` and `by_quarter`: issuers that are one, and whose editions are quarters.
    """

    error: Array
    target_year: Places
    horizon: Places
    stage: Places
    issuer: Places
    edition: Places
    gap: Array
    loading: Array
    length: Array
    half_year: Places
    stages: tuple[str, ...]
    issuers: tuple[str, ...]
    horizons: tuple[int, ...]
    editions: tuple[str, ...]
    together: int = 0
    by_quarter: int = 0


def cells(forecasts: Sequence[ArchivedForecast], log_errors: Array, by_stage: bool = False) -> Cells:
    """Cells of the forecasts whose log error is known. Raises ValueError when there is none."""
    known = np.flatnonzero(np.isfinite(log_errors))
    if not len(known):
        raise ValueError("no forecast has an error on the log scale")
    used = [forecasts[place] for place in known.tolist()]
    made = issued(used)
    spans = exposure(made.moments, [one.target_year for one in used])
    editions, of_edition, gap = editions_in_time(made.issuers, made.editions, made.moments)
    stages, of_stage = _codes([one.stage if by_stage else "" for one in used])
    issuers, of_issuer = _codes(made.issuers)
    years = np.array([one.target_year for one in used])
    ahead = years - np.array([one.issued_on.year for one in used])
    _, first, cell = np.unique(
        np.column_stack([of_edition, of_stage, years]), axis=0, return_index=True, return_inverse=True
    )
    horizons, of_horizon = np.unique(ahead[first], return_inverse=True)
    return Cells(
        error=_averaged(log_errors[known], cell),
        target_year=years[first],
        horizon=of_horizon,
        stage=of_stage[first],
        issuer=of_issuer[first],
        edition=of_edition[first],
        gap=gap,
        loading=_averaged(spans.loading, cell),
        length=spans.length,
        half_year=spans.half_year,
        stages=stages,
        issuers=issuers,
        horizons=tuple(horizons.tolist()),
        editions=editions,
        together=made.together,
        by_quarter=made.by_quarter,
    )


def structure_of(found: Cells, priors: BiasPriors, shock: ScalePrior) -> Structure:
    """The design and priors of the cells; `shock` is the prior of shocks that the realisations informed."""
    blocks = [_contrasts(count)[codes] for _, codes, count in _families(found) if count > 1]
    deviation = np.zeros(0, dtype=np.int64)
    scales = [priors.noise, shock, priors.edition, *[priors.pooled] * len(blocks)]
    if len(found.stages) > 1:
        _, deviation = np.unique(found.edition * len(found.stages) + found.stage, return_inverse=True)
        scales.append(priors.stage_edition)
    return Structure(
        z=np.column_stack([*blocks, -found.loading, np.ones(len(found.error))]),
        pooled=np.repeat(np.arange(len(blocks)), [block.shape[1] for block in blocks]).astype(np.int64),
        edition=found.edition,
        deviation=deviation.astype(np.int64),
        gap=found.gap,
        length=found.length,
        mixture=found.half_year,
        scale_mu=np.log([scale.median for scale in scales]),
        scale_sd=np.array([scale.log_sd for scale in scales]),
        rho_log_prior=_rho_log_prior(priors),
        freedom=np.array([priors.noise_freedom, priors.shock_freedom]),
    )


def group_effects(found: Cells, effects: Array, name: str) -> Array:
    """`(draw, group)` deviations from the bias of stages, issuers or horizons; zeros where there is one group."""
    start = 0
    for family, _, count in _families(found):
        width = count - 1
        if family == name:
            return np.asarray(effects[:, start : start + width] @ _contrasts(count).T)
        start += width
    raise ValueError(f"no groups called {name}")


def _families(found: Cells) -> tuple[tuple[str, Places, int], ...]:
    return (
        ("stage", found.stage, len(found.stages)),
        ("issuer", found.issuer, len(found.issuers)),
        ("horizon", found.horizon, len(found.horizons)),
    )


def _contrasts(count: int) -> Array:
    """`(group, count - 1)` orthonormal columns that each sum to zero."""
    start = np.column_stack([np.ones(count), np.eye(count)[:, : count - 1]])
    return np.asarray(np.linalg.qr(start)[0][:, 1:])


def _averaged(values: Array, cell: Places) -> Array:
    count = np.bincount(cell)
    total = np.zeros((len(count), *values.shape[1:]))
    np.add.at(total, cell, values)
    return np.asarray(total / count.reshape(-1, *[1] * (values.ndim - 1)))


def _codes(names: Sequence[str]) -> tuple[tuple[str, ...], Places]:
    unique, codes = np.unique(np.array(names), return_inverse=True)
    return tuple(unique.tolist()), codes.astype(np.int64)


def editions_in_time(
    issuers: Sequence[str], names: Sequence[str], moments: Array
) -> tuple[tuple[str, ...], Places, Array]:
    """Editions by issuer and time of first issue, the code of each forecast, and gaps within the issuer."""
    keys = list(zip(issuers, names, strict=True))
    first: dict[tuple[str, str], float] = {}
    for key, moment in zip(keys, moments.tolist(), strict=True):
        first[key] = min(moment, first.get(key, moment))
    ordered = sorted(first, key=lambda key: (key[0], first[key], key[1]))
    gap = np.zeros(len(ordered))
    for place, (before, key) in enumerate(itertools.pairwise(ordered), start=1):
        if before[0] == key[0]:
            gap[place] = max(first[key] - first[before], _LEAST_GAP)
    place_of = {key: place for place, key in enumerate(ordered)}
    codes = np.array([place_of[key] for key in keys], dtype=np.int64)
    return tuple(edition for _, edition in ordered), codes, gap


def _rho_log_prior(priors: BiasPriors) -> Array:
    z = (2 * np.arctanh(RHO_GRID) - priors.autocorrelation_logit) / priors.autocorrelation_sd
    return np.asarray(-(z**2) / 2 - np.log(1 - RHO_GRID**2))
