"""Makes docs/img/two_sources.png and the table of docs/two_sources.md from the extracts in ../shared/data.

The Netherlands 2012-2017 measured twice: Eurostat's first-time applicants, sixty days after their month, and the
IND's count as UNHCR published it in 33 vintages (standing in for KMI+). Says so and changes nothing where the extracts
are not there.
"""

import re
import sys
from datetime import date
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd

mpl.use("Agg")
from matplotlib import pyplot as plt

from models.measurement.combined import Combined, combined_series
from models.measurement.completeness import suppressed
from models.measurement.years import YearDifference, published_differences, yearly_differences

HERE = Path(__file__).parent
DATA = HERE.parent.parent / "shared" / "data"
KNOWN_ON = date(2017, 6, 1)
FIRST = np.datetime64("2012-01", "M")
BLUE, ORANGE = "#154273", "#c4621a"


def deliveries(folder: Path) -> pd.DataFrame:
    """Bitemporal rows of both sources, all countries."""
    vintages = pd.read_parquet(folder / "unhcr_monthly_vintages_by_host.parquet")
    vintages = vintages[vintages["vintage"] > "2015-09-30"]
    value = vintages["sum_known"] + suppressed(vintages["suppressed_cells"].to_numpy(dtype=float))[0]
    ind = {"source": "kmi", "geo": vintages["geo"], "period": vintages["month"], "value": value}
    extract = pd.read_csv(folder / "eurostat_first_time_applicants_monthly.csv", keep_default_na=False)
    extract = extract[extract["series"] == "first_time_2008on"]
    known = pd.PeriodIndex(extract["month"], freq="M").to_timestamp() + pd.DateOffset(months=1, days=60)
    counts = pd.to_numeric(extract["applicants"])
    eurostat = {"source": "eurostat", "geo": extract["geo"], "period": extract["month"], "value": counts}
    parts = [pd.DataFrame(ind).assign(known_at=vintages["vintage"])]
    parts.append(pd.DataFrame(eurostat).assign(known_at=known.astype(str)))
    rows = pd.concat(parts, ignore_index=True)
    return rows.assign(series="first_applications", citizen="TOTAL", track=None, flag=None)


def draw(combined: Combined, path: Path) -> None:
    """Above: what each source counts and the one series; below: their difference and the offset learned from it."""
    agreement = combined.agreement
    assert agreement is not None, "two sources were given"
    shown = combined.series.months >= FIRST
    months = combined.series.months[shown].astype("datetime64[D]")
    figure, (top, bottom) = plt.subplots(2, 1, figsize=(10, 7), sharex=True, layout="constrained")
    for figures, colour, name in zip(combined.figures, (BLUE, ORANGE), ("Eurostat", "IND"), strict=True):
        top.plot(months, figures.series.counts[shown], ".", color=colour, label=name)
    top.plot(months, combined.series.counts[shown], color="#555555", linewidth=1, label="one series")
    top.set_ylabel("first applications a month")
    top.legend(frameon=False)
    lower, middle, upper = 100 * np.expm1(
        np.quantile(agreement.offset[:, shown], [0.025, 0.5, 0.975], axis=0)
    )
    bottom.fill_between(months, lower, upper, color=ORANGE, alpha=0.25, step="mid", label="95%")
    bottom.step(months, middle, where="mid", color=ORANGE, label="offset")
    bottom.plot(
        months, 100 * np.expm1(agreement.difference[shown]), ".", color="#222222", label="months compared"
    )
    bottom.axhline(0, color="#888888", linewidth=0.8)
    bottom.set_ylabel("IND against Eurostat, %")
    bottom.set_ylim(-20, 80)
    bottom.legend(frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def table(found: tuple[YearDifference, ...], published: dict[int, float], beyond: dict[int, bool]) -> str:
    """Markdown: by year what the months say and what the years' published totals say."""
    lines = [
        "| year | months both have | Eurostat minus IND | beyond chance | published totals | beyond chance |"
    ]
    lines.append("|---|---|---|---|---|---|")
    by_year = {year.year: year for year in found}
    for year in sorted({*by_year, *published}):
        measured, said = by_year.get(year), published.get(year)
        cells = (
            [str(measured.months), f"{measured.difference:+,.0f}", _yes(measured.beyond_chance)]
            if measured
            else [""] * 3
        )
        cells += [f"{said:+,.0f}", _yes(beyond[year])] if said is not None else ["", ""]
        lines.append(f"| {year} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _yes(beyond: bool) -> str:
    return "**yes**" if beyond else "no"


def main() -> int:
    if not DATA.is_dir():
        sys.stderr.write(f"No picture of two sources: {DATA} is not there.\n")
        return 0
    combined = combined_series(deliveries(DATA), "NL", KNOWN_ON)
    figures = pd.read_csv(DATA / "nl_published_figures.csv")
    ind = figures[figures["series"] == "ind_first_applications"].set_index("year")["value"].to_dict()
    yearly = pd.read_csv(DATA / "eurostat_yearly_totals_2012_2022.csv")
    eurostat = yearly[yearly["geo"] == "NL"].set_index("year")["first_time_applicants"].to_dict()
    beyond = published_differences(eurostat, ind, combined)
    published = {year: float(eurostat[year] - ind[year]) for year in beyond}
    draw(combined, HERE / "img" / "two_sources.png")
    page = HERE / "two_sources.md"
    made = table(yearly_differences(combined), published, beyond)
    marked = re.compile(r"(<!-- table -->\n).*?(<!-- end -->)", re.DOTALL)
    page.write_text(marked.sub(rf"\g<1>{made}\n\g<2>", page.read_text("utf-8")), "utf-8")
    sys.stdout.write(f"{HERE / 'img' / 'two_sources.png'}\n{page}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
