"""Writes `docs/model_card.md` from a run: `python -m docs.model_card [--data FOLDER] [--backtest FOLDER]`.

Fits all countries of the folder's Eurostat counts, sets the posterior beside the priors, asks what the model would have
said of the years that went worst, and, where the results of a backtest are given, adds its table. Without the folder
the bundled synthetic counts are fitted and the card says so. Every number on the card is of the run; the sentences
around them stand here.
"""

import argparse
import gzip
import io
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.backtest.data import read_counts
from models.inflow_paths import filter_states, simulate_log_counts
from models.panel.fit import PanelFit
from models.panel.model import DEFAULT_PANEL_PRIORS, fit_panel
from models.panel.outlook import DEFAULT_OUTLOOK
from models.panel.series import PanelSeries, panel_series
from models.prior_terms import Prior
from models.request import MODEL_VERSION

DOCS = Path(__file__).parent
CARD, PICTURE = DOCS / "model_card.md", DOCS / "img" / "model_card.png"
DATA = DOCS.parents[1] / "shared" / "data"
SAMPLE = DOCS.parent / "service" / "sample" / "synthetic_realisations.csv.gz"
COUNTS, NETHERLANDS = "eurostat_all_applicants_monthly.csv", "nl_monthly_first_applications_spliced.csv"
YEARS = "eurostat_yearly_totals_2012_2022.csv"
WORST = {
    2014: "Syria and Eritrea: twice the year before",
    2015: "the surge along the Balkan route, twice again",
    2016: "the surge ends with the agreement of March 2016",
    2020: "registration suspended in March, borders closed",
    2022: "Afghanistan, Turkey, Syria: a rise nobody's figures announced",
}
LEVELS = (0.125, 0.5, 0.875)
SCALARS = (
    "sigma",
    "sigma_spread",
    "alpha",
    "alpha_slope",
    "alpha_spread",
    "robustness",
    "size_power",
    "nu",
    "overdispersion",
    "season_spread",
)
MEANING = {
    "sigma": "typical monthly error, log scale",
    "sigma_spread": "how countries' errors differ, log scale",
    "alpha": "how much of a month's surprise stays, at 500 persons a month",
    "alpha_slope": "by how much more in larger countries, per log unit",
    "alpha_spread": "how countries differ in this, logit scale",
    "robustness": "how far a level learns less from a month the further out it lies",
    "size_power": "how uncertainty grows with a country's size relative to its usual one",
    "nu": "degrees of freedom: heaviness of the tails",
    "overdispersion": "count noise in multiples of Poisson",
    "season_spread": "how countries' seasons differ",
}
Array = NDArray[np.float64]


def counts_of(folder: Path) -> tuple[PanelSeries, str]:
    """The panel to fit and where it is from; countries of at least twenty persons in a mean month."""
    if (folder / COUNTS).exists():
        frame, said = read_counts(folder / COUNTS), "Eurostat, asylum applicants by month. Source: Eurostat."
    else:
        read = pd.read_csv(io.BytesIO(gzip.decompress(SAMPLE.read_bytes())), keep_default_na=False)
        read["value"] = pd.to_numeric(read["value"])
        frame = read[read["series"] == "first_applications"][["geo", "period", "value"]]
        said = "**Synthetic counts**, bundled for demonstration: they describe nothing that happened."
    sizes = frame.groupby("geo")["value"].mean()
    return panel_series(frame[frame["geo"].isin(sizes[sizes >= 20].index)]), said


def quantiles_of_prior(prior: Prior) -> Array:
    """5%, 50% and 95% of a prior."""
    at = prior.parameters["mu"] + prior.parameters["sigma"] * np.array([-1.645, 0.0, 1.645])
    if prior.family == "normal":
        return at
    return np.asarray(np.exp(at) if prior.family == "lognormal" else 1 / (1 + np.exp(-at)))


def hyperparameters(fit: PanelFit) -> list[str]:
    """A table: what each means, its prior and its posterior."""
    lines = [
        "| hyperparameter | meaning | prior 5% · 50% · 95% | posterior 5% · 50% · 95% |",
        "|---|---|---|---|",
    ]
    for name in SCALARS:
        prior = quantiles_of_prior(getattr(DEFAULT_PANEL_PRIORS, name))
        posterior = np.quantile(fit.draws[name], (0.05, 0.5, 0.95))
        cells = (" · ".join(f"{value:.3g}" for value in row) for row in (prior, posterior))
        lines.append(f"| `{name}` | {MEANING[name]} | {' | '.join(cells)} |")
    return lines


def priors() -> list[str]:
    """Every prior with the source of its figures."""
    named = [(name, getattr(DEFAULT_PANEL_PRIORS, name)) for name in type(DEFAULT_PANEL_PRIORS).model_fields]
    lines = [f"- `{name}` ({one.family}): {one.source}" for name, one in named if isinstance(one, Prior)]
    return [*lines, f"- months ahead (fixed): {DEFAULT_OUTLOOK.source}"]


def next_year(data: PanelSeries, geo: str, last: np.datetime64, seed: int) -> Array:
    """12.5%, 50% and 87.5% of the twelve months after `last`, forecast from what was counted by then."""
    known = data.until(last)
    fit = fit_panel(known, seed=seed, draws=300, tune=400, chains=2)
    parameters = fit.parameters_for(geo)
    state = filter_states(parameters, known.current(geo))
    logs = simulate_log_counts(parameters, state, last + 1, 12, 20_000, seed, np.ones(len(parameters)))
    return np.quantile(np.exp(logs).sum(axis=1), LEVELS)


def failures(folder: Path, others: PanelSeries) -> list[str]:
    """What the model would have said of the Netherlands' worst years at the end of the year before."""
    if not (folder / NETHERLANDS).exists() or not (folder / YEARS).exists():
        return ["The counts these are computed from were not at hand in this run."]
    spliced = pd.read_csv(folder / NETHERLANDS, keep_default_na=False)
    spliced = spliced.assign(period=spliced["month"], value=pd.to_numeric(spliced["persons"]))
    data = others.with_one("NL", panel_series(spliced[["geo", "period", "value"]]).one("NL"))
    totals = pd.read_csv(folder / YEARS).query("geo == 'NL'").set_index("year")["first_time_applicants"]
    lines = ["| year | 12.5% | median | 87.5% | counted | what happened |", "|---|---|---|---|---|---|"]
    for year, what in WORST.items():
        band = next_year(data, "NL", np.datetime64(f"{year - 1}-12", "M"), year)
        counted = float(totals[year])
        outside = "" if band[0] <= counted <= band[2] else " (outside)"
        cells = " | ".join(f"{value:,.0f}" for value in band)
        lines.append(f"| {year} | {cells} | {counted:,.0f}{outside} | {what} |")
    return lines


def backtest(folder: Path | None) -> list[str]:
    """The tables of a finished backtest."""
    if folder is None:
        return ["Not part of this run: `make bench` computes it, `--backtest FOLDER` brings it here."]
    from models.backtest.comparison import compare, markdown
    from models.backtest.peers import PEERS
    from models.backtest.run import read_results

    return [markdown(compare(read_results(folder, "scores"), PEERS))]


def picture(fit: PanelFit, path: Path) -> None:
    """Posterior of the population's hyperparameters with the prior's middle, and every country's error scale."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(3, 4, figsize=(11, 7), layout="constrained")
    axes.flat[len(SCALARS)].set_axis_off()
    for axis, name in zip(axes.flat, SCALARS, strict=False):
        low, middle, high = quantiles_of_prior(getattr(DEFAULT_PANEL_PRIORS, name))
        axis.hist(fit.draws[name], bins=40, density=True, color="#4292c6")
        axis.axvspan(low, high, color="#08306b", alpha=0.08)
        axis.axvline(middle, color="#08306b", linestyle=":")
        axis.set(title=name, yticks=[])
    own, axis = np.exp(fit.draws["log_sigma_geo"]), axes.flat[-1]
    order = np.argsort(np.median(own, axis=0))
    low, middle, high = np.quantile(own[:, order], (0.125, 0.5, 0.875), axis=0)
    axis.errorbar(middle, np.arange(len(order)), xerr=[middle - low, high - middle], fmt=".", color="#4292c6")
    axis.set(title="sigma by country", yticks=np.arange(len(order)))
    axis.set_yticklabels([fit.geos[place] for place in order], fontsize=4)
    for axis in axes.flat:
        axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=80)


def card(data: PanelSeries, source: str, fit: PanelFit, parts: dict[str, Sequence[str]]) -> str:
    """The text of the card."""
    verdict = fit.diagnostics
    figures = int(np.isfinite(data.counts).sum())
    facts = (
        f"{source} {len(fit.geos)} countries ({', '.join(fit.geos)}), {data.months[0]} to {data.months[-1]}, "
        f"{figures:,} country months."
    )
    quality = (
        f"4 chains of {len(fit) // 4:,} draws ({verdict.sampler}): largest r-hat {verdict.rhat_max:.4f}, smallest "
        f"effective sample {verdict.ess_bulk_min:,.0f} (bulk) and {verdict.ess_tail_min:,.0f} (tail) over every "
        f"hyperparameter of every country, {verdict.divergences} divergences, smallest BFMI {verdict.bfmi_min:.2f}: "
        f"{'passed' if verdict.passed else 'NOT passed'}."
    )
    ahead = DEFAULT_OUTLOOK
    filled: dict[str, Any] = {name: "\n".join(lines) for name, lines in parts.items()}
    filled |= ahead.model_dump() | {"fast": 1 - ahead.damping, "slow": 1 - ahead.reversion_damping}
    return TEXT.format(
        version=MODEL_VERSION, priors_version=DEFAULT_PANEL_PRIORS.version, facts=facts, quality=quality,
        made=date.today().isoformat(), **filled,
    )  # fmt: skip


TEXT = """# Model card: inflow of asylum applications

Model `{version}`, priors version {priors_version}; made on {made} by `python -m docs.model_card`.

## What it is for

The total of asylum applications of a country per year, five years ahead, with its months and nationalities: as the
evidence by which experts' scenarios are weighed, as one more opinion beside theirs, and alone where nobody stated any.

## What it is not for

- A decision about a person, a municipality or a single nationality's entitlement: it knows counts, no people.
- Effects of a policy: it has no policy in it, and a border that closes is to it a surprise like any other.
- Causes. A country that turns out large is larger than before; the model has no opinion why.
- A sum over countries. Surprises are common to them: errors of countries above 500 a month correlate by .18 over twelve
  months and by .48 over twenty-four. The model has no such common shock, so that a sum of its forecasts as if they were
  independent has too narrow a band.
- Years beyond the fifth, months counted by another definition, or a series that restarted less than a year ago
  without somebody looking at it.
- Figures without their band. The middle of a forecast is not what will happen.

## Data

{facts}

Counts are rounded to five by who publishes them; provisional and estimated figures weigh less; a month flagged as a
break starts a new level. A first figure that stands alone, too far from the three after it for any month, is set aside
and said to be (`models/measurement/beginnings.py`): none of these is. Nothing known after the day of a forecast enters
it. Not used: population, policy, weather, news, or anything that would itself have to be forecast.

## Equations

    y_t     = log(max(count_t, 1)) = season[month] + level_(t-1) + e_t
    level_t = level_(t-1) + alpha_g u_t e_t
    u_t     = 1 - robustness + robustness (nu + 1) / nu / (1 + e_t^2 / (nu v_t))
    e_t     ~ Student-t(nu), scale^2 = v_t = (sigma_i^2 (m_t / size_i)^(2 size_power) + overdispersion / m_t) w_t
    w_t     = 1 + (g - 1) alpha_i^2 + f_t,       alpha_g = alpha_i (1 + (g - 1) alpha_i) / w_t
    log sigma_i   ~ Normal(log sigma, sigma_spread)
    logit alpha_i = logit alpha + alpha_slope (log size_i - log 500) + alpha_spread z_i
    season_i,k    ~ Normal(season_k, season_spread)

per country i; g months since the last figure, f_t the noise of an uncertain figure, m_t the size of the series over its
last twelve figures, size_i that over all. Only hyperparameters are sampled; levels follow exactly. Paths are simulated
from there, and divided over nationalities by a random walk of log shares (`models/composition`). In the months ahead

    sigma_i differs from the past's by a factor exp({scale_spread:g} z)
    level_i rises by {pull:g} G, of which {fast:g} of what is left comes each month, and falls by
    {reversion:g} D_i / (1 + (size_i / {reversion_size:g})^2), of which {slow:g} of what is left comes each month

G the other countries' log growth over the past year, by the root of their size; D_i how much further the country stands
from its mean of five years than the others from theirs, on the log scale. Growth in Europe carries on in part, and a
small country off its usual share of it returns in part (`models/panel/outlook.py`).

## Priors

{priors}

## Posterior

{hyperparameters}

![Posteriors, the priors' middle nine tenths shaded, and every country's error scale](img/model_card.png)

## Diagnostics

{quality}

A forecast whose fit misses r-hat 1.01, 400 effective draws, no divergence or a BFMI of 0.3 says so and must not be
adopted.

## Backtest

{backtest}

## Known failures

First applications in the Netherlands, forecast by the model alone at the end of the year before; other countries'
months are those of all applicants, as far as they were published.

{failures}

A band of 75% misses one year in four by design. What these years have in common is that the cause was not in the counts
when the forecast was made: that is what the experts' scenarios are there for.

## Who is responsible

People: the experts for their scenarios, the working group for the figures it adopts. The service records who stated
what and why, and never adopts a figure by itself.
"""


def main() -> None:
    """Fit, and write the card and its picture."""
    asked = argparse.ArgumentParser(description="Writes docs/model_card.md from a run.")
    asked.add_argument("--data", type=Path, default=DATA, help="folder of real counts")
    asked.add_argument("--backtest", type=Path, help="results of a backtest")
    given = asked.parse_args()
    data, source = counts_of(given.data)
    fit = fit_panel(data, seed=1, draws=1500)
    picture(fit, PICTURE)
    parts: dict[str, Sequence[str]] = {
        "priors": priors(),
        "hyperparameters": hyperparameters(fit),
        "backtest": backtest(given.backtest),
        "failures": failures(given.data, data),
    }
    CARD.write_text(card(data, source, fit, parts), encoding="utf-8")
    print(f"written: {CARD} and {PICTURE}")


if __name__ == "__main__":
    main()
