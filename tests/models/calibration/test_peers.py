"""Peers rebuilt as of each issue: by hand, against closed forms, and blind to everything later."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from models.calibration import Realised
from models.calibration.exponential_smoothing import Smoothed, smooth
from models.calibration.peers import drift, known_totals, last_year, peer_forecasts, skills
from models.vintage import KEY
from tests.models.calibration.made_up_archive import archive, payload

VALUES = {2016: 100.0, 2017: 110.0, 2018: 105.0, 2019: 120.0, 2020: 90.0, 2021: 130.0, 2022: 140.0}


def test_drift_and_random_walk_by_hand() -> None:
    y = np.log([100.0, 110.0, 121.0])
    assert last_year(y, 2) == pytest.approx((np.log(121), np.log(1.1) * np.sqrt(2)))
    mean, sd = drift(y, 2) or (0.0, 0.0)
    assert mean == pytest.approx(np.log(121 * 1.21))
    assert sd == pytest.approx(1e-3 * 2)
    assert drift(y[:2], 1) is None


def test_smoothing_follows_a_line_and_stays_at_a_level() -> None:
    line = np.linspace(1, 3, 12)
    assert smooth(line).ahead(3)[0] == pytest.approx(3 + 3 * 2 / 11, abs=0.02)
    rng = np.random.default_rng(1)
    level = 2 + 0.1 * rng.standard_normal(60)
    found = smooth(level)
    assert found.ahead(1)[0] == pytest.approx(2, abs=0.08)
    assert found.sigma == pytest.approx(0.1, rel=0.25)


def test_the_variance_of_a_random_walk_and_of_a_local_trend() -> None:
    walk = Smoothed(level=1, trend=0, alpha=1, beta=0, phi=1, sigma=0.2)
    assert walk.ahead(4) == pytest.approx((1, 0.2 * 2))
    # alpha 1, beta 1: c_j = 1 + j, so 1 + 4 + 9 at three steps.
    trend = Smoothed(level=1, trend=0.5, alpha=1, beta=1, phi=1, sigma=0.1)
    assert trend.ahead(3) == pytest.approx((2.5, 0.1 * np.sqrt(1 + 4 + 9)))


def test_a_year_is_known_only_after_its_end() -> None:
    realised = Realised(VALUES, known_after_days=31)
    assert known_totals(realised, date(2021, 1, 30))[0] == 2019
    assert known_totals(realised, date(2021, 2, 1))[0] == 2020
    assert known_totals(realised, date(2010, 1, 1)) == (0, pytest.approx([]))


def rows(revised: float) -> pd.DataFrame:
    """Monthly rows known two months after each month; January 2019 is revised in 2022."""
    made = [
        ("2019-01", revised, "2022-01-01"),
        *(
            (f"{y}-{m:02d}", v / 12, f"{y + (m + 2) // 13}-{(m + 1) % 12 + 1:02d}-01")
            for y, v in VALUES.items()
            for m in range(1, 13)
        ),
    ]
    frame = pd.DataFrame(made, columns=["period", "value", "known_at"])
    for column in KEY:
        if column not in frame:
            frame[column] = "x"
    return frame.assign(flag=None)


def test_a_later_revision_does_not_reach_an_earlier_issue() -> None:
    forecasts = archive(
        payload("a", "2021-03-15", 2021, point=100), payload("b", "2022-03-15", 2022, point=100)
    )
    plain, revised = (peer_forecasts(forecasts, Realised(VALUES, rows=rows(v))) for v in (10.0, 5000.0))
    for name in plain:
        assert plain[name][0].tolist() == revised[name][0].tolist()
        assert np.isfinite(plain[name]).all()
    assert plain["autoEts"][1].tolist() != revised["autoEts"][1].tolist()


def test_skill_by_hand() -> None:
    forecasts = archive(
        payload("a", "2021-03-15", 2021, point=120), payload("b", "2022-03-15", 2022, point=135)
    )
    found = skills(
        forecasts,
        np.array([120.0, 135.0]),
        np.full(2, np.nan),
        np.array([130.0, 140.0]),
        Realised(VALUES),
    )
    naive = next(one for one in found if one.peer == "lastYear")
    assert naive.skill == pytest.approx(1 - (10 + 5) / (40 + 10))
    assert naive.n == 2
    assert {one.score for one in found} == {"absolute_error"}
