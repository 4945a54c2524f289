"""Makes the synthetic archive of the sample: forecasts that nobody issued, of the totals in the sample.

    log median = log(total) + view of the edition + surprises still to come + lean of the stage,
    stages: model, experts, their mean (combined), and adopted = combined + 8%: the lean an evaluation should find

Two editions a year, the own year and two more; surprises are shared by every forecast that spans them, views persist
from one edition to the next. Stated as the four interval scenarios of a lognormal. Everything is drawn with a fixed
seed: the same file every time. Run: python -m service.sample.generate_archive
"""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy.special import ndtri

from priors.summary import LEVELS

HERE = Path(__file__).parent
ARCHIVE = HERE / "synthetic_archive.csv.gz"
ISSUER = "Synthetic example"
SOURCE = "invented for the bundled sample; no such forecast was ever issued"
SEED = 20241031
FIRST, LAST = 2014, 2023
ADOPTED_LEAN = 0.08
HEADER = (
    "series", "geo", "citizen", "edition", "issued_on", "cutoff", "target_year", "stage", "issuer",
    "quantile_level", "value", "source",
)  # fmt: skip
Row = tuple[object, ...]


def yearly_totals() -> dict[int, int]:
    """First applications in the Netherlands by year, as published; the sample's months add up to them."""
    document = json.loads((HERE / "published_totals.json").read_text("utf-8"))
    totals: dict[int, int] = {}
    for series in document["series"]:
        if (series["series"], series["geo"]) == ("first_applications", "NL"):
            for published in series["totals"].values():
                totals |= {int(year): count for year, count in published.items()}
    return totals


def archive_rows() -> Iterator[Row]:
    """One row per quantile, in the columns of HEADER."""
    random = np.random.default_rng(SEED)
    totals = yearly_totals()
    surprises = random.standard_t(4, 2 * (LAST + 3 - FIRST)) * 0.05
    view = 0.0
    for slot in range(2 * (LAST + 1 - FIRST)):
        year, half = FIRST + slot // 2, slot % 2
        view = 0.6 * view + 0.05 * random.standard_normal()
        for target in range(year, min(year + 2, LAST) + 1):
            spanned = surprises[slot : 2 * (target - FIRST) + 2]
            ahead = view - float(spanned.sum())
            own = random.normal(0.0, 0.03, 2)
            spread = 0.08 * np.sqrt(len(spanned) + 1)
            errors = {"model": ahead + own[0], "experts": ahead + own[1]}
            errors["combined"] = (errors["model"] + errors["experts"]) / 2
            errors["adopted"] = errors["combined"] + ADOPTED_LEAN
            for stage, error in errors.items():
                yield from _quantiles(
                    year, half, target, stage, np.log(totals[target]) + error, float(spread)
                )


def _quantiles(year: int, half: int, target: int, stage: str, centre: float, spread: float) -> Iterator[Row]:
    edition, cutoff, issued = (
        (f"{year}-1", f"{year - 1}-12-31", f"{year}-03-15")
        if half == 0
        else (f"{year}-2", f"{year}-06-30", f"{year}-09-15")
    )
    start = ("first_applications", "NL", "TOTAL", edition, issued, cutoff, target, stage, ISSUER)
    for name, level in LEVELS.items():
        value = int(round(float(np.exp(centre + spread * ndtri(level))), -2))
        yield (*start, name, value, SOURCE)


def archive_table() -> bytes:
    """The file as it is bundled."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADER)
    writer.writerows(archive_rows())
    return text.getvalue().encode()


if __name__ == "__main__":
    ARCHIVE.write_bytes(gzip.compress(archive_table(), mtime=0))
