"""A world without or with a planted bias, and the archives that forecasters in it leave behind.

    level_k = level_(k-1) + shock_k                      half-yearly, sd .18, normal or Student-t
    realised_y = mean of its two half-years' levels      (as totals)
    forecast_s,y = exp(last known level + bias + v_s + noise),  v_s autocorrelated over editions, sd .1; noise sd .05

Two editions a year, in February and August, each about the current year and the four after it. The forecaster knows the
levels of the half-years before the one of the issue: unbiased on the log scale when `bias` is 0.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.calibration.bias_cells import Cells, cells
from models.calibration.records import ArchivedForecast

Array = NDArray[np.float64]

FIRST_YEAR, HORIZONS = 2005, 5


@dataclass(frozen=True)
class World:
    """`years`: target years that were realised; `autocorrelation` of editions half a year apart."""

    years: int
    autocorrelation: float = 0.0
    bias: float = 0.0
    shock: float = 0.18
    edition: float = 0.1
    noise: float = 0.05
    freedom: float = np.inf


def issues(world: World) -> list[tuple[int, date, int]]:
    """(half-year of issue from 0, day of issue, target year) of every forecast of a realised year."""
    first, last = FIRST_YEAR, FIRST_YEAR + world.years - 1
    out = []
    for half in range(2 * (world.years + HORIZONS - 1)):
        year = first - HORIZONS + 1 + half // 2
        issued = date(year, 2 if half % 2 == 0 else 8, 1)
        out += [(half, issued, target) for target in range(year, year + HORIZONS) if first <= target <= last]
    return out


def log_errors_and_outcomes(world: World, seed: int) -> tuple[Array, Array]:
    """Log errors (forecast,) in the order of `issues`, and realised totals (year,)."""
    rng = np.random.default_rng(seed)
    start = FIRST_YEAR - HORIZONS + 1
    halves = 2 * (world.years + HORIZONS - 1)
    level = np.log(20_000) + np.cumsum(_shocks(world, halves + 1, rng))
    years = np.arange(FIRST_YEAR, FIRST_YEAR + world.years)
    first_half = 2 * (years - start) + 1
    realised = np.exp(level[first_half]) / 2 + np.exp(level[first_half + 1]) / 2
    deviation = np.empty(halves)
    deviation[0] = rng.standard_normal()
    for half in range(1, halves):
        fresh = np.sqrt(1 - world.autocorrelation**2) * rng.standard_normal()
        deviation[half] = world.autocorrelation * deviation[half - 1] + fresh
    made = issues(world)
    half = np.array([one[0] for one in made])
    place = np.array([one[2] for one in made]) - FIRST_YEAR
    forecast = level[half] + world.edition * deviation[half] + world.bias
    forecast = forecast + world.noise * rng.standard_normal(len(made))
    return forecast - np.log(realised)[place], realised


def shape(world: World) -> Cells:
    """The cells of a point archive of this world with errors of zero; `with_errors` fills them."""
    return cells(
        archive(world, np.zeros(len(issues(world))), np.ones(world.years)), np.zeros(len(issues(world)))
    )


def with_errors(found: Cells, world: World, errors: Array) -> Cells:
    """The cells of `shape` holding errors in the order of `issues`."""
    at = {
        (edition, int(year)): k
        for k, (edition, year) in enumerate(zip(found.edition, found.target_year, strict=True))
    }
    out = np.empty(len(errors))
    for (half, _, target), error in zip(issues(world), errors, strict=True):
        out[at[half, target]] = error
    return replace(found, error=out)


def archive(world: World, errors: Array, realised: Array, stage: str = "adopted") -> list[ArchivedForecast]:
    """Point forecasts (persons) with these log errors about these outcomes."""
    made = zip(issues(world), errors.tolist(), strict=True)
    return [
        archived(issued, target, stage, point=float(realised[target - FIRST_YEAR] * np.exp(error)))
        for (_, issued, target), error in made
    ]


def archived(issued: date, target: int, stage: str, **form: Any) -> ArchivedForecast:
    """One forecast of a world's edition; `form` is what it states, and whose."""
    return ArchivedForecast.model_validate(
        {
            "series": "first_applications",
            "geo": "NL",
            "edition": f"{issued.year}-{1 if issued.month == 2 else 2}",
            "issued_on": issued,
            "cutoff": issued,
            "target_year": target,
            "stage": stage,
            "issuer": "mpp",
            **form,
        }
    )


def _shocks(world: World, count: int, rng: np.random.Generator) -> Array:
    if np.isinf(world.freedom):
        return np.asarray(world.shock * rng.standard_normal(count))
    unit = np.sqrt((world.freedom - 2) / world.freedom)
    return np.asarray(world.shock * unit * rng.standard_t(world.freedom, count))
