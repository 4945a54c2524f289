"""Which forecasts are evaluated, and that every other one is counted with its reason."""

import pytest

from models.calibration import EvaluationFilter, Realised
from models.calibration.selection import NoOverlap, select
from tests.models.calibration.made_up_archive import archive, payload


def test_no_overlap_names_the_years_on_both_sides() -> None:
    forecasts = archive(*(payload("2024-2", "2024-08-01", year, point=1) for year in (2024, 2025, 2027)))
    with pytest.raises(
        NoOverlap, match=r"forecasts speak of 2024, 2025, 2027, .*complete for 2019, 2021, 2022"
    ):
        select(forecasts, Realised({2021: 1.0, 2022: 1.0, 2019: 2.0}), EvaluationFilter())
    with pytest.raises(NoOverlap, match="partly counted: 2024"):
        select(forecasts, Realised({2019: 2.0}, incomplete=(2024,)), EvaluationFilter())
    with pytest.raises(NoOverlap, match="matches the filter"):
        select(forecasts, Realised({2024: 1.0}), EvaluationFilter(geo="DE"))


def test_the_rest_is_left_out_and_counted() -> None:
    forecasts = archive(
        payload("2022-1", "2022-02-01", 2022, point=100),
        payload("2022-1", "2022-03-01", 2022, point=110),
        payload("2022-1", "2022-02-01", 2021, point=90),
        payload("2022-1", "2022-02-01", 2023, point=90),
    )
    selected = select(forecasts, Realised({2021: 80.0, 2022: 105.0}), EvaluationFilter())
    assert [one.point for one in selected.forecasts] == [110]
    assert selected.realised.tolist() == [105.0]
    assert {left.reason: left.count for left in selected.left_out} == {
        "superseded": 1,
        "issued_after_target_year": 1,
        "no_realisation": 1,
    }


def test_of_two_forecasts_of_one_day_the_one_listed_last_counts() -> None:
    forecasts = archive(*(payload("2022-1", "2022-02-01", 2022, point=p) for p in (1, 2)))
    selected = select(forecasts, Realised({2022: 105.0}), EvaluationFilter())
    assert [one.point for one in selected.forecasts] == [2]


def test_experts_stages_and_issuers_do_not_replace_each_other() -> None:
    forecasts = archive(
        payload("2022-1", "2022-02-01", 2022, point=1, expert="a", stage="experts"),
        payload("2022-1", "2022-02-01", 2022, point=2, expert="b", stage="experts"),
        payload("2022-1", "2022-02-01", 2022, point=3),
        payload("2022-1", "2022-02-01", 2022, point=4, issuer="other"),
    )
    assert len(select(forecasts, Realised({2022: 1.0}), EvaluationFilter()).forecasts) == 4
    only = select(forecasts, Realised({2022: 1.0}), EvaluationFilter(stage="adopted", issuer="mpp"))
    assert [one.point for one in only.forecasts] == [3]
    years = EvaluationFilter(target_years=(2022, 2022), expert="a")
    assert [one.point for one in select(forecasts, Realised({2022: 1.0}), years).forecasts] == [1]
