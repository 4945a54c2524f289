"""A belief from a few judgements: quantiles, or chips in bins (roulette), fitted to a family by least squares.

    minimise over (mean, sd)   sum_i (F(value_i; mean, sd) - level_i)²

the distance between distribution functions, as in SHELF (Oakley & O'Hagan). Roulette: the level at an inner edge is
the share of chips below it. Two judgements fix two parameters and leave no residual, which is said. What is fitted
comes back with what it implies; must not know scenarios.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import optimize, special

from priors.faults import Fault
from priors.feedback_words import chance_nl, persons_nl
from priors.kernels import FloatArray
from priors.parents import SKEWED_FAMILIES, parent
from priors.spread import FAMILIES, LARGEST_PERSONS, LARGEST_SKEWED_RELATIVE_SD, SMALLEST_RELATIVE_SD

FIT_DEGREES_OF_FREEDOM = 4.0
_NOTEWORTHY = 0.05
_MOST = 200


class InvalidJudgements(ValueError):
    """The judgements fix no belief; `faults` says why, by pointer into them."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("; ".join(f"{fault.field}: {fault.detail}" for fault in faults))
        self.faults = tuple(faults)


@dataclass(frozen=True)
class Judged:
    """Levels in (0, 1), ascending, with the values (persons) they were given."""

    levels: tuple[float, ...]
    values: tuple[float, ...]


@dataclass(frozen=True)
class Fit:
    """A family member near the judgements: `residual` is the root of the mean squared difference of levels.

    `reached` are the fitted levels at the judged values.
    """

    family: str
    expected: float
    spread: float
    residual: float
    reached: tuple[float, ...]


@dataclass(frozen=True)
class FitRemark:
    """Something to say back about a fit, in two languages, with its number."""

    code: str
    severity: str
    value: float
    detail: str
    detail_nl: str


def judged_quantiles(points: Sequence[tuple[float, float]]) -> Judged:
    """Judgements from (level, value) pairs in any order; raises InvalidJudgements."""
    faults = [
        Fault(
            f"/points/{i}/level",
            "must lie between 0 and 1, both excluded",
            "Een kans ligt tussen 0 en 100%, beide niet meegerekend.",
        )
        for i, (level, _) in enumerate(points)
        if not 0.0 < level < 1.0
    ]
    order = sorted(range(len(points)), key=lambda i: points[i])
    for before, after in itertools.pairwise(order):
        (low, first), (high, second) = points[before], points[after]
        if low == high:
            dutch = f"De kans {chance_nl(high)} staat er twee keer."
            faults.append(Fault(f"/points/{after}/level", f"the level {high:g} is given twice", dutch))
        elif second <= first:
            detail = f"{second:,g} at {high:g} must be above {first:,g} at {low:g}: quantiles ascend with their level"
            dutch = (
                f"Het aantal bij kans {chance_nl(high)} ({persons_nl(second)}) moet boven dat bij kans "
                f"{chance_nl(low)} ({persons_nl(first)}) liggen: een grotere kans op minder hoort bij een hoger aantal."
            )
            faults.append(Fault(f"/points/{after}/value", detail, dutch))
    if len(points) < 2:
        dutch = "Geef ten minste twee aantallen: één zegt waar, twee zeggen hoe breed."
        detail = "two quantiles at least are needed: one says where, two how wide"
        faults.append(Fault("/points", detail, dutch))
    if len(points) > _MOST:
        faults.append(Fault("/points", f"may be at most {_MOST}", f"Er mogen er hoogstens {_MOST} zijn."))
    if faults:
        raise InvalidJudgements(faults)
    return Judged(tuple(points[i][0] for i in order), tuple(points[i][1] for i in order))


def judged_chips(bins: Sequence[float], chips: Sequence[float]) -> Judged:
    """Judgements from the edges of adjoining bins, ascending, and the chips in each; raises InvalidJudgements."""
    faults = []
    if len(bins) != len(chips) + 1:
        detail = f"{len(chips)} bins have {len(chips) + 1} edges, not {len(bins)}"
        dutch = f"{len(chips)} vakken hebben {len(chips) + 1} grenzen, niet {len(bins)}."
        faults.append(Fault("/bins", detail, dutch))
    faults += [
        Fault(f"/bins/{i + 1}", "edges must ascend", "De grenzen van de vakken moeten oplopen.")
        for i, (a, b) in enumerate(itertools.pairwise(bins))
        if b <= a
    ]
    faults += [
        Fault(f"/chips/{i}", "must be 0 or more", "Een vak heeft 0 of meer fiches.")
        for i, chip in enumerate(chips)
        if chip < 0
    ]
    filled = sum(chip > 0 for chip in chips)
    if not faults and filled < 3:
        where = "all chips lie in one bin" if filled == 1 else f"chips lie in {filled} bins"
        detail = (
            f"{where}: that hardly says how wide your belief is; use three bins at least, or narrower ones"
        )
        waar = "Alle fiches liggen in één vak" if filled == 1 else f"De fiches liggen in {filled} vakken"
        dutch = f"{waar}: dat zegt nauwelijks hoe zeker u bent. Gebruik ten minste drie vakken, of smallere."
        faults.append(Fault("/chips", detail, dutch))
    if len(chips) > _MOST:
        faults.append(Fault("/chips", f"may be at most {_MOST}", f"Er mogen er hoogstens {_MOST} zijn."))
    if faults:
        raise InvalidJudgements(faults)
    shares = np.cumsum(chips)[:-1] / math.fsum(chips)
    inner = [(float(p), float(x)) for p, x in zip(shares, bins[1:-1], strict=True) if 0 < p < 1]
    # Edges around an empty bin have one level; both say that nothing lies between.
    return Judged(tuple(p for p, _ in inner), tuple(x for _, x in inner))


def fit(judged: Judged, family: str) -> Fit:
    """The member of the family nearest to the judgements; raises InvalidJudgements when none can be."""
    levels, values = np.array(judged.levels), np.array(judged.values)
    if family in SKEWED_FAMILIES and values.min() <= 0:
        detail = f"a {family} belief lies above 0; {values.min():,g} does not"
        dutch = f"Deze vorm van verdeling ligt boven 0; {persons_nl(float(values.min()))} niet."
        raise InvalidJudgements([Fault("/family", detail, dutch)])
    start = _start(levels, values, family)

    def away(parameters: FloatArray) -> FloatArray:
        return np.asarray(_reached(family, parameters, values) - levels, dtype=np.float64)

    found = min(
        (
            optimize.least_squares(away, one, x_scale="jac", xtol=1e-14, ftol=1e-14, gtol=1e-14)
            for one in start
        ),
        key=lambda solution: float(solution.cost),
    )
    expected, spread = _moments(family, found.x)
    residual = math.sqrt(float(np.mean(found.fun**2)))
    return Fit(family, expected, spread, residual, tuple((found.fun + levels).tolist()))


def best_fit(judged: Judged) -> tuple[Fit, ...]:
    """Fits of every family that can be fitted, the nearest first."""
    families = [f for f in FAMILIES if f not in SKEWED_FAMILIES or min(judged.values) > 0]
    return tuple(
        sorted((fit(judged, f) for f in families), key=lambda one: (round(one.residual, 9), one.family))
    )


def remarks(judged: Judged, made: Fit) -> tuple[FitRemark, ...]:
    """What there is to say about a fit."""
    found = []
    if made.residual > _NOTEWORTHY:
        found.append(
            FitRemark(
                "poor_fit",
                "warning",
                made.residual,
                f"The fitted curve differs from what you stated by {made.residual:.0%} on average; another family, or "
                "two scenarios, may say it better.",
                f"De kromme wijkt gemiddeld {made.residual:.0%} af van wat u opgaf; een andere verdeling, of twee "
                "scenario's, zegt het misschien beter.",
            )
        )
    if len(judged.levels) == 2:
        found.append(
            FitRemark(
                "two_points_only",
                "info",
                2.0,
                "Two judgements fix the curve exactly; a third would show whether it suits.",
                "Twee schattingen leggen de kromme precies vast; een derde laat zien of zij past.",
            )
        )
    tail = float(_cdf(made, 0.0))
    if tail > 0.01:
        found.append(
            FitRemark(
                "mass_below_zero",
                "warning",
                tail,
                f"The fitted curve gives {tail:.0%} to fewer than 0 persons; that part will be cut off.",
                f"De kromme geeft {tail:.0%} aan minder dan 0 personen; dat deel wordt afgekapt.",
            )
        )
    return tuple(found)


def _cdf(made: Fit, x: float) -> FloatArray:
    own = parent(made.family, made.expected, made.spread, FIT_DEGREES_OF_FREEDOM)
    return np.asarray(own.cdf(np.asarray(x)), dtype=np.float64)


def _reached(family: str, parameters: FloatArray, values: FloatArray) -> FloatArray:
    expected, spread = _moments(family, parameters)
    return np.asarray(parent(family, expected, spread, FIT_DEGREES_OF_FREEDOM).cdf(values), dtype=np.float64)


def _moments(family: str, parameters: FloatArray) -> tuple[float, float]:
    """Mean and standard deviation; skewed families are walked on logarithms of the mean and of sd / mean."""
    if family in SKEWED_FAMILIES:
        expected = math.exp(min(float(parameters[0]), math.log(LARGEST_PERSONS)))
        relative = min(
            max(math.exp(min(float(parameters[1]), 5.0)), SMALLEST_RELATIVE_SD), LARGEST_SKEWED_RELATIVE_SD
        )
        return expected, expected * relative
    return float(parameters[0]), math.exp(float(parameters[1]))


def _start(levels: FloatArray, values: FloatArray, family: str) -> list[list[float]]:
    """Where to set out: the straight line through the judgements on normal paper, and a wider and a narrower one."""
    scores = special.ndtri(levels)
    slope, middle = np.polyfit(scores, values, 1)
    if family in SKEWED_FAMILIES:
        log_slope, log_middle = np.polyfit(scores, np.log(values), 1)
        relative = math.sqrt(math.expm1(min(float(log_slope) ** 2, 3.0)))
        mean = float(log_middle) + 0.5 * min(float(log_slope) ** 2, 3.0)
        return [[mean, math.log(relative * factor)] for factor in (1.0, 0.5, 1.6)]
    return [[float(middle), math.log(float(slope) * factor)] for factor in (1.0, 0.5, 1.6)]
