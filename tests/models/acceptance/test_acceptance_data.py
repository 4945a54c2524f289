"""Tables of decisions: what is laid out, what is known of other countries, and everything that is refused."""

import numpy as np
import pandas as pd
import pytest

from models.acceptance.data import (
    DecisionsRefused,
    acceptance_data,
    consecutive,
    faults_of,
    following,
    missing_periods,
    pooled_elsewhere,
)


def rows(*given: tuple[str, str, float, float], track: str = "") -> pd.DataFrame:
    frame = pd.DataFrame(given, columns=["citizen", "period", "positive", "total"])
    return frame.assign(track=track)


def test_counts_are_laid_out_by_period_and_series() -> None:
    data = acceptance_data(rows(("SY", "2023-Q4", 8, 10), ("ER", "2024-Q2", 1, 2), ("SY", "2024-Q2", 3, 9)))
    assert data.periods == ("2023-Q4", "2024-Q1", "2024-Q2")
    assert data.citizens == ("ER", "SY")
    np.testing.assert_array_equal(data.total, [[0, 10], [0, 0], [2, 9]])
    np.testing.assert_array_equal(data.first, [2, 0])
    assert data.years == 0.25
    assert data.until("2024-Q1").total.shape == (2, 2)


def test_tracks_are_series_of_their_own() -> None:
    both = pd.concat([rows(("SY", "2024-Q1", 8, 10), track="4"), rows(("SY", "2024-Q1", 0, 3), track="1")])
    data = acceptance_data(both.reset_index(drop=True))
    assert list(zip(data.citizens, data.tracks, strict=True)) == [("SY", "1"), ("SY", "4")]


def test_one_nationality_alone_is_enough() -> None:
    assert acceptance_data(rows(("SY", "2024-Q1", 8, 10))).total.shape == (1, 1)


def test_a_quarter_without_rows_is_named() -> None:
    frame = rows(("SY", "2023-Q3", 8, 10), ("SY", "2024-Q1", 8, 10))
    assert missing_periods(frame) == ("2023-Q4",)


def test_calendars() -> None:
    assert consecutive("2023-Q3", "2024-Q1") == ("2023-Q3", "2023-Q4", "2024-Q1")
    assert consecutive("2023", "2025") == ("2023", "2024", "2025")
    assert following("2023-Q4", 2) == ("2024-Q1", "2024-Q2")
    assert following("2023", 0) == ()


@pytest.mark.parametrize(
    ("frame", "where", "said"),
    [
        (rows(("SY", "2024-Q1", 11, 10), ("ER", "2024-Q1", 1, 9)), "row 0", "more positive decisions"),
        (rows(("SY", "2024-Q1", 0.8, 1), ("ER", "2024-Q1", 0.3, 1)), "positive", "rates"),
        (rows(*[("SY", f"2024-Q{q}", 50 + q, 100) for q in (1, 2, 3, 4)]), "total", "percentages"),
        (rows(("SY", "2024-Q1", 2.5, 10)), "row 0", "whole numbers"),
        (rows(("SY", "2024-Q1", -1, 10)), "row 0", "0 or more"),
        (rows(("SY", "2024-Q1", 1, 10), ("SY", "2024-Q1", 2, 10)), "row 1", "second time"),
        (rows(("SY", "2024-01", 1, 10)), "period", "quarter"),
        (rows(("SY", "2025-Q1", 1, 10)), "row 0", "after 2024-Q4"),
        (rows(*[(f"{i:03d}", "2024-Q1", 1, 10) for i in range(201)]), "citizen", "merge the smallest"),
        (rows(), "rows", "no decisions"),
    ],
)
def test_what_cannot_be_counts_of_decisions_is_refused(frame: pd.DataFrame, where: str, said: str) -> None:
    with pytest.raises(DecisionsRefused) as refused:
        acceptance_data(frame, until="2024-Q4")
    assert [place for place, detail in refused.value.faults if said in detail] == [where]


def test_every_fault_is_named_at_once() -> None:
    frame = rows(("SY", "2024-Q1", 11, 10), ("ER", "2024-Q1", 12, 9), ("ER", "2025-Q1", 1, 9))
    assert [where for where, _ in faults_of(frame, "2024-Q4")] == ["row 0", "row 1", "row 2"]


def test_elsewhere_is_known_only_once_it_is_over() -> None:
    own = rows(("SY", "2023-Q4", 8, 10), ("SY", "2024-Q1", 8, 10))
    others = rows(("SY", "2024-Q1", 90, 100)).assign(geo="DE")
    data = acceptance_data(own, pooled_elsewhere(others))
    np.testing.assert_array_equal(data.told[:2], 0.0)
    assert data.told[2, 0] > 0.5
    # One nationality alone is its own mean: nothing sets it apart.
    np.testing.assert_allclose(data.elsewhere, 0.0)


def test_countries_are_weighed_by_what_they_decide() -> None:
    others = pd.concat(
        [rows(("SY", "2024-Q1", 150, 150)).assign(geo="DE"), rows(("SY", "2024-Q1", 0, 50)).assign(geo="BE")]
    )
    pooled = pooled_elsewhere(others)
    odds = {"DE": np.log(150.5 / 0.5), "BE": np.log(0.5 / 50.5)}
    assert pooled["weight"].item() == pytest.approx(0.75 + 0.5)
    assert pooled["weighted"].item() == pytest.approx(0.75 * odds["DE"] + 0.5 * odds["BE"])
