"""Nobody is anchored by others' numbers: an expert sees others' sets only after storing one of one's own.

Own is a set about the same edition and target, in any version. A forecast shows the numbers it was made from, so it is
hidden as they are until it is adopted; a total shows what its components show. Evaluators and administrators state
nothing and see everything.
"""

from __future__ import annotations

from sqlalchemy.orm import Session

from service.problems import Problem
from service.security import Caller, Role
from service.storage.forecasts import StoredOrder, get_forecast
from service.storage.scenario_sets import hidden_from

CONCEPT = "concept"

NOT_YET = Problem(
    403,
    "Not yet",
    "Other experts' sets open once you have stored your own for this edition and target.",
    dutch="Sets van anderen gaan open zodra u uw eigen set voor deze editie en reeks hebt opgeslagen.",
)


def unopened(session: Session, caller: Caller) -> frozenset[str]:
    """Ids of the scenario sets that the caller may not see yet."""
    return hidden_from(session, caller.name) if caller.role == Role.EXPERT else frozenset()


def check_opened(session: Session, set_id: str, caller: Caller) -> None:
    """Raises Problem 403 for a set that the caller may not see yet."""
    if set_id in unopened(session, caller):
        raise NOT_YET


def check_forecast_opened(session: Session, found: StoredOrder, caller: Caller) -> None:
    """Raises Problem 403 for a concept made from a scenario set that the caller may not see yet, or a total of one."""
    if found.edition_status != CONCEPT:
        return
    if found.order.scenario_set is not None:
        check_opened(session, found.order.scenario_set[0], caller)
    for identifier in found.order.total.forecasts if found.order.total else ():
        component = get_forecast(session, identifier)
        assert component is not None, "a total is stored after its components"
        check_forecast_opened(session, component, caller)
