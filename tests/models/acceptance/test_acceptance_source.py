"""From stored figures to decisions: vintages, months, the largest nationalities and the rest, other countries."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from models.acceptance.data import OTHER, DecisionsRefused
from models.acceptance.source import known_decisions, quarters_of

AS_OF = date(2024, 6, 30)
QUARTERS = ["2023-Q1", "2023-Q2", "2023-Q3", "2023-Q4", "2024-Q1"]


def rows(
    citizen: str, positive: float, total: float, periods: list[str] = QUARTERS, **more: str
) -> pd.DataFrame:
    """The same decisions of a nationality in every period."""
    made = [
        {
            "series": series, "source": "ind", "geo": "NL", "citizen": citizen, "track": "", "period": period,
            "value": value, "flag": "", "known_at": "2024-05-01",
        } | more
        for period in periods
        for series, value in (("decisions_total", total), ("decisions_positive", positive))
    ]  # fmt: skip
    return pd.DataFrame(made)


def test_the_largest_are_named_and_the_rest_is_what_the_total_leaves() -> None:
    frame = pd.concat(
        [rows("SY", 90, 100), rows("TR", 20, 40), rows("MA", 0, 5), rows("TOTAL", 120, 160)],
        ignore_index=True,
    )
    found = known_decisions(frame, "NL", AS_OF, most=2)
    assert found is not None
    assert found.data.citizens == (OTHER, "SY", "TR")
    np.testing.assert_array_equal(found.data.total[0], [20, 100, 40])
    np.testing.assert_array_equal(found.data.positive[0], [10, 90, 20])
    without = known_decisions(frame[frame["citizen"] != "TOTAL"], "NL", AS_OF, most=2)
    assert without is not None
    np.testing.assert_array_equal(without.data.total[0], [5, 100, 40])
    alone = known_decisions(frame[frame["citizen"] == "TOTAL"], "NL", AS_OF)
    assert alone is not None
    assert alone.data.citizens == ("TOTAL",)


def test_months_make_a_quarter_only_when_all_three_are_known() -> None:
    months = [f"2023-{month:02d}" for month in (1, 2, 3, 4, 5)]
    whole = quarters_of(rows("SY", 3, 10, months))
    assert set(whole["period"]) == {"2023-Q1"}
    assert sorted(whole["value"]) == [9, 30]
    both = quarters_of(
        pd.concat([rows("SY", 3, 10, months), rows("SY", 8, 31, ["2023-Q1"])], ignore_index=True)
    )
    assert sorted(both["value"]) == [8, 31]


def test_nothing_published_later_is_seen_also_elsewhere() -> None:
    own = pd.concat([rows("SY", 90, 100), rows("TR", 20, 40)], ignore_index=True)
    early = pd.concat([rows("SY", 50, 100, geo="DE"), rows("TR", 60, 100, geo="DE")], ignore_index=True)
    later = pd.concat(
        [
            rows("SY", 1, 100, known_at="2024-07-01"),
            rows("SY", 1, 100, geo="DE", known_at="2024-07-01"),
            rows("TR", 9, 40, ["2024-Q2"], known_at="2024-08-15"),
        ],
        ignore_index=True,
    )
    before = known_decisions(pd.concat([own, early], ignore_index=True), "NL", AS_OF)
    after = known_decisions(pd.concat([own, early, later], ignore_index=True), "NL", AS_OF)
    assert before is not None and after is not None
    assert after.data.periods == before.data.periods
    for name in ("positive", "total", "elsewhere", "told"):
        np.testing.assert_array_equal(getattr(before.data, name), getattr(after.data, name))
    assert before.data.told[-1].min() > 0.5


def test_real_figures_go_before_synthetic_ones_which_are_named() -> None:
    made_up = rows("SY", 10, 20, source="synthetic")
    only = known_decisions(made_up, "NL", AS_OF)
    assert only is not None
    assert [remark.code for remark in only.remarks] == ["synthetic_decisions"]
    both = known_decisions(pd.concat([made_up, rows("SY", 90, 110)], ignore_index=True), "NL", AS_OF)
    assert both is not None
    assert (both.source, both.remarks) == ("ind", ())


def test_too_few_quarters_are_none_and_a_missing_one_is_named() -> None:
    assert known_decisions(rows("SY", 1, 2, QUARTERS[:3]), "NL", AS_OF) is None
    assert known_decisions(rows("SY", 1, 2), "BE", AS_OF) is None
    holed = known_decisions(rows("SY", 1, 2, [q for q in QUARTERS if q != "2023-Q3"]), "NL", AS_OF)
    assert holed is not None
    assert holed.data.total[2].sum() == 0
    (said,) = holed.remarks
    assert (said.code, said.parameters) == ("missing_quarters", {"list": ["2023-Q3"]})
    assert "2023-Q3" in said.detail


def test_every_impossible_figure_is_named() -> None:
    frame = rows("SY", 11, 10)
    lone = rows("TR", 1, 2, track="4")
    lone = lone[lone["series"] == "decisions_total"]
    with pytest.raises(DecisionsRefused) as refused:
        known_decisions(pd.concat([frame, lone], ignore_index=True), "NL", AS_OF)
    places = [where for where, _ in refused.value.faults]
    assert {f"NL SY {quarter}" for quarter in QUARTERS} < set(places)
    assert "NL TR track 4 2023-Q1" in places
