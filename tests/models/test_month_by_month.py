"""From prior to posterior month by month: both ends are the forecast's own, and the months between lead there."""

from __future__ import annotations

import numpy as np
import pytest

from models.month_by_month import first_months, month_by_month
from models.posterior import Posterior, weigh
from priors.mixture import ExpertDensity, expert_density
from tests.models.made_up import Moment, at_cutoff, in_autumn, next_spring, scenarios

SHARES = {"low": 0.3, "middle": 0.5, "high": 0.2}
AT = {"low": 30_000.0, "middle": 45_000.0, "high": 70_000.0}


def weighed(here: Moment, weight: float = 1.0) -> tuple[ExpertDensity, Posterior]:
    density = expert_density(scenarios(SHARES, AT), here.data.counted_when_stated)
    return density, weigh(density, weight, here.evidence, here.base, here.own)


@pytest.mark.parametrize("weight", [1.0, 0.6])
def test_steps_lead_from_the_prior_to_the_posterior(weight: float) -> None:
    here = in_autumn()
    density, posterior = weighed(here, weight)
    steps = month_by_month(density, posterior, here.evidence, here.model.log_at_cutoff, here.base, 5)
    later = [str(month) for month in here.evidence.observation.later_months]
    assert [step.month for step in steps] == [None, *later]
    np.testing.assert_array_equal(steps[0].probabilities, posterior.prior)
    np.testing.assert_array_equal(steps[-1].probabilities, posterior.probabilities)
    for step in steps:
        assert sum(step.probabilities) == pytest.approx(1)
    # The last month alone changes less than all of them together.
    moves = np.abs(np.diff([step.probabilities for step in steps], axis=0)).max(axis=1)
    assert moves[-1] <= np.abs(np.subtract(posterior.probabilities, posterior.prior)).max() + 0.1


def test_a_calendar_of_the_first_months_counts_only_these() -> None:
    observation = next_spring().evidence.observation
    whole = first_months(observation, len(observation.later_counts))
    np.testing.assert_allclose(whole.counted, observation.counted)
    np.testing.assert_array_equal(whole.months_counted, observation.months_counted)
    one = first_months(observation, 1)
    assert one.counted.sum() == observation.counted_at_cutoff.sum() + observation.later_counts[0]
    assert one.months_counted.sum() == (observation.months_counted - observation.later_by_year).sum() + 1


def test_without_later_months_there_are_no_steps() -> None:
    here = at_cutoff()
    density, posterior = weighed(here)
    assert month_by_month(density, posterior, here.evidence, here.model.log_at_cutoff, here.base, 5) == ()
    assert month_by_month(None, posterior, in_autumn().evidence, here.model.log_at_cutoff, here.base, 5) == ()
