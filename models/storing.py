"""Writes a forecast to the directory that stored.py opens.

    forecast.json    what a reader needs to know before any array: request, calendar, probabilities, diagnostics
    *.npy            totals and log weights per component, model totals, base normals, evidence, paths
    composition.*    nationalities and their tables, where there are several   (stored_composition)

Numbers are written as computed, without rounding, so that a forecast read back answers as the computed one would.
Knows the layout of a directory, not where it stands nor who asked.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from models.evidence import Evidence
from models.observation import Observation
from models.stored import open_forecast
from models.stored_composition import write_composition
from models.weighting import WeighedComponent
from priors.summary import LEVELS

if TYPE_CHECKING:
    from models.forecast import Forecast

Array = NDArray[np.float64]


def write_forecast(forecast: "Forecast", directory: Path) -> None:
    """Write all files of a forecast into an existing empty directory."""
    posterior, evidence = forecast.posterior, forecast.evidence
    experts = [c for c in posterior.components if c.method != "continued"]
    for i, component in enumerate(experts):
        np.save(directory / f"component_{i}_totals.npy", component.totals)
        np.save(directory / f"component_{i}_log_weights.npy", component.log_weights)
    np.save(directory / "model_totals.npy", forecast.model.totals)
    np.save(directory / "base.npy", forecast.base[:, : len(evidence.observation.years) + 1])
    np.save(directory / "paths.npy", forecast.paths)
    for name, array in _evidence_arrays(evidence).items():
        np.save(directory / f"evidence_{name}.npy", array)
    if forecast.joint is not None:
        np.save(directory / "joint_totals.npy", forecast.joint.totals)
    (directory / "forecast.json").write_text(
        json.dumps(_document(forecast, experts), indent=1), encoding="utf-8"
    )
    stored = open_forecast(directory)
    write_composition(
        forecast.composition, stored.calendar, stored.whole_figures(), tuple(LEVELS.values()), directory
    )


def _evidence_arrays(evidence: Evidence) -> dict[str, Array]:
    arrays = {
        "weights": evidence.mixture.weights,
        "means": evidence.mixture.means,
        "covariances": evidence.mixture.covariances,
        "season": evidence.smoothing.season,
    }
    if evidence.correction is not None:
        arrays |= {"knots": evidence.correction.knots, "heights": evidence.correction.heights}
    return arrays


def _document(forecast: "Forecast", experts: list[WeighedComponent]) -> dict[str, Any]:
    request, observation, joint = forecast.request, forecast.evidence.observation, forecast.joint
    chosen = request.scenario_set
    return {
        "target": asdict(request.target),
        "scenarioSet": chosen.model_dump(mode="json", by_alias=True) if chosen else None,
        "cutoff": request.cutoff.isoformat(),
        "asOf": request.as_of.isoformat(),
        "expertWeight": request.expert_weight,
        "seed": request.seed,
        "source": forecast.data.source,
        "countedWhenStated": forecast.data.counted_when_stated,
        "observation": _observation_document(observation),
        "countedMonths": _counted_months(forecast),
        "alpha": forecast.evidence.smoothing.alpha,
        "components": [{"key": c.key, "method": c.method} for c in experts],
        "modelLogEvidence": float(forecast.model.log_weights[0]),
        "jointProbabilities": joint.probabilities.tolist() if joint else None,
        "conflict": asdict(forecast.conflict),
        "byMonth": [asdict(step) for step in forecast.by_month],
        "diagnostics": forecast.diagnostics,
        "warnings": [asdict(warning) for warning in forecast.warnings],
        "dataQuality": [asdict(finding) for finding in forecast.data.measured.findings],
        "timings": forecast.timings,
    }


def _observation_document(observation: Observation) -> dict[str, Any]:
    return {
        "years": list(observation.years),
        "countedAtCutoff": observation.counted_at_cutoff.tolist(),
        "counted": observation.counted.tolist(),
        "monthsCounted": observation.months_counted.tolist(),
        "firstLaterMonth": str(observation.first_later_month),
        "laterCounts": observation.later_counts.tolist(),
        "unusedMonths": observation.unused_months,
    }


def _counted_months(forecast: "Forecast") -> dict[str, float]:
    """Counts of the target years' months in force at `as_of`, by month."""
    observation = forecast.evidence.observation
    counted = forecast.data.in_force.since(np.datetime64(f"{observation.years[0]}-01", "M"))
    return {str(m): float(c) for m, c in zip(counted.months, counted.counts, strict=True)}
