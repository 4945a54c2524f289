"""Making and changing scenario sets: the version and its entry in the ledger, in one transaction or not at all.

A change must name the version it starts from: when another was stored since, nothing happens and the caller is
told. Must not know HTTP; whoever calls holds a writing session.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy.orm import Session

from priors.hashing import canonical_record
from priors.scenario import ScenarioSet
from priors.summary import signed_effect
from service.implied import implied
from service.storage.ledger import append_entry, set_subject
from service.storage.scenario_sets import StoredSet, add_version, create_set, lock_set


class StaleVersion(Exception):
    """The set has changed since the version the caller knew; `current` is what it is now."""

    def __init__(self, current: StoredSet) -> None:
        super().__init__(f"the set is at version {current.version}")
        self.current = current


def create_scenario_set(session: Session, record: ScenarioSet, actor: str) -> StoredSet:
    """Store a new set; raises InvalidScenarioSet when a belief has no mass above what was counted.

    Its entry carries no effect: there was nothing to move.
    """
    implied(session, record)
    stored = create_set(session, record, actor)
    append_entry(
        session,
        actor=actor,
        reason=record.reason,
        subject=set_subject(stored.id),
        before=None,
        after=canonical_record(record),
        effect={},
    )
    return stored


def change_scenario_set(
    session: Session, set_id: str, record: ScenarioSet, actor: str, known: Callable[[str], bool]
) -> StoredSet:
    """Store the next version if `known(etag of the latest)`.

    Raises UnknownScenarioSet, StaleVersion, or InvalidScenarioSet as `create_scenario_set`.
    """
    before = lock_set(session, set_id)
    if not known(before.etag):
        raise StaleVersion(before)
    effect = signed_effect(implied(session, before.record).density, implied(session, record).density)
    stored = add_version(session, set_id, record, actor)
    append_entry(
        session,
        actor=actor,
        reason=record.reason,
        subject=set_subject(set_id),
        before=canonical_record(before.record),
        after=canonical_record(record),
        effect=effect,
    )
    return stored
