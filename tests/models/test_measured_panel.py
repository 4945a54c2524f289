"""A panel of measured countries: both sources where there are two, completed where revised before, else untouched."""

import numpy as np
import pandas as pd

from models.measurement.panel import measured_panel, measured_target
from models.panel.series import PanelSeries, panel_known_at
from tests.models.made_up_sources import day, flow, noisy, rows, to_five

NOW = day("2020-01-31")
LOG_FLOW = flow(60, 1)
EUROSTAT = rows("eurostat", to_five(noisy(LOG_FLOW, 0.004, 0.0, 2)), lag_days=60)
KMI = rows("kmi", noisy(LOG_FLOW, 0.004, 0.1, 3))
BELGIUM = rows("eurostat", to_five(np.exp(flow(60, 4))), geo="BE", lag_days=60)
CHOSEN = {"NL": "eurostat", "BE": "eurostat"}


def eurostats(frame: pd.DataFrame) -> PanelSeries:
    return panel_known_at(frame, NOW, "first_applications")


def test_a_country_measured_twice_has_both_and_another_stays_as_it_was() -> None:
    frame = pd.concat([EUROSTAT, KMI, BELGIUM], ignore_index=True)
    plain = eurostats(frame)
    panel, references = measured_panel(plain, frame, CHOSEN, NOW)
    assert references == CHOSEN
    assert panel.months[-1] == np.datetime64("2019-12") > plain.months[-1]
    np.testing.assert_array_equal(panel.one("BE").counts[:59], plain.one("BE").counts)
    assert not panel.one("BE").extra.any()
    last = panel.one("NL")
    assert abs(np.log(last.counts[-1]) - LOG_FLOW[-1]) < 0.05
    assert last.extra[-1] > last.extra[-4]
    measured = measured_target(frame, "NL", NOW, "eurostat", references)
    assert measured.reference == "eurostat"
    assert sorted(measured.shares) == ["eurostat", "kmi"]


def test_units_stay_those_of_the_reference_given() -> None:
    frame = pd.concat([EUROSTAT, KMI], ignore_index=True)
    panel, references = measured_panel(eurostats(frame), frame, CHOSEN, NOW, {"NL": "kmi"})
    assert references == {"NL": "kmi"}
    np.testing.assert_allclose(np.log(panel.one("NL").counts[:50]), LOG_FLOW[:50] + 0.1, atol=0.03)


def test_recent_months_of_any_country_are_completed_where_its_source_revised_before() -> None:
    first = BELGIUM.assign(value=np.round(BELGIUM["value"] * 0.9))
    known = pd.to_datetime(BELGIUM["known_at"]) + pd.Timedelta(days=40)
    frame = pd.concat([first, BELGIUM.assign(known_at=known.dt.strftime("%Y-%m-%d"))], ignore_index=True)
    plain = eurostats(frame)
    panel, _ = measured_panel(plain, frame, {"BE": "eurostat"}, NOW)
    assert panel.counts[-1, 0] > 1.05 * plain.counts[-1, 0]
    np.testing.assert_array_equal(panel.counts[:30], plain.counts[:30])


def test_nothing_known_later_reaches_the_panel() -> None:
    frame = pd.concat([EUROSTAT, KMI, BELGIUM], ignore_index=True)
    later = pd.concat([frame, frame.assign(value=1.0, known_at="2020-02-01")], ignore_index=True)
    clean, planted = (measured_panel(eurostats(f), f, CHOSEN, NOW)[0] for f in (frame, later))
    np.testing.assert_array_equal(clean.counts, planted.counts)
    np.testing.assert_array_equal(clean.extra, planted.extra)


def test_a_panel_without_countries_stays_empty() -> None:
    frame = pd.concat([EUROSTAT, KMI], ignore_index=True)
    empty = eurostats(frame.iloc[:0])
    panel, references = measured_panel(empty, frame, {}, NOW)
    assert panel.geos == ()
    assert references == {}
