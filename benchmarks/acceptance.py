"""Next year's acceptance rates at thirteen origins in 31 countries: the model against simple forecasts, by size.

Run as `python -m benchmarks.acceptance FILE`, FILE being UNHCR's yearly decisions by origin. Ratios are of mean CRPS
to that of the last value; the band is that of 75%, by randomised PIT; targets have at least twenty decisions.
"""

import sys
from pathlib import Path

from models.acceptance.backtest import LAST_VALUE, SIZE_CLASSES, run
from models.acceptance.hosts import hosts, read_unhcr_decisions
from models.acceptance.plugin import typical_population

ORIGINS = [str(year) for year in range(2012, 2025)]
LEAST_AHEAD = 20


def main() -> None:
    """Print a line per method and group of cases."""
    countries = dict(hosts(read_unhcr_decisions(Path(sys.argv[1]))))
    scores = run(countries, typical_population(), ORIGINS)
    scores = scores[scores["total"] >= LEAST_AHEAD]
    groups = {"20 and more": (20, 10**9), "under 50": (1, 50)}
    groups |= {f"{low}-{high}": (low, high) for low, high in SIZE_CLASSES}
    for name, (low, high) in groups.items():
        of_group = scores[scores["last_total"].between(low, high - 1)]
        reference = of_group[of_group["method"] == LAST_VALUE]["crps"].mean()
        for method, own in of_group.groupby("method"):
            held = own["pit"].between(0.125, 0.875).mean()
            ratio = own["crps"].mean() / reference
            print(f"{name:14} {method!s:16} {ratio:.3f}  band {held:.2f}  cases {len(own)}")


if __name__ == "__main__":
    main()
