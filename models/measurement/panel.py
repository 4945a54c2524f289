"""A panel whose countries are measured: two sources as one series, recent months completed, each with its noise.

    country measured twice                         -> the combined series (`combined`)
    country whose source revised figures before    -> its figures with what is still to come (`completeness`)
    any other                                      -> as it is: noise where a figure is flagged provisional

What is done to a country does not depend on which of them is the target, so one panel serves every forecast of a
series and a day. This module knows nothing of storage, HTTP or PyMC.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import pandas as pd

from models.measurement.beginnings import OddBeginning, without_odd_beginnings
from models.measurement.combined import Combined, combined_series
from models.measurement.findings import Finding, data_findings
from models.measurement.sources import MEASURED_TWICE, PAIR, measuring_sources, revisions_by_source
from models.panel.known import known_panel
from models.panel.series import PanelSeries
from models.vintage import known_at

_SHARE_MONTHS = 12


@dataclass(frozen=True)
class Measured:
    """What a forecast says of its target's figures: in whose units, what part of a year is whose, and findings."""

    reference: str
    shares: dict[str, float]
    findings: tuple[Finding, ...]


def measured_panel(
    panel: PanelSeries,
    rows: pd.DataFrame,
    sources: Mapping[str, str],
    as_of: date,
    references: Mapping[str, str] | None = None,
) -> tuple[PanelSeries, dict[str, str]]:
    """The panel with the series of `combined_series` where there is more to know than the chosen source's figures.

    `rows` are the bitemporal rows behind the panel, of any source and vintage; `sources` names each country's. The
    second answer is the reference of every country, to be given as `references` for a later day: units
    must not change with what came since.
    """
    kept = dict(references or {})
    revisions = revisions_by_source(rows, as_of, {*PAIR, *sources.values()})
    for geo in panel.geos:
        names = _measuring(rows, geo, as_of, sources[geo])
        if len(names) == 1:
            kept.setdefault(geo, names[0])
            if revisions[names[0]] is None:
                continue
        combined = combined_series(
            rows, geo, as_of, sources=names, reference=kept.get(geo), revisions=revisions
        )
        panel = panel.with_one(geo, combined.series)
        kept.setdefault(geo, combined.reference)
    return panel, kept


def measured_target(
    rows: pd.DataFrame,
    geo: str,
    as_of: date,
    source: str,
    references: Mapping[str, str],
    aside: tuple[OddBeginning, ...] = (),
) -> Measured:
    """Shares and findings of one country as known on a day; `source` is the one the panel chose for it.

    `aside` are the country's first figures that are not used.
    """
    names, reference = _measuring(rows, geo, as_of, source), references.get(geo, source)
    combined = combined_series(rows, geo, as_of, sources=names, reference=reference)
    return Measured(
        combined.reference, combined.mean_shares(_SHARE_MONTHS), data_findings(combined, aside=aside)
    )


def beginnings_aside(
    rows: pd.DataFrame, geo: str, as_of: date, combined: Combined
) -> tuple[OddBeginning, ...]:
    """The first figures of a country's series `combined` that a forecast of that day does not use."""
    known = known_at(rows[rows["geo"] == geo], as_of)
    panel = known_panel(known, {geo: combined.reference}).with_one(geo, combined.series)
    return without_odd_beginnings(panel)[1].get(geo, ())


def _measuring(rows: pd.DataFrame, geo: str, as_of: date, chosen: str) -> tuple[str, ...]:
    """Both sources of a country measured twice, where it is one of them that was chosen; otherwise the chosen one."""
    if geo in MEASURED_TWICE and chosen in PAIR:
        return measuring_sources(rows, geo, as_of)
    return (chosen,)
