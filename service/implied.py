"""What a scenario set implies beside the counts: its density above what was counted, its feedback, its effect.

    floor of the cutoff's own year = persons counted by the cutoff, as known at the cutoff
    effect of a change             = interval scenarios after minus before, per year stated in both

Counts come through `models.forecast_checks`, the same choice of source that a forecast makes; a target without
enough months has no floor and no history. Reads the database, changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from sqlalchemy.orm import Session

from models.forecast_checks import target_data
from models.request import ForecastRefused, ForecastTarget
from models.series import MonthlySeries
from priors.feedback import FeedbackItem, coherence_feedback
from priors.mixture import ExpertDensity, expert_density
from priors.scenario import ScenarioSet
from service.past_errors import past_errors
from service.storage.draws import draws_directory, open_draws
from service.storage.forecasts import list_forecasts
from service.storage.jobs import JobState
from service.storage.realisations import load_realisations

_LATEST = 100


@dataclass(frozen=True)
class Counted:
    """Persons counted in the cutoff's own year, and totals of complete calendar years before."""

    at_cutoff: float = 0.0
    yearly: Mapping[int, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Implied:
    """A set's density and what there is to say about it."""

    density: ExpertDensity
    feedback: tuple[FeedbackItem, ...]


def counted(session: Session, record: ScenarioSet) -> Counted:
    """What was known at the set's cutoff about its target."""
    target = record.target
    rows = load_realisations(session, target.series, target.geo, target.citizen)
    wanted = ForecastTarget(target.series, target.geo, target.citizen)
    try:
        data = target_data(rows, wanted, record.cutoff, record.cutoff, 1)
    except ForecastRefused:
        return Counted()
    return Counted(data.counted_when_stated, _complete_years(data.at_cutoff))


def implied(session: Session, record: ScenarioSet, data_dir: Path | None = None) -> Implied:
    """Density and feedback, against the model's spread too where `data_dir` holds a forecast.

    Raises InvalidScenarioSet when a belief has no mass above what was counted.
    """
    known = counted(session, record)
    density = expert_density(record, known.at_cutoff)
    missed = past_errors(session, record.target, known.yearly)
    spread = model_spread(session, record, data_dir) if data_dir else {}
    feedback = coherence_feedback(density, record, known.yearly, known.at_cutoff, spread, missed)
    return Implied(density, feedback)


def model_spread(session: Session, record: ScenarioSet, data_dir: Path) -> dict[int, float]:
    """The model's standard deviation per year in the latest forecast of this target at this cutoff, if there is one."""
    done = list_forecasts(session, 1, _LATEST, JobState.SUCCEEDED).items
    alike = (f for f in done if f.order.target == record.target and f.order.cutoff == record.cutoff)
    found = next(alike, None)
    directory = draws_directory(data_dir, found.draws_hash) if found else None
    if directory is None or not directory.is_dir():
        return {}
    layer = open_draws(directory).layer("model")
    return dict(zip(layer.years, layer.sd().tolist(), strict=True))


def _complete_years(series: MonthlySeries) -> dict[int, float]:
    years = series.months.astype("datetime64[Y]").astype(int) + 1970
    totals = {int(year): series.counts[years == year] for year in np.unique(years)}
    return {year: float(c.sum()) for year, c in totals.items() if len(c) == 12 and np.isfinite(c).all()}
