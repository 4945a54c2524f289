"""What simple forecasters would have said on each issue date, and the skill against them.

    lastYear  log total of the last complete year known, random walk       drift  the same with its mean change
    autoEts   exponential smoothing (models/calibration/exponential_smoothing.py)

Every peer is rebuilt from the yearly totals known on the day of issue, by the one filter of vintages where there are
rows, so that no later figure or revision helps it. All are normal on the log scale. Skill = 1 - mean score / mean score
of the peer on the same cases: absolute error of the median for all, CRPS where a density was stated; intervals are
clustered by target year. This module must not know the bias model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from models.calibration.answer import Skill
from models.calibration.exponential_smoothing import smooth
from models.calibration.records import ArchivedForecast, Realised
from models.scores import crps_of_lognormals, paired_ratio
from models.vintage import known_at

Array = NDArray[np.float64]
Peer = Callable[[Array, int], tuple[float, float] | None]
"""(log totals of consecutive years, years ahead) -> mean and sd of the log total; None with too few years."""

_LEAST_SD = 1e-3


def last_year(y: Array, ahead: int) -> tuple[float, float] | None:
    """A random walk from the last year; without two changes its sd is that of nothing known, 0.3 a year."""
    spread = float(np.sqrt(np.mean(np.diff(y) ** 2))) if len(y) > 2 else 0.3
    return float(y[-1]), max(spread, _LEAST_SD) * float(np.sqrt(ahead))


def drift(y: Array, ahead: int) -> tuple[float, float] | None:
    """A random walk with the mean change; its uncertainty included. None with fewer than three years."""
    if len(y) < 3:
        return None
    change = np.diff(y)
    spread = max(float(change.std(ddof=1)), _LEAST_SD)
    return float(y[-1] + ahead * change.mean()), spread * float(np.sqrt(ahead * (1 + ahead / len(change))))


def auto_ets(y: Array, ahead: int) -> tuple[float, float] | None:
    """None with fewer than three years."""
    return smooth(y).ahead(ahead) if len(y) >= 3 else None


PEERS: dict[str, Peer] = {"lastYear": last_year, "drift": drift, "autoEts": auto_ets}


def peer_forecasts(forecasts: Sequence[ArchivedForecast], realised: Realised) -> dict[str, Array]:
    """By peer `(case, 2)`: mean and sd of the log total of each forecast's year, NaN where too little was known."""
    known = {day: known_totals(realised, day) for day in sorted({one.issued_on for one in forecasts})}
    out = {name: np.full((len(forecasts), 2), np.nan) for name in PEERS}
    kept: dict[tuple[str, date, int], tuple[float, float] | None] = {}
    for place, one in enumerate(forecasts):
        last, y = known[one.issued_on]
        ahead = one.target_year - last
        if not len(y) or ahead < 1:
            continue
        for name, peer in PEERS.items():
            key = (name, one.issued_on, ahead)
            if key not in kept:
                kept[key] = peer(y, ahead)
            said = kept[key]
            if said is not None:
                out[name][place] = said
    return out


def known_totals(realised: Realised, day: date) -> tuple[int, Array]:
    """The last year that was complete on a day, and log totals of the consecutive years up to it; 0 and none."""
    values = _values_on(realised, day)
    positive = {year for year, value in values.items() if value > 0}
    if not positive:
        return 0, np.zeros(0)
    last = max(positive)
    first = last
    while first - 1 in positive:
        first -= 1
    return last, np.log([values[year] for year in range(first, last + 1)])


def skills(
    forecasts: Sequence[ArchivedForecast], medians: Array, crps: Array, outcomes: Array, realised: Realised
) -> tuple[Skill, ...]:
    """Skill of the medians (case,) and, where stated, of the densities, against every peer."""
    years = np.array([one.target_year for one in forecasts])
    found = []
    for name, said in peer_forecasts(forecasts, realised).items():
        peer_error = np.abs(np.exp(said[:, 0]) - outcomes)
        found.append(_skill(name, "absolute_error", np.abs(medians - outcomes), peer_error, years))
        scored = np.isfinite(said[:, 0]) & np.isfinite(crps) & (outcomes > 0)
        peer_crps = np.full(len(outcomes), np.nan)
        if scored.any():
            one = np.ones((1, int(scored.sum())))
            mean, sd = said[scored].T
            peer_crps[scored] = crps_of_lognormals(one, mean[None], sd[None], outcomes[scored])
        found.append(_skill(name, "crps", crps, peer_crps, years))
    return tuple(skill for skill in found if skill is not None)


def _skill(
    peer: str, score: Literal["absolute_error", "crps"], own: Array, other: Array, years: Array
) -> Skill | None:
    both = np.isfinite(own) & np.isfinite(other)
    if not both.any() or not other[both].sum() > 0:
        return None
    ratio = paired_ratio(own[both], other[both], years[both])
    reach = 1.96 * ratio.standard_error
    known = bool(np.isfinite(reach))
    return Skill(
        peer=peer,
        score=score,
        skill=1 - ratio.ratio,
        lower95=1 - ratio.ratio - reach if known else None,
        upper95=1 - ratio.ratio + reach if known else None,
        n=ratio.cases,
    )


def _values_on(realised: Realised, day: date) -> dict[int, float]:
    if realised.rows is None:
        lag = timedelta(days=realised.known_after_days)
        return {year: v for year, v in realised.values.items() if date(year, 12, 31) + lag <= day}
    known = known_at(realised.rows, day)
    year = known["period"].str[:4].astype(int)
    by_year = known["value"].astype(float).groupby(year).agg(["sum", "count"])
    complete = by_year[by_year["count"] == 12]
    return {int(str(y)): float(total) for y, total in complete["sum"].items()}
