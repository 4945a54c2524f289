"""Differences of two sources: every division of a short calendar by hand, limits, recovery, calibration, the prior."""

from itertools import pairwise, product

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from models.measurement.agreement import (
    DEFAULT_AGREEMENT_PRIORS,
    Agreement,
    AgreementPriors,
    compare,
    noise_points,
)
from tests.models.rank_uniformity import gather, not_uniform

Array = NDArray[np.float64]
PRIORS = DEFAULT_AGREEMENT_PRIORS
ONE_LAW = PRIORS.model_copy(
    update={"offset_scales": (0.3,), "offset_weights": (1.0,), "noise_median": 0.05, "noise_log_sd": 1e-6}
)
MONTHS = 48


def by_hand(difference: Array, known: Array, priors: AgreementPriors) -> tuple[float, Array]:
    """Log evidence and the chance that a stretch begins at each month, over all divisions, noises and scales."""
    months = len(difference)
    total, begun = 0.0, np.zeros(months)
    for cuts in product([False, True], repeat=months - 1):
        edges = [0, *(i + 1 for i, cut in enumerate(cuts) if cut), months]
        chance = priors.break_rate ** sum(cuts) * (1 - priors.break_rate) ** (months - 1 - sum(cuts))
        for first, end in pairwise(edges):
            seen = [t for t in range(first, end) if np.isfinite(difference[t])]
            chance *= sum(
                weight / len(noise_points(priors)) * density(difference[seen], known[seen], noise, scale)
                for noise in noise_points(priors)
                for weight, scale in zip(priors.offset_weights, priors.offset_scales, strict=True)
            )
        total += chance
        begun[edges[:-1]] += chance
    return float(np.log(total)), begun / total


def density(d: Array, known: Array, noise: float, scale: float) -> float:
    if not len(d):
        return 1.0
    covariance = scale**2 + np.diag(noise**2 + known)
    return float(stats.multivariate_normal.pdf(d, np.zeros(len(d)), covariance))


def simulated(priors: AgreementPriors, months: int, known: float, seed: int) -> tuple[Array, Array, Array]:
    """Offset, noise and differences drawn as the top of the module says; the last ten months are not compared."""
    rng = np.random.default_rng(seed)
    offset, noise = np.empty(months), np.empty(months)
    for t in range(months):
        if t == 0 or rng.uniform() < priors.break_rate:
            scale = rng.choice(priors.offset_scales, p=priors.offset_weights)
            level, spread = rng.normal(0, scale), rng.choice(noise_points(priors))
        offset[t], noise[t] = level, spread
    difference = offset + rng.normal(0, np.sqrt(noise**2 + known))
    difference[-10:] = np.nan
    return offset, noise, difference


def stretch(offsets: list[float], noises: list[float], length: int, seed: int) -> Array:
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.normal(o, n, length) for o, n in zip(offsets, noises, strict=True)])


def test_the_evidence_is_the_sum_over_every_division_of_the_calendar() -> None:
    difference = np.array([0.02, np.nan, 0.5, 0.48, -0.01])
    known = np.array([1e-4, 0.0, 2e-4, 1e-4, 5e-5])
    priors = PRIORS.model_copy(update={"break_rate": 0.2})
    found = compare(difference, known, priors, draws=40_000, seed=1)
    log_evidence, begun = by_hand(difference, known, priors)
    assert found.log_evidence == pytest.approx(log_evidence, abs=1e-9)
    np.testing.assert_allclose(found.starts.mean(axis=0), begun, atol=0.012)


def test_without_breaks_and_with_one_noise_the_offset_is_the_normal_posterior() -> None:
    priors = ONE_LAW.model_copy(update={"break_rate": 1e-12})
    difference, known = np.array([0.1, 0.15, np.nan, 0.08]), np.array([0.0, 0.01, 0.0, 0.001])
    found = compare(difference, known, priors, draws=50_000, seed=2)
    precision = 1 / (0.05**2 + known[[0, 1, 3]])
    variance = 1 / (precision.sum() + 1 / 0.3**2)
    mean = variance * (precision @ difference[[0, 1, 3]])
    np.testing.assert_array_equal(found.offset[:, 0], found.offset[:, 3])
    assert stats.kstest(found.offset[:, 0], "norm", (mean, np.sqrt(variance))).pvalue > 0.001
    np.testing.assert_allclose(found.noise, 0.05, rtol=1e-4)


def test_without_a_comparison_every_month_keeps_the_prior() -> None:
    found = compare(np.full(30, np.nan), np.zeros(30), draws=20_000, seed=3)

    def mixture(x: Array) -> Array:
        parts = zip(PRIORS.offset_weights, PRIORS.offset_scales, strict=True)
        return np.sum([w * stats.norm.cdf(x, 0, s) for w, s in parts], axis=0)

    for month in (0, 17, 29):
        assert stats.kstest(found.offset[:, month], mixture).pvalue > 0.001
        logs = np.log(found.noise[:, month])
        assert logs.mean() == pytest.approx(np.log(PRIORS.noise_median), abs=0.03)
        assert logs.std() == pytest.approx(PRIORS.noise_log_sd, rel=0.06)
    assert found.starts[:, 0].all()
    assert found.starts[:, 1:].mean() == pytest.approx(PRIORS.break_rate, rel=0.05)


def test_offset_noise_and_jump_are_recovered() -> None:
    difference = stretch([0.0, 0.35, -0.02], [0.004, 0.05, 0.004], 30, seed=4)
    found = compare(difference, np.zeros(90), draws=2000, seed=5)
    for month, offset, noise in ((15, 0.0, 0.004), (45, 0.35, 0.05), (75, -0.02, 0.004)):
        lower, upper = np.quantile(found.offset[:, month], [0.005, 0.995])
        assert lower <= offset <= upper
        assert np.quantile(found.noise[:, month], 0.02) <= noise * 1.35
        assert np.quantile(found.noise[:, month], 0.98) >= noise / 1.35
    assert set(np.flatnonzero(found.starts.mean(axis=0) > 0.9)) == {0, 30, 60}


def test_one_month_far_off_leaves_the_stretch_around_it_alone() -> None:
    difference = stretch([0.01], [0.003], 40, seed=6)
    difference[20] = 0.6
    found = compare(difference, np.zeros(40), draws=2000, seed=7)
    assert found.offset[:, 20].mean() == pytest.approx(0.6, abs=0.05)
    np.testing.assert_allclose(found.offset[:, [10, 30]].mean(axis=0), 0.01, atol=0.003)
    assert found.noise[:, 10].mean() < 0.006


def test_the_further_from_the_last_comparison_the_less_is_known() -> None:
    difference = np.append(stretch([0.05], [0.005], 40, seed=8), np.full(60, np.nan))
    spread = compare(difference, np.zeros(100), draws=4000, seed=9).offset.std(axis=0)
    assert spread[39] < 0.01
    assert spread[39] < spread[45] < spread[60] < spread[99]


def test_the_same_seed_gives_the_same_draws() -> None:
    difference = stretch([0.0, 0.2], [0.01, 0.01], 20, seed=10)
    first, second = (compare(difference, np.zeros(40), draws=50, seed=11) for _ in range(2))
    np.testing.assert_array_equal(first.offset, second.offset)


def ranks(fitted: AgreementPriors, seed: int) -> dict[str, int]:
    offset, noise, difference = simulated(PRIORS, MONTHS, 1e-4, seed)
    found: Agreement = compare(difference, np.full(MONTHS, 1e-4), fitted, draws=99, seed=seed + 1)
    rng, places = np.random.default_rng(seed + 2), {"compared": 20, "beyond": MONTHS - 1}
    result = {}
    for name, month in places.items():
        result[f"offset {name}"] = int((found.offset[:, month] < offset[month]).sum())
        # Noise has few values: of equal ones a random number counts as smaller.
        equal = int(np.isclose(found.noise[:, month], noise[month]).sum())
        below = int((found.noise[:, month] < noise[month] * (1 - 1e-6)).sum())
        result[f"noise {name}"] = below + int(rng.integers(equal + 1))
    return result


@pytest.mark.slow
def test_ranks_of_offset_and_noise_are_uniform_and_a_wrong_model_is_caught() -> None:
    assert not_uniform(gather(lambda s: ranks(PRIORS, s), 500, 1000), 99, 10) == {}
    too_sure = PRIORS.model_copy(update={"noise_median": PRIORS.noise_median / 3})
    never = PRIORS.model_copy(update={"break_rate": 1e-6})
    assert "noise compared" in not_uniform(gather(lambda s: ranks(too_sure, s), 300, 1000), 99, 10)
    assert "offset beyond" in not_uniform(gather(lambda s: ranks(never, s), 300, 1000), 99, 10)
