"""What an evaluation costs against the size of the archive: 100, 1,000 and 10,000 forecasts.

    python -m benchmarks.evaluation [--picture docs/img/evaluation_cost.png]

An archive grows as archives do: fifteen years of two editions about five years ahead, at four stages, and then more and
more experts and issuers; a third states quantiles, a third scenarios, a ninth draws, the rest points. Seconds are the
process's own. Scores and coverage are measured alone as well, since a page shows them while the bias is computed.
"""

import argparse
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.bias_world import FIRST_YEAR, World, archived, issues, log_errors_and_outcomes
from models.calibration import ArchivedForecast, EvaluationRequest, Realised
from models.calibration.evaluation import evaluate
from models.calibration.scoring import mean_coverage, mean_scores, score_cases
from models.calibration.selection import select
from models.calibration.statements import statements

SIZES = (100, 300, 1000, 3000, 10_000)
LIMITS = {"scores": 1.0, "all": 60.0}
WORLD = World(15)
STAGES = ("adopted", "combined", "experts", "estimate")


def archive_of(size: int) -> tuple[list[ArchivedForecast], Realised]:
    """`size` forecasts by stages and experts of one issuer, in all forms."""
    errors, realised = log_errors_and_outcomes(WORLD, 1)
    rng = np.random.default_rng(2)
    made = issues(WORLD)
    out = []
    for number in range(size):
        round_, place = divmod(number, len(made))
        _, issued, target = made[place]
        stage = STAGES[round_] if round_ < len(STAGES) else "experts"
        centre = float(realised[target - FIRST_YEAR] * np.exp(errors[place] + 0.05 * rng.standard_normal()))
        expert = f"expert {round_}" if round_ >= len(STAGES) else None
        out.append(archived(issued, target, stage, expert=expert, **form(number, centre, target, rng)))
    values = {FIRST_YEAR + place: float(value) for place, value in enumerate(realised)}
    return out, Realised(values)


def form(number: int, centre: float, target: int, rng: np.random.Generator) -> dict[str, Any]:
    """One of the forms around a centre (persons)."""
    if number % 3 == 0:
        levels = ((0.125, 0.75), (0.5, 1.0), (2 / 3, 1.12), (0.875, 1.4))
        return {"quantiles": [{"level": level, "value": centre * factor} for level, factor in levels]}
    if number % 3 == 1:
        parts = zip("abc", (0.5, 0.3, 0.2), (0.95, 1.3, 0.7), strict=True)
        return {
            "scenarios": [
                {
                    "key": key,
                    "probability": p,
                    "family": "normal" if number % 2 else "lognormal",
                    "years": {str(target): {"expected": centre * f, "spread": centre * f / 5}},
                }
                for key, p, f in parts
            ]
        }
    if number % 9 == 2:
        return {"draws": (centre * np.exp(0.25 * rng.standard_normal(500))).tolist()}
    return {"point": centre}


def one_size(size: int) -> dict[str, float]:
    """Processor seconds of scores with coverage, and of the whole evaluation."""
    forecasts, realised = archive_of(size)
    request = EvaluationRequest()
    started = time.process_time()
    selected = select(forecasts, realised, request.filter)
    scored = score_cases(statements(selected.forecasts), selected.realised, request)
    mean_scores(scored, request)
    mean_coverage(scored, request)
    scores = time.process_time() - started
    started = time.process_time()
    answer = evaluate(forecasts, realised, request)
    if answer.n_forecasts != size:
        raise RuntimeError(f"{answer.n_forecasts} of {size} forecasts were evaluated")
    return {"forecasts": size, "scores": scores, "all": time.process_time() - started}


def draw_picture(rows: list[dict[str, float]], path: Path) -> None:
    """Both costs against size, on logarithmic axes with their limits."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axis = plt.subplots(figsize=(6, 4), layout="constrained")
    sizes = [row["forecasts"] for row in rows]
    for key, label, colour in (
        ("scores", "scores and coverage", "#3182bd"),
        ("all", "whole evaluation", "#d95f02"),
    ):
        axis.loglog(sizes, [row[key] for row in rows], "o-", color=colour, label=label)
        axis.axhline(LIMITS[key], color=colour, linewidth=0.8, linestyle="--")
    axis.set(xlabel="archived forecasts", ylabel="processor seconds (dashed: limit)")
    axis.legend(frameon=False)
    axis.grid(alpha=0.25)
    axis.spines[["top", "right"]].set_visible(False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--picture", type=Path, default=Path("docs/img/evaluation_cost.png"))
    asked = parser.parse_args()
    one_size(SIZES[0])  # compiles; a worker does that once
    rows = []
    print("| forecasts | scores and coverage, s | whole evaluation, s |\n|---|---|---|")
    for size in SIZES:
        rows.append(one_size(size))
        print(f"| {size:,} | {rows[-1]['scores']:.2f} | {rows[-1]['all']:.1f} |", flush=True)
    draw_picture(rows, asked.picture)
    over = [key for key, limit in LIMITS.items() if rows[-1][key] > limit]
    print(f"limits: {'reached' if not over else 'NOT reached: ' + ', '.join(over)}")
    return len(over)


if __name__ == "__main__":
    sys.exit(main())
