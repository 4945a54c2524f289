"""The parts of a finished forecast as plain rows: interval scenarios, density, months, probabilities.

    minimum 12.5%, median 50%, medio 2/3 (exceeded with a chance of 1 in 3), maximum 87.5% quantile, persons

Rounding goes to the nearest multiple, half away from zero; it applies to mean, sd and quantiles, never to
what was counted. Must not know HTTP.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from typing import Any

from models.layers import Array
from models.stored import AnsweringLayer, ScenarioProbabilities, StoredForecast
from priors.summary import LEVELS
from service.storage.editions import AdoptedFigure

INTERVAL_PROBABILITY = LEVELS["maximum"] - LEVELS["minimum"]
FAN_LEVELS = (0.025, 0.125, 0.25, 0.5, 0.75, 0.875, 0.975)
DENSITY_POINTS = 201
_CSV_COLUMNS = ("year", "scenario", "quantile_level", "value")


def rounded(value: float, to: int | None) -> float | int:
    """The nearest multiple of `to`, or the value itself; an integer stays one."""
    return value if to is None else to * math.floor(value / to + 0.5)


def year_rows(
    stored: StoredForecast, layer: AnsweringLayer, rounding: int | None = None, levels: Sequence[float] = ()
) -> list[dict[str, Any]]:
    """One row per target year; `levels` adds `quantiles` at these levels."""
    means, sds = layer.mean(), layer.sd()
    named = layer.quantiles(tuple(LEVELS.values()))
    asked = layer.quantiles(tuple(levels)) if levels else None
    rows: list[dict[str, Any]] = []
    for place, year in enumerate(stored.years):
        observed = stored.observed[year]
        row: dict[str, Any] = {"year": year}
        row["mean"] = rounded(float(means[place]), rounding)
        row["sd"] = rounded(float(sds[place]), rounding)
        for name, value in zip(LEVELS, named[:, place], strict=True):
            row[name] = rounded(float(value), rounding)
        row["observedToDate"], row["monthsObserved"] = observed.to_date, observed.months
        if asked is not None:
            row["quantiles"] = [
                {"level": level, "value": rounded(float(value), rounding)}
                for level, value in zip(levels, asked[:, place], strict=True)
            ]
        rows.append(row)
    return rows


def with_adopted(
    rows: Sequence[dict[str, Any]], figures: Sequence[AdoptedFigure], rounding: int | None
) -> list[dict[str, Any]]:
    """The rows with the figures that were adopted instead in their place, named under `adopted`."""
    decided: dict[int, dict[str, float]] = {}
    for figure in figures:
        decided.setdefault(figure.year, {})[figure.scenario] = rounded(figure.value, rounding)
    return [
        {**row, **decided[row["year"]], "adopted": sorted(decided[row["year"]])}
        if row["year"] in decided
        else row
        for row in rows
    ]


def year_table(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Tidy CSV: one line per year and scenario, then per year and level asked for (`quantile`)."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(_CSV_COLUMNS)
    for row in rows:
        writer.writerows((row["year"], name, level, row[name]) for name, level in LEVELS.items())
        extra = row.get("quantiles", ())
        writer.writerows((row["year"], "quantile", item["level"], item["value"]) for item in extra)
    return text.getvalue().encode()


def density_row(layer: AnsweringLayer, year: int) -> dict[str, Any]:
    """A year's curve; a year fully counted is one point, whose pdf is null because it has no width."""
    curve = layer.density(year, DENSITY_POINTS)
    return {"year": year, "x": curve.x, "pdf": curve.pdf, "cdf": curve.cdf}


def month_rows(stored: StoredForecast, levels: Sequence[float]) -> list[dict[str, Any]]:
    """One row per month of the target years; `observed` is null where nothing was counted yet."""
    wanted = sorted({*levels, *LEVELS.values()})
    monthly = stored.monthly(wanted)
    place = {level: number for number, level in enumerate(wanted)}
    rows = []
    for at, month in enumerate(monthly.months):
        row: dict[str, Any] = {"month": month, "observed": monthly.observed[at], "mean": monthly.mean[at]}
        row |= {name: monthly.quantiles[place[level], at] for name, level in LEVELS.items()}
        row["quantiles"] = {str(level): monthly.quantiles[place[level], at] for level in levels}
        rows.append(row)
    return rows


def citizen_rows(stored: StoredForecast) -> list[dict[str, Any]]:
    """Months by nationality, whose means add up to the month's; none where none are told apart."""
    found = stored.composition
    if found is None:
        return []
    months, mean, quantiles = stored.paths(0)[0], found.mean, found.quantiles
    counted = len(found.counted)
    return [
        {
            "citizen": citizen,
            "rows": [
                {
                    "month": month,
                    "observed": float(mean[at, k]) if at < counted else None,
                    "mean": float(mean[at, k]),
                    **{name: float(quantiles[n, at, k]) for n, name in enumerate(LEVELS)},
                }
                for at, month in enumerate(months)
            ],
        }
        for k, citizen in enumerate(found.citizens)
    ]


def probability_rows(said: ScenarioProbabilities) -> list[dict[str, Any]]:
    """One row per component of the prior: the scenarios, `unforeseen`, and `model` where it has weight."""
    return [
        {"key": key, "prior": before, "posterior": after}
        for key, before, after in zip(said.keys, said.prior, said.posterior, strict=True)
    ]


def left_out_rows(effects: Mapping[tuple[str, str], Array], years: Sequence[int]) -> list[dict[str, Any]]:
    """By how much each part moves each year's interval scenarios; `effects` are `(level, year)` in persons."""
    return [
        {"kind": kind, "key": key, "year": year, **dict(zip(LEVELS, by_level[:, place], strict=True))}
        for (kind, key), by_level in effects.items()
        for place, year in enumerate(years)
    ]


def month_steps(keys: Sequence[str], steps: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One row per step from the prior to the posterior."""
    return [
        {
            "month": step["month"],
            "scenarios": [
                {"key": key, "probability": p} for key, p in zip(keys, step["probabilities"], strict=True)
            ],
        }
        for step in steps
    ]


def conflict_row(flag: bool, surprise: float | None) -> dict[str, Any]:
    """The conflict measure with what it means."""
    if surprise is None:
        detail = "Nothing was counted after the cutoff, so nothing can contradict the scenarios."
        dutch = "Na de peildatum is nog niets geteld, dus niets kan de scenario's tegenspreken."
    elif flag:
        detail = (
            f"Under all scenarios together, months as unexpected as those that came had a chance of {surprise:.1%}: "
            "discuss the scenarios, for weighing them anew is not enough."
        )
        dutch = (
            f"Onder alle scenario's samen hadden maanden zo onverwacht als de getelde een kans van {surprise:.1%}: "
            "bespreek de scenario's, ze alleen herwegen is niet genoeg."
        ).replace(f"{surprise:.1%}", f"{surprise:.1%}".replace(".", ","))
    else:
        detail = f"The months that came were to be expected: a chance of {surprise:.0%} of something less expected."
        dutch = f"De getelde maanden waren te verwachten: een kans van {surprise:.0%} op iets onverwachters."
    return {"flag": flag, "surprise": surprise, "detail": detail, "detailNl": dutch}


def interval_rows(values: Array, years: Sequence[int]) -> list[dict[str, Any]]:
    """Interval scenarios or differences of them by year; `values` are `(level, year)` in persons."""
    return [
        {"year": year, **dict(zip(LEVELS, values[:, place], strict=True))} for place, year in enumerate(years)
    ]


def attribution_rows(effects: Mapping[str, Array], years: Sequence[int]) -> list[dict[str, Any]]:
    """By how much each change moved each year's interval scenarios; `effects` are `(level, year)` in persons."""
    return [
        {"change": change, **row}
        for change, by_level in effects.items()
        for row in interval_rows(by_level, years)
    ]
