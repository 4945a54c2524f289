"""The version of the evaluation's mathematics: a new one whenever the same input gives other numbers."""

CALIBRATION_VERSION = "calibration-3"
