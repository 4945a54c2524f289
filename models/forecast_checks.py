"""What the data allow: which source serves a target, what had been counted, and what a reader must be told.

    known at the cutoff -> what the experts saw;   known at as_of -> what their scenarios are weighed by

Beside the target's own months stand those of every other country (`panel.known`), at the same two moments. The web
process asks before it queues a forecast, the worker computes from the same answer, and both read the realisations
through the one filter of vintages.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from models.data_remarks import remarks
from models.measurement.beginnings import OddBeginning, without_odd_beginnings
from models.measurement.panel import Measured, measured_panel, measured_target
from models.measurement.sources import monthly_totals
from models.observation import Observation, figures_in_force, observe
from models.panel.known import MIN_MONTHS, SYNTHETIC, best_source, known_panel, panel_sources
from models.panel.series import PanelSeries
from models.request import ForecastRefused, ForecastTarget, Remark
from models.series import MonthlySeries
from models.vintage import known_at


@dataclass(frozen=True)
class TargetData:
    """The target's series at both moments, the panels it is part of, and the calendar they make.

    Two sources of one flow make one series (`measurement`); `source` is the one in whose units it is, or the only one,
    and `measured` says what each contributed and what must be known of the figures at `as_of`.
    """

    geo: str
    source: str
    at_cutoff: MonthlySeries
    at_as_of: MonthlySeries
    panel_at_cutoff: PanelSeries
    panel_at_as_of: PanelSeries
    observation: Observation
    warnings: tuple[Remark, ...]
    measured: Measured

    @property
    def in_force(self) -> MonthlySeries:
        """Months counted up to the last later one, with the values in force at `as_of`."""
        return self.at_as_of.until(self._last_known + len(self.observation.later_counts))

    @property
    def history(self) -> MonthlySeries:
        """Months the cutoff knew, in force at `as_of`, since the level last restarted."""
        return self.at_as_of.until(self._last_known).since(self._level_began(self.panel_at_cutoff))

    @property
    def continued(self) -> MonthlySeries:
        """The same with the later months, since the last restart that is known at `as_of`."""
        return self.in_force.since(self._level_began(self.panel_at_as_of))

    @property
    def same_level(self) -> bool:
        """Whether no restart became known after the cutoff: a fit at the cutoff then describes the present level."""
        return bool(self._level_began(self.panel_at_cutoff) == self._level_began(self.panel_at_as_of))

    @property
    def counted_when_stated(self) -> float:
        """Persons of the cutoff's own year counted by the cutoff, as the experts saw them: their floor."""
        start = np.datetime64(f"{self.observation.years[0]}-01", "M")
        return float(np.nansum(self.at_cutoff.since(start).until(self._last_known).counts))

    @property
    def _last_known(self) -> np.datetime64:
        return self.observation.first_later_month - 1

    def _level_began(self, panel: PanelSeries) -> np.datetime64:
        """The first month of the level the target is at, by a panel's remarks about months that are used."""
        last = self._last_known if panel is self.panel_at_cutoff else self.in_force.months[-1]
        return np.datetime64(panel.until(last).current(self.geo).months[0], "M")


def target_data(
    realisations: pd.DataFrame, target: ForecastTarget, cutoff: date, as_of: date, horizon_years: int
) -> TargetData:
    """Choose a source and lay out what it knew, with the panel of the series.

    `realisations` are rows of the target's series and citizen, any country, source and vintage. Raises ForecastRefused
    with the field `target` when no source has 36 months at the cutoff, `asOf` when `as_of` lies before the cutoff.
    """
    if as_of < cutoff:
        raise ForecastRefused(
            "asOf",
            f"lies before the cutoff {cutoff}; give that day or a later one",
            f"Deze dag ligt vóór de peildatum {cutoff}; geef die dag of een latere.",
        )
    rows = _monthly_totals(realisations, target)
    old = known_at(rows, cutoff)
    own = old[old["geo"] == target.geo]
    source, sources = _choose_source(own, target, cutoff), frozenset(own["source"])
    measured, references = _panels(rows, cutoff, as_of, target, source)
    panels, aside = _fit_to_begin(measured, target.geo)
    at_cutoff, newest = (panel.one(target.geo) for panel in panels)
    at_as_of = figures_in_force(at_cutoff, newest, cutoff)
    left = int(at_as_of.available.sum()) + len(aside)
    if left < MIN_MONTHS:
        raise ForecastRefused(
            "asOf",
            f"on {as_of} only {left} months of {source} were still in force; choose an earlier day",
            f"Op {as_of} golden er nog maar {left} maanden van {source}; kies een eerdere dag.",
        )
    observation = observe(at_cutoff, at_as_of, cutoff, horizon_years)
    said = remarks(
        target, source, sources, panels[0], at_cutoff, newest, at_as_of, observation, cutoff, aside
    )
    told = measured_target(rows, target.geo, as_of, source, references, aside)
    return TargetData(target.geo, told.reference, at_cutoff, at_as_of, *panels, observation, said, told)


def counted_at_cutoff(realisations: pd.DataFrame, target: ForecastTarget, cutoff: date) -> float:
    """Persons of the cutoff's year already counted at the cutoff; 0 when the target is not in the data."""
    try:
        return target_data(realisations, target, cutoff, cutoff, 1).counted_when_stated
    except ForecastRefused:
        return 0.0


def _panels(
    rows: pd.DataFrame, cutoff: date, as_of: date, target: ForecastTarget, source: str
) -> tuple[tuple[PanelSeries, PanelSeries], dict[str, str]]:
    """The panel as known at both moments, and in which source's units countries are that have two.

    A country the cutoff did not know enters by what is known at `as_of`.
    """
    synthetic, (old, new) = source == SYNTHETIC, (known_at(rows, day) for day in (cutoff, as_of))
    at_cutoff = panel_sources(old, target.geo, synthetic=synthetic)
    later = {**panel_sources(new, target.geo, synthetic=synthetic), **at_cutoff}
    first, references = measured_panel(known_panel(old, at_cutoff), rows, at_cutoff, cutoff)
    second, references = measured_panel(known_panel(new, later), rows, later, as_of, references)
    return (first, _with_target(second, target.geo)), references


def _fit_to_begin(
    panels: tuple[PanelSeries, PanelSeries], geo: str
) -> tuple[tuple[PanelSeries, PanelSeries], tuple[OddBeginning, ...]]:
    """The panels without first figures that no level can begin with, and those of the target in either of them."""
    (first, early), (second, late) = (without_odd_beginnings(panel) for panel in panels)
    of_target = {odd.month: odd for odd in (*early.get(geo, ()), *late.get(geo, ()))}
    return (first, second), tuple(of_target[month] for month in sorted(of_target))


def _with_target(panel: PanelSeries, geo: str) -> PanelSeries:
    """The panel with an empty column for a target of which every figure was retracted."""
    if geo in panel.geos:
        return panel
    nothing = MonthlySeries(panel.months, np.full(len(panel.months), np.nan))
    return panel.with_one(geo, nothing)


def _monthly_totals(realisations: pd.DataFrame, target: ForecastTarget) -> pd.DataFrame:
    """Rows of the target's series and citizen that count all tracks of a month together, any country."""
    of_series = (realisations["series"] == target.series) & (realisations["citizen"] == target.citizen)
    return monthly_totals(realisations[of_series])


def _choose_source(known: pd.DataFrame, target: ForecastTarget, cutoff: date) -> str:
    """The target's source; raises ForecastRefused where none has enough months."""
    source = best_source(known)
    if source is None:
        months = known.groupby("source")["period"].nunique()
        most = int(months.max()) if len(months) else 0
        raise ForecastRefused(
            "target",
            f"{target.series} of {target.geo} ({target.citizen}) had {most} months of realisations at the cutoff "
            f"{cutoff}; {MIN_MONTHS} are needed. Deliver earlier months or choose a later cutoff",
            f"Van deze reeks in {target.geo} ({target.citizen}) waren op de peildatum {cutoff} maar {most} maanden aan "
            f"realisaties bekend; er zijn er {MIN_MONTHS} nodig. Lever eerdere maanden of kies een latere peildatum.",
        )
    return source
