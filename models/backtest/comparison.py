"""The table of a backtest: every method on the same cases, against the best single peer.

    ratio = mean log-CRPS / mean log-CRPS of the reference on the same cases, standard error clustered by origin

The reference of a target is the one of the named peers with the lowest mean there, so that nobody is compared with
a peer that happens to be weak. Cases that one method lacks are left out for all. Size classes go by the mean
monthly count known at the origin. This module knows no model and no file.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.scores import Coverage, PairedRatio, coverage, paired_ratio

CASE = ["origin_date", "target", "horizon", "location"]
SIZE_CLASSES = (
    ("under 150 a month", 0.0, 150.0),
    ("150-1,000", 150.0, 1000.0),
    ("above 1,000", 1000.0, float("inf")),
)


@dataclass(frozen=True)
class Row:
    """One method on one group of cases of one target. `reference` is the peer that `against` is a ratio to."""

    group: str
    target: str
    horizon: int
    model_id: str
    log_crps: float
    reference: str
    against: PairedRatio
    inside_75: Coverage


def common_cases(scores: pd.DataFrame) -> pd.DataFrame:
    """Rows of cases that every method of `scores` has."""
    methods = scores["model_id"].nunique()
    return scores[scores.groupby(CASE)["model_id"].transform("nunique") == methods].reset_index(drop=True)


def groups(scores: pd.DataFrame, held_out: Iterable[str] = ()) -> dict[str, pd.DataFrame]:
    """All cases; by size class; and, when countries were held out, those tuned on and those not."""
    found = {"all countries": scores}
    outside = scores["location"].isin(set(held_out))
    if outside.any():
        found |= {"countries tuned on": scores[~outside], "countries held out": scores[outside]}
    for name, low, high in SIZE_CLASSES:
        found[name] = scores[(scores["mean_count"] >= low) & (scores["mean_count"] < high)]
    return {name: cases for name, cases in found.items() if len(cases)}


def compare(scores: pd.DataFrame, peers: Sequence[str], held_out: Iterable[str] = ()) -> list[Row]:
    """Rows for every target, group and method, methods ordered by their score.

    Raises ValueError when no peer is among the methods or no case is common to all.
    """
    present = [name for name in peers if name in set(scores["model_id"])]
    if not present:
        raise ValueError(f"none of {', '.join(peers)} is among the methods")
    cases = common_cases(scores)
    if cases.empty:
        raise ValueError("the methods have no case in common")
    rows = []
    for target, horizon in sorted(set(zip(cases["target"], cases["horizon"].tolist(), strict=True))):
        of_target = cases[(cases["target"] == target) & (cases["horizon"] == horizon)]
        means = of_target.groupby("model_id")["log_crps"].mean()
        reference = str(means[present].idxmin())
        for group, of_group in groups(of_target, held_out).items():
            rows += _rows(of_group, group, target, horizon, reference)
    return rows


def _rows(cases: pd.DataFrame, group: str, target: str, horizon: int, reference: str) -> list[Row]:
    wide = cases.pivot_table(index=["origin_date", "location"], columns="model_id", values="log_crps")
    origin = wide.index.get_level_values("origin_date")
    rows = [
        Row(
            group,
            target,
            horizon,
            str(name),
            float(wide[name].mean()),
            reference,
            paired_ratio(wide[name], wide[reference], origin),
            coverage(cases.loc[cases["model_id"] == name, "inside_75"]),
        )
        for name in wide
    ]
    return sorted(rows, key=lambda row: row.log_crps)


def markdown(rows: Sequence[Row]) -> str:
    """The rows as Markdown tables: one per target, a line per method, the groups' ratios beside each other."""
    lines: list[str] = []
    for target, horizon in dict.fromkeys((row.target, row.horizon) for row in rows):
        chosen = [row for row in rows if (row.target, row.horizon) == (target, horizon)]
        lines += ["", f"### {title(target, horizon)}", "", *_table(chosen)]
    return "\n".join(lines).strip() + "\n"


def title(target: str, horizon: int) -> str:
    """A target in words."""
    if target == "12-month total":
        return f"Total of months {horizon - 11} to {horizon} ahead"
    return (
        f"Total of the calendar year {('of the origin', 'after the origin', 'two after the origin')[horizon]}"
    )


def _table(rows: Sequence[Row]) -> list[str]:
    """Lines of one target; the ratio's standard error and the exact interval of coverage for all countries only."""
    first, cases = rows[0], {row.group: row.against.cases for row in rows}
    others = [group for group in cases if group != first.group]
    named = [f"{group} ({cases[group]})" for group in others]
    head = [
        "method",
        "log-CRPS",
        f"ratio to {first.reference} ({first.against.cases} cases)",
        "75% band held",
        *named,
    ]
    lines = [head, ["---"] * len(head)]
    for row in (row for row in rows if row.group == first.group):
        mine = {other.group: other for other in rows if other.model_id == row.model_id}
        error = row.against.standard_error
        lines.append(
            [
                row.model_id,
                f"{row.log_crps:.4f}",
                f"{row.against.ratio:.3f}" + (f" ± {error:.3f}" if np.isfinite(error) else ", one origin"),
                f"{row.inside_75.share:.2f} ({row.inside_75.low:.2f}-{row.inside_75.high:.2f})",
                *(f"{mine[group].against.ratio:.3f}, {mine[group].inside_75.share:.2f}" for group in others),
            ]
        )
    return [f"| {' | '.join(cells)} |" for cells in lines]
