"""What a finished forecast has for an export: the numbers of the other endpoints, arranged as tables.

Where an edition was adopted with figures of its own, the interval scenarios and scenario paths have them, and the
yearly quantiles are moved as the figures were (`models.monitor`), so that quantiles still rise; densities and months
are as computed, as under the edition's other addresses, and no mean goes with moved quantiles. Must not know HTTP or
formats.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from models.monitor import mapped_totals
from models.stored import LAYERS, LayerMissing, StoredForecast
from models.totals.stored import StoredTotal
from priors.summary import LEVELS
from service.adoptions import adopted_intervals, own_intervals
from service.api.acceptance_arrivals import scenario_arrivals
from service.api.acceptance_views import accepted_in_scenarios, as_json
from service.api.finished import Finished, plain
from service.api.forecast_views import (
    FAN_LEVELS,
    citizen_rows,
    density_row,
    month_rows,
    probability_rows,
    with_adopted,
    year_rows,
)
from service.api.path_rows import path_rows
from service.api.totals import components_json
from service.exports.content import Array, Export, Quantiles, Table, snake
from service.exports.tidy import QUANTILE_PREFIX

if TYPE_CHECKING:
    from models.acceptance.answer import Answers
    from service.storage.editions import Edition

# Those that forecast hubs ask for, and the four of the scenarios.
QUANTILE_LEVELS = tuple(sorted({0.01, 0.025, *(k / 20 for k in range(1, 20)), 0.975, 0.99, *LEVELS.values()}))
_AS_ADOPTED = (
    "interval scenarios, scenario paths and yearly quantiles as adopted; means, standard deviations, densities and "
    "months as computed"
)
_FACTS = ("request", "provenance", "diagnostics", "timings", "warnings", "dataQuality", "createdAt")
_YEAR_COLUMNS = ("layer", "year", "mean", "sd", *LEVELS, "observed_to_date", "months_observed")
_BETWEEN = tuple(level for level in FAN_LEVELS if level not in LEVELS.values())
_MONTH_COLUMNS = (
    "month", "citizen", "observed", "mean", *LEVELS, *(f"{QUANTILE_PREFIX}{level}" for level in _BETWEEN),
)  # fmt: skip
_RATE_COLUMNS = (
    "citizen", "quarter", "track", "mean", "lower75", "upper75", "lower95", "upper95", "decisions", "positive",
)  # fmt: skip
_TOTAL_COLUMNS = (
    "quarter", "mean", "lower75", "upper75", "lower95", "upper95", "variance_rate", "variance_mix", "decisions",
    "positive",
)  # fmt: skip


def export_of(
    done: Finished, whole: Mapping[str, Any], edition: Edition | None, answers: Answers | None
) -> Export:
    """The export of a forecast, or of the edition as which it was adopted; `whole` is the forecast as JSON."""
    order, stored = done.found.order, done.stored
    rates = _rates(done, answers) if answers else None
    told = whole["provenance"]
    sources = {*(told["sources"] or ()), told["source"], rates["source"] if rates else None} - {None}
    return Export(
        forecast=done.found.id,
        edition=edition.adoption.edition if edition else None,
        series=order.target.series,
        geo=order.target.geo,
        citizen=order.target.citizen,
        cutoff=order.cutoff,
        made_at=done.found.created_at,
        about=_about(done, whole, edition, rates),
        sources=tuple(sorted(sources)),
        tables=(*_tables(done), *(_rate_tables(rates) if rates else ())),
        quantiles=_quantiles(done),
        scenarios=tuple((row["key"], row["posterior"]) for row in _probabilities(stored)),
    )


def _about(
    done: Finished, whole: Mapping[str, Any], edition: Edition | None, rates: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Only what never changes: the status of an edition does."""
    told: dict[str, Any] = {"forecast": done.found.id, **{name: whole[name] for name in _FACTS}}
    if edition:
        adoption = edition.adoption
        told["adoption"] = {
            "edition": adoption.edition,
            "decidedOn": adoption.decided_on.isoformat(),
            "note": adoption.note,
            "figures": [[one.year, one.scenario, one.value] for one in adoption.figures],
        }
    if done.figures:
        told["figures"] = _AS_ADOPTED
    told["rounding"] = "none; scenario paths in whole persons"
    told["acceptanceRates"] = (
        {name: rates[name] for name in ("source", "warnings", "diagnostics")} if rates else "not computed"
    )
    plainly: dict[str, Any] = plain(told)
    return plainly


def _tables(done: Finished) -> Iterator[Table]:
    stored = done.stored
    yield Table("interval_scenarios", _YEAR_COLUMNS, tuple(_year_cells(done)))
    yield Table("density", ("layer", "year", "x", "pdf", "cdf"), tuple(_density_cells(stored)))
    if done.found.order.total is None:
        yield _table("scenario_probabilities", ("key", "label", "prior", "posterior"), _probabilities(stored))
    else:
        yield from _component_tables(done)
    by_month = [{**row, **_fan(row), "citizen": _citizen(stored)} for row in month_rows(stored, FAN_LEVELS)]
    for of_citizen in citizen_rows(stored):
        by_month += [{**row, "citizen": of_citizen["citizen"]} for row in of_citizen["rows"]]
    yield _table("monthly", _MONTH_COLUMNS, by_month)
    paths = path_rows(stored, done.figures)
    yield _table("scenario_paths", ("scenario", "month", "citizen", "value"), paths)


def _component_tables(done: Finished) -> Iterator[Table]:
    """What a total is the sum of, by year, and the correlations it was summed with."""
    told = components_json(done)
    parts, correlation = told["components"], told["correlation"]
    years = [{**part, **year} for part in parts for year in part["years"]]
    yield _table("components", ("id", "series", "weight", "year", "mean", "share"), years)
    pairs = [
        {"series": one["series"], "other": other["series"], "correlation": correlation[i][j]}
        for i, one in enumerate(parts)
        for j, other in enumerate(parts)
        if i < j
    ]
    yield _table("dependence", ("series", "other", "correlation"), pairs)


def _citizen(stored: StoredForecast) -> str:
    citizen: str = stored.document["target"]["citizen"]
    return citizen


def _fan(row: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{QUANTILE_PREFIX}{level}": row["quantiles"][str(level)] for level in _BETWEEN}


def _layers(stored: StoredForecast) -> Iterator[tuple[str, Any]]:
    for name in LAYERS:
        try:
            yield name, stored.layer(name)
        except LayerMissing:
            continue


def _year_cells(done: Finished) -> Iterator[tuple[Any, ...]]:
    for name, layer in _layers(done.stored):
        rows = year_rows(done.stored, layer)
        for row in with_adopted(rows, done.figures, None) if name == "posterior" else rows:
            cells = {snake(key): value for key, value in row.items()} | {"layer": name}
            yield tuple(cells[column] for column in _YEAR_COLUMNS)


def _density_cells(stored: StoredForecast) -> Iterator[tuple[Any, ...]]:
    for name, layer in _layers(stored):
        for year in stored.years:
            curve = plain(density_row(layer, year))
            for x, pdf, cdf in zip(curve["x"], curve["pdf"], curve["cdf"], strict=True):
                yield name, year, x, pdf, cdf


def _probabilities(stored: StoredForecast) -> list[dict[str, Any]]:
    if isinstance(stored, StoredTotal):
        return []
    stated = stored.scenario_set.scenarios if stored.scenario_set else ()
    labels = {scenario.key: scenario.label for scenario in stated}
    rows = probability_rows(stored.scenario_probabilities())
    return [{**row, "label": labels.get(row["key"])} for row in rows]


def _rates(done: Finished, answers: Answers) -> dict[str, Any]:
    accepted = accepted_in_scenarios(answers, scenario_arrivals(done.stored, answers.stored, done.figures))
    every: dict[str, str | None] = {"quarter": None, "track": None, "citizen": None}
    return as_json(answers, every, None, (), accepted)


def _rate_tables(rates: Mapping[str, Any]) -> Iterator[Table]:
    yield _table("acceptance_rates", _RATE_COLUMNS, rates["rates"])
    yield _table("acceptance_total", _TOTAL_COLUMNS, rates["total"])
    yield _table("accepted", ("scenario", "quarter", "decisions", "accepted"), rates["scenarios"])


def _table(name: str, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Table:
    """Rows of the contract's names; a cell that is not there is None."""
    cells = ({snake(key): value for key, value in row.items()} for row in rows)
    return Table(name, tuple(columns), tuple(tuple(plain(row.get(c)) for c in columns) for row in cells))


def _quantiles(done: Finished) -> Quantiles:
    stored = done.stored
    layer, monthly = stored.layer("posterior"), stored.monthly(QUANTILE_LEVELS)
    decided = np.isin(stored.years, [figure.year for figure in done.figures])
    return Quantiles(
        levels=QUANTILE_LEVELS,
        years=stored.years,
        by_year=_as_adopted(done, layer.quantiles(QUANTILE_LEVELS)),
        year_mean=np.where(decided, np.nan, layer.mean()),
        year_sd=np.where(decided, np.nan, layer.sd()),
        months=monthly.months,
        by_month=monthly.quantiles,
        month_mean=monthly.mean,
        observed=monthly.observed,
    )


def _as_adopted(done: Finished, by_year: Array) -> Array:
    """`(level, year)` with the years of adopted figures moved to them, never below what was counted."""
    if not done.figures:
        return by_year
    own, moved = own_intervals(done.stored), np.array(by_year)
    for place, (year, adopted) in enumerate(adopted_intervals(done.figures, own).items()):
        if adopted != own[year]:
            told = mapped_totals(by_year[:, place], list(own[year].values()), list(adopted.values()))
            moved[:, place] = np.maximum(told, done.stored.observed[year].to_date)
    return moved
