"""An archive's forecasts as arrays, whatever their forms: quantiles, centres, PIT, scores by case.

Cases stated alike are gathered (by levels, by number of draws, all mixtures together) and asked together, which is what
makes ten thousand of them a matter of a second; answers come back in the archive's order, NaN where a form says
nothing. Axis order: case, then level. This module must not know what is done with the answers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.calibration.forms import Form, MixtureForm, QuantileForm, sorted_draws
from models.calibration.mixtures import mixtures
from models.calibration.records import ArchivedForecast

Array = NDArray[np.float64]
Places = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Statements:
    """`groups`: places of cases and the form they share; every case is in exactly one."""

    cases: int
    groups: tuple[tuple[Places, Form], ...]

    def quantiles(self, levels: Sequence[float]) -> Array:
        """`(case, level)` persons."""
        wanted = np.asarray(levels, dtype=float)
        return self._gathered((self.cases, len(wanted)), lambda form, places: form.quantiles(wanted))

    def medians(self) -> Array:
        """`(case,)` the point or the median (persons)."""
        return self._gathered((self.cases,), lambda form, places: form.medians())

    def pit(self, outcomes: Array) -> tuple[Array, Array]:
        """`(lower, upper)`, each (case,): all that is known of the PIT of each outcome (case,)."""
        both = self._gathered(
            (self.cases, 2), lambda form, places: np.column_stack(form.pit(outcomes[places]))
        )
        return both[:, 0], both[:, 1]

    def crps(self, outcomes: Array) -> Array:
        """`(case,)` persons; NaN for quantiles and points."""
        return self._gathered((self.cases,), lambda form, places: form.crps(outcomes[places]))

    def log_score(self, outcomes: Array) -> Array:
        """`(case,)` minus the log density per person; NaN for quantiles and points."""
        return self._gathered((self.cases,), lambda form, places: form.log_score(outcomes[places]))

    def exceedance(self, thresholds: Sequence[float]) -> Array:
        """`(case, threshold)` stated chance of more; NaN for quantiles and points."""
        wanted = np.asarray(thresholds, dtype=float)
        return self._gathered((self.cases, len(wanted)), lambda form, places: form.exceedance(wanted))

    def _gathered(self, shape: tuple[int, ...], ask: Callable[[Form, Places], Array]) -> Array:
        out = np.full(shape, np.nan)
        for places, form in self.groups:
            out[places] = ask(form, places)
        return out


def statements(forecasts: Sequence[ArchivedForecast]) -> Statements:
    """The forecasts (case,) as arrays. Raises ValueError for one that states no form."""
    alike: dict[Hashable, list[int]] = defaultdict(list)
    for place, forecast in enumerate(forecasts):
        alike[_form_key(forecast)].append(place)
    groups = tuple(
        (np.array(places), _form([forecasts[place] for place in places])) for places in alike.values()
    )
    return Statements(len(forecasts), groups)


def quantiles_at(forecasts: Sequence[ArchivedForecast], levels: Sequence[float]) -> Array:
    """`(case, level)` quantiles (persons); NaN where a form does not state one."""
    return statements(forecasts).quantiles(levels)


def _form_key(forecast: ArchivedForecast) -> Hashable:
    if forecast.scenarios is not None:
        return "scenarios"
    if forecast.draws is not None:
        return "draws", len(forecast.draws)
    if forecast.quantiles is not None:
        return tuple(one.level for one in forecast.quantiles)
    if forecast.point is None:
        raise ValueError(f"the forecast of {forecast.target_year} in {forecast.edition} states no form")
    return "point"


def _form(alike: Sequence[ArchivedForecast]) -> Form:
    first = alike[0]
    if first.scenarios is not None:
        return MixtureForm(mixtures(alike))
    if first.draws is not None:
        return sorted_draws([one.draws or () for one in alike])
    if first.quantiles is not None:
        levels = np.array([one.level for one in first.quantiles])
        values = [[stated.value for stated in one.quantiles or ()] for one in alike]
        return QuantileForm(levels, np.array(values, dtype=float))
    return QuantileForm(np.array([0.5]), np.array([[one.point] for one in alike], dtype=float))
