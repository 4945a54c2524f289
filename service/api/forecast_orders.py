"""What an order of a forecast and one of a total share: stored once, recorded when new, answered with where it is.

An equal one that exists is found (200), a new one is queued (202). Must not know how a request becomes an order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi.responses import JSONResponse
from sqlalchemy.orm import Session

from service.api.forecast_shapes import ForecastState, forecast_json
from service.security import Caller
from service.storage.audit import record_action
from service.storage.forecasts import StoredOrder, order_forecast

if TYPE_CHECKING:
    from service.orders import Prepared


def ordered(exists: str, where: str) -> dict[int | str, dict[str, Any]]:
    """How the interface describes the answers to an order."""
    headers = {"Location": {"description": where, "schema": {"type": "string"}}}
    return {
        200: {"model": ForecastState, "description": exists, "headers": headers},
        202: {"headers": headers},
    }


def order_recorded(
    session: Session, prepared: Prepared, caller: Caller, action: str
) -> tuple[StoredOrder, bool]:
    """The order and whether it is new; a new one goes into the audit log as `action`."""
    found, new = order_forecast(session, *prepared, caller.name)
    if new:
        record_action(session, caller.name, caller.role, action, f"forecast:{found.id}")
    return found, new


def order_answer(found: StoredOrder, new: bool) -> JSONResponse:
    """The state of an order and its address."""
    return JSONResponse(
        forecast_json(found), 202 if new else 200, headers={"Location": f"/v1/forecasts/{found.id}"}
    )
