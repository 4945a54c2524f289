"""The evaluation in five plain sentences, English; every number in them stands in the answer.

Must not know how anything was computed.
"""

from __future__ import annotations

from models.calibration.answer import Bias, Coverage, Scores, Sequential


def five_sentences(
    n: tuple[int, int],
    scores: Scores,
    coverage: Coverage,
    bias: Bias | None,
    refused: str | None,
    evidence: Sequential,
) -> tuple[str, ...]:
    """`n`: forecasts and target years. Size of errors, coverage, bias, where it entered, evidence over time."""
    return (
        _errors(n, scores),
        _coverage(coverage),
        bias.sentence if bias else f"Nothing is said about bias: {refused}.",
        _entered(bias),
        _evidence(evidence),
    )


def _errors(n: tuple[int, int], scores: Scores) -> str:
    said = f"{n[0]} forecasts of {n[1]} target years were compared with what came"
    if scores.mape is None:
        return f"{said}; none states a figure from which an error follows."
    naive = scores.skill.get("lastYear")
    beside = (
        ""
        if naive is None
        else f", {abs(naive):.0%} {'less' if naive > 0 else 'more'} than last year's figure"
    )
    return f"{said}; they missed it by {scores.mape:.0%} on average{beside}."


def _coverage(coverage: Coverage) -> str:
    if not coverage.n or coverage.lower95 is None or coverage.upper95 is None:
        return "No forecast states an interval whose coverage could be counted."
    return (
        f"The {coverage.interval_probability:.0%} interval held {coverage.inside} of {coverage.n} outcomes "
        f"(95% interval of that share: {coverage.lower95:.0%} to {coverage.upper95:.0%}, as if independent)."
    )


def _entered(bias: Bias | None) -> str:
    if bias is None or not bias.stage_steps:
        return "Stages cannot be compared: fewer than two editions state more than one."
    if bias.entered_at is None:
        return "At no step between stages was a bias demonstrated."
    return f"A bias entered at: {bias.entered_at}."


def _evidence(evidence: Sequential) -> str:
    strong = "strong" if evidence.crossed_20_in is not None else "not strong"
    return (
        f"Evidence of a lean that may be looked at any time stands at {evidence.e_value:.2g} (20 is strong): {strong}; "
        f"the anytime-valid p-value is {evidence.p_anytime:.2g}."
    )
