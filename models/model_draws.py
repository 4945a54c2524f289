"""The structural model's own opinion: fitted at the cutoff, simulated from there, and continued from the later months.

    at the cutoff  theta ~ p(theta | months up to the cutoff),  months after it simulated
    continued      the same theta weighed by p(later months | theta, earlier), months after those simulated

The second is the model refitted to everything known, without a second fit: later months tell little about
hyperparameters that years of data have settled. Where they do tell much (fewer than 400 effective draws left), the
model is fitted again. Worker processes only.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.evidence import Smoothing
from models.evidence_fit import yearly_totals
from models.forecast_checks import TargetData
from models.inflow import DEFAULT_PRIORS, InflowFit, InflowPriors, fit_inflow
from models.inflow_paths import InflowParameters, filter_states, one_step_log_density, simulate_log_counts
from models.pareto import effective_sample_size

Array = NDArray[np.float64]

AT_CUTOFF_DRAWS = 200_000
CONTINUED_DRAWS = 100_000
_KEPT_PATHS = 20_000
_MIN_EFFECTIVE_HYPERPARAMETERS = 400.0


@dataclass(frozen=True)
class ModelFit:
    """The fit at the cutoff and, where the later months called for one, the fit with them."""

    at_cutoff: InflowFit
    continued: InflowFit | None

    @property
    def last(self) -> InflowFit:
        """The fit the continued paths come from."""
        return self.continued or self.at_cutoff


@dataclass(frozen=True)
class ModelDraws:
    """Totals `(draw, year)` in persons, log paths `(draw, month)`, and what the summaries of evidence use.

    `log_at_cutoff` runs over the months the cutoff did not know and holds the first 20,000 draws of
    `totals_at_cutoff`; `log_paths` over the months still to come, row for row with `totals`.
    """

    totals_at_cutoff: Array
    log_at_cutoff: Array
    totals: Array
    log_paths: Array
    smoothing: Smoothing


def fit_model(
    data: TargetData, seed: int, report: Callable[[float], None], priors: InflowPriors = DEFAULT_PRIORS
) -> ModelFit:
    """Hyperparameters as the cutoff allows to know them, and again with the later months if those matter."""
    known = data.at_cutoff.until(data.observation.first_later_month - 1)
    first = fit_inflow(known, priors, seed=seed, progress=report)
    if effective_sample_size(_later_log_density(first.parameters, data)) >= _MIN_EFFECTIVE_HYPERPARAMETERS:
        return ModelFit(first, None)
    return ModelFit(first, fit_inflow(data.continued, priors, seed=seed, progress=report))


def simulate_model(data: TargetData, fit: ModelFit, seed: int) -> ModelDraws:
    """Joint draws of months and yearly totals at both moments."""
    observation = data.observation
    log_at_cutoff = _simulate_at_cutoff(data, fit.at_cutoff.parameters, seed)
    totals_at_cutoff = yearly_totals(
        log_at_cutoff, observation.horizon_months, observation.counted_at_cutoff, observation.years
    )
    log_paths = _simulate_continued(data, fit, seed + 1)
    totals = yearly_totals(log_paths, observation.future_months, observation.counted, observation.years)
    kept = log_at_cutoff[:_KEPT_PATHS].copy()
    return ModelDraws(totals_at_cutoff, kept, totals, log_paths, _smoothing(fit.at_cutoff.parameters))


def _simulate_at_cutoff(data: TargetData, parameters: InflowParameters, seed: int) -> Array:
    observation = data.observation
    state = filter_states(parameters, data.history)
    horizon = len(observation.horizon_months)
    return simulate_log_counts(
        parameters, state, observation.first_later_month, horizon, AT_CUTOFF_DRAWS, seed
    )


def _simulate_continued(data: TargetData, fit: ModelFit, seed: int) -> Array:
    observation, parameters = data.observation, fit.last.parameters
    weights = None
    if fit.continued is None and len(observation.later_counts):
        logs = _later_log_density(parameters, data)
        weights = np.exp(logs - logs.max())
    future = observation.future_months
    first = observation.first_later_month + len(observation.later_counts)
    state = filter_states(parameters, data.continued)
    return simulate_log_counts(parameters, state, first, len(future), CONTINUED_DRAWS, seed, weights)


def _later_log_density(parameters: InflowParameters, data: TargetData) -> Array:
    """How probable each hyperparameter draw made the later months; zeros where there are none."""
    if not len(data.observation.later_counts):
        return np.zeros(len(parameters))
    return one_step_log_density(parameters, data.continued, data.observation.first_later_month)


def _smoothing(parameters: InflowParameters) -> Smoothing:
    return Smoothing(float(parameters.alpha.mean()), parameters.season.mean(axis=0))
