"""What a fitted panel says about any country: its own parameters, or those of a draw from the population.

    log sigma_i = log sigma + sigma_spread z,    season_i,k = season_k + season_spread z,    z ~ Normal(0, 1)
    alpha_i     = expit(logit alpha + alpha_slope (log size_i - log 500) + alpha_spread z)

and of what is expected of the months after the panel's last (`outlook`).
A country in the panel has its own posterior, which leans on the population as far as its own months are few. One
that is not gets, for every draw of the population, a country drawn from it: the pooled predictive given its size.
This module knows nothing of how the draws were made. Worker processes only.
"""

import zlib
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from models.inflow import harmonic_basis
from models.inflow_paths import InflowParameters
from models.panel.outlook import Outlook
from models.sampling import SamplerDiagnostics
from models.series import Array

REFERENCE_SIZE = 500.0
"""Persons a month at which `alpha` is the typical gain."""


@dataclass(frozen=True)
class PanelFit:
    """Draws of a panel's posterior and the sampler's verdict on them.

    `draws` by variable name, chains after each other: (draw,) for the population's, (draw, geo, ...) or
    (draw, stretch) otherwise; `geos` in the panel with `log_sizes` (geo,) and `last_stretches` (geo,), the stretch
    that each country's present level belongs to; `outlook` what the panel's end says of the months after it.
    """

    draws: dict[str, Array]
    geos: tuple[str, ...]
    log_sizes: Array
    last_stretches: NDArray[np.int64]
    diagnostics: SamplerDiagnostics
    seed: int
    outlook: Outlook = field(default_factory=Outlook)

    def __len__(self) -> int:
        return len(self.draws["nu"])

    def parameters_for(self, geo: str, size: float | None = None) -> InflowParameters:
        """Parameters of a country, for `PanelSeries.current(geo)` and what follows it.

        A country that is not in the panel is drawn from the population given its `size`, persons in a mean month;
        without one it is as large as the panel's countries typically are.
        """
        if geo not in self.geos:
            typical = np.mean(self.log_sizes) if len(self.geos) else np.log(REFERENCE_SIZE)
            drawn = self._from_population(geo, float(typical if size is None else np.log(size)))
            return self.outlook.applied(geo, drawn, self.seed)
        place = self.geos.index(geo)
        own = self._parameters(
            gain_deviation=self.draws["alpha_deviation"][:, place],
            log_sigma=self.draws["log_sigma_geo"][:, place],
            season=self.draws["season_geo"][:, place],
            initial_level=self.draws["initial_level"][:, self.last_stretches[place]],
            log_size=float(self.log_sizes[place]),
        )
        return self.outlook.applied(geo, own, self.seed)

    def _from_population(self, geo: str, log_size: float) -> InflowParameters:
        """One new country per draw; the same country, fit and size give the same draws."""
        rng = np.random.default_rng([self.seed, zlib.crc32(geo.encode())])
        draws = self.draws
        season = draws["season"] + draws["season_spread"][:, None] * rng.standard_normal(
            draws["season"].shape
        )
        return self._parameters(
            gain_deviation=rng.standard_normal(len(self)),
            log_sigma=np.log(draws["sigma"]) + draws["sigma_spread"] * rng.standard_normal(len(self)),
            season=season,
            initial_level=np.full(len(self), log_size),
            log_size=log_size,
        )

    def _parameters(
        self, gain_deviation: Array, log_sigma: Array, season: Array, initial_level: Array, log_size: float
    ) -> InflowParameters:
        draws = self.draws
        gain = logit(draws["alpha"]) + draws["alpha_slope"] * (log_size - np.log(REFERENCE_SIZE))
        return InflowParameters(
            alpha=expit(gain + draws["alpha_spread"] * gain_deviation),
            sigma=np.exp(log_sigma),
            nu=draws["nu"],
            overdispersion=draws["overdispersion"],
            season=season @ harmonic_basis(np.arange(12)).T,
            initial_level=initial_level,
            robustness=draws["robustness"],
            size_power=draws["size_power"],
            usual_size=np.full(1, log_size),
        )
