"""Three ways to handle the rates of every quarter in the acceptance model, on one small data set, side by side.

    filter      ours: every rate summed out by the filter
    latent      plain PyMC: every step of every rate a parameter, non-centred; the beta-binomial itself, nothing
                approximated, so its draws are what the others are held against
    empirical   the log odds of every quarter as a normal measurement, log((k + 1/2) / (n - k + 1/2)) with the variance
                that counting and overdispersion give it; steps normal with the mixture's variance, rates summed out

Told of each: seconds, effective draws a second of the worst parameter, divergences, and how far the last quarter's log
odds lie from those of `latent`: the difference of the means and the ratio of the spreads, small nationalities apart.
Part of `python -m benchmarks.acceptance --forms`.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from benchmarks.acceptance_world import made_up_decisions
from models.acceptance.data import AcceptanceData
from models.acceptance.forecast import forecast_rates
from models.acceptance.model import DEFAULT_PRIORS, fit_acceptance
from models.backend import pm, pt
from models.prior_terms import term, terms
from models.sampling import Sampled, SamplerDiagnostics, sample

Array = NDArray[np.float64]
SIZES = np.array([3.0, 10.0, 30.0, 60.0, 150.0, 400.0])
QUARTERS, CHAINS, TUNE, DRAWS = 20, 2, 300, 500
_FEW = 30.0
_POPULATION = (
    "typical_step", "spread", "turbulent_share", "turbulent_factor", "pull", "start", "batch", "correlation", "shock",
)  # fmt: skip


def compare_forms() -> None:
    """Print a line per form."""
    data, truth = made_up_decisions(SIZES, QUARTERS, seed=7)
    forms: dict[str, Callable[[AcceptanceData], tuple[Array, SamplerDiagnostics]]] = {
        "latent": _latent,
        "filter": _filter,
        "empirical": _empirical,
    }
    reference: tuple[Array, Array] | None = None
    print(f"{len(SIZES)} nationalities, {QUARTERS} quarters, {CHAINS} chains of {TUNE} + {DRAWS} draws")
    for name, form in forms.items():
        began = time.process_time()
        odds, told = form(data)
        mean, sd = odds.mean(axis=0), odds.std(axis=0)
        reference = reference or (mean, sd)
        off, wide, few = np.abs(mean - reference[0]) / reference[1], sd / reference[1], SIZES < _FEW
        rate = told.ess_bulk_min / told.seconds_sample
        missed = np.abs(mean - truth[-1]).mean()
        print(
            f"{name:10} cpu {time.process_time() - began:6.1f} s  compile {told.seconds_compile:5.1f} s  "
            f"sampling {told.seconds_sample:5.1f} s  ESS {told.ess_bulk_min:5.0f} = {rate:5.1f}/s  "
            f"r-hat {told.rhat_max:.3f}  divergences {told.divergences:3d}  from latent, few decisions: "
            f"{off[few].mean():.2f} sd, spread x {wide[few].mean():.2f}; many: {off[~few].mean():.2f} sd, "
            f"x {wide[~few].mean():.2f}; from the truth {missed:.2f}",
            flush=True,
        )


def _filter(data: AcceptanceData) -> tuple[Array, SamplerDiagnostics]:
    fit = fit_acceptance(data, seed=1, draws=DRAWS, tune=TUNE, chains=CHAINS)
    rates = forecast_rates(fit, data, 0, seed=1, draws=CHAINS * DRAWS).rates[:, -1].astype(float)
    return np.asarray(logit(np.clip(rates, 1e-9, 1 - 1e-9))), fit.diagnostics


def _population(data: AcceptanceData) -> tuple[dict[str, Any], Any, Any]:
    """Parameters, steps (series,) and the host's path (quarter,), as in the model itself."""
    found = terms("population", {name: getattr(DEFAULT_PRIORS, name) for name in _POPULATION})
    slope = term("size_slope", DEFAULT_PRIORS.size_slope)
    sizes = np.log(4 * data.total.mean(axis=0) / 55)
    step = found["typical_step"] * pt.exp(
        slope * sizes + found["spread"] * pm.Normal("offset", 0, 1, shape=len(sizes))
    )
    moved = pm.Normal("shock_normal", 0, 1, shape=len(data.periods) - 1)
    path = pt.concatenate([pt.zeros(1), pt.cumsum(found["shock"] * np.sqrt(data.years) * moved)])
    return found, step, term("level", DEFAULT_PRIORS.level) + path


def _latent(data: AcceptanceData) -> tuple[Array, SamplerDiagnostics]:
    with pm.Model() as model:
        found, step, path = _population(data)
        stays = pt.exp(-found["pull"] * data.years)
        share = found["turbulent_share"]
        first = pm.Normal("first", 0, 1, shape=data.total.shape[1])
        moved = pm.NormalMixture(
            "moved", w=pt.stack([1 - share, share]), mu=np.zeros(2),
            sigma=pt.stack([pt.ones(()), found["turbulent_factor"]]),
            shape=(len(data.periods) - 1, data.total.shape[1]),
        )  # fmt: skip
        rows = [found["start"] * first]
        for t in range(len(data.periods) - 1):
            rows.append(stays * rows[-1] + step * np.sqrt(data.years) * moved[t])
        odds = pm.Deterministic("odds", pt.stack(rows) + path[:, None])
        within = found["batch"] / (data.total + found["batch"])
        size = 1 / (within + found["correlation"] * (1 - within)) - 1
        p = pt.sigmoid(odds)
        seen = data.total > 0
        pm.BetaBinomial(
            "seen", n=data.total[seen].astype(int), alpha=(size * p)[seen], beta=(size * (1 - p))[seen],
            observed=data.positive[seen].astype(int),
        )  # fmt: skip
    return _last_odds(_sampled(model))


def _empirical(data: AcceptanceData) -> tuple[Array, SamplerDiagnostics]:
    k, n = data.positive, data.total
    y = np.log((k + 0.5) / (n - k + 0.5))
    counting = 1 / (k + 0.5) + 1 / (n - k + 0.5)
    quarters = np.arange(len(data.periods))
    apart = np.abs(np.subtract.outer(quarters, quarters))
    until = np.minimum.outer(quarters, quarters)
    with pm.Model() as model:
        found, step, path = _population(data)
        share, factor = found["turbulent_share"], found["turbulent_factor"]
        drift = data.years * (1 - share + share * factor**2)
        # The first variance fades, steps since the first quarter add up, what is apart has faded so much more.
        fades = pt.exp(-found["pull"] * data.years)
        added = (1 - fades ** (2 * until)) / (1 - fades**2)
        within = found["batch"] / (n + found["batch"])
        noise = counting * (1 + (n - 1) * (within + found["correlation"] * (1 - within)))
        last, density = [], []
        for s in range(n.shape[1]):
            covariance = fades**apart * (
                found["start"] ** 2 * fades ** (2 * until) + step[s] ** 2 * drift * added
            )
            whole = covariance + pt.diag(pt.where(n[:, s] > 0, noise[:, s], 1e6))
            missed = y[:, s] - path
            density.append(pm.logp(pm.MvNormal.dist(mu=pt.zeros(len(quarters)), cov=whole), missed))
            gain = pt.linalg.solve(whole, covariance[:, -1], assume_a="pos")
            last.append((path[-1] + gain @ missed, covariance[-1, -1] - gain @ covariance[:, -1]))
        pm.Potential("density", pt.sum(pt.stack(density)))
        extra = pm.Normal("extra", 0, 1, shape=n.shape[1])
        means, variances = (pt.stack(part) for part in zip(*last, strict=True))
        pm.Deterministic("odds", (means + pt.sqrt(variances) * extra)[None, :])
    return _last_odds(_sampled(model))


def _sampled(model: Any) -> Sampled:
    return sample(model, draws=DRAWS, tune=TUNE, chains=CHAINS, seed=1)


def _last_odds(sampled: Sampled) -> tuple[Array, SamplerDiagnostics]:
    odds = sampled.posterior["odds"][:, :, -1]
    return odds.reshape(-1, odds.shape[-1]), sampled.diagnostics
