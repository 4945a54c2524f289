"""Case by case, for tables and the data appendix: where each outcome fell, and by how much each forecast missed.

Must not know how scores are computed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.calibration.answer import ForecastError, PitEntry
from models.calibration.records import ArchivedForecast
from models.calibration.scoring import ScoredCases


def pit_rows(forecasts: Sequence[ArchivedForecast], scored: ScoredCases) -> tuple[PitEntry, ...]:
    """One row per forecast (case,), in the archive's order."""
    bounds = zip(forecasts, scored.pit_lower.tolist(), scored.pit_upper.tolist(), strict=True)
    return tuple(
        PitEntry.model_validate(_who(one) | {"lower": low, "upper": high}) for one, low, high in bounds
    )


def error_rows(forecasts: Sequence[ArchivedForecast], scored: ScoredCases) -> tuple[ForecastError, ...]:
    """One row per forecast (case,), in the archive's order; None where its form does not allow a score."""
    ends = scored.interval
    inside = (ends[:, 0] <= scored.outcome) & (scored.outcome <= ends[:, 1])
    known = np.all(np.isfinite(ends), axis=1)
    return tuple(
        ForecastError.model_validate(
            _who(one)
            | {
                "median": _known(scored.median[place]),
                "realised": float(scored.outcome[place]),
                "log_error": _known(scored.log_error[place]),
                "crps": _known(scored.crps[place]),
                "pinball_sum": _known(scored.pinball[place].sum()),
                "inside": bool(inside[place]) if known[place] else None,
            }
        )
        for place, one in enumerate(forecasts)
    )


def _who(forecast: ArchivedForecast) -> dict[str, object]:
    return {
        "edition": forecast.edition,
        "issued_on": forecast.issued_on.isoformat(),
        "target_year": forecast.target_year,
        "horizon": forecast.target_year - forecast.issued_on.year,
        "stage": forecast.stage,
        "issuer": forecast.issuer,
        "expert": forecast.expert,
    }


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
