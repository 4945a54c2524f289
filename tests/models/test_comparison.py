"""The table: the same cases for all, against the peer that is best there."""

import numpy as np
import pandas as pd
import pytest

from models.backtest.comparison import Row, common_cases, compare, groups, markdown


def scores(
    model: str, values: list[float], horizon: int = 12, geos: tuple[str, ...] = ("AA", "BB")
) -> pd.DataFrame:
    """One value per (origin, geo), geos within origins."""
    origins = len(values) // len(geos)
    return pd.DataFrame(
        {
            "model_id": model,
            "origin_date": np.repeat([f"20{10 + n}-06-30" for n in range(origins)], len(geos)),
            "target": "12-month total",
            "horizon": horizon,
            "location": np.tile(geos, origins),
            "log_crps": values,
            "inside_75": np.array(values) < 0.5,
            "mean_count": np.tile([100.0, 5000.0][: len(geos)], origins),
        }
    )


def row_of(rows: list[Row], model: str, group: str = "all countries") -> Row:
    return next(row for row in rows if row.model_id == model and row.group == group)


def test_the_reference_is_the_best_of_the_peers_at_that_target() -> None:
    table = pd.concat(
        [
            scores("ours", [0.1, 0.2, 0.3, 0.2]),
            scores("ETS", [0.4, 0.4, 0.4, 0.4]),
            scores("Theta", [0.2, 0.6, 0.9, 0.7]),
            scores("ours", [0.5, 0.5, 0.5, 0.5], horizon=24),
            scores("ETS", [0.9, 0.9, 0.9, 0.9], horizon=24),
            scores("Theta", [0.8, 0.8, 0.8, 0.8], horizon=24),
        ]
    )
    rows = compare(table, ["ETS", "Theta"])
    near = row_of([row for row in rows if row.horizon == 12], "ours")
    far = row_of([row for row in rows if row.horizon == 24], "ours")
    assert (near.reference, far.reference) == ("ETS", "Theta")
    assert near.log_crps == pytest.approx(0.2)
    assert near.against.ratio == pytest.approx(0.5)
    # Residuals per origin: 0.3 - 0.4 and 0.5 - 0.4; 2/1 * 0.02 / 1.6^2.
    assert near.against.standard_error == pytest.approx(np.sqrt(0.04) / 1.6)
    assert near.inside_75.share == 1
    assert far.against.ratio == pytest.approx(0.625)
    assert [row.model_id for row in rows if row.horizon == 12 and row.group == "all countries"] == [
        "ours",
        "ETS",
        "Theta",
    ]


def test_a_case_that_one_method_lacks_counts_for_nobody() -> None:
    table = pd.concat([scores("ours", [0.1, 9.0]), scores("ETS", [0.2], geos=("AA",))])
    assert common_cases(table)["location"].tolist() == ["AA", "AA"]
    assert row_of(compare(table, ["ETS"]), "ours").against.ratio == pytest.approx(0.5)


def test_groups_by_size_and_by_what_was_held_out() -> None:
    found = groups(scores("ours", [0.1, 0.2, 0.3, 0.4]), held_out=["BB", "ZZ"])
    assert {name: cases["location"].unique().tolist() for name, cases in found.items()} == {
        "all countries": ["AA", "BB"],
        "countries tuned on": ["AA"],
        "countries held out": ["BB"],
        "under 150 a month": ["AA"],
        "above 1,000": ["BB"],
    }


def test_a_comparison_without_a_peer_or_a_common_case_is_refused() -> None:
    with pytest.raises(ValueError, match="none of ETS is among"):
        compare(scores("ours", [0.1, 0.2]), ["ETS"])
    apart = pd.concat([scores("ours", [0.1], geos=("AA",)), scores("ETS", [0.1], geos=("CC",))])
    with pytest.raises(ValueError, match="no case in common"):
        compare(apart, ["ETS"])


def test_the_table_names_its_reference_and_every_group() -> None:
    table = pd.concat([scores("ours", [0.1, 0.2, 0.3, 0.2]), scores("ETS", [0.4, 0.4, 0.4, 0.4])])
    text = markdown(compare(table, ["ETS"]))
    assert text.splitlines() == [
        "### Total of months 1 to 12 ahead",
        "",
        "| method | log-CRPS | ratio to ETS (4 cases) | 75% band held | under 150 a month (2) | above 1,000 (2) |",
        "| --- | --- | --- | --- | --- | --- |",
        "| ours | 0.2000 | 0.500 ± 0.125 | 1.00 (0.40-1.00) | 0.500, 1.00 | 0.500, 1.00 |",
        "| ETS | 0.4000 | 1.000 ± 0.000 | 1.00 (0.40-1.00) | 1.000, 1.00 | 1.000, 1.00 |",
    ]


def test_a_ratio_from_one_origin_says_so() -> None:
    table = pd.concat([scores("ours", [0.1, 0.2]), scores("ETS", [0.2, 0.4])])
    assert "| ours | 0.1500 | 0.500, one origin |" in markdown(compare(table, ["ETS"]))
