"""Request bodies as bytes and as JSON, refused with a place and a reason when they cannot be read or kept.

Stricter than Python's parser: a member that occurs twice in one object, text that no database can store and
nesting without end are faults of the input. Numbers that are not finite pass, so that the check of the record
can name their field.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import Depends, Request

from service.problems import FieldError, invalid_input


async def _raw_body(request: Request) -> bytes:
    return await request.body()


_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
RawBody = Annotated[bytes, Depends(_raw_body)]


class _RepeatedMemberError(ValueError):
    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def read_json(body: bytes) -> Any:
    """The decoded body; raises Problem 400."""
    try:
        document = json.loads(body.decode("utf-8-sig"), object_pairs_hook=_members)
    except _RepeatedMemberError as repeated:
        detail = "this member occurs more than once in one object"
        dutch = "staat meer dan eens in hetzelfde object"
        raise invalid_input([FieldError(repeated.name, detail, dutch)]) from None
    except RecursionError:
        raise invalid_input(
            [FieldError("", "the body is nested too deeply", "de inhoud is te diep genest")]
        ) from None
    except UnicodeDecodeError:
        raise invalid_input(
            [FieldError("", "the body is not text in UTF-8", "de inhoud is geen tekst in UTF-8")]
        ) from None
    except json.JSONDecodeError as error:
        detail = f"the body is not JSON: line {error.lineno}, column {error.colno}"
        dutch = f"de inhoud is geen JSON: regel {error.lineno}, kolom {error.colno}"
        raise invalid_input([FieldError("", detail, dutch)]) from None
    except ValueError:
        detail, dutch = "the body holds a number too long to read", "de inhoud bevat een te lang getal"
        raise invalid_input([FieldError("", detail, dutch)]) from None
    detail, dutch = "holds a character that cannot be stored", "bevat een teken dat niet kan worden bewaard"
    faults = [FieldError(place, detail, dutch) for place in _unstorable(document)]
    if faults:
        raise invalid_input(faults)
    return document


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        names = [name for name, _ in pairs]
        raise _RepeatedMemberError(next(name for name in names if names.count(name) > 1))
    return members


def _unstorable(document: Any) -> Iterator[str]:
    """Pointers to text with U+0000 or half a surrogate pair, names of members included."""
    waiting = [("", document)]
    while waiting:
        place, value = waiting.pop()
        if isinstance(value, str) and not _storable(value):
            yield place
        elif isinstance(value, dict):
            if not all(map(_storable, value)):
                yield place
            waiting.extend(
                (f"{place}/{name.replace('~', '~0').replace('/', '~1')}", v) for name, v in value.items()
            )
        elif isinstance(value, list):
            waiting.extend((f"{place}/{number}", v) for number, v in enumerate(value))


def _storable(text: str) -> bool:
    return _UNSTORABLE.search(text) is None
