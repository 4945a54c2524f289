"""Four real cutoffs: the weighed answer of the model of all countries against the joint model sampled by NUTS.

Monthly asylum applicants of the Netherlands and five other countries (Eurostat), each known sixty days after the
month. Two experts' scenarios about the totals, months that came, and the same posterior by two roads: importance
weights, and a sampler that needs none. One of the cutoffs is the middle of 2015, before the surge.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest

from models import model_draws
from models.forecast import base_normals, learn_evidence, model_component
from models.forecast_checks import target_data
from models.joint import sample_joint
from models.model_draws import fit_model, simulate_model
from models.panel.fit import PanelFit
from models.panel.model import fit_panel
from models.panel.series import PanelSeries
from models.posterior import weigh
from models.request import ForecastTarget
from models.sampling import Progress
from priors.families import marginal
from priors.mixture import Component, ExpertDensity
from tests.models.monte_carlo import beyond_noise

TARGET = ForecastTarget("all_applications", "NL", "TOTAL")
COUNTRIES = ("NL", "DE", "DK", "CH", "NO", "FR")
LEVELS = (0.125, 0.5, 2 / 3, 0.875)
DRAWS = 40_000
pytestmark = pytest.mark.slow


def quick_fit(panel: PanelSeries, seed: int, progress: Progress) -> PanelFit:
    """Both roads start from the same draws, so few of them do."""
    return fit_panel(panel, seed=seed, draws=300, tune=400, chains=2, progress=progress)


@pytest.fixture(scope="module")
def applicants(shared_data: Path) -> pd.DataFrame:
    table = pd.read_csv(shared_data / "eurostat_all_applicants_monthly.csv", keep_default_na=False)
    table = table[table["geo"].isin(COUNTRIES)]
    ends = pd.PeriodIndex(table["month"], freq="M").to_timestamp(how="end").normalize()
    return pd.DataFrame(
        {
            "series": TARGET.series, "source": "eurostat", "geo": table["geo"], "citizen": "TOTAL", "track": None,
            "period": table["month"], "value": pd.array(pd.to_numeric(table["applicants"]), dtype="Int64"),
            "flag": None, "known_at": ends + pd.Timedelta(days=60),
        }
    )  # fmt: skip


def experts(last_year: float, first: int) -> ExpertDensity:
    """As last year within a sixth, or two thirds more within a quarter; about two years, the third left open."""

    def component(key: str, probability: float, factor: float, spread: float) -> Component:
        years = (first, first + 1)
        mean = factor * last_year
        beliefs = (
            marginal("lognormal", mean, spread * mean),
            marginal("lognormal", mean, 1.4 * spread * mean),
        )
        return Component(key, probability, years, beliefs)

    return ExpertDensity((component("as_now", 0.7, 1.05, 0.17), component("more", 0.3, 1.7, 0.25)), 0.8)


@pytest.mark.parametrize(
    ("cutoff", "as_of"),
    [
        (date(2012, 6, 30), date(2012, 11, 20)),
        (date(2015, 6, 30), date(2015, 12, 20)),
        (date(2016, 6, 30), date(2017, 4, 20)),
        (date(2017, 12, 31), date(2018, 6, 20)),
    ],
)
def test_the_joint_model_agrees(applicants: pd.DataFrame, cutoff: date, as_of: date) -> None:
    data = target_data(applicants, TARGET, cutoff, as_of, 3)
    fit = fit_model(data, 5, lambda share: None, quick_fit)
    with (
        patch.object(model_draws, "AT_CUTOFF_DRAWS", DRAWS),
        patch.object(model_draws, "CONTINUED_DRAWS", DRAWS),
    ):
        model = simulate_model(data, fit, 5)
    evidence, base = learn_evidence(data, model, 5), base_normals(DRAWS, 3, 5)
    last_year = data.at_as_of.counts[
        data.at_as_of.months.astype("datetime64[Y]") == np.datetime64(f"{cutoff.year - 1}", "Y")
    ].sum()
    stated = experts(float(last_year), cutoff.year)
    posterior = weigh(stated, 0.8, evidence, base, model_component(model, evidence, base))
    joint = sample_joint(stated, 0.8, evidence, posterior, 7)
    assert joint.diagnostics.divergences == 0
    assert not beyond_noise(joint, posterior, LEVELS)
