"""One computation of acceptance rates, from stored figures to a directory of draws: the straight line.

    figures -> decisions as known at as_of (source) -> fit (model) -> rates now and ahead (forecast)
            -> applications as known at as_of -> lags by nationality (lags) -> files (stored)

The same figures, day and seed give the same numbers. Worker processes only.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from models.acceptance.data import OTHER, AcceptanceData, PolicyBreak
from models.acceptance.forecast import MOST_AHEAD, forecast_rates
from models.acceptance.lags import LagDraws, learn_lags
from models.acceptance.model import AcceptanceFit, fit_acceptance
from models.acceptance.source import TOTAL, KnownDecisions, quarters_of
from models.acceptance.stored import write_acceptance
from models.request import Remark
from models.series import Array
from models.vintage import known_at

ARRIVALS = "first_applications"
Report = Callable[[str, float], None]


def run_acceptance(
    known: KnownDecisions,
    realisations: pd.DataFrame,
    geo: str,
    as_of: date,
    seed: int,
    directory: Path,
    breaks: Sequence[PolicyBreak] = (),
    report: Report = lambda stage, fraction: None,
) -> None:
    """Fit, forecast and write. `realisations` has, unfiltered, the applications of `geo` by nationality.

    What `report` raises ends the computation.
    """
    data = known.data
    with threadpool_limits(limits=1):
        report("sampling", 0.02)
        fit = fit_acceptance(
            data, breaks=breaks, seed=seed, progress=lambda share: report("sampling", 0.85 * share)
        )
        report("rates", 0.87)
        drawn = forecast_rates(fit, data, MOST_AHEAD, seed=seed)
        report("lags", 0.93)
        applied = applications_of(realisations, geo, as_of, data)
        lags = learn_lags(_by_nationality(data), applied, seed=seed)
    about = {
        "geo": geo,
        "asOf": as_of.isoformat(),
        "seed": seed,
        "source": known.source,
        "warnings": [asdict(one) for one in (*known.remarks, *_of_the_fit(fit, lags))],
        "diagnostics": asdict(fit.diagnostics),
        "breaks": _breaks(fit),
    }
    write_acceptance(drawn, (data.positive, data.total), applied, lags, about, directory)
    report("finished", 0.98)


def _of_the_fit(fit: AcceptanceFit, lags: LagDraws) -> tuple[Remark, ...]:
    """What a reader must be told of the computation, beside what there is to say of the figures."""
    said = []
    if not fit.diagnostics.passed:
        detail = "The sampler missed its own quality marks (see diagnostics); do not rely on these rates."
        said.append(Remark("rates_missed_quality_marks", detail))
    if not lags.learned.any():
        detail = (
            "How long decisions take is assumed: applications by nationality do not reach back far enough."
        )
        said.append(Remark("assumed_lags", detail))
    return tuple(said)


def _breaks(fit: AcceptanceFit) -> list[dict[str, Any]]:
    """Every declared break with the size that the decisions leave it."""
    told = []
    for place, declared in enumerate(fit.breaks):
        effect = fit.draws["break_effect"][:, place]
        low, high = np.quantile(effect, [0.125, 0.875])
        found = {"mean": float(effect.mean()), "lower75": float(low), "upper75": float(high)}
        told.append({**asdict(declared), "effect": found})
    return told


def applications_of(realisations: pd.DataFrame, geo: str, as_of: date, data: AcceptanceData) -> Array:
    """`(period, nationality)` applications in the periods of `data`, its nationalities sorted; NaN where unknown.

    OTHER is the total less the nationalities named. Of several sources the one that tells most is taken.
    """
    names = sorted(set(data.citizens))
    out = np.full((len(data.periods), len(names)), np.nan)
    own = realisations[(realisations["series"] == ARRIVALS) & (realisations["geo"] == geo)]
    known = quarters_of(known_at(own, as_of))
    known = known[known["track"] == ""]
    if known.empty:
        return out
    told = known[known["citizen"] != TOTAL].groupby("source").size()
    source = told.idxmax() if len(told) else known["source"].iloc[0]
    wide = known[known["source"] == source].pivot(index="period", columns="citizen", values="value")
    wide = wide.reindex(data.periods)
    named = [name for name in names if name not in (OTHER, TOTAL) and name in wide]
    for name in named:
        out[:, names.index(name)] = wide[name]
    if TOTAL in wide and OTHER in names:
        out[:, names.index(OTHER)] = (wide[TOTAL] - wide[named].sum(axis=1)).clip(lower=0)
    if TOTAL in wide and TOTAL in names:
        out[:, names.index(TOTAL)] = wide[TOTAL]
    return out


def _by_nationality(data: AcceptanceData) -> Array:
    """`(period, nationality)` decisions of all tracks, nationalities sorted."""
    names = sorted(set(data.citizens))
    places = np.array([names.index(citizen) for citizen in data.citizens])
    return np.stack([data.total[:, places == place].sum(axis=1) for place in range(len(names))], axis=1)
