"""The rate of the total and the counts that go with it, in cases worked by hand and by their moments."""

import numpy as np
import pytest
from scipy import stats

from models.acceptance.mixture import beta_size, normalised, own_rates, positive_counts, shifted, total_rate


def test_the_variance_of_the_total_by_hand() -> None:
    """Rates (.2, .6) or (.4, .8), weights (1, 0) or (.5, .5): four totals .2, .4, .4, .6."""
    rates, weights = np.array([[0.2, 0.6], [0.4, 0.8]]), np.array([[1.0, 0.0], [0.5, 0.5]])
    found = total_rate(rates, weights)
    assert found.mean == pytest.approx(0.4)
    assert found.variance_rate == pytest.approx(0.01)
    assert found.variance_mix == pytest.approx(0.01)
    assert found.variance_rate + found.variance_mix == pytest.approx(np.var([0.2, 0.4, 0.4, 0.6]))
    assert found.quantiles["lower95"] < found.quantiles["lower75"] < found.quantiles["upper75"]
    with pytest.raises(ValueError, match="add up to one"):
        total_rate(rates, weights * 0.9)


def test_one_nationality_has_no_mix_to_be_unsure_of() -> None:
    rates = np.random.default_rng(1).beta(3, 5, (50, 1))
    found = total_rate(rates, np.ones((50, 1)))
    assert found.variance_mix == pytest.approx(0.0, abs=1e-15)
    assert found.variance_rate == pytest.approx(rates.var())


def test_weights_add_up_and_move_only_with_noise() -> None:
    weights = np.array([[[3.0, 1.0], [0.0, 0.0]]])
    np.testing.assert_allclose(normalised(weights, 0.0, 1), [[[0.75, 0.25], [0.5, 0.5]]])
    moved = normalised(np.tile(weights, (4_000, 1, 1)), 0.3, 1)[:, 0]
    np.testing.assert_allclose(moved.sum(axis=1), 1.0)
    # The log of the ratio moves by the noise of both.
    assert np.log(moved[:, 0] / moved[:, 1]).std() == pytest.approx(0.3 * np.sqrt(2), rel=0.05)


@pytest.mark.parametrize(
    ("total", "batch", "correlation"), [(20, 3.5, 0.003), (1_000, 2.0, 0.01), (5, 4.0, 0.0)]
)
def test_a_period_varies_as_families_and_policy_make_it(
    total: float, batch: float, correlation: float
) -> None:
    within = correlation + (1 - correlation) * batch / (total + batch)
    assert 1 / (beta_size(total, batch, correlation) + 1) == pytest.approx(within)
    rng = np.random.default_rng(2)
    own = own_rates(np.full(60_000, 0.3), total, batch, correlation, rng)
    assert own.mean() == pytest.approx(0.3, abs=5 * own.std() / 245)
    assert own.var() == pytest.approx(0.21 * within, rel=0.04)
    # Counts are then beta-binomial, so many times a binomial's variance.
    counts = rng.binomial(int(total), own)
    assert counts.var() == pytest.approx(total * 0.21 * (1 + (total - 1) * within), rel=0.06)


def test_positive_decisions_never_exceed_decisions_which_add_up() -> None:
    rng = np.random.default_rng(3)
    rates = np.concatenate([rng.beta(0.2, 0.2, (200, 3)), np.zeros((200, 1)), np.ones((200, 1))], axis=1)
    weights = rng.dirichlet([1.0, 0.2, 0.05, 1.0, 1.0], 200)
    noise = np.tile([3.5, 0.003], (200, 1))
    divided, positive = positive_counts(rates, weights, 317, noise, seed=4)
    assert (divided.sum(axis=1) == 317).all()
    assert ((positive >= 0) & (positive <= divided)).all()
    assert positive[:, 3].sum() <= 0.001 * divided[:, 3].sum()
    assert positive[:, 4].sum() >= 0.999 * divided[:, 4].sum()
    again = positive_counts(rates, weights, 317, noise, seed=4)
    np.testing.assert_array_equal(again[1], positive)


def test_a_change_of_policy_moves_log_odds_and_leaves_a_rate_a_rate() -> None:
    assert shifted(np.array([0.5]), np.log(3.0))[0] == pytest.approx(0.75)
    moved = shifted(np.array([0.0, 1.0, 0.3]), 6.0)
    assert ((moved >= 0) & (moved <= 1)).all()
    np.testing.assert_allclose(shifted(shifted(np.array([0.3]), 2.0), -2.0), 0.3)


def test_counts_of_a_sure_rate_are_beta_binomial() -> None:
    noise = np.tile([2.0, 0.0], (4_000, 1))
    _, positive = positive_counts(np.full((4_000, 1), 0.4), np.ones((4_000, 1)), 12, noise, seed=5)
    size = float(beta_size(12, 2.0, 0.0))
    expected = stats.betabinom.pmf(np.arange(13), 12, 0.4 * size, 0.6 * size)
    assert stats.chisquare(np.bincount(positive[:, 0], minlength=13), 4_000 * expected).pvalue > 1e-3
