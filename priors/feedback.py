"""What a scenario set implies, said back to those who stated it: plain sentences, each with its number.

After the SHELF protocol (Oakley & O'Hagan): first the numbers, then what they imply. A finding never changes
the density and never refuses it; what cannot be used is refused in priors/scenario.py and priors/mixture.py.
History and the model's spread are handed in; must not know where they come from.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from priors.mixture import UNFORESEEN_KEY, Component, ExpertDensity
from priors.records import ScenarioSet
from priors.shape import gaps, modes
from priors.summary import density_grid, interval_scenarios
from priors.totals import YearTotal

Severity = Literal["info", "warning", "error"]
Code = Literal[
    "below_historical_minimum",
    "composition_not_evaluated",
    "cutoff_year_complete",
    "exceeds_historical_maximum",
    "expected_below_counted",
    "gap_in_density",
    "implied_interval",
    "jump_between_years",
    "overconfident_spread",
    "several_modes",
    "truncated_mass",
    "unstated_years",
    "zero_probability",
]

HORIZON_YEARS = 5
_NOTEWORTHY_CUT = 0.01
_LARGE_CUT = 0.05
_LIKELY_RECORD = 0.25
_TOO_NARROW = 0.5
_PLAIN_JUMP = math.log(1.5)
_YEARS_FOR_A_NORM = 4


@dataclass(frozen=True)
class FeedbackItem:
    """One finding: `value` is the number its sentence is about, `year` None when about the whole set."""

    code: Code
    severity: Severity
    detail: str
    year: int | None = None
    value: float | None = None


def coherence_feedback(
    density: ExpertDensity,
    scenario_set: ScenarioSet,
    history_yearly: Mapping[int, float] | None = None,
    counted_at_cutoff: float = 0.0,
    model_spread: Mapping[int, float] | None = None,
) -> tuple[FeedbackItem, ...]:
    """Every finding, the whole set first, then year by year.

    `history_yearly` holds totals of complete calendar years and `model_spread` the model's standard deviation
    per year, both in persons; years of history that were not over at the cutoff are left out.
    """
    history = _complete_history(scenario_set, history_yearly or {})
    found = [*_whole_set(density, scenario_set)]
    for year in density.stated_years:
        found += _implied(density, year)
        found += _against_history(density, year, history)
        found += _narrowness(density, scenario_set, year, history, model_spread or {})
        found += _shape(density, year)
        found += _jump(density, year, history)
        found += _cut(density, scenario_set, year, counted_at_cutoff)
    return tuple(found)


def _complete_history(scenario_set: ScenarioSet, history: Mapping[int, float]) -> dict[int, float]:
    cutoff = scenario_set.cutoff
    last = cutoff.year if (cutoff.month, cutoff.day) == (12, 31) else cutoff.year - 1
    return {year: float(history[year]) for year in sorted(history) if year <= last and history[year] > 0}


def _whole_set(density: ExpertDensity, scenario_set: ScenarioSet) -> Iterator[FeedbackItem]:
    own = scenario_set.cutoff.year
    horizon = range(own, own + HORIZON_YEARS)
    silent = [year for year in horizon if year not in density.stated_years]
    if silent:
        detail = f"No scenario says anything about {_list(silent)}; there the structural model speaks."
        yield FeedbackItem("unstated_years", "info", detail, None, float(len(silent)))
    for part in density.components:
        missing = [year for year in density.stated_years if year not in part.years]
        if missing and part.probability > 0:
            detail = (
                f"{_name(part, scenario_set)} says nothing about {_list(missing)} while others do; the "
                "preview of such a year shows only the scenarios that state it, the forecast asks the model."
            )
            yield FeedbackItem("unstated_years", "warning", detail, None, float(len(missing)))
        if part.probability == 0:
            detail = f"{_name(part, scenario_set)} has probability 0% and therefore counts for nothing."
            yield FeedbackItem("zero_probability", "info", detail, None, 0.0)
    cutoff = scenario_set.cutoff
    if (cutoff.month, cutoff.day) == (12, 31) and own in density.stated_years:
        detail = (
            f"{own} is over at the cutoff, so the counted total replaces what the scenarios say about it."
        )
        yield FeedbackItem("cutoff_year_complete", "info", detail, own, None)
    composed = [scenario for scenario in scenario_set.scenarios if scenario.composition is not None]
    if composed:
        detail = (
            f"Shares by nationality are kept with {len(composed)} of the scenarios but do not move totals."
        )
        yield FeedbackItem("composition_not_evaluated", "info", detail, None, float(len(composed)))


def _implied(density: ExpertDensity, year: int) -> Iterator[FeedbackItem]:
    at = interval_scenarios(density, year)
    detail = (
        f"For {year} you say: a chance of 1 in 8 below {_persons(at['minimum'])}, as likely above as below "
        f"{_persons(at['median'])}, a chance of 1 in 3 above {_persons(at['medio'])} and of 1 in 8 above "
        f"{_persons(at['maximum'])}."
    )
    yield FeedbackItem("implied_interval", "info", detail, year, at["median"])


def _against_history(density: ExpertDensity, year: int, history: dict[int, float]) -> Iterator[FeedbackItem]:
    if not history:
        return
    top = max(history, key=lambda past: history[past])
    bottom = min(history, key=lambda past: history[past])
    above = density.exceedance(year, history[top])
    below = float(density.cdf(year, history[bottom]))
    detail = (
        f"You give a chance of {_chance(above)} that {year} brings more people than the highest year on "
        f"record, {_persons(history[top])} in {top}."
    )
    yield FeedbackItem("exceeds_historical_maximum", _record_severity(above), detail, year, above)
    detail = (
        f"You give a chance of {_chance(below)} that {year} brings fewer people than the lowest year on "
        f"record, {_persons(history[bottom])} in {bottom}."
    )
    yield FeedbackItem("below_historical_minimum", _record_severity(below), detail, year, below)


def _record_severity(chance: float) -> Severity:
    return "warning" if chance > _LIKELY_RECORD else "info"


def _narrowness(
    density: ExpertDensity,
    scenario_set: ScenarioSet,
    year: int,
    history: dict[int, float],
    model_spread: Mapping[int, float],
) -> Iterator[FeedbackItem]:
    sd = density.sd(year)
    modelled = model_spread.get(year)
    if modelled is not None and modelled > 0 and sd < _TOO_NARROW * modelled:
        detail = (
            f"Your spread for {year}, {_persons(sd)}, is only {sd / modelled:.0%} of what the structural "
            f"model expects ({_persons(modelled)}); experts are more often too certain than too doubtful."
        )
        yield FeedbackItem("overconfident_spread", "warning", detail, year, sd / modelled)
        return
    usual = _usual_change(history)
    # Part of the cutoff's own year is counted already, so that a narrow belief about it can be well founded.
    if usual is None or year <= scenario_set.cutoff.year:
        return
    expected = math.sqrt(year - max(history)) * usual
    stated = math.sqrt(math.log1p((sd / density.mean(year)) ** 2))
    if stated < _TOO_NARROW * expected:
        detail = (
            f"Your spread for {year}, about {stated:.0%} either way, is narrow: totals have usually moved "
            f"about {expected:.0%} over as many years as lie between the last complete year and {year}."
        )
        yield FeedbackItem("overconfident_spread", "warning", detail, year, stated / expected)


def _usual_change(history: dict[int, float]) -> float | None:
    changes = _changes(history)
    if len(changes) < _YEARS_FOR_A_NORM - 1:
        return None
    return math.sqrt(math.fsum(change * change for change in changes) / len(changes))


def _changes(history: dict[int, float]) -> list[float]:
    pairs = itertools.pairwise(sorted(history))
    return [math.log(history[later] / history[earlier]) for earlier, later in pairs if later == earlier + 1]


def _shape(density: ExpertDensity, year: int) -> Iterator[FeedbackItem]:
    x = density_grid(density, year, 801)
    pdf = density.pdf(year, x)
    peaks = modes(pdf)
    if len(peaks) > 1:
        places = _list([_persons(float(x[peak])) for peak in peaks])
        detail = f"The density for {year} has {len(peaks)} separate peaks, near {places}."
        yield FeedbackItem("several_modes", "info", detail, year, float(len(peaks)))
    for gap in gaps(x, pdf):
        chance = float(density.cdf(year, gap.high) - density.cdf(year, gap.low))
        detail = (
            f"Between {_persons(gap.low)} and {_persons(gap.high)} the density for {year} is nearly empty: "
            f"you give that range a chance of only {_chance(chance)}."
        )
        yield FeedbackItem("gap_in_density", "warning", detail, year, chance)


def _jump(density: ExpertDensity, year: int, history: dict[int, float]) -> Iterator[FeedbackItem]:
    if year - 1 in density.stated_years:
        before = float(density.ppf(year - 1, 0.5))
    elif year - 1 in history:
        before = history[year - 1]
    else:
        return
    median = float(density.ppf(year, 0.5))
    if before <= 0 or median <= 0:
        return
    changes = _changes(history)
    largest = max(map(abs, changes)) if len(changes) >= _YEARS_FOR_A_NORM - 1 else _PLAIN_JUMP
    change = math.log(median / before)
    if abs(change) > largest:
        compared = (
            "more than in any year on record" if len(changes) >= _YEARS_FOR_A_NORM - 1 else "a large step"
        )
        detail = (
            f"From {year - 1} to {year} the middle of your density moves from {_persons(before)} to "
            f"{_persons(median)} ({math.expm1(change):+.0%}), {compared}."
        )
        yield FeedbackItem("jump_between_years", "warning", detail, year, math.expm1(change))


def _cut(
    density: ExpertDensity, scenario_set: ScenarioSet, year: int, counted_at_cutoff: float
) -> Iterator[FeedbackItem]:
    for part in density.components:
        if year not in part.years:
            continue
        belief, name = part.marginal(year), _name(part, scenario_set)
        if year == scenario_set.cutoff.year and belief.expected < counted_at_cutoff:
            detail = (
                f"{name} expects {_persons(belief.expected)} in {year}, fewer than the "
                f"{_persons(counted_at_cutoff)} already counted at the cutoff."
            )
            yield FeedbackItem("expected_below_counted", "warning", detail, year, belief.expected)
        if belief.removed > _NOTEWORTHY_CUT:
            floor = f"the {_persons(belief.floor)} already counted" if belief.floor > 0 else "zero"
            detail = (
                f"{name} put {_chance(belief.removed)} of its chance for {year} below {floor}; that part is "
                f"cut off and its mean moves from {_persons(belief.expected)} to {_persons(belief.mean())}."
            )
            severity: Severity = "warning" if belief.removed > _LARGE_CUT else "info"
            yield FeedbackItem("truncated_mass", severity, detail, year, belief.removed)
        total = part.total(year)
        if isinstance(total, YearTotal) and total.removed > _NOTEWORTHY_CUT:
            detail = (
                f"With its events {name[0].lower()}{name[1:]} puts {_chance(total.removed)} of its chance for {year} "
                f"below {_persons(total.floor)} persons; that part is cut off."
            )
            cut: Severity = "warning" if total.removed > _LARGE_CUT else "info"
            yield FeedbackItem("truncated_mass", cut, detail, year, total.removed)


def _name(part: Component, scenario_set: ScenarioSet) -> str:
    if part.key == UNFORESEEN_KEY:
        return "The unforeseen part"
    labels = {scenario.key: scenario.label for scenario in scenario_set.scenarios}
    return f"Scenario “{labels.get(part.key) or part.key}”"


def _persons(value: float) -> str:
    return f"{value:,.0f}"


def _chance(probability: float) -> str:
    if 0 < probability < 0.001:
        return "less than 0.1%"
    if 0.999 < probability < 1:
        return "more than 99.9%"
    return (
        f"{probability:.0%}" if 0.1 <= probability <= 0.9 or probability in (0, 1) else f"{probability:.1%}"
    )


def _list(items: list[int] | list[str]) -> str:
    words = [str(item) for item in items]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
