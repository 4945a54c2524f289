"""Shares of the Netherlands' nationalities a year ahead, from real counts, against what everybody would say first."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from models.composition.data import TOTAL, CompositionData, composition_data
from models.composition.model import fit_composition
from models.composition.paths import ShareSimulator, filter_shares
from models.scores import crps_of_draws

SEVEN = ("SY", "ER", "TR", "IQ", "AF", "YE", "SO")
YEARS = (2018, 2020, 2022, 2024)


def read_csv(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(folder / name, keep_default_na=False)


def monthly(folder: Path) -> pd.DataFrame:
    """First requests of seven nationalities by month."""
    frame = read_csv(folder, "cbs_nl_monthly_by_nationality.csv")
    frame = frame[frame["measure"] == "first_request"]
    return frame.rename(columns={"month": "period", "persons": "value"})[["citizen", "period", "value"]]


def yearly_totals(folder: Path) -> dict[str, int]:
    frame = read_csv(folder, "nl_published_figures.csv")
    frame = frame[frame["series"] == "cbs_first_requests_year"]
    return {str(year): int(value) for year, value in zip(frame["year"], frame["value"], strict=True)}


def counts(folder: Path) -> pd.DataFrame:
    """Months by seven nationalities, years by citizenship 2008-2022, and the totals there are."""
    months = monthly(folder)
    totals = read_csv(folder, "nl_monthly_first_applications_spliced.csv")
    totals = totals[totals["month"] >= "2015-01"].rename(columns={"month": "period", "persons": "value"})
    years = pd.read_parquet(folder / "eurostat_applicants_yearly_by_citizenship.parquet")
    years = years[(years["geo"] == "NL") & (years["applicant_type"] == "first_time")]
    years = years[years["citizen"].isin([*SEVEN, TOTAL])].rename(columns={"applicants": "value"})
    later = [(TOTAL, year, value) for year, value in yearly_totals(folder).items() if year > "2022"]
    parts = [
        months,
        totals.assign(citizen=TOTAL),
        years.assign(period=years["year"].astype(str)),
        pd.DataFrame(later, columns=["citizen", "period", "value"]),
    ]
    return pd.concat([part[["citizen", "period", "value"]] for part in parts], ignore_index=True)


def elsewhere(folder: Path) -> pd.DataFrame:
    """Shares of the nationalities in the other European countries, by year, published a year later."""
    years = pd.read_parquet(folder / "eurostat_applicants_yearly_by_citizenship.parquet")
    years = years[(years["applicant_type"] == "first_time") & ~years["geo"].isin(["NL", "EU27_2020"])]
    by_name = years.pivot_table(index="year", columns="citizen", values="applicants", aggfunc="sum").fillna(0)
    shares = by_name[list(SEVEN)].div(by_name[TOTAL], axis=0)
    return shares.assign(OTHER=1 - shares.sum(axis=1), period=shares.index + 1)


def known_by(folder: Path, year: int) -> CompositionData:
    """What was counted by the end of `year`."""
    frame = counts(folder)
    frame = frame[frame["period"].str[:4].astype(int) <= year]
    return composition_data(frame, SEVEN, rounding=5, anchor=elsewhere(folder))


def true_shares(folder: Path, year: int) -> np.ndarray:
    frame = monthly(folder)
    by_name = frame[frame["period"].str[:4] == str(year)].groupby("citizen")["value"].sum()[list(SEVEN)]
    total = yearly_totals(folder)[str(year)]
    return np.append(by_name, total - by_name.sum()) / total


def test_next_years_shares_beat_last_years(shared_data: Path) -> None:
    """Sum of CRPS over eight shares; a point forecast's CRPS is its absolute error."""
    ours, last, inside = [], [], []
    for year in YEARS:
        data = known_by(shared_data, year - 1)
        fit = fit_composition(data, seed=year, draws=500, tune=400, chains=2)
        assert fit.diagnostics.divergences == 0
        first = np.datetime64(f"{year}-01", "M")
        simulator = ShareSimulator(fit.parameters, filter_shares(fit.parameters, data), first, year)
        drawn = simulator.chunk(0, np.full((2_000, 12), 2_000)).sum(axis=1) / 24_000
        truth = true_shares(shared_data, year)
        ours.append(crps_of_draws(drawn, truth).sum())
        last.append(np.abs(true_shares(shared_data, year - 1) - truth).sum())
        inside.append(np.abs((drawn < truth).mean(axis=0) - 0.5) < 0.475)
    assert np.mean(ours) < 0.85 * np.mean(last)
    assert np.mean(inside) > 0.85


def test_years_reach_back_before_the_months(shared_data: Path) -> None:
    data = known_by(shared_data, 2025)
    assert str(data.last_months[0]) == "2008-12"
    assert set(data.spans.tolist()) == {1, 12}
    assert str(data.last_months[-1]) == "2025-12"


@pytest.mark.parametrize("year", [2016, 2021])
def test_what_came_later_is_not_seen(shared_data: Path, year: int) -> None:
    whole, cut = known_by(shared_data, 2025), known_by(shared_data, year)
    until = whole.until(np.datetime64(f"{year}-12", "M"))
    assert np.array_equal(until.last_months, cut.last_months)
    assert np.array_equal(until.group, cut.group)
    assert np.array_equal(until.counts, cut.counts, equal_nan=True)
    assert np.array_equal(until.anchor, cut.anchor, equal_nan=True)
    assert np.array_equal(until.anchor_now, cut.anchor_now, equal_nan=True)
