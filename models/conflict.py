"""Whether experts and counts disagree: where the later months fall in what the experts' density implied.

    surprise = 2 min(P(S <= s), P(S >= s)),   S = sum of the later months under the experts' density

The experts' totals, drawn before the evidence, are completed to months as the model at the cutoff would; the later
months' sum s is then held against theirs. A small surprise probability says that the months were improbable under
every scenario together: the density should be discussed, not only reweighed (Box 1980, prior predictive check).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.component_draws import prior_totals, prior_waiting
from models.evidence import Evidence
from models.paths import path_rule, with_waiting
from models.posterior import prior_parts
from priors.mixture import ExpertDensity

Array = NDArray[np.float64]

FLAGGED_UNDER = 0.05
_DRAWS_PER_COMPONENT = 4_000


@dataclass(frozen=True)
class Conflict:
    """`surprise` is a two-sided tail probability, None while nothing came after the cutoff."""

    flag: bool
    surprise: float | None


def conflict(density: ExpertDensity, evidence: Evidence, base: Array, log_at_cutoff: Array) -> Conflict:
    """Measure it; `log_at_cutoff` `(draw, month)` are the model's draws over the months the cutoff did not know."""
    later = len(evidence.observation.later_counts)
    if not later:
        return Conflict(False, None)
    before = evidence.observation.without_later_months()
    rule = path_rule(log_at_cutoff, before)
    chance_below = 0.0
    parts = prior_parts(density, 1.0)
    for probability, part in parts:
        rho, own = density.year_correlation, base[:_DRAWS_PER_COMPONENT]
        totals = prior_totals(part, rho, evidence, own)
        columns = list(rule.columns)
        possible = (totals[:, columns] > before.counted[columns]).all(axis=1)
        # A total that figures revised since leave no room for expected fewer persons than came, whatever the months.
        below = np.ones(len(totals), dtype=bool)
        waiting = prior_waiting(part, rho, evidence, own, before.first_open)
        late = {start: amounts[possible] for start, amounts in waiting.items()}
        own_paths = log_at_cutoff[: len(totals)][possible]
        paths = with_waiting(totals[possible], own_paths, rule, before.future_months, late)
        below[possible] = paths[:, :later].sum(axis=1) <= evidence.observation.later_counts.sum()
        chance_below += probability * (float(below.sum()) + 0.5) / (len(below) + 1)
    surprise = 2 * min(chance_below, 1 - chance_below)
    return Conflict(surprise < FLAGGED_UNDER, surprise)
