"""The experts' layer: the set's own closed forms, draws only where a year is left open."""

import numpy as np
import pytest

from models.experts_layer import ExpertsLayer
from models.posterior import experts_layer
from tests.models.made_up import at_cutoff, belief, component, density

LEVELS = (0.05, 0.125, 0.5, 2 / 3, 0.875)


def layer() -> ExpertsLayer:
    here = at_cutoff()
    stated = density(
        component("a", {2018: belief(22_000, 2_000), 2019: belief(24_000, 4_000)}, 0.6),
        component("b", {2018: belief(33_000, 3_000, "gamma")}, 0.4),
    )
    return ExpertsLayer(experts_layer(stated, here.evidence, here.base), stated, stated.years)


def test_stated_years_are_answered_in_closed_form() -> None:
    found = layer()
    assert found.years == (2018, 2019, 2020)
    assert found.stated == (2018,)
    np.testing.assert_array_equal(found.quantiles(LEVELS)[:, 0], found.mixture.ppf(2018, np.array(LEVELS)))
    assert found.mean()[0] == found.mixture.mean(2018)
    assert found.sd()[0] == found.mixture.sd(2018)
    assert found.exceedance(2018, 27_000) == (found.mixture.exceedance(2018, 27_000), 0.0)
    shown = found.density(2018, 101)
    np.testing.assert_array_equal(shown.pdf, found.mixture.pdf(2018, shown.x))
    np.testing.assert_array_equal(shown.cdf, found.mixture.cdf(2018, shown.x))
    assert len(shown.x) == 101


@pytest.mark.parametrize("year", [2019, 2020])
def test_years_some_scenario_leaves_open_come_from_draws(year: int) -> None:
    found, j = layer(), year - 2018
    np.testing.assert_array_equal(found.quantiles(LEVELS)[:, j], found.drawn.quantiles(LEVELS)[:, j])
    assert found.mean()[j] == found.drawn.mean()[j]
    assert found.exceedance(year, 25_000) == found.drawn.exceedance(year, 25_000)
    assert found.exceedance(year, 25_000)[1] > 0
    np.testing.assert_array_equal(found.density(year).pdf, found.drawn.density(year).pdf)


def test_draws_and_closed_form_agree() -> None:
    found = layer()
    np.testing.assert_allclose(found.drawn.quantiles(LEVELS)[:, 0], found.quantiles(LEVELS)[:, 0], rtol=0.003)
    assert found.drawn.sd()[0] == pytest.approx(found.sd()[0], rel=0.01)
