"""The chances from which events are drawn: as stated, or tilted by a proposal; of many groups, and beliefs, at once.

    table[..., group, place]:  a group's events first, then zeros up to the largest group, and last none of them
    drawn from  proportional to  stated x tilts,   log tilt = log drawn from - log stated

NumPy and SciPy only; must not know what proposals are fitted to.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from priors.events import Addition, Additions, EventBelief

Array = NDArray[np.float64]
Groups = Sequence[Sequence[Addition | EventBelief]]
Tilts = Mapping[tuple[int, ...], Array]


@dataclass(frozen=True)
class EventChances:
    """Tables `(..., group, place)` of chances as `stated` and `drawn_from`; `held` `(group, place)` are in use."""

    held: NDArray[np.bool_]
    stated: Array
    drawn_from: Array

    def ends(self, table: Array) -> Array:
        """Normals `(..., event)` up to which the events of all groups occur by a table's chances."""
        return np.asarray(ndtri(np.minimum(np.cumsum(table[..., :-1], axis=-1), 1.0))[..., self._events])

    @cached_property
    def log_tilts(self) -> tuple[Array, Array]:
        """Log chance drawn from less log stated, 0 for what never occurs: of none of a group `(..., group)`.

        And of events, over that of none of their group `(..., event)`.
        """
        never = self.stated <= 0
        logs = np.log(np.where(never, 1.0, self.drawn_from) / np.where(never, 1.0, self.stated))
        return logs[..., -1], (logs[..., :-1] - logs[..., -1:])[..., self._events]

    @cached_property
    def _events(self) -> NDArray[np.bool_]:
        return self.held[:, :-1]


def event_chances(groups: Groups, stated: Array, tilts: Sequence[Tilts]) -> EventChances:
    """The chances `stated` `(belief, event)` of the events of all groups, and with the tilts of each belief."""
    held = _places(groups)
    table = np.zeros((len(stated), *held.shape))
    table[:, :, :-1][:, held[:, :-1]] = stated
    table[..., -1] = np.maximum(1.0 - table.sum(axis=-1), 0.0)
    tables = {id(own): _table(held, groups, own) for own in tilts}
    tilted = table * np.stack([tables[id(own)] for own in tilts])
    return EventChances(held, table, tilted / tilted.sum(axis=-1, keepdims=True))


def chances_of(additions: Additions, tilts: Tilts) -> EventChances:
    """As `event_chances`, of one belief."""
    stated = np.array([[part.probability for group in additions for part in group]])
    found = event_chances(additions, stated, [tilts])
    return EventChances(found.held, found.stated[0], found.drawn_from[0])


def _places(groups: Groups) -> NDArray[np.bool_]:
    sizes = np.array([len(group) for group in groups], dtype=int)
    places = np.arange(sizes.max(initial=0) + 1)
    return np.asarray((places < sizes[:, None]) | (places == places[-1]))


def _table(held: NDArray[np.bool_], groups: Groups, tilts: Tilts) -> Array:
    """Tilts `(group, place)`, 1 where a group has none."""
    table = np.ones(held.shape)
    own = [tilts.get(tuple(part.slot for part in group)) for group in groups]
    if groups:
        table[held] = np.concatenate(
            [np.ones(len(group) + 1) if one is None else one for group, one in zip(groups, own, strict=True)]
        )
    return table
