"""Makes the synthetic applications by nationality: invented shares of the synthetic months of three countries.

    applications = total of the month x share of its quarter x noise, in fives below: never more than the total

The shares are those of which `decisions` are made, so that who is decided on did apply two quarters before. No figure
of a real series is in it. Random numbers are uniforms through quantile functions, the same in every release.
Run as `python -m service.sample.nationalities`; the outcome is committed beside this file.
"""

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from service.sample.decisions import COUNTRIES, FIRST_YEAR, NATIONALITIES, SEED, quarter_shares
from service.sample.generate import LAG_DAYS, SOURCE, synthetic_realisations
from service.sources.publication_lag import reconstructed_known_at
from service.sources.row_checks import DELIVERY_COLUMNS

DATA = Path(__file__).parent / "synthetic_nationalities.csv.gz"
SERIES = "first_applications"
_NOISE_SD = 0.08
_STREAM = 5


def synthetic_nationalities() -> pd.DataFrame:
    """The whole data set in delivery columns, `known_at` as dates (text)."""
    made = synthetic_realisations()
    applications = made[(made["series"] == SERIES) & (made["period"] >= f"{FIRST_YEAR}")]
    frame = pd.concat(
        [_country(applications, geo, place) for place, geo in enumerate(COUNTRIES)], ignore_index=True
    )
    far = pd.Timestamp("2100-01-01", tz="UTC")
    frame["known_at"] = reconstructed_known_at(frame["period"], LAG_DAYS, far).dt.strftime("%Y-%m-%d")
    return frame[list(DELIVERY_COLUMNS)]


def _country(applications: pd.DataFrame, geo: str, place: int) -> pd.DataFrame:
    months = applications[applications["geo"] == geo].set_index("period")["value"].astype(float).sort_index()
    quarter = np.arange(len(months)) // 3
    drawn = np.random.default_rng([SEED, place, _STREAM]).random((len(months), len(NATIONALITIES)))
    shares = quarter_shares(place, quarter[-1] + 1)[quarter] * np.exp(_NOISE_SD * stats.norm.ppf(drawn))
    # As much for others as the quarter leaves them, however the noise falls.
    shares *= 0.95 / np.maximum(shares.sum(axis=1, keepdims=True), 0.95)
    persons = (5 * np.floor(shares * months.to_numpy()[:, None] / 5)).astype(np.int64)
    rows = pd.DataFrame(persons, index=months.index, columns=list(NATIONALITIES)).stack().reset_index()
    rows.columns = ["period", "citizen", "value"]
    return rows.assign(series=SERIES, source=SOURCE, geo=geo, track="", flag="")


def main() -> None:
    """Write the data set beside this file, byte for byte the same every time."""
    text = synthetic_nationalities().to_csv(index=False, lineterminator="\n")
    DATA.write_bytes(gzip.compress(text.encode(), mtime=0))


if __name__ == "__main__":
    main()
