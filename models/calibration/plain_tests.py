"""The plain test that nobody can argue with, and the naive ones that mislead.

Plain: a t-test on forecasts that do not overlap: of each year the first edition issued in it, about that year. Naive: a
t-test on all errors, and one on the means of target years; both ignore that forecasts share surprises, and reject an
unbiased archive far too often. They are shown because an evaluator would otherwise compute them. Must not know priors.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

from models.calibration.answer import NaiveTest, PlainTest
from models.calibration.bias_cells import Cells

Array = NDArray[np.float64]
Places = NDArray[np.int64]


def plain_test(found: Cells) -> PlainTest:
    """The t-test on current-year errors of the first edition of each year, averaged over issuers."""
    current = np.flatnonzero(np.array(found.horizons)[found.horizon] == 0)
    order = _order_in_time(found)
    errors, used = [], []
    for year in np.unique(found.target_year[current]):
        of_year = current[found.target_year[current] == year]
        chosen = _first_editions(found, of_year, order)
        errors.append(float(found.error[chosen].mean()))
        used.append(found.editions[found.edition[chosen[0]]])
    values = np.array(errors)
    mean, half_width, p_value = _t_test(values)
    return PlainTest(
        mean=mean,
        lower95=None if half_width is None or mean is None else mean - half_width,
        upper95=None if half_width is None or mean is None else mean + half_width,
        p_value=p_value,
        n=len(values),
        editions=tuple(used),
    )


def naive_tests(found: Cells) -> tuple[NaiveTest, ...]:
    """What tests that ignore the overlaps would have said."""
    years = [found.error[found.target_year == year].mean() for year in np.unique(found.target_year)]
    both = (("all_errors", found.error), ("target_year_means", np.array(years)))
    answers = ({"name": name, "n": len(of), "p_value": _t_test(of)[2]} for name, of in both)
    return tuple(NaiveTest.model_validate(one) for one in answers if one["p_value"] is not None)


def _first_editions(found: Cells, of_year: Places, order: Array) -> list[int]:
    """Of cells about one year, those of each issuer's earliest edition."""
    first: dict[int, float] = {}
    for place in of_year.tolist():
        issuer, at = int(found.issuer[place]), float(order[found.edition[place]])
        first[issuer] = min(at, first.get(issuer, at))
    return [
        place for place in of_year.tolist() if order[found.edition[place]] == first[int(found.issuer[place])]
    ]


def _order_in_time(found: Cells) -> Array:
    """`(edition,)` half-years from each issuer's first edition, to order the editions of one issuer."""
    out, since = np.zeros(len(found.gap)), 0.0
    for place, gap in enumerate(found.gap.tolist()):
        since = since + gap if gap > 0 else 0.0
        out[place] = since
    return out


def _t_test(values: Array) -> tuple[float | None, float | None, float | None]:
    """Mean, half the width of its 95% interval, and the two-sided p-value; None where not defined."""
    n = len(values)
    if n < 2 or np.ptp(values) == 0:
        return (float(values.mean()) if n else None), None, None
    mean, error = float(values.mean()), float(values.std(ddof=1) / np.sqrt(n))
    p_value = 2 * float(stdtr(n - 1, -abs(mean) / error))
    return mean, float(stdtrit(n - 1, 0.975)) * error, p_value
