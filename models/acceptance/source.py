"""From stored figures to the decisions of a country: what was known, which nationalities, and the other countries.

    nationalities = the largest by decisions over the last three years, at most twenty; all others are OTHER
    quarters      = as delivered, or three months of one together; a quarter that lacks a month is left out

Figures pass the filter of vintages first, so nothing published after `as_of` is seen, also elsewhere. Real figures go
before synthetic ones. Web-safe; must not know storage or HTTP.
"""

from dataclasses import dataclass
from datetime import date

import pandas as pd

from models.acceptance.data import (
    OTHER,
    AcceptanceData,
    DecisionsRefused,
    acceptance_data,
    missing_periods,
    pooled_elsewhere,
)
from models.request import Remark
from models.vintage import known_at

TOTAL = "TOTAL"
MOST_NATIONALITIES = 20
SERIES = {"decisions_total": "total", "decisions_positive": "positive"}
LEAST_PERIODS = 4
_RECENT_QUARTERS = 12
_SYNTHETIC = "synthetic"
_NATIONALITY = r"[A-Z]{2}"


@dataclass(frozen=True)
class KnownDecisions:
    """A country's decisions as one source knew them, and what a reader must be told."""

    source: str
    data: AcceptanceData
    remarks: tuple[Remark, ...]


def known_decisions(
    realisations: pd.DataFrame, geo: str, as_of: date, *, most: int = MOST_NATIONALITIES
) -> KnownDecisions | None:
    """The decisions of `geo` as known at `as_of`; None where there are fewer than four quarters of them.

    `realisations` are bitemporal rows of the two series of decisions in all countries. Raises DecisionsRefused where
    known figures cannot be: more positive decisions than decisions, one of the two without the other.
    """
    wanted = realisations[realisations["series"].isin(list(SERIES))]
    known = quarters_of(known_at(wanted, as_of))
    last = f"{as_of.year}-Q{(as_of.month + 2) // 3}"
    source = _best_source(known[known["geo"] == geo])
    if source is None:
        return None
    own = _paired(known[(known["geo"] == geo) & (known["source"] == source)])
    if own["period"].nunique() < LEAST_PERIODS:
        return None
    named = _with_rest(own, most)
    others = known[(known["geo"] != geo) & known["citizen"].str.fullmatch(_NATIONALITY)]
    elsewhere = pooled_elsewhere(_paired(others, strict=False)) if len(others) else None
    data = acceptance_data(named, elsewhere, until=min(last, str(own["period"].max())))
    return KnownDecisions(source, data, _remarks(source, own))


def quarters_of(known: pd.DataFrame) -> pd.DataFrame:
    """Rows by quarter; months are summed where all three are known and the quarter itself is not. Years say nothing."""
    known = known[known["period"].astype(str).str.len() > len("YYYY")]
    period = known["period"].astype(str)
    table = known.assign(value=pd.to_numeric(known["value"]).astype(float), track=known["track"].fillna(""))
    whole = table[period.str.contains("Q")]
    months = table[~period.str.contains("Q")]
    key = ["series", "source", "geo", "citizen", "track", "period"]
    if months.empty:
        return whole[[*key, "value"]]
    moment = months["period"].astype(str)
    quarter = (moment.str[5:7].astype(int) + 2) // 3
    months = months.assign(period=moment.str[:4] + "-Q" + quarter.astype(str))
    summed = months.groupby(key, as_index=False)["value"].agg(["sum", "size"])
    summed = summed[summed["size"] == 3].rename(columns={"sum": "value"})
    return pd.concat([whole[[*key, "value"]], summed[[*key, "value"]]]).drop_duplicates(key)


def _best_source(here: pd.DataFrame) -> str | None:
    """The source with most rows by nationality, real ones first."""
    if here.empty:
        return None
    rows = here[here["citizen"] != TOTAL].groupby("source").size()
    rows = rows.reindex(sorted(here["source"].unique()), fill_value=0)
    return str(max(rows.index, key=lambda name: (name != _SYNTHETIC, rows[name])))


def _paired(rows: pd.DataFrame, strict: bool = True) -> pd.DataFrame:
    """One row per nationality, track and quarter with both counts."""
    key = ["geo", "source", "citizen", "track", "period"]
    wide = rows.assign(kind=rows["series"].map(SERIES)).pivot(index=key, columns="kind", values="value")
    wide = wide.reindex(columns=list(SERIES.values()))
    alone = wide.isna().any(axis=1)
    wrong = wide["positive"] > wide["total"]
    if strict and (alone.any() or wrong.any()):
        raise DecisionsRefused(
            [(_row(name), "has one of the two series only; deliver both") for name in wide.index[alone]]
            + [
                (_row(name), "has more positive decisions than decisions; correct either")
                for name in wide.index[wrong]
            ]
        )
    return wide[~alone & ~wrong].reset_index()


def _row(name: tuple[str, str, str, str, str]) -> str:
    geo, _, citizen, track, period = name
    return " ".join([geo, citizen, *([f"track {track}"] if track else []), period])


def _with_rest(own: pd.DataFrame, most: int) -> pd.DataFrame:
    """Rows of the largest nationalities and of OTHER, which is the total less these where a total is known."""
    named = own[own["citizen"].str.fullmatch(_NATIONALITY)]
    totals = own[own["citizen"] == TOTAL]
    if named.empty:
        return totals[["citizen", "track", "period", "positive", "total"]].reset_index(drop=True)
    recent = sorted(named["period"].unique())[-_RECENT_QUARTERS:]
    size = named[named["period"].isin(recent)].groupby("citizen")["total"].sum()
    chosen = sorted(size.index, key=lambda citizen: (-size[citizen], citizen))[:most]
    kept = named[named["citizen"].isin(chosen)]
    key, both = ["track", "period"], ["positive", "total"]
    summed = kept.groupby(key)[both].sum()
    if len(totals):
        rest = totals.set_index(key)[both].sub(summed, fill_value=0).clip(lower=0)
        rest["positive"] = rest[both].min(axis=1)
    else:
        rest = named[~named["citizen"].isin(chosen)].groupby(key)[both].sum()
    rest = rest[rest["total"] > 0].reset_index().assign(citizen=OTHER)
    columns = ["citizen", "track", "period", "positive", "total"]
    return pd.concat([kept[columns], rest[columns]], ignore_index=True)


def _remarks(source: str, own: pd.DataFrame) -> tuple[Remark, ...]:
    said = []
    if source == _SYNTHETIC:
        detail = "The decisions are synthetic: made for demonstration, they describe nothing that happened."
        said.append(Remark("synthetic_decisions", detail))
    missing = missing_periods(own)
    if missing:
        detail = f"No decisions are known of {', '.join(missing)}; the rates drift through unseen."
        said.append(Remark("missing_quarters", detail, {"list": list(missing)}))
    return tuple(said)
