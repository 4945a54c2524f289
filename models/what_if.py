"""What an edit of scenarios does to a forecast, at once and change by change.

    effect of a change = its Shapley value in  v(S) = posterior quantiles when the changes S are made

Only what changed is drawn and weighed anew; the rest is read from what is kept (models/weigher.py). With up to four
changes (models/edits.py) the Shapley value is exact; with more, the mean of the two opposite orders of making them.
Both add up to the whole difference. Where sets of changes between the two ends need components that neither end has,
their values are found with fewer draws (models/few_draws.py), and what that leaves of the difference is shared out
over the changes by size: the ends themselves always have all draws. Web-safe, and nothing is stored.
"""

import itertools
import math
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from models.edits import Belief, Edit, Made, State
from models.few_draws import drawn_states
from models.mixed_quantiles import quantiles_of_mixtures
from models.posterior import NothingLeft, Posterior
from models.step_mixtures import StepMixtures
from models.weigher import Weigher
from models.weighting import Judgement

Array = NDArray[np.float64]
Value = Callable[[Made], Array]

LEVELS = (0.125, 0.5, 2 / 3, 0.875)
_EXACT_UP_TO = 4
# Over all states of an attribution together, and the least of each: with many changes every effect is the mean of
# steps that share their draws, and fewer do (a hundredth of the largest effect in the mean, a seventh at worst).
_STEP_DRAWS, _LEAST_ROWS = 40_000, 256
_MANY_STEP_DRAWS, _MANY_LEAST_ROWS = 16_000, 64


def edited(
    old: Belief, new: Belief, weigher: Weigher, before: Array | None = None
) -> tuple[dict[str, Array], Posterior[Judgement]]:
    """The effects of the changes, name to `(level, year)` in persons at LEVELS, and the posterior when all are made.

    `before` `(level, year)` are the old belief's quantiles at LEVELS, where they are known.
    """
    edit = Edit(old, new)
    names, ends = edit.names, (frozenset[str](), frozenset(edit.names))
    found: dict[Made, Posterior[Judgement]] = {}

    def posterior(made: Made) -> Posterior[Judgement]:
        if made not in found:
            found[made] = weigher.posterior(*edit.parts(made))
        return found[made]

    unknown = ends if before is None else ends[1:]
    weigher.prepare(part for made in unknown for part in edit.parts(made)[0])
    effects = _between(edit, weigher, posterior) if len(names) > 1 else _nothing(names, weigher)
    after = posterior(ends[1])
    if names:
        first = posterior(ends[0]).layer.quantiles(LEVELS) if before is None else before
        effects = _filled_up(effects, after.layer.quantiles(LEVELS) - first)
    return effects, after


def _between(edit: Edit, weigher: Weigher, whole: Callable[[Made], Posterior[Judgement]]) -> dict[str, Array]:
    """The effects from what lies between the ends; `whole` is the posterior of a set of changes from all draws."""
    names, exact = edit.names, len(edit.names) <= _EXACT_UP_TO
    sets = list(dict.fromkeys(_sets(names, exact)))
    states = dict.fromkeys(state for made in sets for _, state in edit.shares(made)[0])
    at_ends = {state for made in (frozenset[str](), frozenset(names)) for _, state in edit.shares(made)[0]}
    try:
        if states.keys() <= at_ends:
            return _effects(names, exact, _all(sets, [whole(made) for made in sets]).__getitem__)
        draws, least = (_STEP_DRAWS, _LEAST_ROWS) if exact else (_MANY_STEP_DRAWS, _MANY_LEAST_ROWS)
        rows = min(max(draws // len(states), least), weigher.rows)
        return _effects(names, exact, _few(edit, weigher, tuple(states), rows, sets).__getitem__)
    except NothingLeft:  # between the ends; of the ends it is said elsewhere
        return _nothing(names, weigher)


def _nothing(names: tuple[str, ...], weigher: Weigher) -> dict[str, Array]:
    return {name: np.zeros((len(LEVELS), len(weigher.evidence.observation.years))) for name in names}


def _all(sets: list[Made], posteriors: list[Posterior[Judgement]]) -> dict[Made, Array]:
    """The values of sets of changes from their posteriors."""
    curves = {id(curve): curve for own in posteriors for curve in own.curves}
    place = {name: number for number, name in enumerate(curves)}
    shares = np.zeros((len(sets), len(curves)))
    for row, own in zip(shares, posteriors, strict=True):
        row[[place[id(curve)] for curve in own.curves]] = own.probabilities
    found = quantiles_of_mixtures(tuple(curves.values()), shares, LEVELS)
    return dict(zip(sets, found, strict=True))


def _few(
    edit: Edit, weigher: Weigher, states: tuple[State, ...], rows: int, sets: list[Made]
) -> dict[Made, Array]:
    """The values of sets of changes from `rows` draws of every component."""
    own, curves = weigher.model
    mixtures = StepMixtures(drawn_states(edit, weigher, rows, states), curves, own.log_evidence)
    found = mixtures.quantiles([edit.shares(made) for made in sets], LEVELS)
    return dict(zip(sets, found, strict=True))


def _sets(names: tuple[str, ...], exact: bool) -> Iterator[Made]:
    """The sets of changes whose values an attribution needs."""
    for size in range(len(names) + 1):
        if exact:
            yield from map(frozenset, itertools.combinations(names, size))
        else:
            yield from (frozenset(names[:size]), frozenset(names[len(names) - size :]))


def _effects(names: tuple[str, ...], exact: bool, value: Value) -> dict[str, Array]:
    values: dict[Made, Array] = {}

    def kept(made: Made) -> Array:
        if made not in values:
            values[made] = value(made)
        return values[made]

    if not exact:
        return _two_orders(names, kept)
    return {name: _shapley(name, names, kept) for name in names}


def _filled_up(effects: dict[str, Array], difference: Array) -> dict[str, Array]:
    """The effects with what they lack of the difference, shared out by their sizes."""
    lacking = difference - np.sum(list(effects.values()), axis=0)
    sizes = np.sum([np.abs(effect) for effect in effects.values()], axis=0)
    even = 1.0 / len(effects)
    return {
        name: effect
        + lacking * np.divide(np.abs(effect), sizes, out=np.full_like(sizes, even), where=sizes > 0)
        for name, effect in effects.items()
    }


def _shapley(name: str, names: tuple[str, ...], value: Value) -> Array:
    others = [n for n in names if n != name]
    effect = np.zeros_like(value(frozenset()))
    for size in range(len(others) + 1):
        share = math.factorial(size) * math.factorial(len(others) - size) / math.factorial(len(names))
        for subset in itertools.combinations(others, size):
            made = frozenset(subset)
            effect += share * (value(made | {name}) - value(made))
    return effect


def _two_orders(names: tuple[str, ...], value: Value) -> dict[str, Array]:
    effects = {name: np.zeros_like(value(frozenset())) for name in names}
    for order in (names, names[::-1]):
        made: frozenset[str] = frozenset()
        for name in order:
            effects[name] += (value(made | {name}) - value(made)) / 2
            made = made | {name}
    return effects
