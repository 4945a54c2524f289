"""The panel of a forecast: every country's months of one series, as known on a day, each by one source.

    source of a country = of those with 36 months the one that reaches furthest, of equals Eurostat, KMI+, by name;
                          without 36 months anywhere, the one with most of them

A country's source is chosen by what the cutoff knew, so that a later delivery cannot change the past. Synthetic
figures never share a panel with real ones. The choice does not depend on the country that is asked for: all forecasts
of one series and one day have the same panel, hence the same fit. Sums of countries (EU27_2020) are left out, unless
one of them is the target: then it stands beside the countries. Web-safe; must not know PyMC, storage or HTTP.
"""

from collections.abc import Iterable, Mapping

import pandas as pd

from models.panel.series import PanelSeries, panel_series

MIN_MONTHS = 36
SYNTHETIC = "synthetic"
_PREFERRED = ("eurostat", "kmi")
_COUNTRY = r"[A-Z]{2}"
_SUMS_OF_COUNTRIES = ("EU", "EA")


def best_source(known: pd.DataFrame) -> str | None:
    """The source of one country's rows with enough months that reaches furthest; None where none has enough."""
    sizes = known.groupby("source")["period"].agg(["nunique", "max"])
    return _furthest(sizes[sizes["nunique"] >= MIN_MONTHS])


def panel_sources(known: pd.DataFrame, target: str, *, synthetic: bool) -> dict[str, str]:
    """The source of every country among the rows `known`, with `target` also where that is no country."""
    country = known["geo"].str.fullmatch(_COUNTRY) & ~known["geo"].isin(_SUMS_OF_COUNTRIES)
    of_kind = (known["source"] == SYNTHETIC) == synthetic
    chosen = {}
    for geo, rows in known[of_kind & (country | (known["geo"] == target))].groupby("geo"):
        sizes = rows.groupby("source")["period"].agg(["nunique", "max"])
        source = best_source(rows) or _furthest(sizes[sizes["nunique"] == sizes["nunique"].max()])
        assert source is not None, "a group of rows has a source"
        chosen[str(geo)] = source
    return chosen


def known_panel(
    known: pd.DataFrame, sources: Mapping[str, str], breaks: Mapping[str, Iterable[str]] | None = None
) -> PanelSeries:
    """The panel of rows that were known, of each country those of its source."""
    return panel_series(known[known["source"] == known["geo"].map(dict(sources))], breaks)


def _furthest(sizes: pd.DataFrame) -> str | None:
    """Of sources by number of months and last month: real before synthetic, furthest, then as preferred."""
    real = sizes.drop(index=SYNTHETIC, errors="ignore")
    candidates = real if len(real) else sizes
    if candidates.empty:
        return None
    furthest = candidates[candidates["max"] == candidates["max"].max()].index
    return str(min(furthest, key=_preference))


def _preference(source: str) -> tuple[int, str]:
    return (_PREFERRED.index(source) if source in _PREFERRED else len(_PREFERRED), source)
