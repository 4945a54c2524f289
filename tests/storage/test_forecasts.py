"""Orders in the database: equal ones are one forecast, whatever the timing, and come back as they were placed."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from sqlalchemy.orm import Session, sessionmaker

from models.request import Remark
from priors.records import Target
from service.storage.base import reading, writing
from service.storage.forecasts import (
    Basis,
    ForecastOrder,
    StoredOrder,
    draws_hash,
    get_forecast,
    list_forecasts,
    order_forecast,
)
from service.storage.jobs import JobState, cancel

Sessions = sessionmaker[Session]
ORDER = ForecastOrder(
    target=Target(series="first_applications", geo="NL"),
    scenario_set=("set-1", 2),
    cutoff=date(2024, 6, 30),
    as_of=date(2024, 10, 31),
    expert_weight=0.75,
    horizon_years=5,
    method="weighted",
    seed=2**53 - 1,
)
REMARKS = (Remark("careful", "Be careful.", {"month": "2024-06", "list": ["a", "b"]}),)
BASIS = Basis("a" * 64, "b" * 64, 117, "model-1")


def placed(
    sessions: Sessions, order: ForecastOrder = ORDER, basis: Basis = BASIS
) -> tuple[StoredOrder, bool]:
    with writing(sessions) as session:
        return order_forecast(session, order, basis, REMARKS, "tester")


def test_an_order_comes_back_as_it_was_placed(sessions: Sessions) -> None:
    stored, new = placed(sessions)
    assert new
    with reading(sessions) as session:
        found = get_forecast(session, stored.id)
    assert found == stored
    assert (found.order, found.basis, found.warnings) == (ORDER, BASIS, REMARKS)
    assert found.job.state is JobState.QUEUED


def test_an_order_without_a_set_comes_back_without_one(sessions: Sessions) -> None:
    alone = replace(ORDER, scenario_set=None, expert_weight=0.0)
    stored, _ = placed(sessions, alone, replace(BASIS, scenario_set_hash=None))
    with reading(sessions) as session:
        found = get_forecast(session, stored.id)
    assert found is not None
    assert found.order == alone


def test_an_equal_order_is_the_same_forecast_until_it_is_cancelled(sessions: Sessions) -> None:
    first, _ = placed(sessions)
    assert placed(sessions) == (first, False)
    with writing(sessions) as session:
        assert cancel(session, first.job.id)
    second, new = placed(sessions)
    assert new
    assert second.id != first.id
    assert second.draws_hash == first.draws_hash


@pytest.mark.parametrize(
    "change",
    [
        {"target": Target(series="first_applications", geo="NL", citizen="SY")},
        {"cutoff": date(2024, 5, 31)},
        {"as_of": date(2024, 9, 30)},
        {"expert_weight": 0.5},
        {"horizon_years": 4},
        {"method": "joint"},
        {"seed": 1},
    ],
)
def test_whatever_determines_the_numbers_is_in_their_hash(change: dict[str, Any]) -> None:
    assert draws_hash(replace(ORDER, **change), BASIS) != draws_hash(ORDER, BASIS)


@pytest.mark.parametrize("part", ["scenario_set_hash", "data_vintage", "model_version"])
def test_so_is_what_they_rest_on(part: str) -> None:
    assert draws_hash(ORDER, replace(BASIS, **{part: "other"})) != draws_hash(ORDER, BASIS)


def test_names_are_not(sessions: Sessions) -> None:
    renamed = replace(ORDER, scenario_set=("set-9", 1))
    assert draws_hash(renamed, replace(BASIS, last_row=118)) == draws_hash(ORDER, BASIS)
    first, _ = placed(sessions)
    second, new = placed(sessions, renamed)
    assert new
    assert second.id != first.id


def test_equal_orders_at_once_are_one_forecast(sessions: Sessions) -> None:
    gate = threading.Barrier(8)

    def ask(_: int) -> tuple[str, bool]:
        gate.wait()
        stored, new = placed(sessions)
        return stored.id, new

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(8)))
    assert len({identifier for identifier, _ in answers}) == 1
    assert sum(new for _, new in answers) == 1


def test_different_orders_at_once_are_all_kept(sessions: Sessions) -> None:
    gate = threading.Barrier(8)

    def ask(seed: int) -> str:
        gate.wait()
        return placed(sessions, replace(ORDER, seed=seed))[0].id

    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(ask, range(8)))
    assert len(made) == 8
    with reading(sessions) as session:
        assert {found.id for found in list_forecasts(session, 1, 10).items} == made


def test_lists_are_filtered_counted_and_cut(sessions: Sessions) -> None:
    made = [placed(sessions, replace(ORDER, seed=seed))[0] for seed in range(3)]
    other = placed(sessions, replace(ORDER, scenario_set=("set-2", 1)))[0]
    with writing(sessions) as session:
        cancel(session, made[0].job.id)
    with reading(sessions) as session:
        page = list_forecasts(session, 2, 2)
        own = list_forecasts(session, 1, 10, scenario_set="set-2")
        cancelled = list_forecasts(session, 1, 10, JobState.CANCELLED)
    assert ([found.id for found in page.items], page.total) == ([made[1].id, made[0].id], 4)
    assert [found.id for found in own.items] == [other.id]
    assert [found.id for found in cancelled.items] == [made[0].id]
