"""Forecast-error calibration: did past forecasts lean one way, where did it enter, and how sure can one be.

    from models.calibration import ArchivedForecast, EvaluationRequest, Evaluation
    from models.calibration.evaluation import evaluate

The records stand here, light enough for the web process; `evaluate` is for workers. Design: archive -> selection ->
scores, PIT and coverage -> bias -> sequential evidence -> value of each step. Must not import PyMC or Numba here.
"""

from models.calibration.answer import Bias, Evaluation
from models.calibration.archive import archive_faults, archived_forecasts
from models.calibration.records import (
    STAGES,
    ArchivedForecast,
    BiasPriors,
    EvaluationFilter,
    EvaluationRequest,
    LedgerEdit,
    LossWeights,
    Realised,
    ScalePrior,
    Stage,
    StatedQuantile,
)

__all__ = [
    "STAGES",
    "ArchivedForecast",
    "Bias",
    "BiasPriors",
    "Evaluation",
    "EvaluationFilter",
    "EvaluationRequest",
    "LedgerEdit",
    "LossWeights",
    "Realised",
    "ScalePrior",
    "Stage",
    "StatedQuantile",
    "archive_faults",
    "archived_forecasts",
]
