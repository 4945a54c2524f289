"""Makes the synthetic data set: invented months that add up to published yearly totals.

    log rate_i,t = level_i,t + season_i,month(t);   level_i,t = level_i,t-1 + 0.5 g_t + e_i,t   (Student-t, 4)

g is common to Europe. Each year is then bent, smoothly over its neighbours, towards its published total
(published_totals.json) and rounded to 5 by largest remainders, so that it adds up to the total's nearest 5.
Years without a published total are near their neighbours. No month of a real series is used.
Run as `python -m service.sample.generate`; the outcome is committed beside this file.
"""

import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from service.sources.publication_lag import reconstructed_known_at
from service.sources.row_checks import DELIVERY_COLUMNS

FOLDER = Path(__file__).parent
TOTALS = FOLDER / "published_totals.json"
DATA = FOLDER / "synthetic_realisations.csv.gz"
SOURCE = "synthetic"
SEED = 20240630
LAG_DAYS = 45
FIRST_YEAR, LAST_YEAR, LAST_MONTH = 2010, 2024, "2024-10"

_YEARS = np.arange(FIRST_YEAR, LAST_YEAR + 1)
_MONTHS = np.arange(f"{FIRST_YEAR}-01", f"{LAST_YEAR + 1}-01", dtype="datetime64[M]")
_STEP_SD, _COMMON_SHARE, _NOISE_SD = 0.11, 0.5, 0.05
# Peaks in September and October, as everywhere in Europe; log scale, mean zero.
_SEASON = 0.12 * np.cos(2 * np.pi * (np.arange(12) - 8.5) / 12)
# First and last year a country reported at all.
_REPORTED = {"HR": (2013, LAST_YEAR), "UK": (FIRST_YEAR, 2019), "IS": (2011, LAST_YEAR)}


@dataclass(frozen=True)
class Published:
    """Published totals (persons) by year of one series."""

    series: str
    geo: str
    totals: dict[int, int]


def published_totals(path: Path = TOTALS) -> tuple[Published, ...]:
    """What is published, whichever document it is from; those are named in the file."""
    document = json.loads(path.read_text(encoding="utf-8"))
    return tuple(
        Published(
            item["series"],
            item["geo"],
            {int(year): total for group in item["totals"].values() for year, total in group.items()},
        )
        for item in document["series"]
    )


def synthetic_realisations(seed: int = SEED) -> pd.DataFrame:
    """The whole data set in delivery columns, `known_at` as dates (text)."""
    common = _steps(seed, 0)
    frames = [
        _series_rows(item, common, seed, place) for place, item in enumerate(published_totals(), start=1)
    ]
    frame = pd.concat(frames, ignore_index=True)
    far = pd.Timestamp("2100-01-01", tz="UTC")
    frame["known_at"] = reconstructed_known_at(frame["period"], LAG_DAYS, far).dt.strftime("%Y-%m-%d")
    return frame[list(DELIVERY_COLUMNS)]


def year_totals(published: Mapping[int, int], deviations: np.ndarray) -> np.ndarray:
    """(year,) totals for FIRST_YEAR..LAST_YEAR: the published ones, else invented near the nearest of them.

    `deviations` (year,) are of the invented totals, on the log scale.
    """
    years = np.array(sorted(published))
    logs = np.log([max(published[year], 1) for year in years.tolist()])
    filled = np.exp(np.interp(_YEARS, years, logs) + deviations)
    return np.array([published.get(int(y), v) for y, v in zip(_YEARS, filled, strict=True)], dtype=np.float64)


def rounded_to_five(rates: np.ndarray, total: float) -> np.ndarray:
    """Multiples of 5 near `rates` (month,) that add up to the multiple of 5 nearest to `total`."""
    units = round(total / 5)
    shares = rates / rates.sum() * units
    whole = np.floor(shares)
    missing = int(units - whole.sum())
    order = np.argsort(whole - shares, kind="stable")
    whole[order[:missing]] += 1
    return np.asarray(5 * whole, dtype=np.int64)


def _series_rows(item: Published, common: np.ndarray, seed: int, place: int) -> pd.DataFrame:
    invented = 0.15 * stats.norm.ppf(_uniform(seed, 300 + place, len(_YEARS)))
    totals = year_totals(item.totals, invented)
    own = _steps(seed, place)
    level = np.cumsum(_STEP_SD * (_COMMON_SHARE * common + np.sqrt(1 - _COMMON_SHARE**2) * own))
    season = np.tile(_SEASON * (0.5 + _uniform(seed, 100 + place, 1)[0]), len(_YEARS))
    noise = _NOISE_SD * stats.norm.ppf(_uniform(seed, 200 + place, len(_MONTHS)))
    rates = _bent(np.exp(level - level.mean() + season + noise), totals)
    by_year = [rounded_to_five(rates[12 * i : 12 * i + 12], totals[i]) for i in range(len(_YEARS))]
    first, last = _REPORTED.get(item.geo, (FIRST_YEAR, LAST_YEAR))
    year = np.repeat(_YEARS, 12)
    kept = (year >= first) & (year <= last) & (np.datetime64(LAST_MONTH) >= _MONTHS)
    rows = pd.DataFrame({"period": _MONTHS.astype(str)[kept], "value": np.concatenate(by_year)[kept]})
    return rows.assign(series=item.series, source=SOURCE, geo=item.geo, citizen="TOTAL", track="", flag="")


def _bent(rates: np.ndarray, totals: np.ndarray) -> np.ndarray:
    """Rates (month,) whose yearly sums approach `totals` (year,) without a jump at New Year."""
    middle = np.arange(len(_YEARS)) * 12 + 5.5
    month = np.arange(len(rates))
    for _ in range(30):
        missing = np.log(totals / rates.reshape(-1, 12).sum(axis=1))
        rates = rates * np.exp(np.interp(month, middle, missing))
    return rates


def _steps(seed: int, stream: int) -> np.ndarray:
    """(month,) innovations of unit variance with heavy tails."""
    return np.asarray(stats.t.ppf(_uniform(seed, stream, len(_MONTHS)), 4) / np.sqrt(2.0))


def _uniform(seed: int, stream: int, size: int) -> np.ndarray:
    # Uniforms and a quantile function: NumPy keeps this stream the same from release to release.
    return np.random.default_rng([seed, stream]).random(size)


def main() -> None:
    """Write the data set beside this file, byte for byte the same every time."""
    text = synthetic_realisations().to_csv(index=False, lineterminator="\n")
    DATA.write_bytes(gzip.compress(text.encode(), mtime=0))


if __name__ == "__main__":
    main()
