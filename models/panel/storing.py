"""A fit on disk, under a name that says what it was made of.

    name = SHA-256(model version, priors, outlook, seed, calendar, countries, counts, restarts, added noise)

Whoever asks for the fit of the same panel with the same seed gets the same draws: read, if they are there. Two files:
`draws.npz` and `fit.json`. Knows the layout of a directory, not where it stands nor who asked. Worker processes only.
"""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from models.panel.fit import PanelFit
from models.panel.model import DEFAULT_PANEL_PRIORS, PanelPriors
from models.panel.outlook import DEFAULT_OUTLOOK, Outlook, OutlookPrior
from models.panel.series import PanelSeries
from models.request import MODEL_VERSION
from models.sampling import SamplerDiagnostics


def fit_name(data: PanelSeries, seed: int, priors: PanelPriors = DEFAULT_PANEL_PRIORS) -> str:
    """The hexadecimal name of the fit of a panel with a seed."""
    about = {
        "model": MODEL_VERSION,
        "priors": priors.model_dump(mode="json"),
        "outlook": DEFAULT_OUTLOOK.model_dump(mode="json"),
        "seed": seed,
        "months": [str(month) for month in data.months],
        "geos": list(data.geos),
        "restarts": sorted((geo, str(month)) for geo, month in data.restarts),
    }
    digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    for array in (data.counts, data.extra):
        # One pattern of bits for every missing count.
        digest.update(np.where(np.isnan(array), np.nan, array).astype("<f8").tobytes())
    return digest.hexdigest()


def write_fit(fit: PanelFit, directory: Path) -> None:
    """Write a fit's files into an existing empty directory."""
    arrays: dict[str, Any] = {f"draws_{name}": draws for name, draws in fit.draws.items()}
    arrays |= {"log_sizes": fit.log_sizes, "last_stretches": fit.last_stretches}
    np.savez(directory / "draws.npz", **arrays)
    about = {"geos": list(fit.geos), "seed": fit.seed, "diagnostics": asdict(fit.diagnostics)}
    about["outlook"] = {
        "prior": fit.outlook.prior.model_dump(mode="json"),
        "after": str(fit.outlook.after),
        "growth": dict(fit.outlook.growth),
        "elsewhere": fit.outlook.elsewhere,
        "deviation": dict(fit.outlook.deviation),
    }
    (directory / "fit.json").write_text(json.dumps(about, indent=1), encoding="utf-8")


def read_fit(directory: Path) -> PanelFit:
    """The fit in a directory written by `write_fit`. Raises FileNotFoundError."""
    about = json.loads((directory / "fit.json").read_text(encoding="utf-8"))
    with np.load(directory / "draws.npz") as arrays:
        held = {name: arrays[name] for name in arrays.files}
    log_sizes, last_stretches = held.pop("log_sizes"), held.pop("last_stretches")
    return PanelFit(
        draws={name.removeprefix("draws_"): array for name, array in held.items()},
        geos=tuple(about["geos"]),
        log_sizes=log_sizes,
        last_stretches=last_stretches,
        diagnostics=SamplerDiagnostics(**about["diagnostics"]),
        seed=about["seed"],
        outlook=Outlook(
            OutlookPrior.model_validate(about["outlook"]["prior"]),
            np.datetime64(about["outlook"]["after"], "M"),
            about["outlook"]["growth"],
            about["outlook"]["elsewhere"],
            about["outlook"]["deviation"],
        ),
    )
