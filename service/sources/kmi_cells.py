"""Turns one column of a deliverer's cells into ours: periods, dates, numbers, translated words.

Each function returns the new cells and the faults found; a cell that cannot be turned becomes UNREADABLE,
which no later check accepts. Distinct values are turned once. Must not know the mapping or other columns.
"""

import re
from calendar import monthrange
from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
import pandas as pd

from service.sources.refusal import CELL, RowError, Said, faults_where

UNREADABLE = "?"
_TOKENS = {
    "YYYY": r"(?P<year>\d{4})",
    "MMMM": r"(?P<name>[a-z]+)\.?",
    "MM": r"(?P<month>\d{1,2})",
    "DD": r"(?P<day>\d{1,2})",
    "Q": r"(?P<quarter>[1-4])",
}
_NAMES = {
    name: number
    for number, names in enumerate(
        (
            "januari january jan",
            "februari february feb",
            "maart march mrt mar",
            "april apr",
            "mei may",
            "juni june jun",
            "juli july jul",
            "augustus august aug",
            "september sep sept",
            "oktober october okt oct",
            "november nov",
            "december dec",
        ),
        start=1,
    )
    for name in names.split()
}

Column = tuple[pd.Series, list[RowError]]


def periods(cells: pd.Series, field: str, layout: str) -> Column:
    """`YYYY-MM` or `YYYY-Qn` from periods written as `layout`; a day within a month is dropped."""
    turn = partial(_period, shape=_shape(layout))
    said = (
        f"{CELL}is not a period written as {layout}, as the mapping says",
        f"{CELL}is geen periode geschreven als {layout}, zoals het vertaalbestand zegt",
    )
    return _turned(cells, field, turn, said)


def dates(cells: pd.Series, field: str, layout: str) -> Column:
    """`YYYY-MM-DD` from dates written as `layout`; without a day the month's last. Empty stays so."""
    turn = partial(_date, shape=_shape(layout))
    said = (
        f"{CELL}is not a date written as {layout}, as the mapping says",
        f"{CELL}is geen datum geschreven als {layout}, zoals het vertaalbestand zegt",
    )
    return _turned(cells, field, turn, said)


def counts(cells: pd.Series, field: str, decimal: str, thousands: str, missing: tuple[str, ...]) -> Column:
    """Digits from counts with the given signs; a cell among `missing` becomes empty.

    Groups must be of three digits, so that 1.234 with decimal sign '.' is a fault and not 1234.
    """
    grouped = rf"[1-9]\d{{0,2}}(?:{re.escape(thousands)}\d{{3}})+|" if thousands else ""
    shape = re.compile(rf"(?P<whole>{grouped}-?\d+)(?:{re.escape(decimal)}0+)?")

    def turn(text: str) -> str | None:
        if text in missing:
            return ""
        found = shape.fullmatch(text)
        return None if found is None else found["whole"].replace(thousands or " ", "")

    said = (
        f"{CELL}is not a whole number (thousands {thousands!r}, decimals {decimal!r} by the mapping)",
        f"{CELL}is geen geheel getal (duizendtallen {thousands!r}, decimalen {decimal!r} volgens het vertaalbestand)",
    )
    return _turned(cells, field, turn, said)


def translated(cells: pd.Series, field: str, table: Mapping[str, str]) -> Column:
    """Our words for theirs; capitals and surrounding blanks do not matter."""
    folded = {theirs.strip().casefold(): ours for theirs, ours in table.items()}
    said = (
        f"{CELL}is not in the translation of the mapping; add it",
        f"{CELL}staat niet in de vertaling van het vertaalbestand; voeg het toe",
    )
    return _turned(cells, field, lambda text: folded.get(text.casefold()), said)


def layout_fault(layout: str, needed: tuple[str, ...]) -> str | None:
    """Why a layout cannot be used, or None; it must hold a year and one of `needed`."""
    tokens = set(re.findall("YYYY|MMMM|MM|DD|Q", layout))
    if "YYYY" not in tokens or not tokens & set(needed):
        return f"format {layout!r} needs YYYY and one of {', '.join(needed)}"
    return None


def _turned(cells: pd.Series, field: str, turn: Callable[[str], str | None], said: Said) -> Column:
    codes, distinct = pd.factorize(cells)
    results = [turn(str(text).strip()) for text in distinct]
    texts = np.array([UNREADABLE if result is None else result for result in results], dtype=object)
    wrong = np.array([result is None for result in results], dtype=bool)
    column = pd.Series(texts[codes] if len(cells) else [], index=cells.index, dtype="str")
    mask = wrong[codes] if len(cells) else np.zeros(0, dtype=bool)
    return column, faults_where(mask, cells, field, said)


def _shape(layout: str) -> re.Pattern[str]:
    parts = re.split("(YYYY|MMMM|MM|DD|Q)", layout)
    return re.compile("".join(_TOKENS.get(part, re.escape(part)) for part in parts), re.IGNORECASE)


def _month(found: re.Match[str]) -> int | None:
    groups = found.groupdict()
    if groups.get("name") is not None:
        return _NAMES.get(groups["name"].lower())
    month = int(groups.get("month") or 0)
    return month if 1 <= month <= 12 else None


def _period(text: str, shape: re.Pattern[str]) -> str | None:
    found = shape.fullmatch(text)
    if found is None:
        return None
    if "quarter" in found.groupdict():
        return f"{found['year']}-Q{found['quarter']}"
    month = _month(found)
    return None if month is None else f"{found['year']}-{month:02d}"


def _date(text: str, shape: re.Pattern[str]) -> str | None:
    found = shape.fullmatch(text)
    if found is None or (month := _month(found)) is None:
        return "" if not text else None
    year = int(found["year"])
    last = monthrange(year, month)[1] if year else 0
    day = int(found["day"]) if "day" in found.groupdict() else last
    return f"{year:04d}-{month:02d}-{day:02d}" if 1 <= day <= last else None
