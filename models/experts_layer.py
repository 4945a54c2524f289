"""The experts' density as a layer: closed forms where every scenario states the year, draws where some leave it open.

A year that all scenarios state is answered from the mixture itself, so a forecast shows the very numbers that the
scenario set shows. Other years are completed from the model and only known as draws.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.layers import Density, Layer
from priors.mixture import ExpertDensity

Array = NDArray[np.float64]


@dataclass(frozen=True)
class ExpertsLayer:
    """`drawn` covers all target years; `mixture` those in `stated`."""

    drawn: Layer
    mixture: ExpertDensity
    stated: tuple[int, ...]

    @property
    def years(self) -> tuple[int, ...]:
        """The target years."""
        return self.drawn.years

    def quantiles(self, levels: Sequence[float]) -> Array:
        """Quantiles `(level, year)` in persons."""
        out = self.drawn.quantiles(levels)
        for j, year in enumerate(self.years):
            if year in self.stated:
                out[:, j] = self.mixture.ppf(year, np.asarray(levels))
        return out

    def mean(self) -> Array:
        """Means `(year,)` in persons."""
        return self._exact_where_stated(self.mixture.mean, self.drawn.mean())

    def sd(self) -> Array:
        """Standard deviations `(year,)` in persons."""
        return self._exact_where_stated(self.mixture.sd, self.drawn.sd())

    def _exact_where_stated(self, exact: Callable[[int], float], drawn: Array) -> Array:
        return np.array([exact(y) if y in self.stated else d for y, d in zip(self.years, drawn, strict=True)])

    def exceedance(self, year: int, above: float) -> tuple[float, float]:
        """Chance of a total above `above` and its Monte Carlo error, 0 in closed form."""
        if year in self.stated:
            return self.mixture.exceedance(year, above), 0.0
        return self.drawn.exceedance(year, above)

    def density(self, year: int, points: int = 201) -> Density:
        """As Layer.density, exact where stated."""
        drawn = self.drawn.density(year, points)
        if year not in self.stated:
            return drawn
        return Density(drawn.x, self.mixture.pdf(year, drawn.x), self.mixture.cdf(year, drawn.x))
