"""The structural model's own opinion: fitted at the cutoff, simulated from there, and continued from the later months.

    at the cutoff  theta ~ p(theta | all countries' months known at the cutoff),  the target's months after it simulated
    continued      the same theta weighed by p(the target's later months | theta, earlier), months after those simulated

The second is the model refitted to everything known, without a second fit: later months tell little about
hyperparameters that years of data have settled. What they tell is about the target's own; other countries' later
months reach it only through the population's, which hundreds of months hold, so they do not weigh. Where the target's
do tell much (fewer than 400 effective draws left), or its level restarted, all countries are fitted again to all that
is known. `theta` holds what the fit of all countries says of the target. What the panel's end says of the months after
it (`panel.outlook`) is read at the cutoff for the first and at `as_of` for the second, as a refit would; it is no part
of theta and does not weigh. Worker processes only.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.evidence import Smoothing
from models.evidence_fit import yearly_totals
from models.forecast_checks import TargetData
from models.inflow_paths import InflowParameters, filter_states, one_step_log_density, simulate_log_counts
from models.measurement.completeness import typical_variance
from models.panel.fit import PanelFit
from models.panel.model import fit_panel
from models.panel.outlook import Outlook, outlook_of
from models.panel.series import PanelSeries
from models.pareto import effective_sample_size
from models.sampling import Progress, SamplerDiagnostics
from models.series import LEAST_COUNT

Array = NDArray[np.float64]

AT_CUTOFF_DRAWS = 200_000
CONTINUED_DRAWS = 100_000
DRAWS_PER_CHAIN = 1_500
"""Of four chains: among the hundreds of a panel's hyperparameters one or the other has an r-hat near 1.01 at 1,000."""
_KEPT_PATHS = 20_000
_STREAM = 11  # keeps the noise of published figures apart from the random numbers of the flow
_MIN_EFFECTIVE_HYPERPARAMETERS = 400.0


PanelFitter = Callable[[PanelSeries, int, Progress], PanelFit]
"""Fits a panel with a seed, or finds the fit that was made of it before."""


@dataclass(frozen=True)
class CountryFit:
    """What a fit of all countries says of one, with the sampler's verdict on the whole.

    `parameters` with the outlook at the end of the months that were fitted, `renewed` with that at `as_of`, and
    `theta` with none; the last two are as the first unless given.
    """

    parameters: InflowParameters
    diagnostics: SamplerDiagnostics
    renewed: InflowParameters | None = None
    theta: InflowParameters | None = None

    @property
    def for_later(self) -> InflowParameters:
        """What simulates the months after `as_of`."""
        return self.parameters if self.renewed is None else self.renewed

    @property
    def to_weigh(self) -> InflowParameters:
        """What later months are evidence about."""
        return self.parameters if self.theta is None else self.theta


@dataclass(frozen=True)
class ModelFit:
    """The fit at the cutoff and, where the later months called for one, the fit with them."""

    at_cutoff: CountryFit
    continued: CountryFit | None

    @property
    def last(self) -> CountryFit:
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


def fit_all_countries(panel: PanelSeries, seed: int, progress: Progress) -> PanelFit:
    """The plain `PanelFitter`: fits every time."""
    return fit_panel(panel, seed=seed, draws=DRAWS_PER_CHAIN, progress=progress)


def fit_model(
    data: TargetData, seed: int, report: Progress, fitter: PanelFitter = fit_all_countries
) -> ModelFit:
    """Hyperparameters as the cutoff allows to know them, and again with the later months if those matter."""
    first = _of_target(fitter(data.panel_at_cutoff, seed, report), data)
    if data.same_level and _effective(first, data) >= _MIN_EFFECTIVE_HYPERPARAMETERS:
        return ModelFit(first, None)
    return ModelFit(first, _of_target(fitter(data.panel_at_as_of, seed, report), data))


def _of_target(fit: PanelFit, data: TargetData) -> CountryFit:
    """A target the panel has no figure of, because all were retracted, is a country of its size from the population."""
    size = max(float(np.nanmean(data.history.counts)), 1.0)
    now = outlook_of(data.panel_at_as_of, fit.outlook.prior)
    renewed, theta = (
        replace(fit, outlook=outlook).parameters_for(data.geo, size) for outlook in (now, Outlook())
    )
    return CountryFit(fit.parameters_for(data.geo, size), fit.diagnostics, renewed, theta)


def _effective(fit: CountryFit, data: TargetData) -> float:
    return effective_sample_size(_later_log_density(fit.to_weigh, data))


def simulate_model(data: TargetData, fit: ModelFit, seed: int) -> ModelDraws:
    """Joint draws of months and yearly totals at both moments."""
    observation = data.observation
    log_at_cutoff = _simulate_at_cutoff(data, fit.at_cutoff.parameters, seed)
    _as_published(log_at_cutoff, data, seed)
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


def _as_published(log_counts: Array, data: TargetData, seed: int) -> None:
    """Give the later months `(draw, month)` of draws at the cutoff the noise of unsettled figures, in place.

    What is weighed is how probable the figure is that was published, and totals count it as it stands: a month that
    may yet be revised says less about the year than a settled one. Levels and months after it are those of the flow.
    """
    continued, later = data.continued, len(data.observation.later_counts)
    variance = (continued.extra * typical_variance(continued.counts))[len(continued) - later :]
    rng = np.random.default_rng([seed, _STREAM])
    for month in np.flatnonzero(variance > 0):
        published = log_counts[:, month] + np.sqrt(variance[month]) * rng.standard_normal(len(log_counts))
        log_counts[:, month] = np.maximum(published, np.log(LEAST_COUNT))


def _simulate_continued(data: TargetData, fit: ModelFit, seed: int) -> Array:
    observation, parameters = data.observation, fit.last.for_later
    weights = None
    if fit.continued is None and len(observation.later_counts):
        logs = _later_log_density(fit.last.to_weigh, data)
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
