"""Which issuers the bias model tells apart, and that hundreds of them cost about as much as a few."""

from __future__ import annotations

from datetime import date

import numpy as np

from benchmarks.bias_world import FIRST_YEAR, World, archive, log_errors_and_outcomes
from models.calibration.bias_cells import cells
from models.calibration.issuers import MOST_ISSUERS, MOST_MOMENTS, OTHERS, issued
from models.calibration.records import ArchivedForecast


def one(issuer: str, day: date, edition: str) -> ArchivedForecast:
    stated = {
        "series": "first_applications",
        "geo": "NL",
        "edition": edition,
        "issued_on": day,
        "cutoff": day,
    }
    whole = {**stated, "target_year": day.year, "stage": "adopted", "issuer": issuer, "point": 1.0}
    return ArchivedForecast.model_validate(whole)


def test_a_few_issuers_are_left_as_they_are() -> None:
    used = [one(f"i{k}", date(2020, 3, 10), "2020-1") for k in range(MOST_ISSUERS)]
    found = issued(used)
    assert found.issuers == tuple(each.issuer for each in used)
    assert set(found.editions) == {"2020-1"} and (found.together, found.by_quarter) == (0, 0)


def test_of_many_issuers_those_with_the_most_forecasts_stay_apart() -> None:
    used = [one(f"i{k}", date(2020, 3, 10), f"{n}") for k in range(9) for n in range(9 - k)]
    found = issued(used)
    apart = {f"i{k}" for k in range(MOST_ISSUERS - 1)}
    assert set(found.issuers) == apart | {OTHERS}
    assert (found.together, found.by_quarter) == (4, 4)
    theirs = [k for k, issuer in enumerate(found.issuers) if issuer == OTHERS]
    assert {found.editions[k] for k in theirs} == {"2020-Q1"}
    assert {float(found.moments[k]) for k in theirs} == {4040.0}
    own = next(k for k, issuer in enumerate(found.issuers) if issuer == "i0")
    assert found.moments[own] > 4040.3


def test_an_issuer_with_an_edition_a_day_has_an_edition_a_quarter() -> None:
    days = [date(2010 + k // 336, 1 + k % 336 // 28, 1 + k % 28) for k in range(MOST_MOMENTS + 1)]
    found = issued([one("a", day, str(day)) for day in days])
    assert set(found.editions) == {"2010-Q1", "2010-Q2"} and found.by_quarter == 1
    assert set(found.moments.tolist()) == {4020.0, 4020.5}


def test_four_hundred_issuers_are_a_few_cells() -> None:
    world = World(6)
    errors, realised = log_errors_and_outcomes(world, 1)
    rng = np.random.default_rng(2)
    made = archive(world, errors, realised)
    used = [
        made[place].model_copy(update={"issuer": f"issuer {k}"})
        for k in range(400)
        for place in rng.integers(len(made), size=5)
    ]
    known = np.array([np.log(u.point or 1.0) - np.log(realised[u.target_year - FIRST_YEAR]) for u in used])
    found = cells(used, known)
    assert len(found.issuers) == MOST_ISSUERS and found.together == 400 - MOST_ISSUERS + 1
    assert len(found.error) < 2 * len(made) and found.loading.shape[1] < MOST_MOMENTS
    sums = np.bincount(found.issuer, minlength=MOST_ISSUERS)
    assert sums.min() > 0 and np.isfinite(found.error).all()
