"""Bad input: a forecast with a stated remark, or a refusal; never a number that is none."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from models import forecast as forecast_module
from models import model_draws
from models.forecast import Forecast, run_forecast
from models.forecast_checks import target_data
from models.request import ForecastRefused, ForecastRequest, remarks_from
from models.series import MonthlySeries
from tests.models.made_up import CUTOFF, TARGET, fit, made_up_series, rows, scenarios

AS_OF = date(2018, 10, 20)
SERIES = made_up_series()


@pytest.fixture(autouse=True)
def without_sampler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forecast_module, "fit_model", lambda data, seed, report, fitter: fit())
    monkeypatch.setattr(forecast_module, "DRAWS", 5_000)
    monkeypatch.setattr(model_draws, "AT_CUTOFF_DRAWS", 20_000)
    monkeypatch.setattr(model_draws, "CONTINUED_DRAWS", 5_000)


def changed(first: str, last: str, value: float | None) -> pd.DataFrame:
    """Rows of the made-up country with another value in some months; None leaves them out."""
    inside = (SERIES.months >= np.datetime64(first)) & (SERIES.months <= np.datetime64(last))
    counts = np.where(inside, np.nan if value is None else value, SERIES.counts)
    return rows(MonthlySeries(SERIES.months, counts))


def forecast(frame: pd.DataFrame, **fields: object) -> Forecast:
    level = scenarios({"low": 0.6, "high": 0.4}, {"low": 42_000.0, "high": 60_000.0})
    found = run_forecast(ForecastRequest(TARGET, level, CUTOFF, AS_OF, 0.5, 3, "weighted", 7), frame)
    quantiles = found.posterior.layer.quantiles((0.125, 0.5, 0.875))
    assert np.isfinite(quantiles).all() and (quantiles >= 0).all()
    assert (found.paths >= 0).all()
    return found


def codes(found: Forecast) -> dict[str, dict[str, object]]:
    assert all(remark.detail.endswith(".") for remark in found.warnings)
    return {remark.code: dict(remark.parameters) for remark in found.warnings}


def test_nothing_odd_says_nothing_odd() -> None:
    assert set(codes(forecast(rows(SERIES)))) == {"one_source", "panel_of_one", "no_nationalities_known"}


def test_a_run_of_zeros() -> None:
    said = codes(forecast(changed("2016-02", "2017-05", 0.0)))
    assert said["long_zero_run"] == {"from": "2016-02", "to": "2017-05", "months": 16}
    assert "long_zero_run" not in codes(forecast(changed("2016-02", "2016-12", 0.0)))


def test_a_series_that_stops_in_the_middle() -> None:
    found = forecast(changed("2017-03", "2030-01", None))
    assert codes(found)["old_last_month"] == {"cutoff": "2018-06-30", "month": "2017-02", "months": 16}
    assert str(found.evidence.observation.first_later_month) == "2017-03"


def test_a_spike_of_a_hundred_times() -> None:
    at = SERIES.months == np.datetime64("2017-03")
    frame = changed("2017-03", "2017-03", 100 * float(SERIES.counts[at][0]))
    assert codes(forecast(frame))["spike"] == {"list": ["2017-03"]}
    tenfold = changed("2017-03", "2017-03", 10 * float(SERIES.counts[at][0]))
    assert "spike" not in codes(forecast(tenfold))


def test_a_first_month_a_hundred_times_too_high_is_set_aside() -> None:
    first, after = float(SERIES.counts[0]), SERIES.counts[1:4]
    odd, usual = forecast(changed("2010-01", "2010-01", 100 * first)), forecast(rows(SERIES))
    told = {"month": "2010-01", "count": 100 * first, "lowest": after.min(), "highest": after.max()}
    assert codes(odd)["beginning_set_aside"] == told
    (finding,) = odd.data.measured.findings
    assert (finding.code, finding.severity, finding.parameters) == ("beginning_set_aside", "warning", told)
    assert np.isnan(odd.data.panel_at_cutoff.counts[0]).all()
    # The rest is as if it had never been delivered.
    without = forecast(changed("2010-01", "2010-01", None))
    assert odd.posterior.layer.quantiles((0.5,)) == pytest.approx(without.posterior.layer.quantiles((0.5,)))
    assert "beginning_set_aside" not in codes(usual)


def test_a_month_set_aside_still_counts_among_those_that_are_needed() -> None:
    odd = changed("2015-06", "2015-06", 100 * float(SERIES.counts[65]))
    fewest = odd[odd["period"].between("2015-06", "2018-05")]
    found = target_data(fewest, TARGET, CUTOFF, CUTOFF, 3)
    assert (len(fewest), int(found.at_cutoff.available.sum())) == (36, 35)


def test_every_month_provisional() -> None:
    (said,) = forecast(rows(SERIES, flag="p")).data.measured.findings
    assert (said.code, said.severity) == ("all_provisional", "serious")
    assert "Every figure of kmi may still change" in said.detail
    assert forecast(rows(SERIES)).data.measured.findings == ()


def test_a_gap_filled_after_the_cutoff_is_said_and_is_no_evidence() -> None:
    late = rows(SERIES)
    late.loc[late["period"] == "2018-03", "known_at"] = pd.Timestamp("2018-09-01")
    found = forecast(late)
    assert codes(found)["filled_months"] == {"list": ["2018-03"]}
    # Weighed is what came after the last month the experts saw, no more than without the gap.
    whole = forecast(rows(SERIES))
    later = whole.evidence.observation.later_counts
    assert found.evidence.observation.later_counts.tolist() == later.tolist()
    assert found.evidence.observation.counted.tolist() == whole.evidence.observation.counted.tolist()
    np.testing.assert_allclose(found.posterior.probabilities, whole.posterior.probabilities, atol=0.02)


@pytest.mark.parametrize(("there", "missing"), [("kmi", "eurostat"), ("eurostat", "kmi")])
def test_one_of_the_two_sources_is_not_there(there: str, missing: str) -> None:
    said = codes(forecast(rows(SERIES, source=there)))
    assert said["one_source"] == {"source": there, "missing": missing}


def test_a_break_a_few_months_ago() -> None:
    frame = rows(SERIES)
    frame.loc[frame["period"] == "2018-02", "flag"] = "b"
    assert codes(forecast(frame))["level_restarted"] == {"month": "2018-02", "months": 4}


def test_no_source_at_all_is_refused() -> None:
    with pytest.raises(ForecastRefused, match="had 0 months"):
        target_data(rows(SERIES, geo="BE"), TARGET, CUTOFF, AS_OF, 3)


def test_remarks_without_a_code_are_read_as_sentences() -> None:
    written = [
        "An old sentence.",
        {"code": "spike", "detail": "A spike.", "parameters": {"list": ["2017-03"]}},
    ]
    old, new = remarks_from(written)
    assert (old.code, old.detail) == ("stated", "An old sentence.")
    assert new.parameters == {"list": ["2017-03"]}
