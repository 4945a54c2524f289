"""One evaluation from end to end: archive and outcomes in, every figure of the report out.

    selection -> scores, PIT and coverage -> bias -> bands -> sequential evidence -> value of each step

The order is the straight line a reader of the report follows. Deterministic: the same input and seed give the same
answer. For workers: nothing here is imported by the web process. This module must not know storage or HTTP.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from models.calibration.answer import Bias, Evaluation, Scales
from models.calibration.bands import Reference, pit_histogram, reference, reliability
from models.calibration.bias import BiasRefused, bias_answer, fit_bias
from models.calibration.case_rows import error_rows, pit_rows
from models.calibration.peers import skills
from models.calibration.records import ArchivedForecast, BiasPriors, EvaluationRequest, LedgerEdit, Realised
from models.calibration.scoring import ScoredCases, mean_coverage, mean_scores, score_cases
from models.calibration.selection import Selected, select
from models.calibration.sequential import sequential
from models.calibration.statements import Statements, statements

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
    skill = skills(selected.forecasts, scored.median, scored.crps, selected.realised, realised)
    report(0.1, "bias")
    bias, refused = _bias(selected, scored, realised, request, report)
    report(0.85, "bands")
    expected = _reference(selected, stated, scored, bias, request)
    report(0.92, "sequential evidence")
    evidence = sequential(selected.forecasts, scored.pit_lower, scored.pit_upper)
    report(0.94, "value of each step")
    answer = Evaluation(
        n_forecasts=len(selected.forecasts),
        n_target_years=len({one.target_year for one in selected.forecasts}),
        left_out=selected.left_out,
        notes=_notes(scored),
        scores=mean_scores(scored, request, skill),
        coverage=mean_coverage(scored, request, expected.inside if expected else None),
        pit=pit_rows(selected.forecasts, scored),
        pit_histogram=pit_histogram(scored.pit_lower, scored.pit_upper, expected),
        reliability=reliability(request.levels, scored.under, expected),
        errors=error_rows(selected.forecasts, scored),
        bias=bias,
        bias_refused=refused,
        sequential=evidence,
        value_added=(),
        by_expert=(),
        by_scenario=(),
        expert_weight=None,
        ledger_drift=(),
        recalibration=None,
        summary=(),
    )
    report(1.0, "done")
    return answer


def _bias(
    selected: Selected, scored: ScoredCases, realised: Realised, request: EvaluationRequest, report: Report
) -> tuple[Bias | None, str | None]:
    """The bias, or why there is none."""
    try:
        fit = fit_bias(selected.forecasts, scored.log_error, realised.values, request)
    except BiasRefused as refused:
        return None, str(refused)
    return bias_answer(
        fit,
        selected.forecasts,
        scored.log_error,
        request,
        lambda fraction: report(0.15 + 0.7 * fraction, "detectable bias"),
    ), None


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
    rho = float(1 / (1 + np.exp(-priors.autocorrelation_logit)))
    return Scales(
        shock=priors.shock.median,
        edition=priors.edition.median,
        noise=priors.noise.median,
        edition_autocorrelation=rho,
    )


def _notes(scored: ScoredCases) -> tuple[str, ...]:
    """What the reader should know about forecasts that some measures had to leave out."""
    notes = []
    zero = int(np.sum(scored.outcome <= 0))
    if zero:
        notes.append(
            f"{zero} forecasts are about a realised total of zero: left out of everything on the log scale"
        )
    unknown = int(np.sum(~np.isfinite(scored.median)))
    if unknown:
        notes.append(
            f"{unknown} forecasts state no levels around one half: no median, no error, not in the bias"
        )
    return tuple(notes)
