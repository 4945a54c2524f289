"""Which months moved the scenarios: posterior probabilities after the first, the second, ... later month.

    P(k | first t later months)  proportional to  prior_k E_k[w_t],   t = 0, 1, ..., all

w_t is the evidence of the first t months, fitted to fewer of the model's draws than the forecast's own and without its
correction; the last step is the forecast's own answer. A difference between two steps is what the month between them
did, given those before. Worker processes only.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.evidence import Evidence
from models.evidence_fit import fit_evidence
from models.observation import Observation, years_of
from models.posterior import MODEL_KEY, NothingLeft, Posterior, posterior_probabilities, prior_parts
from models.weighting import weigh_component
from priors.mixture import Component, ExpertDensity

Array = NDArray[np.float64]

MOST_STEPS = 12
_FITTED_DRAWS = 5_000
_ROWS = 4_096


@dataclass(frozen=True)
class MonthStep:
    """Probabilities by component, in the posterior's order, after `month` ('YYYY-MM'); None: before any."""

    month: str | None
    probabilities: tuple[float, ...]


def month_by_month(
    density: ExpertDensity | None,
    posterior: Posterior,
    evidence: Evidence,
    log_at_cutoff: Array,
    base: Array,
    seed: int,
) -> tuple[MonthStep, ...]:
    """The steps from the prior to the posterior; none without later months or without experts.

    With more than MOST_STEPS later months the steps are taken over several months each. A step at which every
    component is ruled out is left out.
    """
    months = [str(month) for month in evidence.observation.later_months]
    if not months or density is None or len(posterior.keys) < 2:
        return ()
    ends = np.unique(np.linspace(1, len(months), min(len(months), MOST_STEPS)).round().astype(int))
    steps = [MonthStep(None, tuple(posterior.prior.tolist()))]
    for end in ends[:-1].tolist():
        known = fit_evidence(
            log_at_cutoff[:_FITTED_DRAWS], first_months(evidence.observation, end), evidence.smoothing, seed
        )
        try:
            steps.append(MonthStep(months[end - 1], _probabilities(density, posterior, known, base)))
        except NothingLeft:
            continue
    return (*steps, MonthStep(months[-1], tuple(posterior.probabilities.tolist())))


def _probabilities(
    density: ExpertDensity, posterior: Posterior, evidence: Evidence, base: Array
) -> tuple[float, ...]:
    own = {part.key: part for _, part in prior_parts(density, 1.0)}
    nobody = Component(MODEL_KEY, 1.0, (), ())
    logs = [
        weigh_component(own.get(key, nobody), density.year_correlation, evidence, base[:_ROWS]).log_evidence
        for key in posterior.keys
    ]
    return tuple(posterior_probabilities(posterior.prior, logs).tolist())


def first_months(observation: Observation, count: int) -> Observation:
    """The calendar as it stood when only the first `count` later months had come."""
    later = observation.later_counts[:count]
    of_year = years_of(observation.later_months[:count])
    inside = np.array([of_year == year for year in observation.years])
    return replace(
        observation,
        counted=observation.counted_at_cutoff + inside @ later,
        months_counted=observation.months_counted - observation.later_by_year + inside.sum(axis=1),
        later_counts=later,
    )
