"""The totals of one component of the prior, over all target years, as a function of standard normals.

    totals = T(base),  base ~ N(0, I)

A component is a scenario, with the events that may occur on top of it, or the unforeseen part. Years it states come
from its own copula, events on top (models/stated_draws.py); years it leaves open follow the model's conditional
density given the stated ones; years counted in full since the cutoff are conditioned on. Everything is a function
of one matrix of standard normals, so that a moved slider moves the draws instead of redrawing them.

Runs in the web process on every edit: NumPy and SciPy only. Must not know how draws are weighed.
"""

import numpy as np
from numpy.typing import NDArray

from models.event_normals import columns_needed
from models.evidence import Evidence
from models.gaussian_mixture import GaussianMixture
from models.stated_draws import FurtherDraws, before_cutting, stated_totals
from priors.copula import log_density
from priors.events import added_amounts, occurrences, restricted_additions, waiting_amounts
from priors.mixture import Component

Array = NDArray[np.float64]


def prior_totals(component: Component, year_correlation: float, evidence: Evidence, base: Array) -> Array:
    """The component's totals `(draw, year)` before any evidence, years known at the cutoff at their count."""
    years = evidence.observation.years
    base = base[:, : columns_needed(component, len(years))]
    additions = restricted_additions(component.additions, open_years_of(evidence))
    added = added_amounts(additions, years, year_correlation, base[:, len(years) + 1 :])
    return drawn_totals(component, year_correlation, evidence, base, added, completed={})[0]


def prior_waiting(
    component: Component, year_correlation: float, evidence: Evidence, base: Array, first_open: str
) -> dict[str, Array]:
    """The part `(draw, year)` of `prior_totals` from events that begin in `first_open` or later, by month (YYYY-MM)."""
    years = evidence.observation.years
    of_events = base[:, len(years) + 1 : columns_needed(component, len(years))]
    additions = restricted_additions(component.additions, open_years_of(evidence))
    occurring = occurrences(additions, len(years) + 1, of_events)
    return waiting_amounts(additions, years, year_correlation, of_events, occurring, first_open)


def completed_totals(evidence: Evidence) -> dict[int, float]:
    """The totals of the years whose last month was counted after the cutoff."""
    observation = evidence.observation
    found = zip(observation.years, observation.counted, observation.completed_since, strict=True)
    return {year: float(total) for year, total, done in found if done}


def drawn_totals(
    component: Component,
    year_correlation: float,
    evidence: Evidence,
    base: Array,
    added: Array,
    completed: dict[int, float],
    further: FurtherDraws | None = None,
) -> tuple[Array, Array]:
    """Totals of all target years, and the log density of the completed ones under the component.

    `base` `(draw, year + 1)` are the normals, `added` `(draw, year)` what events add. A year's totals stand together.
    `further` as in `stated_totals`.
    """
    observation = evidence.observation
    open_years = open_years_of(evidence)
    own = restricted(component, open_years)
    fixed = {y: n for y, n in completed.items() if y in own.years}
    free = [y for y in own.years if y not in fixed]
    drawn, log_factor = stated_totals(own, year_correlation, observation.years, fixed, base, added, further)
    possible = bool(np.isfinite(log_factor).any())
    if possible and tuple(free) == observation.years:
        return drawn, log_factor
    totals = np.empty((len(base), len(observation.years)), base.dtype, order="F")
    totals[:] = observation.counted
    if not possible:
        return totals, log_factor
    for place, year in enumerate(free):
        totals[:, observation.years.index(year)] = drawn[:, place]
    unstated = [y for y in open_years if y not in own.years]
    if unstated:
        totals, extra = _complete_years(totals, evidence, unstated, completed, base)
        log_factor += extra
    return totals, log_factor


def _complete_years(
    totals: Array, evidence: Evidence, unstated: list[int], completed: dict[int, float], base: Array
) -> tuple[Array, Array]:
    """Fill the years nobody stated from the model, given the stated and the completed ones."""
    observation = evidence.observation
    open_years = open_years_of(evidence)
    counted = dict(zip(observation.years, observation.counted, strict=True))
    for year in unstated:
        totals[:, observation.years.index(year)] = counted[year]
    logs = evidence.log_totals(totals)
    stated = [i for i, y in enumerate(open_years) if y not in unstated]
    given = [i for i, y in enumerate(open_years) if y in unstated and y in completed]
    known = sorted(stated + given)
    mixture = evidence.totals_mixture
    log_factor = _log_density_of_given(mixture, stated, given, logs)
    if given:
        log_factor = log_factor - logs[:, given].sum(axis=1)  # from logs to persons
    columns = [observation.years.index(y) for i, y in enumerate(open_years) if i not in known]
    drawn = mixture.complete(known, logs[:, known], base[:, [*columns, len(observation.years)]])
    totals[:, columns] = observation.counted_at_cutoff[columns] + np.exp(drawn)
    return totals, log_factor


def _log_density_of_given(
    mixture: GaussianMixture, stated: list[int], given: list[int], logs: Array
) -> Array:
    if not given:
        return np.zeros(len(logs))
    both = sorted(stated + given)
    joint = mixture.marginal(both).log_density(logs[:, both])
    return joint - mixture.marginal(stated).log_density(logs[:, stated]) if stated else joint


def restricted(component: Component, years: list[int]) -> Component:
    """The component's statements about the given years only."""
    stated = {*component.years, *(y for group in component.additions for part in group for y in part.years)}
    if stated <= set(years):
        return component
    kept = [(y, m) for y, m in zip(component.years, component.marginals, strict=True) if y in years]
    return Component(
        component.key,
        component.probability,
        tuple(y for y, _ in kept),
        tuple(m for _, m in kept),
        restricted_additions(component.additions, years),
    )


def open_years_of(evidence: Evidence) -> list[int]:
    """The target years whose total the cutoff did not know."""
    observation = evidence.observation
    return [y for y, is_open in zip(observation.years, observation.open_at_cutoff, strict=True) if is_open]


def log_prior(
    component: Component,
    year_correlation: float,
    evidence: Evidence,
    totals: Array,
    added: Array | None = None,
) -> Array:
    """Log density `(draw,)` of the component at totals `(draw, year)`, per person of every open year.

    Stated years by the component's copula, the others by the model's conditional density given those. Of a component
    with events it is the density given what they `added` `(draw, year)`. Raises ValueError where that is not given.
    """
    if component.additions and added is None:
        raise ValueError("totals with events on top have a density only given what the events add")
    open_years = open_years_of(evidence)
    own = restricted(component, open_years)
    beliefs, density = np.empty((len(totals), len(own.years))), np.zeros(len(totals))
    for place, year in enumerate(own.years):
        column = evidence.observation.years.index(year)
        beliefs[:, place], log_slope = before_cutting(own.total(year), totals[:, column])
        density += log_slope
        if added is not None:
            beliefs[:, place] -= added[:, column]
    if own.years:
        density += log_density(own, year_correlation, beliefs)
    logs = evidence.log_totals(totals)
    unstated = [i for i, y in enumerate(open_years) if y not in own.years]
    stated = [i for i, y in enumerate(open_years) if y in own.years]
    if unstated:
        density += _log_density_of_given(evidence.totals_mixture, stated, unstated, logs)
        density -= logs[:, unstated].sum(axis=1)
    return density
