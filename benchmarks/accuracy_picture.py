"""The picture of the accuracy benchmark: ratios to the best peer, and whether stated probabilities held.

Left: mean log-CRPS of every method over that of the best single peer, plus and minus two standard errors clustered
by origin. Right: where outcomes fell in the forecasts of our best model; level is right. It knows no data source.
"""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from scipy.stats import binom

mpl.use("Agg")
from matplotlib import pyplot as plt

from models.backtest.comparison import Row, title

COLOURS = {12: "#154273", 24: "#c4621a"}
BINS = 8
"""So that the 75% band is the inner six."""


def draw(rows: Sequence[Row], scores: pd.DataFrame, path: Path) -> None:
    """Write a PNG. `scores` are of common cases; the calibration shown is that of the best method with a PIT."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(12, 5), width_ratios=(3, 2), layout="constrained")
    chosen = [row for row in rows if row.target == "12-month total" and row.group == "all countries"]
    _ratios(left, chosen)
    with_pit = set(scores.dropna(subset="pit")["model_id"])
    scored = [row for row in chosen if row.model_id in with_pit]
    # Only the reference itself may have run.
    best = next((row.model_id for row in scored if row.model_id != row.reference), scored[0].model_id)
    _calibration(right, scores[(scores["model_id"] == best) & (scores["target"] == "12-month total")], best)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130)
    plt.close(figure)


def _ratios(axes: plt.Axes, rows: Sequence[Row]) -> None:
    names = list(dict.fromkeys(row.model_id for row in rows))[::-1]
    for horizon, shift in ((12, 0.12), (24, -0.12)):
        of = [row for row in rows if row.horizon == horizon]
        axes.errorbar(
            [row.against.ratio for row in of],
            [names.index(row.model_id) + shift for row in of],
            xerr=[2 * row.against.standard_error for row in of],
            fmt="o",
            color=COLOURS[horizon],
            label=f"{title('12-month total', horizon)} (1 = {of[0].reference})" if of else None,
        )
    axes.axvline(1, color="#888888", linewidth=0.8)
    axes.axvline(0.95, color="#888888", linewidth=0.8, linestyle="dotted")
    axes.set_yticks(range(len(names)), names)
    axes.set_xlim(right=min(axes.get_xlim()[1], 1.5))
    axes.set_xlabel("mean log-CRPS over that of the best single peer,\n± 2 standard errors; dotted: 0.95")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, 1.16), frameon=False, fontsize="small")


def _calibration(axes: plt.Axes, scores: pd.DataFrame, name: str) -> None:
    width = 0.4 / BINS
    for horizon, shift in ((12, -width / 2), (24, width / 2)):
        pit = scores.loc[scores["horizon"] == horizon, "pit"]
        if not len(pit):
            continue
        share = np.histogram(pit, BINS, (0, 1))[0] / len(pit)
        centres = (np.arange(BINS) + 0.5) / BINS
        axes.bar(centres + shift, share, width, color=COLOURS[horizon], label=f"{horizon} months ahead")
        low, high = (binom.ppf(level, len(pit), 1 / BINS) / len(pit) for level in (0.025, 0.975))
    axes.axhspan(low, high, color="#cccccc", alpha=0.5, zorder=0)
    axes.axhline(1 / BINS, color="#888888", linewidth=0.8)
    axes.set_xlabel(
        f"place of the outcome in the forecast: {name}\n(grey: 95% of cases if exact and independent)"
    )
    axes.set_ylabel("share of cases")
    axes.set_ylim(0, max(axes.get_ylim()[1], 0.25))
    axes.legend(frameon=False, fontsize="small")
