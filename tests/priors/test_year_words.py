"""Years in sentences."""

from __future__ import annotations

from priors.year_words import years_in_words


def test_three_years_and_more_are_a_run() -> None:
    assert years_in_words([2021, 2019, 2020, 2023]) == "2019–2021, 2023"
    assert years_in_words([2019, 2020, 2020, 2022, 2023]) == "2019, 2020, 2022, 2023"


def test_no_year_is_said_as_asked() -> None:
    assert years_in_words([], "geen jaar") == "geen jaar"
    assert years_in_words([]) == ""
