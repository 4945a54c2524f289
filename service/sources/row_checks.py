"""Checks the cells of a delivery, all rows at once, and turns them into typed columns.

In: text cells, one row per figure, indexed by the row number the deliverer sees. Out: DELIVERY_COLUMNS with
`value` Int64 (missing = not available) and `known_at` UTC timestamps; or DeliveryRefused with every fault.
Every check is a mask over a column, so the cost is that of a few passes, not of Python per row.
Must not know whether the cells came from CSV, JSON, a workbook or Eurostat, nor anything of storage.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import numpy as np
import pandas as pd

from service.sources.decision_checks import decision_faults
from service.sources.personal_data import personal_values
from service.sources.refusal import DeliveryRefused, RowError, Said, faults_where

SERIES = (
    "first_applications",
    "all_applications",
    "repeat_applications",
    "family_arrivals",
    "resettlement",
    "decisions_total",
    "decisions_positive",
)
DELIVERY_COLUMNS = ("series", "source", "geo", "citizen", "track", "period", "value", "flag", "known_at")
REQUIRED_COLUMNS = ("series", "source", "geo", "citizen", "period", "value")
KEY = ["series", "source", "geo", "citizen", "track", "period", "known_at"]
MOMENT: Final = "datetime64[us, UTC]"
LARGEST_COUNT = 9_999_999

# Eurostat's two departures from ISO 3166-1 alpha-2.
_EUROSTAT_GEO = {"GR": "EL", "GB": "UK"}
# Digits are spelled out: \d would let those of other scripts through.
_PERIOD = r"(?:19|20)[0-9][0-9]-(?:0[1-9]|1[0-2]|Q[1-4])"
_YEAR = r"(?:19|20)[0-9][0-9]"
_TIME = r"[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?"
_MOMENT = rf"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}(?:{_TIME})?"


def checked(
    cells: pd.DataFrame, received_at: datetime | None = None, found: Sequence[RowError] = ()
) -> pd.DataFrame:
    """The typed delivery, or DeliveryRefused with every fault of every row and those `found` before.

    `cells` holds strings in DELIVERY_COLUMNS ('' = empty), indexed by row number. `received_at` (default
    now) fills an empty `known_at` and is the moment after which nothing can be known yet.
    """
    received = pd.Timestamp(received_at or datetime.now(UTC)).tz_convert("UTC").floor("s")
    text = pd.DataFrame({name: cells[name].astype(str).str.strip() for name in DELIVERY_COLUMNS})
    value, value_errors = _values(text["value"])
    known_at, known_errors = _moments(text["known_at"], received)
    start, period_errors = _period_starts(text, received)
    typed = text.assign(value=value, known_at=known_at)
    errors = [*found, *_shape_faults(text), *_personal_faults(text), *value_errors, *known_errors]
    errors += [*period_errors, *_order_faults(text, start, known_at), *_duplicate_faults(typed)]
    errors += decision_faults(text, typed)
    if errors:
        raise DeliveryRefused(errors)
    return typed.reset_index(drop=True)


def _shape_faults(text: pd.DataFrame) -> list[RowError]:
    errors = faults_where(
        ~text["series"].isin(SERIES).to_numpy(),
        text["series"],
        "series",
        (f"unknown; use one of {', '.join(SERIES)}", f"onbekend; kies uit {', '.join(SERIES)}"),
    )
    for field, shape, said in _SHAPES:
        wrong = ~text[field].str.fullmatch(shape).to_numpy(dtype=bool)
        errors += faults_where(wrong, text[field], field, said)
    departs = text["geo"].isin(list(_EUROSTAT_GEO)).to_numpy()
    return errors + faults_where(departs, text["geo"], "geo", _AS_EUROSTAT)


_AS_EUROSTAT = (
    "{cell}is written EL (Greece) or UK here, as Eurostat does",
    "{cell}heet hier EL (Griekenland) of UK, zoals bij Eurostat",
)
_SHAPES: tuple[tuple[str, str, Said], ...] = (
    (
        "source",
        r"[a-z][a-z0-9_-]{0,31}",
        (
            "is not a source name; use lower-case letters, digits, _ and -",
            "is geen naam van een bron; gebruik kleine letters, cijfers, _ en -",
        ),
    ),
    (
        "geo",
        r"[A-Z]{2}",
        (
            "{cell}is not a country code; use two capital letters, as NL",
            "{cell}is geen landcode; gebruik twee hoofdletters, zoals NL",
        ),
    ),
    (
        "citizen",
        r"[A-Z]{2}|TOTAL|STLS|UNK",
        (
            "{cell}is not a citizenship; use two capital letters (SY), TOTAL, STLS or UNK",
            "{cell}is geen nationaliteit; gebruik twee hoofdletters (SY), TOTAL, STLS of UNK",
        ),
    ),
    (
        "track",
        r"[A-Za-z0-9_.]{0,16}",
        (
            "is not a track; use at most 16 letters, digits, _ or ., or leave it empty",
            "is geen spoor; gebruik hoogstens 16 letters, cijfers, _ of ., of laat het leeg",
        ),
    ),
    (
        "flag",
        r"[a-z]{0,6}(?:\|[A-Z])?",
        (
            "{cell}is not a flag; use letters as Eurostat does (p, e, bd, p|C), or leave it empty",
            "{cell}is geen vlag; gebruik letters zoals Eurostat (p, e, bd, p|C), of laat het leeg",
        ),
    ),
)


def _personal_faults(text: pd.DataFrame) -> list[RowError]:
    errors: list[RowError] = []
    for field in DELIVERY_COLUMNS:
        dates_expected = field in {"period", "known_at"}
        for mask, reason in personal_values(text[field], dates_expected=dates_expected):
            errors += faults_where(mask, text[field], field, reason)
    return errors


def _values(cells: pd.Series) -> tuple[pd.Series, list[RowError]]:
    whole = cells.str.fullmatch(r"[0-9]{1,18}").to_numpy(dtype=bool)
    empty = cells.eq("").to_numpy(dtype=bool)
    value = pd.to_numeric(cells.where(whole, "0")).astype("Int64").mask(~whole)
    negative = cells.str.fullmatch(r"-[0-9]+(?:[.,][0-9]+)?").to_numpy(dtype=bool)
    large = whole & (value.fillna(0).to_numpy(dtype=np.int64) > LARGEST_COUNT)
    errors: list[RowError] = []
    most = f"{LARGEST_COUNT:,}"
    for wrong, said in (
        (negative, _NEGATIVE),
        (
            large,
            (f"is too large for a count (at most {most})", f"is te groot voor een aantal (hoogstens {most})"),
        ),
        (~whole & ~empty & ~negative, _NOT_WHOLE),
    ):
        errors += faults_where(wrong, cells, "value", said)
    return value, errors


_NEGATIVE = ("{cell}is negative; a count is 0 or more", "{cell}is negatief; een aantal is 0 of meer")
_NOT_WHOLE = (
    "{cell}is not a whole number; write digits only, no thousands separator or decimals, and leave it empty when not "
    "available",
    "{cell}is geen geheel getal; schrijf alleen cijfers, zonder punten of decimalen, en laat het leeg als het er niet "
    "is",
)


def _moments(cells: pd.Series, received: pd.Timestamp) -> tuple[pd.Series, list[RowError]]:
    codes, distinct = pd.factorize(cells)
    texts = pd.Series(distinct, dtype="str")
    shaped = texts.where(texts.str.fullmatch(_MOMENT).to_numpy(dtype=bool))
    parsed = pd.to_datetime(shaped, utc=True, format="ISO8601", errors="coerce").astype(MOMENT)
    moments = parsed.take(codes).set_axis(cells.index)
    empty = cells.eq("").to_numpy(dtype=bool)
    moments = moments.mask(empty, received)
    errors = faults_where(
        moments.isna().to_numpy(),
        cells,
        "known_at",
        (
            "is not a date; write YYYY-MM-DD, or leave it empty for now",
            "is geen datum; schrijf JJJJ-MM-DD, of laat het leeg voor nu",
        ),
    )
    late = (moments.dt.floor("D") > received).to_numpy(dtype=bool)
    said = (
        "lies in the future; give the day the figure became known",
        "ligt in de toekomst; geef de dag waarop het cijfer bekend werd",
    )
    return moments, errors + faults_where(late, cells, "known_at", said)


def _period_starts(text: pd.DataFrame, received: pd.Timestamp) -> tuple[pd.Series, list[RowError]]:
    """First month of each period (NaT where the period is not one) with the faults found.

    A whole year is a period of applications by nationality only: it tells shares. Totals come by month, so that no
    sum over periods can hold a person twice.
    """
    cells = text["period"]
    year = cells.str.fullmatch(_YEAR).to_numpy(dtype=bool)
    shares = ~text["citizen"].isin(["TOTAL", ""]) & ~text["series"].str.startswith("decisions")
    good = cells.str.fullmatch(_PERIOD).to_numpy(dtype=bool) | (year & shares.to_numpy(dtype=bool))
    start = period_start(cells.where(good, "1970-01")).mask(~good)
    errors = faults_where(~good & ~year, cells, "period", _NO_PERIOD)
    errors += faults_where(~good & year, cells, "period", _WHOLE_YEAR)
    future = (start > received).to_numpy(dtype=bool)
    said = "{cell}has not begun yet", "{cell}is nog niet begonnen"
    return start, errors + faults_where(future, cells, "period", said)


_NO_PERIOD = (
    "{cell}is not a month or quarter; write YYYY-MM with month 01 to 12, or YYYY-Q1 to Q4",
    "{cell}is geen maand of kwartaal; schrijf JJJJ-MM met maand 01 tot en met 12, of JJJJ-Q1 tot en met Q4",
)
_WHOLE_YEAR = (
    "{cell}is a year, which is taken for applications by nationality only; write YYYY-MM or YYYY-Qn",
    "{cell}is een jaar, en dat kan alleen bij aanvragen per nationaliteit; schrijf JJJJ-MM of JJJJ-Qn",
)


def period_start(periods: pd.Series) -> pd.Series:
    """The first day (UTC) of each well-formed `YYYY-MM`, `YYYY-Qn` or `YYYY`."""
    quarter = periods.str.contains("Q").to_numpy(dtype=bool)
    part = periods.str[5:].str.lstrip("Q").replace("", "1").astype(np.int64).to_numpy()
    month = np.where(quarter, 3 * part - 2, part)
    ordinal = (periods.str[:4].astype(np.int64).to_numpy() - 1970) * 12 + month - 1
    starts = ordinal.astype("datetime64[M]").astype("datetime64[us]")
    return pd.Series(starts, index=periods.index).dt.tz_localize("UTC")


def _order_faults(text: pd.DataFrame, start: pd.Series, known_at: pd.Series) -> list[RowError]:
    early = (known_at < start).to_numpy(dtype=bool)
    said = (
        "lies before the period begins; a count cannot be known so early",
        "ligt voor het begin van de periode; zo vroeg kan een aantal niet bekend zijn",
    )
    errors = faults_where(early, text["known_at"], "known_at", said)
    year = text["period"].str.fullmatch(_YEAR).to_numpy(dtype=bool)
    unfinished = year & ~early & (known_at < start + pd.DateOffset(years=1)).to_numpy(dtype=bool)
    said = (
        "{cell}was not over when it was known; deliver its months",
        "{cell}was nog niet voorbij toen het bekend werd; lever de maanden ervan",
    )
    return errors + faults_where(unfinished, text["period"], "period", said)


def _duplicate_faults(typed: pd.DataFrame) -> list[RowError]:
    """Rows that repeat an earlier key; two releases of one figure differ in `known_at`, so are none."""
    keyed = typed[KEY].reset_index(names="row")
    again = keyed.duplicated(KEY).to_numpy(dtype=bool)
    if not again.any():
        return []
    first = keyed.groupby(KEY, sort=False, dropna=False)["row"].transform("first")
    pairs = zip(keyed["row"][again].tolist(), first[again].tolist(), strict=True)
    fields, velden = (
        f"series, source, geo, citizen, track, period {and_} known_at" for and_ in ("and", "en")
    )
    return [
        RowError(
            row,
            "period",
            f"same {fields} as row {earlier}; keep one of the two",
            f"dezelfde {velden} als rij {earlier}; houd er één van de twee",
        )
        for row, earlier in pairs
    ]
