"""Whether the process runs (`live`) and can do its work (`ready`: database, schema, data directory)."""

from __future__ import annotations

import os
from typing import Any

import structlog
from fastapi import APIRouter
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from service.api.context import Configured, Sessions
from service.problems import Problem, documented
from service.settings import Settings
from service.storage.base import newest_revision, reading, stored_revision

router = APIRouter(prefix="/health", tags=["service"])


@router.get("/live", summary="The process answers")
def live() -> dict[str, str]:
    return {"status": "live"}


@router.get("/ready", summary="The service can do its work", responses={503: documented("Not ready.")})
def ready(sessions: Sessions, settings: Configured) -> dict[str, Any]:
    checks = {"database": _database(sessions), "dataDirectory": _data_directory(settings)}
    if set(checks.values()) != {"ok"}:
        detail = "; ".join(f"{name}: {state}" for name, state in checks.items() if state != "ok")
        raise Problem(503, "Not ready", detail, extra={"checks": checks})
    return {"status": "ready", "checks": checks}


def _database(sessions: sessionmaker[Session]) -> str:
    try:
        with reading(sessions) as session:
            stored = stored_revision(session)
    except SQLAlchemyError as error:
        structlog.get_logger("instroom.health").error("database check failed", error=str(error))
        return "does not answer, or was never migrated"
    return "ok" if stored == newest_revision() else f"schema is at {stored}, not at {newest_revision()}"


def _data_directory(settings: Settings) -> str:
    return "ok" if os.access(settings.data_dir, os.W_OK | os.X_OK) else "is not writable"
