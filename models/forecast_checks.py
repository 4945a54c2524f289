"""What the data allow: which source serves a target, what had been counted, and what a reader must be told.

    known at the cutoff -> what the experts saw;   known at as_of -> what their scenarios are weighed by

The web process asks before it queues a forecast, the worker computes from the same answer, and both read the
realisations through the one filter of vintages.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from models.observation import Observation, figures_in_force, observe
from models.request import ForecastRefused, ForecastTarget
from models.series import MonthlySeries, monthly_series
from models.vintage import known_at

MIN_MONTHS = 36
_PREFERRED = ("eurostat", "kmi")
SYNTHETIC = "synthetic"


@dataclass(frozen=True)
class TargetData:
    """The chosen source's series at both moments, and the calendar they make."""

    source: str
    at_cutoff: MonthlySeries
    at_as_of: MonthlySeries
    observation: Observation
    warnings: tuple[str, ...]

    @property
    def history(self) -> MonthlySeries:
        """Months the cutoff knew, with the values in force at `as_of`."""
        return self.at_as_of.until(self.observation.first_later_month - 1)

    @property
    def continued(self) -> MonthlySeries:
        """The same with the later months."""
        return self.at_as_of.until(
            self.observation.first_later_month - 1 + len(self.observation.later_counts)
        )

    @property
    def counted_when_stated(self) -> float:
        """Persons of the cutoff's own year counted by the cutoff, as the experts saw them: their floor."""
        start = np.datetime64(f"{self.observation.years[0]}-01", "M")
        seen = self.at_cutoff.since(start).until(self.observation.first_later_month - 1)
        return float(np.nansum(seen.counts))


def target_data(
    realisations: pd.DataFrame, target: ForecastTarget, cutoff: date, as_of: date, horizon_years: int
) -> TargetData:
    """Choose a source and lay out what it knew.

    `realisations` are all rows of the target, any source and vintage. Raises ForecastRefused with the field
    `target` when no source has 36 months at the cutoff, `asOf` when `as_of` lies before the cutoff.
    """
    if as_of < cutoff:
        raise ForecastRefused("asOf", f"lies before the cutoff {cutoff}; give that day or a later one")
    rows = _monthly_totals(realisations, target)
    old, new = known_at(rows, cutoff), known_at(rows, as_of)
    source = _choose_source(old, target, cutoff)
    at_cutoff, newest = _series_of(old, source, target), _series_of(new, source, target)
    at_as_of = figures_in_force(at_cutoff, newest, cutoff)
    left = int(at_as_of.available.sum())
    if left < MIN_MONTHS:
        raise ForecastRefused(
            "asOf", f"on {as_of} only {left} months of {source} were still in force; choose an earlier day"
        )
    observation = observe(at_cutoff, at_as_of, cutoff, horizon_years)
    warnings = _warnings(source, at_cutoff, observation, cutoff) + _retractions(newest, at_as_of)
    return TargetData(source, at_cutoff, at_as_of, observation, warnings)


def counted_at_cutoff(realisations: pd.DataFrame, target: ForecastTarget, cutoff: date) -> float:
    """Persons of the cutoff's year already counted at the cutoff; 0 when the target is not in the data."""
    try:
        return target_data(realisations, target, cutoff, cutoff, 1).counted_when_stated
    except ForecastRefused:
        return 0.0


def _monthly_totals(realisations: pd.DataFrame, target: ForecastTarget) -> pd.DataFrame:
    """The target's rows that count all tracks of a month together."""
    track = realisations["track"]
    wanted = (
        (realisations["series"] == target.series)
        & (realisations["geo"] == target.geo)
        & (realisations["citizen"] == target.citizen)
        & (track.isna() | (track == ""))
        & realisations["period"].astype(str).str.fullmatch(r"[0-9]{4}-[0-9]{2}")
    )
    return realisations[wanted]


def _choose_source(known: pd.DataFrame, target: ForecastTarget, cutoff: date) -> str:
    """The source with enough months that reaches furthest; real data before synthetic."""
    sizes = known.groupby("source")["period"].agg(["nunique", "max"])
    enough = sizes[sizes["nunique"] >= MIN_MONTHS]
    if enough.empty:
        most = int(sizes["nunique"].max()) if len(sizes) else 0
        raise ForecastRefused(
            "target",
            f"{target.series} of {target.geo} ({target.citizen}) had {most} months of realisations at the "
            f"cutoff {cutoff}; {MIN_MONTHS} are needed. Deliver earlier months or choose a later cutoff",
        )
    real = enough.drop(index=SYNTHETIC, errors="ignore")
    candidates = real if len(real) else enough
    furthest = candidates[candidates["max"] == candidates["max"].max()].index
    return str(min(furthest, key=lambda s: (_PREFERRED.index(s) if s in _PREFERRED else len(_PREFERRED), s)))


def _series_of(known: pd.DataFrame, source: str, target: ForecastTarget) -> MonthlySeries:
    return monthly_series(
        known[known["source"] == source], f"{target.series} {target.geo} {target.citizen} ({source})"
    )


def _warnings(
    source: str, at_cutoff: MonthlySeries, observation: Observation, cutoff: date
) -> tuple[str, ...]:
    said = []
    if source == SYNTHETIC:
        said.append(
            "The realisations are synthetic: made for demonstration, they describe nothing that happened."
        )
    last = at_cutoff.months[at_cutoff.available][-1]
    silent = int((np.datetime64(cutoff.isoformat(), "M") - last).astype(int))
    if silent > 3:
        said.append(
            f"The last month known at the cutoff {cutoff} is {last}, {silent} months earlier: "
            "the model looks that much further ahead."
        )
    if observation.unused_months:
        gap = observation.first_later_month + len(observation.later_counts)
        said.append(
            f"{observation.unused_months} months after {gap} are left unused because {gap} is missing; "
            "they will count once it is delivered."
        )
    return tuple(said)


def _retractions(newest: MonthlySeries, in_force: MonthlySeries) -> tuple[str, ...]:
    """A sentence about months whose figure was withdrawn and not replaced."""
    kept = sorted(set(in_force.months[in_force.available]) - set(newest.months[newest.available]))
    if not kept:
        return ()
    named = ", ".join(str(month) for month in kept)
    return (
        f"The figures of {named} were retracted after the cutoff; what the cutoff knew is used until new ones come.",
    )
