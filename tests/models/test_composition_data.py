"""Months and years become splits in which every person is counted once."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.composition.data import ABSENT, OTHER, TOTAL, CompositionData, composition_data
from models.composition.design import (
    ELAPSED,
    STEP,
    WEIGHT,
    composition_design,
    step_months,
)

CITIZENS = ("SY", "TR", "IR")


def frame(*rows: tuple[str, str, float | None]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["citizen", "period", "value"])


def year_of_months(
    named: dict[str, float], total: float | None, year: int = 2020
) -> list[tuple[str, str, float]]:
    cells = named if total is None else named | {TOTAL: total}
    return [(c, f"{year}-{m:02d}", v) for m in range(1, 13) for c, v in cells.items()]


def rows_of(data: CompositionData) -> list[tuple[str, int, list[int], list[float]]]:
    found = []
    for t in range(len(data)):
        counts = data.counts[t][np.isfinite(data.counts[t])].tolist()
        found.append((str(data.last_months[t]), int(data.spans[t]), data.group[t].tolist(), counts))
    return found


def test_a_month_with_a_total_has_a_rest() -> None:
    data = composition_data(
        frame(("SY", "2020-01", 40), ("TR", "2020-01", 10), (TOTAL, "2020-01", 90)), CITIZENS
    )
    assert data.citizens == (*CITIZENS, OTHER)
    assert rows_of(data) == [("2020-01", 1, [0, 1, 2, 2], [40, 10, 40])]


def test_a_month_without_a_total_is_silent_about_the_others() -> None:
    data = composition_data(frame(("SY", "2020-01", 40), ("TR", "2020-01", 0)), CITIZENS)
    assert rows_of(data) == [("2020-01", 1, [0, 1, ABSENT, ABSENT], [40, 0])]


def test_a_year_whose_months_are_known_only_divides_their_rest() -> None:
    months = year_of_months({"SY": 40, "TR": 10}, 90)
    year = [("SY", "2020", 480.0), ("TR", "2020", 120.0), ("IR", "2020", 200.0), (TOTAL, "2020", 1_080.0)]
    data = composition_data(frame(*months, *year), CITIZENS)
    assert len(data) == 13
    assert rows_of(data)[-1] == ("2020-12", 12, [ABSENT, ABSENT, 0, 1], [200, 280])


def test_a_year_whose_months_have_no_total_places_their_nationalities_together() -> None:
    months = year_of_months({"SY": 40, "TR": 10}, None)
    data = composition_data(frame(*months, ("IR", "2020", 200), (TOTAL, "2020", 1_080)), CITIZENS)
    assert rows_of(data)[0][2:] == ([0, 1, ABSENT, ABSENT], [40, 10])
    assert rows_of(data)[-1] == ("2020-12", 12, [0, 0, 1, 2], [600, 200, 280])


def test_a_year_that_names_less_than_its_months_keeps_them_out_of_its_rest() -> None:
    months = year_of_months({"SY": 40, "TR": 10}, 90)
    data = composition_data(frame(*months, ("IR", "2020", 200), (TOTAL, "2020", 1_080)), CITIZENS)
    assert rows_of(data)[-1] == ("2020-12", 12, [ABSENT, ABSENT, 0, 1], [200, 280])


def test_a_month_missing_gives_way_to_its_year() -> None:
    months = [row for row in year_of_months({"SY": 40}, 90) if row[1] != "2020-07"]
    data = composition_data(frame(*months, ("SY", "2020", 480), (TOTAL, "2020", 1_080)), CITIZENS)
    assert rows_of(data) == [("2020-12", 12, [0, 1, 1, 1], [480, 600])]


@given(st.integers(0, 2**32 - 1), st.booleans())
def test_no_person_is_counted_twice(seed: int, totals: bool) -> None:
    """Splits multiply: persons told apart at the last stage of a year are those of the stage before."""
    rng = np.random.default_rng(seed)
    cells = {c: rng.integers(1, 200, 12).astype(float) for c in (*CITIZENS, "XX")}
    months = [(c, f"2020-{m + 1:02d}", cells[c][m]) for m in range(12) for c in ("SY", "TR")]
    if totals:
        months += [(TOTAL, f"2020-{m + 1:02d}", sum(v[m] for v in cells.values())) for m in range(12)]
    year = [(c, "2020", cells[c].sum()) for c in CITIZENS] + [
        (TOTAL, "2020", sum(v.sum() for v in cells.values()))
    ]
    data = composition_data(frame(*months, *year), CITIZENS)
    last = np.nansum(data.counts[-1])
    if totals:
        assert last == sum(np.nansum(data.counts[t][2:3]) for t in range(12))
    else:
        assert last == sum(v.sum() for v in cells.values())
        assert data.counts[-1][0] == sum(np.nansum(data.counts[t]) for t in range(12))


def test_a_quarter_divides_what_its_months_leave_open() -> None:
    months = [row for row in year_of_months({"SY": 40, "TR": 10}, 90) if row[1] <= "2020-03"]
    quarter = [("IR", "2020-Q1", 50), (TOTAL, "2020-Q1", 270), ("IR", "2020-Q2", 60), (TOTAL, "2020-Q2", 260)]
    data = composition_data(frame(*months, *quarter), CITIZENS)
    assert rows_of(data)[3] == ("2020-03", 3, [ABSENT, ABSENT, 0, 1], [50, 70])
    assert rows_of(data)[4] == ("2020-06", 3, [1, 1, 0, 1], [60, 200])


def test_a_year_is_told_by_its_four_quarters_or_replaces_them() -> None:
    quarters = [(c, f"2020-Q{q}", v) for q in range(1, 5) for c, v in (("SY", 100), (TOTAL, 300))]
    year = [("SY", "2020", 400), ("TR", "2020", 50), (TOTAL, "2020", 1_200)]
    assert composition_data(frame(*quarters, *year), CITIZENS).spans.tolist() == [3, 3, 3, 3]
    assert composition_data(frame(*quarters[2:], *year), CITIZENS).spans.tolist() == [12]


def test_rows_that_tell_nothing_apart_are_left_out() -> None:
    nothing = frame(
        ("SY", "2020-01", None), ("SY", "2020-02", 5), (TOTAL, "2020-03", 70), (TOTAL, "2020-04", 0)
    )
    assert len(composition_data(nothing, CITIZENS)) == 0


@pytest.mark.parametrize("period", ["2020-Q5", "2020-Q", "2020-13", "20", "202001", "soon"])
def test_periods_of_no_calendar_are_refused(period: str) -> None:
    with pytest.raises(ValueError, match="neither a month"):
        composition_data(frame(("SY", period, 4), ("TR", period, 4)), CITIZENS)


def test_the_same_figure_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="more than once"):
        composition_data(frame(("SY", "2020-01", 4), ("SY", "2020-01", 4)), CITIZENS)


def test_steps_are_the_variance_between_means_of_a_random_walk() -> None:
    rng = np.random.default_rng(1)
    walk = np.cumsum(rng.standard_normal((40_000, 40)), axis=1)
    for old, between, new in ((1, 0, 1), (12, 0, 12), (1, 5, 1), (12, 0, 1), (1, 3, 12)):
        start = old + between
        apart = walk[:, start : start + new].mean(axis=1) - walk[:, :old].mean(axis=1)
        stated = step_months(np.array([old]), np.array([between]), new)[0]
        assert apart.var() == pytest.approx(stated, rel=0.04)


def test_an_anchor_is_known_when_its_year_is_over() -> None:
    anchor = pd.DataFrame(
        {"period": ["2018", "2019"], "SY": [0.5, 0.4], "TR": [0.1, 0.0], "OTHER": [0.4, 0.6]}
    )
    cells = [("SY", p, 5.0) for p in ("2018-12", "2019-01", "2020-02")]
    data = composition_data(frame(*cells, *((TOTAL, p, 9.0) for _, p, _ in cells)), CITIZENS, anchor=anchor)
    assert np.isnan(data.anchor[0]).all()
    assert np.exp(data.anchor[1:, 0]).tolist() == pytest.approx([0.5, 0.4])
    assert np.isnan(data.anchor[2, 1:3]).all()
    design = composition_design(data)
    assert design.cells[1:, 0, ELAPSED].tolist() == [1, 13]
    assert design.cells[1:, 0, STEP].tolist() == [1, 13]
    assert (design.cells[:, 2, ELAPSED] == 0).all()


def test_weights_within_a_group_add_up() -> None:
    months = year_of_months({"SY": 40, "TR": 10}, 90)
    data = composition_data(frame(*months, ("IR", "2019", 30), (TOTAL, "2019", 100)), CITIZENS)
    design = composition_design(data)
    for t in range(len(data)):
        for g in range(data.group[t].max() + 1):
            assert design.cells[t, data.group[t] == g, WEIGHT].sum() == pytest.approx(1)


def test_the_past_does_not_depend_on_what_came_later() -> None:
    early, late = (
        year_of_months({"SY": 40, "TR": 10}, 90, 2020),
        year_of_months({"SY": 900, "TR": 1}, 950, 2021),
    )
    whole = composition_data(frame(*early, *late), CITIZENS).until(np.datetime64("2020-12"))
    alone = composition_data(frame(*early), CITIZENS)
    assert (composition_design(whole).cells == composition_design(alone).cells).all()
