"""One evaluation from end to end: archive and outcomes in, every figure of the report out.

    selection -> scores, PIT and coverage -> bias -> bands -> sequential evidence -> value of each step

The order is the straight line a reader of the report follows. Deterministic: the same input and seed give the same
answer. For workers: nothing here is imported by the web process. This module must not know storage or HTTP.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from models.calibration.answer import (
    Bias,
    BiasRefusal,
    Evaluation,
    Note,
    NoteCode,
    Recalibration,
    Scales,
)
from models.calibration.bands import Reference, pit_histogram, reference, reliability
from models.calibration.bias import BiasFit, BiasRefused, bias_answer, fit_bias
from models.calibration.case_rows import error_rows, pit_rows
from models.calibration.expert_weight import best_expert_weight
from models.calibration.ledger_drift import ledger_drift
from models.calibration.peers import skills
from models.calibration.recalibration import recalibration
from models.calibration.records import ArchivedForecast, BiasPriors, EvaluationRequest, LedgerEdit, Realised
from models.calibration.scoring import ScoredCases, mean_coverage, mean_scores, score_cases
from models.calibration.selection import Selected, matches, newest, select
from models.calibration.sequential import sequential
from models.calibration.statements import Statements, statements
from models.calibration.value_added import expert_values, scenario_values, stage_values

Report = Callable[[float, str], None]
"""(fraction done, name of the step that begins); an exception it raises stops the evaluation and is passed on."""


def evaluate(
    forecasts: Sequence[ArchivedForecast],
    realised: Realised,
    request: EvaluationRequest,
    report: Report = lambda fraction, step: None,
    edits: Sequence[LedgerEdit] = (),
) -> Evaluation:
    """Evaluate the forecasts that the request selects against what came; `edits` are of the ledger.

    Raises NoOverlap when no forecast can be compared with an outcome, and what `report` raises.
    """
    report(0.0, "selection")
    selected = select(forecasts, realised, request.filter)
    report(0.02, "scores")
    stated = statements(selected.forecasts)
    scored = score_cases(stated, selected.realised, request)
    report(0.1, "bias")
    fit, refused = _fit(selected, scored, realised, request)
    bias = _bias(fit, selected, scored, request, report)
    report(0.85, "bands")
    expected = _reference(selected, stated, scored, bias, request)
    report(0.92, "value of each step")
    parts = _calibrated(selected, scored, realised, request, expected)
    parts |= _valued(selected, scored, request)
    parts |= {
        "bias": bias,
        "bias_refused": refused,
        "ledger_drift": ledger_drift(edits, selected.forecasts, realised.values),
        "recalibration": _recalibration(fit, forecasts, selected, scored, request),
    }
    size = len(selected.forecasts), len({one.target_year for one in selected.forecasts})
    report(1.0, "done")
    return Evaluation(
        n_forecasts=size[0],
        n_target_years=size[1],
        left_out=selected.left_out,
        notes=_notes(scored, fit),
        **parts,
    )


def _calibrated(
    selected: Selected,
    scored: ScoredCases,
    realised: Realised,
    request: EvaluationRequest,
    expected: Reference | None,
) -> dict[str, Any]:
    """Scores, coverage and PIT, with the rows behind them."""
    chosen = selected.forecasts
    skill = skills(chosen, scored.median, scored.crps, selected.realised, realised)
    return {
        "scores": mean_scores(scored, request, skill),
        "coverage": mean_coverage(scored, request, expected.inside if expected else None),
        "pit": pit_rows(chosen, scored),
        "pit_histogram": pit_histogram(scored.pit_lower, scored.pit_upper, expected),
        "reliability": reliability(request.levels, scored.under, expected),
        "errors": error_rows(chosen, scored),
        "sequential": sequential(chosen, scored.pit_lower, scored.pit_upper),
    }


def _valued(selected: Selected, scored: ScoredCases, request: EvaluationRequest) -> dict[str, Any]:
    """What stages, experts and scenarios were worth."""
    chosen, dense = selected.forecasts, np.isfinite(scored.crps)
    return {
        "value_added": stage_values(chosen, scored),
        "by_expert": expert_values(chosen, scored),
        "by_scenario": scenario_values(chosen, scored),
        "expert_weight": best_expert_weight(chosen, dense, selected.realised, request.seed + 20),
    }


def _fit(
    selected: Selected, scored: ScoredCases, realised: Realised, request: EvaluationRequest
) -> tuple[BiasFit | None, BiasRefusal | None]:
    """The fit of the bias model, or why there is none."""
    try:
        return fit_bias(selected.forecasts, scored.log_error, realised.values, request), None
    except BiasRefused as refused:
        return None, refused.refusal


def _bias(
    fit: BiasFit | None, selected: Selected, scored: ScoredCases, request: EvaluationRequest, report: Report
) -> Bias | None:
    if fit is None:
        return None
    return bias_answer(
        fit,
        selected.forecasts,
        scored.log_error,
        request,
        lambda fraction: report(0.15 + 0.7 * fraction, "detectable bias"),
    )


def _recalibration(
    fit: BiasFit | None,
    forecasts: Sequence[ArchivedForecast],
    selected: Selected,
    scored: ScoredCases,
    request: EvaluationRequest,
) -> Recalibration | None:
    """What was learned, applied to the latest edition that the filter lets through, realised or not."""
    if fit is None:
        return None
    years = len({one.target_year for one in selected.forecasts})
    unlimited = request.filter.model_copy(update={"target_years": None})
    archive = [one for one in newest(forecasts) if matches(one, unlimited)]
    return recalibration(fit.draws, scored.pit_lower, scored.pit_upper, years, archive, request.levels)


def _reference(
    selected: Selected, stated: Statements, scored: ScoredCases, bias: Bias | None, request: EvaluationRequest
) -> Reference | None:
    """Perfectly calibrated archives of this shape, with the scales found or, without a fit, the priors' medians."""
    if not request.simulations:
        return None
    return reference(
        selected.forecasts,
        stated,
        bias.scales if bias else _prior_scales(request.priors),
        np.asarray(request.levels),
        np.isfinite(scored.under),
        np.all(np.isfinite(scored.interval), axis=1),
        request.interval_probability,
        request.seed + 10,
    )


def _prior_scales(priors: BiasPriors) -> Scales:
    rho = float(np.tanh(priors.autocorrelation_logit / 2))
    return Scales(
        shock=priors.shock.median,
        edition=priors.edition.median,
        noise=priors.noise.median,
        edition_autocorrelation=rho,
    )


def _notes(scored: ScoredCases, fit: BiasFit | None) -> tuple[Note, ...]:
    """What the reader should know about forecasts that some measures had to leave out or take together."""
    counts: dict[NoteCode, int] = {
        "zero_outcomes": int(np.sum(scored.outcome <= 0)),
        "no_median": int(np.sum(~np.isfinite(scored.median))),
        "impossible_outcomes": int(np.sum(np.isinf(scored.log_score))),
        "issuers_together": fit.cells.together if fit else 0,
        "editions_by_quarter": fit.cells.by_quarter if fit else 0,
    }
    return tuple(Note(code=code, count=count) for code, count in counts.items() if count)
