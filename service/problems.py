"""The one error shape: `application/problem+json` (RFC 9457), raised as `Problem` anywhere in the service.

A problem has type, title, status and detail, and in `detailNl` the same in Dutch; invalid input adds `errors`, a list
of {"field": JSON pointer into the body or name of a parameter, "detail" and "detailNl": what is wrong}, all at once.
Must not know any resource, and never shows an exception's own text for a crash.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from priors.shape_words import shape_sentences
from service.problem_words import sentence_nl

PROBLEM_JSON = "application/problem+json"
PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "title": "Problem",
    "description": "What went wrong, after RFC 9457.",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "detailNl": {"type": "string", "description": "The same in Dutch."},
        "errors": {"type": "array", "items": {"$ref": "#/components/schemas/FieldError"}},
    },
}
FIELD_ERROR_SCHEMA: dict[str, Any] = {
    "type": "object",
    "title": "FieldError",
    "required": ["field", "detail"],
    "properties": {
        "field": {"type": "string", "description": "JSON pointer into the body, or a parameter's name."},
        "detail": {"type": "string"},
        "detailNl": {"type": "string", "description": "The same in Dutch, where pages show it."},
        "row": {"type": "integer", "description": "Row of a delivery, the first row of data being 1."},
    },
}


Fault = tuple[str, str, str] | Mapping[str, Any]


def fault(field: str, detail: str, dutch: str) -> dict[str, str]:
    """One fault in the input, with its sentence in Dutch too for those who see it on a page."""
    return {"field": field, "detail": detail, "detailNl": dutch}


def row_fault(field: str, row: int | None, detail: str, dutch: str) -> dict[str, Any]:
    """One fault in a file or a list; `row` as the deliverer counts, None where it is of the whole."""
    if row is None:
        return fault(field, detail, dutch)
    return {**fault(field, f"row {row}: {detail}", f"rij {row}: {dutch}"), "row": row}


class FieldError(NamedTuple):
    """One fault in the input: where (JSON pointer or parameter) and what, in Dutch too."""

    field: str
    detail: str
    detail_nl: str


class Problem(Exception):
    """An answer that is not a success; raise it anywhere below a request.

    `errors` holds (field, detail, the same in Dutch) or ready mappings; `extra` adds members to the body. `dutch` is
    the detail in Dutch; without one the status's own sentence stands in (service/problem_words.py).
    """

    def __init__(
        self,
        status: int,
        title: str,
        detail: str,
        errors: Iterable[Fault] = (),
        *,
        dutch: str = "",
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.title, self.detail = status, title, detail
        self.dutch = dutch or sentence_nl(status)
        self.errors = [dict(e) if isinstance(e, Mapping) else fault(*e) for e in errors]
        self.headers, self.extra = dict(headers or {}), dict(extra or {})

    def body(self) -> dict[str, Any]:
        members = {"type": "about:blank", "title": self.title, "status": self.status, "detail": self.detail}
        members["detailNl"] = self.dutch
        return {**members, **({"errors": self.errors} if self.errors else {}), **self.extra}

    def response(self) -> JSONResponse:
        return JSONResponse(self.body(), self.status, headers=self.headers, media_type=PROBLEM_JSON)


def plain_problem(
    status: int, detail: str, headers: Mapping[str, str] | None = None, *, dutch: str = ""
) -> Problem:
    """A problem whose title is the status's own phrase."""
    return Problem(status, HTTPStatus(status).phrase, detail, dutch=dutch, headers=headers)


def invalid_input(errors: Iterable[Fault], title: str = "Invalid input") -> Problem:
    """400 with every fault; the detail repeats the first so that a person reading only that is served."""
    problem = Problem(400, title, "", errors)
    count, first = len(problem.errors), problem.errors[0]
    others = f" (and {count - 1} more)" if count > 1 else ""
    problem.detail = f"{first['field']}: {first['detail']}{others}"
    if dutch := first.get("detailNl"):
        problem.dutch = f"{first['field']}: {dutch}{f' (en nog {count - 1})' if count > 1 else ''}"
    return problem


def not_found(what: str, dutch: str) -> Problem:
    """404 for a thing by its name, in Dutch too ("forecast 12", "prognose 12")."""
    return Problem(404, "Not found", f"There is no {what}.", dutch=f"Er is geen {dutch}.")


def documented(description: str) -> dict[str, Any]:
    """An OpenAPI response object for a problem."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": description, "content": {PROBLEM_JSON: {"schema": schema}}}


def add_problem_handlers(app: FastAPI) -> None:
    """Every way to fail, on one app; handlers do not cross a mount, so each app needs its own."""
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(Exception, _on_crash)


def _on_problem(_request: Request, exc: Exception) -> JSONResponse:
    assert isinstance(exc, Problem)
    return exc.response()


def _on_http_exception(_request: Request, exc: Exception) -> JSONResponse:
    assert isinstance(exc, HTTPException)
    return plain_problem(exc.status_code, _sentence(exc), exc.headers).response()


def _sentence(exc: HTTPException) -> str:
    known = {404: "There is nothing at this address.", 405: "This address does not offer this method."}
    phrase = HTTPStatus(exc.status_code).phrase
    return known.get(exc.status_code, phrase) if exc.detail == phrase else str(exc.detail)


def _on_invalid_request(_request: Request, exc: Exception) -> JSONResponse:
    assert isinstance(exc, RequestValidationError)
    return invalid_input([_field_error(fault) for fault in exc.errors()]).response()


def _field_error(fault: Mapping[str, Any]) -> FieldError:
    said = shape_sentences(fault["type"], fault.get("ctx", {}), fault["msg"])
    if fault["type"] == "json_invalid":
        return FieldError("", *said)
    where, *path = fault["loc"]
    pointer = "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in path)
    field = pointer if where == "body" else ".".join(map(str, path))
    return FieldError(field, *said)


def _on_crash(_request: Request, _exc: Exception) -> JSONResponse:
    return plain_problem(500, "Something went wrong inside; the log has the particulars.").response()
