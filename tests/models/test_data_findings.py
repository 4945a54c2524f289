"""Findings about the figures: agreement is silent, contradiction never, and every sentence has its numbers."""

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from models.measurement.combined import Combined, combined_series
from models.measurement.findings import RECENT, Finding, data_findings, recent_months
from models.measurement.sources import PAIR
from tests.models.made_up_sources import day, flow, noisy, rows, to_five

Array = NDArray[np.float64]
LATE = day("2030-01-01")


def two(factor: float, months: int = 60, last: int = 12, noise: float = 0.004, seed: int = 1) -> Combined:
    """Two sources that agree, but for the other's last months, which are `factor` times as large."""
    log_flow = flow(months, seed)
    ours, theirs = to_five(noisy(log_flow, noise, 0.0, seed + 1)), noisy(log_flow, noise, 0.0, seed + 2)
    theirs[months - last :] = np.round(theirs[months - last :] * factor)
    frame = pd.concat([rows("eurostat", ours, lag_days=60), rows("kmi", theirs)], ignore_index=True)
    return combined_series(frame, "NL", LATE)


def codes(findings: tuple[Finding, ...]) -> list[str]:
    return [finding.code for finding in findings]


def test_sources_that_agree_are_no_finding() -> None:
    assert data_findings(two(1.0), expected=PAIR) == ()


@pytest.mark.parametrize("seed", range(20))
def test_chance_is_hardly_ever_called_a_difference(seed: int) -> None:
    assert "sources_contradict" not in codes(data_findings(two(1.0, noise=0.03, seed=10 * seed)))
    assert "sources_apart" not in codes(data_findings(two(1.0, noise=0.01, seed=10 * seed)))


@pytest.mark.parametrize("factor", [0.5, 2 / 3, 1.5, 2.0])
@pytest.mark.parametrize("last", [1, 3, 12, 60])
def test_sources_that_contradict_by_half_are_never_passed_in_silence(factor: float, last: int) -> None:
    findings = data_findings(two(factor, last=last))
    assert findings[0].code == "sources_contradict"
    assert findings[0].severity == "serious"
    assert findings[0].parameters["largest"] == pytest.approx(factor - 1, abs=0.06)
    assert "contradict one another" in findings[0].detail


def test_contradiction_in_a_short_overlap_is_told_too() -> None:
    log_flow = flow(60, 3)
    ours, theirs = np.round(np.exp(log_flow)), np.round(np.exp(log_flow) * 1.5)
    theirs[:-2] = np.nan
    frame = pd.concat([rows("eurostat", ours), rows("kmi", theirs)])
    assert codes(data_findings(combined_series(frame, "NL", LATE)))[0] == "sources_contradict"


@pytest.mark.parametrize(("factor", "severity"), [(1.03, "info"), (1.09, "warning")])
def test_a_recent_difference_beyond_chance_has_its_size_and_its_beginning(
    factor: float, severity: str
) -> None:
    findings = {finding.code: finding for finding in data_findings(two(factor, last=8))}
    apart, changed = findings["sources_apart"], findings["offset_changed"]
    assert apart.severity == changed.severity == severity
    assert apart.parameters["part"] == pytest.approx(factor - 1, abs=0.008)
    assert float(apart.parameters["lower"]) < factor - 1 < float(apart.parameters["upper"])
    assert apart.parameters["months"] == RECENT
    assert changed.parameters["since"] in ("2019-04", "2019-05", "2019-06")
    assert changed.parameters["before"] == pytest.approx(0, abs=0.005)


def test_an_old_difference_is_not_a_recent_one() -> None:
    log_flow = flow(72, 4)
    theirs = noisy(log_flow, 0.003, 0.0, 6)
    theirs[:30] = np.round(theirs[:30] * 1.4)
    frame = pd.concat([rows("eurostat", to_five(noisy(log_flow, 0.003, 0.0, 5))), rows("kmi", theirs)])
    assert data_findings(combined_series(frame, "NL", LATE)) == ()


def test_absent_late_and_filled() -> None:
    log_flow = flow(60, 7)
    kmi = rows("kmi", noisy(log_flow, 0.003, 0.0, 8))
    alone = data_findings(combined_series(kmi, "NL", LATE), expected=PAIR)
    assert codes(alone) == ["source_absent"]
    assert alone[0].parameters == {"source": "eurostat", "used": "kmi"}
    eurostat = rows("eurostat", noisy(log_flow, 0.003, 0.0, 9))[:-5]
    both = {f.code: f for f in data_findings(combined_series(pd.concat([kmi, eurostat]), "NL", LATE))}
    assert both["source_late"].parameters == {"source": "eurostat", "last": "2019-07", "behind": 5}
    filled = both["months_filled"]
    assert (filled.parameters["months"], filled.parameters["first"]) == (5, "2019-08")
    assert float(filled.parameters["noise"]) > 0


def test_provisional_figures_say_whether_their_revisions_are_known() -> None:
    counts = to_five(np.exp(flow(48, 10)))
    some = pd.concat([rows("eurostat", counts), rows("eurostat", counts, lag_days=21, flag="p")[-2:]])
    every = rows("eurostat", counts, flag="p")
    one, all_of_them = (data_findings(combined_series(frame, "NL", LATE)) for frame in (some, every))
    assert codes(one) == ["months_provisional"]
    assert one[0].parameters["learned"] is False
    assert one[0].parameters["months"] == 2
    assert codes(all_of_them) == ["all_provisional"]
    assert all_of_them[0].severity == "serious"
    first = rows("eurostat", np.round(counts * 0.95))
    revised = data_findings(
        combined_series(pd.concat([first, rows("eurostat", counts, lag_days=80)]), "NL", day("2019-01-10"))
    )
    assert codes(revised) == ["months_provisional"]
    assert revised[0].parameters["learned"] is True
    assert revised[0].parameters["correction"] == pytest.approx(1 / 0.95 - 1, abs=0.01)


def test_recent_months_show_both_sources_and_where_they_part() -> None:
    months = recent_months(two(1.2, last=3))
    assert [month.month for month in months] == [f"2019-{m:02d}" for m in range(7, 13)]
    assert [month.beyond_chance for month in months] == [False] * 3 + [True] * 3
    for month in months:
        assert sum(month.shares.values()) == pytest.approx(1)
        assert month.ratio == pytest.approx(month.values["kmi"] / month.values["eurostat"])  # type: ignore[operator]
        assert month.combined is not None
    assert months[-1].expected_ratio == pytest.approx(1.2, abs=0.02)
