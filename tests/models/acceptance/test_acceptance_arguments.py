"""From what is sampled to the filter's arguments and back: formulas, derivatives, and the model's whole density."""

from dataclasses import replace

import numpy as np
import pytensor
import pytest
from numpy.typing import NDArray

from models.acceptance.arguments import POPULATION, filter_arguments
from models.acceptance.data import AcceptanceData, PolicyBreak
from models.acceptance.density import acceptance_log_density
from models.acceptance.filter import SCALARS
from models.acceptance.model import (
    DEFAULT_PRIORS,
    break_cells,
    build_acceptance_model,
    counts_of,
    log_sizes,
)
from models.backend import pm, pt
from models.prior_terms import term
from tests.models.acceptance.made_up_decisions import TYPICAL, simulated

Array = NDArray[np.float64]
PERIODS, SERIES, EFFECTS = 6, 4, 2
BREAKS = (PolicyBreak("2011-Q1", "C001", mean=0.3, sd=2.0), PolicyBreak("2012-Q1", mean=-0.2, sd=0.5))


def given(effects: int = EFFECTS) -> list[Array]:
    """Inputs of the operation."""
    rng = np.random.default_rng(3)
    sampled = rng.uniform(0.1, 0.9, len(POPULATION) + PERIODS + SERIES + effects)
    cells = rng.standard_normal((effects, PERIODS, SERIES))
    known = rng.standard_normal((PERIODS, SERIES))
    return [sampled, rng.standard_normal(SERIES), cells, known, np.array(0.25)]


def variables() -> list[pt.TensorVariable]:
    return [pt.dvector(), pt.dvector(), pt.dtensor3(), pt.dmatrix(), pt.dscalar()]


@pytest.mark.parametrize("mode", ["NUMBA", "FAST_COMPILE"])
@pytest.mark.parametrize("effects", [0, EFFECTS])
def test_the_arguments_are_the_formulas(effects: int, mode: str) -> None:
    inputs = variables()
    sampled, sizes, cells, known, years = at = given(effects)
    found = pytensor.function(inputs, list(filter_arguments(*inputs)), mode=mode)(*at)
    v = dict(zip(POPULATION, sampled, strict=False))
    moved, level, normals, of_effects = np.split(
        sampled[len(POPULATION) :], [PERIODS - 1, PERIODS, PERIODS + SERIES]
    )
    squared = {"start_variance": v["start"] ** 2, "turbulent_variance": v["turbulent_factor"] ** 2}
    step = v["typical_step"] * np.exp(v["size_slope"] * sizes + v["spread"] * normals)
    path = level + np.concatenate([[0], np.cumsum(v["shock"] * np.sqrt(years) * moved)])
    expected = [
        np.array([{**v, **squared}[name] for name in SCALARS]),
        step**2,
        path[:, None] + known + np.tensordot(of_effects, cells, axes=1),
    ]
    for got, want in zip(found, expected, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("mode", ["NUMBA", "FAST_COMPILE"])
@pytest.mark.parametrize("read", [(0,), (1,), (2,), (0, 1, 2)])
def test_derivatives_are_those_of_finite_differences(read: tuple[int, ...], mode: str) -> None:
    """Also where only some of the arguments are read."""
    inputs, rng = variables(), np.random.default_rng(5)
    shapes = (len(SCALARS), SERIES, (PERIODS, SERIES))
    arguments = filter_arguments(*inputs)
    summed = sum(pt.sum(arguments[place] * rng.standard_normal(shapes[place])) for place in read)
    call = pytensor.function(inputs, [summed, pytensor.grad(summed, inputs[0])], mode=mode)
    sampled, *others = given()
    gradient = call(sampled, *others)[1]
    for place in range(len(sampled)):
        change = 1e-6 * np.eye(len(sampled))[place]
        slope = (call(sampled + change, *others)[0] - call(sampled - change, *others)[0]) / 2e-6
        assert gradient[place] == pytest.approx(slope, rel=1e-6, abs=1e-7)


def test_what_is_none_of_the_arguments_is_refused() -> None:
    inputs = variables()
    with pytest.raises(TypeError, match="not made of"):
        filter_arguments(*inputs[:3], inputs[0], inputs[4])


def written_out(data: AcceptanceData) -> pm.Model:
    """The model as its formulas stand, a variable each, without `arguments`."""
    kinds, belongs = np.unique(data.tracks, return_inverse=True)
    with pm.Model(coords={"track_": kinds[1:]}) as model:
        v = {name: term(name, getattr(DEFAULT_PRIORS, name)) for name in POPULATION}
        moved = pm.Normal("moved", 0, 1, shape=len(data.periods) - 1)
        level = term("level", DEFAULT_PRIORS.level)
        normals = pm.Normal("offset", 0, 1, shape=len(data.citizens))
        tracks = pt.concatenate([pt.zeros(1), term("track", DEFAULT_PRIORS.track, dims="track_")])
        behind = pm.Normal("break_normal", 0, 1, shape=len(BREAKS))
        path = pt.concatenate([pt.zeros(1), pt.cumsum(v["shock"] * np.sqrt(data.years) * moved)])
        effect = np.array([b.mean for b in BREAKS]) + np.array([b.sd for b in BREAKS]) * behind
        offset = level + path[:, None] + tracks[belongs][None, :]
        offset = offset + pt.tensordot(effect, break_cells(data, BREAKS), axes=1)
        step = v["typical_step"] * pt.exp(v["size_slope"] * log_sizes(data) + v["spread"] * normals)
        squared = {"start_variance": v["start"] ** 2, "turbulent_variance": v["turbulent_factor"] ** 2}
        scalars = pt.stack([{**v, **squared}[name] for name in SCALARS])
        first, years = pt.as_tensor(data.first), pt.constant(data.years, dtype="float64")
        density = acceptance_log_density(scalars, step**2, offset, counts_of(data), first, years)[0]
        pm.Potential("log_density", pt.sum(density))
    return model


def test_the_models_density_and_gradient_are_those_of_the_model_written_out() -> None:
    sizes, rng = np.array([3.0, 20.0, 60.0, 150.0]), np.random.default_rng(1)
    data = replace(simulated(TYPICAL, 12, sizes, rng)[0], tracks=("1", "2", "2", "4"))
    found, expected = build_acceptance_model(data, breaks=BREAKS), written_out(data)
    at = 0.5 * rng.standard_normal(len(POPULATION) + 12 + 4 + 2 + 2)
    start = expected.initial_point()
    sds, middles = np.ones(len(at)), np.zeros(len(at))
    stated = [getattr(DEFAULT_PRIORS, name).parameters for name in (*POPULATION, "level", "track")]
    level, tracks = len(POPULATION) + 11, range(len(at) - 4, len(at) - 2)
    places = [*range(len(POPULATION)), level, *tracks]
    sds[places] = [one["sigma"] for one in [*stated, stated[-1]]]
    middles[places] = [one["mu"] for one in [*stated, stated[-1]]]
    parts = np.split(middles + sds * at, np.cumsum([value.size for value in start.values()])[:-1])
    apart = {name: part.reshape(start[name].shape) for name, part in zip(start, parts, strict=True)}
    ours, theirs = (
        model.compile_fn([model.logp(), model.dlogp()], mode="FAST_COMPILE")(point)
        for model, point in ((found, {"sampled": at}), (expected, apart))
    )
    # PyMC rounds the logarithm of a constant scale, which stands apart from what is sampled.
    assert ours[0] == pytest.approx(theirs[0] + np.log(sds).sum(), abs=1e-6)
    np.testing.assert_allclose(ours[1], theirs[1] * sds, rtol=1e-9, atol=1e-9)
