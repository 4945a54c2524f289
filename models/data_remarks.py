"""What a reader must be told about the figures behind a forecast: each with a code, its parameters and a sentence.

    synthetic_data, one_source, panel_of_one, old_last_month, unused_months,
    retracted_months, filled_months                                                     about what is known
    long_zero_run, spike, beginning_set_aside, level_restarted                          about how the series behaves

Odd figures are not corrected: heavy tails and the count noise keep a single one from ruling the forecast, but who
reads the numbers must know that they are there. Only with one a level cannot begin (`measurement.beginnings`).
Web-safe; must not know models of the counts, storage or HTTP.
"""

from datetime import date

import numpy as np

from models.measurement.beginnings import OddBeginning
from models.measurement.findings import beginning_parameters, beginning_sentence
from models.observation import Observation, filled_gaps
from models.panel.known import SYNTHETIC
from models.panel.series import PanelSeries
from models.request import ForecastTarget, Remark
from models.series import MonthlySeries, log_counts

LONG_SILENCE = 3
"""Months between the last figure and the cutoff from which on a reader is told."""

LONG_ZERO_RUN = 12
"""Months of zeros in a row that are no longer chance in a series that otherwise has persons."""

SPIKE_FACTOR = 20.0
"""Times the median of the year around it, beyond the largest monthly jump of a European country in 2008-2019."""

_RECENT_YEARS = 5
_MEASURED_TWICE = {"NL": ("eurostat", "kmi")}


def remarks(
    target: ForecastTarget,
    source: str,
    sources: frozenset[str],
    panel: PanelSeries,
    at_cutoff: MonthlySeries,
    newest: MonthlySeries,
    in_force: MonthlySeries,
    observation: Observation,
    cutoff: date,
    aside: tuple[OddBeginning, ...] = (),
) -> tuple[Remark, ...]:
    """Everything there is to say, in the order in which a reader should hear it.

    `sources` are all of the target, `aside` its first figures that are not used.
    """
    last = in_force.until(observation.first_later_month - 1)
    found = (
        _synthetic(source),
        _one_source(target, source, sources),
        _alone(target, panel),
        _silence(at_cutoff, cutoff),
        _unused(observation),
        _retractions(newest, in_force),
        _filled(at_cutoff, in_force, observation),
        _zero_run(last),
        _spikes(last),
        *(Remark("beginning_set_aside", beginning_sentence(odd), beginning_parameters(odd)) for odd in aside),
        _restart(target.geo, panel.until(observation.first_later_month - 1)),
    )
    return tuple(remark for remark in found if remark is not None)


def _synthetic(source: str) -> Remark | None:
    if source != SYNTHETIC:
        return None
    detail = "The realisations are synthetic: made for demonstration, they describe nothing that happened."
    return Remark("synthetic_data", detail)


def _one_source(target: ForecastTarget, source: str, sources: frozenset[str]) -> Remark | None:
    """For a country that is measured twice: which measurement is not there."""
    missing = [name for name in _MEASURED_TWICE.get(target.geo, ()) if name not in sources]
    if source == SYNTHETIC or len(missing) != 1 or source not in _MEASURED_TWICE[target.geo]:
        return None
    detail = (
        f"There are no figures of {missing[0]}: those of {source} stand alone, and nothing confirms them."
    )
    return Remark("one_source", detail, {"source": source, "missing": missing[0]})


def _alone(target: ForecastTarget, panel: PanelSeries) -> Remark | None:
    if len(panel.geos) > 1:
        return None
    detail = (
        f"No other country has months of {target.series} ({target.citizen}): what countries have in common is taken "
        "from the model's priors alone."
    )
    return Remark("panel_of_one", detail, {"series": target.series, "citizen": target.citizen})


def _silence(at_cutoff: MonthlySeries, cutoff: date) -> Remark | None:
    last = at_cutoff.months[at_cutoff.available][-1]
    silent = int((np.datetime64(cutoff.isoformat(), "M") - last).astype(int))
    if silent <= LONG_SILENCE:
        return None
    detail = (
        f"The last month known at the cutoff {cutoff} is {last}, {silent} months earlier: "
        "the model looks that much further ahead."
    )
    return Remark(
        "old_last_month", detail, {"cutoff": cutoff.isoformat(), "month": str(last), "months": silent}
    )


def _unused(observation: Observation) -> Remark | None:
    if not observation.unused_months:
        return None
    gap = observation.first_later_month + len(observation.later_counts)
    detail = (
        f"{observation.unused_months} months after {gap} are left unused because {gap} is missing; "
        "they will count once it is delivered."
    )
    return Remark("unused_months", detail, {"month": str(gap), "months": observation.unused_months})


def _retractions(newest: MonthlySeries, in_force: MonthlySeries) -> Remark | None:
    """About months whose figure was withdrawn and not replaced."""
    kept = sorted(set(in_force.months[in_force.available]) - set(newest.months[newest.available]))
    if not kept:
        return None
    named = [str(month) for month in kept]
    detail = (
        f"The figures of {', '.join(named)} were retracted after the cutoff; what the cutoff knew is used until new "
        "ones come."
    )
    return Remark("retracted_months", detail, {"list": named})


def _filled(at_cutoff: MonthlySeries, in_force: MonthlySeries, observation: Observation) -> Remark | None:
    """About months of the target years that the cutoff did not know while it knew later ones."""
    start = np.datetime64(f"{observation.years[0]}-01", "M")
    filled = sorted(m for m in filled_gaps(at_cutoff, in_force) if start <= m < observation.first_later_month)
    if not filled:
        return None
    named = [str(month) for month in filled]
    detail = (
        f"{', '.join(named)} became known after the cutoff, which knew later months already: counted, but not weighed "
        "as evidence."
    )
    return Remark("filled_months", detail, {"list": named})


def _zero_run(series: MonthlySeries) -> Remark | None:
    """The longest run of zeros in the last five years, where the series has persons besides."""
    seen = series.since(series.months[-1] - 12 * _RECENT_YEARS + 1)
    zero = np.concatenate([[False], seen.counts == 0, [False]]).astype(np.int64)
    starts, ends = np.flatnonzero(np.diff(zero) == 1), np.flatnonzero(np.diff(zero) == -1)
    if not len(starts) or not np.nansum(series.counts) > 0:
        return None
    longest = int(np.argmax(ends - starts))
    months = int(ends[longest] - starts[longest])
    if months < LONG_ZERO_RUN:
        return None
    first, last = str(seen.months[starts[longest]]), str(seen.months[ends[longest] - 1])
    detail = (
        f"The series is zero from {first} to {last}: if nobody was registered because nobody could be, the forecast is "
        "too low and its band says nothing."
    )
    return Remark("long_zero_run", detail, {"from": first, "to": last, "months": months})


def _spikes(series: MonthlySeries) -> Remark | None:
    """Months of the last five years far above those around them, that the months after do not confirm."""
    seen = series.since(series.months[-1] - 12 * _RECENT_YEARS + 1)
    logs, found = log_counts(seen.counts), []
    for place in np.flatnonzero(seen.available):
        around = np.concatenate([logs[max(place - 6, 0) : place], logs[place + 1 : place + 7]])
        if np.isfinite(around).sum() < 6:
            continue
        if (
            logs[place] - np.nanmedian(around) > np.log(SPIKE_FACTOR)
            and seen.counts[place] > 10 * SPIKE_FACTOR
        ):
            found.append(str(seen.months[place]))
    if not found:
        return None
    detail = (
        f"{', '.join(found)}: more than {SPIKE_FACTOR:.0f} times the months around. The figure is used as it is; "
        "check it with who delivered it."
    )
    return Remark("spike", detail, {"list": found})


def _restart(geo: str, panel: PanelSeries) -> Remark | None:
    whole, current = panel.one(geo), panel.current(geo)
    if len(current) == len(whole):
        return None
    began, months = str(current.months[0]), int(current.available.sum())
    detail = (
        f"What is counted changed in {began} (a break in the series): the level follows from the {months} months "
        "since."
    )
    return Remark("level_restarted", detail, {"month": began, "months": months})
