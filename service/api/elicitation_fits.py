"""A belief from quantiles or from chips in bins: fitted, with its residual and what it implies; stores nothing."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import Field, TypeAdapter, ValidationError

from priors.faults import pointer
from priors.fitting import (
    FIT_DEGREES_OF_FREEDOM,
    Fit,
    InvalidJudgements,
    Judged,
    best_fit,
    fit,
    judged_chips,
    judged_quantiles,
    remarks,
)
from priors.records import Family, Number, Record
from priors.shape_words import shape_sentences
from service.api.bodies import RawBody, read_json
from service.api.forecast_shapes import inlined
from service.api.shapes import Shape
from service.problems import invalid_input
from service.security import ReaderOfConcepts

router = APIRouter(tags=["scenario sets"])
_LARGEST = 1e7
Persons = Annotated[Number, Field(ge=-_LARGEST, le=_LARGEST)]


class QuantilePoint(Record):
    level: Number
    value: Persons


class Quantiles(Record):
    """Values with the chance of a total below each."""

    kind: Literal["quantiles"]
    points: Annotated[tuple[QuantilePoint, ...], Field(min_length=1, max_length=200)]
    family: Family | None = None


class Roulette(Record):
    """Edges of adjoining bins and the chips laid in each."""

    kind: Literal["roulette"]
    bins: Annotated[tuple[Persons, ...], Field(min_length=2, max_length=201)]
    chips: Annotated[tuple[Annotated[Number, Field(ge=0, le=1e6)], ...], Field(min_length=1, max_length=200)]
    family: Family | None = None


class FittedPoint(Shape):
    """A judged value with the level stated for it and the level the fitted curve gives it."""

    value: float
    level: float
    fitted: float


class FamilyFit(Shape):
    family: str
    expected: float
    spread: float
    residual: float


class FitFeedback(Shape):
    code: str
    severity: str
    value: float
    detail: str
    detail_nl: str


class ElicitationFit(FamilyFit):
    """The fit; `spread` is a standard deviation, `residual` the root mean square difference of levels."""

    spread_meaning: Literal["sd"] = "sd"
    degrees_of_freedom: float | None
    fitted: list[FittedPoint]
    alternatives: list[FamilyFit]
    feedback: list[FitFeedback]


_JUDGEMENTS: TypeAdapter[Quantiles | Roulette] = TypeAdapter(
    Annotated[Quantiles | Roulette, Field(discriminator="kind")]
)
_CONTENT = {"application/json": {"schema": {"oneOf": [inlined(Quantiles), inlined(Roulette)]}}}


@router.post(
    "/elicitation-fits",
    status_code=200,
    openapi_extra={"requestBody": {"required": True, "content": _CONTENT}},
    summary="Fit a belief to quantiles or to chips in bins; without a family the nearest of all; stores nothing",
)
def fit_judgements(body: RawBody, _caller: ReaderOfConcepts) -> ElicitationFit:
    asked = _read(read_json(body))
    try:
        judged = _judged(asked)
        every = best_fit(judged)
        chosen = fit(judged, asked.family) if asked.family else every[0]
    except InvalidJudgements as invalid:
        raise invalid_input(invalid.faults, title="Invalid judgements") from None
    return _answer(judged, chosen, every)


def _read(document: Any) -> Quantiles | Roulette:
    try:
        return _JUDGEMENTS.validate_python(document)
    except ValidationError as error:
        faults = [
            (
                pointer(*_place(fault["loc"])),
                *shape_sentences(fault["type"], fault.get("ctx", {}), fault["msg"]),
            )
            for fault in error.errors()
        ]
        raise invalid_input(faults, title="Invalid judgements") from None


def _place(where: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """The path in the body, without the name of the kind that pydantic puts first."""
    return where[1:] if where[:1] in (("quantiles",), ("roulette",)) else where


def _judged(asked: Quantiles | Roulette) -> Judged:
    if isinstance(asked, Quantiles):
        return judged_quantiles([(point.level, point.value) for point in asked.points])
    return judged_chips(asked.bins, asked.chips)


def _answer(judged: Judged, chosen: Fit, every: tuple[Fit, ...]) -> ElicitationFit:
    rows = zip(judged.values, judged.levels, chosen.reached, strict=True)
    return ElicitationFit(
        family=chosen.family,
        expected=chosen.expected,
        spread=chosen.spread,
        residual=chosen.residual,
        degrees_of_freedom=FIT_DEGREES_OF_FREEDOM if chosen.family == "student_t" else None,
        fitted=[FittedPoint(value=value, level=level, fitted=reached) for value, level, reached in rows],
        alternatives=[FamilyFit.model_validate(one) for one in every],
        feedback=[FitFeedback.model_validate(one) for one in remarks(judged, chosen)],
    )
