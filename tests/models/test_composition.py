"""The composition model: its gradient, its filter, its priors, and what it recovers and must not know."""

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy import stats

from models.backend import pm, pt
from models.composition import splits as composition_splits
from models.composition.data import TOTAL, CompositionData, composition_data
from models.composition.design import composition_design
from models.composition.model import (
    DEFAULT_PRIORS,
    CompositionFit,
    build_composition_model,
    fit_composition,
)
from models.composition.paths import ShareParameters, ShareSimulator, ShareState, filter_shares
from models.composition.splits import split_errors
from models.prior_terms import Prior
from models.sampling import sample

Array = NDArray[np.float64]
FIRST = np.datetime64("2012-01", "M")
STEPS = np.array([0.1, 0.2, 0.4, 0.15, 0.2])


def simulated(months: int = 120, size: int = 3_000, seed: int = 5) -> pd.DataFrame:
    """Months of the first two nationalities with totals, years of all four, from known hyperparameters."""
    truth = ShareParameters(STEPS[None], *(np.array([v]) for v in (0.1, 2.0, 0.0, 9.0)))
    level, never = np.log([[0.4, 0.1, 0.1, 0.1, 0.3]]), np.full(5, np.nan)
    start = ShareState(level, np.zeros((1, 5)), np.full(5, FIRST - 1), np.ones(5, int), never)
    counts = ShareSimulator(truth, start, FIRST, seed).chunk(0, np.full((1, months), size))[0]
    names = ("A", "B", "C", "D", "X")
    periods = [str(FIRST + m) for m in range(months)]
    rows = [(names[k], p, int(counts[m, k])) for m, p in enumerate(periods) for k in range(2)]
    rows += [(TOTAL, p, size) for p in periods]
    for y in range(months // 12):
        by_name = counts[12 * y : 12 * y + 12].sum(axis=0)
        rows += [(names[k], str(2012 + y), int(by_name[k])) for k in range(4)]
        rows.append((TOTAL, str(2012 + y), 12 * size))
    return pd.DataFrame(rows, columns=["citizen", "period", "value"])


def anchor() -> pd.DataFrame:
    shares = {"A": 0.3, "B": 0.2, "C": 0.1, "D": 0.1, "OTHER": 0.3}
    return pd.DataFrame([{"period": str(year)} | shares for year in range(2011, 2022)])


def data_of(frame: pd.DataFrame, anchored: bool = True) -> CompositionData:
    return composition_data(frame, ("A", "B", "C", "D"), anchor=anchor() if anchored else None)


@pytest.fixture(scope="module")
def fit() -> CompositionFit:
    return fit_composition(data_of(simulated(), anchored=False), seed=3, draws=500, tune=500, chains=2)


def arguments(data: CompositionData) -> tuple[Array, Array, Array, Array]:
    design = composition_design(data)
    return (
        STEPS**2,
        np.array([0.01, 2.0, 0.02]),
        design.cells,
        np.stack([design.start, design.start_variance]),
    )


def test_the_backward_pass_is_the_gradient() -> None:
    step, noise, cells, start = arguments(data_of(simulated(36)))
    rng = np.random.default_rng(1)
    towards = rng.normal(size=(2, len(cells)))

    def value(q: Array, r: Array) -> float:
        return float(np.vdot(composition_splits._errors(q, r, cells, start), towards))

    to_step, to_noise = composition_splits._gradient(step, noise, cells, start, *towards)
    h = 1e-6
    numeric = [(value(step + d, noise) - value(step - d, noise)) / (2 * h) for d in h * np.eye(5)]
    assert to_step == pytest.approx(numeric, rel=1e-5)
    numeric = [(value(step, noise + d) - value(step, noise - d)) / (2 * h) for d in h * np.eye(3)]
    assert to_noise == pytest.approx(numeric, rel=1e-5)


def test_a_pull_past_the_anchor_stops_there() -> None:
    step, noise, cells, start = arguments(data_of(simulated(36)))
    ends = [composition_splits._errors(step, np.array([*noise[:2], pull]), cells, start) for pull in (1, 3)]
    assert np.array_equal(*ends)
    ones = np.ones(len(cells))
    far = composition_splits._gradient(step, np.array([*noise[:2], 3.0]), cells, start, ones, ones)
    assert far[1][2] == 0


def test_compiled_and_plain_passes_agree() -> None:
    given = arguments(data_of(simulated(24)))
    variables = [pt.as_tensor(value) for value in given]
    quadratic, half = split_errors(*variables)
    gradient = pm.pytensorf.pytensor.grad(quadratic.sum() + half.sum(), variables[0])
    compiled = pm.pytensorf.pytensor.function([], [quadratic, half, gradient], mode="NUMBA")()
    assert compiled[0] == pytest.approx(composition_splits._errors(*given)[0])
    assert compiled[1] == pytest.approx(composition_splits._errors(*given)[1])
    ones = np.ones(len(given[2]))
    assert compiled[2] == pytest.approx(composition_splits._gradient(*given, ones, ones)[0])


def test_arguments_of_another_rank_are_refused() -> None:
    with pytest.raises(TypeError, match="ranks"):
        split_errors(*(pt.as_tensor(np.zeros(3)) for _ in range(4)))


def test_the_filter_without_pymc_has_the_levels_of_the_likelihood() -> None:
    """Errors of the next row, predicted by one and computed by the other."""
    data = data_of(simulated(36))
    before = data.until(data.last_months[-3])
    truth = ShareParameters(STEPS[None], *(np.array([v]) for v in (0.1, 2.0, 0.02, 9.0)))
    known = filter_shares(truth, before)
    step, noise, cells, start = arguments(data)
    level, variance = start[0].copy(), start[1].copy()
    kept = np.zeros((7, 5))
    for t in range(len(before)):
        composition_splits._forward_row(step, noise, cells[t], level, variance, kept)
    assert known.level[0] == pytest.approx(level)
    assert known.variance[0] == pytest.approx(variance)


def test_a_month_of_two_groups_has_the_student_t_density() -> None:
    """Closed form: log odds of two nationalities, whose variances add up."""
    frame = pd.DataFrame({"citizen": ["A", "B"], "period": ["2012-01"] * 2, "value": [90, 30]})
    data = composition_data(frame, ("A", "B"))
    design, model = composition_design(data), build_composition_model(data)
    point = {}
    for variable in model.free_RVs:
        record: Prior = getattr(DEFAULT_PRIORS, variable.name.removesuffix("_normal"))
        point[variable.name] = np.full(variable.shape.eval(), record.parameters["mu"])
    step, month, count, nu = (
        np.exp(getattr(DEFAULT_PRIORS, name).parameters["mu"])
        for name in ("typical_step", "month", "overdispersion", "nu")
    )
    sizes = 120 / 2 + 0.5  # before the month both have the same running share
    noise = month**2 + count / sizes + 1 / 12 / sizes**2
    scale = np.sqrt(2 * (design.start_variance[0] + step**2 + noise))
    expected = stats.t(nu, scale=scale).logpdf(np.log(90.5 / 30.5))
    got = model.compile_logp(vars=model.potentials, mode="NUMBA")(point)
    assert float(got) == pytest.approx(expected)


def test_what_made_the_counts_is_recovered(fit: CompositionFit) -> None:
    assert fit.diagnostics.divergences == 0
    assert fit.diagnostics.rhat_max < 1.03
    got = fit.parameters
    for name, true in (("overdispersion", 2.0), ("month", 0.1)):
        low, high = np.quantile(getattr(got, name), [0.005, 0.995])
        assert low < true < high
    low, high = np.quantile(got.step[:, :2], [0.005, 0.995], axis=0)
    assert ((low < STEPS[:2]) & (STEPS[:2] < high)).all()
    assert got.step[:, 2].mean() > 1.3 * got.step[:, 0].mean()


def test_without_counts_the_priors_come_back() -> None:
    empty = data_of(simulated(12)).until(FIRST - 1)
    assert len(empty) == 0
    sampled = sample(
        build_composition_model(empty),
        draws=1_000,
        tune=400,
        chains=2,
        seed=1,
        structure=("composition", empty.citizens, DEFAULT_PRIORS.model_dump_json()),
    )
    back = {"lognormal": np.log, "normal": np.asarray, "logit_normal": lambda x: np.log(x / (1 - x))}
    for name in ("typical_step", "spread", "month", "overdispersion", "pull", "nu", "offset"):
        record: Prior = getattr(DEFAULT_PRIORS, name)
        values = back[record.family](sampled.posterior[name][:, ::10].ravel())
        assert stats.kstest(values, stats.norm(**_named(record)).cdf).pvalue > 1e-3, name


def _named(record: Prior) -> dict[str, float]:
    return {"loc": record.parameters["mu"], "scale": record.parameters["sigma"]}


def test_no_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="apart"):
        fit_composition(data_of(simulated(12)).until(FIRST - 1), seed=1)


def test_later_rows_change_nothing_before_them(fit: CompositionFit) -> None:
    """A value planted after the cutoff must not be seen."""
    frame = simulated(60)
    planted = frame.copy()
    planted.loc[planted["period"] >= "2015", "value"] = 1
    cutoff = np.datetime64("2014-12", "M")
    first, second = (filter_shares(fit.parameters, data_of(f).until(cutoff)) for f in (frame, planted))
    assert np.array_equal(first.level, second.level)
    assert np.array_equal(first.variance, second.variance)
    seen = filter_shares(fit.parameters, data_of(planted))
    assert not np.allclose(first.level, seen.level)
