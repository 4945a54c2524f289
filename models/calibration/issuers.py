"""Who issued what and when, as the bias model tells them apart: a few issuers by themselves, the others together.

An issuer has editions of its own, and each moment of issue cuts the line of surprises, so that hundreds of issuers
would cost hundreds of times one. With more than MOST_ISSUERS those with the most forecasts stay by themselves and the
others become one issuer whose editions are quarters; so do those of an issuer with more than MOST_MOMENTS editions.
Moments are rounded down to quarters where there are more than MOST_MOMENTS of them. Must not know errors.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.calibration.exposure import half_years
from models.calibration.records import ArchivedForecast

Array = NDArray[np.float64]

MOST_ISSUERS, MOST_MOMENTS = 6, 120
OTHERS = "*"
"""The issuer that stands for all that are not told apart."""
_QUARTER = 0.5


@dataclass(frozen=True, eq=False)
class Issued:
    """Per forecast: the issuer and edition it counts for, and its moment (half-years).

    `together`: how many issuers are one; `by_quarter`: how many issuers' editions are quarters.
    """

    issuers: tuple[str, ...]
    editions: tuple[str, ...]
    moments: Array
    together: int
    by_quarter: int


def issued(used: Sequence[ArchivedForecast]) -> Issued:
    """Who issued each forecast, and when; ties between issuers are broken by name."""
    moments = np.array([half_years(one.issued_on) for one in used])
    quarters = np.floor(moments / _QUARTER) * _QUARTER
    counted = Counter(one.issuer for one in used)
    ranked = sorted(counted, key=lambda issuer: (-counted[issuer], issuer))
    apart = ranked if len(ranked) <= MOST_ISSUERS else ranked[: MOST_ISSUERS - 1]
    editions = Counter(issuer for issuer, _ in {(one.issuer, one.edition) for one in used})
    whole = {issuer for issuer in apart if editions[issuer] <= MOST_MOMENTS}
    coarse = len(np.unique(moments)) > MOST_MOMENTS
    by_edition = np.array([one.issuer in whole for one in used])
    return Issued(
        issuers=tuple(one.issuer if one.issuer in apart else OTHERS for one in used),
        editions=tuple(
            one.edition if own else _quarter_name(at)
            for one, own, at in zip(used, by_edition.tolist(), quarters.tolist(), strict=True)
        ),
        moments=quarters if coarse else np.where(by_edition, moments, quarters),
        together=len(ranked) - len(apart),
        by_quarter=len(ranked) - len(whole),
    )


def _quarter_name(moment: float) -> str:
    year, quarter = divmod(round(moment / _QUARTER), 4)
    return f"{year}-Q{quarter + 1}"
