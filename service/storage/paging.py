"""One page of a query and the number of rows it was cut from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

T = TypeVar("T")


@dataclass(frozen=True)
class Page(Generic[T]):
    """`items` are rows (number - 1) * size up to number * size of `total`; pages count from 1."""

    items: list[T]
    number: int
    size: int
    total: int


def fetch_page(session: Session, query: Select[T], number: int, size: int) -> Page[T]:
    """The page of an ordered query for one entity."""
    counted: Select[Any] = select(func.count()).select_from(query.order_by(None).subquery())
    total = session.execute(counted).scalar_one()
    items = session.scalars(query.offset((number - 1) * size).limit(size)).all()
    return Page(list(items), number, size, total)
