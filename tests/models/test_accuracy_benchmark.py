"""What the accuracy benchmark is run on: the splice, the countries kept apart, pools on the same cases."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks import accuracy
from benchmarks.accuracy_picture import draw
from models.backtest.comparison import common_cases, compare
from models.backtest.run import LEVELS, Plan, half_yearly, panel_at


def test_the_real_counts_are_spliced_and_a_third_can_be_left_out(shared_data: Path) -> None:
    rows = accuracy.the_rows(shared_data, tuning=False)
    dutch = rows[rows["geo"] == "NL"].set_index("period")["value"]
    # Both files, as published: the last month of the earlier collection and the first of the later one.
    assert (dutch.index.min(), dutch.index.max()) == ("2000-01", "2019-04")
    assert not dutch.index.duplicated().any()
    assert {"EU28", "TOTAL"} & set(rows["geo"]) == set()
    whole = panel_at(Plan(rows, ()), "2015-06").geos
    tuned = panel_at(Plan(accuracy.the_rows(shared_data, tuning=True), ()), "2015-06").geos
    assert set(tuned) == set(whole) & accuracy.TUNED_ON
    assert {"FR", "CH", "PL", "BG", "FI", "MT", "SI"} <= set(whole) - set(tuned)
    assert "NL" in tuned


def test_a_country_that_files_bring_later_belongs_to_those_held_out(
    tmp_path: Path, shared_data: Path
) -> None:
    for name in (accuracy.LATER, accuracy.BEFORE):
        table = pd.read_csv(shared_data / name, keep_default_na=False)
        more = table[table["geo"] == "NL"].assign(geo="XX")
        pd.concat([table, more]).to_csv(tmp_path / name, index=False)
    rows = accuracy.the_rows(tmp_path, tuning=False)
    assert "XX" in panel_at(Plan(rows, ()), "2015-06").geos
    assert "XX" not in set(accuracy.the_rows(tmp_path, tuning=True)["geo"])
    assert "XX" not in accuracy.TUNED_ON


def results() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Scores and quantiles of three methods at four origins: one too low, one too high, one between."""
    shifts = {"panel": -0.1, "AutoETS": 0.2, "AutoTheta": 0.5}
    scores, quantiles = [], []
    for origin in half_yearly("2010-06", "2011-12"):
        for geo in ("AA", "BB"):
            for horizon in (12, 24):
                case = {
                    "origin_date": f"{origin}-30",
                    "target": "12-month total",
                    "horizon": horizon,
                    "target_end_date": f"20{horizon}-06-30",
                    "location": geo,
                }
                for name, shift in shifts.items():
                    told = {
                        "observed": 1000.0,
                        "mean_count": 90.0,
                        "log_crps": abs(shift),
                        "inside_75": shift < 0.3,
                    }
                    scores.append({**case, **told, "model_id": name, "pit": 0.5 + shift / 2})
                    values = 1000 * np.exp(shift + 0.01 * np.array(LEVELS))
                    quantiles.append(
                        pd.DataFrame({"output_type_id": LEVELS, "value": values}).assign(
                            **case, model_id=name
                        )
                    )
    return pd.DataFrame(scores), pd.concat(quantiles, ignore_index=True)


def test_pools_are_scored_on_the_cases_of_their_members() -> None:
    scores, quantiles = results()
    both = accuracy.with_pools(scores, quantiles)
    means = both.groupby("model_id")["log_crps"].mean()
    # Nearly sure members at -0.1 and 0.2: their quantile average is at 0.05; the pool scores E|X - y| - E|X - X'|/2.
    assert means["quantile average: panel, AutoETS"] == pytest.approx(0.055, abs=0.002)
    assert means["linear pool: panel, AutoETS"] == pytest.approx(0.15 - 0.3 / 4, abs=0.003)
    assert (both.groupby("model_id").size() == 16).all()
    alone = scores[scores["model_id"] == "panel"]
    assert set(accuracy.with_pools(alone, quantiles)["model_id"]) == {"panel"}


def test_the_verdict_holds_the_served_method_to_both_limits() -> None:
    scores, _ = results()
    told = accuracy.verdict(compare(scores, accuracy.PEERS)).splitlines()
    assert len(told) == 2
    assert told[0].startswith(
        "all countries, months 1-12: panel 0.500 of AutoETS (limit 0.95), 75% band held 100%"
    )
    assert told[0].endswith("NOT reached")
    some = scores.assign(inside_75=scores.groupby(["model_id", "horizon"]).cumcount() % 4 > 0)
    assert accuracy.verdict(compare(some, accuracy.PEERS)).count(": reached") == 2


def test_the_picture_is_drawn(tmp_path: Path) -> None:
    scores = accuracy.with_pools(*results())
    draw(compare(scores, accuracy.PEERS), common_cases(scores), tmp_path / "new" / "accuracy.png")
    assert (tmp_path / "new" / "accuracy.png").read_bytes().startswith(b"\x89PNG")
