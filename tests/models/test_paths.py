"""Paths that carry totals: sums exact, no month negative, borders as smooth as the model's."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from numpy.typing import NDArray

from models.observation import years_of
from models.paths import alike_rows, complete_paths, path_rule, whole_paths
from tests.models.made_up import CUTOFF, Moment, in_autumn, moment

Array = NDArray[np.float64]


def shuffled(here: Moment, seed: int = 1) -> Array:
    return np.random.default_rng(seed).permutation(here.model.totals)


def sums(paths: Array, here: Moment) -> Array:
    o = here.evidence.observation
    of = years_of(o.future_months)
    return np.stack(
        [o.counted[j] + paths[:, of == year].sum(axis=1) for j, year in enumerate(o.years)], axis=1
    )


@pytest.mark.parametrize("as_of", [CUTOFF, date(2018, 10, 20), date(2019, 1, 20), date(2019, 4, 20)])
def test_whole_paths_add_up_to_the_rounded_total(as_of: date) -> None:
    here = moment(CUTOFF, as_of)
    totals = shuffled(here)[:5_000]
    paths = whole_paths(totals, np.arange(5_000), here.model.log_paths, here.evidence.observation)
    assert paths.dtype == np.int32
    assert paths.min() >= 0
    # Counts are whole, so the rounded remainder and the rounded total differ by the count.
    assert np.abs(sums(paths, here) - totals).max() <= 0.5 + 1e-6
    whole = np.rint(totals)
    np.testing.assert_array_equal(
        whole_paths(whole, np.arange(5_000), here.model.log_paths, here.evidence.observation).sum(axis=1),
        (whole - here.evidence.observation.counted).sum(axis=1),
    )


def test_real_valued_paths_add_up_exactly() -> None:
    here = in_autumn()
    totals = shuffled(here)
    paths = complete_paths(
        totals, here.model.log_paths, path_rule(here.model.log_paths, here.evidence.observation)
    )
    np.testing.assert_allclose(sums(paths, here), totals, rtol=1e-12)
    assert (paths > 0).all()


def test_the_models_own_totals_leave_its_paths_alone() -> None:
    here = in_autumn()
    rule = path_rule(here.model.log_paths, here.evidence.observation)
    paths = complete_paths(here.model.totals, here.model.log_paths, rule)
    np.testing.assert_allclose(paths, np.exp(here.model.log_paths), rtol=1e-9)


def test_months_given_totals_are_distributed_as_the_models() -> None:
    """Paths from draw i bent to the totals of draw j have the joint distribution of totals and months of draw j."""
    here = in_autumn()
    log_paths, order = here.model.log_paths, np.random.default_rng(1).permutation(len(here.model.totals))
    bent = np.log(
        complete_paths(here.model.totals[order], log_paths, path_rule(log_paths, here.evidence.observation))
    )
    own = log_paths[order]
    levels = (0.1, 0.5, 0.9)
    for month in (0, 2, 5, 14, 26):
        np.testing.assert_allclose(
            np.quantile(bent[:, month], levels), np.quantile(own[:, month], levels), atol=0.02
        )
    logs = np.log(here.model.totals[order])
    for month in (0, 2, 5, 14):
        found, wanted = (np.corrcoef(x[:, month], logs.T)[0, 1:3] for x in (bent, own))
        np.testing.assert_allclose(found, wanted, atol=0.06)


@pytest.mark.parametrize("january", ["2019-01", "2020-01"])
def test_growth_over_new_year_is_the_models(january: str) -> None:
    here = in_autumn()
    o = here.evidence.observation
    paths = complete_paths(shuffled(here), here.model.log_paths, path_rule(here.model.log_paths, o))
    at = int(np.flatnonzero(o.future_months == np.datetime64(january))[0])

    def growth(values: Array) -> Array:
        return np.quantile(np.log(values[:, at] / values[:, at - 1]), (0.1, 0.5, 0.9))

    np.testing.assert_allclose(growth(paths), growth(np.exp(here.model.log_paths)), atol=0.02)


def test_growth_at_the_border_of_the_counted_months_follows_the_total() -> None:
    """A high total is reached by rising, not by a jump in the first month to come."""
    here = in_autumn()
    o, log_paths = here.evidence.observation, here.model.log_paths
    rule = path_rule(log_paths, o)
    remaining = here.model.totals[:, 0] - o.counted[0]
    surge = here.model.totals.copy()
    surge[:, 0] = o.counted[0] + 1.5 * remaining
    bent = complete_paths(surge, log_paths, rule)
    first_step = np.median(bent[:, 0] / np.exp(log_paths[:, 0]))
    last_step = np.median(bent[:, 2] / np.exp(log_paths[:, 2]))
    assert 1.0 < first_step < last_step


@pytest.mark.parametrize("factor", [0.1, 10.0])
def test_totals_far_from_the_model_are_reached(factor: float) -> None:
    here = in_autumn()
    o = here.evidence.observation
    totals = o.counted + factor * (shuffled(here) - o.counted)
    paths = whole_paths(totals[:3_000], np.arange(3_000), here.model.log_paths, o)
    assert paths.min() >= 0
    assert np.abs(sums(paths, here) - totals[:3_000]).max() <= 0.5 + 1e-6


def test_months_before_the_target_years_move_along() -> None:
    here = moment(date(2019, 1, 10), date(2019, 1, 10))
    o = here.evidence.observation
    assert str(o.future_months[0]) == "2018-12"
    rule = path_rule(here.model.log_paths, o)
    doubled = complete_paths(2 * here.model.totals, here.model.log_paths, rule)
    assert 1.0 < np.median(doubled[:, 0] / np.exp(here.model.log_paths[:, 0])) < 2.0


def test_a_total_not_above_the_count_is_refused() -> None:
    here = in_autumn()
    rule = path_rule(here.model.log_paths, here.evidence.observation)
    totals = here.model.totals[:10].copy()
    totals[3, 0] = here.evidence.observation.counted[0]
    with pytest.raises(ValueError, match="not above what is already counted"):
        complete_paths(totals, here.model.log_paths[:10], rule)


def test_nothing_to_come_gives_paths_without_months() -> None:
    here = in_autumn()
    o = here.evidence.observation
    done = replace(o, months_counted=np.array([12, 12, 12]), later_counts=np.ones(len(o.horizon_months)))
    paths = whole_paths(here.model.totals[:7], np.arange(7), np.empty((100, 0)), done)
    assert paths.shape == (7, 0)


def test_rows_say_which_path_a_draw_starts_from() -> None:
    here = in_autumn()
    o = here.evidence.observation
    rows = np.array([5, 5, 9])
    paths = whole_paths(here.model.totals[rows], rows, here.model.log_paths, o)
    assert np.array_equal(paths[0], paths[1])
    assert np.abs(paths[2] - np.exp(here.model.log_paths[9])).max() <= 1.0


def test_paths_alike_are_the_models_own_in_another_order() -> None:
    """Shuffled totals start from paths whose totals differ little, each path once; in one year, from their own."""
    here = in_autumn()
    o, own = here.evidence.observation, here.model.totals
    totals = shuffled(here)
    rows = alike_rows(totals, own, o)
    assert np.array_equal(np.sort(rows), np.arange(len(totals)))
    apart = np.median(np.abs(np.log(own[rows] / totals)), axis=0)
    assert (apart < 0.35 * np.median(np.abs(np.log(own / totals)), axis=0)).all()
    one_year = replace(o, months_counted=np.array([0, 12, 12]))
    np.testing.assert_array_equal(own[alike_rows(totals, own, one_year), 0], totals[:, 0])


def test_fewer_paths_than_draws_are_refused() -> None:
    here = in_autumn()
    with pytest.raises(ValueError, match="each once"):
        alike_rows(here.model.totals, here.model.totals[:10], here.evidence.observation)


def test_turbulent_and_quiet_draws_keep_their_months() -> None:
    """A mixture of two scales: one regression widens quiet months; from paths alike they come back."""
    here = in_autumn()
    o, rng = here.evidence.observation, np.random.default_rng(2)
    months = len(o.future_months)
    scale = np.where(rng.random((40_000, 1)) < 0.5, 0.03, 0.4)
    log_paths = 6.0 + np.cumsum(scale * rng.standard_normal((40_000, months)), axis=1)
    of_year = years_of(o.future_months)
    own = (
        np.stack([np.exp(log_paths[:, of_year == year]).sum(axis=1) for year in o.years], axis=1) + o.counted
    )
    order, rule, levels = rng.permutation(40_000), path_rule(log_paths, o), (0.25, 0.5, 0.75)
    far = months - 1
    wanted = np.quantile(log_paths[:, far], levels)
    spread = {
        name: np.diff(
            np.quantile(np.log(complete_paths(own[order], log_paths[rows], rule)[:, far]), levels)
        ).sum()
        / (wanted[2] - wanted[0])
        for name, rows in (("alike", alike_rows(own[order], own, o)), ("any", np.arange(40_000)))
    }
    assert spread["alike"] == pytest.approx(1.0, abs=0.1)
    assert abs(spread["any"] - 1) > 2 * abs(spread["alike"] - 1)
