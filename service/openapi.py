"""The API document and what the service reads from it.

The document adds to FastAPI's: the problem schemas and the API-Version header of every answer. `RouteTable`
reads it back, so that 405, 406, 415 and unknown query keys follow from what is documented.
Must not know any resource.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from service.problems import FIELD_ERROR_SCHEMA, PROBLEM_JSON, PROBLEM_SCHEMA

_METHODS = ("get", "put", "post", "delete", "patch")


class DescribedApi(FastAPI):
    """A FastAPI whose document also describes problems, the version header and bodies read by hand."""

    also_described: tuple[type[BaseModel], ...] = ()

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            document = super().openapi()
            components = document.setdefault("components", {})
            schemas = components.setdefault("schemas", {})
            schemas.update({"Problem": PROBLEM_SCHEMA, "FieldError": FIELD_ERROR_SCHEMA})
            for model in self.also_described:
                schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
                schemas.update({**schema.pop("$defs", {}), model.__name__: schema})
            described = {"description": "Full version of the API.", "schema": {"type": "string"}}
            components["headers"] = {"ApiVersion": described}
            for answer in _answers(document):
                answer.setdefault("headers", {})["API-Version"] = {"$ref": "#/components/headers/ApiVersion"}
        return self.openapi_schema or {}


def _answers(document: dict[str, Any]) -> list[dict[str, Any]]:
    paths = document["paths"].values()
    operations = [item[method] for item in paths for method in _METHODS if method in item]
    return [answer for operation in operations for answer in operation["responses"].values()]


@dataclass(frozen=True)
class Operation:
    """What one method of one path takes and gives: media types, and the keys of its query."""

    consumes: frozenset[str]
    offers: frozenset[str]
    query_keys: frozenset[str]


class RouteTable:
    """Which operations a path offers, by the document; paths are relative to the API's root."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._paths = [
            (_pattern(path), {m.upper(): _operation(item[m]) for m in _METHODS if m in item})
            for path, item in sorted(document["paths"].items(), key=lambda entry: "{" in entry[0])
        ]

    def operations(self, path: str) -> dict[str, Operation]:
        """Method -> operation of every documented route that matches `path`; empty when none does."""
        found: dict[str, Operation] = {}
        for pattern, operations in self._paths:
            if pattern.fullmatch(path):
                found = {**operations, **found}
        return found

    def allow(self, path: str) -> str:
        """The value of an Allow header for `path`."""
        methods = set(self.operations(path))
        return ", ".join(sorted(methods | ({"HEAD"} if "GET" in methods else set())))


def _pattern(path: str) -> re.Pattern[str]:
    parts = re.split(r"\{[^}]+\}", path)
    return re.compile("[^/]+".join(re.escape(part) for part in parts))


def _operation(description: dict[str, Any]) -> Operation:
    successes = [answer for status, answer in description["responses"].items() if status.startswith("2")]
    offers = {kind for answer in successes for kind in answer.get("content", {})}
    consumes = set(description.get("requestBody", {}).get("content", {}))
    keys = {p["name"] for p in description.get("parameters", ()) if p["in"] == "query"}
    return Operation(frozenset(consumes), frozenset(offers | {PROBLEM_JSON}), frozenset(keys))
