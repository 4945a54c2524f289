"""Events that begin only in months to come: no month before them has them, and none that came tells about them."""

from __future__ import annotations

from datetime import date
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from numpy.typing import NDArray

from models import forecast
from models.conflict import conflict
from models.edits import Belief, Edit
from models.event_normals import event_slots, with_event_normals
from models.few_draws import _FewDraws
from models.observation import years_of
from models.paths import complete_paths, path_rule, whole_paths, with_waiting
from models.posterior import Posterior, weigh
from models.weigher import Weigher
from priors.mixture import ExpertDensity, expert_density
from tests.models.made_up import Moment, at_cutoff, in_autumn, moment, scenarios
from tests.models.test_few_draws import together_as_alone

Array = NDArray[np.float64]
SHARES = {"low": 0.3, "middle": 0.5, "high": 0.2}
AT = {"low": 36_000.0, "middle": 45_000.0, "high": 60_000.0}
YEARS = (2018, 2019, 2020)


def event(
    start: str | None, amount: float = 6_000.0, probability: float = 0.4, first: int = 2018
) -> dict[str, Any]:
    years = {str(year): {"expected": amount, "spread": 1_500.0} for year in YEARS if year >= first}
    return {"key": "war", "probability": probability, "years": years, "start": start}


def density(here: Moment, *events: dict[str, Any]) -> ExpertDensity:
    return expert_density(scenarios(SHARES, AT, events=list(events)), here.data.counted_when_stated)


def posterior(here: Moment, *events: dict[str, Any]) -> Posterior:
    chosen = density(here, *events)
    base = with_event_normals(here.base, len(YEARS), event_slots(chosen), 5)
    return weigh(chosen, 1.0, here.evidence, base, here.own)


def gap(found: Posterior, wanted: Posterior) -> float:
    return float(np.abs(found.probabilities - wanted.probabilities).max())


def test_what_has_not_begun_moves_no_scenario() -> None:
    here = in_autumn()
    plain = posterior(here)
    waiting = posterior(here, event("2018-11", 9_000.0, probability=0.8))
    begun = posterior(here, event("2018-08", 9_000.0, probability=0.8))
    assert gap(waiting, plain) < 0.01
    # An event under way does move them: the same months then say something else of the scenarios.
    assert gap(begun, plain) > 0.05


def test_totals_are_what_they_were_and_what_the_event_adds() -> None:
    here = in_autumn()
    plain, waiting = posterior(here), posterior(here, event("2018-11"))
    np.testing.assert_allclose(waiting.layer.mean() - plain.layer.mean(), 0.4 * 6_000.0, rtol=0.02)
    added = 0.4 * (6_000.0**2 + 1_500.0**2) - (0.4 * 6_000.0) ** 2
    np.testing.assert_allclose(waiting.layer.sd() ** 2 - plain.layer.sd() ** 2, added, rtol=0.05)


def test_nothing_counted_since_the_cutoff_leaves_the_experts_as_they_are() -> None:
    here = at_cutoff()
    stated = density(here, event("2018-12", -30_000.0))
    found = posterior(here, event("2018-12", -30_000.0))
    for year in YEARS:
        grid = stated.ppf(year, np.linspace(0.01, 0.99, 99))
        reached = np.array([1 - found.layer.exceedance(year, x)[0] for x in grid])
        assert np.abs(reached - stated.cdf(year, grid)).max() < 0.01
    np.testing.assert_allclose(found.probabilities, [0.3, 0.5, 0.2], atol=1e-9)


def test_months_are_no_surprise_because_of_what_has_not_begun() -> None:
    here = in_autumn()

    def surprise(*events: dict[str, Any]) -> float:
        chosen = density(here, *events)
        base = with_event_normals(here.base, len(YEARS), event_slots(chosen), 5)
        return conflict(chosen, here.evidence, base, here.model.log_at_cutoff).surprise or 0.0

    plain = surprise()
    assert surprise(event("2018-11", 30_000.0, 1.0)) == pytest.approx(plain, abs=0.02)
    # Of an event under way the months that came were to have their part.
    assert abs(surprise(event(None, 30_000.0, 1.0)) - plain) > 0.05


def test_a_start_that_has_passed_changes_nothing() -> None:
    here = in_autumn()
    found, wanted = posterior(here, event("2018-07")), posterior(here, event(None))
    np.testing.assert_array_equal(found.layer.mean(), wanted.layer.mean())


@pytest.mark.parametrize("amount", [6_000.0, -4_000.0])
def test_an_amount_falls_in_the_months_from_its_start_on(amount: float) -> None:
    here = in_autumn()
    observation, months = here.evidence.observation, here.evidence.observation.future_months
    rule = path_rule(here.model.log_paths, observation)
    totals = here.model.totals[:2_000] + 8_000.0
    own = np.zeros_like(totals)
    own[:, 1:] = amount
    paths = with_waiting(totals, here.model.log_paths[:2_000], rule, months, {"2019-05": own})
    flow = complete_paths(totals - own, here.model.log_paths[:2_000], rule)
    before = months < np.datetime64("2019-05")
    np.testing.assert_allclose(paths[:, before], flow[:, before], rtol=1e-9)
    of_year = years_of(months)
    for column, year in enumerate(YEARS):
        moved = (paths - flow)[:, of_year == year].sum(axis=1)
        np.testing.assert_allclose(moved, own[:, column], atol=1e-6)
    share = paths[:, of_year == 2020] / flow[:, of_year == 2020]
    np.testing.assert_allclose(share, share[:, :1] * np.ones(12), rtol=1e-9)


def test_who_leaves_cannot_be_more_than_there_are() -> None:
    here = in_autumn()
    observation = here.evidence.observation
    totals = here.model.totals[:2_000]
    own = np.zeros_like(totals)
    own[:, 1] = -0.6 * totals[:, 1]
    late = {"2019-11": own}
    paths = whole_paths(totals, np.arange(2_000), here.model.log_paths, observation, late)
    assert paths.min() >= 0
    sums = observation.counted[1] + paths[:, years_of(observation.future_months) == 2019].sum(axis=1)
    assert np.abs(sums - totals[:, 1]).max() <= 0.5 + 1e-6


def test_paths_of_a_posterior_add_up_with_and_without_their_event() -> None:
    here = in_autumn()
    observation = here.evidence.observation
    found = posterior(here, event("2019-03", 20_000.0, 0.5, first=2019))
    with patch.object(forecast, "DRAWS", 20_000):
        totals, rows, _, late = forecast._equal_draws(found, None, here.model.totals, observation, 3)
    paths = whole_paths(totals, rows, here.model.log_paths, observation, late)
    of_year = years_of(observation.future_months)
    sums = np.stack([paths[:, of_year == year].sum(axis=1) for year in YEARS], axis=1) + observation.counted
    assert np.abs(sums - totals).max() <= 0.5 + 1e-6
    occurs = late["2019-03"][:, 1] > 0
    assert 0.45 < occurs.mean() < 0.55
    months = observation.future_months.astype(str)
    december, march = paths[:, months == "2018-12"][:, 0], paths[:, months == "2019-03"][:, 0]
    assert abs(december[occurs].mean() / december[~occurs].mean() - 1) < 0.02
    assert march[occurs].mean() > 1.3 * march[~occurs].mean()


@pytest.mark.parametrize("when", ["cutoff", "autumn", "year's end"])
def test_states_of_an_edit_know_what_waits(when: str) -> None:
    here = {
        "cutoff": at_cutoff, "autumn": in_autumn,
        "year's end": lambda: moment(date(2018, 12, 31), date(2019, 1, 31), delay_days=0),
    }[when]()  # fmt: skip
    old, new = (density(here, event("2019-06", amount, first=2019)) for amount in (3_000.0, 7_000.0))
    edit = Edit(Belief(old, 1.0), Belief(new, 1.0))
    states = [state for _, state in edit.shares(frozenset(edit.names))[0]]
    together_as_alone(
        _FewDraws(edit, Weigher(here.evidence, here.base, here.own, 20_000, seed=5), 2_000), states
    )
