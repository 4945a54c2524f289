"""One made-up country, its forecasts at three moments, and the pieces that a broken variant needs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from models.evidence import Evidence
from models.forecast import base_normals, learn_evidence, model_component
from models.forecast_checks import TargetData, target_data
from models.model_draws import ModelDraws, ModelFit, fit_model, simulate_model
from models.posterior import Posterior, weigh
from models.request import ForecastTarget
from models.weighting import WeighedComponent
from priors.mixture import ExpertDensity, expert_density
from priors.scenario import ScenarioSet, parse_scenario_set

Array = NDArray[np.float64]

TARGET = ForecastTarget("first_applications", "NL", "TOTAL")
CUTOFF = date(2018, 6, 30)
MOMENTS = {"cutoff": CUTOFF, "autumn": date(2018, 10, 20), "next_spring": date(2019, 4, 20)}
LEVELS = (0.125, 0.5, 2 / 3, 0.875)
SEED = 20180630
DRAWS = 100_000


def made_up_counts() -> pd.DataFrame:
    """Ten years of months from the structural model itself, published fifteen days after their end."""
    rng = np.random.default_rng(16)
    months = pd.period_range("2010-01", "2019-12", freq="M")
    season = 0.12 * np.cos(2 * np.pi * (months.month.to_numpy() - 9) / 12)
    level, counts = np.log(1800.0), []
    for s in season:
        error = 0.14 * rng.standard_t(5)
        counts.append(int(round(np.exp(s + level + error) / 5) * 5))
        level += 0.75 * error
    return rows_of([str(m) for m in months], counts)


def rows_of(periods: list[str], counts: list[int]) -> pd.DataFrame:
    """Bitemporal rows of the target; every month known fifteen days after it ended."""
    known = pd.PeriodIndex(periods, freq="M").to_timestamp(how="end").normalize() + pd.Timedelta(days=15)
    return pd.DataFrame(
        {
            "series": TARGET.series, "source": "kmi", "geo": TARGET.geo, "citizen": TARGET.citizen, "track": None,
            "period": periods, "value": pd.array(counts, dtype="Int64"), "flag": None, "known_at": known,
        }
    )  # fmt: skip


def scenario_set(stated: int = 5, low: float = 21_000, high: float = 30_000) -> ScenarioSet:
    """Two scenarios about the first `stated` target years."""

    def years(mean: float, growth: float, spread: float) -> dict[str, dict[str, float]]:
        return {
            str(CUTOFF.year + k): {"expected": mean * growth**k, "spread": spread * mean * (1 + k) ** 0.7}
            for k in range(stated)
        }

    return parse_scenario_set(
        {
            "name": "Two scenarios", "edition": "2018-2", "cutoff": CUTOFF.isoformat(), "yearCorrelation": 0.7,
            "target": {"series": TARGET.series, "geo": TARGET.geo, "citizen": TARGET.citizen},
            "scenarios": [
                {"key": "calm", "label": "Rust", "probability": 0.65, "family": "lognormal", "spreadMeaning": "sd",
                 "years": years(low, 1.02, 0.13)},
                {"key": "rise", "label": "Stijging", "probability": 0.35, "family": "gamma",
                 "spreadMeaning": "half_width_80", "years": years(high, 1.05, 0.2)},
            ],
            "reason": "an example",
        }
    )  # fmt: skip


@dataclass(frozen=True)
class Moment:
    """Everything computed at one `as_of`."""

    data: TargetData
    fit: ModelFit
    model: ModelDraws
    evidence: Evidence
    base: Array
    own: WeighedComponent

    def density(self, chosen: ScenarioSet) -> ExpertDensity:
        return expert_density(chosen, self.data.counted_when_stated)

    def posterior(self, chosen: ScenarioSet | None, expert_weight: float = 1.0) -> Posterior:
        density = self.density(chosen) if chosen else None
        return weigh(density, expert_weight, self.evidence, self.base, self.own)


@cache
def moment(name: str) -> Moment:
    """The forecast's pieces at a named moment, made once per test run."""
    data = target_data(made_up_counts(), TARGET, CUTOFF, MOMENTS[name], 5)
    fit = fit_model(data, SEED, lambda share: None)
    model = simulate_model(data, fit, SEED)
    evidence = learn_evidence(data, model, SEED)
    base = base_normals(DRAWS, 5, SEED)
    return Moment(data, fit, model, evidence, base, model_component(model, evidence, base))


@pytest.fixture(scope="session")
def at_cutoff() -> Moment:
    return moment("cutoff")


@pytest.fixture(scope="session")
def in_autumn() -> Moment:
    return moment("autumn")


@pytest.fixture(scope="session")
def next_spring() -> Moment:
    return moment("next_spring")


def weighted_quantiles(totals: Array, log_weights: Array, levels: tuple[float, ...] = LEVELS) -> Array:
    """Quantiles `(level, year)` by sorting: another way than the service's own curves."""
    weights = np.exp(log_weights - log_weights.max())
    out = []
    for column in totals.T:
        order = np.argsort(column)
        share = np.cumsum(weights[order]) / weights.sum()
        out.append(np.interp(levels, share, column[order]))
    return np.stack(out, axis=1)
