"""Accuracy at past moments: our models, peers and pools on real counts of 24 European countries.

    python -m benchmarks.accuracy [folder of results] [--tuning] [--only NAME,NAME]

Data: Eurostat, all applicants, monthly 2008-01 to 2019-04; before a country's first month in that file the
voluntary collection that ended in 2007 (new applications from 2000-01), appended with its level untouched. The
definitions differ (the later one has repeat applications): the jump stays in the data, the same for every method;
from the second half of 2007 to the first of 2008 it is for instance +64% in NL and -64% in SK. Figures are those
published last; a month counts as known on its last day. Origins: every June and December, 2003-12 to 2018-06.
Countries held out took no part in tuning: of those in both files, ordered by size, the last of every three (FR, CH,
PL, BG, FI, MT, SI, IS); and any country that files bring later. `--tuning` leaves them out of everything, fits
included, and is what to use while choosing a model; the plain run is the one to report. The central values that the
priors of `panel` and `single` started from were estimated on all countries.
Results stay in the folder (default benchmarks/results/accuracy) and are continued: take another for a changed
model. Peers need the extra `peers`.
"""

import argparse
import os
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.accuracy_picture import draw
from models.backtest.comparison import Row, common_cases, compare, markdown
from models.backtest.data import bitemporal_rows, read_counts, splice
from models.backtest.forecasters import NAMES, forecaster
from models.backtest.peers import PEERS, library_of
from models.backtest.pooling import CASE, learned_weights, log_points, pool_scores
from models.backtest.run import Plan, half_yearly, read_results, run_backtest

HERE = Path(__file__).resolve().parent / "results"
LATER, BEFORE = "eurostat_all_applicants_monthly.csv", "eurostat_first_time_applicants_monthly.csv"
TUNED_ON = frozenset(
    {"CY", "CZ", "DE", "DK", "ES", "HR", "HU", "IT", "LT", "LU", "NL", "NO", "PT", "RO", "SK", "UK"}
) | {
    # Too small to be forecast, but in the fits.
    "EE",
    "LI",
    "LV",
}
"""Two thirds of the countries of both files; every other one, in these files or in later ones, is held out."""
ORIGINS = half_yearly("2003-12", "2018-06")
SERVED, LIMIT, BAND = "panel", 0.95, (0.70, 0.80)
REPORTED = ("all countries", "countries tuned on", "countries held out")
POOLS = {
    "quantile average: panel, AutoETS": (("panel", "AutoETS"), "quantile", False),
    "linear pool: panel, AutoETS": (("panel", "AutoETS"), "linear", False),
    "learned pool: panel, AutoETS, AutoTheta": (
        ("panel", "AutoETS", "AutoTheta"),
        "linear",
        True,
    ),
}
"""Name: members, kind, and whether weights are learned on outcomes known before each origin (else equal)."""


def the_rows(folder: Path, tuning: bool) -> pd.DataFrame:
    """Bitemporal rows of all countries, or of those to tune on."""
    table = pd.read_csv(folder / BEFORE, keep_default_na=False)
    before = table[table["series"] == "new_applications_pre2008"]
    earlier = before.rename(columns={"month": "period", "applicants": "value"})[["geo", "period", "value"]]
    counts = splice(earlier, read_counts(folder / LATER))
    return bitemporal_rows(counts[counts["geo"].isin(TUNED_ON)] if tuning else counts)


def with_pools(scores: pd.DataFrame, quantiles: pd.DataFrame) -> pd.DataFrame:
    """`scores` and those of the pools whose members are all there."""
    found = [scores]
    for name, (members, kind, learned) in POOLS.items():
        if not set(members) <= set(scores["model_id"]):
            continue
        cases, points = log_points(quantiles, members)
        keyed = scores[scores["model_id"] == members[0]].set_index(CASE)
        known = keyed.loc[pd.MultiIndex.from_frame(cases), ["observed", "mean_count"]].reset_index(drop=True)
        outcomes = known["observed"].to_numpy()
        equal = np.full(len(members), 1 / len(members))
        weights = learned_weights(cases, points, outcomes) if learned else equal
        pooled = pool_scores(points, outcomes, weights, kind)
        found.append(pd.concat([cases, known, pooled], axis=1).assign(model_id=name))
    return pd.concat(found, ignore_index=True)


def verdict(rows: list[Row]) -> str:
    """Whether the method that is served keeps to the limits at both horizons."""
    lines = []
    for row in rows:
        if (row.target, row.model_id) == ("12-month total", SERVED) and row.group in REPORTED:
            held = row.inside_75.share
            reached = row.against.ratio <= LIMIT and BAND[0] <= held <= BAND[1]
            lines.append(
                f"{row.group}, months {row.horizon - 11}-{row.horizon}: {SERVED} {row.against.ratio:.3f} of "
                f"{row.reference} (limit {LIMIT}), 75% band held {held:.0%} "
                f"(limits {BAND[0]:.0%} and {BAND[1]:.0%}): {'reached' if reached else 'NOT reached'}"
            )
    return "\n".join(lines)


def run(rows: pd.DataFrame, names: list[str], folder: Path) -> None:
    """Fill the folder, a line for every origin and method."""
    begun = time.perf_counter()
    run_backtest(
        Plan(rows, ORIGINS),
        {name: forecaster(name) for name in names},
        folder,
        progress=lambda done, total, what: print(
            f"{done}/{total} {what} ({time.perf_counter() - begun:.0f} s)", file=sys.stderr
        ),
    )


def report(folder: Path) -> None:
    """Tables, verdict and picture of what the folder holds."""
    scores = with_pools(read_results(folder, "scores"), read_results(folder, "quantiles"))
    if not set(PEERS) & set(scores["model_id"]):
        print("No peer has run: install the extra `peers` to compare.")
        return
    rows = compare(scores, PEERS, set(scores["location"]) - TUNED_ON)
    print(markdown(rows))
    print(verdict(rows))
    picture = folder.parent / f"{folder.name}.png"
    draw(rows, common_cases(scores), picture)
    print(f"picture: {picture}")


def main() -> None:
    asked = argparse.ArgumentParser(description="Accuracy at past moments.")
    asked.add_argument("folder", nargs="?", type=Path)
    asked.add_argument("--tuning", action="store_true", help="without the countries held out")
    asked.add_argument("--only", help="names with commas between: " + ", ".join(NAMES))
    given = asked.parse_args()
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    data = Path(os.environ.get("INSTROOM_TEST_DATA", beside))
    if not (data / LATER).exists():
        print(f"No real counts at hand (INSTROOM_TEST_DATA names their folder): {LATER} is missing.")
        return
    available = [name for name in NAMES if name not in PEERS or find_spec(library_of(name))]
    folder = given.folder or HERE / ("accuracy-tuning" if given.tuning else "accuracy")
    run(the_rows(data, given.tuning), given.only.split(",") if given.only else available, folder)
    report(folder)


if __name__ == "__main__":
    main()
