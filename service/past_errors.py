"""How far earlier forecasts of a series were off, by years ahead: the measure for experts who are too certain.

    error(h) = root mean square of log(forecast median or point) - log(realised),   h = target year - year of the cutoff

From the archive (stages experts, estimate and adopted) and the complete years that the set's own cutoff knew. Reads
the database, changes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from priors.records import Target
from service.storage.archive import ArchiveFilter, entries_at, newest_number

LEAST_FORECASTS = 3
_STAGES = ("experts", "estimate", "adopted")


def past_errors(session: Session, target: Target, yearly: Mapping[int, float]) -> dict[int, float]:
    """Error by years ahead (0, 1, ...), where at least LEAST_FORECASTS archived ones have come true."""
    wanted = ArchiveFilter(series=target.series, geo=target.geo, citizen=target.citizen, stage=_STAGES)
    found: dict[int, list[float]] = {}
    for entry in entries_at(session, wanted, newest_number(session)):
        middle, realised = _middle(entry.content), yearly.get(entry.key.target_year)
        if middle and realised and entry.superseded_by is None:
            error = math.log(middle) - math.log(realised)
            found.setdefault(entry.key.target_year - entry.cutoff.year, []).append(error)
    return {
        ahead: math.sqrt(math.fsum(e * e for e in errors) / len(errors))
        for ahead, errors in found.items()
        if len(errors) >= LEAST_FORECASTS
    }


def _middle(content: Mapping[str, Any]) -> float | None:
    """The stated point, or the quantile nearest the middle within a tenth."""
    if content.get("point"):
        return float(content["point"])
    stated = [(abs(q["level"] - 0.5), float(q["value"])) for q in content.get("quantiles") or ()]
    near = min(stated, default=None)
    return near[1] if near and near[0] <= 0.1 and near[1] > 0 else None
