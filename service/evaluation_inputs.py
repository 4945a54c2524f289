"""What an evaluation is made from, read from the database: yearly outcomes, and edits of scenario sets.

    outcome of a year = sum of its 12 months (or 4 quarters) of one source, as known on a day; else incomplete
    edit              = an entry of the ledger that changed a set, as medians of each stated year before and after

Rows beyond those that an order could see are left out. Reads the database, changes nothing; must not know HTTP.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import Session

from models.calibration.records import EvaluationFilter, LedgerEdit, Realised
from priors.ledger import LedgerEntry
from priors.mixture import ExpertDensity, expert_density
from priors.records import ScenarioSet
from service.storage.ledger import list_entries
from service.storage.realisations import load_realisations

if TYPE_CHECKING:
    import pandas as pd

    from service.storage.evaluations import EvaluationOrder

SYNTHETIC = "synthetic"
_PREFERRED = ("eurostat", "kmi")
_ENTRIES_AT_ONCE = 500
_PERIODS = ((r"[0-9]{4}-[0-9]{2}", 12), (r"[0-9]{4}-Q[1-4]", 4))


def realised_for(session: Session, order: EvaluationOrder, known_rows: int) -> Realised:
    """The outcomes an order asks for, from the first `known_rows` rows of its target."""
    if order.values is not None:
        return Realised(dict(order.values))
    assert order.source is not None and order.as_of is not None, "an order has a source or values"
    frame = rows_of(session, order.request.filter).head(known_rows)
    return realised_from(frame, order.source, order.as_of)


def rows_of(session: Session, chosen: EvaluationFilter) -> pd.DataFrame:
    """Every stored row of the target, any source and vintage, in the order they came."""
    return load_realisations(session, chosen.series, chosen.geo, chosen.citizen)


def realised_from(frame: pd.DataFrame, source: str, as_of: date) -> Realised:
    """Complete years of one source as known on a day, with the rows behind them."""
    from models.vintage import known_at

    rows = _of_all_tracks(frame[frame["source"] == source])
    known = known_at(rows, as_of)
    values: dict[int, float] = {}
    partly: set[int] = set()
    for pattern, needed in _PERIODS:
        chosen = known[known["period"].str.fullmatch(pattern)]
        for year, counts in chosen.groupby(chosen["period"].str[:4])["value"]:
            if len(counts) == needed:
                values.setdefault(int(str(year)), float(counts.sum()))
            else:
                partly.add(int(str(year)))
    monthly = rows[rows["period"].str.fullmatch(_PERIODS[0][0])].reset_index(drop=True)
    return Realised(values, as_of, monthly, incomplete=tuple(sorted(partly - values.keys())))


def best_source(frame: pd.DataFrame, as_of: date) -> str | None:
    """The source with the most complete years on a day, real before synthetic; None without any row."""
    sources = [str(source) for source in frame["source"].unique()]
    if not sources:
        return None

    def rank(source: str) -> tuple[bool, int, int, str]:
        known = _PREFERRED.index(source) if source in _PREFERRED else len(_PREFERRED)
        return source == SYNTHETIC, -len(realised_from(frame, source, as_of).values), known, source

    return min(sources, key=rank)


def figures_hash(frame: pd.DataFrame, source: str, as_of: date) -> str:
    """SHA-256 of all that was published by a source up to a day, every vintage of it."""
    import pandas as pd

    rows = _of_all_tracks(frame[frame["source"] == source])
    seen = rows[pd.to_datetime(rows["known_at"]) < pd.Timestamp(as_of) + pd.Timedelta(days=1)]
    text = seen.to_csv(index=False, date_format="%Y-%m-%d", lineterminator="\n")
    return hashlib.sha256(text.encode()).hexdigest()


def ledger_edits(session: Session, chosen: EvaluationFilter, entries: int) -> tuple[LedgerEdit, ...]:
    """Changes of scenario sets about the target, among the first `entries` entries of the ledger."""
    return tuple(edit for entry in _entries(session, entries) for edit in _edits(entry, chosen))


def _entries(session: Session, entries: int) -> Iterator[LedgerEntry]:
    for number in range(1, -(-entries // _ENTRIES_AT_ONCE) + 1):
        page = list_entries(session, None, number, _ENTRIES_AT_ONCE)
        yield from (entry for entry in page.items if entry.sequence <= entries)


def _edits(entry: LedgerEntry, chosen: EvaluationFilter) -> Iterator[LedgerEdit]:
    if not (_is_set(entry.before) and _is_set(entry.after)):
        return
    before, after = _set(entry.before), _set(entry.after)
    target = after.target
    if (target.series, target.geo, target.citizen) != (chosen.series, chosen.geo, chosen.citizen):
        return
    old, new = expert_density(before), expert_density(after)
    for year in sorted(set(old.stated_years) & set(new.stated_years)):
        medians = _median(old, year), _median(new, year)
        if medians[0] != medians[1] and min(medians) > 0:
            yield LedgerEdit(
                edition=after.edition,
                made_on=entry.at.date(),
                target_year=year,
                before=medians[0],
                after=medians[1],
            )


def _is_set(content: Any) -> bool:
    return isinstance(content, Mapping) and "scenarios" in content


def _set(content: Mapping[str, Any]) -> ScenarioSet:
    """A set as the ledger keeps it: without its reason, which is the entry's."""
    return ScenarioSet.model_validate({**content, "reason": "as in the ledger"})


def _median(density: ExpertDensity, year: int) -> float:
    return float(density.ppf(year, 0.5))


def _of_all_tracks(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[rows["track"].isna() | (rows["track"] == "")]
