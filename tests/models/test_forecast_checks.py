"""Which source serves, what is refused, and what a reader is told."""

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from models.forecast_checks import TargetData, counted_at_cutoff, target_data
from models.request import ForecastRefused
from models.series import MonthlySeries
from tests.models.made_up import CUTOFF, TARGET, made_up_series, rows

SERIES = made_up_series()


def until(last: str, first: str = "2010-01") -> MonthlySeries:
    return SERIES.until(np.datetime64(last, "M")).since(np.datetime64(first, "M"))


def data(frame: pd.DataFrame, cutoff: date = CUTOFF, as_of: date | None = None) -> TargetData:
    return target_data(frame, TARGET, cutoff, as_of or cutoff, 3)


def both(*frames: pd.DataFrame) -> pd.DataFrame:
    return pd.concat(frames, ignore_index=True)


class TestSource:
    def test_the_one_that_reaches_furthest(self) -> None:
        frame = both(rows(until("2018-03"), source="zeta"), rows(until("2018-05"), source="other"))
        assert data(frame).source == "other"

    def test_two_measurements_make_one_series_that_reaches_as_far_as_either(self) -> None:
        frame = both(rows(until("2018-03"), source="eurostat"), rows(until("2018-05"), source="kmi"))
        found = data(frame)
        assert found.source == "eurostat"
        assert sorted(found.measured.shares) == ["eurostat", "kmi"]
        assert str(found.at_cutoff.months[-1]) == "2018-05"
        np.testing.assert_allclose(found.at_cutoff.counts, until("2018-05").counts, atol=6)
        assert found.at_cutoff.extra[-1] > found.at_cutoff.extra[-3]
        assert [finding.code for finding in found.measured.findings] == ["months_filled"]

    def test_units_do_not_change_when_another_source_comes_after_the_cutoff(self) -> None:
        twice = replace(until("2018-10"), counts=2 * until("2018-10").counts)
        late = rows(twice, source="eurostat", known_at=pd.Timestamp("2018-11-01"))
        found = data(both(rows(SERIES, source="kmi"), late), as_of=date(2018, 12, 1))
        assert found.source == "kmi"
        known = found.at_as_of.until(np.datetime64("2018-10"))
        np.testing.assert_allclose(known.counts, until("2018-10").counts, rtol=0.02)
        assert found.measured.findings[0].code == "sources_contradict"

    def test_eurostat_before_kmi_before_others_when_equal(self) -> None:
        frames = [rows(until("2018-05"), source=name) for name in ("zeta", "alpha", "kmi", "eurostat")]
        assert data(both(*frames)).source == "eurostat"
        assert data(both(*frames[:3])).source == "kmi"
        assert data(both(*frames[:2])).source == "alpha"

    def test_a_longer_reach_with_too_few_months_does_not_serve(self) -> None:
        frame = both(
            rows(until("2018-05", "2016-01"), source="kmi"), rows(until("2018-01"), source="eurostat")
        )
        assert data(frame).source == "eurostat"

    def test_synthetic_only_without_real_data(self) -> None:
        made = rows(until("2018-05"), source="synthetic")
        assert data(both(made, rows(until("2017-01"), source="kmi"))).source == "kmi"
        alone = data(made)
        assert alone.source == "synthetic"
        assert [w.code for w in alone.warnings] == ["synthetic_data", "panel_of_one"]

    def test_chosen_by_what_the_cutoff_knew(self) -> None:
        late = rows(until("2018-05"), source="eurostat", known_at=pd.Timestamp("2018-09-01"))
        frame = both(late, rows(until("2018-04"), source="kmi"))
        assert data(frame, as_of=date(2018, 12, 1)).source == "kmi"

    def test_rows_of_tracks_are_no_totals(self) -> None:
        tracks = rows(until("2018-05"), source="kmi", track="4")
        with pytest.raises(ForecastRefused, match="had 0 months"):
            data(tracks)
        assert data(both(tracks, rows(until("2018-03"), source="eurostat"))).source == "eurostat"

    def test_yearly_and_quarterly_periods_are_left_out(self) -> None:
        year = rows(until("2018-05")).iloc[:1].assign(period="2017", value=9_999)
        assert 9_999 not in data(both(rows(until("2018-05")), year)).at_cutoff.counts


class TestRefusals:
    @pytest.mark.parametrize(("first", "refused"), [("2015-06", False), ("2015-07", True)])
    def test_thirty_six_months_are_needed(self, first: str, refused: bool) -> None:
        frame = rows(until("2018-05", first))
        if not refused:
            assert data(frame).at_cutoff.available.sum() == 36
            return
        with pytest.raises(ForecastRefused, match="had 35 months") as caught:
            data(frame)
        assert caught.value.field == "target"

    def test_months_missing_in_between_do_not_count(self) -> None:
        frame = rows(until("2018-05", "2015-06"))
        with pytest.raises(ForecastRefused, match="had 35 months"):
            data(frame.drop(index=7))

    def test_no_rows_at_all(self) -> None:
        frame = rows(until("2018-05"))
        with pytest.raises(ForecastRefused, match="had 0 months"):
            data(frame.iloc[:0])
        with pytest.raises(ForecastRefused, match="had 0 months"):
            data(frame.assign(geo="BE"))

    def test_as_of_before_the_cutoff(self) -> None:
        with pytest.raises(ForecastRefused) as caught:
            data(rows(SERIES), as_of=date(2018, 6, 29))
        assert caught.value.field == "asOf"

    def test_a_source_retracted_since(self) -> None:
        frame = rows(until("2018-05"))
        withdrawn = frame.assign(value=pd.NA, known_at=pd.Timestamp("2018-08-01"))
        with pytest.raises(ForecastRefused, match="only 5 months of kmi") as caught:
            data(both(frame, withdrawn), as_of=date(2018, 9, 1))
        assert caught.value.field == "asOf"


class TestWhatAReaderIsTold:
    def test_nothing_when_all_is_well(self) -> None:
        other, twice = rows(SERIES, geo="BE", source="eurostat"), rows(until("2015-01"), source="eurostat")
        assert data(both(rows(SERIES), other, twice), as_of=date(2018, 10, 20)).warnings == ()

    def test_a_panel_of_one_and_a_country_measured_once(self) -> None:
        said = data(rows(SERIES), as_of=date(2018, 10, 20)).warnings
        assert [w.code for w in said] == ["one_source", "panel_of_one"]
        assert said[0].parameters == {"source": "kmi", "missing": "eurostat"}

    @pytest.mark.parametrize(("last", "told"), [("2018-03", False), ("2018-02", True)])
    def test_the_last_month_lies_far_back(self, last: str, told: bool) -> None:
        warnings = [w for w in data(rows(until(last))).warnings if w.code == "old_last_month"]
        assert bool(warnings) is told
        if told:
            assert "2018-02, 4 months earlier" in warnings[0].detail

    def test_cutoff_years_after_the_last_figure(self) -> None:
        found = data(rows(until("2018-05")), cutoff=date(2020, 3, 1))
        assert found.observation.years[0] == 2020
        assert str(found.observation.first_later_month) == "2018-06"
        assert any("22 months earlier" in w.detail for w in found.warnings)

    def test_a_gap_hides_months(self) -> None:
        frame = rows(SERIES)
        found = data(frame[frame["period"] != "2018-08"], as_of=date(2018, 11, 20))
        assert any("2 months after 2018-08 are left unused" in w.detail for w in found.warnings)

    def test_a_retracted_month(self) -> None:
        frame = rows(SERIES)
        gone = frame[frame["period"] == "2018-03"].assign(value=pd.NA, known_at=pd.Timestamp("2018-09-01"))
        found = data(both(frame, gone), as_of=date(2018, 10, 20))
        assert any("2018-03" in w.detail and w.code == "retracted_months" for w in found.warnings)
        assert found.observation.counted_at_cutoff[0] == SERIES.counts[96:101].sum()
        assert np.isfinite(found.history.counts).all()


class TestSeriesOfBothMoments:
    def test_history_and_continued(self) -> None:
        found = data(rows(SERIES), as_of=date(2018, 10, 20))
        assert str(found.history.months[-1]) == "2018-05"
        assert str(found.continued.months[-1]) == "2018-09"

    def test_floor_is_what_the_experts_saw(self) -> None:
        frame = rows(SERIES)
        april = frame[frame["period"] == "2018-04"]
        raised = april.assign(value=april["value"] + 500, known_at=pd.Timestamp("2018-08-01"))
        found = data(both(frame, raised), as_of=date(2018, 10, 20))
        assert found.counted_when_stated == SERIES.counts[96:101].sum()
        assert found.observation.counted_at_cutoff[0] == SERIES.counts[96:101].sum() + 500

    def test_floor_is_nothing_at_the_start_of_a_year(self) -> None:
        assert data(rows(SERIES), cutoff=date(2019, 1, 10)).counted_when_stated == 0.0

    def test_counted_at_cutoff_for_a_preview(self) -> None:
        assert counted_at_cutoff(rows(SERIES), TARGET, CUTOFF) == SERIES.counts[96:101].sum()
        assert counted_at_cutoff(rows(SERIES).iloc[:0], TARGET, CUTOFF) == 0.0
