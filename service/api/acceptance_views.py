"""From answers about acceptance rates to the JSON of the contract, and the checks of what is asked of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from pydantic import ValidationError

from priors.scenario import shape_faults
from service.api.acceptance_shapes import AcceptanceBreakBody, AcceptanceWhatIfBody
from service.api.forecast_shapes import warnings_json
from service.api.shapes import Shape
from service.problems import fault, invalid_input

if TYPE_CHECKING:
    from models.acceptance.answer import Answers
    from models.acceptance.data import PolicyBreak
    from models.acceptance.stored import StoredAcceptance

Chosen = dict[str, str | None]
Found = dict[str, str]


def faults_of_choice(stored: StoredAcceptance, chosen: Chosen) -> list[Found]:
    """What is asked for and is not there, by parameter."""
    known = {"track": stored.tracks, "quarter": stored.periods, "citizen": stored.citizens}
    faults = []
    for name, wanted in chosen.items():
        if wanted is not None and wanted not in known[name]:
            there, er_is = _there_is(name, known[name])
            asked = wanted[:16]
            faults.append(
                fault(name, f"{asked} is not known here; {there}", f"{asked} is hier niet bekend; {er_is}")
            )
    return faults


def _there_is(name: str, known: tuple[str, ...]) -> tuple[str, str]:
    if name == "quarter":
        first, last = known[0], known[-1]
        return f"quarters run from {first} to {last}", f"de kwartalen lopen van {first} tot en met {last}"
    named = ", ".join(sorted({value for value in known if value}))
    if named:
        return f"use one of {named}", f"kies uit {named}"
    return "these decisions carry no track; leave it out", "deze beslissingen hebben geen spoor; laat het weg"


def faults_of_policy(stored: StoredAcceptance, asked: AcceptanceWhatIfBody) -> list[Found]:
    """What a what-if names that is not there; it has to start within the quarters shown."""
    chosen = {"quarter": asked.quarter, "citizen": asked.citizen}
    return [{**one, "field": f"/{one['field']}"} for one in faults_of_choice(stored, chosen)]


def faults_of_break(
    stored: StoredAcceptance, asked: AcceptanceBreakBody, known: Mapping[int, PolicyBreak]
) -> list[Found]:
    """What a break names that is not there: decisions have to be known before its quarter and in it."""
    within = stored.periods[1 : stored.observed]
    faults = []
    if asked.quarter not in within:
        said = f"decisions must be known before a break and after it: {within[0]} to {within[-1]}"
        dutch = f"voor en na een breuk moeten beslissingen bekend zijn: {within[0]} tot en met {within[-1]}"
        faults.append(fault("/quarter", said, dutch))
    if asked.citizen is not None and asked.citizen not in stored.citizens:
        (unknown,) = faults_of_choice(stored, {"citizen": asked.citizen})
        faults.append({**unknown, "field": "/citizen"})
    for place, number in enumerate(asked.also):
        if number not in known:
            dutch = f"bij deze prognose is geen beleidsbreuk {number} opgegeven"
            faults.append(fault(f"/also/{place}", f"no break {number} was declared for this forecast", dutch))
    joined = [(known[n].period, known[n].citizen) for n in asked.also if n in known]
    if (asked.quarter, asked.citizen) in joined or len(set(joined)) < len(joined):
        dutch = "dezelfde breuk zou er twee keer in staan; laat er één weg"
        faults.append(fault("/also", "the same break would be in it twice; leave one out", dutch))
    return faults


Body = TypeVar("Body", bound=Shape)


def read_body(shape: type[Body], payload: object) -> Body:
    """The body in its shape; raises Problem 400 with every fault."""
    try:
        return shape.model_validate(payload)
    except ValidationError as error:
        raise invalid_input(shape_faults(error)) from None


def effect_of(before: Answers, after: Answers) -> dict[str, float]:
    """Change of the total's mean rate by quarter ahead."""
    ahead = before.stored.periods[before.stored.observed :]
    return {q: round(after.total(q).mean - before.total(q).mean, 6) for q in ahead}


def as_json(
    answers: Answers,
    chosen: Chosen,
    decisions: int | None,
    what_ifs: tuple[int, ...],
    scenarios: list[dict[str, Any]],
) -> dict[str, Any]:
    """The whole answer, of one quarter, track or nationality where chosen."""
    stored = answers.stored
    quarters = [q for q in stored.periods if chosen["quarter"] in (None, q)]
    rates = [
        row
        for quarter in quarters
        for row in _series_rows(answers, quarter, decisions)
        if chosen["track"] in (None, row["track"]) and chosen["citizen"] in (None, row["citizen"])
    ]
    return {
        "rates": rates,
        "total": [_total_row(answers, quarter, decisions) for quarter in quarters],
        "lags": _lag_rows(stored),
        "scenarios": [row for row in scenarios if row["quarter"] in quarters],
        "whatIfs": list(what_ifs),
        "source": stored.document["source"],
        **warnings_json(stored.warnings),
        "diagnostics": stored.document["diagnostics"],
    }


def accepted_in_scenarios(answers: Answers, arrivals: dict[str, Any]) -> list[dict[str, Any]]:
    """Rows of decisions and positive ones expected when arrivals (quarter ahead, nationality) are a scenario's."""
    ahead = answers.stored.periods[answers.stored.observed :]
    rows = []
    for scenario, of_scenario in arrivals.items():
        expected = answers.expected_decisions(of_scenario[None]).mean(axis=0)
        for h, quarter in enumerate(ahead):
            rates = answers.rates[:, answers.stored.observed + h].mean(axis=0)
            accepted = float(expected[h] @ np.where(np.isfinite(rates), rates, 0.0))
            rows.append(
                {
                    "scenario": scenario,
                    "quarter": quarter,
                    "decisions": float(expected[h].sum()),
                    "accepted": accepted,
                }
            )
    return rows


def _series_rows(answers: Answers, quarter: str, decisions: int | None) -> list[dict[str, Any]]:
    return [
        {
            "citizen": row.citizen,
            "quarter": row.quarter,
            "track": row.track,
            "mean": row.mean,
            **row.quantiles,
            "decisions": row.decisions,
            "positive": row.positive,
        }
        for row in answers.series_rates(quarter, decisions)
    ]


def _total_row(answers: Answers, quarter: str, decisions: int | None) -> dict[str, Any]:
    stored, found = answers.stored, answers.total(quarter)
    at = stored.periods.index(quarter)
    ahead = at >= stored.observed
    row: dict[str, Any] = {
        "quarter": quarter,
        "mean": found.mean,
        **found.quantiles,
        "varianceRate": found.variance_rate,
        "varianceMix": found.variance_mix,
        "ahead": ahead,
        "mixStays": answers.total(quarter, mix_stays=True).mean if ahead else None,
        "ratesStay": answers.total(quarter, rates_stay=True).mean if ahead else None,
    }
    return row | (_counts_ahead(answers, quarter, decisions) if ahead else _counted(stored, at))


def _counted(stored: StoredAcceptance, at: int) -> dict[str, Any]:
    total, positive = float(stored.total[at].sum()), float(stored.positive[at].sum())
    return {
        "decisions": total,
        "positive": positive,
        "positiveLower75": None,
        "positiveUpper75": None,
        "negative": total - positive,
    }


def _counts_ahead(answers: Answers, quarter: str, decisions: int | None) -> dict[str, Any]:
    if decisions is None:
        names = ("decisions", "positive", "positiveLower75", "positiveUpper75", "negative")
        return dict.fromkeys(names)
    found = answers.positive_of(quarter, decisions)
    return {
        "decisions": float(decisions),
        "positive": found.mean,
        "positiveLower75": found.quantiles["lower75"],
        "positiveUpper75": found.quantiles["upper75"],
        "negative": decisions - found.mean,
    }


def _lag_rows(stored: StoredAcceptance) -> list[dict[str, Any]]:
    low, high = np.quantile(stored.lags.lags, [0.125, 0.875], axis=0)
    mean = stored.lags.lags.mean(axis=0)
    return [
        {
            "citizen": citizen,
            "learned": bool(stored.lags.learned[place]),
            "mean": mean[place].tolist(),
            "lower75": low[place].tolist(),
            "upper75": high[place].tolist(),
        }
        for place, citizen in enumerate(stored.nationalities)
    ]
