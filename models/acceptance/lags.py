"""How long after an application the decision comes, by nationality: what makes the mix of decisions from arrivals.

    decisions_t ~ Poisson(sum over l of lambda_l applications_(t-l)),   l = 0..8 quarters
    lambda_l    ~ Gamma(s d_l, s),   d the lags of all nationalities together, for which d is `STATED`

Every decision is attributed to a lag in proportion to lambda_l applications_(t-l); given the attribution lambda is
Gamma again (Gibbs sampling). Counts enter divided by `DISPERSION`: decisions come in campaigns, not one by one.
What lambda adds up to is the share decided within two years. Nationalities without both series keep the common lags,
as wide as their prior. This module is web-safe and knows nothing of rates, files or HTTP.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.series import Array

LAGS = 9
STATED = 0.9 * np.array([0.10, 0.20, 0.20, 0.15, 0.11, 0.08, 0.06, 0.05, 0.05])
"""Where nothing is known: half decided within half a year, one in ten never. An assumption, to be replaced by data."""

DISPERSION = 20.0
_STRENGTH_OF_STATED, _STRENGTH_OF_COMMON = 5.0, 10.0
_BURN_IN, _EVERY = 60, 2


@dataclass(frozen=True)
class LagDraws:
    """`lags` (draw, citizen, lag) decisions per application, and `learned` (citizen,) whether own counts told."""

    lags: Array
    learned: NDArray[np.bool_]


def learn_lags(decisions: Array, applications: Array, *, seed: int, draws: int = 500) -> LagDraws:
    """Lags from counts (quarter, citizen), NaN where unknown; the rows of both are the same quarters.

    Raises ValueError for shapes that differ.
    """
    if decisions.shape != applications.shape:
        raise ValueError(f"decisions {decisions.shape} and applications {applications.shape} differ")
    rng = np.random.default_rng(seed)
    counts, arrived = _usable(decisions, applications)
    told = counts.sum(axis=0) > 0
    common = _sampled(
        counts.sum(axis=1, keepdims=True), arrived.sum(axis=2, keepdims=True), STATED[None, :],
        _STRENGTH_OF_STATED, rng, draws,
    )  # fmt: skip
    centre = np.repeat(common.mean(axis=0), decisions.shape[1], axis=0)
    return LagDraws(_sampled(counts, arrived, centre, _STRENGTH_OF_COMMON, rng, draws), told)


def _usable(decisions: Array, applications: Array) -> tuple[Array, Array]:
    """Decisions (quarter, citizen) and applications (quarter, lag, citizen) of quarters with all lags known."""
    quarters, citizens = decisions.shape
    lagged = np.full((quarters, LAGS, citizens), np.nan)
    for lag in range(LAGS):
        lagged[lag:, lag] = applications[: quarters - lag] if lag < quarters else np.nan
    known = np.isfinite(decisions) & np.isfinite(lagged).all(axis=1)
    counts = np.where(known, decisions, 0.0) / DISPERSION
    return counts, np.where(known[:, None], lagged, 0.0) / DISPERSION


def _sampled(
    counts: Array, arrived: Array, centre: Array, strength: float, rng: np.random.Generator, draws: int
) -> Array:
    """`(draw, citizen, lag)` by Gibbs sampling; `centre` (citizen, lag) is the prior's mean."""
    whole = np.floor(counts + rng.random(counts.shape)).astype(np.int64)
    exposure = arrived.sum(axis=0).T
    current = np.broadcast_to(centre, exposure.shape).copy()
    kept = []
    for step in range(_BURN_IN + draws * _EVERY):
        weight = current[None, :, :] * np.swapaxes(arrived, 1, 2)
        total = weight.sum(axis=2, keepdims=True)
        even = np.full_like(weight, 1 / LAGS)
        shares = np.divide(weight, total, out=even, where=total > 0)
        given = rng.multinomial(
            np.where(total[..., 0] > 0, whole, 0), shares / shares.sum(axis=2, keepdims=True)
        )
        current = rng.gamma(strength * centre + given.sum(axis=0)) / (strength + exposure)
        if step >= _BURN_IN and (step - _BURN_IN) % _EVERY == 0:
            kept.append(current)
    return np.stack(kept)


def decisions_ahead(lags: LagDraws, past: Array, ahead: Array) -> Array:
    """`(draw, quarter, citizen)` expected decisions of the quarters ahead.

    `past` (quarter, citizen) applications up to now, of at least eight quarters, NaN read as none; `ahead`
    (draw, quarter, citizen) applications to come, as many draws as there are lags.
    """
    draws, quarters, citizens = ahead.shape
    before = np.nan_to_num(past[-(LAGS - 1) :])
    whole = np.concatenate([np.broadcast_to(before, (draws, *before.shape)), ahead], axis=1)
    out = np.empty((draws, quarters, citizens))
    for h in range(quarters):
        end = len(before) + h + 1
        window = whole[:, max(end - LAGS, 0) : end][:, ::-1]
        out[:, h] = np.einsum("dlc,dcl->dc", window, lags.lags[:draws, :, : window.shape[1]])
    return out
