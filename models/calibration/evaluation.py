"""One evaluation from end to end: archive and outcomes in, every figure of the report out.

    selection -> scores, PIT and coverage -> bias -> sequential evidence -> value of each step -> summary

The order is the straight line a reader of the report follows. Deterministic: the same input and seed give the same
answer. For workers: nothing here is imported by the web process. This module must not know storage or HTTP.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from models.calibration.answer import Bias, Evaluation, ForecastError, PitEntry
from models.calibration.bias import BiasRefused, bias_answer, fit_bias
from models.calibration.records import ArchivedForecast, EvaluationRequest, LedgerEdit, Realised
from models.calibration.scoring import ScoredCases, mean_coverage, mean_scores, score_cases
from models.calibration.selection import Selected, select
from models.calibration.statements import statements

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
    report(0.05, "scores")
    scored = score_cases(statements(selected.forecasts), selected.realised, request)
    report(0.15, "bias")
    bias, refused = _bias(selected, scored, realised, request, report)
    report(0.9, "sequential evidence")
    answer = Evaluation(
        n_forecasts=len(selected.forecasts),
        n_target_years=len({one.target_year for one in selected.forecasts}),
        left_out=selected.left_out,
        notes=_notes(scored),
        scores=mean_scores(scored, request),
        coverage=mean_coverage(scored, request),
        pit=_pit_entries(selected, scored),
        pit_histogram=(),
        reliability=(),
        errors=_errors(selected, scored),
        bias=bias,
        bias_refused=refused,
        sequential=None,
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
        lambda fraction: report(0.2 + 0.7 * fraction, "detectable bias"),
    ), None


def _who(forecast: ArchivedForecast) -> dict[str, object]:
    return {
        "edition": forecast.edition,
        "issued_on": forecast.issued_on.isoformat(),
        "target_year": forecast.target_year,
        "horizon": forecast.target_year - forecast.issued_on.year,
        "stage": forecast.stage,
        "issuer": forecast.issuer,
        "expert": forecast.expert,
    }


def _pit_entries(selected: Selected, scored: ScoredCases) -> tuple[PitEntry, ...]:
    bounds = zip(selected.forecasts, scored.pit_lower.tolist(), scored.pit_upper.tolist(), strict=True)
    return tuple(
        PitEntry.model_validate(_who(one) | {"lower": low, "upper": high}) for one, low, high in bounds
    )


def _errors(selected: Selected, scored: ScoredCases) -> tuple[ForecastError, ...]:
    ends = scored.interval
    inside = (ends[:, 0] <= scored.outcome) & (scored.outcome <= ends[:, 1])
    known = np.all(np.isfinite(ends), axis=1)
    return tuple(
        ForecastError.model_validate(
            _who(one)
            | {
                "median": _known(scored.median[place]),
                "realised": float(scored.outcome[place]),
                "log_error": _known(scored.log_error[place]),
                "crps": _known(scored.crps[place]),
                "pinball_sum": _known(scored.pinball[place].sum()),
                "inside": bool(inside[place]) if known[place] else None,
            }
        )
        for place, one in enumerate(selected.forecasts)
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


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
