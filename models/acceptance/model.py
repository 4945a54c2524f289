"""Acceptance rates as a pooled random walk of log odds with nothing to sample but the population and the host's path.

    log odds_s,t = level + track_s + sum of shocks up to t + breaks + z_s,t,   z as in `filter`
    shock_t ~ Normal(0, shock sqrt(years)),   offset_s ~ Normal(0, 1)
    log step_s = log typical_step + size_slope log(size_s / 55) + spread offset_s
    a first z ~ Normal(w A, start), pulled back to w A, A the nationality's log odds in the other countries

A shock moves all nationalities of a period at once: policy does, and without it the interval of the total would be
far too narrow. The filter sums out every rate, so that 20 nationalities and 60 quarters leave about 90 numbers to
sample. It must not know of forecasts or HTTP; only worker processes import it.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from models.acceptance.arguments import POPULATION, filter_arguments
from models.acceptance.data import AcceptanceData, PolicyBreak
from models.acceptance.density import acceptance_log_density
from models.backend import pm, pt
from models.prior_terms import Prior, terms_at_once
from models.sampling import Sampled, SamplerDiagnostics, Sampling, sample

Array = NDArray[np.float64]


_TUNE = 200
_TARGET_ACCEPT = 0.7
REFERENCE_SIZE = 55.0
"""Decisions a year of a nationality whose step is the typical one."""


class AcceptancePriors(BaseModel):
    """One prior per population parameter; times are in years, so that quarters and years share them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str
    typical_step: Prior
    size_slope: Prior
    spread: Prior
    turbulent_share: Prior
    turbulent_factor: Prior
    pull: Prior
    elsewhere_weight: Prior
    start: Prior
    batch: Prior
    correlation: Prior
    shock: Prior
    level: Prior
    track: Prior


_HOSTS = "Yearly first-instance decisions by origin in 31 European countries (UNHCR), "
_SCORED = (
    _HOSTS
    + "chosen by the CRPS of the next year's rate at origins 2005, 2008 and 2011, with later scores in sight: "
)
_BANDS = _HOSTS + "chosen by bands and CRPS of the next year's rate at origins 2005 to 2011: "

DEFAULT_PRIORS = AcceptancePriors(
    version="3",
    typical_step=Prior(
        family="lognormal",
        parameters={"mu": float(np.log(0.43)), "sigma": 0.25},
        source=_BANDS + "log odds of a nationality step by .43 a year in quiet years.",
    ),
    size_slope=Prior(
        family="normal",
        parameters={"mu": -0.10, "sigma": 0.03},
        source=_BANDS
        + "steps shrink by a tenth as a nationality grows by a factor e, so that bands hold alike in every size.",
    ),
    spread=Prior(
        family="lognormal",
        parameters={"mu": float(np.log(0.25)), "sigma": 0.3},
        source=_HOSTS + "steps of .35 to .9 by country; nationalities of one country differ less.",
    ),
    turbulent_share=Prior(
        family="logit_normal",
        parameters={"mu": -1.1, "sigma": 0.2},
        source=_SCORED + "one nationality-year in four is turbulent.",
    ),
    turbulent_factor=Prior(
        family="lognormal",
        parameters={"mu": float(np.log(4.0)), "sigma": 0.08},
        source=_SCORED
        + "turbulent steps are four times quiet ones. By likelihood it would be 7 to 16, which buys a "
        "few rates that go from one end to the other with 1% of the score of all the rest.",
    ),
    pull=Prior(
        family="lognormal",
        parameters={"mu": float(np.log(0.22)), "sigma": 0.4},
        source=_SCORED + "a sixth to a quarter of the way back in a year.",
    ),
    elsewhere_weight=Prior(
        family="normal",
        parameters={"mu": 0.85, "sigma": 0.15},
        source=_SCORED + "differences between nationalities elsewhere hold to .92; .6 to .9 by likelihood.",
    ),
    start=Prior(
        family="lognormal",
        parameters={"mu": float(np.log(1.8)), "sigma": 0.2},
        source=_SCORED
        + "a nationality new to a country differs by 1.8 from what other countries lead to expect.",
    ),
    batch=Prior(
        family="lognormal",
        parameters={"mu": float(np.log(3.5)), "sigma": 0.25},
        source=_SCORED
        + "decisions vary as a fifth to a quarter as many would: families are decided on together.",
    ),
    correlation=Prior(
        family="lognormal",
        parameters={"mu": float(np.log(0.003)), "sigma": 0.7},
        source=_HOSTS + "beyond families a period's decisions correlate by .002 to .01.",
    ),
    shock=Prior(
        family="lognormal",
        parameters={"mu": float(np.log(0.25)), "sigma": 0.35},
        source=_SCORED + "all nationalities of a country move together by .25 a year; .1 to .45 by country.",
    ),
    level=Prior(family="normal", parameters={"mu": 0.0, "sigma": 1.5}, source="Rates of 5 to 95%."),
    track=Prior(
        family="normal", parameters={"mu": 0.0, "sigma": 2.0}, source="Tracks are made to differ in outcome."
    ),
)
_UNIT = Prior(family="normal", parameters={"mu": 0.0, "sigma": 1.0}, source="In units of their own sd.")


@dataclass(frozen=True)
class AcceptanceFit:
    """Draws of the population, chains after each other: (draw,) or (draw, series | period | break)."""

    draws: dict[str, Array]
    diagnostics: SamplerDiagnostics
    breaks: tuple[PolicyBreak, ...]
    seed: int

    def __len__(self) -> int:
        return len(self.draws["pull"])


def build_acceptance_model(
    data: AcceptanceData, priors: AcceptancePriors = DEFAULT_PRIORS, breaks: Sequence[PolicyBreak] = ()
) -> Any:
    """The `pm.Model` of decisions; without decisions only the priors are left."""
    stated, copies = _stated(data, priors, len(breaks))
    means, sds = (np.array([getattr(b, name) for b in breaks], dtype=float) for name in ("mean", "sd"))
    within = break_cells(data, breaks)
    with pm.Model() as model:
        sizes, years = pm.Data("log_sizes", log_sizes(data)), pm.Data("years", data.years)
        cells = pm.Data("cells", np.concatenate([_track_cells(data), sds[:, None, None] * within]))
        known = pm.Data("known", np.tensordot(means, within, axes=1))
        sampled = terms_at_once("sampled", stated, copies)
        arguments = filter_arguments(sampled, sizes, cells, known, years)
        first = pt.cast(pm.Data("first", data.first.astype(float)), "int64")
        density = acceptance_log_density(*arguments, pm.Data("counts", counts_of(data)), first, years)[0]
        pm.Potential("log_density", pt.sum(density))
        # Those who read the draws want these; `arguments` has steps and breaks of its own.
        logs = model["size_slope"] * sizes + model["spread"] * model["offset"]
        pm.Deterministic("step", model["typical_step"] * pt.exp(logs))
        if breaks:
            size = pm.Data("break_mean", means) + pm.Data("break_sd", sds) * model["break_normal"]
            pm.Deterministic("break_effect", size)
    return model


def _stated(
    data: AcceptanceData, priors: AcceptancePriors, breaks: int
) -> tuple[dict[str, Prior], dict[str, int]]:
    """Priors of all that is sampled in the order of `filter_arguments`, and how many copies there are of some."""
    stated = {name: getattr(priors, name) for name in POPULATION}
    stated |= {"shock_normal": _UNIT, "level": priors.level, "offset": _UNIT}
    copies = {"shock_normal": len(data.periods) - 1, "offset": len(data.citizens)}
    if (tracks := len(set(data.tracks)) - 1) > 0:
        stated["track"], copies["track"] = priors.track, tracks
    if breaks:
        stated["break_normal"], copies["break_normal"] = _UNIT, breaks
    return stated, copies


def log_sizes(data: AcceptanceData) -> Array:
    """`(series,)` log of a series' decisions in a mean year with any, relative to `REFERENCE_SIZE`."""
    decided = (data.total > 0).sum(axis=0)
    mean = data.total.sum(axis=0) / np.maximum(decided, 1) / data.years
    return np.where(decided > 0, np.log(np.maximum(mean, 1.0) / REFERENCE_SIZE), 0.0)


def counts_of(data: AcceptanceData) -> Array:
    """`(3, period, series)`: positive, total, and log odds elsewhere as far as they can be trusted."""
    return np.stack([data.positive, data.total, (data.elsewhere * data.told)[:-1]])


def _track_cells(data: AcceptanceData) -> Array:
    """`(other track, period, series)`: 1 for the series of a track other than the first."""
    tracks, belongs = np.unique(data.tracks, return_inverse=True)
    in_track = np.equal.outer(np.arange(1, len(tracks)), belongs).astype(float)
    return np.repeat(in_track[:, None, :], len(data.periods), axis=1)


def break_cells(data: AcceptanceData, breaks: Sequence[PolicyBreak]) -> Array:
    """`(break, period, series)`: 1 where a break holds. Raises ValueError for one that touches nothing."""
    cells = np.zeros((len(breaks), len(data.periods), len(data.citizens)))
    for place, declared in enumerate(breaks):
        of = np.array([declared.citizen in (None, citizen) for citizen in data.citizens])
        since = np.array([period >= declared.period for period in data.periods])
        if not of.any():
            raise ValueError(f"a break is declared for {declared.citizen}, of which there are no decisions")
        if since.all() or not since.any():
            raise ValueError(
                f"the break of {declared.period} must lie within {data.periods[0]}-{data.periods[-1]}"
            )
        cells[place] = np.outer(since, of)
    return cells


def fit_acceptance(
    data: AcceptanceData,
    priors: AcceptancePriors = DEFAULT_PRIORS,
    breaks: Sequence[PolicyBreak] = (),
    **options: Unpack[Sampling],
) -> AcceptanceFit:
    """Sample the population. The same data, priors and seed give the same draws.

    `options` go to `models.sampling.sample`; 200 tuning draws where they do not say how many.

    Raises ValueError when there is no decision at all, or a break touches nothing.
    """
    if not data.total.sum():
        raise ValueError("there are no decisions")
    structure = (
        "acceptance",
        priors.model_dump_json(),
        data.total.shape,
        len(set(data.tracks)),
        len(breaks),
    )
    sampled = sample_population(build_acceptance_model(data, priors, breaks), structure, **options)
    return AcceptanceFit(sampled.flat, sampled.diagnostics, tuple(breaks), options["seed"])


def sample_population(model: Any, structure: Hashable | None = None, **options: Unpack[Sampling]) -> Sampled:
    """Draws of a model of `build_acceptance_model`; 200 tuning draws where `options` do not say how many.

    Steps are long: a target acceptance of .7 takes half the gradients of .8, and effective draws are plenty.
    """
    options.setdefault("tune", _TUNE)
    return sample(
        model,
        mass_matrix="low_rank",
        target_accept=_TARGET_ACCEPT,
        structure=structure,
        derive_after=True,
        **options,
    )
