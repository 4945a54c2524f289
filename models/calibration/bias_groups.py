"""The bias by group: stages, issuers and horizons from the pooled effects, periods and years, experts.

Groups of one fit are partially pooled towards the bias over all. A period is fitted by itself: its forecasts alone. The
mean error of one target year is shown with the sd that shared surprises give it, which is why one year shows nothing.
An expert is compared with the other experts on the same editions and years, where surprises cancel, and that deviation
is shrunk as the spread of experts suggests. This module must not know how draws are made.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from models.calibration.answer import GroupBias
from models.calibration.bias_cells import Cells, group_effects, structure_of
from models.calibration.bias_posterior import BiasPosterior, bias_posterior, summary_95
from models.calibration.gaussian_draws import EDITION, NOISE, SHOCK, GaussianDraws, draw_scales
from models.calibration.records import ArchivedForecast, BiasPriors, ScalePrior

Array = NDArray[np.float64]

DRAWS, TUNE = 800, 200
_LEAST_YEARS_PER_PERIOD = 2
_LEAST_EXPERT_EDITIONS = 2


def pooled_groups(
    found: Cells, draws: GaussianDraws, name: str, priors: BiasPriors, rope: float
) -> tuple[GroupBias, ...]:
    """Groups of one family (`stage`, `issuer`, `horizon`): the bias and the group's deviation, drawn together."""
    names, codes = {
        "stage": (found.stages, found.stage),
        "issuer": (found.issuers, found.issuer),
        "horizon": (tuple(str(h) for h in found.horizons), found.horizon),
    }[name]
    effects = group_effects(found, draws.effects, name)
    log_weight = -(draws.bias**2) / (2 * priors.bias_sd**2)
    weights = np.exp(log_weight - log_weight.max())
    weights /= weights.sum()
    groups = []
    for place, group in enumerate(names):
        # A draw stands for a normal of small width, so that all groups are summed up alike.
        values = draws.bias + effects[:, place]
        narrow = np.full(len(values), max(float(values.std()) / 20, 1e-9))
        posterior = BiasPosterior(weights, values, narrow)
        groups.append(_group(group, posterior, int((codes == place).sum()), rope, len(names)))
    return tuple(groups)


def periods(
    found: Cells, priors: BiasPriors, shock: ScalePrior, rope: float, seed: int
) -> tuple[GroupBias, ...]:
    """The first and the second half of the target years, each fitted by itself; () with too few years."""
    years = np.unique(found.target_year)
    if len(years) < 2 * _LEAST_YEARS_PER_PERIOD:
        return ()
    halves = years[: len(years) // 2], years[len(years) // 2 :]
    groups = []
    for number, half in enumerate(halves):
        part = cells_where(found, np.isin(found.target_year, half))
        draws = draw_scales(structure_of(part, priors, shock), part.error, DRAWS, TUNE, seed + number)
        posterior = bias_posterior(draws, priors.bias_sd)
        groups.append(_group(f"{half[0]}-{half[-1]}", posterior, len(part.error), rope, 2))
    return tuple(groups)


def target_years(found: Cells, draws: GaussianDraws) -> tuple[GroupBias, ...]:
    """Mean error of each target year, with its sd under no bias at the posterior means of the scales."""
    scales = draws.scales.mean(axis=0)
    groups = []
    for year in np.unique(found.target_year):
        of_year = np.flatnonzero(found.target_year == year)
        exposure = found.loading[of_year].mean(axis=0)
        shares = np.bincount(found.edition[of_year]) / len(of_year)
        variance = (
            scales[SHOCK] ** 2 * np.sum(exposure**2 * found.length)
            + scales[EDITION] ** 2 * np.sum(shares**2)
            + scales[NOISE] ** 2 / len(of_year)
        )
        mean, sd = float(found.error[of_year].mean()), float(np.sqrt(variance))
        groups.append(_normal_group(str(year), mean, sd, len(of_year)))
    return tuple(groups)


def experts(
    forecasts: Sequence[ArchivedForecast], log_errors: Array, overall: BiasPosterior
) -> tuple[GroupBias, ...]:
    """Every expert's bias: that of all, and the expert's own shrunk deviation from the others."""
    deviations = _deviations(forecasts, log_errors)
    names = [name for name, of in deviations.items() if len(of) >= _LEAST_EXPERT_EDITIONS]
    if len(names) < 2:
        return ()
    means = np.array([np.mean(list(deviations[name].values())) for name in names])
    counts = np.array([len(deviations[name]) for name in names])
    within = np.concatenate(
        [np.array(list(deviations[n].values())) - m for n, m in zip(names, means, strict=True)]
    )
    variance = float(np.sum(within**2) / max(len(within) - len(names), 1)) / counts
    between = max(float(np.var(means, ddof=1) - variance.mean()), 0.0)
    kept = between / (between + variance)
    sds = np.sqrt(overall.sd**2 + kept * variance)
    return tuple(
        _normal_group(name, overall.mean + float(k * m), float(sd), int(n))
        for name, k, m, sd, n in zip(names, kept, means, sds, counts, strict=True)
    )


def cells_where(found: Cells, chosen: NDArray[np.bool_]) -> Cells:
    """The chosen cells, with only the editions and shocks they touch."""
    editions, of_edition = np.unique(found.edition[chosen], return_inverse=True)
    since = np.cumsum(found.gap)
    gap = np.where(found.gap[editions] > 0, np.diff(since[editions], prepend=0.0), 0.0)
    gap[0] = 0.0
    touched = np.flatnonzero(np.any(found.loading[chosen] > 0, axis=0))
    _, half_year = np.unique(found.half_year[touched], return_inverse=True)
    horizons, of_horizon = np.unique(found.horizon[chosen], return_inverse=True)
    return replace(
        found,
        error=found.error[chosen],
        target_year=found.target_year[chosen],
        horizon=of_horizon.astype(np.int64),
        stage=found.stage[chosen],
        issuer=found.issuer[chosen],
        edition=of_edition.astype(np.int64),
        gap=gap,
        loading=found.loading[chosen][:, touched],
        length=found.length[touched],
        half_year=half_year.astype(np.int64),
        horizons=tuple(found.horizons[place] for place in horizons),
        editions=tuple(found.editions[place] for place in editions),
    )


def _deviations(
    forecasts: Sequence[ArchivedForecast], log_errors: Array
) -> dict[str, dict[tuple[str, str], float]]:
    """By expert and edition: the mean log difference from the mean of the experts about the same years."""
    alike: dict[tuple[str, ...], list[tuple[str, float]]] = defaultdict(list)
    for one, error in zip(forecasts, log_errors.tolist(), strict=True):
        if one.expert is not None and np.isfinite(error):
            alike[one.issuer, one.edition, one.stage, str(one.target_year)].append((one.expert, error))
    own: dict[str, dict[tuple[str, str], list[float]]] = defaultdict(lambda: defaultdict(list))
    for (issuer, edition, *_), members in alike.items():
        if len(members) > 1:
            centre = float(np.mean([error for _, error in members]))
            for expert, error in members:
                own[expert][issuer, edition].append(error - centre)
    return {
        expert: {edition: float(np.mean(values)) for edition, values in of.items()}
        for expert, of in sorted(own.items())
    }


def _group(group: str, posterior: BiasPosterior, n: int, rope: float, questions: int) -> GroupBias:
    numbers = summary_95(posterior)
    return GroupBias(group=group, n=n, verdict=posterior.verdict(rope, questions), **numbers)


def _normal_group(group: str, mean: float, sd: float, n: int) -> GroupBias:
    reach = 1.959963984540054 * sd
    return GroupBias(
        group=group,
        mean=mean,
        sd=sd,
        lower95=mean - reach,
        upper95=mean + reach,
        probability_positive=float(ndtr(mean / sd)) if sd > 0 else float(mean > 0),
        n=n,
    )
