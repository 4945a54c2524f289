"""Makes the synthetic decisions: invented quarters of ten nationalities in three countries.

    decisions   a nationality's invented share of the country's applications two quarters before
    positive    binomial around a random walk of log odds, nationality by nationality, with a common shock a quarter

Only the levels follow what is public: which nationalities are large, and that rates differ by tens of points. No
figure of a real series is in it. Random numbers are uniforms through quantile functions, the same in every release.
Run as `python -m service.sample.decisions`; the outcome is committed beside this file.
"""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from service.sample.generate import LAG_DAYS, SOURCE, synthetic_realisations
from service.sources.publication_lag import reconstructed_known_at
from service.sources.row_checks import DELIVERY_COLUMNS

DATA = Path(__file__).parent / "synthetic_decisions.csv.gz"
SEED = 20240701
# Share of the applications, and log odds of a positive decision: round numbers, invented.
NATIONALITIES = {
    "SY": (0.34, 2.2),
    "TR": (0.10, 0.6),
    "YE": (0.06, 1.8),
    "ER": (0.06, 2.0),
    "IQ": (0.06, -0.2),
    "SO": (0.05, 0.4),
    "AF": (0.05, 0.8),
    "DZ": (0.04, -3.2),
    "MA": (0.03, -3.4),
    "NG": (0.03, -1.8),
}
COUNTRIES = ("NL", "BE", "DE")
FIRST_YEAR = 2014
_STEP, _SHOCK = 0.22, 0.12
_SHARE_STEP = 0.12
_LAG = 2


def synthetic_decisions() -> pd.DataFrame:
    """The whole data set in delivery columns, `known_at` as dates (text)."""
    made = synthetic_realisations()
    applications = made[made["series"] == "first_applications"]
    parts = [_country(applications, geo, place) for place, geo in enumerate(COUNTRIES)]
    frame = pd.concat(parts, ignore_index=True)
    far = pd.Timestamp("2100-01-01", tz="UTC")
    frame["known_at"] = reconstructed_known_at(frame["period"], LAG_DAYS, far).dt.strftime("%Y-%m-%d")
    return frame[list(DELIVERY_COLUMNS)]


def _country(applications: pd.DataFrame, geo: str, place: int) -> pd.DataFrame:
    own = applications[(applications["geo"] == geo) & (applications["period"] >= f"{FIRST_YEAR}")]
    months = own.set_index("period")["value"].astype(float).sort_index()
    quarter = pd.PeriodIndex(months.index, freq="M").asfreq("Q")
    summed = months.groupby(quarter).agg(["sum", "size"])
    totals = summed.loc[summed["size"] == 3, "sum"]
    names = [f"{p.year}-Q{p.quarter}" for p in totals.index]
    shares = quarter_shares(place, len(totals))
    applied = np.rint(shares * totals.to_numpy()[:, None] / 5) * 5
    odds = _walk(np.array([odds for _, odds in NATIONALITIES.values()]), _STEP, len(totals), place, 2)
    odds += np.cumsum(_SHOCK * stats.norm.ppf(_uniform(place, 3, (len(totals), 1))), axis=0)
    decided = np.rint(0.85 * applied[:-_LAG])
    positive = stats.binom.ppf(
        _uniform(place, 4, decided.shape), np.maximum(decided, 1), 1 / (1 + np.exp(-odds[_LAG:]))
    )
    positive = np.minimum(positive, decided)
    parts = [
        _long(decided, names[_LAG:], "decisions_total"),
        _long(positive, names[_LAG:], "decisions_positive"),
    ]
    return pd.concat(parts).assign(source=SOURCE, geo=geo, track="", flag="")


def quarter_shares(place: int, quarters: int) -> np.ndarray:
    """(quarter, nationality) shares of the applications in a country of `COUNTRIES`, from `FIRST_YEAR`; at most .9."""
    start = np.log([share for share, _ in NATIONALITIES.values()])
    shares = np.exp(_walk(start, _SHARE_STEP, quarters, place, 1))
    return np.asarray(shares * 0.9 / np.maximum(shares.sum(axis=1, keepdims=True), 0.9))


def _walk(start: np.ndarray, step: float, periods: int, place: int, stream: int) -> np.ndarray:
    """(period, nationality): a random walk from `start`, with heavy tails."""
    moved = stats.t.ppf(_uniform(place, stream, (periods, len(start))), 4) / np.sqrt(2.0)
    return np.asarray(start + np.cumsum(step * moved, axis=0) - step * moved[0])


def _long(table: np.ndarray, periods: list[str], series: str) -> pd.DataFrame:
    wide = pd.DataFrame(table.astype(np.int64), index=periods, columns=list(NATIONALITIES))
    rows = wide.stack().reset_index()
    rows.columns = ["period", "citizen", "value"]
    return rows.assign(series=series)


def _uniform(place: int, stream: int, size: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng([SEED, place, stream]).random(size)


def main() -> None:
    """Write the data set beside this file, byte for byte the same every time."""
    text = synthetic_decisions().to_csv(index=False, lineterminator="\n")
    DATA.write_bytes(gzip.compress(text.encode(), mtime=0))


if __name__ == "__main__":
    main()
