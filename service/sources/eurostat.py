"""Realisations from Eurostat: builds requests, splits those that are too big, returns a delivery.

Series and where they live (all: freq, unit PER, sex T, age TOTAL, by citizen, geo and time):
  first_applications, all_applications, repeat_applications   migr_asyappctzm, monthly, by `applicant`
  decisions_total, decisions_positive                         migr_asydcfstq, quarterly, by `decision`
  the first three of whole years, by nationality only         migr_asyappctza, yearly, by `applicant`
`known_at` is the moment of fetching, or the stated rule of `publication_lag` for figures fetched long after
they appeared. An unknown code gets an empty answer from Eurostat and a warning here.
Must not know storage or HTTP details.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
import pandas as pd

from service.sources.eurostat_http import EurostatClient, EurostatError, ExtractionTooBig
from service.sources.eurostat_tsv import TsvError, parse_tsv
from service.sources.jsonstat import Cube, JsonStatError, parse_jsonstat
from service.sources.publication_lag import describe, reconstructed_known_at
from service.sources.row_checks import DELIVERY_COLUMNS, checked, period_start

EUROSTAT_API = "https://ec.europa.eu/eurostat/api/dissemination"
ACKNOWLEDGEMENT = "Source: Eurostat"


@dataclass(frozen=True)
class Dataset:
    """Where a series lives: dataset, frequency (M, Q or A) and the code that selects it in one dimension."""

    name: str
    frequency: str
    dimension: str
    code: str


DATASETS = {
    "first_applications": Dataset("migr_asyappctzm", "M", "applicant", "FRST"),
    "all_applications": Dataset("migr_asyappctzm", "M", "applicant", "ASY_APP"),
    "repeat_applications": Dataset("migr_asyappctzm", "M", "applicant", "SUBQ"),
    "decisions_total": Dataset("migr_asydcfstq", "Q", "decision", "TOTAL"),
    "decisions_positive": Dataset("migr_asydcfstq", "Q", "decision", "TOTAL_POS"),
}
YEARLY = {
    name: Dataset("migr_asyappctza", "A", "applicant", monthly.code)
    for name, monthly in DATASETS.items()
    if monthly.dimension == "applicant"
}
"""Whole years by nationality: they tell shares, also of those whose months are not published."""


@dataclass(frozen=True)
class EurostatRequest:
    """What to fetch; empty `geo` or `citizen` = every one; `since`, `until` (default now) are 'YYYY-MM'.

    `yearly` asks for the finished years of these months, by nationality without their total.
    """

    series: str
    geo: tuple[str, ...]
    since: str
    until: str | None = None
    citizen: tuple[str, ...] = ("TOTAL",)
    publication_lag_days: int | None = None
    yearly: bool = False


@dataclass(frozen=True)
class EurostatDelivery:
    """`frame` has DELIVERY_COLUMNS; `notes` say how to read it, `warnings` what was not as asked."""

    frame: pd.DataFrame
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = (ACKNOWLEDGEMENT,)
    requests: int = 0
    unchanged: int = 0


@dataclass
class _Tally:
    requests: int = 0
    unchanged: int = 0
    cubes: list[Cube] = field(default_factory=list)


def fetch(request: EurostatRequest, client: EurostatClient, now: datetime | None = None) -> EurostatDelivery:
    """The series asked for, as a delivery; raises EurostatError with a sentence when it cannot be had."""
    moment = now or datetime.now(UTC)
    dataset = _dataset(request)
    _check_months(request)
    tally = _Tally()
    last = request.until or moment.strftime("%Y-%m")
    _collect(request, dataset, client, request.geo, (request.since, last), tally)
    cells = pd.concat([cube.cells for cube in tally.cubes], ignore_index=True)
    warnings = _unknown_codes(request, tally.cubes)
    return _delivery(cells, request, moment, warnings, tally)


def read_tsv(data: bytes, request: EurostatRequest, now: datetime | None = None) -> EurostatDelivery:
    """The same series from a bulk TSV file of its dataset that was downloaded before."""
    dataset = _dataset(request)
    wanted = {"unit": {"PER"}, "sex": {"T"}, "age": {"TOTAL"}, dataset.dimension: {dataset.code}}
    wanted |= {
        name: set(codes) for name, codes in (("geo", request.geo), ("citizen", request.citizen)) if codes
    }
    try:
        cube = parse_tsv(data, wanted)
    except TsvError as error:
        raise EurostatError(f"The bulk file of {dataset.name} cannot be read: {error}") from error
    months = cube.cells["time"].map(_period)
    inside = period_start(months) >= pd.Timestamp(request.since, tz="UTC")
    if request.until is not None:
        inside &= period_start(months) <= pd.Timestamp(request.until, tz="UTC")
    warnings = _unknown_codes(request, [cube])
    return _delivery(cube.cells[inside], request, now or datetime.now(UTC), warnings, _Tally())


def _delivery(
    cells: pd.DataFrame, request: EurostatRequest, now: datetime, warnings: tuple[str, ...], tally: _Tally
) -> EurostatDelivery:
    """Delivery rows from cells.

    Aggregates (EU27_2020, EXT_EU27_2020) are left out with a warning, series without any value silently.
    Where a series has values its missing cells become rows without one: what Eurostat withdraws is withdrawn.
    """
    single = _is_code(cells["geo"], "[A-Z]{2}") & _is_code(cells["citizen"], "[A-Z]{2}|TOTAL|STLS|UNK")
    aggregates = sorted(
        {code for name in ("geo", "citizen") for code in cells.loc[~single, name] if len(code) > 5}
    )
    if request.yearly:
        # A year's total is the sum of its months, which are fetched as such.
        single &= cells["citizen"] != "TOTAL"
    kept = cells[single]
    present = kept["value"].notna().groupby([kept["geo"], kept["citizen"]]).transform("any").astype(bool)
    kept = kept[present].drop_duplicates(["geo", "citizen", "time"])
    frame = checked(_text_rows(kept, request, now), now)
    notes: tuple[str, ...] = (ACKNOWLEDGEMENT,)
    if request.publication_lag_days is not None:
        received = pd.Timestamp(now).tz_convert("UTC").floor("s")
        dated = reconstructed_known_at(frame["period"], request.publication_lag_days, received)
        frame, notes = frame.assign(known_at=dated), (*notes, describe(request.publication_lag_days))
    if aggregates:
        warnings += (f"left out, being no single country or citizenship: {', '.join(aggregates)}",)
    return EurostatDelivery(frame, warnings, notes, tally.requests, tally.unchanged)


def _text_rows(kept: pd.DataFrame, request: EurostatRequest, now: datetime) -> pd.DataFrame:
    """Text cells in DELIVERY_COLUMNS for the periods that have begun, of years for those that are over."""
    rows = pd.DataFrame(dict.fromkeys(DELIVERY_COLUMNS, ""), index=range(1, len(kept) + 1), dtype=object)
    rows["series"], rows["source"] = request.series, "eurostat"
    for name in ("geo", "citizen", "flag"):
        rows[name] = kept[name].to_numpy()
    rows["period"] = kept["time"].map(_period).to_numpy()
    rows["value"] = _counts(kept["value"])
    due = period_start(rows["period"]) + pd.DateOffset(years=1 if request.yearly else 0)
    return rows[(due <= now).to_numpy(dtype=bool)]


def _is_code(codes: pd.Series, shape: str) -> pd.Series:
    return codes.astype(str).str.fullmatch(shape).astype(bool)


def _dataset(request: EurostatRequest) -> Dataset:
    held, series = YEARLY if request.yearly else DATASETS, request.series
    if series not in held:
        kind = "yearly series" if request.yearly else "series"
        raise EurostatError(f"Eurostat has no {kind} {series!r} here; choose from {', '.join(held)}")
    return held[series]


def _collect(
    request: EurostatRequest,
    dataset: Dataset,
    client: EurostatClient,
    geo: Sequence[str],
    months: tuple[str, str],
    tally: _Tally,
) -> None:
    """Fetch one block, or its halves (first countries, then months) where Eurostat calls it too big."""
    tally.requests += 1
    try:
        fetched = client.get(
            f"statistics/1.0/data/{dataset.name}", _parameters(request, dataset, geo, months)
        )
        tally.cubes.append(parse_jsonstat(fetched.body))
        tally.unchanged += fetched.unchanged
    except JsonStatError as error:
        raise EurostatError(f"Eurostat's answer for {dataset.name} cannot be read: {error}") from error
    except ExtractionTooBig as error:
        if len(geo) > 1:
            half = len(geo) // 2
            parts = [(geo[:half], months), (geo[half:], months)]
        elif months[0] < months[1]:
            parts = [(geo, block) for block in _halves(months)]
        else:
            raise EurostatError(f"Even one country and month is too big for Eurostat: {error}") from error
        for part, block in parts:
            _collect(request, dataset, client, part, block, tally)


def _parameters(
    request: EurostatRequest, dataset: Dataset, geo: Sequence[str], months: tuple[str, str]
) -> list[tuple[str, str]]:
    since, until = (_in_frequency(month, dataset.frequency) for month in months)
    fixed = [("format", "JSON"), ("lang", "EN"), ("freq", dataset.frequency), ("unit", "PER"), ("sex", "T")]
    fixed += [("age", "TOTAL"), (dataset.dimension, dataset.code)]
    fixed += [("citizen", code) for code in request.citizen] + [("geo", code) for code in geo]
    return [*fixed, ("sinceTimePeriod", since), ("untilTimePeriod", until)]


def _check_months(request: EurostatRequest) -> None:
    for month in (request.since, request.until or request.since):
        if pd.isna(pd.to_datetime(month, format="%Y-%m", errors="coerce")):
            raise EurostatError(f"{month!r} is not a month; write YYYY-MM")


def _halves(months: tuple[str, str]) -> tuple[tuple[str, str], tuple[str, str]]:
    first, last = (np.datetime64(month, "M") for month in months)
    middle = first + (last - first) // 2
    return (str(first), str(middle)), (str(middle + 1), str(last))


def _in_frequency(month: str, frequency: str) -> str:
    """The month, or the quarter or year that it lies in."""
    if frequency == "Q":
        return f"{month[:4]}-Q{(int(month[5:7]) + 2) // 3}"
    return month[:4] if frequency == "A" else month


def _period(code: str) -> str:
    """A period in our notation: 2024-01, 2024M01 -> 2024-01; 2024-Q1, 2024Q1 -> 2024-Q1; 2024 -> 2024."""
    rest = code[4:].lstrip("-").removeprefix("M")
    return f"{code[:4]}-{rest}" if rest else code


def _counts(values: pd.Series) -> np.ndarray:
    numbers = values.to_numpy(dtype=np.float64)
    missing = np.isnan(numbers)
    whole = np.where(missing, 0.0, numbers)
    if not np.array_equal(whole, np.floor(whole)):
        raise EurostatError("Eurostat's answer holds values that are no counts of persons")
    return np.where(missing, "", whole.astype(np.int64).astype(str).astype(object))


def _unknown_codes(request: EurostatRequest, cubes: Sequence[Cube]) -> tuple[str, ...]:
    warnings = []
    for name, asked in (("geo", request.geo), ("citizen", request.citizen)):
        present = {code for cube in cubes for code in cube.codes.get(name, ())}
        unknown = [code for code in asked if code not in present]
        if unknown:
            warnings.append(f"Eurostat has no data for {name} {', '.join(unknown)} in {request.series}")
    return tuple(warnings)
