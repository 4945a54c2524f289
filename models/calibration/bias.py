"""Systematic bias: did these forecasts lean one way, where did it enter, and how sure can one be.

    log(forecast_s,y) - log(realised_y) = bias(stage, issuer, horizon) + v_s + noise_s,y - sum_k a_(s,y),k u_k

u_k: half-yearly shocks, Student-t, shared by all forecasts that span them, their size informed by realised changes;
v_s: an edition's own deviation, autocorrelated over the issuer's editions; noise Student-t; stages, issuers and
horizons partially pooled. A target-year effect alone is not enough: surprises accumulate, so that forecasts of
neighbouring years and editions share them too, and a test that forgets it finds a bias in most unbiased archives.
This module puts the parts together and must not know how they are computed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.calibration import bias_groups
from models.calibration.answer import (
    BayesFactor,
    Bias,
    BiasRefusal,
    DirectionLoss,
    GroupBias,
    ReferencePosterior,
    Scales,
)
from models.calibration.bias_cells import Cells, cells, structure_of
from models.calibration.bias_posterior import BiasPosterior, bayes_factor, bias_posterior, summary_95
from models.calibration.detectable import POWER, Detectable, minimum_detectable
from models.calibration.gaussian_draws import EDITION, NOISE, SHOCK, GaussianDraws, Structure, draw_scales
from models.calibration.plain_tests import naive_tests, plain_test
from models.calibration.records import ArchivedForecast, EvaluationRequest, ScalePrior
from models.calibration.shock_prior import informed_shock_prior
from models.calibration.stage_steps import entered_at, stage_steps

Array = NDArray[np.float64]

LEAST_FORECASTS = 2
DRAWS, TUNE = 4000, 500
STAGE_DRAWS, STAGE_TUNE = 500, 150


class BiasRefused(ValueError):
    """Nothing can be said about bias; `refusal` says why and what would be needed."""

    def __init__(self, refusal: BiasRefusal) -> None:
        self.refusal = refusal
        super().__init__(
            f"{refusal.forecasts} forecasts with an error on the log scale, {refusal.needed} needed"
        )


@dataclass(frozen=True, eq=False)
class BiasFit:
    """The fit over all stages together, from which the headline and the simulations come."""

    cells: Cells
    structure: Structure
    draws: GaussianDraws
    posterior: BiasPosterior
    shock: ScalePrior


def fit_bias(
    forecasts: Sequence[ArchivedForecast],
    log_errors: Array,
    values: Mapping[int, float],
    request: EvaluationRequest,
) -> BiasFit:
    """Fit the model to log errors (case,); `values` are the realised totals by year.

    Raises BiasRefused with fewer than two forecasts that have an error on the log scale.
    """
    known = int(np.isfinite(log_errors).sum())
    if known < LEAST_FORECASTS:
        raise BiasRefused(BiasRefusal(code="too_few_forecasts", forecasts=known, needed=LEAST_FORECASTS))
    found_cells = cells(forecasts, log_errors)
    shock = informed_shock_prior(values, request.priors.shock, request.priors.realised_weight)
    structure = structure_of(found_cells, request.priors, shock)
    draws = draw_scales(structure, found_cells.error, DRAWS, TUNE, request.seed)
    posterior = bias_posterior(draws, request.priors.bias_sd)
    return BiasFit(found_cells, structure, draws, posterior, shock)


def bias_answer(
    fit: BiasFit,
    forecasts: Sequence[ArchivedForecast],
    log_errors: Array,
    request: EvaluationRequest,
    report: Callable[[float], None] = lambda fraction: None,
) -> Bias:
    """Everything the answer says about bias; `report` receives fractions of the simulations."""
    priors, rope = request.priors, request.rope
    least = _minimum(fit, request, report)
    by_stage = _by_stage(fit, forecasts, log_errors, request)
    steps = stage_steps(cells(forecasts, log_errors, by_stage=True), priors, rope, request.seed + 2)
    return Bias.model_validate(
        {
            **summary_95(fit.posterior),
            "probability_in_rope": fit.posterior.within(rope),
            "rope": rope,
            "minimum_detectable": least.minimum if least else None,
            "minimum_detectable_power": POWER,
            "minimum_detectable_archives": least.archives if least else None,
            "bayes_factor": bayes_factor(fit.draws, priors.bias_sd),
            "prior_sensitivity": tuple(
                BayesFactor(prior_sd=sd, bayes_factor=bayes_factor(fit.draws, sd))
                for sd in priors.sensitivity_sds
            ),
            "verdict": fit.posterior.verdict(rope),
            "by_stage": by_stage,
            "by_horizon": bias_groups.pooled_groups(fit.cells, fit.draws, "horizon", priors, rope),
            "by_target_year": bias_groups.target_years(fit.cells, fit.draws),
            "by_period": bias_groups.periods(fit.cells, priors, fit.shock, rope, request.seed + 3),
            "by_issuer": bias_groups.pooled_groups(fit.cells, fit.draws, "issuer", priors, rope),
            "by_expert": bias_groups.experts(forecasts, log_errors, fit.posterior),
            "stage_steps": steps,
            "entered_at": entered_at(steps, by_stage[0]),
            "direction": direction_loss(log_errors, request),
            "plain_test": plain_test(fit.cells),
            "naive_tests": naive_tests(fit.cells),
            "scales": _scales(fit.draws),
            "reference": _reference(fit, request),
            "n": int(np.isfinite(log_errors).sum()),
        }
    )


def _minimum(fit: BiasFit, request: EvaluationRequest, report: Callable[[float], None]) -> Detectable | None:
    if not request.simulations:
        return None
    sd, archives, seed = request.priors.bias_sd, request.simulations, request.seed + 1
    return minimum_detectable(fit.structure, fit.draws, sd, archives, seed, report)


def direction_loss(log_errors: Array, request: EvaluationRequest) -> DirectionLoss:
    """What errors cost where too low and too high weigh differently, and the shift that would have cost least.

    Loss = too_low · (−e)+ + too_high · e+ on the log scale; least at the level too_low / (too_low + too_high).
    """
    e = log_errors[np.isfinite(log_errors)]
    low, high = request.loss.too_low, request.loss.too_high
    from_low, from_high = low * np.maximum(-e, 0).mean(), high * np.maximum(e, 0).mean()
    level = low / (low + high)
    return DirectionLoss(
        too_low_weight=low,
        too_high_weight=high,
        mean_loss=float(from_low + from_high),
        from_too_low=float(from_low),
        from_too_high=float(from_high),
        share_too_low=float((e < 0).mean()),
        best_level=level,
        best_shift=float(np.quantile(-e, level)),
    )


def _by_stage(
    fit: BiasFit, forecasts: Sequence[ArchivedForecast], log_errors: Array, request: EvaluationRequest
) -> tuple[GroupBias, ...]:
    """Stages in their order; a fit of its own where there are several."""
    found, draws = cells(forecasts, log_errors, by_stage=True), fit.draws
    if len(found.stages) > 1:
        structure = structure_of(found, request.priors, fit.shock)
        draws = draw_scales(structure, found.error, STAGE_DRAWS, STAGE_TUNE, request.seed + 4)
    groups = bias_groups.pooled_groups(found, draws, "stage", request.priors, request.rope)
    order = {
        stage: place for place, stage in enumerate(("experts", "model", "combined", "estimate", "adopted"))
    }
    return tuple(sorted(groups, key=lambda group: order[group.group]))


def _reference(fit: BiasFit, request: EvaluationRequest) -> ReferencePosterior | None:
    """The same model and data by NUTS, where it is asked for: PyMC is loaded only then."""
    if not request.reference:
        return None
    from models.calibration.bias_nuts import sample_bias

    found = sample_bias(fit.structure, fit.cells.error, request.priors, seed=request.seed + 5)
    bias, said = found.posterior["bias"], found.diagnostics
    lower, upper = np.quantile(bias, [0.025, 0.975])
    return ReferencePosterior(
        mean=float(bias.mean()),
        sd=float(bias.std()),
        lower95=float(lower),
        upper95=float(upper),
        probability_positive=float((bias > 0).mean()),
        rhat_max=said.rhat_max,
        ess_min=min(said.ess_bulk_min, said.ess_tail_min),
        divergences=said.divergences,
        passed=said.passed,
    )


def _scales(draws: GaussianDraws) -> Scales:
    mean = draws.scales.mean(axis=0)
    return Scales(
        shock=float(mean[SHOCK]),
        edition=float(mean[EDITION]),
        noise=float(mean[NOISE]),
        edition_autocorrelation=float(draws.rho.mean()),
    )
