"""How long after an application the decision comes, by nationality: what makes the mix of decisions from arrivals.

    decisions_t ~ Poisson(mu_t) counted in units of phi,   mu_t = sum over l of lambda_l applications_(t-l),  l = 0..8
    lambda_l    ~ Gamma(a, a / d_l),   d the lags of all nationalities together, for which d is `STATED`

Decisions come in campaigns, not one by one: phi, the variance by the mean, is `DISPERSION` as far as a nationality's
own counts do not tell otherwise (Pearson's statistic at the mode, `_COUNTED` quarters' worth of the stated value).
The posterior of log lambda is drawn by Hamiltonian Monte Carlo in the coordinates of its Laplace approximation, all
nationalities at once. Every lag is as uncertain in proportion as the others, so that small ones are not held at 0.
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
_SHAPE_OF_STATED, _SHAPE_OF_COMMON = 1.5, 2.0
_COUNTED, _LEAST_DISPERSION = 10.0, 1.0
_LEAST = 1e-9
_SCORING_STEPS, _LONGEST = 60, 1.0
_BURN_IN, _LEAPS, _LEAP = 50, 8, 0.2
_LOGS = (-40.0, 4.0)  # no lag lies outside; a leap gone wrong may


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
    whole = counts.sum(axis=1, keepdims=True), arrived.sum(axis=2, keepdims=True)
    common = _sampled(*whole, STATED[None, :], _SHAPE_OF_STATED, rng, draws)
    centre = np.repeat(common.mean(axis=0), decisions.shape[1], axis=0)
    return LagDraws(_sampled(counts, arrived, centre, _SHAPE_OF_COMMON, rng, draws), told)


def _usable(decisions: Array, applications: Array) -> tuple[Array, Array]:
    """Decisions (quarter, citizen) and applications (quarter, lag, citizen) of quarters with all lags known."""
    quarters, citizens = decisions.shape
    lagged = np.full((quarters, LAGS, citizens), np.nan)
    for lag in range(LAGS):
        lagged[lag:, lag] = applications[: quarters - lag] if lag < quarters else np.nan
    known = np.isfinite(decisions) & np.isfinite(lagged).all(axis=1)
    return np.where(known, decisions, 0.0), np.where(known[:, None], lagged, 0.0)


@dataclass(frozen=True)
class _Posterior:
    """Of log lambda (citizen, lag); `phi` (citizen,) is what counts are divided by."""

    counts: Array
    arrived: Array
    shape: float
    rate: Array
    phi: Array

    def expected(self, logs: Array) -> Array:
        """`(quarter, citizen)` decisions."""
        return np.asarray(np.einsum("qlc,cl->qc", self.arrived, np.exp(logs)) + _LEAST)

    def density(self, logs: Array) -> Array:
        """`(citizen,)` log density."""
        mu = self.expected(logs)
        told = (self.counts * np.log(mu) - mu).sum(axis=0) / self.phi
        return np.asarray(told + (self.shape * logs - self.rate * np.exp(logs)).sum(axis=1))

    def slope(self, logs: Array) -> Array:
        """Derivatives of `density` (citizen, lag)."""
        missed = (self.counts / self.expected(logs) - 1) / self.phi
        own = np.einsum("qlc,qc->cl", self.arrived, missed) - self.rate
        return np.asarray(self.shape + np.exp(logs) * own)

    def precision(self, logs: Array) -> Array:
        """`(citizen, lag, lag)` expected curvature."""
        found = np.einsum("qlc,qmc,qc->clm", self.arrived, self.arrived, 1 / self.expected(logs))
        lags = np.exp(logs)
        found *= lags[:, :, None] * lags[:, None, :] / self.phi[:, None, None]
        return np.asarray(found + np.eye(LAGS) * (self.rate * lags)[:, :, None])

    def mode(self, logs: Array) -> Array:
        """The most probable log lags, by Fisher scoring."""
        for _ in range(_SCORING_STEPS):
            step = np.linalg.solve(self.precision(logs), self.slope(logs)[:, :, None])[:, :, 0]
            logs = logs + np.clip(step, -_LONGEST, _LONGEST)
        return logs


def _sampled(
    counts: Array, arrived: Array, centre: Array, shape: float, rng: np.random.Generator, draws: int
) -> Array:
    """`(draw, citizen, lag)`; `centre` (citizen, lag) is the prior's mean."""
    stated = np.full(centre.shape[0], DISPERSION)
    first = _Posterior(counts, arrived, shape, shape / centre, stated)
    mode = first.mode(np.log(centre))
    known = (arrived.sum(axis=1) > 0).sum(axis=0)
    off = np.where(arrived.sum(axis=1) > 0, (counts - first.expected(mode)) ** 2 / first.expected(mode), 0.0)
    phi = (_COUNTED * DISPERSION + off.sum(axis=0)) / (_COUNTED + np.maximum(known - LAGS, 0))
    told = _Posterior(counts, arrived, shape, shape / centre, np.maximum(phi, _LEAST_DISPERSION))
    return np.exp(_walked(told, told.mode(mode), rng, draws))


def _walked(posterior: _Posterior, mode: Array, rng: np.random.Generator, draws: int) -> Array:
    """`(draw, citizen, lag)` logs by Hamiltonian Monte Carlo from the mode, where the precision is the unit matrix."""
    back = np.swapaxes(np.linalg.inv(np.linalg.cholesky(posterior.precision(mode))), 1, 2)

    def at(place: Array) -> Array:
        return np.asarray(np.clip(mode + np.einsum("clm,cm->cl", back, place), *_LOGS))

    def slope(place: Array) -> Array:
        return np.asarray(np.einsum("clm,cl->cm", back, posterior.slope(at(place))))

    place = rng.standard_normal(mode.shape)
    kept = []
    for _ in range(_BURN_IN + draws):
        momentum, leap = rng.standard_normal(mode.shape), _LEAP * rng.uniform(0.5, 1.5)
        before = posterior.density(at(place)) - (momentum**2).sum(axis=1) / 2
        there = place
        momentum = momentum + leap / 2 * slope(there)
        for step in range(_LEAPS):
            there = there + leap * momentum
            momentum = momentum + (leap if step < _LEAPS - 1 else leap / 2) * slope(there)
        after = posterior.density(at(there)) - (momentum**2).sum(axis=1) / 2
        taken = np.log(rng.random(len(place))) < np.where(np.isfinite(after), after, -np.inf) - before
        place = np.where(taken[:, None], there, place)
        kept.append(at(place))
    return np.stack(kept[_BURN_IN:])


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
