"""Arrivals that feed the mix of decisions: whose they are, and that none are lost on the way."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from service.api.acceptance_arrivals import by_nationality


def decided(names: tuple[str, ...], recent: list[float]) -> Any:
    """What is asked of stored rates: nationalities and their applications of the last four quarters."""
    return cast(Any, SimpleNamespace(nationalities=names, applications=np.tile(np.array(recent) / 4, (4, 1))))


def test_a_nationality_told_apart_keeps_its_own_and_the_rest_is_divided() -> None:
    arrivals = np.array([[[60.0, 10.0, 30.0], [6.0, 1.0, 3.0]]])
    stored = decided(("AF", "OTHER", "SY"), [10.0, 30.0, 500.0])
    found = by_nationality(arrivals, ("SY", "TR", "OTHER"), stored)
    assert found is not None
    np.testing.assert_allclose(found, [[[10.0, 30.0, 60.0], [1.0, 3.0, 6.0]]])
    np.testing.assert_allclose(found.sum(axis=-1), arrivals.sum(axis=-1))


def test_undivided_arrivals_are_divided_as_applications_were() -> None:
    found = by_nationality(np.full((2, 8, 1), 100.0), ("OTHER",), decided(("SY", "TR"), [3.0, 1.0]))
    assert found is not None
    np.testing.assert_allclose(found[1, 7], [75.0, 25.0])


@pytest.mark.parametrize(("names", "expected"), [(("TOTAL",), [100.0]), (("SY", "TR"), None)])
def test_where_nothing_is_known_only_one_series_can_take_all(names: Any, expected: Any) -> None:
    found = by_nationality(np.full((1, 1, 1), 100.0), ("OTHER",), decided(names, [0.0] * len(names)))
    assert (found if found is None else found[0, 0].tolist()) == expected


def test_people_of_nationalities_without_decisions_are_left_out_where_all_others_are_told_apart() -> None:
    found = by_nationality(
        np.array([[70.0, 20.0, 10.0]]), ("SY", "TR", "OTHER"), decided(("SY", "TR"), [1.0, 1.0])
    )
    assert found is not None
    np.testing.assert_allclose(found, [[70.0, 20.0]])
