"""`instroom prune`: say which results on disk nobody needs, and with `--delete` remove them."""

from __future__ import annotations

from itertools import groupby

from service.cli.terminal import open_sessions, say
from service.settings import Settings
from service.storage.base import reading
from service.storage.pruning import megabytes, removable, remove


def prune(settings: Settings, *, unused_days: int, concept_days: int | None, delete: bool) -> None:
    """One line per kind and reason, and what it comes to; deletes only when told to."""
    with open_sessions(settings) as sessions:
        if delete:
            found = remove(sessions, settings.data_dir, unused_days, concept_days)
        else:
            with reading(sessions) as session:
                found = removable(session, settings.data_dir, unused_days, concept_days)
    ordered = sorted(found, key=lambda one: (one.kind, one.reason))
    for (kind, reason), group in groupby(ordered, key=lambda one: (one.kind, one.reason)):
        these = list(group)
        say(f"{kind}, {reason}: {len(these)}, {megabytes(these):,.0f} MB")
    if delete:
        say(f"Deleted {len(found)} directories, {megabytes(found):,.0f} MB.")
    else:
        say(
            f"Would free {megabytes(found):,.0f} MB in {len(found)} directories; nothing was deleted (--delete)."
        )
