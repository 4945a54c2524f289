"""What is said of a field of the wrong shape, in English and in Dutch, by the kind of fault that validation found.

Every kind that pydantic may report of these records has its sentences here; one that it may come to report has a
general one in Dutch and its own in English. Must not know which record was checked.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from priors.faults import numerals_nl

_REQUIRED = ("this field is required", "dit veld is verplicht")
_OBJECT = ("must be an object", "moet een object zijn")
_LIST = ("must be a list", "moet een lijst zijn")
_NUMBER = ("must be a number", "moet een getal zijn")
_WHOLE = ("must be a whole number", "moet een geheel getal zijn")
_TEXT = ("must be text", "moet tekst zijn")
_YES_OR_NO = ("must be true or false", "moet waar of onwaar zijn (true of false)")
_DATE = ("must be a date like 2026-01-31", "moet een datum zijn, zoals 2026-01-31")
_MOMENT = (
    "must be a moment like 2026-01-31T12:00:00Z",
    "moet een tijdstip zijn, zoals 2026-01-31T12:00:00Z",
)

_SENTENCES: dict[str, tuple[str, str]] = {
    "literal_error": ("must be one of {expected}", "moet een van deze zijn: {expected_nl}"),
    "enum": ("must be one of {expected}", "moet een van deze zijn: {expected_nl}"),
    "greater_than": ("must be above {gt:,g}", "moet boven {gt_nl} liggen"),
    "greater_than_equal": ("must be at least {ge:,g}", "moet ten minste {ge_nl} zijn"),
    "less_than": ("must be below {lt:,g}", "moet onder {lt_nl} liggen"),
    "less_than_equal": ("must be at most {le:,.12g}", "mag hoogstens {le_nl} zijn"),
    "too_short": ("must hold at least {min_length}", "moet er ten minste {min_length} bevatten"),
    "too_long": ("must hold at most {max_length}", "mag er hoogstens {max_length} bevatten"),
    "string_too_short": (
        "must have at least {min_length} character",
        "moet ten minste {min_length} teken hebben",
    ),
    "string_too_long": (
        "must have at most {max_length} characters",
        "mag hoogstens {max_length} tekens hebben",
    ),
    "string_pattern_mismatch": ("must match the pattern {pattern}", "moet passen op het patroon {pattern}"),
    "missing": _REQUIRED,
    "extra_forbidden": ("this field is not known here", "dit veld is hier niet bekend"),
    "finite_number": ("must be a finite number", "moet een eindig getal zijn"),
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_from_float": _WHOLE,
    "int_parsing_size": ("must be a smaller number", "moet een kleiner getal zijn"),
    "bool_type": _YES_OR_NO,
    "bool_parsing": _YES_OR_NO,
    "model_type": _OBJECT,
    "model_attributes_type": _OBJECT,
    "dict_type": _OBJECT,
    "tuple_type": _LIST,
    "list_type": _LIST,
    "string_type": _TEXT,
    "date_type": _DATE,
    "date_parsing": _DATE,
    "date_from_datetime_parsing": _DATE,
    "date_from_datetime_inexact": _DATE,
    "datetime_type": _MOMENT,
    "datetime_parsing": _MOMENT,
    "datetime_from_date_parsing": _MOMENT,
    "timezone_aware": ("must name its time zone", "moet een tijdzone noemen"),
    "union_tag_invalid": (
        "{discriminator} must be one of {expected_tags}",
        "{discriminator} moet een van deze zijn: {expected_tags}",
    ),
    "union_tag_not_found": ("{discriminator} is missing", "{discriminator} ontbreekt"),
    "none_required": ("must be null or absent", "moet leeg (null) zijn of ontbreken"),
    "json_invalid": ("the body is not JSON", "de inhoud is geen JSON"),
}
_GENERAL_NL = "heeft niet de vorm die hier hoort"
_OWN_WORDS_NL = "klopt niet met wat hier hoort"


def shape_sentences(kind: str, context: Mapping[str, Any], otherwise: str) -> tuple[str, str]:
    """English and Dutch of one fault; `kind`, `context` and `otherwise` are pydantic's type, ctx and msg.

    What a check of our own says comes in its own words (priors/faults.py: Misstated).
    """
    if kind == "value_error":
        error = context.get("error", otherwise)
        return str(error).removeprefix("Value error, "), getattr(error, "dutch", _OWN_WORDS_NL)
    english, dutch = _SENTENCES.get(kind, ("", _GENERAL_NL))
    words = {**context, **_in_dutch(context)}
    return english.format(**words) or otherwise, dutch.format(**words)


def _in_dutch(context: Mapping[str, Any]) -> dict[str, str]:
    bounds = {f"{name}_nl": _number(context[name]) for name in ("gt", "ge", "lt", "le") if name in context}
    return bounds | {"expected_nl": str(context.get("expected", "")).replace(" or ", " of ")}


def _number(bound: Any) -> str:
    if not isinstance(bound, int | float):
        return str(bound)
    return numerals_nl(f"{bound:,.12g}")
