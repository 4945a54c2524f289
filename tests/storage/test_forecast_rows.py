"""Which figures a forecast reads, and that its data vintage is of these and of no others."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest
from sqlalchemy.orm import Session, sessionmaker

from priors.records import Target
from service.forecast_rows import data_vintage, forecast_rows
from service.storage.base import reading, writing
from service.storage.realisations import newest_row, store_delivery

Sessions = sessionmaker[Session]
AS_OF = date(2024, 10, 31)
TARGET = Target(series="first_applications", geo="NL")


def rows(
    geo: str, citizen: str, series: str = "first_applications", known: str | None = None
) -> pd.DataFrame:
    """Two years of months, each known a month after it."""
    months = pd.period_range("2022-07", "2024-06", freq="M")
    return pd.DataFrame(
        {
            "series": series, "source": "eurostat", "geo": geo, "citizen": citizen, "track": "",
            "period": months.astype(str), "value": range(100, 124), "flag": "",
            "known_at": known or [str((m + 2).to_timestamp().date()) for m in months],
        }
    )  # fmt: skip


def deliver(sessions: Sessions, *frames: pd.DataFrame) -> None:
    with writing(sessions) as session:
        store_delivery(session, pd.concat(frames, ignore_index=True), "test", "tester")


def seen(sessions: Sessions, target: Target = TARGET, last_row: int | None = None) -> pd.DataFrame:
    with reading(sessions) as session:
        return forecast_rows(session, target, AS_OF, newest_row(session) if last_row is None else last_row)


def keys(frame: pd.DataFrame) -> set[tuple[str, str]]:
    return set(zip(frame["geo"], frame["citizen"], strict=True))


@pytest.fixture
def stocked(sessions: Sessions) -> Sessions:
    both = [rows(geo, citizen) for geo in ("NL", "DE") for citizen in ("TOTAL", "SY")]
    deliver(sessions, *both, rows("DE", "TR"), rows("NL", "TOTAL", series="family_arrivals"))
    return sessions


def test_every_country_and_the_nationalities_that_the_target_tells_apart(stocked: Sessions) -> None:
    frame = seen(stocked)
    assert keys(frame) == {("NL", "TOTAL"), ("DE", "TOTAL"), ("NL", "SY"), ("DE", "SY")}
    assert set(frame["series"]) == {"first_applications"}
    assert len(frame) == 4 * 24


def test_one_nationality_everywhere(stocked: Sessions) -> None:
    assert keys(seen(stocked, TARGET.model_copy(update={"citizen": "SY"}))) == {("NL", "SY"), ("DE", "SY")}


def test_rows_stored_afterwards_are_not_read(stocked: Sessions) -> None:
    with reading(stocked) as session:
        last = newest_row(session)
    before = seen(stocked)
    deliver(stocked, rows("BE", "TOTAL"), rows("NL", "SY", known="2024-10-01").assign(value=1))
    pd.testing.assert_frame_equal(seen(stocked, last_row=last), before)
    assert ("BE", "TOTAL") in keys(seen(stocked))


def test_the_vintage_is_of_what_a_forecast_may_see(stocked: Sessions) -> None:
    def vintage() -> str:
        return data_vintage(seen(stocked), AS_OF)

    first = vintage()
    unseen = [
        rows("DE", "TOTAL", known="2024-11-01").assign(value=9),
        rows("NL", "YE", known="2024-11-01"),
        rows("NL", "TOTAL", series="resettlement"),
        rows("DE", "IQ"),
    ]
    for frame in unseen:
        deliver(stocked, frame)
        assert vintage() == first
    deliver(stocked, rows("DE", "TOTAL", known="2024-10-01").iloc[:1].assign(value=9))
    assert vintage() != first


def test_how_figures_were_revised_is_part_of_the_vintage(stocked: Sessions) -> None:
    first = data_vintage(seen(stocked), AS_OF)
    deliver(stocked, rows("DE", "TOTAL", known="2024-09-01").iloc[:1].assign(value=9))
    deliver(stocked, rows("DE", "TOTAL", known="2024-10-01").iloc[:1])
    # The figures in force are those of before, but completeness learns from the one between.
    assert data_vintage(seen(stocked), AS_OF) != first


def test_the_vintage_does_not_depend_on_the_order_of_deliveries(stocked: Sessions) -> None:
    frame = seen(stocked)
    assert data_vintage(frame.iloc[::-1], AS_OF) == data_vintage(frame, AS_OF)
