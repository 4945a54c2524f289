"""A fit of shares on disk, under a name that says what it was made of; as `models.panel.storing`.

    name = SHA-256(model version, priors, seed, nationalities, every array of the splits)

Two files: `draws.npz` and `fit.json`. Knows the layout of a directory, not where it stands. Worker processes only.
"""

import hashlib
import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np

from models.composition.data import CompositionData
from models.composition.model import DEFAULT_PRIORS, CompositionFit, CompositionPriors
from models.composition.paths import ShareParameters
from models.request import MODEL_VERSION
from models.sampling import SamplerDiagnostics


def fit_name(data: CompositionData, seed: int, priors: CompositionPriors = DEFAULT_PRIORS) -> str:
    """The hexadecimal name of the fit of splits with a seed."""
    about = {
        "model": MODEL_VERSION,
        "priors": priors.model_dump(mode="json"),
        "seed": seed,
        "citizens": list(data.citizens),
        "rounding": data.rounding,
        "months": [str(month) for month in data.last_months],
    }
    digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    for array in (data.spans, data.group, data.counts, data.anchor, data.anchor_now):
        values = np.asarray(array, dtype="<f8")
        digest.update(np.where(np.isnan(values), np.nan, values).tobytes())
    return digest.hexdigest()


def write_fit(fit: CompositionFit, directory: Path) -> None:
    """Write a fit's files into an existing empty directory."""
    draws: dict[str, Any] = {
        field.name: getattr(fit.parameters, field.name) for field in fields(ShareParameters)
    }
    np.savez(directory / "draws.npz", **draws)
    (directory / "fit.json").write_text(json.dumps(asdict(fit.diagnostics), indent=1), encoding="utf-8")


def read_fit(directory: Path) -> CompositionFit:
    """The fit in a directory written by `write_fit`. Raises FileNotFoundError."""
    verdict = json.loads((directory / "fit.json").read_text(encoding="utf-8"))
    with np.load(directory / "draws.npz") as arrays:
        parameters = ShareParameters(**{name: arrays[name] for name in arrays.files})
    return CompositionFit(parameters, SamplerDiagnostics(**verdict))
