"""What the shapes of all resources share: camelCase outside, snake_case inside, moments in UTC."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel


class Shape(BaseModel):
    """A JSON object of the contract; built from records by attribute."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, from_attributes=True)


class ListShape(Shape):
    """What every list has beside its items."""

    page: int
    page_size: int
    total: int


PERIOD_PATTERN = r"^(19|20)[0-9]{2}-(0[1-9]|1[0-2]|Q[1-4])$"
Period = Annotated[str, StringConstraints(pattern=PERIOD_PATTERN), Field(examples=["2024-06", "2024-Q2"])]
Slug = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,40}$")]
Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.~-]{1,100}$")]
