"""The joint model with events: density against NumPy's, events against their convolution, draws against weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats
from scipy.special import logsumexp

from models.component_draws import log_prior
from models.event_normals import event_slots, with_event_normals
from models.joint import continued_model, frame_of, log_parts, sample_joint
from models.joint_density import build_joint_model
from models.joint_worlds import Worlds, stands_apart, subsets, waiting_by_start, worlds_of
from models.posterior import Posterior, weigh
from models.stated_draws import before_cutting
from priors.amounts import amount
from priors.events import Addition
from priors.mixture import ExpertDensity, expert_density
from tests.models.made_up import Moment, at_cutoff, in_autumn, next_spring, scenarios
from tests.models.monte_carlo import beyond_noise

Array = NDArray[np.float64]
Event = dict[str, Any]

SHARES = {"low": 0.3, "middle": 0.5, "high": 0.2}
AT = {"low": 36_000.0, "middle": 45_000.0, "high": 60_000.0}
YEARS = (2018, 2019, 2020)
SEED = 5
LEVELS = (0.02, 0.05, 0.125, 0.25, 0.5, 2 / 3, 0.75, 0.875, 0.95, 0.98)


def event(
    key: str, probability: float, amount: float, spread: float, first: int = 2018, **more: Any
) -> Event:
    years = {str(year): {"expected": amount, "spread": spread} for year in YEARS if year >= first}
    return {"key": key, "probability": probability, "years": years, **more}


class Case(NamedTuple):
    here: Moment
    stated: ExpertDensity
    expert_weight: float

    def posterior(self) -> Posterior:
        base = with_event_normals(self.here.base, len(YEARS), event_slots(self.stated), SEED)
        return weigh(self.stated, self.expert_weight, self.here.evidence, base, self.here.own)

    def worlds(self) -> Worlds:
        return worlds_of(self.stated, self.expert_weight, self.here.evidence)


def case(here: Moment, *events: Event, expert_weight: float = 1.0, **changed: Any) -> Case:
    chosen = scenarios(SHARES, AT, events=list(events), **changed)
    return Case(here, expert_density(chosen, here.data.counted_when_stated), expert_weight)


def two_events() -> Case:
    """One that cannot occur in the highest scenario, and one that takes from the years after this."""
    war = event("war", 0.3, 6_000.0, 1_500.0, probabilityByScenario={"high": 0.0})
    return case(in_autumn(), war, event("border", 0.4, -5_000.0, 1_500.0, 2019, family="normal"))


def one_has_not_begun() -> Case:
    war = event("war", 0.4, 9_000.0, 2_500.0, start="2018-11", family="gamma")
    deal = event("deal", 0.3, -4_000.0, 1_000.0, family="student_t")
    return case(in_autumn(), war, deal, expert_weight=0.8)


def below_what_was_counted() -> Case:
    """Two that exclude each other, of which one would leave fewer than were counted: weights need a wider proposal."""
    deal = event("deal", 0.3, -22_000.0, 3_000.0, family="normal", excludes=["border"])
    return case(in_autumn(), deal, event("border", 0.2, -4_000.0, 1_500.0))


def year_completed() -> Case:
    war = event("war", 0.4, 6_000.0, 2_000.0, probabilityByScenario={"low": 0.7})
    return case(next_spring(), war, event("late", 0.3, 8_000.0, 2_000.0, 2019, start="2019-08"))


def years_left_open() -> Case:
    war = event("war", 0.5, 7_000.0, 2_000.0, start="2018-12")
    war["years"].pop("2020")
    return case(in_autumn(), war, expert_weight=0.7, stated=2, unforeseen=0.1)


def nothing_later() -> Case:
    """What takes does so in years not begun: at the floor of this one the density of a sum cut there has edges."""
    return case(
        at_cutoff(), event("war", 0.4, 20_000.0, 3_000.0), event("deal", 0.3, -9_000.0, 3_000.0, 2019)
    )


CASES: dict[str, Callable[[], Case]] = {
    made.__name__: made
    for made in (
        two_events, one_has_not_begun, below_what_was_counted, year_completed, years_left_open, nothing_later,
    )
}  # fmt: skip


def in_numpy(one: Case, worlds: Worlds, y: Array, normals: Array) -> float:
    logs = log_parts(worlds, y[None], worlds.amounts(normals[None]))[0].tolist()
    continued = continued_model(one.posterior(), one.here.evidence)
    if continued is not None:
        logs.append(continued.log_share + continued.density.log_density(y[None])[0])
    return float(logsumexp(logs) + stats.norm.logpdf(normals).sum())


@pytest.mark.parametrize("name", CASES)
def test_density_and_gradient(name: str) -> None:
    one = CASES[name]()
    start, worlds = one.posterior(), one.worlds()
    frame = frame_of(start, one.here.evidence)
    model = build_joint_model(worlds, frame, continued_model(start, one.here.evidence))
    logp, gradient = model.compile_logp(mode="FAST_COMPILE"), model.compile_dlogp(mode="FAST_COMPILE")
    rng, free, cells = np.random.default_rng(1), len(frame.centre), len(worlds.cells)

    def at(point: Array) -> float:
        return float(logp({"standard": point[:free], "normals": point[free:]}))

    for point in np.column_stack([rng.normal(0, 0.8, (6, free)), rng.normal(size=(6, cells))]):
        wanted = in_numpy(one, worlds, frame.centre + frame.scale * point[:free], point[free:])
        assert at(point) == pytest.approx(wanted, abs=0.004)
    slope = gradient({"standard": point[:free], "normals": point[free:]})
    steps = 1e-5 * np.eye(free + cells)
    differences = [(at(point + step) - at(point - step)) / 2e-5 for step in steps]
    np.testing.assert_allclose(slope, differences, rtol=1e-3, atol=2e-3)


@pytest.mark.parametrize("name", ["two_events", "below_what_was_counted", "year_completed"])
def test_events_summed_over_are_those_convolved_on_a_grid(name: str) -> None:
    """Mean over amounts and sum over sets of events of the belief's density at the rest: the year's own density."""
    one, rng = CASES[name](), np.random.default_rng(3)
    worlds = one.worlds()
    amounts = worlds.amounts(rng.standard_normal((60_000, len(worlds.cells))))
    for part in one.stated.components[:2]:
        for year in part.years:
            total, column = part.total(year), worlds.evidence.observation.years.index(year)
            for at in total.ppf(np.array([0.1, 0.4, 0.8])):
                before, log_slope = before_cutting(total, np.asarray(at))
                found = 0.0
                for slots, chance in subsets(part.additions).items():
                    added = worlds.added(amounts, worlds.worlds.index(slots))[:, column]
                    found += chance * float(
                        part.marginal(year).pdf(before - added).mean() * np.exp(log_slope)
                    )
                assert found == pytest.approx(float(total.pdf(at)), rel=0.02)


def test_a_density_with_events_needs_what_they_add() -> None:
    one = two_events()
    with pytest.raises(ValueError, match="given what the events add"):
        log_prior(one.stated.components[0], 0.7, one.here.evidence, np.full((1, 3), 40_000.0))


def addition(slot: int, probability: float, years: tuple[int, ...], start: str | None = None) -> Addition:
    return Addition(
        f"e{slot}", slot, probability, years, (amount("normal", 1_000.0, 300.0),) * len(years), start
    )


def test_sets_of_events_by_hand() -> None:
    """Of a group one at most; what bears on no year is not told apart from nothing; the impossible is left out."""
    exclusive = (addition(0, 0.2, (2018,)), addition(1, 0.5, (2018,)))
    found = subsets((exclusive, (addition(2, 0.1, ()),), (addition(3, 1.0, (2019,)),)))
    wanted = {frozenset({3}): 0.3, frozenset({0, 3}): 0.2, frozenset({1, 3}): 0.5}
    assert found == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("moment", "years", "start", "apart"),
    [
        (in_autumn, (2018, 2019), None, False),
        (in_autumn, (2018, 2019), "2018-09", False),
        (in_autumn, (2018, 2019), "2018-11", True),
        (in_autumn, (2019, 2020), None, True),
        (next_spring, (2019,), None, False),
        (at_cutoff, (2018,), None, True),
    ],
)
def test_an_event_stands_apart_when_no_counted_month_can_have_it(
    moment: Callable[[], Moment], years: tuple[int, ...], start: str | None, apart: bool
) -> None:
    assert stands_apart(addition(0, 0.5, years, start), moment().evidence) is apart


def test_what_waits_is_told_by_its_month_in_the_draws_that_have_it() -> None:
    worlds = one_has_not_begun().worlds()
    amounts = worlds.amounts(np.zeros((4, len(worlds.cells))))
    has = [worlds.events[place].key for place, _ in worlds.cells].index("war")
    with_war = [
        any(worlds.events[i].key == "war" and e.slot in w for i, e in enumerate(worlds.events))
        for w in worlds.worlds
    ]
    world = np.arange(4)
    (start, found), *others = waiting_by_start(worlds, amounts, world).items()
    assert start == "2018-11" and not others
    np.testing.assert_allclose(found[:, 0], np.where(with_war, amounts[:, has], 0.0))


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_draws_agree_with_the_weighed_answer(name: str) -> None:
    one = CASES[name]()
    weighed = one.posterior()
    assert weighed.reliable
    found = sample_joint(one.stated, one.expert_weight, one.here.evidence, weighed, seed=SEED)
    assert found.diagnostics.passed, found.diagnostics
    assert not beyond_noise(found, weighed, LEVELS)
    expected = {s: w.mean(axis=0) for s, w in found.waiting.items()}
    for start, mean in mean_waiting(weighed).items():
        np.testing.assert_allclose(expected[start], mean, atol=0.08 * np.abs(mean).max())


def mean_waiting(weighed: Posterior) -> dict[str, Array]:
    """What is expected of events that have not begun `(year,)`, by the month they begin."""
    total: dict[str, Array] = {}
    for probability, part in zip(weighed.probabilities, weighed.components, strict=True):
        weights = np.exp(part.log_weights - part.log_weights.max())
        for start, amounts in part.waiting.items():
            mean = probability * (weights @ amounts) / weights.sum()
            total[start] = total.get(start, 0.0) + mean
    return total


def test_components_that_cannot_be_are_left_out() -> None:
    """A scenario that events alone can bring up to what came still takes part; one that nothing can does not."""
    here = next_spring()
    counted = here.evidence.observation.counted[0]
    low = {"low": 0.6 * counted, "middle": counted, "high": 1.2 * counted}
    families = {"family": "triangular", "spreadMeaning": "sd"}
    payload = scenarios(SHARES, low).model_dump(mode="json", by_alias=True)
    for one in payload["scenarios"]:
        one.update(families)
        one["years"] = {
            y: {"expected": b["expected"], "spread": 0.05 * b["expected"]} for y, b in one["years"].items()
        }
    from priors.scenario import parse_scenario_set

    bare = expert_density(parse_scenario_set(payload), here.data.counted_when_stated)
    assert {part.place for part in worlds_of(bare, 1.0, here.evidence).parts} == {1}
    war = event("war", 0.3, 0.4 * counted, 0.05 * counted)
    raised = expert_density(parse_scenario_set(payload | {"events": [war]}), here.data.counted_when_stated)
    assert {part.place for part in worlds_of(raised, 1.0, here.evidence).parts} == {0, 1}
