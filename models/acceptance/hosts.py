"""Yearly first-instance decisions by origin of many host countries (UNHCR) as one table of decisions per host.

    positive = recognised + complementary protection,   total = positive + rejected

Cases closed otherwise are no decision on protection. The stage is the first instance (FI), where a host reports none
that year first instance with appeal (FA). Origins that are no nationality are left out.
Quarters by citizenship were not to be had; those of whole countries serve to look one and four quarters ahead.
This module knows nothing of priors, PyMC or the service.
"""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from models.acceptance.data import AcceptanceData, acceptance_data, pooled_elsewhere

ROUNDED_BELOW = 10.0
"""Counts under ten stand in UNHCR's file as the nearest multiple of five: no other one occurs among them."""
_NO_NATIONALITY = ("", "UNK", "STA", "XXA", "XXX", "VAR", "OOO")


def read_unhcr_decisions(path: Path) -> pd.DataFrame:
    """Rows `geo`, `citizen` (ISO alpha-3), `track`, `period` ('YYYY'), `positive`, `total`, one per host and year."""
    raw = pd.read_csv(path, keep_default_na=False)
    raw = raw[(raw["procedure_type"] == "G") & ~raw["origin_iso3"].isin(_NO_NATIONALITY)]
    raw = raw.rename(columns={"host_iso3": "geo", "origin_iso3": "citizen"})
    positive = raw["recognized"] + raw["complementary_protection"]
    raw = raw.assign(period=raw["year"].astype(str), positive=positive, total=positive + raw["rejected"])
    raw = raw[raw["total"] > 0]
    first = raw[raw["stage"] == "FI"]
    reported = set(zip(first["geo"], first["period"], strict=True))
    both = raw[raw["stage"] == "FA"]
    instead = both[[key not in reported for key in zip(both["geo"], both["period"], strict=True)]]
    key = ["geo", "citizen", "period"]
    rows = pd.concat([first, instead]).groupby(key, as_index=False)[["positive", "total"]].sum()
    return rows.assign(track="")


def read_quarterly_totals(path: Path) -> dict[str, AcceptanceData]:
    """First-instance decisions of each country as a whole by quarter (Eurostat), as one series called TOTAL."""
    raw = pd.read_csv(path, keep_default_na=False)
    raw = raw.rename(columns={"quarter": "period", "total_positive": "positive"})
    raw = raw.assign(total=raw["total_decisions_derived"], track="")
    known = raw[(raw["positive"] != "") & (raw["total"] != "")].copy()
    known[["positive", "total"]] = known[["positive", "total"]].astype(float)
    known = known[(known["total"] > 0) & (known["positive"] <= known["total"])]
    columns = ["citizen", "track", "period", "positive", "total"]
    return {
        str(geo): acceptance_data(own[columns].reset_index(drop=True)) for geo, own in known.groupby("geo")
    }


def hosts(rows: pd.DataFrame) -> Iterator[tuple[str, AcceptanceData]]:
    """(host, its decisions with what the other hosts decided about the same nationalities)."""
    everywhere = pooled_elsewhere(rows).set_index(["citizen", "period"])
    for geo, own in rows.groupby("geo"):
        ours = pooled_elsewhere(own).set_index(["citizen", "period"]).reindex(everywhere.index).fillna(0)
        others = (everywhere - ours).clip(lower=0).assign(weighted=everywhere["weighted"] - ours["weighted"])
        kept = others[others["weight"] > 1e-9].reset_index()
        yield str(geo), acceptance_data(own.drop(columns="geo").reset_index(drop=True), kept)
