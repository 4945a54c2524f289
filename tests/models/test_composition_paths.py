"""Shares simulated and split: exact sums, limits, rare nationalities, and a file that holds the same numbers."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.composition import paths as composition_paths
from models.composition.data import TOTAL, CompositionData, composition_data
from models.composition.paths import (
    ShareParameters,
    ShareSimulator,
    ShareState,
    filter_shares,
    split_paths,
)

FIRST = np.datetime64("2022-01", "M")
CITIZENS = ("SY", "TR", "IR")


def parameters(draws: int = 50, citizens: int = 4, **changes: float) -> ShareParameters:
    given_values = {"step": 0.2, "month": 0.1, "overdispersion": 1.5, "pull": 0.01, "nu": 8.0} | changes
    step = np.full((draws, citizens), given_values.pop("step"))
    return ShareParameters(step, **{name: np.full(draws, value) for name, value in given_values.items()})


def state(shares: list[float], draws: int = 50, variance: float = 0.0) -> ShareState:
    size = len(shares)
    return ShareState(
        level=np.tile(np.log(shares), (draws, 1)),
        variance=np.full((draws, size), variance),
        last_months=np.full(size, FIRST - 1),
        last_spans=np.ones(size, dtype=np.int64),
        anchor=np.full(size, np.nan),
    )


def monthly(counts: dict[str, list[float]], total: list[float] | None = None) -> CompositionData:
    """Months up to December 2021."""
    cells = counts | ({TOTAL: total} if total else {})
    months = len(next(iter(cells.values())))
    periods = [str(FIRST - months + m) for m in range(months)]
    rows = [(c, p, v) for c, values in cells.items() for p, v in zip(periods, values, strict=True)]
    return composition_data(pd.DataFrame(rows, columns=["citizen", "period", "value"]), CITIZENS)


def mean_share(data: CompositionData, months: int = 12, **changes: float) -> np.ndarray:
    fitted = parameters(**changes)
    simulator = ShareSimulator(fitted, filter_shares(fitted, data), FIRST, seed=4)
    return simulator.chunk(0, np.full((2_000, months), 1_000)).sum(axis=1).mean(axis=0) / (1_000 * months)


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(1, 3), st.sampled_from([0, 1, 7, 900, 250_000, 3_000_000]))
def test_every_month_of_every_draw_adds_up(seed: int, horizon: int, largest: int) -> None:
    rng = np.random.default_rng(seed)
    totals = rng.integers(0, largest + 1, (30, horizon))
    fitted = parameters(step=float(rng.uniform(0, 1.5)), overdispersion=float(rng.gamma(1, 5)), nu=2.5)
    simulator = ShareSimulator(fitted, state([0.9, 0.0999, 1e-4, 1e-12], variance=1.0), FIRST, seed)
    counts = simulator.chunk(0, totals)
    assert counts.dtype == np.int32
    assert counts.shape == (30, horizon, 4)
    assert (counts >= 0).all()
    assert (counts.sum(axis=2) == totals).all()


def test_chunks_follow_each_other_whatever_the_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(composition_paths, "DRAWS_PER_CHUNK", 64)
    totals = np.random.default_rng(1).poisson(2_000, (300, 5))
    simulator = ShareSimulator(parameters(), state([0.5, 0.3, 0.2]), FIRST, seed=9)
    simulator = replace(simulator, parameters=parameters(citizens=3))
    one, two = (list(split_paths(simulator, totals, threads=threads)) for threads in (1, 2))
    assert [first for first, _ in one] == [0, 64, 128, 192, 256]
    for (_, a), (_, b) in zip(one, two, strict=True):
        assert (a == b).all()
    whole = np.concatenate([counts for _, counts in one])
    assert (whole.sum(axis=2) == totals).all()
    assert not (whole[:64] == whole[64:128]).all()


def test_without_drift_shares_stay_constant() -> None:
    still = parameters(step=0.0, month=0.0, overdispersion=0.0)
    simulator = ShareSimulator(still, state([0.5, 0.3, 0.15, 0.05]), FIRST, seed=2)
    shares = simulator.shares(50, 60)
    assert np.allclose(shares, [0.5, 0.3, 0.15, 0.05], atol=1e-6)
    counts = simulator.chunk(0, np.full((50, 60), 10_000))
    assert (np.abs(counts - [5_000, 3_000, 1_500, 500]) <= 1).all()


def test_a_random_walk_spreads_with_the_root_of_time() -> None:
    gauss = parameters(draws=1, citizens=2, step=0.1, nu=1e6, pull=0.0)
    shares = ShareSimulator(gauss, state([0.5, 0.5], draws=1), FIRST, seed=3).shares(40_000, 24)
    log_ratio = np.log(shares[..., 0] / shares[..., 1])
    assert log_ratio.std(axis=0)[[0, 11, 23]] == pytest.approx(0.1 * np.sqrt([2, 24, 48]), rel=0.02)


def test_the_pull_ends_at_the_anchor() -> None:
    pulled = parameters(citizens=2, step=0.0, pull=0.5)
    start = replace(state([0.9, 0.1]), anchor=np.log([0.2, 0.8]))
    shares = ShareSimulator(pulled, start, FIRST, seed=3).shares(3, 30)
    half_way = np.sqrt([0.9 * 0.2, 0.1 * 0.8])
    assert shares[0, 0] == pytest.approx(half_way / half_way.sum(), rel=1e-5)
    assert shares[0, -1] == pytest.approx([0.2, 0.8], rel=1e-4)


def test_count_noise_has_its_size_and_no_bias() -> None:
    noisy = parameters(draws=1, citizens=3, step=0.0, month=0.0, overdispersion=4.0)
    simulator = ShareSimulator(noisy, state([0.6, 0.395, 0.005], draws=1), FIRST, seed=5)
    counts = simulator.chunk(0, np.full((4_000, 20), 2_000)).reshape(-1, 3)
    assert counts.mean(axis=0) == pytest.approx([1_200, 790, 10], rel=0.03)
    # Given the total, a binomial's variance times the overdispersion.
    assert counts[:, 0].var() == pytest.approx(4 * 2_000 * 0.6 * 0.4, rel=0.05)


def test_a_nationality_never_seen_stays_rare() -> None:
    data = monthly({"SY": [500.0] * 36, "TR": [300.0] * 36, "IR": [0.0] * 36}, [1_000.0] * 36)
    shares = mean_share(data)
    assert shares[2] < 0.004
    assert shares[[0, 1, 3]] == pytest.approx([0.5, 0.3, 0.2], abs=0.03)


def test_a_nationality_that_appears_is_followed_within_a_quarter() -> None:
    came = [0.0] * 33 + [200.0] * 3
    data = monthly({"SY": [500.0] * 36, "TR": [300.0] * 36, "IR": came}, [1_000.0 + c for c in came])
    assert mean_share(data)[2] == pytest.approx(1 / 6, abs=0.05)


def test_a_nationality_that_disappears_is_let_go() -> None:
    went = [400.0] * 24 + [0.0] * 12
    data = monthly({"SY": [500.0] * 36, "TR": [300.0] * 36, "IR": went}, [1_000.0 + c for c in went])
    assert mean_share(data)[2] < 0.02


def test_everybody_in_other_stays_there() -> None:
    data = monthly({name: [0.0] * 36 for name in CITIZENS}, [1_000.0] * 36)
    assert mean_share(data)[3] > 0.98


def test_a_month_of_nobody_is_a_month_of_nobody() -> None:
    data = monthly({name: [0.0] * 6 for name in CITIZENS}, [0.0] * 6)
    assert len(data) == 0
    fitted = parameters()
    counts = ShareSimulator(fitted, filter_shares(fitted, data), FIRST, 1).chunk(0, np.zeros((10, 3), int))
    assert (counts == 0).all()


def test_a_silent_year_widens_what_follows() -> None:
    data = monthly({"SY": [500.0] * 12, "TR": [300.0] * 12}, [1_000.0] * 12)
    fitted = parameters(draws=1, pull=0.0)
    known = filter_shares(fitted, data)
    near, far = (
        ShareSimulator(fitted, known, FIRST + gap, 3).shares(20_000, 1)[:, 0, 0].std() for gap in (0, 24)
    )
    assert far > 2.5 * near
    with pytest.raises(ValueError, match="not after"):
        ShareSimulator(fitted, known, FIRST - 1, 3).shares(1, 1)


def test_tails_without_any_moment_still_give_persons() -> None:
    totals = np.full((3_000, 60), 2_000)
    wild = replace(parameters(draws=20), nu=np.full(20, 0.2))
    counts = ShareSimulator(wild, state([0.5, 0.3, 0.15, 0.05]), FIRST, seed=2).chunk(0, totals)
    assert (counts.sum(axis=2) == totals).all()
    assert (counts >= 0).all()
