"""Rolling origins: what every forecaster would have said at past moments, and how it scored.

    at an origin  rows known by the last day of its month -> panel -> forecaster -> paths of every country
    targets       totals of months 1-12 and 13-24 after the origin; calendar years (months known + months forecast)
    results       quantiles in hubverse model-output columns, and scores, one pair of files per origin and forecaster

All data reach a forecaster through `vintage.known_at`; which countries take part is decided on the same rows.
Outcomes are read from what was known last. A file is written under a temporary name and renamed, and a second run
skips what is there. This module knows no model and must not import PyMC; Dask only through a client it is given.
"""

import hashlib
import json
from calendar import monthrange
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from models.backtest.data import SERIES, SOURCE
from models.measurement.beginnings import without_odd_beginnings
from models.panel.series import PanelSeries, panel_known_at
from models.scores import crps_of_draws, log_crps, pinball, pit_of_draws
from models.series import LEAST_COUNT, Array

Forecaster = Callable[[PanelSeries, int, int, int], dict[str, Array]]
"""(panel, months_ahead, draws, seed) -> per geo log counts (draw, month) of the months after the panel's last."""
Progress = Callable[[int, int, str], None]
"""(done, total, what was done last)."""

MONTHS_AHEAD = 24
BAND = (0.125, 0.875)
SCORED_LEVELS = (0.125, 0.5, 2 / 3, 0.875)
GRID = tuple((np.arange(200) + 0.5) / 200)
"""Levels stored beside the scored ones: 200 equally likely points, from which pools are made."""
LEVELS = tuple(sorted({*GRID, *SCORED_LEVELS}))


@dataclass(frozen=True)
class Target:
    """A total over the months `first` to `last`; `horizon` is its last month ahead, for calendar years years ahead."""

    name: str
    horizon: int
    first: np.datetime64
    last: np.datetime64


@dataclass(frozen=True)
class Plan:
    """What is forecast when. `realisations`: bitemporal rows (`vintage.KEY`, value, flag, known_at).

    `origins`: months 'YYYY-MM'. A country takes part when `least_months` of its months were known, with a mean of
    `least_mean` persons, and one of the last twelve.
    """

    realisations: pd.DataFrame
    origins: tuple[str, ...]
    series: str = SERIES
    source: str = SOURCE
    draws: int = 1000
    seed: int = 1
    least_months: int = 48
    least_mean: float = 20.0

    def content_hash(self) -> str:
        """SHA-256 of rows and settings, origins left out: more origins continue a run, other data do not."""
        rows = self.realisations.sort_values(list(self.realisations.columns)).to_csv(
            index=False, date_format="%Y-%m-%d"
        )
        settings = [self.series, self.source, self.draws, self.seed, self.least_months, self.least_mean]
        return hashlib.sha256((json.dumps(settings) + rows).encode()).hexdigest()


def half_yearly(first: str, last: str) -> tuple[str, ...]:
    """Every June and December from one month to another, both included."""
    months = np.arange(np.datetime64(first, "M"), np.datetime64(last, "M") + 1)
    return tuple(str(month) for month in months if str(month)[5:] in ("06", "12"))


def run_backtest(
    plan: Plan,
    forecasters: Mapping[str, Forecaster],
    directory: Path,
    *,
    client: Any = None,
    progress: Progress | None = None,
) -> None:
    """Fill `directory` with the results of every forecaster at every origin that are not there yet.

    What is there is known by the forecaster's name: one that changed needs another name or another directory.
    `client` is a `distributed.Client`: origins then run on its workers, and forecasters must be picklable. Raises
    ValueError when the directory holds results of other data or settings, and what a forecaster raises.
    """
    _claim(plan, directory)
    waiting = [(name, origin) for origin in plan.origins for name in forecasters]
    waiting = [
        (name, origin) for name, origin in waiting if not _file(directory, name, origin, "scores").exists()
    ]
    tell = progress or (lambda done, total, what: None)
    tell(0, len(waiting), "")
    for done, (name, origin, result) in enumerate(_computed(plan, forecasters, waiting, client), start=1):
        for kind in ("quantiles", "scores"):
            _write(result[kind], _file(directory, name, origin, kind))
        tell(done, len(waiting), f"{name} at {origin}")


def read_results(directory: Path, kind: str) -> pd.DataFrame:
    """All results of a kind, `scores` or `quantiles`, with the forecaster's name as `model_id`.

    Raises FileNotFoundError when there are none.
    """
    paths = sorted(directory.glob(f"*/*.{kind}.parquet"))
    frames = [pd.read_parquet(path).assign(model_id=path.parent.name) for path in paths]
    filled = [frame for frame in frames if len(frame)]
    if not filled:
        raise FileNotFoundError(f"no {kind} in {directory}")
    return pd.concat(filled, ignore_index=True)


def results_at(plan: Plan, forecaster: Forecaster, origin: str) -> dict[str, pd.DataFrame]:
    """`quantiles` and `scores` of one forecaster at one origin."""
    panel = panel_at(plan, origin)
    truth = _panel(plan, _last_day_known(plan.realisations))
    month = np.datetime64(origin, "M")
    ahead = MONTHS_AHEAD + _months(month, panel.months[-1]) if len(panel.geos) else 0
    seed = plan.seed * 1_000_003 + int(month.astype(int))
    paths = forecaster(panel, ahead, plan.draws, seed) if panel.geos else {}
    quantiles, scores = [], []
    for geo in panel.geos:
        _check(paths, geo, (plan.draws, ahead))
        for target in targets_at(month):
            outcome = _sum(truth, geo, target.first, target.last)
            totals = _totals(panel, geo, np.exp(paths[geo]), target)
            if totals is not None and np.isfinite(outcome):
                case = _case(origin, target, geo)
                quantiles.append(_quantile_rows(case, totals))
                scores.append({**case, **_size(panel, geo), **_score(totals, outcome, seed)})
    return {
        "quantiles": pd.concat(quantiles, ignore_index=True)
        if quantiles
        else pd.DataFrame(columns=["location"]),
        "scores": pd.DataFrame(scores) if scores else pd.DataFrame(columns=["location"]),
    }


def panel_at(plan: Plan, origin: str) -> PanelSeries:
    """What a forecaster is given at an origin: the countries that take part, as known on the month's last day.

    As in a forecast, first figures that no level can begin with are set aside; outcomes keep them.
    """
    known, _ = without_odd_beginnings(_panel(plan, _last_day(origin)))
    return known.only(
        geo
        for geo, counts in zip(known.geos, known.counts.T, strict=True)
        if _takes_part(plan, known, counts, origin)
    )


def targets_at(origin: np.datetime64) -> Iterator[Target]:
    """The totals forecast at an origin: the next two spans of twelve months, and calendar years they reach.

    The calendar year of the origin (horizon 0) is one unless the origin is its December.
    """
    for horizon in (12, 24):
        yield Target("12-month total", horizon, origin + (horizon - 11), origin + horizon)
    year = origin.astype("datetime64[Y]")
    for ahead in range(3):
        first = np.datetime64(year + ahead, "M")
        if origin < first + 11 <= origin + MONTHS_AHEAD:
            yield Target("calendar-year total", ahead, first, first + 11)


def _takes_part(plan: Plan, known: PanelSeries, counts: Array, origin: str) -> bool:
    available = np.isfinite(counts)
    recent = available & (known.months > np.datetime64(origin, "M") - 12)
    return bool(
        available.sum() >= plan.least_months and recent.any() and counts[available].mean() >= plan.least_mean
    )


def _computed(
    plan: Plan, forecasters: Mapping[str, Forecaster], waiting: Iterable[tuple[str, str]], client: Any
) -> Iterator[tuple[str, str, dict[str, pd.DataFrame]]]:
    """(forecaster, origin, results), here one by one or as a client's workers finish them."""
    if client is None:
        for name, origin in waiting:
            yield name, origin, results_at(plan, forecasters[name], origin)
        return
    from distributed import as_completed

    shared = client.scatter(plan, broadcast=True)
    asked = {
        client.submit(results_at, shared, forecasters[name], origin, pure=False): (name, origin)
        for name, origin in waiting
    }
    for finished in as_completed(list(asked), loop=client.loop):
        yield *asked[finished], finished.result()


def _panel(plan: Plan, as_of: date) -> PanelSeries:
    return panel_known_at(plan.realisations, as_of, plan.series, source=plan.source)


def _totals(panel: PanelSeries, geo: str, paths: Array, target: Target) -> Array | None:
    """`(draw,)`: months known plus months forecast; None when a month before the panel's end has no figure."""
    end = panel.months[-1]
    counted = _sum(panel, geo, target.first, min(target.last, end)) if target.first <= end else 0.0
    ahead = max(_months(target.first, end), 1) - 1
    totals: Array = counted + paths[:, ahead : _months(target.last, end)].sum(axis=1)
    return totals if np.isfinite(counted) else None


def _sum(panel: PanelSeries, geo: str, first: np.datetime64, last: np.datetime64) -> float:
    """Total of a span; NaN when a month of it is not in the panel or has no figure."""
    inside = (panel.months >= first) & (panel.months <= last)
    if geo not in panel.geos or inside.sum() != _months(last, first) + 1:
        return float("nan")
    return float(panel.counts[inside, panel.geos.index(geo)].sum())


def _case(origin: str, target: Target, geo: str) -> dict[str, Any]:
    return {
        "origin_date": _last_day(origin).isoformat(),
        "target": target.name,
        "horizon": target.horizon,
        "target_end_date": _last_day(str(target.last)).isoformat(),
        "location": geo,
    }


def _quantile_rows(case: dict[str, Any], totals: Array) -> pd.DataFrame:
    rows = {"output_type": "quantile", "output_type_id": LEVELS, "value": np.quantile(totals, LEVELS)}
    return pd.DataFrame(case, index=range(len(LEVELS))).assign(**rows)


def _score(totals: Array, outcome: float, seed: int) -> dict[str, Any]:
    """Scores of one case. Pinball is on the log scale, like `log_crps`, so that countries can be averaged."""
    ends, logs = (
        np.quantile(totals, BAND),
        np.log(np.maximum(np.quantile(totals, SCORED_LEVELS), LEAST_COUNT)),
    )
    losses = pinball(logs, SCORED_LEVELS, np.log(max(outcome, LEAST_COUNT)))
    named = {f"log_pinball_{level:.3f}": loss for level, loss in zip(SCORED_LEVELS, losses, strict=True)}
    return {
        "observed": outcome,
        "log_crps": float(log_crps(totals, outcome)),
        "crps": float(crps_of_draws(totals, outcome)),
        **named,
        "inside_75": bool(ends[0] <= outcome <= ends[1]),
        "pit": float(pit_of_draws(totals, outcome, seed)),
    }


def _size(panel: PanelSeries, geo: str) -> dict[str, float]:
    """Mean monthly count of all that was known: what decides the size class of a case."""
    return {"mean_count": float(np.nanmean(panel.counts[:, panel.geos.index(geo)]))}


def _check(paths: dict[str, Array], geo: str, shape: tuple[int, int]) -> None:
    if geo not in paths or paths[geo].shape != shape or not np.all(np.isfinite(paths[geo])):
        raise ValueError(f"the forecaster gave no finite log counts {shape} (draw, month) for {geo}")


def _claim(plan: Plan, directory: Path) -> None:
    """Note whose results a directory holds, or refuse when they are another plan's."""
    note, content = directory / "plan.json", plan.content_hash()
    directory.mkdir(parents=True, exist_ok=True)
    if note.exists() and json.loads(note.read_text("utf-8"))["content_hash"] != content:
        raise ValueError(f"{directory} holds results of other data or settings; choose another directory")
    note.write_text(json.dumps({"content_hash": content}) + "\n", "utf-8")


def _file(directory: Path, name: str, origin: str, kind: str) -> Path:
    return directory / name / f"{origin}.{kind}.parquet"


def _write(frame: pd.DataFrame, path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    frame.to_parquet(unfinished, index=False)
    unfinished.replace(path)


def _last_day(month: str) -> date:
    year, number = (int(part) for part in month.split("-"))
    return date(year, number, monthrange(year, number)[1])


def _last_day_known(rows: pd.DataFrame) -> date:
    latest: date = pd.to_datetime(rows["known_at"], utc=True).max().date()
    return latest


def _months(later: np.datetime64, earlier: np.datetime64) -> int:
    return int((later - earlier).astype(int))
