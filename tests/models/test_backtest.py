"""The harness: no figure leaks back in time, totals are the right months, an interrupted run continues."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from models.backtest import run as backtest
from models.backtest.data import bitemporal_rows
from models.backtest.run import (
    Plan,
    half_yearly,
    panel_at,
    read_results,
    results_at,
    run_backtest,
    targets_at,
)
from models.panel.series import PanelSeries
from models.series import Array

FIRST, LAST = "2008-01", "2016-12"
ORIGINS = ("2013-06", "2013-12")


def counts(geo: str, level: float, first: str = FIRST, last: str = LAST) -> pd.DataFrame:
    """A count that is `level` plus a little pattern, so that no two months are alike."""
    months = np.arange(np.datetime64(first, "M"), np.datetime64(last, "M") + 1)
    values = level + np.arange(len(months)) % 7
    return pd.DataFrame({"geo": geo, "period": months.astype(str), "value": values})


def rows(lag: int = 0, *more: pd.DataFrame) -> pd.DataFrame:
    return bitemporal_rows(pd.concat([counts("AA", 100), counts("BB", 1000), *more], ignore_index=True), lag)


def wandering(panel: PanelSeries, months_ahead: int, draws: int, seed: int) -> dict[str, Array]:
    """A random walk on from the mean of all that is in the panel: any figure that leaks in moves it."""
    rng = np.random.default_rng(seed)
    steps = rng.normal(0, 0.1, (draws, months_ahead)).cumsum(axis=1)
    return {geo: np.log(np.nanmean(panel.counts)) + steps for geo in panel.geos}


def counting_up(panel: PanelSeries, months_ahead: int, draws: int, seed: int) -> dict[str, Array]:
    """The k-th month after the panel's last holds k persons times 1000, in every draw."""
    return {geo: np.log(1000 * np.arange(1, months_ahead + 1) * np.ones((draws, 1))) for geo in panel.geos}


def plan(realisations: pd.DataFrame | None = None, **settings: Any) -> Plan:
    return Plan(rows() if realisations is None else realisations, ORIGINS, **{"draws": 50, **settings})


def median_of(found: dict[str, pd.DataFrame], target: str, horizon: int, geo: str = "AA") -> float:
    table = found["quantiles"]
    chosen = (
        (table["target"] == target)
        & (table["horizon"] == horizon)
        & (table["location"] == geo)
        & (table["output_type_id"] == 0.5)
    )
    return float(table.loc[chosen, "value"].item())


# Targets --------------------------------------------------------------------------------------------------


def test_origins_are_june_and_december() -> None:
    assert half_yearly("2012-07", "2014-06") == ("2012-12", "2013-06", "2013-12", "2014-06")


def test_targets_of_june_and_of_december() -> None:
    def told(origin: str) -> list[tuple[str, int, str, str]]:
        return [
            (t.name, t.horizon, str(t.first), str(t.last)) for t in targets_at(np.datetime64(origin, "M"))
        ]

    assert told("2013-06") == [
        ("12-month total", 12, "2013-07", "2014-06"),
        ("12-month total", 24, "2014-07", "2015-06"),
        ("calendar-year total", 0, "2013-01", "2013-12"),
        ("calendar-year total", 1, "2014-01", "2014-12"),
    ]
    assert told("2013-12")[2:] == [
        ("calendar-year total", 1, "2014-01", "2014-12"),
        ("calendar-year total", 2, "2015-01", "2015-12"),
    ]


def test_totals_hold_the_right_months() -> None:
    found = results_at(plan(), counting_up, "2013-06")
    # Months 1 to 12 sum to 78, 13 to 24 to 222, 7 to 18 to 150; this year: what was counted, and 1 to 6.
    assert median_of(found, "12-month total", 12) == pytest.approx(78_000)
    assert median_of(found, "12-month total", 24) == pytest.approx(222_000)
    assert median_of(found, "calendar-year total", 1) == pytest.approx(150_000)
    known = counts("AA", 100)
    counted = known.loc[known["period"].between("2013-01", "2013-06"), "value"].sum()
    assert median_of(found, "calendar-year total", 0) == pytest.approx(counted + 21_000)


def test_a_publication_lag_moves_the_start_of_the_paths_and_not_the_target() -> None:
    # With 40 days only months to April are known at the end of June: the target starts with the third month ahead.
    found = results_at(plan(rows(40)), counting_up, "2013-06")
    assert panel_at(plan(rows(40)), "2013-06").months[-1] == np.datetime64("2013-04", "M")
    assert median_of(found, "12-month total", 12) == pytest.approx(1000 * sum(range(3, 15)))


def test_a_year_with_an_unknown_month_before_the_panel_ends_is_no_case() -> None:
    hole = rows()
    hole = hole[~((hole["geo"] == "AA") & (hole["period"] == "2013-03"))]
    scores = results_at(plan(hole), counting_up, "2013-06")["scores"]
    years = scores[(scores["target"] == "calendar-year total") & (scores["horizon"] == 0)]
    assert years["location"].tolist() == ["BB"]


def test_only_targets_that_were_counted_since_are_scored() -> None:
    scores = results_at(plan(), counting_up, "2015-06")["scores"]
    assert set(zip(scores["target"], scores["horizon"], strict=True)) == {
        ("12-month total", 12),
        ("calendar-year total", 0),
        ("calendar-year total", 1),
    }


# Scores ---------------------------------------------------------------------------------------------------


def test_scores_of_a_forecast_that_is_sure_and_wrong_by_a_factor() -> None:
    def double(panel: PanelSeries, months_ahead: int, draws: int, seed: int) -> dict[str, Array]:
        return {geo: np.log(np.full((draws, months_ahead), 200.0)) for geo in panel.geos}

    flat = bitemporal_rows(counts("AA", 100).assign(value=100))
    scores = results_at(plan(flat), double, "2013-06")["scores"].iloc[0]
    assert scores["observed"] == 1200
    assert scores["log_crps"] == pytest.approx(np.log(2))
    assert scores["crps"] == pytest.approx(1200)
    # Too high: a quantile at level p costs 1 - p of the distance.
    assert scores["log_pinball_0.125"] == pytest.approx(0.875 * np.log(2))
    assert scores["log_pinball_0.667"] == pytest.approx(np.log(2) / 3)
    assert not scores["inside_75"]
    assert scores["pit"] < 1 / 51


def test_quantiles_are_in_hubverse_columns_and_rise() -> None:
    table = results_at(plan(), wandering, "2013-06")["quantiles"]
    assert {
        "origin_date",
        "target",
        "horizon",
        "location",
        "output_type",
        "output_type_id",
        "value",
    } <= set(table.columns)
    assert set(table["output_type"]) == {"quantile"}
    assert set(table["origin_date"]) == {"2013-06-30"}
    assert {0.125, 0.5, 2 / 3, 0.875} <= set(table["output_type_id"])
    one = table[(table["location"] == "AA") & (table["horizon"] == 12)]
    assert one["output_type_id"].is_monotonic_increasing
    assert one["value"].is_monotonic_increasing


# Nothing leaks ----------------------------------------------------------------------------------------------


def planted() -> pd.DataFrame:
    """The rows with absurd figures that nobody knew in June 2013: a later month, and a later revision of a month."""
    later = counts("AA", 1e6, "2013-07", "2016-12")
    revised = counts("BB", 1e6, "2013-01", "2013-06").assign(known_at=pd.Timestamp("2013-07-01"))
    return pd.concat([rows(), bitemporal_rows(later), bitemporal_rows(revised)], ignore_index=True)


def forecast_changes() -> bool:
    """Whether figures that became known after the origin move any quantile of a forecast made at it."""
    before, after = (
        results_at(plan(given), wandering, "2013-06")["quantiles"] for given in (rows(), planted())
    )
    same_year = before["horizon"] != 0
    return not np.allclose(before.loc[same_year, "value"], after.loc[same_year, "value"], rtol=1e-12)


def test_a_planted_future_figure_changes_no_forecast() -> None:
    assert not forecast_changes()
    # The outcome it is scored against did change: the figures were really there.
    scores = results_at(plan(planted()), wandering, "2013-06")["scores"]
    assert scores.loc[scores["location"] == "AA", "observed"].min() > 1e6 * 5


def test_a_harness_that_reads_later_revisions_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = backtest.panel_known_at

    def as_published_last(realisations: pd.DataFrame, as_of: Any, *key: str, **more: str) -> PanelSeries:
        latest = realisations.sort_values("known_at", kind="stable").drop_duplicates(
            ["geo", "period"], keep="last"
        )
        return honest(latest.assign(known_at=pd.to_datetime(latest["period"])), as_of, *key, **more)

    monkeypatch.setattr(backtest, "panel_known_at", as_published_last)
    assert forecast_changes()


def test_a_harness_that_reads_a_month_too_far_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = backtest.panel_known_at
    monkeypatch.setattr(
        backtest,
        "panel_known_at",
        lambda realisations, as_of, *key, **more: honest(
            realisations, (pd.Timestamp(as_of) + pd.DateOffset(months=1)).date(), *key, **more
        ),
    )
    assert forecast_changes()


def test_who_takes_part_is_decided_on_what_was_known() -> None:
    small_then_large = pd.concat([counts("CC", 5, last="2013-06"), counts("CC", 9000, first="2013-07")])
    young = counts("DD", 500, first="2009-08")
    old_enough = counts("EE", 500, first="2009-07")
    stopped = counts("FF", 500, last="2012-06")
    stopping = counts("GG", 500, last="2012-07")
    given = rows(0, small_then_large, young, old_enough, stopped, stopping)
    assert panel_at(plan(given), "2013-06").geos == ("AA", "BB", "EE", "GG")


# Running ----------------------------------------------------------------------------------------------------


def test_a_first_figure_that_no_level_can_begin_with_is_set_aside() -> None:
    odd = counts("AA", 100)
    odd.loc[0, "value"] = 40_000
    found, usual = (
        panel_at(plan(bitemporal_rows(pd.concat([first, counts("BB", 1000)], ignore_index=True))), ORIGINS[0])
        for first in (odd, counts("AA", 100))
    )
    assert found.geos == usual.geos == ("AA", "BB")
    assert np.isnan(found.counts[0, 0])
    np.testing.assert_array_equal(found.counts[1:], usual.counts[1:])
    np.testing.assert_array_equal(found.counts[:, 1], usual.counts[:, 1])


def test_a_second_run_computes_nothing_and_a_later_origin_only_itself(tmp_path: Path) -> None:
    asked: list[str] = []

    def noting(panel: PanelSeries, *rest: int) -> dict[str, Array]:
        asked.append(str(panel.months[-1]))
        return wandering(panel, *rest)

    run_backtest(plan(), {"walk": noting}, tmp_path)
    assert asked == list(ORIGINS)
    run_backtest(plan(), {"walk": noting}, tmp_path)
    assert asked == list(ORIGINS)
    more = Plan(rows(), (*ORIGINS, "2014-06"), draws=50)
    run_backtest(more, {"walk": noting}, tmp_path)
    assert asked == [*ORIGINS, "2014-06"]


def test_an_interrupted_run_continues_where_it_stopped(tmp_path: Path) -> None:
    def breaking(panel: PanelSeries, *rest: int) -> dict[str, Array]:
        if str(panel.months[-1]) == ORIGINS[1]:
            raise KeyboardInterrupt
        return wandering(panel, *rest)

    with pytest.raises(KeyboardInterrupt):
        run_backtest(plan(), {"walk": breaking}, tmp_path / "broken")
    # What a killed process leaves behind is no result.
    (tmp_path / "broken" / "walk" / f"{ORIGINS[1]}.scores.unfinished").write_bytes(b"half a file")
    done: list[tuple[int, int, str]] = []
    run_backtest(plan(), {"walk": wandering}, tmp_path / "broken", progress=lambda *told: done.append(told))
    assert done == [(0, 1, ""), (1, 1, f"walk at {ORIGINS[1]}")]
    run_backtest(plan(), {"walk": wandering}, tmp_path / "whole")
    for kind in ("scores", "quantiles"):
        pd.testing.assert_frame_equal(
            read_results(tmp_path / "broken", kind), read_results(tmp_path / "whole", kind)
        )


def test_results_of_other_data_are_not_continued(tmp_path: Path) -> None:
    run_backtest(plan(), {"walk": wandering}, tmp_path)
    with pytest.raises(ValueError, match="other data or settings"):
        run_backtest(plan(planted()), {"walk": wandering}, tmp_path)
    with pytest.raises(ValueError, match="other data or settings"):
        run_backtest(plan(draws=60), {"walk": wandering}, tmp_path)
    assert len(json.loads((tmp_path / "plan.json").read_text("utf-8"))["content_hash"]) == 64


def test_an_empty_directory_has_no_results(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no scores"):
        read_results(tmp_path, "scores")


def test_an_origin_at_which_no_country_takes_part_is_done_and_empty(tmp_path: Path) -> None:
    early = Plan(rows(), ("2009-06", "2013-06"), draws=50)
    run_backtest(early, {"walk": wandering}, tmp_path)
    assert set(read_results(tmp_path, "scores")["origin_date"]) == {"2013-06-30"}
    assert (tmp_path / "walk" / "2009-06.scores.parquet").exists()


@pytest.mark.parametrize("fault", ["missing", "nan", "short"])
def test_a_forecaster_that_gives_no_forecast_is_refused(fault: str) -> None:
    def faulty(panel: PanelSeries, months_ahead: int, draws: int, seed: int) -> dict[str, Array]:
        paths = wandering(panel, months_ahead, draws, seed)
        other = {"missing": {}, "nan": {"BB": paths["BB"] * np.nan}, "short": {"BB": paths["BB"][:, :-1]}}
        return {"AA": paths["AA"], **other[fault]}

    with pytest.raises(ValueError, match=r"no finite log counts \(50, 24\) .* for BB"):
        results_at(plan(), faulty, "2013-06")


_fails_at: set[str] = set()


def failing(panel: PanelSeries, *rest: int) -> dict[str, Array]:
    """`wandering`, but for origins that fail as a machine does in the middle of a run."""
    if str(panel.months[-1]) in _fails_at:
        raise MemoryError("the machine went down")
    return wandering(panel, *rest)


@pytest.fixture
def client() -> Iterator[Any]:
    distributed = pytest.importorskip("distributed")
    with distributed.Client(
        n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None, set_as_default=False
    ) as started:
        yield started


def test_on_dask_the_results_are_the_same(client: Any, tmp_path: Path) -> None:
    run_backtest(plan(), {"walk": wandering, "up": counting_up}, tmp_path / "dask", client=client)
    run_backtest(plan(), {"walk": wandering, "up": counting_up}, tmp_path / "here")
    for kind in ("scores", "quantiles"):
        pd.testing.assert_frame_equal(
            read_results(tmp_path / "dask", kind), read_results(tmp_path / "here", kind)
        )


def test_on_dask_a_run_tells_how_far_it_is_and_goes_on_where_it_stopped(client: Any, tmp_path: Path) -> None:
    origins = ("2012-06", "2012-12", "2013-06", "2013-12")
    asked = Plan(rows(), origins, draws=50)
    told: list[tuple[int, int, str]] = []
    _fails_at.add("2012-12")
    try:
        with pytest.raises(MemoryError):
            run_backtest(asked, {"walk": failing}, tmp_path / "broken", client=client)
    finally:
        _fails_at.clear()
    kept = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "broken" / "walk").glob("*.parquet")}
    left = [origin for origin in origins if f"{origin}.scores.parquet" not in kept]
    assert "2012-12" in left
    run_backtest(
        asked, {"walk": failing}, tmp_path / "broken", client=client, progress=lambda *now: told.append(now)
    )
    assert told[0] == (0, len(left), "")
    assert [(done, total) for done, total, _ in told] == [(n, len(left)) for n in range(len(left) + 1)]
    assert {what for _, _, what in told[1:]} == {f"walk at {origin}" for origin in left}
    now = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "broken" / "walk").glob("*.parquet")}
    assert kept.items() <= now.items()  # what was done is not done again
    run_backtest(asked, {"walk": wandering}, tmp_path / "whole")
    pd.testing.assert_frame_equal(
        read_results(tmp_path / "broken", "scores"), read_results(tmp_path / "whole", "scores")
    )
