"""Tables of chances: two events that exclude one another, and one by itself, as stated and tilted."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

from models.event_chances import chances_of
from priors.events import Addition

GROUPS = (
    (Addition("war", 0, 0.2, (2025,), ()), Addition("deal", 1, 0.3, (2025,), ())),
    (Addition("border", 2, 0.4, (2025,), ()),),
)
TILTS = {(0, 1): np.array([2.0, 1.0, 1.0])}


def test_chances_as_stated_and_tilted_by_hand() -> None:
    found = chances_of(GROUPS, TILTS)
    np.testing.assert_allclose(found.stated, [[0.2, 0.3, 0.5], [0.4, 0.0, 0.6]])
    np.testing.assert_allclose(found.drawn_from, [[0.4 / 1.2, 0.3 / 1.2, 0.5 / 1.2], [0.4, 0.0, 0.6]])
    np.testing.assert_allclose(found.ends(found.stated), ndtri([0.2, 0.5, 0.4]))
    of_none, over_none = found.log_tilts
    np.testing.assert_allclose(of_none, [-np.log(1.2), 0.0], atol=1e-12)
    np.testing.assert_allclose(over_none, [np.log(2.0), 0.0, 0.0], atol=1e-12)


def test_without_events_there_is_nothing_to_tell() -> None:
    found = chances_of((), {})
    assert found.ends(found.stated).shape == (0,)
    assert found.log_tilts[0].sum() == 0.0
