"""A page of its own, to read, keep and print: the headers it goes out with, and the language its reader prefers."""

from __future__ import annotations

from typing import Literal

# Its style and pictures stand inside it, and it asks for nothing.
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; frame-ancestors 'none'"
)


def self_contained(filename: str, language: str) -> dict[str, str]:
    """Headers of a document shown in the browser under this name when kept, in this language."""
    return {
        "Content-Disposition": f'inline; filename="{filename}"',
        "Content-Language": language,
        "Content-Security-Policy": _POLICY,
        "Vary": "Accept, Accept-Language",
    }


def preferred_language(accept_language: str) -> Literal["nl", "en"]:
    """English where a reader prefers it to Dutch, else Dutch (RFC 9110, 12.5.4)."""
    weights = {"nl": 0.0, "en": 0.0}
    for part in accept_language.lower().split(","):
        tag, *parameters = (piece.strip() for piece in part.split(";"))
        language = tag.split("-")[0]
        if language in weights:
            weight = next((p[2:] for p in parameters if p.startswith("q=")), "1")
            weights[language] = max(weights[language], _weight(weight))
    return "en" if weights["en"] > weights["nl"] else "nl"


def _weight(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
