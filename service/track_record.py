"""How an expert's archived forecasts scored: the record that performance weights of a pool rest on.

    score = mean over the stated levels q of pinball_q(value, realised) / realised,    one per year that came true
    pinball_q(x, y) = (y - x) q where x <= y, (x - y) (1 - q) otherwise

Relative to what was realised, so that years with many people weigh no more. Smaller is better. Reads the database,
changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from priors.records import Target
from service.storage.archive import ArchiveFilter, entries_at, newest_number

_LEAST = 1e-6  # a score of nothing at all would take every weight


def expert_scores(session: Session, target: Target, expert: str, yearly: Mapping[int, float]) -> list[float]:
    """Scores of the expert's own archived quantiles, in the order they were archived; empty without a record."""
    wanted = ArchiveFilter(
        series=target.series, geo=target.geo, citizen=target.citizen, expert=expert, stage=("experts",)
    )
    scores = []
    for entry in entries_at(session, wanted, newest_number(session)):
        realised, stated = yearly.get(entry.key.target_year), entry.content.get("quantiles")
        if realised and stated:
            scores.append(max(_relative_pinball(stated, realised), _LEAST))
    return scores


def _relative_pinball(stated: Sequence[Mapping[str, Any]], realised: float) -> float:
    return sum(_pinball(q["level"], q["value"], realised) for q in stated) / (len(stated) * realised)


def _pinball(level: float, value: float, realised: float) -> float:
    return (realised - value) * level if value <= realised else (value - realised) * (1 - level)
