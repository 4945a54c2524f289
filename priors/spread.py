"""From what an expert calls the spread to a standard deviation, the expected inflow kept as the mean.

    sd                  the spread is the standard deviation
    half_width_P        the spread is half the width of the central P% interval:
                        (quantile(1 - a) - quantile(a)) / 2 = spread,  a = (1 - P/100) / 2

Symmetric families answer in closed form; in the skewed ones sd / mean is the smallest root. A skewed density
with a fixed mean cannot be arbitrarily wide in the middle: a spread beyond the widest is refused.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from scipy import optimize, special

from priors.faults import numerals_nl
from priors.kernels import kernel
from priors.parents import SKEWED_FAMILIES, SYMMETRIC_FAMILIES

FAMILIES = ("normal", "lognormal", "gamma", "student_t", "triangular", "pert")
INTERVALS = {f"half_width_{percent}": percent / 100 for percent in (50, 75, 80, 90, 95)}
SPREAD_MEANINGS = ("sd", *INTERVALS)
LARGEST_PERSONS = 1e7
SMALLEST_RELATIVE_SD = 1e-5
_WORDS_NL = {"expected": "verwachte instroom", "spread": "spreiding"}
LARGEST_SKEWED_RELATIVE_SD = 5.0


class ImpossibleBelief(ValueError):
    """No member of the family has this expected inflow and spread; `part` names which is at fault.

    `dutch` is the detail in Dutch.
    """

    def __init__(self, part: str, detail: str, dutch: str) -> None:
        super().__init__(detail)
        self.part = part
        self.detail = detail
        self.dutch = dutch


@lru_cache(maxsize=4096)
def standard_deviation(
    family: str, expected: float, spread: float, spread_meaning: str, degrees_of_freedom: float
) -> float:
    """Standard deviation in persons; raises ImpossibleBelief, or ValueError for an unknown name."""
    if family not in FAMILIES:
        raise ValueError(f"unknown family {family!r}, use one of {', '.join(FAMILIES)}")
    if spread_meaning not in SPREAD_MEANINGS:
        raise ValueError(
            f"unknown spread meaning {spread_meaning!r}, use one of {', '.join(SPREAD_MEANINGS)}"
        )
    _check_size("expected", "expected inflow", expected)
    _check_size("spread", "spread", spread)
    sd = spread
    if spread_meaning != "sd" and family in SYMMETRIC_FAMILIES:
        tail = np.asarray((1 - INTERVALS[spread_meaning]) / 2)
        sd = -spread / float(kernel(family, degrees_of_freedom).ppf(tail))
    elif spread_meaning != "sd":
        sd = expected * _relative_sd(family, spread / expected, INTERVALS[spread_meaning])
    _check_sd(family, expected, sd)
    return sd


def _check_size(part: str, words: str, value: float) -> None:
    if not math.isfinite(value) or value <= 0:
        detail = f"the {words} must be a finite number above 0, not {value}"
        dutch = f"De {_WORDS_NL[part]} moet een eindig getal boven 0 zijn, niet {numerals_nl(str(value))}."
        raise ImpossibleBelief(part, detail, dutch)
    if value > LARGEST_PERSONS:
        limit = f"{LARGEST_PERSONS:,.0f}"
        detail = f"the {words} must be at most {limit} persons, not {value:g}"
        dutch = f"De {_WORDS_NL[part]} is hoogstens {numerals_nl(limit)} personen, niet {numerals_nl(f'{value:g}')}."
        raise ImpossibleBelief(part, detail, dutch)


def _check_sd(family: str, expected: float, sd: float) -> None:
    if sd < SMALLEST_RELATIVE_SD * expected:
        least = SMALLEST_RELATIVE_SD * expected
        detail = (
            f"the spread is practically zero; a standard deviation of at least {least:g} persons is needed"
        )
        dutch = (
            f"De spreiding is zo goed als nul; een standaarddeviatie van ten minste {numerals_nl(f'{least:g}')} "
            "personen is nodig."
        )
        raise ImpossibleBelief("spread", detail, dutch)
    if sd > LARGEST_PERSONS:
        detail = f"the spread implies a standard deviation of {sd:,.0f} persons"
        dutch = f"Uit de spreiding volgt een standaarddeviatie van {numerals_nl(f'{sd:,.0f}')} personen."
        raise ImpossibleBelief("spread", detail, dutch)
    if family in SKEWED_FAMILIES and sd > LARGEST_SKEWED_RELATIVE_SD * expected:
        detail = (
            f"a {family} belief may have a standard deviation of at most {LARGEST_SKEWED_RELATIVE_SD:g} "
            f"times the expected inflow, which is {LARGEST_SKEWED_RELATIVE_SD * expected:,.0f} persons"
        )
        most = numerals_nl(f"{LARGEST_SKEWED_RELATIVE_SD * expected:,.0f}")
        dutch = (
            f"Bij deze vorm ({family}) is de standaarddeviatie hoogstens {LARGEST_SKEWED_RELATIVE_SD:g} keer de "
            f"verwachte instroom: {most} personen."
        )
        raise ImpossibleBelief("spread", detail, dutch)


def _relative_sd(family: str, target: float, interval: float) -> float:
    """The smallest sd/mean whose central interval has half-width `target` times the mean."""
    widest_at, widest = _widest(family, interval)
    if target > widest:
        detail = (
            f"no {family} belief with this expected inflow has a central {interval:.0%} interval that wide; "
            f"its half-width can be at most {widest:.2f} times the expected inflow"
        )
        dutch = (
            f"Geen verdeling van deze vorm ({family}) met deze verwachte instroom heeft een zo breed middelste "
            f"{interval:.0%}-interval; de halve breedte is hoogstens {numerals_nl(f'{widest:.2f}')} keer de "
            "verwachte instroom."
        )
        raise ImpossibleBelief("spread", detail, dutch)
    low = SMALLEST_RELATIVE_SD / 10
    if relative_half_width(family, low, interval) >= target:
        return low
    root = optimize.brentq(
        lambda cv: relative_half_width(family, cv, interval) - target, low, widest_at, xtol=1e-15, rtol=1e-13
    )
    return float(root)


@lru_cache(maxsize=64)
def _widest(family: str, interval: float) -> tuple[float, float]:
    """Where, up to the largest allowed sd/mean, the central interval is widest, and that half-width."""
    found = optimize.minimize_scalar(
        lambda cv: -relative_half_width(family, cv, interval),
        bounds=(0.01, LARGEST_SKEWED_RELATIVE_SD),
        method="bounded",
        options={"xatol": 1e-10},
    )
    return float(found.x), relative_half_width(family, float(found.x), interval)


def relative_half_width(family: str, relative_sd: float, interval: float) -> float:
    """Half the width of the central interval of a skewed family with mean 1 and sd `relative_sd`."""
    tail = (1 - interval) / 2
    if family == "lognormal":
        variance = math.log1p(relative_sd**2)
        return math.exp(-variance / 2) * math.sinh(-float(special.ndtri(tail)) * math.sqrt(variance))
    shape = relative_sd**-2
    lower, upper = special.gammaincinv(shape, tail), special.gammainccinv(shape, tail)
    return float(upper - lower) / 2 / shape
