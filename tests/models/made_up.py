"""A made-up country for the tests of the combination: counts, hyperparameters known exactly, and what follows.

No sampler: the hyperparameters are drawn from a narrow cloud about the ones that made the counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models import model_draws
from models.conflict import Conflict, conflict
from models.evidence import Evidence
from models.forecast import Forecast, base_normals, learn_evidence, model_component
from models.forecast_checks import TargetData, target_data
from models.forecast_composition import Composition
from models.inflow_paths import InflowParameters
from models.model_draws import CountryFit, ModelDraws, ModelFit, simulate_model
from models.paths import whole_paths
from models.posterior import resample, weigh
from models.request import ForecastRequest, ForecastTarget
from models.sampling import SamplerDiagnostics
from models.series import MonthlySeries
from models.weighting import WeighedComponent
from priors.families import Marginal, marginal
from priors.mixture import Component, ExpertDensity, expert_density
from priors.scenario import ScenarioSet, parse_scenario_set

Array = NDArray[np.float64]

TARGET = ForecastTarget("first_applications", "NL", "TOTAL")
SEASON = 0.1 * np.cos(2 * np.pi * (np.arange(12) - 8) / 12)
ALPHA, SIGMA, NU = 0.7, 0.13, 6.0


def made_up_series(first: str = "2010-01", last: str = "2021-12", size: float = 2_000.0) -> MonthlySeries:
    """Counts from the structural model with `size` persons in the first month."""
    months = np.arange(np.datetime64(first, "M"), np.datetime64(last, "M") + 1)
    rng, level, counts = np.random.default_rng(3), np.log(size), []
    for month in months:
        error = SIGMA * rng.standard_t(NU)
        counts.append(float(np.rint(np.exp(SEASON[month.astype(int) % 12] + level + error))))
        level += ALPHA * error
    return MonthlySeries(months, np.array(counts), "made up")


def rows(series: MonthlySeries, delay_days: int = 15, **columns: object) -> pd.DataFrame:
    """Bitemporal rows: every month known `delay_days` after it ended; NaN months are left out."""
    seen = series.available
    ends = pd.PeriodIndex([str(m) for m in series.months[seen]], freq="M").to_timestamp(how="end").normalize()
    frame = pd.DataFrame(
        {
            "series": TARGET.series, "source": "kmi", "geo": TARGET.geo, "citizen": TARGET.citizen, "track": None,
            "period": [str(m) for m in series.months[seen]], "value": pd.array(series.counts[seen], dtype="Int64"),
            "flag": None, "known_at": ends + pd.Timedelta(days=delay_days),
        }
    )  # fmt: skip
    return frame.assign(**columns)


def known(
    cutoff: date, as_of: date, years: int = 3, series: MonthlySeries | None = None, delay_days: int = 15
) -> TargetData:
    """What the two moments know of the made-up country."""
    return target_data(rows(series or made_up_series(), delay_days), TARGET, cutoff, as_of, years)


def parameters(draws: int = 400) -> InflowParameters:
    """A narrow cloud about what made the counts."""
    rng = np.random.default_rng(8)
    return InflowParameters(
        alpha=rng.normal(ALPHA, 0.04, draws).clip(0.3, 0.95),
        sigma=SIGMA * np.exp(0.06 * rng.standard_normal(draws)),
        nu=NU * np.exp(0.15 * rng.standard_normal(draws)),
        overdispersion=np.full(draws, 2.0),
        season=SEASON + 0.01 * rng.standard_normal((draws, 12)),
        initial_level=np.full(draws, np.log(2_000.0)),
    )


def fit(draws: int = 400) -> ModelFit:
    """The hyperparameters as a fit that passed."""
    good = SamplerDiagnostics(1.0, 2_000.0, 2_000.0, 0, 1.0, True, "none", 0.0, 0.0)
    return ModelFit(CountryFit(parameters(draws), good), None)


@dataclass(frozen=True)
class Moment:
    """The pieces of a forecast at one `as_of`."""

    data: TargetData
    model: ModelDraws
    evidence: Evidence
    base: Array
    own: WeighedComponent


def computed(data: TargetData, draws: int = 60_000, seed: int = 5) -> Moment:
    """Simulate, learn the evidence and prepare the base normals."""
    with (
        patch.object(model_draws, "AT_CUTOFF_DRAWS", draws),
        patch.object(model_draws, "CONTINUED_DRAWS", draws),
    ):
        model = simulate_model(data, fit(), seed)
    evidence = learn_evidence(data, model, seed)
    base = base_normals(draws, len(data.observation.years), seed)
    return Moment(data, model, evidence, base, model_component(model, evidence, base))


@cache
def moment(cutoff: date, as_of: date, years: int = 3, delay_days: int = 15) -> Moment:
    """As `computed`, made once per run."""
    return computed(known(cutoff, as_of, years, delay_days=delay_days))


CUTOFF = date(2018, 6, 30)


def at_cutoff() -> Moment:
    """Nothing came after the cutoff."""
    return moment(CUTOFF, CUTOFF)


def in_autumn() -> Moment:
    """Four later months, the year unfinished."""
    return moment(CUTOFF, date(2018, 10, 20))


def next_spring() -> Moment:
    """The cutoff's year complete, the next one begun."""
    return moment(CUTOFF, date(2019, 4, 20))


def belief(expected: float, spread: float, family: str = "lognormal", floor: float = 0.0) -> Marginal:
    """One year's belief, spread as a standard deviation."""
    return marginal(family, expected, spread, floor=floor)


def component(key: str, years: dict[int, Marginal], probability: float = 1.0) -> Component:
    """A component of the prior from beliefs by year."""
    ordered = tuple(sorted(years))
    return Component(key, probability, ordered, tuple(years[y] for y in ordered))


def density(*components: Component, year_correlation: float = 0.7) -> ExpertDensity:
    """An expert density of the given components."""
    return ExpertDensity(components, year_correlation)


def weighted_quantiles(totals: Array, log_weights: Array, levels: tuple[float, ...]) -> Array:
    """Quantiles `(level, year)` by sorting: another way than the service's own curves."""
    weights = np.exp(log_weights - log_weights.max())
    out = []
    for column in totals.T:
        order = np.argsort(column)
        middle = (np.cumsum(weights[order]) - weights[order] / 2) / weights.sum()
        out.append(np.interp(levels, middle, column[order]))
    return np.stack(out, axis=1)


def scenarios(
    shares: dict[str, float],
    levels: dict[str, float],
    stated: int = 3,
    unforeseen: float = 0.0,
    **changed: Any,
) -> ScenarioSet:
    """Lognormal scenarios: `levels` is each one's expected inflow in 2018, growing by 3% a year."""

    def years(level: float) -> dict[str, dict[str, float]]:
        return {
            str(CUTOFF.year + k): {"expected": level * 1.03**k, "spread": 0.14 * level * (1 + k) ** 0.6}
            for k in range(stated)
        }

    payload = {
        "name": "Made up", "edition": "2018-2", "cutoff": CUTOFF.isoformat(), "yearCorrelation": 0.7,
        "target": {"series": TARGET.series, "geo": TARGET.geo, "citizen": TARGET.citizen},
        "scenarios": [
            {"key": key, "label": key, "probability": share, "family": "lognormal", "spreadMeaning": "sd",
             "years": years(levels[key])} for key, share in shares.items()
        ],
        "reason": "an example",
    }  # fmt: skip
    if unforeseen:
        payload["unforeseen"] = {"probability": unforeseen, "years": years(40_000.0)}
    return parse_scenario_set(payload | changed)


def undivided(here: Moment) -> Composition:
    """Everybody under one nationality."""
    months = here.data.in_force.since(np.datetime64(f"{CUTOFF.year}-01", "M"))
    return Composition(("OTHER",), months.counts[:, None].astype(np.int32), None, None, ())


def forecast(here: Moment, chosen: ScenarioSet | None, expert_weight: float = 1.0) -> Forecast:
    """A whole forecast around a moment, as run_forecast would make it, without a sampler."""
    stated = expert_density(chosen, here.data.counted_when_stated) if chosen else None
    posterior = weigh(stated, expert_weight, here.evidence, here.base, here.own)
    totals, _, row = resample(posterior, 20_000, 1)
    paths = whole_paths(
        totals, row % len(here.model.log_paths), here.model.log_paths, here.evidence.observation
    )
    clash = (
        conflict(stated, here.evidence, here.base, here.model.log_at_cutoff)
        if stated
        else Conflict(False, None)
    )
    request = ForecastRequest(TARGET, chosen, CUTOFF, date(2021, 1, 1), expert_weight, 3, "weighted", 5)
    return Forecast(
        request, here.data, here.evidence, here.base, here.own, stated, posterior, None, paths, undivided(here), clash,
        {"passed": True}, here.data.warnings, {"weighing": 0.1},
    )  # fmt: skip
