"""The bias model in PyMC, sampled with NUTS: the reference that the fast draws must agree with.

    e ~ Normal(bias, sum_b s_b^2 Z_b Z_b' + s_v^2 Z_v C(rho) Z_v' + A diag(s_u^2 length lambda) A' + diag(s_e^2 w))

Shocks, edition deviations and pooled effects are integrated out; sampled are the bias, the scales, the autocorrelation
and the mixture scales lambda, w of the Student-t variables. The same design and priors as models/calibration/
gaussian_draws.py. For workers: this module imports PyMC and must not be reached from the web process.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.backend import pm, pt
from models.calibration.gaussian_draws import FIRST_POOLED, NOISE, Structure
from models.calibration.records import BiasPriors
from models.prior_terms import Prior, term
from models.sampling import Progress, Sampled, sample

Array = NDArray[np.float64]

SCALE_NAMES = ("noise", "shock", "edition")


def sample_bias(
    structure: Structure,
    errors: Array,
    priors: BiasPriors,
    *,
    seed: int,
    draws: int = 1000,
    tune: int = 600,
    chains: int = 2,
    cores: int = 2,
    progress: Progress | None = None,
) -> Sampled:
    """Draws of `bias` and of the scales given log errors (case,); archives of one shape share a compiled model."""
    design = structure.z.tobytes() + structure.edition.tobytes() + structure.deviation.tobytes()
    shape = hashlib.sha256(design + priors.model_dump_json().encode()).hexdigest()
    model = build_bias_model(structure, errors, priors)
    return sample(
        model,
        draws=draws,
        tune=tune,
        chains=chains,
        seed=seed,
        cores=cores,
        progress=progress,
        structure=("bias", shape, len(errors)),
    )


def build_bias_model(structure: Structure, errors: Array, priors: BiasPriors) -> Any:
    """The `pm.Model`; log errors (case,) are its only data."""
    s = structure
    pooled = len(s.pooled)
    v, a = np.eye(len(s.gap))[s.edition], s.z[:, pooled:-1]
    distance, joined = _edition_distances(s.gap)
    with pm.Model() as model:
        observed = pm.Data("errors", errors)
        bias = term("bias", _prior("normal", 0.0, priors.bias_sd))
        scales = [
            term(_scale_name(place), _prior("lognormal", float(mu), float(sd)))
            for place, (mu, sd) in enumerate(zip(s.scale_mu, s.scale_sd, strict=True))
        ]
        autocorrelation = _prior("logit_normal", priors.autocorrelation_logit, priors.autocorrelation_sd)
        rho = 2 * term("rho_share", autocorrelation) - 1
        w = _mixture("noise_precision", s.freedom[0], len(errors))
        covariance = pt.diag(scales[NOISE] ** 2 * w)
        covariance += scales[2] ** 2 * pt.dot(pt.dot(v, joined * _carried(rho, distance)), v.T)
        if len(s.length):
            lam = _mixture("shock_precision", s.freedom[1], int(s.mixture.max()) + 1)[s.mixture]
            covariance += pt.dot(a * (scales[1] ** 2 * s.length * lam), a.T)
        for block in np.unique(s.pooled).tolist():
            columns = s.z[:, :pooled][:, s.pooled == block]
            covariance += scales[FIRST_POOLED + block] ** 2 * (columns @ columns.T)
        if len(s.deviation):
            covariance += scales[-1] ** 2 * (s.deviation[:, None] == s.deviation)
        pm.MvNormal("e", mu=bias * np.ones(len(errors)), cov=covariance, observed=observed)
    return model


def _carried(rho: Any, distance: Array) -> Any:
    """Correlation of editions so many half-years apart; below zero successive ones alternate."""
    place = np.arange(len(distance))
    alternating = (-1.0) ** np.abs(place[:, None] - place)
    # Never zero: the derivative of 0^0 is not a number.
    size = pt.sqrt(rho**2 + 1e-12) ** distance
    return size * pt.switch(rho < 0, alternating, 1.0)


def _mixture(name: str, freedom: float, size: int) -> Any:
    """Variances that make a normal a Student-t of unit variance."""
    return (freedom - 2) / freedom / pm.Gamma(name, freedom / 2, freedom / 2, shape=size)


def _edition_distances(gap: Array) -> tuple[Array, Array]:
    """`(edition, edition)` half-years between editions, and 1 where one issuer made both."""
    since = np.cumsum(gap)
    chain = np.cumsum(gap == 0)
    joined = (chain[:, None] == chain).astype(float)
    return np.abs(since[:, None] - since) * joined, joined


def _scale_name(place: int) -> str:
    return SCALE_NAMES[place] if place < FIRST_POOLED else f"pooled_{place - FIRST_POOLED}"


def _prior(family: Any, mu: float, sigma: float) -> Prior:
    return Prior(family=family, parameters={"mu": mu, "sigma": sigma}, source="models/calibration/records.py")
