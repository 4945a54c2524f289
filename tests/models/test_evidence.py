"""The evidence as what it claims to be: a density of the later months given the totals."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from numpy.typing import NDArray

from models.evidence import Correction, Evidence, Smoothing, simulated_coordinates, summaries_of
from models.evidence_fit import corrected, fit_evidence, fit_gaussian_mixture, yearly_totals
from models.observation import Observation
from tests.models.made_up import (
    CUTOFF,
    at_cutoff,
    computed,
    in_autumn,
    known,
    made_up_series,
    moment,
    next_spring,
)

Array = NDArray[np.float64]

LEVELS = (0.125, 0.5, 2 / 3, 0.875)


def with_single_count(observation: Observation, count: float) -> Observation:
    """The same calendar, its one later month counting something else."""
    counted = observation.counted_at_cutoff.copy()
    counted[0] += count
    return replace(observation, counted=counted, later_counts=np.array([count]))


class TestOneLaterMonth:
    here = staticmethod(lambda: moment(CUTOFF, date(2018, 7, 20)))

    def test_is_a_density_of_the_month(self) -> None:
        """Over all counts S below the total it integrates to one, whatever the totals."""
        fitted = replace(self.here().evidence, correction=None)
        o = fitted.observation
        assert len(o.later_counts) == 1
        assert fitted.summaries == ("u",)
        totals = np.quantile(self.here().model.totals_at_cutoff, (0.05, 0.5, 0.95), axis=0)
        for total in totals:
            room = total[0] - o.counted_at_cutoff[0]
            share = 1 / (1 + np.exp(-np.linspace(-12, 12, 601)))
            density = [
                np.exp(replace(fitted, observation=with_single_count(o, s)).log_evidence(total[None])[0])
                for s in room * share
            ]
            assert np.trapezoid(density, room * share) == pytest.approx(1, abs=5e-4)

    def test_agrees_with_the_draws_near_the_total(self) -> None:
        """Among model draws whose totals are near N, months fall as p(S | N) says."""
        here, o = self.here(), self.here().evidence.observation
        fitted = replace(here.evidence, correction=None)
        total = np.median(here.model.totals_at_cutoff, axis=0)
        months = np.exp(here.model.log_at_cutoff[:, 0])
        drawn = here.model.totals_at_cutoff[: len(months)]
        near = (np.abs(np.log(drawn[:, :2] / total[:2])) < (0.02, 0.06)).all(axis=1)
        assert near.sum() > 300
        grid = np.linspace(200, 8_000, 300)
        density = [
            np.exp(replace(fitted, observation=with_single_count(o, s)).log_evidence(total[None])[0])
            for s in grid
        ]
        cdf = np.cumsum(density) * (grid[1] - grid[0])
        for level in (0.2, 0.5, 0.8):
            at = np.interp(level, cdf, grid)
            error = 4 * np.sqrt(level * (1 - level) / near.sum())
            assert (months[near] < at).mean() == pytest.approx(level, abs=error + 0.03)


class TestWhereTotalsAreImpossible:
    def test_at_or_under_what_is_counted_there_is_no_chance(self) -> None:
        here = in_autumn()
        totals = here.model.totals[:3].copy()
        totals[0, 0] = here.evidence.observation.counted[0]
        totals[1, 0] = here.evidence.observation.counted[0] - 1
        assert np.isneginf(here.evidence.log_evidence(totals)).tolist() == [True, True, False]

    def test_between_the_cutoffs_count_and_todays_too(self) -> None:
        here = in_autumn()
        o = here.evidence.observation
        totals = here.model.totals[:1].copy()
        totals[0, 0] = (o.counted_at_cutoff[0] + o.counted[0]) / 2
        assert np.isneginf(here.evidence.log_evidence(totals)).all()

    def test_a_draw_does_not_depend_on_its_neighbours(self) -> None:
        here = in_autumn()
        totals = here.model.totals[:6_000].copy()
        alone = here.evidence.log_evidence(totals)
        totals[1::2, 0] = 0.0
        np.testing.assert_allclose(here.evidence.log_evidence(totals)[::2], alone[::2], rtol=1e-9)

    def test_nothing_later_says_nothing(self) -> None:
        here = at_cutoff()
        assert here.evidence.summaries == ()
        totals = here.model.totals[:3].copy()
        totals[0, 0] = here.evidence.observation.counted[0] - 1
        np.testing.assert_array_equal(here.evidence.log_evidence(totals), [-np.inf, 0.0, 0.0])

    @pytest.mark.parametrize("factor", [1.02, 0.1, 10.0, 1_000.0])
    def test_far_totals_have_finite_evidence(self, factor: float) -> None:
        here = in_autumn()
        o = here.evidence.observation
        totals = o.counted + factor * (here.model.totals[:500] - o.counted)
        assert np.isfinite(here.evidence.log_evidence(totals)).all()


class TestCorrection:
    @pytest.mark.parametrize(
        "as_of", [date(2018, 7, 20), date(2018, 10, 20), date(2019, 1, 20), date(2019, 4, 20)]
    )
    def test_weighed_draws_have_the_continued_models_marginals(self, as_of: date) -> None:
        here = moment(CUTOFF, as_of)
        o, totals = here.evidence.observation, here.model.totals_at_cutoff.copy()
        weights = np.ones(len(totals))
        for j in np.flatnonzero(o.completed_since):
            near = np.log(totals[:, j] / o.counted[j]) / 0.02
            weights *= np.exp(-0.5 * near**2)
            totals[:, j] = o.counted[j]
        log_weights = here.evidence.log_evidence(totals)
        weights *= np.exp(log_weights - log_weights.max())
        for j in np.flatnonzero(~o.complete):
            levels = np.quantile(here.model.totals[:, j], LEVELS)
            reached = [weights[totals[:, j] <= x].sum() / weights.sum() for x in levels]
            np.testing.assert_allclose(reached, LEVELS, atol=0.03)

    def test_improves_on_the_mixture_alone_and_is_bounded(self) -> None:
        here = in_autumn()
        correction = here.evidence.correction
        assert correction is not None
        far = np.concatenate([correction.knots - 50, correction.knots + 50], axis=1).T
        assert np.abs(correction(far)).max() <= np.abs(correction.heights).sum()
        assert np.abs(correction.heights).max() < 1.5

    def test_is_piecewise_linear_and_flat_outside(self) -> None:
        correction = Correction(
            np.array([[0.0, 1.0, 3.0], [5.0, 6.0, 7.0]]), np.array([[1.0, 2.0, 0.0], [0.0, 0.0, 4.0]])
        )
        points = np.array([[-9.0, 5.0], [0.5, 6.5], [2.0, 7.0], [9.0, 99.0]])
        np.testing.assert_allclose(correction(points), [1.0, 1.5 + 2.0, 1.0 + 4.0, 0.0 + 4.0])

    def test_survives_months_the_model_never_simulated(self) -> None:
        """Counts so high that no draw at the cutoff leaves room for them: uncorrected, but not broken."""
        series = made_up_series()
        counts = series.counts.copy()
        counts[series.months >= np.datetime64("2018-06")] *= 60
        here = computed(known(CUTOFF, date(2018, 9, 20), series=replace(series, counts=counts)), draws=20_000)
        assert np.isfinite(here.evidence.log_evidence(here.model.totals)).all()
        assert np.isfinite(here.own.log_weights).all()

    def test_nothing_to_correct_when_every_year_is_complete(self) -> None:
        here = computed(known(CUTOFF, date(2021, 2, 20)), draws=20_000)
        assert here.evidence.correction is None
        assert here.evidence.summaries == ("v",)
        assert np.isfinite(here.own.log_weights).all()
        assert (here.model.totals == here.evidence.observation.counted).all()


class TestSummaries:
    @pytest.mark.parametrize(
        ("cutoff", "as_of", "wanted"),
        [
            (CUTOFF, CUTOFF, ()),
            (CUTOFF, date(2018, 7, 20), ("u",)),
            (CUTOFF, date(2018, 8, 20), ("u", "v")),
            (CUTOFF, date(2019, 1, 20), ("v",)),
            (date(2018, 12, 31), date(2018, 12, 31), ()),
            (date(2018, 12, 31), date(2019, 1, 20), ()),
            (date(2019, 1, 10), date(2019, 1, 20), ("v",)),
            (date(2019, 1, 10), date(2019, 2, 20), ("u", "v")),
        ],
    )
    def test_only_those_that_say_something(self, cutoff: date, as_of: date, wanted: tuple[str, ...]) -> None:
        assert summaries_of(known(cutoff, as_of).observation) == wanted

    def test_recent_level_of_an_even_level_is_the_level(self) -> None:
        smoothing = Smoothing(0.6, np.random.default_rng(0).normal(0, 0.2, 12))
        months = np.arange(np.datetime64("2018-05"), np.datetime64("2019-02"))
        logs = 7.0 + smoothing.season[months.astype(int) % 12]
        np.testing.assert_allclose(smoothing.recent_level(logs[None], months), 7.0)

    def test_recent_level_weighs_the_last_month_most(self) -> None:
        smoothing = Smoothing(0.75, np.zeros(12))
        months = np.arange(np.datetime64("2018-01"), np.datetime64("2018-03"))
        np.testing.assert_allclose(smoothing.recent_level(np.array([[0.0, 1.0]]), months), 0.8)

    def test_simulated_coordinates_by_hand(self) -> None:
        o = next_spring().evidence.observation
        logs = np.log(np.random.default_rng(0).uniform(500, 3_000, (4, len(o.horizon_months))))
        counts, smoothing = np.exp(logs), Smoothing(0.5, np.zeros(12))
        found = simulated_coordinates(logs, o, smoothing)
        since, rest = counts[:, 7:10].sum(axis=1), counts[:, 10:19].sum(axis=1)
        np.testing.assert_allclose(found[:, 0], np.log(since / rest))
        np.testing.assert_allclose(found[:, 1], smoothing.recent_level(logs[:, :10], o.horizon_months[:10]))
        np.testing.assert_allclose(found[:, 2], np.log(counts[:, :7].sum(axis=1)))
        np.testing.assert_allclose(found[:, 3], np.log(since + rest))
        np.testing.assert_allclose(found[:, 4], np.log(counts[:, 19:].sum(axis=1)))


def test_coordinates_of_totals_match_those_of_their_months() -> None:
    here = next_spring()
    o = here.evidence.observation
    months = here.model.log_at_cutoff[:100]
    totals = yearly_totals(months, o.horizon_months, o.counted_at_cutoff, o.years)
    np.testing.assert_allclose(
        here.evidence.log_totals(totals),
        simulated_coordinates(months, o, here.evidence.smoothing)[:, len(here.evidence.summaries) :],
        rtol=1e-9,
    )


class TestFit:
    def test_recovers_one_gaussian(self) -> None:
        rng = np.random.default_rng(1)
        covariance = np.array([[0.04, 0.03], [0.03, 0.09]])
        points = rng.multivariate_normal([10.0, 9.0], covariance, 20_000)
        fitted = fit_gaussian_mixture(points, seed=1, components=2)
        mean = fitted.weights @ fitted.means
        spread = fitted.means - mean
        total = np.einsum(
            "k,kij->ij", fitted.weights, fitted.covariances + spread[:, :, None] * spread[:, None, :]
        )
        np.testing.assert_allclose(mean, [10.0, 9.0], atol=0.01)
        np.testing.assert_allclose(total, covariance, rtol=0.06)

    def test_draws_of_millions_do_not_spoil_it(self) -> None:
        rng = np.random.default_rng(1)
        points = rng.normal([10.0, 9.0], 0.2, (20_000, 2))
        clean = fit_gaussian_mixture(points, seed=1)
        points[:40] += 30.0
        spoilt = fit_gaussian_mixture(points, seed=1)
        at = rng.normal([10.0, 9.0], 0.2, (500, 2))
        assert np.abs(spoilt.log_density(at) - clean.log_density(at)).mean() < 0.1

    def test_many_equal_draws_are_no_obstacle(self) -> None:
        """A country where most simulated months are the least there can be: whole coordinates hardly move."""
        series = made_up_series()
        quiet = replace(series, counts=np.where(np.arange(len(series)) % 7 == 0, 5.0, 0.0))
        here = computed(known(CUTOFF, date(2018, 9, 20), series=quiet), draws=20_000)
        assert np.isfinite(here.evidence.log_evidence(here.model.totals)).all()
        assert (np.diff(here.evidence.correction.knots, axis=1) > 0).all()

    def test_same_seed_same_evidence(self) -> None:
        here = in_autumn()
        again: Evidence = corrected(
            fit_evidence(here.model.log_at_cutoff, here.data.observation, here.model.smoothing, 5),
            here.model.totals_at_cutoff,
            here.model.totals,
        )
        totals = here.model.totals[:50]
        np.testing.assert_array_equal(again.log_evidence(totals), here.evidence.log_evidence(totals))

    def test_yearly_totals_add_months_to_what_is_counted(self) -> None:
        months = np.arange(np.datetime64("2018-11"), np.datetime64("2020-01"))
        found = yearly_totals(np.log(np.full((2, 14), 10.0)), months, np.array([100.0, 0.0]), (2018, 2019))
        np.testing.assert_allclose(found, [[120.0, 120.0]] * 2)
