"""Deliveries: what is new, what is revised, what is the same; and what was known on a day."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from models.vintage import known_at
from service.storage.base import reading, writing
from service.storage.realisations import (
    COLUMNS,
    EMPTY_VINTAGE,
    DeliveryResult,
    DeliveryRow,
    RealisationRow,
    current_vintage,
    examine_delivery,
    load_realisations,
    store_delivery,
)

Figures = list[tuple[str, int | None, str]]


def delivery(figures: Figures, flag: str = "") -> pd.DataFrame:
    """(period, value, known_at) of first applications in NL by Eurostat."""
    rows = [("first_applications", "eurostat", "NL", "TOTAL", "", p, v, flag, k) for p, v, k in figures]
    frame = pd.DataFrame(rows, columns=list(COLUMNS), dtype=object)
    return frame.astype({"value": "Int64"}).assign(known_at=pd.to_datetime(frame["known_at"], utc=True))


def store(sessions: sessionmaker[Session], figures: Figures, flag: str = "") -> DeliveryResult:
    with writing(sessions) as session:
        return store_delivery(session, delivery(figures, flag), "test", "tester")


def stored_rows(sessions: sessionmaker[Session]) -> int:
    with reading(sessions) as session:
        return session.execute(select(func.count()).select_from(RealisationRow)).scalar_one()


def values(sessions: sessionmaker[Session], as_of: str) -> dict[str, int]:
    with reading(sessions) as session:
        known = known_at(load_realisations(session, "first_applications", "NL"), date.fromisoformat(as_of))
    return dict(zip(known["period"], known["value"].astype(int), strict=True))


def counts(result: DeliveryResult) -> tuple[int, int, int]:
    return result.new, result.revised, result.unchanged


def test_a_repeated_delivery_stores_nothing_and_keeps_the_vintage(sessions: sessionmaker[Session]) -> None:
    figures: Figures = [("2024-01", 100, "2024-03-01"), ("2024-02", None, "2024-03-01")]
    first, second = store(sessions, figures), store(sessions, figures)
    assert counts(first) == (2, 0, 0) and counts(second) == (0, 0, 2)
    assert first.vintage == second.vintage != EMPTY_VINTAGE
    assert first.delivery_id != second.delivery_id
    assert stored_rows(sessions) == 2


def test_a_later_figure_revises_and_the_earlier_stays_known_then(sessions: sessionmaker[Session]) -> None:
    store(sessions, [("2024-01", 100, "2024-03-01")])
    result = store(sessions, [("2024-01", 105, "2024-04-01"), ("2024-02", 90, "2024-04-01")])
    assert counts(result) == (1, 1, 0)
    assert values(sessions, "2024-03-31") == {"2024-01": 100}
    assert values(sessions, "2024-04-01") == {"2024-01": 105, "2024-02": 90}


def test_the_day_of_as_of_counts_and_the_day_before_does_not(sessions: sessionmaker[Session]) -> None:
    store(sessions, [("2024-01", 100, "2024-03-01T23:59:00")])
    assert values(sessions, "2024-02-29") == {}
    assert values(sessions, "2024-03-01") == {"2024-01": 100}


def test_an_empty_later_figure_retracts(sessions: sessionmaker[Session]) -> None:
    store(sessions, [("2024-01", 100, "2024-03-01")])
    assert counts(store(sessions, [("2024-01", None, "2024-05-01")])) == (0, 1, 0)
    assert values(sessions, "2024-04-30") == {"2024-01": 100}
    assert values(sessions, "2024-05-01") == {}


def test_an_older_vintage_that_comes_late_does_not_undo_a_newer_one(sessions: sessionmaker[Session]) -> None:
    store(sessions, [("2024-01", 105, "2024-04-01")])
    assert counts(store(sessions, [("2024-01", 100, "2024-03-01")])) == (0, 1, 0)
    assert values(sessions, "2024-03-01") == {"2024-01": 100}
    assert values(sessions, "2024-12-31") == {"2024-01": 105}


def test_a_late_older_figure_does_not_undo_what_was_repeated_after_it(
    sessions: sessionmaker[Session],
) -> None:
    store(sessions, [("2024-01", 100, "2024-03-01")])
    assert counts(store(sessions, [("2024-01", 100, "2024-05-01")])) == (0, 0, 1)
    assert counts(store(sessions, [("2024-01", 90, "2024-04-01")])) == (0, 1, 0)
    assert values(sessions, "2024-03-31") == {"2024-01": 100}
    assert values(sessions, "2024-04-30") == {"2024-01": 90}
    assert values(sessions, "2024-05-01") == {"2024-01": 100}


def test_a_flag_alone_is_a_revision(sessions: sessionmaker[Session]) -> None:
    store(sessions, [("2024-01", 100, "2024-03-01")], flag="p")
    assert counts(store(sessions, [("2024-01", 100, "2024-04-01")])) == (0, 1, 0)


def test_of_two_figures_on_one_day_the_later_counts_and_repeating_them_stores_nothing(
    sessions: sessionmaker[Session],
) -> None:
    figures: Figures = [("2024-01", 120, "2024-03-01T16:00:00"), ("2024-01", 100, "2024-03-01T08:00:00")]
    assert counts(store(sessions, figures)) == (1, 0, 1)
    assert values(sessions, "2024-03-01") == {"2024-01": 120}
    assert counts(store(sessions, figures)) == (0, 0, 2)


def test_examining_tells_what_storing_will_do_and_stores_nothing(sessions: sessionmaker[Session]) -> None:
    store(sessions, [("2024-01", 100, "2024-03-01")])
    figures: Figures = [("2024-01", 101, "2024-04-01"), ("2024-02", 7, "2024-04-01")]
    with reading(sessions) as session:
        examined = examine_delivery(session, delivery(figures))
    assert stored_rows(sessions) == 1 and examined.delivery_id is None
    stored = store(sessions, figures)
    assert (counts(examined), examined.vintage) == (counts(stored), stored.vintage)


def test_a_delivery_that_fails_leaves_nothing_behind(sessions: sessionmaker[Session]) -> None:
    with pytest.raises(RuntimeError), writing(sessions) as session:
        store_delivery(session, delivery([("2024-01", 100, "2024-03-01")]), "test", "tester")
        raise RuntimeError("the disk is full")
    with reading(sessions) as session:
        assert session.execute(select(func.count()).select_from(DeliveryRow)).scalar_one() == 0
        assert current_vintage(session) == EMPTY_VINTAGE
    assert stored_rows(sessions) == 0


def test_simultaneous_equal_deliveries_store_their_figures_once(sessions: sessionmaker[Session]) -> None:
    figures: Figures = [(f"20{year:02d}-01", year, "2024-03-01") for year in range(20)]
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: store(sessions, figures), range(4)))
    assert sorted(result.new for result in results) == [0, 0, 0, 20]
    assert len({result.vintage for result in results}) == 1
    assert stored_rows(sessions) == 20


def test_loaded_columns_have_the_promised_types(sessions: sessionmaker[Session]) -> None:
    with reading(sessions) as session:
        assert list(load_realisations(session, "first_applications").columns) == list(COLUMNS)
    store(sessions, [("2024-01", 9_999_999, "2024-03-01"), ("2024-02", None, "2024-03-01")])
    with reading(sessions) as session:
        frame = load_realisations(session, citizen="TOTAL", source="eurostat", track="")
    assert str(frame["value"].dtype) == "Int64" and frame["value"].tolist()[0] == 9_999_999
    assert frame["value"].isna().tolist() == [False, True]
    assert str(frame["known_at"].dtype).startswith("datetime64")


days = st.sampled_from(["2024-03-01", "2024-04-01", "2024-05-01"])
figure = st.tuples(st.sampled_from(["2024-01", "2024-02"]), st.none() | st.integers(0, 3), days)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(deliveries=st.lists(st.lists(figure, min_size=1, max_size=6), min_size=1, max_size=4))
def test_storing_only_what_changes_tells_the_same_as_storing_everything(
    sessions: sessionmaker[Session], deliveries: list[Figures]
) -> None:
    """Against the plain way: keep every delivered row and let the filter of vintages choose."""
    everything = []
    with sessions() as session:
        for figures in deliveries:
            frame = delivery(figures)
            store_delivery(session, frame, "test", "tester")
            everything.append(frame.sort_values("known_at", kind="stable"))
        kept = load_realisations(session, "first_applications")
        session.rollback()
    plain = pd.concat(everything).assign(value=lambda f: f["value"].astype("Int64"))
    for day in ("2024-02-01", "2024-03-01", "2024-04-15", "2024-05-01"):
        ours, theirs = (known_at(f, date.fromisoformat(day))[["period", "value"]] for f in (kept, plain))
        assert ours.values.tolist() == theirs.values.tolist()
