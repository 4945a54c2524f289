"""Which surprises a forecast's error contains, worked out by hand."""

from datetime import date

import numpy as np
import pytest

from models.calibration.exposure import exposure, half_years


def test_moments_on_the_line_of_half_years() -> None:
    assert half_years(date(2020, 1, 1)) == 4040
    assert half_years(date(2020, 7, 1)) == pytest.approx(4041, abs=0.01)
    assert half_years(date(2020, 12, 31)) < 4042


def test_a_forecast_spans_what_lies_between_its_issue_and_the_end_of_its_year() -> None:
    # Issued on 1 January 2020 about 2021: two whole half-years, then a surprise moves 3/4 and 1/4 of the year.
    found = exposure([4040.0], [2021])
    np.testing.assert_allclose(found.loading, [[1, 1, 0.75, 0.25]])
    np.testing.assert_allclose(found.length, 1)
    assert found.half_year.tolist() == [0, 1, 2, 3]


def test_two_forecasts_share_exactly_what_both_span() -> None:
    found = exposure([4040.0, 4040.5], [2020, 2020])
    np.testing.assert_allclose(found.length, [0.5, 0.5, 1])
    # Pieces: January-March, April-June, July-December, each at its middle.
    np.testing.assert_allclose(found.loading, [[0.875, 0.625, 0.25], [0, 0.625, 0.25]])
    assert found.half_year.tolist() == [0, 0, 1]


def test_the_variance_of_a_long_forecast_is_that_of_a_random_walk() -> None:
    found = exposure([4040.0], [2029])
    variance = np.sum(found.loading**2 * found.length)
    # 18 half-years before the year, and the integral of (1 - t)^2 over two half-years within it: 2/3.
    assert variance == pytest.approx(18 + 2 / 3, abs=0.05)
