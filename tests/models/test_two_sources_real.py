"""The Netherlands measured twice: Eurostat, and the IND's count as UNHCR published it, month by month and vintage."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from models.measurement.combined import Combined, combined_series
from models.measurement.completeness import suppressed
from models.measurement.findings import data_findings
from models.measurement.years import YearDifference, published_differences, yearly_differences
from tests.models.made_up_sources import day

BEFORE_SUPPRESSION = day("2017-06-01")
LAST = day("2017-12-31")


@pytest.fixture(scope="module")
def deliveries(shared_data: Path) -> pd.DataFrame:
    """Bitemporal rows: Eurostat's months sixty days late, the IND's count of every country's UNHCR vintages."""
    vintages = pd.read_parquet(shared_data / "unhcr_monthly_vintages_by_host.parquet")
    vintages = vintages[vintages["vintage"] > "2015-09-30"]
    hidden = suppressed(vintages["suppressed_cells"].to_numpy(dtype=float))[0]
    ind = pd.DataFrame(
        {"source": "kmi", "geo": vintages["geo"], "period": vintages["month"],
         "value": vintages["sum_known"] + hidden, "known_at": vintages["vintage"]}
    )  # fmt: skip
    extract = pd.read_csv(shared_data / "eurostat_first_time_applicants_monthly.csv", keep_default_na=False)
    extract = extract[extract["series"] == "first_time_2008on"]
    known = pd.PeriodIndex(extract["month"], freq="M").to_timestamp() + pd.DateOffset(months=1, days=60)
    eurostat = pd.DataFrame(
        {"source": "eurostat", "geo": extract["geo"], "period": extract["month"],
         "value": pd.to_numeric(extract["applicants"]), "known_at": known.astype(str)}
    )  # fmt: skip
    rows = pd.concat([ind, eurostat], ignore_index=True)
    return rows.assign(series="first_applications", citizen="TOTAL", track=None, flag=None)


@pytest.fixture(scope="module")
def combined(deliveries: pd.DataFrame) -> Combined:
    return combined_series(deliveries, "NL", BEFORE_SUPPRESSION)


@pytest.fixture(scope="module")
def years(combined: Combined) -> dict[int, YearDifference]:
    return {year.year: year for year in yearly_differences(combined)}


def test_the_years_that_differ_are_found_from_the_months(years: dict[int, YearDifference]) -> None:
    assert {year for year, found in years.items() if found.beyond_chance} == {2013, 2016}
    assert [years[year].months for year in (2012, 2013, 2014, 2015, 2016)] == [12] * 5
    assert years[2012].difference == pytest.approx(6)
    assert years[2013].difference == pytest.approx(-4554)  # the IND's 2013 holds family members
    assert years[2014].difference == pytest.approx(0, abs=15)
    assert years[2015].difference == pytest.approx(-60, abs=15)
    assert years[2016].difference == pytest.approx(
        876, abs=50
    )  # as counted then; 1,114 after the IND's restatement
    assert years[2017].months == 1
    assert years[2017].difference == pytest.approx(128, abs=10)
    assert years[2017].lower > 0


def test_published_years_differ_in_2016_and_2017_and_in_no_other(
    shared_data: Path, combined: Combined
) -> None:
    figures = pd.read_csv(shared_data / "nl_published_figures.csv")
    ind = figures[figures["series"] == "ind_first_applications"].set_index("year")["value"].to_dict()
    yearly = pd.read_csv(shared_data / "eurostat_yearly_totals_2012_2022.csv")
    eurostat = yearly[yearly["geo"] == "NL"].set_index("year")["first_time_applicants"].to_dict()
    beyond = published_differences(eurostat, ind, combined)
    assert set(beyond) == set(range(2014, 2023))
    assert {year for year, found in beyond.items() if found} == {2016, 2017}
    differences = {year: eurostat[year] - ind[year] for year in beyond}
    assert (differences[2014], differences[2015], differences[2016], differences[2017]) == (
        -30,
        -60,
        1114,
        1374,
    )


def test_offset_and_noise_are_those_of_each_stretch(combined: Combined) -> None:
    agreement, months = combined.agreement, combined.series.months
    assert agreement is not None
    at = {
        text: int(np.flatnonzero(months == np.datetime64(text))[0])
        for text in ("2012-06", "2013-06", "2016-10")
    }
    offset, noise = agreement.offset.mean(axis=0), agreement.noise.mean(axis=0)
    assert abs(offset[at["2012-06"]]) < 0.003
    assert noise[at["2012-06"]] < 0.004
    assert offset[at["2013-06"]] == pytest.approx(0.38, abs=0.05)
    assert offset[at["2016-10"]] == pytest.approx(-0.06, abs=0.02)
    began = agreement.starts.mean(axis=0)
    assert began[months == np.datetime64("2013-01")] > 0.95
    assert began[months == np.datetime64("2014-01")] > 0.95


def test_months_after_eurostats_last_come_from_the_other_source_with_honest_width(combined: Combined) -> None:
    filled = combined.series.months > np.datetime64("2017-01")
    assert combined.series.months[-1] == np.datetime64("2017-03")
    np.testing.assert_array_equal(combined.shares["kmi"][filled], 1)
    assert (combined.series.extra[filled] > 5 * combined.series.extra[~filled][-12:].mean()).all()
    found = {finding.code for finding in data_findings(combined)}
    assert {"months_filled", "sources_apart"} <= found


def test_suppressed_cells_count_with_what_they_hide(deliveries: pd.DataFrame) -> None:
    later = {year.year: year for year in yearly_differences(combined_series(deliveries, "NL", LAST))}
    assert later[2014].difference == pytest.approx(4, abs=3)
    assert later[2015].difference == pytest.approx(-64, abs=10)
    assert later[2016].beyond_chance
    # 393 cells hide 1 to 4 persons each, so this is all the months can say.
    assert 19290 - 17965 - 4 * 393 < later[2016].difference < 19290 - 17965 - 393
