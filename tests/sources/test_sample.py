"""The bundled sample: synthetic, reproducible, its years the published ones; the example a sound reconstruction."""

import gzip
import json
import math
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from models.vintage import known_at
from priors.mixture import expert_density
from priors.scenario import ScenarioSet, parse_scenario_set
from service.archive_intake import entries_of_table
from service.sample import decisions, generate, generate_archive, nationalities
from service.sources.delivery import parse_delivery_csv

EXAMPLE = generate.FOLDER / "mpp_2024_2.json"


@pytest.fixture(scope="module")
def sample() -> pd.DataFrame:
    return parse_delivery_csv(
        gzip.decompress(generate.DATA.read_bytes()), received_at=datetime(2026, 1, 1, tzinfo=UTC)
    )


@pytest.fixture(scope="module")
def example() -> ScenarioSet:
    return parse_scenario_set(json.loads(EXAMPLE.read_text(encoding="utf-8")))


def test_it_is_labelled_and_small(sample: pd.DataFrame) -> None:
    assert set(sample["source"]) == {"synthetic"}
    assert generate.DATA.stat().st_size < 400_000
    assert "invented" in (generate.FOLDER / "README.md").read_text(encoding="utf-8")


def test_the_committed_figures_are_what_the_generator_makes() -> None:
    made = generate.synthetic_realisations().to_csv(index=False, lineterminator="\n")
    assert gzip.decompress(generate.DATA.read_bytes()).decode() == made


def test_another_seed_makes_other_months_of_the_same_years() -> None:
    one, other = (generate.synthetic_realisations(seed) for seed in (generate.SEED, 1))
    year = one["period"].str[:4]
    published = (one["geo"] == "DE") & year.between("2011", "2022")
    assert (one["value"] != other["value"])[published].mean() > 0.9
    assert one["value"][published].sum() == other["value"][published].sum()


def test_years_add_up_to_the_published_totals(sample: pd.DataFrame) -> None:
    sums = sample.groupby(["series", "geo", sample["period"].str[:4].astype(int)])["value"].sum()
    compared = 0
    for item in generate.published_totals():
        for year, total in item.totals.items():
            if (item.series, item.geo, year) in sums.index and year < 2024:  # 2024 stops in October
                assert abs(int(sums[item.series, item.geo, year]) - total) <= 2.5, (item, year)
                compared += 1
    assert compared > 350


def test_its_shape_is_that_of_the_real_thing(sample: pd.DataFrame) -> None:
    first = sample[sample["series"] == "first_applications"]
    assert first["geo"].nunique() == 31
    assert (sample["value"] % 5 == 0).all()
    assert (sample["value"] >= 0).all()
    assert (first["period"].min(), first["period"].max()) == ("2010-01", "2024-10")
    assert first[first["geo"] == "UK"]["period"].max() == "2019-12"
    assert first[first["geo"] == "HR"]["period"].min() == "2013-01"
    assert len(first[first["geo"] == "NL"]) == 178
    steps = np.log(first[first["geo"] == "NL"]["value"].astype(float)).diff()
    assert 0.05 < steps.std() < 0.25


def test_new_year_is_no_break(sample: pd.DataFrame) -> None:
    nl = sample[(sample["geo"] == "NL") & (sample["series"] == "first_applications")]
    steps = np.abs(np.log(nl["value"].astype(float)).diff()).to_numpy()[1:]
    january = np.array([period.endswith("-01") for period in nl["period"]])[1:]
    assert np.median(steps[january]) < 2.5 * np.median(steps[~january])


def test_it_is_known_45_days_after_the_month(sample: pd.DataFrame) -> None:
    nl = sample[(sample["geo"] == "NL") & (sample["series"] == "first_applications")]
    assert known_at(nl, date(2024, 6, 13))["period"].max() == "2024-03"
    assert known_at(nl, date(2024, 6, 14))["period"].max() == "2024-04"


@pytest.fixture(scope="module")
def told_apart() -> pd.DataFrame:
    return parse_delivery_csv(
        gzip.decompress(nationalities.DATA.read_bytes()), received_at=datetime(2026, 1, 1, tzinfo=UTC)
    )


def test_the_committed_nationalities_are_what_their_generator_makes(told_apart: pd.DataFrame) -> None:
    made = nationalities.synthetic_nationalities().to_csv(index=False, lineterminator="\n")
    assert gzip.decompress(nationalities.DATA.read_bytes()).decode() == made
    assert set(told_apart["source"]) == {"synthetic"}
    assert set(told_apart["citizen"]) == set(decisions.NATIONALITIES)


def test_the_committed_decisions_are_what_their_generator_makes() -> None:
    made = decisions.synthetic_decisions().to_csv(index=False, lineterminator="\n")
    assert gzip.decompress((generate.FOLDER / "synthetic_decisions.csv.gz").read_bytes()).decode() == made


def test_nationalities_leave_some_of_every_month_to_others(
    sample: pd.DataFrame, told_apart: pd.DataFrame
) -> None:
    named = told_apart.groupby(["geo", "period"])["value"].sum()
    first = sample[(sample["series"] == "first_applications") & (sample["period"] >= "2014")]
    total = first.set_index(["geo", "period"])["value"].reindex(named.index).astype(float)
    assert len(named) == 3 * 130
    assert (told_apart["value"] % 5 == 0).all()
    assert (named / total).between(0.3, 0.95).all()


def test_who_is_decided_on_applied_two_quarters_before(told_apart: pd.DataFrame) -> None:
    decided = decisions.synthetic_decisions()
    decided = decided[decided["series"] == "decisions_total"]
    quarter = pd.PeriodIndex(told_apart["period"], freq="M").asfreq("Q") + 2
    told_apart = told_apart.assign(due=[f"{q.year}-Q{q.quarter}" for q in quarter])
    applied = told_apart.groupby(["geo", "citizen", "due"])["value"].sum()
    found = decided.set_index(["geo", "citizen", "period"])["value"]
    both = pd.concat([applied, found], axis=1, keys=["applied", "decided"]).dropna().astype(float)
    assert len(both) == len(found)
    assert both["decided"].sum() == pytest.approx(0.85 * both["applied"].sum(), rel=0.02)
    assert np.corrcoef(np.log1p(both["applied"]), np.log1p(both["decided"]))[0, 1] > 0.98


@pytest.mark.parametrize("total", [0, 3, 1529, 43_035])
def test_rounding_keeps_the_total(total: int) -> None:
    rates = np.random.default_rng(3).gamma(2.0, size=12)
    parts = generate.rounded_to_five(rates, total)
    assert parts.sum() == 5 * round(total / 5)
    assert (parts % 5 == 0).all()
    assert np.abs(parts - rates / rates.sum() * total).max() <= 5 + total % 5


def test_every_published_total_names_its_document() -> None:
    document = json.loads(generate.TOTALS.read_text(encoding="utf-8"))
    named = {source for item in document["series"] for source in item["totals"]}
    assert named == set(document["sources"])
    assert all(document["sources"].values())


PUBLISHED = {(2024, 0.125): 22_000, (2024, 0.875): 53_000, (2025, 0.125): 21_000, (2025, 2 / 3): 42_000,
             (2025, 0.875): 54_000}  # fmt: skip


def test_the_example_reproduces_the_published_quantiles(sample: pd.DataFrame, example: ScenarioSet) -> None:
    nl = sample[(sample["geo"] == "NL") & (sample["series"] == "first_applications")]
    known = known_at(nl, example.cutoff)
    counted = float(known[known["period"].str[:4] == "2024"]["value"].sum())
    density = expert_density(example, counted)
    for (year, level), figure in PUBLISHED.items():
        assert float(density.ppf(year, level)) == pytest.approx(figure, rel=0.01)
    assert density.years == (2024, 2025)


def test_the_example_says_openly_what_it_is(example: ScenarioSet) -> None:
    assert example.edition == "2024-2"
    assert "niet de scenario's erachter" in example.scenarios[0].narrative
    assert all("Reconstructie" in scenario.narrative for scenario in example.scenarios)
    assert "reconstructie" in example.reason
    assert "**`mpp_2024_2.json` is a reconstruction.**" in (generate.FOLDER / "README.md").read_text(
        encoding="utf-8"
    )


def test_the_synthetic_archive_is_what_its_generator_makes_and_says_what_it_is() -> None:
    packed = (Path(generate_archive.__file__).parent / "synthetic_archive.csv.gz").read_bytes()
    assert gzip.decompress(packed) == generate_archive.archive_table()
    entries, _ = entries_of_table(gzip.decompress(packed))
    assert {entry.content["source"] for entry in entries} == {generate_archive.SOURCE}
    assert {entry.key.issuer for entry in entries} == {"Synthetic example"}


def test_the_archives_lean_is_planted_at_the_last_step_only() -> None:
    medians: dict[tuple[str, int], dict[str, float]] = {}
    for row in generate_archive.archive_rows():
        _, _, _, edition, _, _, year, stage, _, level, value, _ = row
        if level == "median":
            medians.setdefault((str(edition), int(str(year))), {})[str(stage)] = float(str(value))
    steps = [math.log(one["adopted"] / one["combined"]) for one in medians.values()]
    assert min(steps) > 0.07 and max(steps) < 0.09
    earlier = [math.log(one["combined"] / one["experts"]) for one in medians.values()]
    assert abs(sum(earlier) / len(earlier)) < 0.02
