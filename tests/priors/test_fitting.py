"""Beliefs from quantiles and chips: by hand where it can be done, else against SciPy's own optimum."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import optimize, stats

from priors.fitting import InvalidJudgements, best_fit, fit, judged_chips, judged_quantiles, remarks

QUARTILE = float(stats.norm.ppf(0.75))


def scipy_optimum(family: str, levels: np.ndarray, values: np.ndarray) -> float:
    """The smallest sum of squares SciPy finds from many starts, on its own parameters of the family."""

    def cdf(a: float, b: float) -> np.ndarray:
        scale = math.exp(b)
        if family == "normal":
            return np.asarray(stats.norm.cdf(values, a, scale))
        if family == "lognormal":
            return np.asarray(stats.lognorm.cdf(values, scale, scale=math.exp(a)))
        if family == "gamma":
            return np.asarray(stats.gamma.cdf(values, scale, scale=math.exp(a) / scale))
        return np.asarray(stats.t.cdf((values - a) / scale, 4))

    middle = float(np.median(values))
    first = middle if family in ("normal", "student_t") else math.log(middle)
    second = {
        "normal": math.log(middle / 4),
        "student_t": math.log(middle / 4),
        "lognormal": -1.5,
        "gamma": 2.5,
    }
    return min(
        float(
            optimize.minimize(
                lambda p: float(np.sum((cdf(*p) - levels) ** 2)), [first, second[family] + shift],
                method="Nelder-Mead", options={"xatol": 1e-10, "fatol": 1e-16, "maxiter": 8_000, "maxfev": 8_000},
            ).fun
        )
        for shift in (-0.7, 0.0, 0.7)
    )  # fmt: skip


def test_quartiles_of_a_normal_by_hand() -> None:
    """30, 40 and 50 as quartiles and median, an example in SHELF's manual: mean 40, sd 10 / 0.6745 = 14.826."""
    found = fit(judged_quantiles([(0.25, 30), (0.5, 40), (0.75, 50)]), "normal")
    assert found.expected == pytest.approx(40, abs=1e-6)
    assert found.spread == pytest.approx(10 / QUARTILE, rel=1e-6) == pytest.approx(14.826, abs=1e-3)
    assert found.residual < 1e-9
    assert found.reached == pytest.approx((0.25, 0.5, 0.75), abs=1e-8)


def test_two_quantiles_fix_a_lognormal_exactly() -> None:
    found = fit(judged_quantiles([(0.125, 22_000), (0.875, 53_000)]), "lognormal")
    s = math.log(53 / 22) / (2 * float(stats.norm.ppf(0.875)))
    assert found.expected == pytest.approx(math.sqrt(22_000 * 53_000) * math.exp(s * s / 2), rel=1e-8)
    assert found.spread == pytest.approx(found.expected * math.sqrt(math.expm1(s * s)), rel=1e-8)
    assert [r.code for r in remarks(judged_quantiles([(0.125, 22_000), (0.875, 53_000)]), found)] == [
        "two_points_only"
    ]


@pytest.mark.parametrize("family", ["normal", "lognormal", "gamma", "student_t"])
@pytest.mark.parametrize(
    "points",
    [
        [(0.125, 22_000), (0.5, 30_000), (2 / 3, 38_000), (0.875, 53_000)],
        [(0.05, 12_000), (0.3, 20_000), (0.5, 21_000), (0.95, 60_000)],
        [(0.1, 30_000), (0.5, 31_000), (0.6, 45_000)],
    ],
)
def test_fits_reach_the_optimum_that_scipy_finds(family: str, points: list[tuple[float, float]]) -> None:
    judged = judged_quantiles(points)
    found = fit(judged, family)
    levels, values = np.array(judged.levels), np.array(judged.values)
    assert found.residual**2 * len(levels) <= scipy_optimum(family, levels, values) + 1e-9


@pytest.mark.parametrize("family", ["normal", "lognormal", "gamma", "student_t", "triangular", "pert"])
def test_judgements_of_a_member_give_it_back(family: str) -> None:
    from priors.parents import parent

    levels = np.array([0.1, 0.25, 0.5, 0.75, 0.9])
    values = parent(family, 35_000.0, 8_000.0, 4.0).ppf(levels)
    judged = judged_quantiles(list(zip(levels.tolist(), values.tolist(), strict=True)))
    found = fit(judged, family)
    assert (found.expected, found.spread) == pytest.approx((35_000, 8_000), rel=1e-5)
    assert best_fit(judged)[0].residual < 1e-6


def test_chips_are_shares_below_the_inner_edges() -> None:
    judged = judged_chips([0, 10, 20, 30, 40, 50], [1, 4, 10, 4, 1])
    assert judged.levels == pytest.approx((0.05, 0.25, 0.75, 0.95))
    assert judged.values == (10, 20, 30, 40)
    found = fit(judged, "normal")
    assert found.expected == pytest.approx(25, abs=1e-6)


def test_empty_outer_bins_say_nothing() -> None:
    judged = judged_chips([0, 10, 20, 30, 40, 50], [0, 3, 4, 3, 0])
    assert judged.values == (20, 30)


@pytest.mark.parametrize(
    ("points", "place", "words"),
    [
        ([(0.5, 30_000)], "/points", "two quantiles"),
        ([(0.25, 30_000), (0.5, 20_000)], "/points/1/value", "ascend"),
        ([(0.5, 20_000), (0.25, 30_000)], "/points/0/value", "ascend"),
        ([(0.25, 30_000), (0.25, 40_000)], "/points/1/level", "twice"),
        ([(0.0, 30_000), (0.5, 40_000)], "/points/0/level", "between 0 and 1"),
    ],
)
def test_quantiles_that_fix_nothing_are_refused(
    points: list[tuple[float, float]], place: str, words: str
) -> None:
    with pytest.raises(InvalidJudgements) as refused:
        judged_quantiles(points)
    assert {f.field: f.detail for f in refused.value.faults}[place].count(words) == 1


@pytest.mark.parametrize(
    ("bins", "chips", "words"),
    [
        ([0, 10, 20, 30], [0, 20, 0], "one bin"),
        ([0, 10, 20, 30], [5, 15, 0], "2 bins"),
        ([0, 10, 20, 30], [0, 0, 0], "0 bins"),
        ([0, 10, 30], [1, 1, 1], "4 edges"),
        ([0, 20, 10, 30], [1, 1, 1], "ascend"),
        ([0, 10, 20, 30], [1, -1, 1], "0 or more"),
    ],
)
def test_chips_that_fix_nothing_are_refused(bins: list[float], chips: list[float], words: str) -> None:
    with pytest.raises(InvalidJudgements, match=words):
        judged_chips(bins, chips)


def test_a_bad_fit_says_so_in_both_languages() -> None:
    judged = judged_quantiles([(0.1, 10_000), (0.2, 11_000), (0.5, 12_000), (0.55, 80_000), (0.9, 90_000)])
    said = {remark.code: remark for remark in remarks(judged, fit(judged, "normal"))}
    assert said["poor_fit"].value > 0.05 and "scenario" in said["poor_fit"].detail_nl
    assert said["mass_below_zero"].severity == "warning"
