"""One series out of two sources: closed forms, months only one has, whose noise it was, and nothing from the future."""

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from models.measurement.agreement import DEFAULT_AGREEMENT_PRIORS
from models.measurement.combined import Combined, combine, combined_series, noise_share
from models.measurement.completeness import STATED
from models.measurement.sources import SourceFigures, revisions_by_source, rounding_variance, source_figures
from models.panel.series import UNCERTAIN_EXTRA
from models.series import MonthlySeries
from tests.models.made_up_sources import START, day, flow, noisy, rows, to_five

Array = NDArray[np.float64]
LATE = day("2030-01-01")


def plain(source: str, counts: Array, variance: float = 0.0, first: int = 0) -> SourceFigures:
    """Figures without provisional months, with a known variance everywhere."""
    series = MonthlySeries(START + first + np.arange(len(counts)), counts)
    zeros = np.zeros(len(counts))
    return SourceFigures(source, series, zeros, zeros + variance, zeros > 0, STATED)


def pair(months: int, noise: tuple[float, float], offset: float, seed: int) -> tuple[pd.DataFrame, Array]:
    """Rows of Eurostat and KMI+ and the true log flow."""
    log_flow = flow(months, seed)
    parts = [rows("eurostat", noisy(log_flow, noise[0], 0.0, seed + 1), lag_days=60)]
    parts.append(rows("kmi", noisy(log_flow, noise[1], offset, seed + 2), lag_days=10))
    return pd.concat(parts, ignore_index=True), log_flow


def test_known_noise_and_no_offset_give_the_precision_weighted_mean() -> None:
    priors = DEFAULT_AGREEMENT_PRIORS.model_copy(
        update={
            "break_rate": 1e-12,
            "offset_scales": (1e-9,),
            "offset_weights": (1.0,),
            "noise_median": 1e-7,
            "noise_log_sd": 1e-3,
        }
    )
    ours, theirs = np.array([1001.0, 2003.0, 3007.0]), np.array([1101.0, 1803.0, 3017.0])
    made = combine(plain("eurostat", ours, 0.03), plain("kmi", theirs, 0.01), priors)
    expected = (np.log(ours) / 0.03 + np.log(theirs) / 0.01) / (1 / 0.03 + 1 / 0.01)
    np.testing.assert_array_equal(made.series.counts, np.rint(np.exp(expected)))
    np.testing.assert_allclose(made.variance, 1 / (1 / 0.03 + 1 / 0.01), rtol=1e-6)
    np.testing.assert_allclose(made.shares["kmi"], 0.75, rtol=1e-6)
    assert made.mean_shares() == {"eurostat": pytest.approx(0.25), "kmi": pytest.approx(0.75)}


def test_a_month_that_only_the_other_source_has_is_moved_to_the_references_level() -> None:
    data, log_flow = pair(60, (0.004, 0.004), 0.2, seed=1)
    data = data[~((data["source"] == "eurostat") & data["period"].isin(["2017-05", "2019-12"]))]
    made = combined_series(data, "NL", LATE)
    for place in (28, 59):
        assert made.shares["kmi"][place] == 1
        assert np.log(made.series.counts[place]) == pytest.approx(log_flow[place], abs=0.03)
        assert made.variance[place] > made.variance[place - 1]
    assert made.variance[28] < made.variance[59]
    assert made.series.months[-1] == START + 59


def test_a_month_only_the_reference_has_is_its_figure() -> None:
    data, _ = pair(60, (0.004, 0.004), 0.2, seed=2)
    data = data[~((data["source"] == "kmi") & (data["period"] == "2018-03"))]
    made = combined_series(data, "NL", LATE)
    published = data[(data["source"] == "eurostat") & (data["period"] == "2018-03")]["value"].iloc[0]
    assert made.series.counts[38] == published
    assert made.shares["eurostat"][38] == 1


def test_the_band_of_the_flow_covers_as_often_as_it_says() -> None:
    inside = []
    for seed in range(40):
        data, log_flow = pair(48, (0.03, 0.05), 0.1, seed=100 + 10 * seed)
        data = data[~((data["source"] == "eurostat") & (data["period"] >= "2018-07"))]
        made = combined_series(data, "NL", LATE, seed=seed)
        z = (np.log(made.series.counts) - log_flow) / np.sqrt(made.variance)
        inside.append(np.abs(z) < 1.15)
    both, only_one = np.mean(np.array(inside)[:, :42]), np.mean(np.array(inside)[:, 42:])
    assert 0.68 < both < 0.85
    assert 0.70 < only_one < 0.97


@pytest.mark.parametrize(("noise", "part"), [((0.15, 0.02), 0.8), ((0.02, 0.15), 0.2)])
def test_the_flow_tells_whose_noise_it_was_where_there_is_much(
    noise: tuple[float, float], part: float
) -> None:
    data, _ = pair(150, noise, 0.0, seed=3)
    shares = combined_series(data, "NL", LATE).noise_shares
    assert shares is not None
    assert (shares.mean() > part) if part > 0.5 else (shares.mean() < part)


def test_where_there_is_little_noise_the_prior_of_its_owner_stands() -> None:
    data, _ = pair(150, (0.003, 0.003), 0.0, seed=4)
    made = combined_series(data, "NL", LATE)
    assert made.agreement is not None
    shares = noise_share(made.figures[0].log_counts, made.agreement, 1)
    grid = (np.arange(19) + 1) / 20
    prior = grid * (1 - grid) / (grid * (1 - grid)).sum()
    assert shares.mean() == pytest.approx(0.5, abs=0.06)
    assert shares.std() == pytest.approx(np.sqrt(prior @ (grid - 0.5) ** 2), rel=0.15)


def test_nothing_known_later_changes_anything() -> None:
    data, _ = pair(60, (0.01, 0.01), 0.05, seed=5)
    now = day("2018-06-30")
    later = rows("kmi", np.full(60, 9e5), lag_days=2000)
    revised = rows("eurostat", np.full(60, 7.0), lag_days=2000)
    clean, planted = (
        combined_series(frame, "NL", now) for frame in (data, pd.concat([data, later, revised]))
    )
    np.testing.assert_array_equal(clean.series.counts, planted.series.counts)
    np.testing.assert_array_equal(clean.series.extra, planted.series.extra)
    assert clean.series.months[-1] == np.datetime64("2018-05")


def test_a_source_a_month_late_is_not_used_before_it_is_known() -> None:
    data, _ = pair(60, (0.01, 0.01), 0.05, seed=6)
    before, after = (combined_series(data, "NL", day(text)) for text in ("2018-03-01", "2018-03-02"))
    december, january = np.datetime64("2017-12"), np.datetime64("2018-01")
    assert before.series.months[-1] == after.series.months[-1] == january
    assert before.shares["kmi"][before.series.months == december] == 1
    assert 0 < after.shares["kmi"][after.series.months == december] < 1


@pytest.mark.parametrize("source", ["eurostat", "kmi"])
def test_one_source_alone_stays_as_published(source: str) -> None:
    data, _ = pair(48, (0.01, 0.01), 0.05, seed=7)
    made = combined_series(data[data["source"] == source], "NL", LATE)
    np.testing.assert_array_equal(made.series.counts, data[data["source"] == source]["value"])
    assert made.reference == source
    assert made.agreement is None
    assert made.mean_shares() == {source: 1.0}
    assert not made.series.extra.any()


def test_no_figure_at_all_is_refused() -> None:
    data, _ = pair(48, (0.01, 0.01), 0.05, seed=8)
    with pytest.raises(ValueError, match="had a figure of DE"):
        combined_series(data, "DE", LATE)


def test_a_provisional_figure_without_known_revisions_gets_the_stated_noise() -> None:
    counts = to_five(np.exp(flow(48, 9)))
    data = pd.concat([rows("eurostat", counts), rows("eurostat", counts, lag_days=21, flag="p")[-2:]])
    made = combined_series(data, "NL", LATE)
    np.testing.assert_allclose(made.series.extra[-2:], UNCERTAIN_EXTRA)
    assert not made.series.extra[:-2].any()
    np.testing.assert_array_equal(made.series.counts, counts)


def test_recent_figures_are_completed_by_what_earlier_ones_became() -> None:
    counts = np.round(np.exp(flow(60, 10)))
    first, later = rows("kmi", np.round(counts * 0.9)), rows("kmi", counts, lag_days=55)
    now = day("2019-12-25")
    frame = pd.concat([first, later])
    figures = source_figures(frame, "kmi", "NL", now, revisions_by_source(frame, now, ["kmi"])["kmi"])
    assert figures.completeness.learned
    last = figures.series.months[-1]
    assert last == np.datetime64("2019-11")
    made = combined_series(pd.concat([first, later]), "NL", now)
    assert made.series.counts[-1] == pytest.approx(counts[58], rel=0.01)
    assert made.series.extra[-1] > 0 or figures.variance[-1] == pytest.approx(0, abs=1e-5)
    assert made.series.counts[-4] == counts[55]


def test_rounding_is_told_from_the_figures() -> None:
    counts = to_five(np.exp(flow(40, 11)))
    np.testing.assert_allclose(rounding_variance(counts), 25 / 12 / counts**2)
    assert not rounding_variance(counts + 1).any()
    few = rounding_variance(counts[:5])
    assert not few.any()


def test_the_source_with_too_few_months_is_not_the_reference() -> None:
    data, _ = pair(60, (0.01, 0.01), 0.3, seed=12)
    short = data[(data["source"] == "kmi") | (data["period"] >= "2019-06")]
    made: Combined = combined_series(short, "NL", LATE)
    assert made.reference == "kmi"
    np.testing.assert_array_equal(made.series.counts[:50], data[data["source"] == "kmi"]["value"][:50])
