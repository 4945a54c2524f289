"""An export in the model-output format of the hubverse, which evaluators' software reads.

    model_id,origin_date,location,citizen,target,horizon,target_end_date,output_type,output_type_id,value
    quantile   output_type_id a level between 0 and 1      mean   no output_type_id      pmf   a scenario's key

Source: docs.hubverse.io, user guide, "Model output" and "Model tasks". `horizon` is in years or in months, as the
target says, from the year or month of `origin_date`, the cutoff. Months already counted are no forecast and are left
out, as are years fully counted. Levels are written in full: 2/3 is 0.6666666666666666. Columns after `value` carry
the provenance. Must not know HTTP.
"""

from __future__ import annotations

import calendar
import csv
import io
import re
from collections.abc import Iterator
from datetime import date
from typing import Any

import numpy as np

from service.exports.content import Export

_PROVENANCE = {
    "as_of": ("request", "asOf"),
    "data_vintage": ("provenance", "dataVintage"),
    "scenario_set_hash": ("provenance", "scenarioSetHash"),
    "model_version": ("provenance", "modelVersion"),
    "git_revision": ("provenance", "gitRevision"),
    "seed": ("provenance", "seed"),
}
COLUMNS = (
    "model_id", "origin_date", "location", "citizen", "target", "horizon", "target_end_date", "output_type",
    "output_type_id", "value", *_PROVENANCE,
)  # fmt: skip
_MISSING = "NA"


def to_model_output(export: Export) -> bytes:
    """The file, UTF-8 with commas."""
    told = {column: export.about[part][name] for column, (part, name) in _PROVENANCE.items()}
    same = {
        "model_id": model_id(told["model_version"], told["scenario_set_hash"], export.edition),
        "origin_date": export.cutoff.isoformat(),
        "location": export.geo,
        "citizen": export.citizen,
        **told,
    }
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in (*_years(export), *_months(export), *_scenarios(export)):
        cells = same | row
        writer.writerow([_MISSING if cells[column] is None else cells[column] for column in COLUMNS])
    return text.getvalue().encode()


def model_id(model_version: str, scenario_set_hash: str | None, edition: str | None) -> str:
    """`team-model` of letters, digits and underscores: which stage of ours it is, and which model computed it."""
    stage = "adopted" if edition else "combined" if scenario_set_hash else "model"
    version = re.sub(r"[^A-Za-z0-9]+", "_", model_version)
    return f"instroom-{stage}_{version}"


def file_name(cutoff: date, model_version: str, scenario_set_hash: str | None, edition: str | None) -> str:
    """`<round>-<model>.csv`, the round being the cutoff."""
    return f"{cutoff.isoformat()}-{model_id(model_version, scenario_set_hash, edition)}.csv"


def _years(export: Export) -> Iterator[dict[str, Any]]:
    known = export.quantiles
    for place, year in enumerate(known.years):
        inside = [known.observed[at] for at, month in enumerate(known.months) if month[:4] == str(year)]
        if np.isfinite(inside).all():
            continue
        task = {
            "target": f"{export.series} per year",
            "horizon": year - export.cutoff.year,
            "target_end_date": date(year, 12, 31).isoformat(),
        }
        yield from _outputs(export, task, float(known.year_mean[place]), known.by_year[:, place])


def _months(export: Export) -> Iterator[dict[str, Any]]:
    known = export.quantiles
    for place, month in enumerate(known.months):
        if np.isfinite(known.observed[place]):
            continue
        year, number = int(month[:4]), int(month[5:])
        task = {
            "target": f"{export.series} per month",
            "horizon": 12 * (year - export.cutoff.year) + number - export.cutoff.month,
            "target_end_date": date(year, number, calendar.monthrange(year, number)[1]).isoformat(),
        }
        yield from _outputs(export, task, float(known.month_mean[place]), known.by_month[:, place])


def _outputs(export: Export, task: dict[str, Any], mean: float, quantiles: Any) -> Iterator[dict[str, Any]]:
    if np.isfinite(mean):
        yield {**task, "output_type": "mean", "output_type_id": None, "value": mean}
    for level, value in zip(export.quantiles.levels, quantiles.tolist(), strict=True):
        yield {**task, "output_type": "quantile", "output_type_id": repr(level), "value": value}


def _scenarios(export: Export) -> Iterator[dict[str, Any]]:
    """Posterior probabilities, which no horizon belongs to."""
    task = {"target": "scenario", "horizon": None, "target_end_date": None, "output_type": "pmf"}
    for key, probability in export.scenarios:
        yield {**task, "output_type_id": key, "value": probability}
