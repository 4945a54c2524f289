"""Who the service takes the caller to be, so that a page can tell a reader's own work from that of others."""

from __future__ import annotations

from fastapi import APIRouter, Request

from service.api.shapes import Shape
from service.security import AnyCaller, Role

router = APIRouter(prefix="/callers", tags=["callers"])


class CallerShape(Shape):
    """`development` is true when the service treats everyone as this caller."""

    name: str
    role: Role
    development: bool


@router.get("/me", summary="The caller's own name and role")
def read_caller(request: Request, caller: AnyCaller) -> CallerShape:
    return CallerShape(
        name=caller.name, role=caller.role, development=request.app.state.authority.development
    )
