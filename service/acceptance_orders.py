"""From a forecast that was ordered to the acceptance rates that go with it: what is known, and a job where it suffices.

    forecast -> decisions of its country as known on its day -> run (hash, rows seen) + job

A country without decisions gets no run, and a forecast is never refused for want of them. Must not know HTTP or how
rates are computed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from models.acceptance.data import DecisionsRefused
from models.acceptance.source import SERIES, KnownDecisions, known_decisions
from priors.hashing import content_hash
from service.forecast_rows import data_vintage
from service.storage.acceptance import AcceptanceRun, get_acceptance, order_acceptance
from service.storage.forecasts import StoredOrder
from service.storage.realisations import load_realisations

if TYPE_CHECKING:
    import pandas as pd

ACCEPTANCE_VERSION = "acceptance-7"
"""Raised whenever the same figures would give other rates."""

ARRIVALS = "first_applications"


def order_rates(session: Session, forecast: StoredOrder) -> AcceptanceRun | None:
    """The run of a forecast; None where its country's decisions are too few, or cannot be."""
    existing = get_acceptance(session, forecast.id)
    if existing is not None:
        return existing
    frames = figures(session, forecast.order.target.geo)
    try:
        known = decisions_known(frames, forecast)
    except DecisionsRefused:
        return None
    if known is None:
        return None
    as_of = forecast.order.as_of
    seen = [data_vintage(frames[name], as_of) for name in (*SERIES, ARRIVALS)]
    asked = {"geo": forecast.order.target.geo, "asOf": as_of.isoformat(), "version": ACCEPTANCE_VERSION}
    rows = {name: len(frame) for name, frame in frames.items()}
    return order_acceptance(session, forecast.id, content_hash({"asked": asked, "seen": seen}), rows)


def figures(session: Session, geo: str) -> dict[str, pd.DataFrame]:
    """Every vintage of decisions in all countries and of applications in one, by series."""
    frames = {name: load_realisations(session, name) for name in SERIES}
    return {**frames, ARRIVALS: load_realisations(session, ARRIVALS, geo)}


def decisions_known(frames: dict[str, pd.DataFrame], forecast: StoredOrder) -> KnownDecisions | None:
    """Decisions of the forecast's country as known on its day; raises DecisionsRefused."""
    import pandas as pd

    rows = pd.concat([frames[name] for name in SERIES], ignore_index=True)
    return known_decisions(rows, forecast.order.target.geo, forecast.order.as_of)
