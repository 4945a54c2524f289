"""Splitting whole persons: sums are exact, nobody is invented, empty cells stay empty."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from models.whole_persons import split_whole, split_year

SHAPE = (4, 7)
weights = arrays(np.float64, SHAPE, elements=st.floats(0, 1e6))
totals = arrays(np.int64, SHAPE[0], elements=st.integers(0, 2_000_000))


@given(totals, weights)
def test_cells_add_up_and_none_is_off_by_a_person(wanted: np.ndarray, given_weights: np.ndarray) -> None:
    counts = split_whole(wanted, given_weights)
    assert counts.dtype == np.int32
    assert (counts >= 0).all()
    assert (counts.sum(axis=1) == wanted).all()
    mass = given_weights.sum(axis=1)
    fair = wanted[:, None] * given_weights / np.where(mass > 0, mass, 1)[:, None]
    assert np.abs(counts - fair)[mass > 0].max(initial=0) <= 1.0 + 1e-6


@given(totals, weights)
def test_a_cell_without_weight_stays_empty(wanted: np.ndarray, given_weights: np.ndarray) -> None:
    given_weights[:, 2], given_weights[:, 0] = 0.0, 1.0
    assert (split_whole(wanted, given_weights)[:, 2] == 0).all()


def test_hand_computed_splits() -> None:
    assert split_whole(np.array(10), np.array([1.0, 1.0, 1.0])).tolist() == [3, 4, 3]
    assert split_whole(np.array(7), np.array([0.0, 2.0, 0.0])).tolist() == [0, 7, 0]
    assert split_whole(np.array(7), np.zeros(3)).tolist() == [0, 0, 7]
    assert split_whole(np.array(0), np.array([5.0, 1.0])).tolist() == [0, 0]


@pytest.mark.parametrize("wanted", [-1, 2.5, np.nan])
def test_totals_that_are_no_whole_persons_are_refused(wanted: float) -> None:
    with pytest.raises(ValueError, match="whole"):
        split_whole(np.array(wanted), np.ones(3))


@pytest.mark.parametrize("weight", [-1.0, np.nan, np.inf])
def test_weights_that_are_none_are_refused(weight: float) -> None:
    with pytest.raises(ValueError, match="weights"):
        split_whole(np.array(5), np.array([1.0, weight, 3.0]))


@given(st.integers(0, 300_000), st.integers(0, 12), st.integers(0, 2**32 - 1))
def test_a_year_adds_up_and_keeps_what_was_counted(rest: int, months: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    counted = rng.integers(0, 900, (12 - months, 5)).astype(np.int32)
    figure = int(counted.sum()) + (rest if months else 0)
    table = split_year(figure, rng.gamma(0.5, 100, (months, 5)), counted)
    assert table.shape == (12, 5)
    assert table.sum() == figure
    assert (table[: 12 - months] == counted).all()
    assert (table >= 0).all()


def test_a_figure_below_the_count_or_beside_a_full_year_is_refused() -> None:
    counted = np.full((12, 2), 10, dtype=np.int32)
    with pytest.raises(ValueError, match="more than the figure"):
        split_year(239, np.empty((0, 2)), counted)
    with pytest.raises(ValueError, match="fully counted"):
        split_year(241, np.empty((0, 2)), counted)
