"""What a scenario set implies, said back to those who stated it: plain sentences in two languages, with their number.

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

from priors.feedback_words import (
    chance_en,
    chance_nl,
    list_en,
    list_nl,
    name_en,
    name_nl,
    persons_en,
    persons_nl,
)
from priors.mixture import Component, ExpertDensity
from priors.records import ScenarioSet
from priors.shape import gaps, modes
from priors.summary import density_grid, interval_scenarios
from priors.totals import YearTotal

Severity = Literal["info", "warning", "error"]
Code = Literal[
    "below_historical_minimum",
    "cutoff_year_complete",
    "event_part_year",
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
    detail_nl: str
    year: int | None = None
    value: float | None = None


def coherence_feedback(
    density: ExpertDensity,
    scenario_set: ScenarioSet,
    history_yearly: Mapping[int, float] | None = None,
    counted_at_cutoff: float = 0.0,
    model_spread: Mapping[int, float] | None = None,
    past_errors: Mapping[int, float] | None = None,
) -> tuple[FeedbackItem, ...]:
    """Every finding, the whole set first, then year by year.

    `history_yearly` holds totals of complete calendar years and `model_spread` the model's standard deviation
    per year, both in persons; years of history that were not over at the cutoff are left out. `past_errors` holds the
    root mean square of log(forecast / realised) of archived forecasts by years ahead.
    """
    history = _complete_history(scenario_set, history_yearly or {})
    found = [*_whole_set(density, scenario_set)]
    for year in density.stated_years:
        found += _implied(density, year)
        found += _against_history(density, year, history)
        found += _narrowness(density, scenario_set, year, history, model_spread or {}, past_errors or {})
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
        detail = f"No scenario says anything about {list_en(silent)}; there the structural model speaks."
        dutch = f"Geen scenario zegt iets over {list_nl(silent)}; daar spreekt het structurele model."
        yield FeedbackItem("unstated_years", "info", detail, dutch, None, float(len(silent)))
    for part in density.components:
        missing = [year for year in density.stated_years if year not in part.years]
        if missing and part.probability > 0:
            detail = (
                f"{name_en(part, scenario_set)} says nothing about {list_en(missing)} while others do; the "
                "preview of such a year shows only the scenarios that state it, the forecast asks the model."
            )
            dutch = (
                f"{name_nl(part, scenario_set)} zegt niets over {list_nl(missing)} terwijl andere dat wel doen; het "
                "voorbeeld van zo'n jaar toont alleen de scenario's die het noemen, de prognose vraagt het model."
            )
            yield FeedbackItem("unstated_years", "warning", detail, dutch, None, float(len(missing)))
        if part.probability == 0:
            detail = f"{name_en(part, scenario_set)} has probability 0% and therefore counts for nothing."
            dutch = f"{name_nl(part, scenario_set)} heeft kans 0% en telt dus niet mee."
            yield FeedbackItem("zero_probability", "info", detail, dutch, None, 0.0)
    cutoff = scenario_set.cutoff
    if (cutoff.month, cutoff.day) == (12, 31) and own in density.stated_years:
        detail = (
            f"{own} is over at the cutoff, so the counted total replaces what the scenarios say about it."
        )
        dutch = f"{own} is op de peildatum voorbij, dus het getelde totaal vervangt wat de scenario's erover zeggen."
        yield FeedbackItem("cutoff_year_complete", "info", detail, dutch, own, None)
    yield from _part_years(scenario_set)


def _part_years(scenario_set: ScenarioSet) -> Iterator[FeedbackItem]:
    """Events that start within a year: a year's amount then stands for fewer months than the next year's."""
    for event in scenario_set.events:
        months = 13 - int(event.start[5:]) if event.start else 12
        if months == 12 or event.start is None:
            continue
        year, name = int(event.start[:4]), event.label or event.key
        amount = event.years[year].expected
        detail = (
            f"Event “{name}” adds {persons_en(amount)} to {year} in {months} months, which is "
            f"{persons_en(amount / months)} a month or {persons_en(12 * amount / months)} in a full year."
        )
        dutch = (
            f"Gebeurtenis “{name}” voegt in {months} maanden {persons_nl(amount)} toe aan {year}: "
            f"{persons_nl(amount / months)} per maand, of {persons_nl(12 * amount / months)} in een vol jaar."
        )
        yield FeedbackItem("event_part_year", "info", detail, dutch, year, amount / months)


def _implied(density: ExpertDensity, year: int) -> Iterator[FeedbackItem]:
    at = interval_scenarios(density, year)
    detail = (
        f"For {year} you say: a chance of 1 in 8 below {persons_en(at['minimum'])}, as likely above as below "
        f"{persons_en(at['median'])}, a chance of 1 in 3 above {persons_en(at['medio'])} and of 1 in 8 above "
        f"{persons_en(at['maximum'])}."
    )
    dutch = (
        f"Voor {year} zegt u: een kans van 1 op 8 onder {persons_nl(at['minimum'])}, even waarschijnlijk boven als "
        f"onder {persons_nl(at['median'])}, een kans van 1 op 3 boven {persons_nl(at['medio'])} en van 1 op 8 boven "
        f"{persons_nl(at['maximum'])}."
    )
    yield FeedbackItem("implied_interval", "info", detail, dutch, year, at["median"])


def _against_history(density: ExpertDensity, year: int, history: dict[int, float]) -> Iterator[FeedbackItem]:
    if not history:
        return
    top = max(history, key=lambda past: history[past])
    bottom = min(history, key=lambda past: history[past])
    above = density.exceedance(year, history[top])
    below = float(density.cdf(year, history[bottom]))
    detail = (
        f"You give a chance of {chance_en(above)} that {year} brings more people than the highest year on "
        f"record, {persons_en(history[top])} in {top}."
    )
    dutch = (
        f"U geeft een kans van {chance_nl(above)} dat er in {year} meer mensen komen dan in het hoogste jaar "
        f"tot nu toe, {persons_nl(history[top])} in {top}."
    )
    yield FeedbackItem("exceeds_historical_maximum", _record_severity(above), detail, dutch, year, above)
    detail = (
        f"You give a chance of {chance_en(below)} that {year} brings fewer people than the lowest year on "
        f"record, {persons_en(history[bottom])} in {bottom}."
    )
    dutch = (
        f"U geeft een kans van {chance_nl(below)} dat er in {year} minder mensen komen dan in het laagste jaar "
        f"tot nu toe, {persons_nl(history[bottom])} in {bottom}."
    )
    yield FeedbackItem("below_historical_minimum", _record_severity(below), detail, dutch, year, below)


def _record_severity(chance: float) -> Severity:
    return "warning" if chance > _LIKELY_RECORD else "info"


def _narrowness(
    density: ExpertDensity,
    scenario_set: ScenarioSet,
    year: int,
    history: dict[int, float],
    model_spread: Mapping[int, float],
    past_errors: Mapping[int, float],
) -> Iterator[FeedbackItem]:
    sd = density.sd(year)
    modelled = model_spread.get(year)
    if modelled is not None and modelled > 0 and sd < _TOO_NARROW * modelled:
        detail = (
            f"Your spread for {year}, {persons_en(sd)}, is only {sd / modelled:.0%} of what the structural "
            f"model expects ({persons_en(modelled)}); experts are more often too certain than too doubtful."
        )
        dutch = (
            f"Uw spreiding voor {year}, {persons_nl(sd)}, is maar {chance_nl(sd / modelled)} van wat het "
            f"structurele model verwacht ({persons_nl(modelled)}); deskundigen zijn vaker te zeker dan te onzeker."
        )
        yield FeedbackItem("overconfident_spread", "warning", detail, dutch, year, sd / modelled)
        return
    stated = math.sqrt(math.log1p((sd / density.mean(year)) ** 2))
    missed = past_errors.get(year - scenario_set.cutoff.year)
    if missed is not None and missed > 0 and stated < _TOO_NARROW * missed:
        yield _narrower_than_errors(year, year - scenario_set.cutoff.year, stated, missed)
        return
    yield from _narrower_than_changes(scenario_set, year, history, stated)


def _narrower_than_errors(year: int, horizon: int, stated: float, missed: float) -> FeedbackItem:
    detail = (
        f"Your spread for {year}, about {stated:.0%} either way, is narrow: earlier forecasts that looked "
        f"{horizon} years ahead missed by about {missed:.0%}."
    )
    dutch = (
        f"Uw spreiding voor {year}, ongeveer {chance_nl(stated)} naar beide kanten, is smal: eerdere prognoses die "
        f"{horizon} jaar vooruit keken zaten er ongeveer {chance_nl(missed)} naast."
    )
    return FeedbackItem("overconfident_spread", "warning", detail, dutch, year, stated / missed)


def _narrower_than_changes(
    scenario_set: ScenarioSet, year: int, history: dict[int, float], stated: float
) -> Iterator[FeedbackItem]:
    usual = _usual_change(history)
    # Part of the cutoff's own year is counted already, so that a narrow belief about it can be well founded.
    if usual is None or year <= scenario_set.cutoff.year:
        return
    expected = math.sqrt(year - max(history)) * usual
    if stated < _TOO_NARROW * expected:
        detail = (
            f"Your spread for {year}, about {stated:.0%} either way, is narrow: totals have usually moved "
            f"about {expected:.0%} over as many years as lie between the last complete year and {year}."
        )
        dutch = (
            f"Uw spreiding voor {year}, ongeveer {chance_nl(stated)} naar beide kanten, is smal: totalen veranderden "
            f"gewoonlijk ongeveer {chance_nl(expected)} in zoveel jaar als er tussen het laatste volle jaar "
            f"en {year} ligt."
        )
        yield FeedbackItem("overconfident_spread", "warning", detail, dutch, year, stated / expected)


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
        places = list_en([persons_en(float(x[peak])) for peak in peaks])
        detail = f"The density for {year} has {len(peaks)} separate peaks, near {places}."
        plaatsen = list_nl([persons_nl(float(x[peak])) for peak in peaks])
        dutch = f"De verdeling voor {year} heeft {len(peaks)} losse toppen, bij {plaatsen}."
        yield FeedbackItem("several_modes", "info", detail, dutch, year, float(len(peaks)))
    for gap in gaps(x, pdf):
        chance = float(density.cdf(year, gap.high) - density.cdf(year, gap.low))
        detail = (
            f"Between {persons_en(gap.low)} and {persons_en(gap.high)} the density for {year} is nearly empty: "
            f"you give that range a chance of only {chance_en(chance)}."
        )
        dutch = (
            f"Tussen {persons_nl(gap.low)} en {persons_nl(gap.high)} is de verdeling voor {year} bijna leeg: "
            f"u geeft dat gebied een kans van maar {chance_nl(chance)}."
        )
        yield FeedbackItem("gap_in_density", "warning", detail, dutch, year, chance)


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
            f"From {year - 1} to {year} the middle of your density moves from {persons_en(before)} to "
            f"{persons_en(median)} ({math.expm1(change):+.0%}), {compared}."
        )
        known = len(changes) >= _YEARS_FOR_A_NORM - 1
        dutch = (
            f"Van {year - 1} naar {year} gaat het midden van uw verdeling van {persons_nl(before)} naar "
            f"{persons_nl(median)} ({math.expm1(change):+.0%}), "
            f"{'meer dan in enig jaar tot nu toe' if known else 'een grote stap'}."
        )
        yield FeedbackItem("jump_between_years", "warning", detail, dutch, year, math.expm1(change))


def _cut(
    density: ExpertDensity, scenario_set: ScenarioSet, year: int, counted_at_cutoff: float
) -> Iterator[FeedbackItem]:
    for part in density.components:
        if year not in part.years:
            continue
        belief, name = part.marginal(year), name_en(part, scenario_set)
        if year == scenario_set.cutoff.year and belief.expected < counted_at_cutoff:
            detail = (
                f"{name} expects {persons_en(belief.expected)} in {year}, fewer than the "
                f"{persons_en(counted_at_cutoff)} already counted at the cutoff."
            )
            dutch = (
                f"{name_nl(part, scenario_set)} verwacht {persons_nl(belief.expected)} in {year}, minder dan de "
                f"{persons_nl(counted_at_cutoff)} die op de peildatum al geteld waren."
            )
            yield FeedbackItem("expected_below_counted", "warning", detail, dutch, year, belief.expected)
        if belief.removed > _NOTEWORTHY_CUT:
            floor = f"the {persons_en(belief.floor)} already counted" if belief.floor > 0 else "zero"
            detail = (
                f"{name} put {chance_en(belief.removed)} of its chance for {year} below {floor}; that part is "
                f"cut off and its mean moves from {persons_en(belief.expected)} to {persons_en(belief.mean())}."
            )
            vloer = f"de {persons_nl(belief.floor)} die al geteld zijn" if belief.floor > 0 else "nul"
            dutch = (
                f"{name_nl(part, scenario_set)} legt {chance_nl(belief.removed)} van zijn kans voor {year} onder "
                f"{vloer}; dat deel vervalt en het gemiddelde gaat van {persons_nl(belief.expected)} naar "
                f"{persons_nl(belief.mean())}."
            )
            severity: Severity = "warning" if belief.removed > _LARGE_CUT else "info"
            yield FeedbackItem("truncated_mass", severity, detail, dutch, year, belief.removed)
        yield from _cut_by_events(part, scenario_set, year)


def _cut_by_events(part: Component, scenario_set: ScenarioSet, year: int) -> Iterator[FeedbackItem]:
    total = part.total(year)
    if isinstance(total, YearTotal) and total.removed > _NOTEWORTHY_CUT:
        detail = (
            f"{name_en(part, scenario_set)} puts, with its events, {chance_en(total.removed)} of its chance for {year} "
            f"below {persons_en(total.floor)} persons; that part is cut off."
        )
        cut: Severity = "warning" if total.removed > _LARGE_CUT else "info"
        dutch = (
            f"Met zijn gebeurtenissen legt {name_nl(part, scenario_set)} {chance_nl(total.removed)} van zijn "
            f"kans voor {year} onder {persons_nl(total.floor)} personen; dat deel vervalt."
        )
        yield FeedbackItem("truncated_mass", cut, detail, dutch, year, total.removed)
