"""Real counts by nationality, months and years of two sources, from the delivery to the shares of a forecast."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
from sqlalchemy.orm import Session, sessionmaker

from models.composition.data import OTHER, TOTAL
from models.composition.model import fit_composition
from models.composition.paths import ShareSimulator, filter_shares
from models.composition.source import known_composition
from models.forecast_checks import target_data
from models.request import ForecastTarget
from priors.records import Target
from service.forecast_rows import forecast_rows
from service.sources.delivery import parse_delivery_csv
from service.storage.base import reading, writing
from service.storage.realisations import newest_row, store_delivery

SERIES, AS_OF = "first_applications", date(2017, 4, 30)
GEOS = ("NL", "DE", "FR", "IT", "ES", "PL")


def read(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(folder / name, keep_default_na=False, dtype=str)


def delivered(folder: Path) -> pd.DataFrame:
    """What three publishers would have delivered by April 2017, in the columns of a delivery."""
    totals = read(folder, "eurostat_first_time_applicants_monthly.csv")
    totals = totals[totals["geo"].isin(GEOS) & (totals["series"] == "first_time_2008on")]
    months = read(folder, "cbs_nl_monthly_by_nationality.csv")
    months = months[(months["measure"] == "first_request") & (months["month"] < "2017-03")]
    years = pd.read_parquet(folder / "eurostat_applicants_yearly_by_citizenship.parquet")
    years = years[
        years["geo"].isin(GEOS) & (years["applicant_type"] == "first_time") & (years["year"] <= 2016)
    ]
    years = years[years["citizen"].str.fullmatch("[A-Z]{2}") & (years["applicants"] > 0)]
    columns = ["source", "geo", "citizen", "period", "value"]
    parts = [
        totals.assign(source="eurostat", citizen=TOTAL, period=totals["month"], value=totals["applicants"]),
        months.assign(source="cbs", period=months["month"], value=months["persons"]),
        years.assign(source="eurostat", period=years["year"].astype(str), value=years["applicants"]),
    ]
    rows = pd.concat([part[columns] for part in parts], ignore_index=True)
    return rows.assign(series=SERIES, known_at=str(AS_OF))


def test_months_and_years_reach_the_shares_of_a_forecast_and_no_total(
    shared_data: Path, sessions: sessionmaker[Session]
) -> None:
    text = delivered(shared_data).to_csv(index=False)
    with writing(sessions) as session:
        store_delivery(session, parse_delivery_csv(text.encode()), "upload:csv", "tester")
    with reading(sessions) as session:
        frame = forecast_rows(session, Target(series=SERIES, geo="NL"), AS_OF, newest_row(session))
    data = known_composition(frame, SERIES, "NL", AS_OF)
    assert data is not None
    assert len(data.citizens) == 16
    assert {"SY", "ER", "AL", "MA"} <= set(data.citizens)  # Albanians and Moroccans stand in the years alone
    assert set(data.spans.tolist()) == {1, 12}
    assert str(data.last_months[0]) == "2008-12"
    assert np.isfinite(data.anchor_now).sum() > 10
    # The panel is of months: nothing in it changes when the years are left out.
    target = ForecastTarget(SERIES, "NL", TOTAL)
    by_month = frame[frame["period"].str.len() == 7]
    whole, months = (target_data(f, target, AS_OF, AS_OF, 2) for f in (frame, by_month))
    assert np.array_equal(whole.panel_at_cutoff.counts, months.panel_at_cutoff.counts, equal_nan=True)
    fit = fit_composition(data, seed=1, draws=100, tune=200, chains=2)
    assert fit.diagnostics.divergences == 0
    simulator = ShareSimulator(
        fit.parameters, filter_shares(fit.parameters, data), np.datetime64("2017-03"), 1
    )
    shares = simulator.shares(400, 10).mean(axis=(0, 1))
    named = dict(zip(data.citizens, shares, strict=True))
    # 2017 as Eurostat counted it, which none of these figures knew: Syria 18%, Eritrea 10%, Morocco 6%.
    assert 0.08 < named["SY"] < 0.35
    assert 0.02 < named["MA"] < 0.12
    assert 0.05 < named[OTHER] < 0.45
