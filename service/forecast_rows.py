"""The stored figures that a forecast reads: of its own series only, and no more of them than it uses.

    target's citizen, every country                  the panel, all countries in one fit
    target's country, every nationality              the composition, where the target is everybody
    those nationalities, every other country         the shares elsewhere towards which the composition is pulled

One place says so for the order, whose data vintage is a hash of these figures, and for the worker that computes from
them. Reads the database, changes nothing; must not know HTTP or how a forecast is computed.
"""

from __future__ import annotations

import hashlib
from datetime import date
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from models.composition.source import nationalities
from models.vintage import KEY, until
from priors.records import Target
from service.storage.realisations import load_realisations

if TYPE_CHECKING:
    import pandas as pd

TOTAL = "TOTAL"


def forecast_rows(session: Session, target: Target, as_of: date, last_row: int) -> pd.DataFrame:
    """Every vintage of the figures, none stored after `last_row`."""
    import pandas as pd

    everywhere = load_realisations(session, target.series, citizen=target.citizen, last_row=last_row)
    if target.citizen != TOTAL:
        return everywhere
    here = load_realisations(session, target.series, target.geo, last_row=last_row)
    named = nationalities(here, target.series, target.geo, as_of)
    if not named:
        return everywhere
    elsewhere = load_realisations(session, target.series, citizens=named, last_row=last_row)
    parts = [everywhere, here[here["citizen"] != TOTAL], elsewhere[elsewhere["geo"] != target.geo]]
    return pd.concat(parts, ignore_index=True)


def data_vintage(frame: pd.DataFrame, as_of: date) -> str:
    """SHA-256 of the figures that a forecast may see: every vintage known by `as_of`, in a stated order.

    Also those that later ones replaced: how figures were revised tells how complete the newest are. Rows of one key
    and moment stay in the order they were stored in, because the last of them counts.
    """
    known = until(frame, as_of).sort_values([*KEY, "known_at"], kind="stable", na_position="first")
    text = known.to_csv(index=False, date_format="%Y-%m-%d", lineterminator="\n")
    return hashlib.sha256(text.encode()).hexdigest()
