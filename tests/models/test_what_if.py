"""What an edit does: the same numbers as a forecast made with it, and effects that add up to the difference."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from models.edits import Belief, Edit, changes_between
from models.posterior import NothingLeft, Posterior, prior_parts, weigh
from models.weigher import Weigher
from models.weighting import Judgement
from models.what_if import LEVELS, edited
from priors.mixture import expert_density
from priors.scenario import ScenarioSet
from tests.models.made_up import in_autumn, scenarios

Array = NDArray[np.float64]

SHARES = {"low": 0.3, "middle": 0.5, "high": 0.2}
AT = {"low": 36_000.0, "middle": 45_000.0, "high": 60_000.0}


def belief(chosen: ScenarioSet | None, weight: float = 1.0) -> Belief:
    floor = in_autumn().data.counted_when_stated
    return Belief(expert_density(chosen, floor) if chosen else None, weight)


@cache
def started() -> Belief:
    return belief(scenarios(SHARES, AT))


def weigher(start: Belief | None = None, rows: int = 20_000) -> Weigher:
    here, chosen = in_autumn(), start or started()
    made = Weigher(here.evidence, here.base, here.own, rows)
    if chosen.density is not None and chosen.parts:
        posterior = weigh(
            chosen.density, chosen.expert_weight, here.evidence, here.base[: 3 * rows], here.own
        )
        for part, weighed in zip(chosen.parts.values(), posterior.components, strict=False):
            made.keep(part, chosen.density.year_correlation, weighed)
    return made


def posterior_after(old: Belief, new: Belief, made: Iterable[str], by: Weigher) -> Posterior[Judgement]:
    """The posterior when only the changes `made` are made, from all draws."""
    return by.posterior(*Edit(old, new).parts(frozenset(made)))


def effects_of(old: Belief, new: Belief, by: Weigher) -> dict[str, Array]:
    return edited(old, new, by)[0]


def total_effect(old: Belief, new: Belief, by: Weigher) -> Array:
    before = posterior_after(old, new, (), by).layer.quantiles(LEVELS)
    return edited(old, new, by)[1].layer.quantiles(LEVELS) - before


EDITS: dict[str, tuple[Belief, tuple[str, ...]]] = {}


def edits() -> dict[str, tuple[Belief, tuple[str, ...]]]:
    if EDITS:
        return EDITS
    all_moved = {key: 1.1 * level for key, level in AT.items()}
    other_shares = {"low": 0.2, "middle": 0.5, "high": 0.3}
    EDITS["one belief"] = (belief(scenarios(SHARES, AT | {"high": 75_000.0})), ("scenario:high",))
    EDITS["probabilities"] = (belief(scenarios(other_shares, AT)), ("probabilities",))
    EDITS["three"] = (
        belief(scenarios(other_shares, AT | {"low": 30_000.0}, yearCorrelation=0.3)),
        ("scenario:low", "probabilities", "yearCorrelation"),
    )
    EDITS["six"] = (
        belief(scenarios(other_shares, all_moved, yearCorrelation=0.9), 0.7),
        (
            "scenario:low",
            "scenario:middle",
            "scenario:high",
            "probabilities",
            "yearCorrelation",
            "expertWeight",
        ),
    )
    EDITS["unforeseen"] = (belief(scenarios(SHARES, AT, unforeseen=0.1)), ("unforeseen",))
    EDITS["added"] = (
        belief(scenarios({"low": 0.3, "middle": 0.4, "high": 0.2, "surge": 0.1}, AT | {"surge": 90_000.0})),
        ("probabilities",),
    )
    EDITS["removed"] = (belief(scenarios({"low": 0.4, "middle": 0.6}, AT)), ("probabilities",))
    EDITS["weight"] = (belief(scenarios(SHARES, AT), 0.4), ("expertWeight",))
    EDITS["weight to nothing"] = (belief(scenarios(SHARES, AT), 0.0), ("expertWeight",))
    EDITS["experts withdrawn"] = (belief(None), ("scenarioSet",))
    return EDITS


NAMES = [
    "one belief", "probabilities", "three", "six", "unforeseen", "added", "removed", "weight", "weight to nothing",
    "experts withdrawn",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_changes_are_named(name: str) -> None:
    new, wanted = edits()[name]
    assert changes_between(started(), new) == wanted


@pytest.mark.parametrize("name", NAMES)
def test_effects_add_up_to_the_difference(name: str) -> None:
    new, names = edits()[name]
    by = weigher()
    effects = effects_of(started(), new, by)
    assert tuple(effects) == names
    difference = total_effect(started(), new, by)
    np.testing.assert_allclose(sum(effects.values()), difference, atol=1e-6)
    assert np.abs(difference).max() > 10


@pytest.mark.parametrize("name", NAMES)
def test_the_answer_is_that_of_a_forecast_made_with_the_edit(name: str) -> None:
    new, here = edits()[name][0], in_autumn()
    found = edited(started(), new, weigher())[1]
    wanted = weigh(new.density, new.expert_weight, here.evidence, here.base, here.own)
    assert found.keys == wanted.keys
    np.testing.assert_allclose(found.probabilities, wanted.probabilities, atol=0.005)
    np.testing.assert_allclose(found.layer.quantiles(LEVELS), wanted.layer.quantiles(LEVELS), rtol=0.01)


def test_no_change_no_effect_and_equal_numbers() -> None:
    by = weigher()
    same = belief(scenarios(SHARES, AT))
    assert effects_of(started(), same, by) == {}
    before = weigh(started().density, 1.0, in_autumn().evidence, in_autumn().base, in_autumn().own)
    after = edited(started(), same, by)[1]
    np.testing.assert_array_equal(after.layer.quantiles(LEVELS), before.layer.quantiles(LEVELS))
    np.testing.assert_array_equal(after.probabilities, before.probabilities)


def test_shapley_of_two_changes_by_hand() -> None:
    new = belief(scenarios(SHARES, AT | {"low": 30_000.0, "high": 75_000.0}))
    by = weigher()

    def value(*made: str) -> Array:
        return posterior_after(started(), new, made, by).layer.quantiles(LEVELS)

    low, high = "scenario:low", "scenario:high"
    wanted = ((value(low) - value()) + (value(low, high) - value(high))) / 2
    np.testing.assert_allclose(
        effects_of(started(), new, by)[low], wanted, atol=0.01
    )  # persons: single precision


def test_a_change_and_its_reverse_have_opposite_effects() -> None:
    new, by = edits()["three"][0], weigher()
    there, back = effects_of(started(), new, by), effects_of(new, started(), by)
    for name, effect in there.items():
        np.testing.assert_allclose(effect, -back[name], atol=0.01)  # persons; steps are of few draws


def test_weight_to_nothing_and_back() -> None:
    silent, by = belief(scenarios(SHARES, AT), 0.0), weigher()
    there = effects_of(started(), silent, by)["expertWeight"]
    back = effects_of(silent, started(), weigher(silent))["expertWeight"]
    np.testing.assert_allclose(there, -back, atol=60)
    moved = belief(scenarios(SHARES, {k: 3 * v for k, v in AT.items()}), 0.0)
    assert np.abs(sum(effects_of(silent, moved, by).values())).max() == 0.0


def test_a_set_on_a_forecast_of_the_model_alone() -> None:
    alone, by = belief(None), weigher(belief(None))
    effects, found = edited(alone, started(), by)
    assert list(effects) == ["scenarioSet"]
    here = in_autumn()
    wanted = weigh(started().density, 1.0, here.evidence, here.base, here.own).layer.quantiles(LEVELS)
    np.testing.assert_allclose(found.layer.quantiles(LEVELS), wanted, rtol=0.01)


def test_weights_mean_nothing_without_experts() -> None:
    assert changes_between(belief(None, 1.0), belief(None, 0.0)) == ()


def test_labels_and_order_are_no_change() -> None:
    turned = belief(scenarios(dict(reversed(SHARES.items())), AT))
    by = weigher()
    assert changes_between(started(), turned) == ()
    assert effects_of(started(), turned, by) == {}


def test_a_scenario_with_no_chance_left_raises() -> None:
    only = scenarios({"only": 1.0}, {"only": 45_000.0})
    low = only.model_copy(
        update={"scenarios": (only.scenarios[0].model_copy(update={"family": "triangular"}),)}
    )
    counted = in_autumn().evidence.observation.counted[0]
    assert counted > 20_000
    narrow = scenarios({"only": 1.0}, {"only": 0.9 * counted}).scenarios[0].model_copy(
        update={"family": "triangular", "years": {2018: only.scenarios[0].years[2018].model_copy(
            update={"expected": 0.93 * counted, "spread": 0.01 * counted})}})  # fmt: skip
    gone = belief(low.model_copy(update={"scenarios": (narrow,)}))
    with pytest.raises(NothingLeft):
        effects_of(started(), gone, weigher())


def test_equal_questions_get_equal_answers_whatever_was_asked_before() -> None:
    new = edits()["three"][0]
    fresh, used = weigher(), weigher()
    for other in ("added", "six", "unforeseen", "removed"):
        effects_of(started(), edits()[other][0], used)
    for one, two in zip(
        effects_of(started(), new, fresh).values(), effects_of(started(), new, used).values(), strict=True
    ):
        np.testing.assert_array_equal(one, two)


def test_the_answer_does_not_depend_on_how_many_threads_weigh(monkeypatch: pytest.MonkeyPatch) -> None:
    new, found = edits()["six"][0], []
    for threads in (1, 5):
        with ThreadPoolExecutor(threads) as pool:
            monkeypatch.setattr("models.weigher._pool", lambda pool=pool: pool)
            found.append(effects_of(started(), new, weigher()))
    for one, two in zip(found[0].values(), found[1].values(), strict=True):
        np.testing.assert_array_equal(one, two)


def test_threads_may_share_a_weigher() -> None:
    by = weigher(rows=2_000)
    levels = [AT | {"high": 60_000.0 + 1_000 * k} for k in range(40)]

    def ask(k: int) -> Array:
        return effects_of(started(), belief(scenarios(SHARES, levels[k])), by).get(
            "scenario:high", np.zeros(1)
        )

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(ask, [*range(40), *range(40)]))
    for one, two in zip(found[:40], found[40:], strict=True):
        np.testing.assert_array_equal(one, two)


def test_prior_of_an_edit_sums_to_one() -> None:
    for new, _ in edits().values():
        posterior = edited(started(), new, weigher(rows=2_000))[1]
        assert posterior.prior.sum() == pytest.approx(1, abs=1e-9)
    assert sum(p for p, _ in prior_parts(started().density, 1.0)) == pytest.approx(1)
