"""What may enter the archive, and that all faults of a list are named at once."""

from typing import Any

import pytest

from models.calibration import archived_forecasts
from models.calibration.archive import InvalidArchive, issued_after_target
from tests.models.calibration.made_up_archive import archive, payload, quantiles, scenario


def faults_of(*payloads: Any) -> dict[str, str]:
    with pytest.raises(InvalidArchive) as raised:
        archived_forecasts(list(payloads))
    return {fault.field: fault.detail for fault in raised.value.faults}


@pytest.mark.parametrize(
    "form",
    [
        {"point": 42000},
        {"draws": [1.0, 2.0, 3.5]},
        {"quantiles": quantiles(21000, 30000, 35000, 54000)},
        {"scenarios": [scenario("a", 0.25, 30000, 5000, 2025), scenario("b", 0.75, 50000, 9000, 2025)]},
    ],
)
def test_each_form_is_taken_and_written_back_the_same(form: dict[str, Any]) -> None:
    (one,) = archive(payload("2024-2", "2024-08-01", 2025, **form))
    assert archived_forecasts([one.model_dump(mode="json", by_alias=True)]) == (one,)
    assert getattr(one, next(iter(form))) is not None


def test_crossing_quantiles_and_falling_levels_are_named() -> None:
    crossing = payload("2024-2", "2024-08-01", 2025, quantiles=quantiles(21000, 20000, 35000, 54000))
    falling = payload("2024-2", "2024-08-01", 2026, quantiles=quantiles(1, 2, 3, 4)[::-1])
    found = faults_of(crossing, falling)
    assert found["/0/quantiles/1/value"] == (
        "quantiles cross: 20,000 at level 0.5 lies under 21,000 at level 0.125"
    )
    assert {field for field in found if field.startswith("/1")} == {
        f"/1/quantiles/{k}/level" for k in (1, 2, 3)
    }


def test_all_faults_of_a_list_come_at_once() -> None:
    found = faults_of(
        payload("2024-2", "2024-08-01", 2025),
        payload("2024-2", "2024-08-01", 2025, point=1, draws=[1, 2]),
        payload("2024-2", "2024-08-01", 2025, point=-1, stage="rumour"),
        payload("2024-2", "2024-08-01", 2025, point=1, cutoff="2024-09-01"),
        payload("2024-2", "2024-08-01", 2025, scenarios=[scenario("a", 0.9, 30000, 5000, 2025)]),
        payload("2024-2", "2024-08-01", 2025, scenarios=[scenario("a", 1, 30000, 5000, 2026)]),
        payload("2024-2", "2024-08-01", 2025, scenarios=[scenario("a", 1, 30000, 1e6, 2025)]),
        "no forecast",
    )
    assert set(found) == {
        "/0",
        "/1",
        "/2/point",
        "/2/stage",
        "/3/cutoff",
        "/4/scenarios",
        "/5/scenarios/0/years",
        "/6/scenarios/0/years/2025/spread",
        "/7",
    }
    assert "states none" in found["/0"]
    assert "point" in found["/1"] and "draws" in found["/1"]


@pytest.mark.parametrize("given", [{}, "text", [], None])
def test_what_is_no_list_of_forecasts_is_refused(given: Any) -> None:
    with pytest.raises(InvalidArchive):
        archived_forecasts(given)


def test_a_forecast_issued_after_its_year_is_archived_and_flagged() -> None:
    late, timely = archive(
        payload("2024-1", "2024-02-01", 2023, point=40000), payload("2024-1", "2024-02-01", 2024, point=40000)
    )
    assert issued_after_target(late)
    assert not issued_after_target(timely)
