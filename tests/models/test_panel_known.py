"""The panel of a forecast: which countries, each by which source, the same whoever of them is asked for."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from models.forecast_checks import TargetData, target_data
from models.panel.known import known_panel, panel_sources
from models.panel.series import UNCERTAIN_EXTRA
from models.panel.storing import fit_name
from models.request import ForecastTarget
from models.series import MonthlySeries
from tests.models.made_up import CUTOFF, TARGET, made_up_series, rows

SERIES = made_up_series()
LATER = date(2018, 10, 20)


def until(last: str, first: str = "2010-01") -> MonthlySeries:
    return SERIES.until(np.datetime64(last, "M")).since(np.datetime64(first, "M"))


def europe() -> pd.DataFrame:
    """The Netherlands by two sources, three neighbours (one new, one of 20 months), a sum of countries."""
    parts = [
        rows(until("2018-12"), source="kmi"),
        rows(until("2018-02"), source="eurostat"),
        rows(until("2018-12"), source="eurostat", geo="BE"),
        rows(until("2018-12", "2016-11"), source="eurostat", geo="HR"),
        rows(until("2018-12", "2018-07"), source="eurostat", geo="XK"),
        rows(until("2018-12"), source="eurostat", geo="EU27_2020"),
        rows(until("2018-12"), source="synthetic", geo="DK"),
    ]
    return pd.concat(parts, ignore_index=True)


def data(frame: pd.DataFrame, geo: str = "NL", as_of: date = LATER) -> TargetData:
    return target_data(frame, ForecastTarget(TARGET.series, geo, TARGET.citizen), CUTOFF, as_of, 3)


def test_every_country_by_its_best_real_source_and_no_sum_of_countries() -> None:
    found = data(europe())
    assert found.panel_at_cutoff.geos == ("BE", "HR", "NL")
    assert found.panel_at_as_of.geos == ("BE", "HR", "NL", "XK")
    assert str(found.panel_at_cutoff.one("NL").months[-1]) == "2018-05", "by the source that reaches furthest"
    np.testing.assert_array_equal(found.panel_at_cutoff.one("NL").counts, found.at_cutoff.counts)


def test_the_same_panel_whoever_is_asked_for() -> None:
    frame = europe()
    names = {fit_name(data(frame, geo).panel_at_cutoff, 1) for geo in ("NL", "BE")}
    assert len(names) == 1


def test_a_fit_is_named_after_all_that_it_is_made_of() -> None:
    panel = data(europe()).panel_at_cutoff
    others = {
        "seed": fit_name(panel, 2),
        "count": fit_name(data(europe().assign(value=europe()["value"] + 5)).panel_at_cutoff, 1),
        "flag": fit_name(data(europe().assign(flag="p")).panel_at_cutoff, 1),
        "break": fit_name(data(europe().assign(flag="b")).panel_at_cutoff, 1),
        "countries": fit_name(panel.only(["BE", "NL"]), 1),
    }
    assert len({fit_name(panel, 1), *others.values()}) == 6


def test_a_sum_of_countries_that_is_asked_for_stands_beside_them() -> None:
    assert data(europe(), "EU27_2020").panel_at_cutoff.geos == ("BE", "EU27_2020", "HR", "NL")


def test_synthetic_figures_stay_among_themselves() -> None:
    assert data(europe(), "DK").panel_at_cutoff.geos == ("DK",)


def test_a_source_is_chosen_by_what_the_cutoff_knew() -> None:
    frame = europe()
    late = rows(until("2018-12"), source="other", geo="BE", known_at=pd.Timestamp("2018-08-01"))
    both = pd.concat([frame, late.assign(value=1)], ignore_index=True)
    assert fit_name(data(both).panel_at_as_of, 1) == fit_name(data(frame).panel_at_as_of, 1)


def test_countries_without_36_months_bring_the_source_with_most() -> None:
    frame = pd.concat(
        [
            rows(until("2018-05", "2017-01"), source="a", geo="HR"),
            rows(until("2018-04", "2016-01"), source="b", geo="HR"),
        ],
        ignore_index=True,
    )
    sources = panel_sources(frame, "NL", synthetic=False)
    assert sources == {"HR": "b"}
    assert known_panel(frame, sources).one("HR").available.sum() == 28


class TestRemarksThatTheFitMakes:
    def test_uncertain_months_are_filtered_as_they_were_fitted(self) -> None:
        frame = europe()
        frame.loc[(frame["geo"] == "NL") & (frame["period"] == "2018-03"), "flag"] = "p"
        found = data(frame)
        for series in (found.history, found.continued):
            extra = dict(zip(map(str, series.months), series.extra, strict=True))
            assert extra.pop("2018-03") == pytest.approx(UNCERTAIN_EXTRA, abs=0.1)
            assert extra["2017-12"] < UNCERTAIN_EXTRA / 10

    def test_the_level_restarts_at_a_break(self) -> None:
        frame = europe()
        frame.loc[(frame["source"] == "kmi") & (frame["period"] == "2016-01"), "flag"] = "b"
        found = data(frame)
        assert str(found.history.months[0]) == str(found.continued.months[0]) == "2016-01"
        assert found.same_level
        assert str(found.in_force.months[0]) == "2010-01"
        assert [w.code for w in found.warnings] == ["level_restarted"]

    @pytest.mark.parametrize(("as_of", "same"), [(CUTOFF, True), (LATER, False)])
    def test_a_break_among_the_later_months_is_another_level(self, as_of: date, same: bool) -> None:
        frame = europe()
        frame.loc[(frame["source"] == "kmi") & (frame["period"] == "2018-07"), "flag"] = "b"
        found = data(frame, as_of=as_of)
        assert found.same_level is same
        assert str(found.history.months[0]) == "2010-01"
